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

/// So many of the notes, at most: by content, so that few folders have the files of many.
pub(crate) fn noted(
    connection: &Connection,
    limit: u32,
) -> Result<Vec<(ProjectId, ContentHash)>, StoreError> {
    let sql = "SELECT project, content FROM removals ORDER BY project, content LIMIT ?1";
    all(connection, sql, [limit], |row| Ok((id(row, 0)?, content(row, 1)?)))
}

pub(crate) fn forget(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM removals WHERE project = ?1 AND content = ?2";
    write(connection, sql, (project.to_string(), content.as_bytes()))
}

/// Whether a photo, a kept prediction or an export has these bytes.
pub(crate) fn is_referred_to(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM images WHERE project = ?1 AND content = ?2)
                   OR EXISTS (SELECT 1 FROM predictions
                              WHERE project = ?1 AND content = ?2 AND photo_kept = 1)
                   OR EXISTS (SELECT 1 FROM export_files WHERE project = ?1 AND content = ?2)";
    Ok(one(connection, sql, (project.to_string(), content.as_bytes()), |row| row.get(0))?.unwrap_or(false))
}

/// Whether a change is about to give these bytes a record.
pub(crate) fn is_arriving(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM arrivals WHERE project = ?1 AND content = ?2)";
    Ok(one(connection, sql, (project.to_string(), content.as_bytes()), |row| row.get(0))?.unwrap_or(false))
}

/// Whether a record has these bytes, or a change is about to give them one.
pub(crate) fn is_wanted(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<bool, StoreError> {
    Ok(is_arriving(connection, project, content)? || is_referred_to(connection, project, content)?)
}
