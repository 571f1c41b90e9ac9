//! Erasures from their beginning to their receipts.

use ocelli_core::{Digest, ErasureOperation};
use ocelli_store::StoreError;
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{moment, optional_digest, optional_moment};

const SELECT: &str = "SELECT number, begun, plan, completed, count FROM operations";

fn read(row: &Row<'_>) -> SqlResult<ErasureOperation> {
    Ok(ErasureOperation {
        number: row.get(0)?,
        begun: moment(row, 1)?,
        plan: optional_digest(row, 2)?,
        completed: optional_moment(row, 3)?,
        count: row.get(4)?,
    })
}

/// The number of the last; 0 where there is none.
pub(crate) fn last(connection: &Connection) -> Result<u64, StoreError> {
    Ok(one(connection, "SELECT max(number) FROM operations", (), |row| row.get(0))?.flatten().unwrap_or(0))
}

pub(crate) fn get(connection: &Connection, number: u64) -> Result<Option<ErasureOperation>, StoreError> {
    one(connection, &format!("{SELECT} WHERE number = ?1"), [number], read)
}

pub(crate) fn behind(
    connection: &Connection,
    number: u64,
    take: usize,
) -> Result<Vec<ErasureOperation>, StoreError> {
    let sql = format!("{SELECT} WHERE number > ?1 ORDER BY number LIMIT ?2");
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    all(connection, &sql, (number, i64::try_from(take).unwrap_or(i64::MAX)), read)
}

/// Those that are not complete, in the order in which they began.
pub(crate) fn incomplete(connection: &Connection) -> Result<Vec<ErasureOperation>, StoreError> {
    all(connection, &format!("{SELECT} WHERE completed IS NULL ORDER BY number"), (), read)
}

pub(crate) fn put(connection: &Connection, operation: &ErasureOperation) -> Result<(), StoreError> {
    let sql = "INSERT INTO operations (number, begun, plan, count, completed) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (number) DO UPDATE
               SET begun = excluded.begun, plan = excluded.plan, count = excluded.count,
                   completed = excluded.completed";
    let ErasureOperation { number, begun, plan, count, completed } = operation;
    let values = (
        number,
        begun.as_millis(),
        plan.as_ref().map(Digest::as_bytes),
        count,
        completed.map(|at| at.as_millis()),
    );
    write(connection, sql, values)
}

/// Counts more that an operation erased.
pub(crate) fn count_more(connection: &Connection, operation: u64, more: usize) -> Result<(), StoreError> {
    let sql = "UPDATE operations SET count = count + ?2, completed = NULL WHERE number = ?1";
    write(connection, sql, (operation, more))
}

/// Whether an operation has a receipt.
pub(crate) fn has_receipt(connection: &Connection, operation: u64) -> Result<bool, StoreError> {
    Ok(receipt(connection, operation)?.is_some())
}

pub(crate) fn receipt(connection: &Connection, operation: u64) -> Result<Option<String>, StoreError> {
    one(connection, "SELECT receipt FROM receipts WHERE operation = ?1", [operation], |row| row.get(0))
}

pub(crate) fn keep_receipt(connection: &Connection, operation: u64, receipt: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO receipts (operation, receipt) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    write(connection, sql, (operation, receipt))
}
