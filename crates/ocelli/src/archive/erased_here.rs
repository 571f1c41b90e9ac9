use std::collections::HashSet;

use ocelli_core::{Commitment, Erased, ErasureReason, ProjectId, Salt};
use ocelli_keys::commit;
use ocelli_store::Store;

use crate::Error;

/// Operations asked for at once.
const PAGE: usize = 256;

/// What was erased from a data directory since somebody asked for it, one by one or with its project: 32 bytes for each
/// photo that there ever was, and an id for each thing of the projects that are to come. What was merely due was asked of
/// nobody, and neither was what went with an import that failed.
#[derive(Debug, Default)]
pub(crate) struct ErasedHere {
    commitments: HashSet<Commitment>,
    things: HashSet<(ProjectId, Erased)>,
}

impl ErasedHere {
    /// What was erased here that these projects may have.
    pub(super) fn of(store: &dyn Store, sources: &[ProjectId]) -> Result<Self, Error> {
        let sources: HashSet<&ProjectId> = sources.iter().collect();
        let mut here = Self::default();
        let mut after = 0;
        loop {
            let operations = store.operations(after, PAGE)?;
            for operation in &operations {
                let items = store.erased_items(operation.number)?;
                for item in items.iter().filter(|item| item.reason == ErasureReason::Requested) {
                    here.commitments.extend(item.commitment);
                    if sources.contains(&item.record.project_id) {
                        here.things.insert((item.record.project_id, item.record.erased));
                    }
                }
                after = operation.number;
            }
            if operations.len() < PAGE {
                return Ok(here);
            }
        }
    }

    /// Whether a photo was erased, by the salt that it had.
    pub(super) fn has_photo(&self, salt: &Salt, bytes: &[u8]) -> bool {
        !self.commitments.is_empty() && self.commitments.contains(&commit(salt, bytes))
    }

    /// Whether something was erased by its id, or all that its project had.
    pub(super) fn has(&self, project: ProjectId, item: Erased) -> bool {
        self.things.contains(&(project, item)) || self.things.contains(&(project, Erased::Project(project)))
    }
}
