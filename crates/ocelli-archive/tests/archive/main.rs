//! Archives: what is written comes back, and what was changed is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod hostile;
mod laws;
mod round_trip;
mod sample;
mod tools;
