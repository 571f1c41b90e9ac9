use ocelli_core::{AuditAction, AuditEvent, Digest, ErasureOperation, Timestamp};

use super::as_of::AsOf;
use super::audit;
use crate::{Applied, StoreError};

pub(super) fn begin(tx: &mut AsOf<'_>, plan: Option<Digest>, at: Timestamp) -> Result<Applied, StoreError> {
    let operation = audit::begin(tx, plan, at)?.number;
    tx.events.push(AuditEvent::new(AuditAction::ErasureBegun { operation, plan }, None));
    Ok(Applied::Operation(operation))
}

/// One that has erased more since it was listed may not be complete, and one is not that waits for a key.
pub(super) fn complete(
    tx: &mut AsOf<'_>,
    listed: &[ErasureOperation],
    at: Timestamp,
) -> Result<Applied, StoreError> {
    for listed in listed {
        let number = listed.number;
        let mut found = tx.operation(number)?.ok_or(StoreError::NoOperation(number))?;
        if found.completed.is_none() && found.count == listed.count && !tx.waits_for_key(number)? {
            // A clock may have gone back since it began.
            found.completed = Some(at.max(found.begun));
            tx.put_operation(&found)?;
        }
    }
    Ok(Applied::Done)
}

pub(super) fn keep_receipt(
    tx: &mut AsOf<'_>,
    operation: u64,
    count: u64,
    receipt: &str,
) -> Result<Applied, StoreError> {
    let found = tx.operation(operation)?.ok_or(StoreError::NoOperation(operation))?;
    if tx.has_receipt(operation)? {
        return Ok(tx.unchanged());
    }
    if found.completed.is_none() || found.count != count {
        return Err(StoreError::NotErased(operation));
    }
    tx.keep_receipt(operation, receipt)?;
    Ok(Applied::Done)
}
