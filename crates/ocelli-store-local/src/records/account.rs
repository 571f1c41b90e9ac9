use ocelli_core::{Account, AccountId};
use ocelli_store::StoreError;
use rusqlite::Connection;

use super::{one, write};
use crate::columns::{id, json, optional_moment, to_json};
use crate::error::During;

/// The account whose directory this is.
pub(crate) fn get(connection: &Connection) -> Result<Account, StoreError> {
    let found = one(connection, "SELECT id, closed, retention FROM account", (), |row| {
        Ok(Account { id: id(row, 0)?, closed: optional_moment(row, 1)?, retention: json(row, 2)? })
    })?;
    found.ok_or(rusqlite::Error::QueryReturnedNoRows).during("reading the account")
}

pub(crate) fn put(connection: &Connection, account: &Account) -> Result<(), StoreError> {
    let sql = "INSERT INTO account (row, id, closed, retention) VALUES (1, ?1, ?2, ?3)
               ON CONFLICT (row) DO UPDATE SET closed = excluded.closed, retention = excluded.retention";
    let closed = account.closed.map(|at| at.as_millis());
    write(connection, sql, (account.id.to_string(), closed, to_json(&account.retention)?))
}

/// Makes the account of a new directory.
pub(crate) fn create(connection: &Connection, id: AccountId) -> Result<(), StoreError> {
    put(connection, &Account { id, closed: None, retention: ocelli_core::Retention::default() })
}
