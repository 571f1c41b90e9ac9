//! The engine: a network's layers as steps over one arena.
//!
//! Maps lie in memory pixel by pixel, the channels of a pixel next to each other in panels of sixteen, so that every
//! convolution is a matrix product over rows of pixels. `plan` recognises what is computed together and places every
//! buffer; `block` is the fused step that most of the time is spent in.

mod block;
mod convolution;
mod element;
mod elementwise;
mod grouped;
mod layout;
mod photo;
mod plan;
mod quantisation;
mod rounding;
mod schedule;
mod step;
mod workspace;

pub(crate) use plan::{Fusion, Plan};
pub(crate) use step::Threads;
pub(crate) use workspace::Workspaces;
