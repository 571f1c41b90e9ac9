//! Kernels for training, in f32: what a convolution puts out, and the gradients of what it reads.
//!
//! Maps lie pixel by pixel, the channels of a pixel next to each other, without gaps. A convolution of one pixel is a matrix
//! product each way; convolutions of each channel by itself go sixteen channels at a time over a copy with its border.

mod channels;
mod depthwise;
mod matrix;
mod outer;
mod product;
mod unclamped;

pub(crate) use channels::{Copy, Slide, Sums, copy, correlate, slide};
pub use depthwise::{DepthwiseGradients, DepthwiseMap};
pub use matrix::{Clamp, Matrix, pack, packed_len};
pub(crate) use outer::{Outer, run as outer};
pub(crate) use product::{Product, run as product};
pub(crate) use unclamped::{Unclamped, run as unclamped};

use crate::weights::PANEL;
