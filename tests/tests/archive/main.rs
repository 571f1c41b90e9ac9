//! Archives and copies: what leaves a data directory comes back as it was, under new ids.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

mod damaged;
mod damaged_rows;
mod left_out;
mod person;
mod round_trip;
mod world;
