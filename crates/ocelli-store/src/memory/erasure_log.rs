use std::collections::{BTreeMap, HashMap};

use ocelli_core::{Erased, ErasedItem, ErasureOperation, ErasureRecord, ProjectId, Timestamp};

/// What was erased, by which operation, and the operations' receipts.
#[derive(Clone, Debug, Default)]
pub(super) struct ErasureLog {
    /// In the order in which it was, none twice.
    items: Vec<(u64, ErasedItem)>,
    /// The moments of each.
    moments: HashMap<(ProjectId, Erased), Vec<Timestamp>>,
    pub(super) operations: BTreeMap<u64, ErasureOperation>,
    pub(super) receipts: BTreeMap<u64, String>,
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
    pub(super) fn record(&mut self, operation: u64, item: ErasedItem) {
        let record = item.record;
        self.moments.entry((record.project_id, record.erased)).or_default().push(record.at);
        self.items.push((operation, item));
    }

    pub(super) fn since(&self, since: Timestamp) -> Vec<ErasureRecord> {
        let records = self.items.iter().map(|(_, item)| item.record);
        records.filter(|record| record.at >= since).collect()
    }

    pub(super) fn of(&self, operation: u64) -> Vec<ErasedItem> {
        let items = self.items.iter().filter(|(number, _)| *number == operation);
        items.map(|(_, item)| *item).collect()
    }
}
