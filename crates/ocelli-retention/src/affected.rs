use std::collections::BTreeMap;

use ocelli_core::{AffectedIteration, AffectedOutcome, IterationId, ProjectId};

/// The iterations that an erasure of many steps affected, each once: as it was before the first step that affected it, and
/// as it is after the last.
#[derive(Debug, Default)]
pub(crate) struct AffectedIterations(BTreeMap<(ProjectId, IterationId), AffectedIteration>);

impl AffectedIterations {
    pub(crate) fn extend(&mut self, step: Vec<AffectedIteration>) {
        for iteration in step {
            let outcome = iteration.outcome;
            let known = self.0.entry((iteration.project_id, iteration.id)).or_insert(iteration);
            // What a step after the one that unpublished it keeps is unpublished still.
            if outcome == AffectedOutcome::Deleted || known.outcome != AffectedOutcome::Unpublished {
                known.outcome = outcome;
            }
        }
    }

    pub(crate) fn into_vec(self) -> Vec<AffectedIteration> {
        self.0.into_values().collect()
    }
}
