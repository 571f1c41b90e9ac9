//! The iterations that were trained on what is erased.

use std::collections::BTreeSet;

use ocelli_core::{
    Affected, AffectedIteration, AffectedOutcome, Erased, Iteration, IterationId, IterationStatus, ProjectId,
    Timestamp,
};

use super::{erased, iterations};
use crate::{StoreError, Transaction};

/// Does with these iterations what the caller chose, and says what became of each, in the order in which they began.
///
/// A training under way may be using what is erased; it is listed and left alone.
pub(super) fn settle(
    tx: &mut dyn Transaction,
    project: ProjectId,
    trained_on_it: &BTreeSet<IterationId>,
    choice: Affected,
    at: Timestamp,
) -> Result<Vec<AffectedIteration>, StoreError> {
    let exports = tx.exports(project)?;
    let mut settled = Vec::new();
    for iteration in tx.iterations(project)? {
        let in_training = iteration.status == IterationStatus::Training;
        if !in_training && !trained_on_it.contains(&iteration.id) {
            continue;
        }
        let of_it = exports.iter().filter(|export| export.iteration_id == iteration.id);
        settled.push(AffectedIteration {
            id: iteration.id,
            name: iteration.name.clone(),
            publication: iteration.publication.clone(),
            exports: of_it.map(|export| export.id).collect(),
            outcome: if in_training {
                AffectedOutcome::InTraining
            } else {
                outcome(tx, iteration, choice, at)?
            },
        });
    }
    Ok(settled)
}

fn outcome(
    tx: &mut dyn Transaction,
    mut iteration: Iteration,
    choice: Affected,
    at: Timestamp,
) -> Result<AffectedOutcome, StoreError> {
    match choice {
        Affected::Unpublish if iteration.publication.is_some() => {
            iteration.publication = None;
            iterations::put(tx, iteration, at)?;
            Ok(AffectedOutcome::Unpublished)
        }
        Affected::Delete => {
            let project = iteration.project_id;
            iterations::remove(tx, project, iteration.id, at)?;
            erased(tx, project, Erased::Iteration(iteration.id), at)?;
            Ok(AffectedOutcome::Deleted)
        }
        _ => Ok(AffectedOutcome::Kept),
    }
}
