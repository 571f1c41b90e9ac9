use ocelli_core::{AccountPolicy, DataClass, Timestamp};

use super::as_of::AsOf;
use super::projects;
use crate::{Applied, StoreError};

pub(super) fn set_policy(tx: &mut AsOf<'_>, policy: AccountPolicy) -> Result<Applied, StoreError> {
    let mut account = tx.account.clone();
    account.retention.set_policy(policy, tx.now);
    tx.put_account(&account)?;
    Ok(Applied::Done)
}

pub(super) fn close(tx: &mut AsOf<'_>, at: Timestamp) -> Result<Applied, StoreError> {
    if tx.account.closed.is_some() {
        return Ok(tx.unchanged());
    }
    for project in tx.project_ids()? {
        let is_in_use = match tx.project(project) {
            Err(StoreError::Key { .. }) => false,
            found => found?.is_some_and(|found| found.deleted.is_none()),
        };
        if is_in_use {
            projects::nothing_is_published(tx, project)?;
        }
    }
    let mut account = tx.account.clone();
    account.closed = Some(at);
    tx.put_account(&account)?;
    Ok(Applied::Done)
}

pub(super) fn reopen(tx: &mut AsOf<'_>) -> Result<Applied, StoreError> {
    let mut account = tx.account.clone();
    let Some(closed) = account.closed.take() else {
        return Ok(tx.unchanged());
    };
    if account.retention.is_due(DataClass::ClosedAccount, closed, tx.now) {
        return Err(StoreError::AccountDue(closed));
    }
    tx.put_account(&account)?;
    Ok(Applied::Done)
}
