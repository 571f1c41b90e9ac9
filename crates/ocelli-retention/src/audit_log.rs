use ocelli_core::AccountId;
use ocelli_keys::{PublicKey, canonical_json};
use serde::{Deserialize, Serialize};

use crate::document::{self, Document, Version};
use crate::{AuditChain, AuditHead, ChainedEntry, Checkpoint, ProofError};

/// An audit log as it leaves a data directory: what happened there, entry by entry, from the beginning or from the
/// checkpoint that replaced the beginning.
///
/// As text ([`to_text`](Self::to_text)) it is JSON lines, each in canonical form (RFC 8785) and ended by a line feed: first
/// the account and the checkpoint, then an entry a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditLog {
    /// The data directory.
    pub account: AccountId,
    /// What replaced the entries before the first of these, where some have expired.
    pub checkpoint: Option<Checkpoint>,
    /// The entries that are left, in their order.
    pub entries: Vec<ChainedEntry>,
}

/// The first line of the text.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", rename = "auditLog")]
struct Header {
    version: Version,
    account: AccountId,
    checkpoint: Option<Checkpoint>,
}

impl Document for Header {
    const TYPE: &'static str = "auditLog";
    const WHAT: &'static str = "beginning of an audit log";
}

impl AuditLog {
    /// The chain before the first of the entries, as far as the account and the checkpoint say.
    fn start(&self) -> AuditChain {
        self.checkpoint.as_ref().map_or_else(|| AuditChain::new(self.account), AuditChain::after)
    }

    /// How far it goes, as far as it says itself.
    pub fn head(&self) -> AuditHead {
        let last = self.entries.last().map(|last| AuditHead { seq: last.entry.seq, hash: last.hash });
        last.unwrap_or_else(|| self.start().head())
    }

    /// The log as JSON lines.
    pub fn to_text(&self) -> Result<String, ProofError> {
        let header = Header { version: Version, account: self.account, checkpoint: self.checkpoint.clone() };
        let mut text = canonical_json(&header)?;
        text.push(b'\n');
        for entry in &self.entries {
            text.extend(canonical_json(entry)?);
            text.push(b'\n');
        }
        String::from_utf8(text)
            .map_err(|error| ProofError::Malformed { what: "audit log", reason: error.to_string() })
    }

    /// Reads what [`to_text`](Self::to_text) writes, and refuses every other text. Verifies nothing.
    pub fn from_text(text: &[u8]) -> Result<Self, ProofError> {
        let malformed = |reason: &str| ProofError::Malformed { what: "audit log", reason: reason.into() };
        let text =
            text.strip_suffix(b"\n").ok_or_else(|| malformed("its last line is not ended by a line feed"))?;
        let mut lines = text.split(|byte| *byte == b'\n').zip(1..);
        let on_line = |line| move |error| ProofError::Line { line, error: Box::new(error) };
        let (first, line) = lines.next().ok_or_else(|| malformed("it is empty"))?;
        let Header { version: Version, account, checkpoint } =
            document::read(first).map_err(on_line(line))?;
        let entries = lines
            .map(|(entry, line)| document::read_canonical("audit entry", entry).map_err(on_line(line)))
            .collect::<Result<_, _>>()?;
        Ok(Self { account, checkpoint, entries })
    }

    /// Checks that nothing was changed, left out, put in, repeated or moved.
    ///
    /// The checkpoint must be signed with the given key. Without one, it is held against the key that it names itself,
    /// which anyone could have put there. That the end was not cut off, and the log not written anew from some entry on,
    /// shows only in a head that was written down elsewhere before: it must be in the log.
    pub fn verify(
        &self,
        public_key: Option<&PublicKey>,
        anchored: Option<&AuditHead>,
    ) -> Result<(), ProofError> {
        if let Some(checkpoint) = &self.checkpoint {
            if checkpoint.account != self.account {
                return Err(ProofError::OtherAccount { found: checkpoint.account, expected: self.account });
            }
            checkpoint.verify(public_key.unwrap_or(&checkpoint.public_key))?;
        }
        let mut chain = self.start();
        let first = chain.head();
        check_anchor(first, anchored)?;
        for entry in &self.entries {
            chain.follow(entry)?;
            check_anchor(chain.head(), anchored)?;
        }
        match anchored.map(|anchored| anchored.seq) {
            Some(anchored) if anchored > chain.head().seq => {
                Err(ProofError::Truncated { last: chain.head().seq, anchored })
            }
            Some(anchored) if anchored < first.seq => {
                Err(ProofError::AnchorReplaced { anchored, through: first.seq })
            }
            _ => Ok(()),
        }
    }
}

fn check_anchor(head: AuditHead, anchored: Option<&AuditHead>) -> Result<(), ProofError> {
    match anchored {
        Some(anchored) if anchored.seq == head.seq && anchored.hash != head.hash => {
            Err(ProofError::Anchor { seq: head.seq, found: head.hash, anchored: anchored.hash })
        }
        _ => Ok(()),
    }
}
