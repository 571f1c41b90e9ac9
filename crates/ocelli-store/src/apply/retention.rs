use ocelli_core::{DataClass, ProjectId, RetentionPolicy};

use super::as_of::AsOf;
use super::live;
use crate::{Applied, StoreError};

pub(super) fn set(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    policy: RetentionPolicy,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let mut retention = tx.retention(project)?.unwrap_or_default();
    retention.set_policy(policy, tx.now);
    tx.put_retention(project, &retention)?;
    Ok(Applied::Done)
}

/// Writes only what it changes.
pub(super) fn latch(tx: &mut AsOf<'_>) -> Result<Applied, StoreError> {
    let now = tx.now;
    let mut account = tx.account.clone();
    account.retention.latch_due(now);
    if account != tx.account {
        tx.put_account(&account)?;
    }
    for project in tx.project_ids()? {
        let before = tx.retention(project)?.unwrap_or_default();
        let mut retention = before.clone();
        retention.latch_due(now);
        if retention != before {
            tx.put_retention(project, &retention)?;
        }
    }
    Ok(Applied::Done)
}

pub(super) fn expire_audit(tx: &mut AsOf<'_>, through: u64, checkpoint: &str) -> Result<Applied, StoreError> {
    if tx.audit_head()?.is_none_or(|(last, _)| through > last) {
        return Err(StoreError::AuditNotDue(through));
    }
    let Some(latest) = tx.latest_audit(through)? else {
        return Ok(tx.unchanged());
    };
    if !tx.account.retention.is_due(DataClass::AuditEntry, latest, tx.now) {
        return Err(StoreError::AuditNotDue(through));
    }
    tx.expire_audit(through, checkpoint)?;
    Ok(Applied::Done)
}
