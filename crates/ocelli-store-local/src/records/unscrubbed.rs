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
    let sql = "WITH RECURSIVE pages (page) AS
                 (SELECT 1 UNION ALL SELECT page + 1 FROM pages, pragma_page_count WHERE page < page_count)
               INSERT INTO unscrubbed (page) SELECT page FROM pages WHERE true ON CONFLICT DO NOTHING";
    write(connection, sql, ())
}

/// Whether an earlier settling got no further than noting pages.
pub(crate) fn are_noted(connection: &Connection) -> Result<bool, StoreError> {
    let noted = one(connection, "SELECT EXISTS (SELECT 1 FROM unscrubbed)", (), |row| row.get(0))?;
    Ok(noted.unwrap_or(false))
}

pub(crate) fn noted(connection: &Connection) -> Result<Vec<u32>, StoreError> {
    all(connection, "SELECT page FROM unscrubbed", (), |row| row.get(0))
}

pub(crate) fn forget(connection: &Connection) -> Result<(), StoreError> {
    write(connection, "DELETE FROM unscrubbed", ())
}
