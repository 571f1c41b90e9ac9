//! Photos that were stored before their bytes were counted and committed to.

use ocelli_core::{Commitment, ProjectId, Salt};
use ocelli_store::{ContentHash, ContentKey, StoreError};
use rusqlite::Connection;

use super::{all, write};
use crate::columns::{content, id};

/// The tables that have such, each with the condition of its index.
const TABLES: [(&str, &str); 2] =
    [("images", "t.bytes IS NULL"), ("predictions", "t.photo_kept = 1 AND t.bytes IS NULL")];

/// A photo to measure, be it one to train on or a kept prediction's. Its project is a plain one: others are younger.
#[derive(Clone, Debug)]
pub(crate) struct Unmeasured {
    table: usize,
    pub(crate) project: ProjectId,
    id: String,
    pub(crate) content: ContentHash,
    pub(crate) key: ContentKey,
}

/// Up to where measuring has come, table by table: what could not be measured is not looked at again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    table: usize,
    behind: (String, String),
}

/// The next so many, at most; none where there are no more.
pub(crate) fn next(
    connection: &Connection,
    measured: &mut Measured,
    limit: u32,
) -> Result<Vec<Unmeasured>, StoreError> {
    while let Some((table, condition)) = TABLES.get(measured.table) {
        let sql = format!(
            "SELECT t.project, t.id, t.content, p.content_key FROM {table} AS t
             JOIN projects AS p ON p.id = t.project AND p.erased = 0
             WHERE {condition} AND (t.project, t.id) > (?1, ?2) ORDER BY t.project, t.id LIMIT ?3"
        );
        let (project, behind) = &measured.behind;
        let found = all(connection, &sql, (project, behind, limit), |row| {
            Ok(Unmeasured {
                table: measured.table,
                project: id(row, 0)?,
                id: row.get(1)?,
                content: content(row, 2)?,
                key: row.get(3).map(ContentKey::new)?,
            })
        })?;
        if let Some(last) = found.last() {
            measured.behind = (last.project.to_string(), last.id.clone());
            return Ok(found);
        }
        *measured = Measured { table: measured.table + 1, behind: Default::default() };
    }
    Ok(Vec::new())
}

pub(crate) fn put(
    connection: &Connection,
    photo: &Unmeasured,
    bytes: usize,
    salt: &Salt,
    commitment: &Commitment,
) -> Result<(), StoreError> {
    let Some((table, _)) = TABLES.get(photo.table) else { return Ok(()) };
    let sql =
        format!("UPDATE {table} SET bytes = ?3, salt = ?4, commitment = ?5 WHERE project = ?1 AND id = ?2");
    let project = photo.project.to_string();
    write(connection, &sql, (project, &photo.id, bytes, salt.as_bytes(), commitment.as_bytes()))
}
