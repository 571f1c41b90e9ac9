use std::collections::BTreeSet;

use ocelli_store::StoreError;
use rusqlite::Connection;

use super::{all, one, write};

/// Notes pages of the database file.
pub(crate) fn note(connection: &Connection, pages: &BTreeSet<u32>) -> Result<(), StoreError> {
    let sql = "INSERT INTO unscrubbed (page) VALUES (?1) ON CONFLICT DO NOTHING";
    pages.iter().try_for_each(|page| write(connection, sql, [page]))
}

/// Notes all pages that there are.
pub(crate) fn note_all(connection: &Connection) -> Result<(), StoreError> {
    let pages: u32 = one(connection, "PRAGMA page_count", (), |row| row.get(0))?.unwrap_or(0);
    let sql = "WITH RECURSIVE pages (page) AS (SELECT 1 UNION ALL SELECT page + 1 FROM pages WHERE page < ?1)
               INSERT INTO unscrubbed (page) SELECT page FROM pages WHERE true ON CONFLICT DO NOTHING";
    write(connection, sql, [pages])
}

/// Whether an earlier settling got no further than noting pages.
pub(crate) fn are_noted(connection: &Connection) -> Result<bool, StoreError> {
    let noted = one(connection, "SELECT EXISTS (SELECT 1 FROM unscrubbed)", (), |row| row.get(0))?;
    Ok(noted.unwrap_or(false))
}

/// So many of the noted pages, at most.
pub(crate) fn noted(connection: &Connection, limit: u32) -> Result<Vec<u32>, StoreError> {
    all(connection, "SELECT page FROM unscrubbed ORDER BY page LIMIT ?1", [limit], |row| row.get(0))
}

/// Forgets the first of the noted pages: these.
pub(crate) fn forget(connection: &Connection, first: &[u32]) -> Result<(), StoreError> {
    match first.last() {
        Some(last) => write(connection, "DELETE FROM unscrubbed WHERE page <= ?1", [last]),
        None => Ok(()),
    }
}
