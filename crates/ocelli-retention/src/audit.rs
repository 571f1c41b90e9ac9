//! The audit log of a store.

use ocelli_core::{DataClass, Timestamp};
use ocelli_keys::KeyProvider;
use ocelli_store::{AuditPage, Change, Store, StoreError};

use crate::issue::text;
use crate::{AuditHead, AuditLog, ChainedEntry, Checkpoint, RetentionError};

/// Entries asked for at once.
const PAGE: usize = 4_096;

/// The audit log, as far as it is not due.
///
/// Entries that are due and have not been replaced yet are left out behind a checkpoint that is signed for this answer
/// alone; without keys, which such a checkpoint needs, they are listed until a sweep can replace them.
///
/// # Errors
///
/// If the store fails, or what is recorded is not a log.
pub fn audit_log(
    store: &dyn Store,
    keys: Option<&dyn KeyProvider>,
    now: Timestamp,
) -> Result<AuditLog, RetentionError> {
    let account = store.account()?;
    let mut entries = Vec::new();
    let mut kept = None;
    let mut after = 0;
    loop {
        let page = store.audit(after, PAGE)?;
        let full = page.entries.len() >= PAGE;
        after = page.entries.last().map_or(after, |(last, _)| last.seq);
        kept = page.checkpoint.or(kept);
        entries.extend(page.entries.into_iter().map(|(entry, hash)| ChainedEntry { entry, hash }));
        if !full {
            break;
        }
    }
    let mut checkpoint = kept.map(|json| Checkpoint::from_json(json.as_bytes())).transpose()?;
    if let (Some(cutoff), Some(keys)) = (account.retention.cutoff(DataClass::AuditEntry, now), keys) {
        let due = entries.iter().take_while(|chained| chained.entry.at <= cutoff).count();
        if let Some(last) = due.checked_sub(1).and_then(|last| entries.get(last)) {
            let through = AuditHead { seq: last.entry.seq, hash: last.hash };
            checkpoint = Some(Checkpoint::sign(account.id, through, now, checkpoint.as_ref(), keys)?);
            entries.drain(..due);
        }
    }
    Ok(AuditLog { account: account.id, checkpoint, entries })
}

/// The number and the hash of the last entry, to be kept elsewhere: a log that was cut or rewritten does not have it.
///
/// # Errors
///
/// If the store fails.
pub fn audit_head(store: &dyn Store) -> Result<AuditHead, StoreError> {
    let (seq, hash) = store.audit_head()?;
    Ok(AuditHead { seq, hash })
}

/// Replaces the due entries at the beginning of the log by a signed checkpoint that carries the hash of the last of them.
/// Says how many they were.
///
/// # Errors
///
/// [`StoreError::NoKeys`] where entries are due and there is nothing to sign a checkpoint with.
pub fn expire_audit(
    store: &dyn Store,
    keys: Option<&dyn KeyProvider>,
    now: Timestamp,
) -> Result<u64, RetentionError> {
    let account = store.account()?;
    let Some(cutoff) = account.retention.cutoff(DataClass::AuditEntry, now) else { return Ok(0) };
    let mut through = None;
    let mut checkpoint = None;
    let mut after = 0;
    loop {
        let AuditPage { checkpoint: kept, entries, .. } = store.audit(after, PAGE)?;
        checkpoint = kept.or(checkpoint);
        let due = entries.iter().take_while(|(entry, _)| entry.at <= cutoff).count();
        if let Some((last, hash)) = due.checked_sub(1).and_then(|last| entries.get(last)) {
            through = Some(AuditHead { seq: last.seq, hash: *hash });
            after = last.seq;
        }
        if due < PAGE {
            break;
        }
    }
    let Some(through) = through else { return Ok(0) };
    let keys = keys.ok_or(StoreError::NoKeys("replacing due entries of the audit log by a checkpoint"))?;
    let previous = checkpoint.map(|json| Checkpoint::from_json(json.as_bytes())).transpose()?;
    let checkpoint = Checkpoint::sign(account.id, through, now, previous.as_ref(), keys)?;
    let json = text("checkpoint", checkpoint.to_json()?)?;
    store.apply(Change::ExpireAudit { through: through.seq, checkpoint: json, at: now })?;
    Ok(checkpoint.replaced)
}
