//! Records as rows: reading and writing, by subject. Nothing is decided here.

pub(crate) mod account;
pub(crate) mod arrivals;
pub(crate) mod audit;
pub(crate) mod calibrations;
pub(crate) mod checkpoints;
pub(crate) mod erasures;
pub(crate) mod exports;
pub(crate) mod features;
pub(crate) mod held;
pub(crate) mod holds;
pub(crate) mod images;
pub(crate) mod items;
pub(crate) mod iterations;
pub(crate) mod keys;
pub(crate) mod manifests;
pub(crate) mod measures;
pub(crate) mod operations;
pub(crate) mod owners;
pub(crate) mod predictions;
pub(crate) mod projects;
pub(crate) mod removals;
pub(crate) mod removed_tags;
pub(crate) mod tags;
pub(crate) mod unscrubbed;

use ocelli_store::StoreError;
use rusqlite::{Connection, OptionalExtension, Params, Result as SqlResult, Row};

use crate::error::During;

/// The one row that a question has, if any.
fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> SqlResult<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).during("reading a record")?;
    statement.query_row(params, read).optional().during("reading a record")
}

/// Every row that a question has.
fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> SqlResult<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).during("reading records")?;
    let rows = statement.query_map(params, read).during("reading records")?;
    rows.collect::<SqlResult<_>>().during("reading records")
}

/// The first `take` of the rows that a question has and a choice admits, after the first `skip`. It reads no more.
fn chosen<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> SqlResult<T>,
    mut admits: impl FnMut(&T) -> bool,
    (skip, take): (usize, usize),
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).during("reading records")?;
    let rows = statement.query_map(params, read).during("reading records")?;
    let admitted = rows.filter(|row| row.as_ref().map_or(true, &mut admits));
    let mut found = Vec::new();
    for (number, row) in admitted.enumerate().take(skip.saturating_add(take)) {
        let row = row.during("reading records")?;
        if number >= skip {
            found.push(row);
        }
    }
    Ok(found)
}

/// Changes rows.
fn write(connection: &Connection, sql: &str, params: impl Params) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).during("writing a record")?;
    statement.execute(params).map(|_| ()).during("writing a record")
}
