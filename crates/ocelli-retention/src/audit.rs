//! The audit log of a store.

use ocelli_core::{DataClass, Timestamp};
use ocelli_keys::KeyProvider;
use ocelli_store::{AuditPage, Change, Store, StoreError};

use crate::issue::text;
use crate::{AuditHead, AuditLog, ChainedEntry, Checkpoint, RetentionError};

/// Entries asked for at once.
const PAGE: usize = 4_096;
/// Entries that one checkpoint replaces.
const EXPIRED_AT_ONCE: usize = 1_000;

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
    let (kept, mut entries) = loop {
        if let Some(log) = read(store)? {
            break log;
        }
    };
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

/// A checkpoint as it was signed, and the entries behind it.
type Entries = (Option<String>, Vec<ChainedEntry>);

/// The whole log; none where entries were replaced while it was read, page by page.
fn read(store: &dyn Store) -> Result<Option<Entries>, StoreError> {
    let AuditPage { checkpoint, entries: mut page } = store.audit(0, PAGE)?;
    let mut entries = Vec::with_capacity(page.len());
    loop {
        let last = page.last().filter(|_| page.len() >= PAGE).map(|(last, _)| last.seq);
        entries.extend(page.into_iter().map(|(entry, hash)| ChainedEntry { entry, hash }));
        let Some(last) = last else { return Ok(Some((checkpoint, entries))) };
        let next = store.audit(last, PAGE)?;
        if next.checkpoint != checkpoint {
            return Ok(None);
        }
        page = next.entries;
    }
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

/// Replaces the due entries at the beginning of the log by a signed checkpoint that carries the hash of the last of them, so
/// many at a time that no change takes long. Says how many they were.
///
/// # Errors
///
/// [`StoreError::NoKeys`] where entries are due and there is nothing to sign a checkpoint with. What was replaced until then
/// stays replaced.
pub fn expire_audit(
    store: &dyn Store,
    keys: Option<&dyn KeyProvider>,
    now: Timestamp,
) -> Result<u64, RetentionError> {
    let expired = expire_some(store, keys, now, &|| true);
    let _ = store.finish_erasures()?;
    expired.failure.map_or(Ok(expired.entries), Err)
}

/// What came of replacing due entries.
pub(crate) struct Expired {
    /// How many were replaced.
    pub(crate) entries: u64,
    /// Whether others may be due.
    pub(crate) more: bool,
    /// What kept others from being replaced.
    pub(crate) failure: Option<RetentionError>,
}

/// Replaces due entries: the first ones in any case, and others as long as it may go on.
pub(crate) fn expire_some(
    store: &dyn Store,
    keys: Option<&dyn KeyProvider>,
    now: Timestamp,
    may_go_on: &dyn Fn() -> bool,
) -> Expired {
    let mut expired = Expired { entries: 0, more: false, failure: None };
    loop {
        match expire_first(store, keys, now) {
            Ok((entries, more)) => (expired.entries, expired.more) = (expired.entries + entries, more),
            Err(failure) => expired.failure = Some(failure),
        }
        if !expired.more || expired.failure.is_some() || !may_go_on() {
            return expired;
        }
    }
}

/// Replaces the first due entries, and says how many they were and whether there may be more.
fn expire_first(
    store: &dyn Store,
    keys: Option<&dyn KeyProvider>,
    now: Timestamp,
) -> Result<(u64, bool), RetentionError> {
    let account = store.account()?;
    let Some(cutoff) = account.retention.cutoff(DataClass::AuditEntry, now) else { return Ok((0, false)) };
    let AuditPage { checkpoint, entries, .. } = store.audit(0, EXPIRED_AT_ONCE)?;
    let due = entries.iter().take_while(|(entry, _)| entry.at <= cutoff).count();
    let Some((last, hash)) = due.checked_sub(1).and_then(|last| entries.get(last)) else {
        return Ok((0, false));
    };
    let through = AuditHead { seq: last.seq, hash: *hash };
    let keys = keys.ok_or(StoreError::NoKeys("replacing due entries of the audit log by a checkpoint"))?;
    let previous = checkpoint.map(|json| Checkpoint::from_json(json.as_bytes())).transpose()?;
    let checkpoint = Checkpoint::sign(account.id, through, now, previous.as_ref(), keys)?;
    let json = text("checkpoint", checkpoint.to_json()?)?;
    store.apply(Change::ExpireAudit { through: through.seq, checkpoint: json, at: now })?;
    Ok((checkpoint.replaced, due == EXPIRED_AT_ONCE))
}
