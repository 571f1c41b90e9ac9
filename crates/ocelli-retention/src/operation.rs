//! An erasure of many steps, from its beginning until nothing is left.

use ocelli_core::{Affected, Digest, ErasureOperation, ErasureStatus, Timestamp};
use ocelli_store::{Applied, Change, ErasedItems, ItemToErase, Store, StoreError};

/// Operations asked for at once.
const PAGE: usize = 1_000;

/// Begins one, and says which.
pub(crate) fn begin(store: &dyn Store, plan: Option<Digest>, at: Timestamp) -> Result<u64, StoreError> {
    match store.apply(Change::BeginErasure { plan, at })? {
        Applied::Operation(operation) => Ok(operation),
        _ => Err(StoreError::Unsupported("say which erasure it has begun")),
    }
}

/// Carries out a step of it.
pub(crate) fn step(
    store: &dyn Store,
    operation: u64,
    items: Vec<ItemToErase>,
    affected: Affected,
    at: Timestamp,
) -> Result<ErasedItems, StoreError> {
    match store.apply(Change::EraseItems { operation, items, affected, at })? {
        Applied::Items(done) => Ok(done),
        _ => Err(StoreError::Unsupported("say what became of items to erase")),
    }
}

/// Goes on with erasures that are pending; where nothing of any is left, records of all that had begun that they are
/// complete.
///
/// # Errors
///
/// If the store fails.
pub fn complete(store: &dyn Store, now: &dyn Fn() -> Timestamp) -> Result<ErasureStatus, StoreError> {
    // Listed first: what is erased meanwhile may not be gone when the store says so.
    let operations = incomplete(store)?;
    let status = store.finish_erasures()?;
    if status.is_complete() && !operations.is_empty() {
        store.apply(Change::CompleteErasures { operations, at: now() })?;
    }
    Ok(status)
}

fn incomplete(store: &dyn Store) -> Result<Vec<ErasureOperation>, StoreError> {
    let (mut incomplete, mut after) = (Vec::new(), 0);
    loop {
        let page = store.operations(after, PAGE)?;
        let is_last = page.len() < PAGE;
        after = page.last().map_or(after, |last| last.number);
        incomplete.extend(page.into_iter().filter(|found| found.completed.is_none()));
        if is_last {
            return Ok(incomplete);
        }
    }
}
