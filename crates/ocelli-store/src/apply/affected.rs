//! The iterations that were trained on what is erased.

use std::collections::BTreeSet;

use ocelli_core::{
    Affected, AffectedIteration, AffectedOutcome, AuditAction, DataClass, Erased, ErasureReason, Iteration,
    IterationId, IterationStatus, Name, ProjectId, Timestamp,
};

use super::as_of::AsOf;
use super::{audit, iterations};
use crate::StoreError;

/// In place of a name that cannot be read.
const DAMAGED: &str = "(damaged)";

/// The iterations of a project that something erased touches.
#[derive(Default)]
pub(super) struct Touched {
    /// Those that were trained on it.
    pub(super) trained: BTreeSet<IterationId>,
    /// Whether a training under way may be using it.
    pub(super) in_training: bool,
}

impl Touched {
    pub(super) fn extend(&mut self, other: Self) {
        self.trained.extend(other.trained);
        self.in_training |= other.in_training;
    }
}

/// Does with these iterations what the caller chose, and says what became of each, in the order in which they began.
///
/// A training under way is listed and left alone, or deleted: then it cannot complete. One that is damaged is kept, and told
/// by its id if it was trained on what was erased: it keeps nothing from being erased, and the others go on.
pub(super) fn settle(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    touched: &Touched,
    choice: Affected,
    at: Timestamp,
) -> Result<Vec<AffectedIteration>, StoreError> {
    if touched.trained.is_empty() && !touched.in_training {
        return Ok(Vec::new());
    }
    let mut settled = Vec::new();
    for (id, created) in tx.iteration_ids(project)? {
        if !tx.shows(project, DataClass::Iteration, created)? {
            continue;
        }
        let trained = touched.trained.contains(&id);
        let found = match tx.records().iteration(project, id) {
            Err(StoreError::Corrupt { .. }) if trained => None,
            Err(StoreError::Corrupt { .. }) => continue,
            found => found?,
        };
        let in_training = found.as_ref().is_some_and(|found| found.status == IterationStatus::Training);
        if !(in_training && touched.in_training || trained) {
            continue;
        }
        let mut exports = Vec::new();
        for (export, made) in tx.export_ids(project, id)? {
            if tx.shows(project, DataClass::Export, made)? {
                exports.push(export);
            }
        }
        let (name, publication) = match &found {
            Some(found) => (found.name.clone(), found.publication.clone()),
            None => (Name::new(DAMAGED)?, None),
        };
        let outcome = match found {
            Some(found) => outcome(tx, found, choice, at)?,
            None => AffectedOutcome::Kept,
        };
        settled.push(AffectedIteration { project_id: project, id, name, publication, exports, outcome });
    }
    Ok(settled)
}

fn outcome(
    tx: &mut AsOf<'_>,
    mut iteration: Iteration,
    choice: Affected,
    at: Timestamp,
) -> Result<AffectedOutcome, StoreError> {
    match choice {
        Affected::Unpublish if iteration.publication.is_some() => {
            iteration.publication = None;
            tx.events.push(audit::of_iteration(AuditAction::Unpublished, &iteration));
            iterations::put(tx, iteration, at)?;
            Ok(AffectedOutcome::Unpublished)
        }
        Affected::Delete => {
            let project = iteration.project_id;
            match tx.can_remove(project, &Erased::Iteration(iteration.id)) {
                Err(StoreError::Corrupt { .. }) => return Ok(AffectedOutcome::Kept),
                can => can?,
            }
            iterations::erase(tx, project, iteration.id, ErasureReason::Requested, at)?;
            Ok(AffectedOutcome::Deleted)
        }
        _ if iteration.status == IterationStatus::Training => Ok(AffectedOutcome::InTraining),
        _ => Ok(AffectedOutcome::Kept),
    }
}
