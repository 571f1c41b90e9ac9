use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{
    AccountId, Commitment, Digest, Erased, ErasedItem, ErasureOperation, ErasureReason, ProjectId, Salt,
    Timestamp,
};
use ocelli_keys::{KeyProvider, PublicKey, Signature, canonical_json, commit};
use serde::{Deserialize, Serialize};

use crate::document::{self, Document, Version};
use crate::merkle::{self, MerkleTree};
use crate::{MembershipProof, ProofError, ReceiptStatement};

/// The proof that an erasure is complete, signed.
///
/// In JSON it is one object in canonical form (RFC 8785). The signature (Ed25519) is over the canonical form of that
/// object without its member `signature`. Anyone who knows the public key can [`verify`](Self::verify) it; anyone who
/// has a [`MembershipProof`] as well can verify that one item was among what was erased, without seeing the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// What is signed.
    #[serde(flatten)]
    pub body: ReceiptBody,
    /// The key that signed it.
    pub public_key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", rename = "erasureReceipt")]
pub struct ReceiptBody {
    version: Version,
    /// The data directory.
    pub account: AccountId,
    /// The number of the erasure in it.
    pub operation: u64,
    /// What the erasure carried out.
    #[serde(flatten)]
    pub kind: ReceiptKind,
    /// When it began, and when nothing was left.
    #[serde(flatten)]
    pub completion: Completion,
    /// How many items were erased.
    pub items: u64,
    /// The root of the Merkle tree over the canonical JSON of each item, in their order in the log of erasures.
    pub merkle_root: Digest,
    /// How many of each kind were erased for each reason; together they are `items`.
    pub counts: Vec<ItemCount>,
    /// The projects that they belonged to, in ascending order.
    pub projects: Vec<ProjectId>,
    /// What this proves and what it does not.
    pub statement: ReceiptStatement,
}

/// What an erasure carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum ReceiptKind {
    /// A request to erase.
    Erasure,
    /// A plan of what was due.
    Plan {
        /// The plan's hash.
        plan_hash: Digest,
    },
}

/// When an erasure began and when nothing was left of what it erased, never earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Moments", into = "Moments")]
pub struct Completion {
    requested: Timestamp,
    completed: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Moments {
    requested: Timestamp,
    completed: Timestamp,
}

/// How many items of a kind were erased for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemCount {
    /// The kind, as [`Erased`] is written.
    pub kind: String,
    /// The reason.
    pub reason: ErasureReason,
    /// How many.
    pub count: u64,
}

impl Completion {
    /// From when the erasure began to when nothing was left; refused where that is the wrong way round.
    pub fn new(requested: Timestamp, completed: Timestamp) -> Result<Self, ProofError> {
        if completed < requested {
            return Err(ProofError::Contradiction {
                what: Receipt::WHAT,
                field: "completed",
                reason: format!("{completed} is before it was requested, {requested}"),
            });
        }
        Ok(Self { requested, completed })
    }

    /// When it began.
    pub fn requested(self) -> Timestamp {
        self.requested
    }

    /// When nothing was left.
    pub fn completed(self) -> Timestamp {
        self.completed
    }
}

impl TryFrom<Moments> for Completion {
    type Error = ProofError;

    fn try_from(moments: Moments) -> Result<Self, ProofError> {
        Self::new(moments.requested, moments.completed)
    }
}

impl From<Completion> for Moments {
    fn from(Completion { requested, completed }: Completion) -> Self {
        Self { requested, completed }
    }
}

impl Document for Receipt {
    const TYPE: &'static str = "erasureReceipt";
    const WHAT: &'static str = "receipt";
}

impl ReceiptBody {
    /// What is to be said of an operation that is complete and erased these items, all of them, in their order in the
    /// log of erasures.
    pub fn new<T: Borrow<ErasedItem>>(
        account: AccountId,
        operation: &ErasureOperation,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Self, ProofError> {
        let completed = operation.completed.ok_or(ProofError::Pending { operation: operation.number })?;
        let completion = Completion::new(operation.begun, completed)?;
        let (mut tree, mut counts, mut projects) = (MerkleTree::default(), BTreeMap::new(), BTreeSet::new());
        for item in items {
            let item = item.borrow();
            tree.push(leaf(item)?);
            *counts.entry((kind(&item.record.erased)?, item.reason)).or_default() += 1;
            projects.insert(item.record.project_id);
        }
        if tree.len() != operation.count {
            return Err(ProofError::Contradiction {
                what: Receipt::WHAT,
                field: "items",
                reason: format!(
                    "operation {} erased {}, not {}",
                    operation.number,
                    operation.count,
                    tree.len()
                ),
            });
        }
        let count = |((kind, reason), count)| ItemCount { kind, reason, count };
        Ok(Self {
            version: Version,
            account,
            operation: operation.number,
            kind: operation.plan.map_or(ReceiptKind::Erasure, |plan_hash| ReceiptKind::Plan { plan_hash }),
            completion,
            items: tree.len(),
            merkle_root: tree.root(),
            counts: counts.into_iter().map(count).collect(),
            projects: projects.into_iter().collect(),
            statement: ReceiptStatement::default(),
        })
    }

    /// What is signed: the canonical JSON of the receipt without its signature.
    fn signed(&self, public_key: &PublicKey) -> Result<Vec<u8>, ProofError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Signed<'a> {
            #[serde(flatten)]
            body: &'a ReceiptBody,
            public_key: &'a PublicKey,
        }
        Ok(canonical_json(&Signed { body: self, public_key })?)
    }
}

impl Receipt {
    /// Signs what is to be said.
    pub fn sign(body: ReceiptBody, keys: &dyn KeyProvider) -> Result<Self, ProofError> {
        let public_key = keys.public_key()?;
        let signature = keys.sign(&body.signed(&public_key)?)?;
        Ok(Self { body, public_key, signature })
    }

    /// Its canonical JSON, signature included.
    pub fn to_json(&self) -> Result<Vec<u8>, ProofError> {
        Ok(canonical_json(self)?)
    }

    /// Reads what [`to_json`](Self::to_json) writes, and refuses every other text. Verifies nothing.
    pub fn from_json(json: &[u8]) -> Result<Self, ProofError> {
        document::read(json)
    }

    /// BLAKE3 of its canonical JSON, which the audit log records.
    pub fn digest(&self) -> Result<Digest, ProofError> {
        Ok(Digest::from_bytes(*blake3::hash(&self.to_json()?).as_bytes()))
    }

    /// Checks that the holder of the expected key signed exactly this.
    pub fn verify(&self, expected: &PublicKey) -> Result<(), ProofError> {
        let message = self.body.signed(&self.public_key)?;
        document::check_signature(Self::WHAT, &message, (&self.public_key, &self.signature), expected)?;
        let counted = self.body.counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(count.count));
        if counted != Some(self.body.items) {
            let reason = format!("they should add up to {}", self.body.items);
            return Err(ProofError::Contradiction { what: Self::WHAT, field: "counts", reason });
        }
        Ok(())
    }

    /// The proof that one of the receipt's items, by its index among them, is one. Takes all of them, in the order in
    /// which the receipt was made of them.
    pub fn prove<T: Borrow<ErasedItem>>(
        &self,
        items: impl IntoIterator<Item = T>,
        index: u64,
    ) -> Result<MembershipProof, ProofError> {
        let leaves: Vec<_> = items.into_iter().map(|item| leaf(item.borrow())).collect::<Result<_, _>>()?;
        let found = leaves.iter().copied().collect::<MerkleTree>().root();
        if found != self.body.merkle_root {
            return Err(ProofError::OtherItems { found, expected: self.body.merkle_root });
        }
        let path = usize::try_from(index).ok().and_then(|index| merkle::inclusion_path(&leaves, index));
        let path = path.ok_or(ProofError::NoSuchItem { index, items: self.body.items })?;
        Ok(MembershipProof::new(self.body.operation, self.body.items, index, path))
    }

    /// Checks that an item is one of the receipt's. Says nothing of the receipt itself: [`verify`](Self::verify) that.
    pub fn verify_member(&self, item: &ErasedItem, proof: &MembershipProof) -> Result<(), ProofError> {
        if (proof.operation, proof.items) != (self.body.operation, self.body.items) {
            return Err(ProofError::OtherReceipt {
                found: proof.operation,
                found_items: proof.items,
                expected: self.body.operation,
                expected_items: self.body.items,
            });
        }
        let root = merkle::root_from_path(leaf(item)?, proof.index, proof.items, &proof.path);
        if root != Some(self.body.merkle_root) {
            return Err(ProofError::NotMember { index: proof.index });
        }
        Ok(())
    }
}

/// Checks that an item is about this photo: that its commitment is to these bytes with this salt, which only who kept
/// both can show.
pub fn verify_photo(item: &ErasedItem, salt: &Salt, bytes: &[u8]) -> Result<(), ProofError> {
    let commitment: Commitment = item.commitment.ok_or(ProofError::NoCommitment)?;
    if commitment == commit(salt, bytes) { Ok(()) } else { Err(ProofError::OtherPhoto) }
}

fn leaf(item: &ErasedItem) -> Result<Digest, ProofError> {
    Ok(merkle::leaf_hash(&canonical_json(item)?))
}

/// The kind of something that was erased, as [`Erased`] is written.
fn kind(erased: &Erased) -> Result<String, ProofError> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let kind = serde_json::to_value(erased).and_then(Kind::deserialize).map(|erased| erased.kind);
    kind.map_err(|error| ProofError::Malformed { what: "erased item", reason: error.to_string() })
}
