use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, StoreError};
use rusqlite::Connection;

use super::{all, one, write};
use crate::columns::{content, id};

/// Notes that bytes may have lost their last record.
pub(crate) fn note(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO removals (project, content) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    write(connection, sql, (project.to_string(), content.as_bytes()))
}

pub(crate) fn noted(connection: &Connection) -> Result<Vec<(ProjectId, ContentHash)>, StoreError> {
    all(connection, "SELECT project, content FROM removals", (), |row| Ok((id(row, 0)?, content(row, 1)?)))
}

pub(crate) fn forget(connection: &Connection) -> Result<(), StoreError> {
    write(connection, "DELETE FROM removals", ())
}

/// Whether a photo or a kept prediction has these bytes.
pub(crate) fn is_referred_to(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM images WHERE project = ?1 AND content = ?2)
                   OR EXISTS (SELECT 1 FROM predictions WHERE project = ?1 AND content = ?2)";
    Ok(one(connection, sql, (project.to_string(), content.as_bytes()), |row| row.get(0))?.unwrap_or(false))
}
