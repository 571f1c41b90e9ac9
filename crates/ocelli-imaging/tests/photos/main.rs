//! Photos of every format, whole and damaged, through the public functions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod augmenting;
mod decoding;
mod fixtures;
mod hostile;
mod judging;
mod liars;
mod orientation;
mod resizing;
mod scaling;
mod stripping;
