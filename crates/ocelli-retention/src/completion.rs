//! When an erasure is complete.

use ocelli_core::{ErasureOperation, ErasureStatus, Timestamp};
use ocelli_store::{Change, Store, StoreError};

/// Operations asked for at once.
const PAGE: usize = 1_000;

/// Goes on with erasures that are pending; where none is left, says of all that had begun that they are complete.
///
/// # Errors
///
/// If the store fails.
pub fn complete(store: &dyn Store, now: &dyn Fn() -> Timestamp) -> Result<ErasureStatus, StoreError> {
    // Listed first: what begins meanwhile may not be complete when the store says so.
    let begun = begun(store)?;
    let status = store.finish_erasures()?;
    if status.is_complete() && !begun.is_empty() {
        store.apply(Change::CompleteErasures { operations: begun, at: now() })?;
    }
    Ok(status)
}

fn begun(store: &dyn Store) -> Result<Vec<u64>, StoreError> {
    let mut begun = Vec::new();
    let mut after = 0;
    loop {
        let page = store.operations(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(begun) };
        after = last.number;
        begun.extend(page.iter().filter(|it| it.completed.is_none()).map(|it: &ErasureOperation| it.number));
        if page.len() < PAGE {
            return Ok(begun);
        }
    }
}
