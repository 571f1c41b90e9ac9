//! Photos that were stored before their bytes were counted and committed to.

use ocelli_core::{Commitment, ProjectId, Salt};
use ocelli_store::{ContentHash, StoreError};
use rusqlite::{Connection, Row};

use super::{all, write};
use crate::columns::{content, id};

/// A photo to measure, be it one to train on or a kept prediction's.
#[derive(Clone, Debug)]
pub(crate) struct Unmeasured {
    table: &'static str,
    pub(crate) project: ProjectId,
    id: String,
    pub(crate) content: ContentHash,
}

/// So many of each, at most.
pub(crate) fn noted(connection: &Connection, limit: u32) -> Result<Vec<Unmeasured>, StoreError> {
    let read = |table: &'static str| {
        move |row: &Row<'_>| {
            Ok(Unmeasured { table, project: id(row, 0)?, id: row.get(1)?, content: content(row, 2)? })
        }
    };
    let sql = "SELECT project, id, content FROM images WHERE bytes IS NULL LIMIT ?1";
    let mut found = all(connection, sql, [limit], read("images"))?;
    let sql = "SELECT project, id, content FROM predictions WHERE photo_kept = 1 AND bytes IS NULL LIMIT ?1";
    found.extend(all(connection, sql, [limit], read("predictions"))?);
    Ok(found)
}

pub(crate) fn put(
    connection: &Connection,
    photo: &Unmeasured,
    bytes: usize,
    salt: &Salt,
    commitment: &Commitment,
) -> Result<(), StoreError> {
    let table = photo.table;
    let sql =
        format!("UPDATE {table} SET bytes = ?3, salt = ?4, commitment = ?5 WHERE project = ?1 AND id = ?2");
    let project = photo.project.to_string();
    write(connection, &sql, (project, &photo.id, bytes, salt.as_bytes(), commitment.as_bytes()))
}
