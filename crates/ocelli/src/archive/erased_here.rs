use std::collections::HashSet;

use ocelli_core::Commitment;
use ocelli_store::Store;

use crate::Error;

/// Operations asked for at once.
const PAGE: usize = 256;

/// The commitments to photos that were erased from this data directory one by one, which it knows as long as its log of
/// erasures does: 32 bytes for each. What went with a whole project has left none.
pub(super) fn erased_here(store: &dyn Store) -> Result<HashSet<Commitment>, Error> {
    let mut commitments = HashSet::new();
    let mut after = 0;
    loop {
        let operations = store.operations(after, PAGE)?;
        for operation in &operations {
            let items = store.erased_items(operation.number)?;
            commitments.extend(items.iter().filter_map(|item| item.commitment));
            after = operation.number;
        }
        if operations.len() < PAGE {
            return Ok(commitments);
        }
    }
}
