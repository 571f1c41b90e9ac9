//! Receipts, membership proofs, the audit log and its checkpoints, as another program meets them: as text.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit_log;
mod chain_laws;
mod fixture;
mod golden;
mod receipts;
mod tamper;
