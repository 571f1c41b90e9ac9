use std::collections::HashMap;

use ocelli_core::{Erased, ErasureRecord, ProjectId, Timestamp};

/// What was erased.
#[derive(Clone, Debug, Default)]
pub(super) struct ErasureLog {
    /// In the order in which it was, none twice.
    records: Vec<ErasureRecord>,
    /// The moments of each.
    moments: HashMap<(ProjectId, Erased), Vec<Timestamp>>,
}

impl ErasureLog {
    pub(super) fn knows(&self, record: &ErasureRecord) -> bool {
        let moments = self.moments.get(&(record.project_id, record.erased));
        moments.is_some_and(|moments| moments.contains(&record.at))
    }

    pub(super) fn was_erased(&self, project: ProjectId, erased: &Erased) -> bool {
        self.moments.contains_key(&(project, *erased))
    }

    /// Adds one that is not known.
    pub(super) fn record(&mut self, record: ErasureRecord) {
        self.moments.entry((record.project_id, record.erased)).or_default().push(record.at);
        self.records.push(record);
    }

    pub(super) fn since(&self, since: Timestamp) -> Vec<ErasureRecord> {
        self.records.iter().filter(|record| record.at >= since).copied().collect()
    }
}
