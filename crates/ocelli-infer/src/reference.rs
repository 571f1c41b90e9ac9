//! The reference executor: f32 on `ndarray`, one photo at a time, written to be read.
//!
//! Every faster engine is compared with it. Feature maps are `[channels, height, width]`, row-major. Batch
//! normalisation is folded into the convolution before it; pointwise and dense convolutions are matrix products.

mod convolution;
mod depthwise;
mod plan;
mod preprocess;
mod vector;

pub use plan::{Plan, TracedNode};
pub use preprocess::preprocess;
