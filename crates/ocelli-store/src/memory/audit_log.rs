use std::collections::BTreeMap;

use ocelli_core::{AuditEntry, Digest, Timestamp};

use crate::AuditPage;

/// What happened, each entry chained to the one before.
#[derive(Clone, Debug, Default)]
pub(super) struct AuditLog {
    entries: BTreeMap<u64, (AuditEntry, Digest)>,
    /// The number and the hash of the last entry, whether or not it is still among them.
    pub(super) head: Option<(u64, Digest)>,
    /// What replaces the entries before the first.
    checkpoint: Option<String>,
}

impl AuditLog {
    pub(super) fn append(&mut self, entry: AuditEntry, hash: Digest) {
        self.head = Some((entry.seq, hash));
        self.entries.insert(entry.seq, (entry, hash));
    }

    pub(super) fn latest(&self, through: u64) -> Option<Timestamp> {
        self.entries.range(..=through).map(|(_, (entry, _))| entry.at).max()
    }

    pub(super) fn expire(&mut self, through: u64, checkpoint: &str) {
        self.checkpoint = Some(checkpoint.to_owned());
        self.entries.retain(|seq, _| *seq > through);
    }

    /// The first entries after this number.
    pub(super) fn page(&self, after: u64, take: usize) -> AuditPage {
        let entries = self.entries.range(after.saturating_add(1)..).take(take);
        let entries = entries.map(|(_, chained)| chained.clone()).collect();
        AuditPage { checkpoint: self.checkpoint.clone(), entries }
    }
}
