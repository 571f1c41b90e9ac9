use ocelli_core::{AccountId, Digest, ErrorCode};
use ocelli_keys::{KeyError, PublicKey};

/// Why a proof does not hold, or could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Bytes that are not a document of this kind.
    #[error("this is not a {what}: {reason}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// Why it is not, and where.
        reason: String,
    },
    /// A document of another version.
    #[error("the {what} has version {found}; this version of Ocelli reads version {supported}")]
    Version {
        /// What it is.
        what: &'static str,
        /// The version that it names.
        found: u64,
        /// The version that can be read.
        supported: u64,
    },
    /// A document that is written in another way than the one way that it is written in.
    #[error(
        "the {what} is not in its canonical form (RFC 8785) from byte {at} on; it was changed since it was written"
    )]
    NotCanonical {
        /// What it is.
        what: &'static str,
        /// The first byte that is different, counted from 0.
        at: usize,
    },
    /// A line of an audit log that cannot be read.
    #[error("line {line} of the audit log: {error}")]
    Line {
        /// Its number, counted from 1.
        line: usize,
        /// What is wrong with it.
        error: Box<ProofError>,
    },
    /// A document that another key signed.
    #[error("the {what} was signed with the key {found}, and {expected} was expected")]
    WrongKey {
        /// What it is.
        what: &'static str,
        /// The public key that it names.
        found: PublicKey,
        /// The public key that it was held against.
        expected: PublicKey,
    },
    /// A document whose signature is not over its content.
    #[error("the signature of the {what} does not match; it was changed since it was signed")]
    Signature {
        /// What it is.
        what: &'static str,
    },
    /// A document whose fields contradict each other.
    #[error("{field} of the {what} contradicts the rest of it: {reason}")]
    Contradiction {
        /// What it is.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// What would be right.
        reason: String,
    },
    /// An erasure of which something may be left.
    #[error("operation {operation} is pending; a receipt is made once nothing of what it erased is left")]
    Pending {
        /// Its number.
        operation: u64,
    },
    /// An erasure of nothing: a plan all of which was gone, held or not due when its turn came.
    #[error("operation {operation} has erased nothing, and there is no receipt for nothing")]
    NothingErased {
        /// Its number.
        operation: u64,
    },
    /// An item that there is not.
    #[error("there is no item {index}: the receipt counts {items}, the first of which is 0")]
    NoSuchItem {
        /// The index that was asked for.
        index: u64,
        /// How many there are.
        items: u64,
    },
    /// Items other than those that the receipt was made for.
    #[error(
        "these are not the items of the receipt: their Merkle root is {found}, the receipt's is {expected}"
    )]
    OtherItems {
        /// The root of these.
        found: Digest,
        /// The root that the receipt names.
        expected: Digest,
    },
    /// A proof that belongs to another receipt.
    #[error(
        "the proof is of operation {found} with {found_items} items, the receipt of {expected} with {expected_items}"
    )]
    OtherReceipt {
        /// The operation that the proof names.
        found: u64,
        /// How many items it names.
        found_items: u64,
        /// The receipt's operation.
        expected: u64,
        /// How many items it counts.
        expected_items: u64,
    },
    /// An item that the receipt does not cover, as far as the proof goes.
    #[error("the path does not lead from this item as number {index} to the receipt's Merkle root")]
    NotMember {
        /// The index that the proof names.
        index: u64,
    },
    /// A photo that an item's commitment is not to.
    #[error("the item's commitment is not to this photo with this salt")]
    OtherPhoto,
    /// An item that has no commitment, such as a tag.
    #[error("the item has no commitment; only photos have one")]
    NoCommitment,
    /// A checkpoint of another account's log.
    #[error("the checkpoint is of account {found}, the audit log of {expected}")]
    OtherAccount {
        /// The account that the checkpoint names.
        found: AccountId,
        /// The account of the log.
        expected: AccountId,
    },
    /// A checkpoint that would replace nothing.
    #[error(
        "a checkpoint through entry {through} replaces nothing; the one before goes through entry {previous}"
    )]
    NothingReplaced {
        /// The last entry that was to be replaced.
        through: u64,
        /// The last that is replaced already.
        previous: u64,
    },
    /// A checkpoint that does not follow the one before.
    #[error("the checkpoint through entry {through} does not follow the one through entry {previous}")]
    NotFollowing {
        /// The last entry that it replaces.
        through: u64,
        /// The last that the one before replaces.
        previous: u64,
    },
    /// An audit log in which an entry is missing, repeated, inserted or out of order.
    #[error(
        "entry {found} stands in the audit log where entry {expected} should; one is missing, repeated or moved"
    )]
    Sequence {
        /// The number that it should have.
        expected: u64,
        /// The number that it has.
        found: u64,
    },
    /// An audit log in which an entry or its hash was changed.
    #[error("entry {seq} of the audit log does not follow from the one before; it or its hash was changed")]
    Chain {
        /// Its number.
        seq: u64,
    },
    /// An audit log that says otherwise than the anchored head.
    #[error(
        "entry {seq} of the audit log has the hash {found}, and {anchored} was anchored; it was written anew"
    )]
    Anchor {
        /// The number of the anchored entry.
        seq: u64,
        /// The hash in the log.
        found: Digest,
        /// The hash that was anchored.
        anchored: Digest,
    },
    /// An audit log that ends before the anchored head.
    #[error("the audit log ends with entry {last}, and entry {anchored} was anchored; its end was cut off")]
    Truncated {
        /// The last entry.
        last: u64,
        /// The anchored one.
        anchored: u64,
    },
    /// An anchored head that a checkpoint has replaced.
    #[error(
        "entry {anchored} was anchored, and the checkpoint replaced those through {through}; anchor a later head"
    )]
    AnchorReplaced {
        /// The anchored entry.
        anchored: u64,
        /// The last entry that the checkpoint replaced.
        through: u64,
    },
    /// The key provider failed, or a value has no canonical form.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl ProofError {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Pending { .. } => ErrorCode::Conflict,
            Self::NoSuchItem { .. } => ErrorCode::NotFound,
            Self::Line { error, .. } => error.code(),
            Self::Key(error) => error.code(),
            _ => ErrorCode::BadRequestInvalid,
        }
    }
}
