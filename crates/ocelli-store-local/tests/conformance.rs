//! The local store does what every store must, encrypted or not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

use std::sync::Arc;

use ocelli_store::StoreOptions;
use ocelli_store::conformance::Fresh;
use ocelli_store_local::LocalStore;

fn open(options: StoreOptions) -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    Fresh { store: Arc::new(LocalStore::open(directory.path(), options).unwrap()), keep: Box::new(directory) }
}

mod plain {
    use super::open;

    ocelli_store::conformance_tests!(open);
}

mod encrypted {
    use std::sync::Arc;

    use ocelli_keys::Keys;
    use ocelli_store::StoreOptions;
    use ocelli_store::conformance::Fresh;

    fn fresh(options: StoreOptions) -> Fresh {
        let keys = Arc::new(Keys::from_random([1; 64]));
        super::open(StoreOptions { keys: Some(keys), encrypt: true, ..options })
    }

    ocelli_store::conformance_tests!(fresh);
}
