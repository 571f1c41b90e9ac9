//! What is due, the sweep, requests about a person and receipts, over a store in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod laws;
mod person;
mod plans;
mod reasons;
mod receipts;
mod sweeps;
mod world;
