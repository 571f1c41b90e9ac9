//! An erasure of many steps, from its beginning until nothing is left.

use ocelli_core::{Affected, Digest, ErasureStatus, Timestamp};
use ocelli_store::{Applied, Change, ErasedItems, ItemOutcome, ItemToErase, Store, StoreError};

/// An erasure that is under way: an operation, or more than one where somebody makes a receipt of it before it ends.
pub(crate) struct Operations<'a> {
    store: &'a dyn Store,
    plan: Option<Digest>,
    now: &'a dyn Fn() -> Timestamp,
    /// Each with whether it has erased anything.
    begun: Vec<(u64, bool)>,
}

impl<'a> Operations<'a> {
    /// One that has not begun.
    pub(crate) fn new(store: &'a dyn Store, plan: Option<Digest>, now: &'a dyn Fn() -> Timestamp) -> Self {
        Self { store, plan, now, begun: Vec::new() }
    }

    /// Begins one.
    pub(crate) fn begin(&mut self) -> Result<u64, StoreError> {
        match self.store.apply(Change::BeginErasure { plan: self.plan, at: (self.now)() })? {
            Applied::Operation(operation) => {
                self.begun.push((operation, false));
                Ok(operation)
            }
            _ => Err(StoreError::Unsupported("say which erasure it has begun")),
        }
    }

    /// Carries out a step.
    pub(crate) fn step(
        &mut self,
        items: &[ItemToErase],
        affected: Affected,
    ) -> Result<ErasedItems, StoreError> {
        let operation = match self.begun.last() {
            Some((operation, _)) => *operation,
            None => self.begin()?,
        };
        let done = match self.step_of(operation, items, affected) {
            // It was complete for a moment, between two steps, and has a receipt now: the rest is another.
            Err(StoreError::NoOperation(_)) => {
                let operation = self.begin()?;
                self.step_of(operation, items, affected)
            }
            done => done,
        }?;
        if done.outcomes.contains(&ItemOutcome::Erased)
            && let Some((_, has_erased)) = self.begun.last_mut()
        {
            *has_erased = true;
        }
        Ok(done)
    }

    fn step_of(
        &self,
        operation: u64,
        items: &[ItemToErase],
        affected: Affected,
    ) -> Result<ErasedItems, StoreError> {
        let change = Change::EraseItems { operation, items: items.to_vec(), affected, at: (self.now)() };
        match self.store.apply(change)? {
            Applied::Items(done) => Ok(done),
            _ => Err(StoreError::Unsupported("say what became of items to erase")),
        }
    }

    /// Those that have erased something, in their order.
    pub(crate) fn into_numbers(self) -> impl Iterator<Item = u64> {
        self.begun.into_iter().filter(|(_, has_erased)| *has_erased).map(|(operation, _)| operation)
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
    let mut operations = store.incomplete_operations()?;
    let mut status = store.finish_erasures()?;
    // What goes along with a project is counted as it goes: such an operation is complete as it is listed after that.
    for _ in 0..2 {
        if operations.is_empty() || !status.is_complete() {
            break;
        }
        store.apply(Change::CompleteErasures { operations, at: now() })?;
        operations = store.incomplete_operations()?;
        if !operations.is_empty() {
            status = store.finish_erasures()?;
        }
    }
    Ok(status)
}
