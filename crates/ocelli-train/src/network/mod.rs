//! The part of a network that is adapted.

mod cut;
mod layer;
mod tail;

pub use cut::{Cut, cuts};
pub use tail::Tail;
