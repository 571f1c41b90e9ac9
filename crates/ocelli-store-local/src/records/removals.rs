use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, StoreError};
use rusqlite::Connection;

use super::{all, one, write};
use crate::columns::{content, id};

/// A note of bytes that may have lost their last record.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    pub(crate) number: i64,
    pub(crate) project: ProjectId,
    pub(crate) content: ContentHash,
}

/// Notes that bytes may have lost their last record.
pub(crate) fn note(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO removals (project, content) VALUES (?1, ?2)";
    write(connection, sql, (project.to_string(), content.as_bytes()))
}

/// The first notes behind a number, so many at most.
pub(crate) fn noted(connection: &Connection, after: i64, limit: u32) -> Result<Vec<Removal>, StoreError> {
    let sql = "SELECT number, project, content FROM removals WHERE number > ?1 ORDER BY number LIMIT ?2";
    all(connection, sql, (after, limit), |row| {
        Ok(Removal { number: row.get(0)?, project: id(row, 1)?, content: content(row, 2)? })
    })
}

/// Whether there are notes.
pub(crate) fn are_noted(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM removals)";
    Ok(one(connection, sql, (), |row| row.get(0))?.unwrap_or(false))
}

/// Forgets the notes behind one number and up to another, but for some, in ascending order.
pub(crate) fn forget(
    connection: &Connection,
    after: i64,
    through: i64,
    but_for: &[i64],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM removals WHERE number > ?1 AND number < ?2";
    let mut after = after;
    for end in but_for.iter().copied().chain([through.saturating_add(1)]) {
        write(connection, sql, (after, end))?;
        after = end;
    }
    Ok(())
}

/// Whether a photo, a kept prediction, an export or a checkpoint has these bytes.
pub(crate) fn is_referred_to(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM images WHERE project = ?1 AND content = ?2)
                   OR EXISTS (SELECT 1 FROM predictions
                              WHERE project = ?1 AND content = ?2 AND photo_kept = 1)
                   OR EXISTS (SELECT 1 FROM export_files WHERE project = ?1 AND content = ?2)
                   OR EXISTS (SELECT 1 FROM checkpoints WHERE project = ?1 AND content = ?2)";
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
