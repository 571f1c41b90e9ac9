//! A store in memory.

mod check;
mod erasure_log;
mod questions;
mod records;
mod transaction;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use ocelli_core::{Limits, ProjectId};

use crate::{Applied, Change, ContentHash, Missing, StoreError, TrainingLock, apply};
use erasure_log::ErasureLog;
use records::Records;
use transaction::MemoryTransaction;

/// A store that lasts as long as its process: for tests, experiments and hosts that keep nothing.
///
/// Every question takes a snapshot, so that a long answer never holds up a change.
#[derive(Debug, Default)]
pub struct MemoryStore {
    limits: Limits,
    state: RwLock<State>,
    training: Arc<Mutex<HashSet<ProjectId>>>,
}

/// Everything, by project; cloning shares what a change does not touch.
#[derive(Clone, Debug, Default)]
struct State {
    projects: BTreeMap<ProjectId, Arc<Records>>,
    erasures: Arc<ErasureLog>,
}

impl MemoryStore {
    /// An empty store that keeps these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    fn change(&self, change: Change) -> Result<Applied, StoreError> {
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
        let applied = apply(&mut transaction, change, &contents, &self.limits)?;
        *state = transaction.finish();
        Ok(applied)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A change replaces the state in one step, so that a panic elsewhere leaves none half done.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A project's records, unless it has been deleted.
    fn live(&self, project: ProjectId) -> Result<Arc<Records>, StoreError> {
        let found = self.read().projects.get(&project).cloned();
        found
            .filter(|records| records.project.deleted.is_none())
            .ok_or(StoreError::NotFound(Missing::Project(project)))
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

    fn fresh(limits: Limits) -> Fresh {
        Fresh { store: Arc::new(MemoryStore::new(limits)), keep: Box::new(()) }
    }

    crate::conformance_tests!(fresh);
}
