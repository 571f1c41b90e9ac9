//! A store in memory.

mod audit_log;
mod check;
mod erasure_log;
mod items;
#[cfg(test)]
mod laws;
mod questions;
mod records;
mod transaction;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use ocelli_core::{
    Account, AccountId, AccountPolicy, DataClass, Hold, Iteration, ProjectId, Retention, Timestamp,
};

use crate::{
    Applied, Change, ContentHash, Missing, StoreError, StoreOptions, TrainingLock, Visibility, apply,
    is_live, refusal,
};
use audit_log::AuditLog;
use erasure_log::ErasureLog;
use records::{Records, StoredImage};
use transaction::MemoryTransaction;

/// A store that lasts as long as its process: for tests, experiments and hosts that keep nothing.
///
/// Every question takes a snapshot, so that a long answer never holds up a change. Nothing of it is at rest, so it
/// encrypts nothing, whatever its options say, and an erasure is complete when it is done.
#[derive(Debug)]
pub struct MemoryStore {
    options: StoreOptions,
    state: RwLock<State>,
    training: Arc<Mutex<HashSet<ProjectId>>>,
}

/// Everything, by project; cloning shares what a change does not touch.
#[derive(Clone, Debug, Default)]
struct State {
    projects: BTreeMap<ProjectId, Arc<Records>>,
    /// None where the random source did not give an id.
    account: Option<Account>,
    /// In the order in which they were placed.
    holds: Vec<Hold>,
    erasures: Arc<ErasureLog>,
    audit: Arc<AuditLog>,
}

impl State {
    fn account(&self) -> Result<&Account, StoreError> {
        let failed = || StoreError::backend("making the account's id")("the random source failed".into());
        self.account.as_ref().ok_or_else(failed)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(StoreOptions::default())
    }
}

impl MemoryStore {
    /// An empty store: of these limits, or with all that it may be given.
    pub fn new(options: impl Into<StoreOptions>) -> Self {
        let options = options.into();
        let mut random = [0; 10];
        let account = options.random.fill(&mut random).ok().map(|()| Account {
            id: AccountId::new(options.clock.now(), random),
            closed: None,
            retention: Retention::new(AccountPolicy::default()),
        });
        let state = RwLock::new(State { account, ..State::default() });
        Self { options, state, training: Arc::default() }
    }

    fn change(&self, change: Change) -> Result<Applied, StoreError> {
        let made = self.try_change(change);
        if let Err(error) = &made
            && let Some(event) = refusal(error)
        {
            self.try_change(Change::Audit { event, at: self.options.clock.now() })?;
        }
        made
    }

    fn try_change(&self, change: Change) -> Result<Applied, StoreError> {
        let contents: Vec<ContentHash> = match change.contents() {
            Some((project, all)) => {
                let records = self.live(project)?;
                all.into_iter().map(|bytes| records.key.hash(bytes)).collect()
            }
            None => Vec::new(),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = MemoryTransaction::new(state.clone());
        if let Some((project, all)) = change.contents() {
            transaction.stage(project, contents.iter().copied().zip(all));
        }
        let now = self.options.clock.now();
        let applied = apply(&mut transaction, change, &contents, &self.options.limits, now)?;
        let (changed, audited) = transaction.finish();
        *state = changed;
        let audit = Arc::make_mut(&mut state.audit);
        audited.into_iter().for_each(|(entry, hash)| audit.append(entry, hash));
        Ok(applied)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A change replaces the state in one step, so that a panic elsewhere leaves none half done.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be seen of a project, unless it has been deleted or the account is closed.
    fn live(&self, project: ProjectId) -> Result<Seen, StoreError> {
        let state = self.read();
        let account = state.account()?;
        let found = state.projects.get(&project).filter(|records| is_live(&records.project, account));
        let records = found.cloned().ok_or(StoreError::NotFound(Missing::Project(project)))?;
        Ok(Seen::new(records, self.options.clock.now()))
    }

    fn lock(&self, project: ProjectId) -> Result<TrainingLock, StoreError> {
        self.live(project)?;
        let mut training = self.training.lock().unwrap_or_else(PoisonError::into_inner);
        if !training.insert(project) {
            return Err(StoreError::TrainingInProgress);
        }
        Ok(TrainingLock::new(Training { project, training: Arc::clone(&self.training) }))
    }
}

/// What one project owns, and what of it is to be seen.
#[derive(Debug)]
struct Seen {
    records: Arc<Records>,
    visibility: Visibility,
}

impl std::ops::Deref for Seen {
    type Target = Records;

    fn deref(&self) -> &Records {
        &self.records
    }
}

impl Seen {
    fn new(records: Arc<Records>, now: Timestamp) -> Self {
        let visibility = Visibility::new(records.retention.clone(), now);
        Self { records, visibility }
    }

    fn shows(&self, class: DataClass, event: Timestamp) -> bool {
        self.visibility.shows(class, event)
    }

    /// The photos in the order of a listing.
    fn images(&self) -> impl DoubleEndedIterator<Item = &StoredImage> {
        self.records.images_after(self.visibility.cutoff(DataClass::TrainingPhoto))
    }

    fn iterations(&self) -> impl Iterator<Item = &Iteration> {
        let all = self.records.iterations.iter();
        all.filter(|iteration| self.shows(DataClass::Iteration, iteration.created))
    }
}

/// Ends a training's claim when it is dropped.
#[derive(Debug)]
struct Training {
    project: ProjectId,
    training: Arc<Mutex<HashSet<ProjectId>>>,
}

impl Drop for Training {
    fn drop(&mut self) {
        self.training.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.project);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Fresh;

    fn fresh(options: StoreOptions) -> Fresh {
        Fresh { store: Arc::new(MemoryStore::new(options)), keep: Box::new(()) }
    }

    crate::conformance_tests!(fresh);
}
