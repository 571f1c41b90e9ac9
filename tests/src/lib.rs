//! What the tests across crates share: real photos, drawn ones, and projects that train in a moment.

#![allow(clippy::unwrap_used, reason = "what a fixture cannot do is a failure of the test that asked for it")]

mod markers;
mod photos;
mod scene;

pub use markers::Markers;
pub use photos::{drawn, encoded, real, real_files, unseen};
pub use scene::{Scene, SeededRandom, in_both, label, label_real, trainable, trained};
