//! Kernels at every level that the machine has, against loops that say what they compute.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

mod bounds;
mod convolution;
mod depthwise;
mod resample;
mod saturation;
mod scene;
mod training;
