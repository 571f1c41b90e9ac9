//! The iterations that were trained on what is erased.

use std::collections::BTreeSet;

use ocelli_core::{
    Affected, AffectedIteration, AffectedOutcome, AuditAction, ErasureReason, Iteration, IterationId,
    IterationStatus, ProjectId, Timestamp,
};

use super::as_of::AsOf;
use super::{audit, iterations};
use crate::StoreError;

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
/// A training under way is listed and left alone, or deleted: then it cannot complete. Where an iteration or an export is
/// damaged and nothing is to become of them, none are told: that must not keep anything from being erased.
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
    let all = tx.exports(project).and_then(|exports| Ok((exports, tx.iterations(project)?)));
    let (exports, iterations) = match all {
        Err(StoreError::Corrupt { .. }) if choice == Affected::Keep => return Ok(Vec::new()),
        all => all?,
    };
    let mut settled = Vec::new();
    for iteration in iterations {
        let in_training = iteration.status == IterationStatus::Training;
        if !(in_training && touched.in_training || touched.trained.contains(&iteration.id)) {
            continue;
        }
        let of_it = exports.iter().filter(|export| export.iteration_id == iteration.id);
        settled.push(AffectedIteration {
            project_id: project,
            id: iteration.id,
            name: iteration.name.clone(),
            publication: iteration.publication.clone(),
            exports: of_it.map(|export| export.id).collect(),
            outcome: outcome(tx, iteration, choice, at)?,
        });
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
            iterations::erase(tx, project, iteration.id, ErasureReason::Requested, at)?;
            Ok(AffectedOutcome::Deleted)
        }
        _ if iteration.status == IterationStatus::Training => Ok(AffectedOutcome::InTraining),
        _ => Ok(AffectedOutcome::Kept),
    }
}
