use ocelli_core::{AccountId, AuditEntry, Digest};
use ocelli_keys::{chain_hash, chain_start};
use serde::{Deserialize, Serialize};

use crate::{Checkpoint, ProofError};

/// How far an audit log goes: its last entry's number and hash. A host that writes it down elsewhere can show later that
/// nothing up to there was changed or cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditHead {
    /// The number of the last entry; 0 before the first.
    pub seq: u64,
    /// Its hash, see [`chain_hash`].
    pub hash: Digest,
}

/// An entry of the audit log and the hash that chains it to all before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainedEntry {
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// Its hash, see [`chain_hash`].
    pub hash: Digest,
}

/// A chain that grows entry by entry, or is followed so, however long the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditChain {
    head: AuditHead,
}

impl AuditChain {
    /// The chain of an account without entries.
    pub fn new(account: AccountId) -> Self {
        Self { head: AuditHead { seq: 0, hash: chain_start(account) } }
    }

    /// The chain after the entries that a checkpoint replaced.
    pub fn after(checkpoint: &Checkpoint) -> Self {
        Self { head: checkpoint.through }
    }

    /// How far it goes.
    pub fn head(&self) -> AuditHead {
        self.head
    }

    /// Chains an entry to it.
    pub fn append(&mut self, entry: AuditEntry) -> Result<ChainedEntry, ProofError> {
        let hash = self.next(&entry)?;
        self.head = AuditHead { seq: entry.seq, hash };
        Ok(ChainedEntry { entry, hash })
    }

    /// Checks that an entry is the next one and has the hash that follows, and goes on to it.
    pub fn follow(&mut self, chained: &ChainedEntry) -> Result<(), ProofError> {
        let hash = self.next(&chained.entry)?;
        if hash != chained.hash {
            return Err(ProofError::Chain { seq: chained.entry.seq });
        }
        self.head = AuditHead { seq: chained.entry.seq, hash };
        Ok(())
    }

    fn next(&self, entry: &AuditEntry) -> Result<Digest, ProofError> {
        let expected = self.head.seq.saturating_add(1);
        if entry.seq != expected {
            return Err(ProofError::Sequence { expected, found: entry.seq });
        }
        Ok(chain_hash(&self.head.hash, entry)?)
    }
}
