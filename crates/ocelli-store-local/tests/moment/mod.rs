//! The moment at which the stores of these tests stand, so that what they keep does not fall due.

use std::sync::Arc;

use ocelli_core::Limits;
use ocelli_store::conformance::scene::at;
use ocelli_store::{ManualClock, StoreOptions};

/// Options with a clock that stands still.
pub(crate) fn options(limits: Limits) -> StoreOptions {
    StoreOptions { clock: Arc::new(ManualClock::new(at(100))), ..limits.into() }
}
