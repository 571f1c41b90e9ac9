//! Tags that have been erased and may still be in the results of kept predictions: out of sight at once, and gone when the
//! results have been rewritten, in steps.

use std::collections::BTreeSet;

use ocelli_core::{ProjectId, TagId};
use ocelli_store::StoreError;
use rusqlite::Connection;

use super::{all, one, predictions, write};
use crate::columns::id;
use crate::rows::Rows;

/// Kept predictions that are rewritten in one transaction.
const REWRITTEN_AT_ONCE: usize = 500;

pub(crate) fn note(connection: &Connection, project: ProjectId, tag: TagId) -> Result<(), StoreError> {
    let sql = "INSERT INTO removed_tags (project, tag, behind) VALUES (?1, ?2, '') ON CONFLICT DO NOTHING";
    write(connection, sql, (project.to_string(), tag.to_string()))
}

/// Those of a project.
pub(crate) fn of(connection: &Connection, project: ProjectId) -> Result<BTreeSet<TagId>, StoreError> {
    let sql = "SELECT tag FROM removed_tags WHERE project = ?1";
    Ok(all(connection, sql, [project.to_string()], |row| id(row, 0))?.into_iter().collect())
}

/// Whether there are any.
pub(crate) fn are_noted(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM removed_tags)";
    Ok(one(connection, sql, (), |row| row.get(0))?.unwrap_or(false))
}

/// Whether an operation erased any of them. There are few of these, and an operation may have erased anything.
pub(crate) fn are_of(connection: &Connection, operation: u64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM removed_tags AS r CROSS JOIN erasures AS e
                              ON e.id = r.tag AND e.kind = 'tag' AND e.project = r.project
                              WHERE e.operation = ?1)";
    Ok(one(connection, sql, [operation], |row| row.get(0))?.unwrap_or(false))
}

/// A project that has some. One whose key cannot be had waits for it, and keeps nobody else waiting.
fn first(rows: &Rows<'_>) -> Result<Option<ProjectId>, StoreError> {
    for project in all(rows, "SELECT DISTINCT project FROM removed_tags", (), |row| id(row, 0))? {
        match rows.seal(project) {
            Ok(_) => return Ok(Some(project)),
            Err(StoreError::Key { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Takes a step in rewriting. Says whether there may be more to do, with the keys that there are.
pub(crate) fn forget_some(rows: &Rows<'_>) -> Result<bool, StoreError> {
    let Some(project) = first(rows)? else { return Ok(false) };
    // Those that have got as far as each other go together.
    let sql = "SELECT behind FROM removed_tags WHERE project = ?1 LIMIT 1";
    let noted = one(rows, sql, [project.to_string()], |row| row.get::<_, String>(0))?;
    let Some(behind) = noted else { return Ok(false) };
    let of = (project.to_string(), behind);
    let sql = "SELECT tag FROM removed_tags WHERE project = ?1 AND behind = ?2";
    let tags = all(rows, sql, (&of.0, &of.1), |row| id(row, 0))?.into_iter().collect();
    match predictions::forget_tags(rows, project, &tags, &of.1, REWRITTEN_AT_ONCE)? {
        Some(last) => {
            let sql = "UPDATE removed_tags SET behind = ?3 WHERE project = ?1 AND behind = ?2";
            write(rows, sql, (&of.0, &of.1, last.to_string()))?;
        }
        None => write(rows, "DELETE FROM removed_tags WHERE project = ?1 AND behind = ?2", (&of.0, &of.1))?,
    }
    Ok(true)
}
