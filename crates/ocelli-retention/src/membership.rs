use ocelli_core::Digest;
use ocelli_keys::canonical_json;
use serde::{Deserialize, Serialize};

use crate::ProofError;
use crate::document::{self, Document, Version};

/// The proof that one item is among those of a receipt: the hashes beside its way up to the Merkle root.
///
/// It is made by [`Receipt::prove`](crate::Receipt::prove) and checked, with the item, by
/// [`Receipt::verify_member`](crate::Receipt::verify_member). It shows nothing of the other items but how many they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", rename = "membershipProof")]
pub struct MembershipProof {
    version: Version,
    /// The number of the erasure that the receipt is of.
    pub operation: u64,
    /// How many items the receipt has.
    pub items: u64,
    /// The index of this one among them.
    pub index: u64,
    /// The siblings on its way to the root, the lowest first (RFC 6962, section 2.1.1).
    pub path: Vec<Digest>,
}

impl Document for MembershipProof {
    const TYPE: &'static str = "membershipProof";
    const WHAT: &'static str = "membership proof";
}

impl MembershipProof {
    pub(crate) fn new(operation: u64, items: u64, index: u64, path: Vec<Digest>) -> Self {
        Self { version: Version, operation, items, index, path }
    }

    /// Its canonical JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, ProofError> {
        Ok(canonical_json(self)?)
    }

    /// Reads what [`to_json`](Self::to_json) writes, and refuses every other text.
    pub fn from_json(json: &[u8]) -> Result<Self, ProofError> {
        document::read(json)
    }
}
