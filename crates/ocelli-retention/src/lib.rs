//! What is due and why, the sweep that erases it, requests about a person, and the proof of what was erased.
//!
//! [`plan()`] says what a store holds that is due; a [`Planner`] decides it, of policies, events, holds and a moment alone.
//! [`execute`] carries a plan out and [`sweep()`] both in rounds; [`why()`] says why something is still here.
//! [`find_person`] and [`erase_person`] take a metadata expression in place of ids. Nothing here has a clock or opens a
//! file: functions take the store, and who tells the time.
//!
//! # Proof
//!
//! A [`Receipt`] says, signed, that an erasure is complete and which items it covers, by the root of a Merkle tree over
//! them; a [`MembershipProof`] shows one item's place in it. An [`AuditLog`] is a hash chain of all that happened in a data
//! directory; entries that expire are replaced by a signed [`Checkpoint`]. All of them are text that is read in one form only,
//! so that every changed byte is found, and that any language can check with JSON, BLAKE3 and Ed25519.
//!
//! ```
//! use ocelli_core::*;
//! use ocelli_keys::{KeyProvider, Keys, commit};
//! use ocelli_retention::{Receipt, ReceiptBody, verify_photo};
//!
//! let keys = Keys::from_random([7; 64]);
//! let now = Timestamp::from_millis(1_780_000_000_000);
//! let salt = Salt::from_bytes([1; 32]);
//! let item = ErasedItem {
//!     record: ErasureRecord {
//!         at: now,
//!         project_id: ProjectId::new(now, [2; 10]),
//!         erased: Erased::Image(ImageId::new(now, [3; 10])),
//!     },
//!     reason: ErasureReason::Requested,
//!     commitment: Some(commit(&salt, b"the photo")),
//! };
//! let operation =
//!     ErasureOperation { number: 1, begun: now, plan: None, count: 1, completed: Some(now.plus_days(1)) };
//! let body = ReceiptBody::new(AccountId::new(now, [4; 10]), &operation, [item])?;
//! let json = Receipt::sign(body, &keys)?.to_json()?;
//!
//! // Elsewhere, with the public key:
//! let receipt = Receipt::from_json(&json)?;
//! receipt.verify(&keys.public_key()?)?;
//! let proof = receipt.prove([item], 0)?;
//! receipt.verify_member(&item, &proof)?;
//! verify_photo(&item, &salt, b"the photo")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod affected;
mod audit;
mod audit_chain;
mod audit_log;
mod checkpoint;
mod document;
mod error;
mod issue;
mod membership;
mod merkle;
mod operation;
mod paging;
mod person;
mod plan;
mod receipt;
mod receipt_statement;
mod retention_error;
mod survey;
mod sweep;
mod why;

pub use audit::{audit_head, audit_log, expire_audit};
pub use audit_chain::{AuditChain, AuditHead, ChainedEntry};
pub use audit_log::AuditLog;
pub use checkpoint::Checkpoint;
pub use error::ProofError;
pub use issue::receipt;
pub use membership::MembershipProof;
pub use operation::complete;
pub use person::{Findings, PersonErased, erase_person, find_person};
pub use plan::{DueCount, DueItem, Plan, Planner};
pub use receipt::{Completion, ItemCount, Receipt, ReceiptBody, ReceiptKind, verify_photo};
pub use receipt_statement::ReceiptStatement;
pub use retention_error::RetentionError;
pub use survey::plan;
pub use sweep::{Budget, SweepOptions, Swept, execute, sweep};
pub use why::{Ticking, Why, why};
