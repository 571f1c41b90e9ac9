//! The local store does what every store must.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

use std::sync::Arc;

use ocelli_core::Limits;
use ocelli_store::conformance::Fresh;
use ocelli_store_local::LocalStore;

fn fresh(limits: Limits) -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    Fresh { store: Arc::new(LocalStore::open(directory.path(), limits).unwrap()), keep: Box::new(directory) }
}

ocelli_store::conformance_tests!(fresh);
