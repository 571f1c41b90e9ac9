//! Photos of every format, whole and damaged, through the public functions.

mod decoding;
mod fixtures;
mod hostile;
mod liars;
mod orientation;
mod resizing;
mod stripping;
