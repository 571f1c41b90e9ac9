//! Making the receipts of erasures.

use ocelli_core::{ErasureOperation, Timestamp};
use ocelli_keys::KeyProvider;
use ocelli_store::{Change, Store, StoreError};

use crate::{ProofError, Receipt, ReceiptBody, RetentionError, operation};

/// The receipt of an erasure: as it was made before, or made and kept now. One that is still pending is gone on with
/// first.
///
/// # Errors
///
/// [`ProofError::Pending`] while something of what was erased is left; [`ProofError::NothingErased`] where nothing was;
/// [`RetentionError::NoOperation`] where there is no such erasure; [`StoreError::NoKeys`] where a receipt is to be made and
/// there is nothing to sign it with.
pub fn receipt(
    store: &dyn Store,
    keys: Option<&dyn KeyProvider>,
    operation: u64,
    now: &dyn Fn() -> Timestamp,
) -> Result<Receipt, RetentionError> {
    if let Some(json) = store.receipt(operation)? {
        return Ok(Receipt::from_json(json.as_bytes())?);
    }
    let keys = keys.ok_or(StoreError::NoKeys("signing a receipt"))?;
    let mut found = find(store, operation)?;
    if found.completed.is_none() {
        let _ = operation::complete(store, now)?;
        found = find(store, operation)?;
    }
    let items = store.erased_items(operation)?;
    if items.is_empty() {
        return Err(ProofError::NothingErased { operation }.into());
    }
    let body = ReceiptBody::new(store.account()?.id, &found, items)?;
    let receipt = Receipt::sign(body, keys)?;
    let json = text("receipt", receipt.to_json()?)?;
    store.apply(Change::KeepReceipt { operation, receipt: json, at: now() })?;
    // Another handle may have made one meanwhile: the one that was kept is the one.
    match store.receipt(operation)? {
        Some(kept) => Ok(Receipt::from_json(kept.as_bytes())?),
        None => Ok(receipt),
    }
}

fn find(store: &dyn Store, operation: u64) -> Result<ErasureOperation, RetentionError> {
    let before = operation.checked_sub(1).ok_or(RetentionError::NoOperation(operation))?;
    let found = store.operations(before, 1)?.into_iter().find(|found| found.number == operation);
    found.ok_or(RetentionError::NoOperation(operation))
}

/// A canonical text as a string.
pub(crate) fn text(what: &'static str, json: Vec<u8>) -> Result<String, RetentionError> {
    String::from_utf8(json).map_err(|error| ProofError::Malformed { what, reason: error.to_string() }.into())
}
