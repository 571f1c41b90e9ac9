//! Making the receipts of erasures.

use ocelli_core::{ErasureOperation, Timestamp};
use ocelli_keys::KeyProvider;
use ocelli_store::{Change, Store, StoreError};

use crate::{ProofError, Receipt, ReceiptBody, RetentionError, operation};

/// How often a receipt is made anew since the erasure has gone on meanwhile.
const ATTEMPTS: u32 = 3;

/// The receipt of an erasure: as it was made before, or made and kept now. One that is still pending is gone on with
/// first.
///
/// # Errors
///
/// [`ProofError::Pending`] while something of what was erased is left, or somebody goes on erasing; [`ProofError::NothingErased`] where nothing was;
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
    for _ in 0..ATTEMPTS {
        let mut found = find(store, operation)?;
        if found.completed.is_none() {
            let _ = operation::complete(store, now)?;
            found = find(store, operation)?;
        }
        let items = store.erased_items(operation)?;
        if items.is_empty() {
            return Err(ProofError::NothingErased { operation }.into());
        }
        let count = items.len() as u64;
        if count > found.count {
            continue;
        }
        let body = ReceiptBody::new(store.account()?.id, &found, items)?;
        let receipt = Receipt::sign(body, keys)?;
        let json = text("receipt", receipt.to_json()?)?;
        match store.apply(Change::KeepReceipt { operation, count, receipt: json, at: now() }) {
            Err(StoreError::NotErased(_)) => continue,
            kept => kept?,
        };
        // Another handle may have made one meanwhile: the one that was kept is the one.
        return match store.receipt(operation)? {
            Some(kept) => Ok(Receipt::from_json(kept.as_bytes())?),
            None => Ok(receipt),
        };
    }
    Err(ProofError::Pending { operation }.into())
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
