use std::collections::HashSet;

use ocelli_core::{Commitment, ErasureReason};
use ocelli_store::Store;

use crate::Error;

/// Operations asked for at once.
const PAGE: usize = 256;

/// The commitments to photos that were erased from this data directory since somebody asked for it, one by one or with
/// their project: 32 bytes for each. What was merely due was asked of nobody.
pub(super) fn erased_here(store: &dyn Store) -> Result<HashSet<Commitment>, Error> {
    let mut commitments = HashSet::new();
    let mut after = 0;
    loop {
        let operations = store.operations(after, PAGE)?;
        for operation in &operations {
            let items = store.erased_items(operation.number)?;
            let requested = items.iter().filter(|item| item.reason == ErasureReason::Requested);
            commitments.extend(requested.filter_map(|item| item.commitment));
            after = operation.number;
        }
        if operations.len() < PAGE {
            return Ok(commitments);
        }
    }
}
