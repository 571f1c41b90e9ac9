//! Operations that Burn lacks, or computes slowly on a processor, as backend extensions with gradients of their own.
//!
//! [`convolution`] is a convolution with what follows it in a network that is adapted: batch normalisation with fixed
//! statistics, and ReLU6. On `Flex` it is computed by `ocelli-kernels`; every other backend composes it of Burn's own operations.

mod composed;
mod convolution;
mod flex;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod gpu;
mod gradient;
mod kernels;
#[cfg(test)]
mod tests;
mod workspace;

pub use convolution::{Geometry, convolution};
pub use workspace::Workspace;
