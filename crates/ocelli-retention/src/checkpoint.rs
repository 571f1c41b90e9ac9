use ocelli_core::{AccountId, Digest, Timestamp};
use ocelli_keys::{KeyProvider, PublicKey, Signature, canonical_json};
use serde::{Deserialize, Serialize};

use crate::document::{self, Document, Version};
use crate::{AuditHead, ProofError};

/// What stands at the beginning of an audit log in place of entries that have expired: the last one's hash, so that the
/// chain goes on, signed, so that nobody else could have shortened it.
///
/// In JSON it is one object in canonical form (RFC 8785). The signature (Ed25519) is over the canonical form of that
/// object without its member `signature`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", rename = "auditCheckpoint")]
pub struct Checkpoint {
    version: Version,
    /// The data directory.
    pub account: AccountId,
    /// The last entry that was replaced.
    pub through: AuditHead,
    /// When.
    pub at: Timestamp,
    /// How many entries were replaced since the checkpoint before.
    pub replaced: u64,
    /// The hash of the checkpoint before; none for the first.
    pub previous: Option<Digest>,
    /// The key that signed it.
    pub public_key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

impl Document for Checkpoint {
    const TYPE: &'static str = "auditCheckpoint";
    const WHAT: &'static str = "checkpoint";
}

impl Checkpoint {
    /// A checkpoint that replaces the entries after the previous one (or from the first on) up to and with this.
    pub fn sign(
        account: AccountId,
        through: AuditHead,
        at: Timestamp,
        previous: Option<&Self>,
        keys: &dyn KeyProvider,
    ) -> Result<Self, ProofError> {
        if let Some(found) = previous.map(|previous| previous.account).filter(|found| *found != account) {
            return Err(ProofError::OtherAccount { found, expected: account });
        }
        let before = previous.map_or(0, |previous| previous.through.seq);
        let replaced = through.seq.saturating_sub(before);
        if replaced == 0 {
            return Err(ProofError::NothingReplaced { through: through.seq, previous: before });
        }
        let mut checkpoint = Self {
            version: Version,
            account,
            through,
            at,
            replaced,
            previous: previous.map(Self::digest).transpose()?,
            public_key: keys.public_key()?,
            signature: Signature::from_bytes([0; 64]),
        };
        checkpoint.signature = keys.sign(&checkpoint.signed()?)?;
        Ok(checkpoint)
    }

    /// What is signed: its canonical JSON without the signature.
    fn signed(&self) -> Result<Vec<u8>, ProofError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase", tag = "type", rename = "auditCheckpoint")]
        struct Signed<'a> {
            version: Version,
            account: AccountId,
            through: AuditHead,
            at: Timestamp,
            replaced: u64,
            previous: Option<Digest>,
            public_key: &'a PublicKey,
        }
        let Self { version, account, through, at, replaced, previous, ref public_key, signature: _ } = *self;
        Ok(canonical_json(&Signed { version, account, through, at, replaced, previous, public_key })?)
    }

    /// Its canonical JSON, signature included.
    pub fn to_json(&self) -> Result<Vec<u8>, ProofError> {
        Ok(canonical_json(self)?)
    }

    /// Reads what [`to_json`](Self::to_json) writes, and refuses every other text. Verifies nothing.
    pub fn from_json(json: &[u8]) -> Result<Self, ProofError> {
        document::read(json)
    }

    /// BLAKE3 of its canonical JSON, which the next checkpoint names.
    pub fn digest(&self) -> Result<Digest, ProofError> {
        Ok(Digest::from_bytes(*blake3::hash(&self.to_json()?).as_bytes()))
    }

    /// Checks that the holder of the expected key signed exactly this.
    pub fn verify(&self, expected: &PublicKey) -> Result<(), ProofError> {
        let message = self.signed()?;
        document::check_signature(Self::WHAT, &message, (&self.public_key, &self.signature), expected)?;
        let first = self.previous.is_none();
        let plausible =
            if first { self.replaced == self.through.seq } else { self.replaced < self.through.seq };
        if self.replaced == 0 || !plausible {
            let reason = format!(
                "it goes through entry {}, and is {} the first",
                self.through.seq,
                if first { "" } else { "not" }
            );
            return Err(ProofError::Contradiction { what: Self::WHAT, field: "replaced", reason });
        }
        Ok(())
    }

    /// Checks that this is the checkpoint after another, of the same account. Verify both as well.
    pub fn verify_follows(&self, previous: &Self) -> Result<(), ProofError> {
        let follows = self.account == previous.account
            && self.previous == Some(previous.digest()?)
            && previous.through.seq.checked_add(self.replaced) == Some(self.through.seq);
        if follows {
            Ok(())
        } else {
            Err(ProofError::NotFollowing { through: self.through.seq, previous: previous.through.seq })
        }
    }
}
