use ocelli_core::{AccountId, ErrorCode};
use ocelli_store::StoreError;

use crate::ProofError;

/// What kept a sweep, a receipt or a question about retention from being carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A proof could not be made, or what is recorded contradicts itself.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// There is no such erasure.
    #[error("there is no erasure {0}; Erasure::operation and Swept::operations name those that there are")]
    NoOperation(u64),
    /// A plan for another account.
    #[error("the plan is for account {found}, and this is account {expected}; plan anew here")]
    OtherAccount {
        /// The account that the plan names.
        found: AccountId,
        /// The account that was to carry it out.
        expected: AccountId,
    },
}

impl RetentionError {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::NoOperation(_) | Self::OtherAccount { .. } => ErrorCode::BadRequestInvalidIds,
        }
    }
}
