//! Which records have bytes.

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, Owner, StoreError};
use rusqlite::Connection;

use super::{all, exports};
use crate::columns::{content, id};
use crate::rows::Rows;

/// The identities of a project's bytes behind one, in order, so many at most.
pub(crate) fn contents(
    connection: &Connection,
    project: ProjectId,
    behind: Option<&ContentHash>,
    limit: u32,
) -> Result<Vec<ContentHash>, StoreError> {
    let sql = "SELECT content FROM (
                 SELECT * FROM (SELECT content FROM images WHERE project = ?1 AND content > ?2
                                ORDER BY content LIMIT ?3)
                 UNION SELECT * FROM (SELECT content FROM predictions
                                      WHERE project = ?1 AND content > ?2 AND photo_kept = 1
                                      ORDER BY content LIMIT ?3)
                 UNION SELECT * FROM (SELECT content FROM export_files WHERE project = ?1 AND content > ?2
                                      ORDER BY content LIMIT ?3)
                 UNION SELECT content FROM checkpoints WHERE project = ?1 AND content > ?2)
               ORDER BY content LIMIT ?3";
    let behind = behind.map(|content| content.as_bytes().as_slice()).unwrap_or_default();
    all(connection, sql, (project.to_string(), behind, limit), |row| content(row, 0))
}

/// The records that have these bytes.
pub(crate) fn of(rows: &Rows<'_>, project: ProjectId, bytes: &ContentHash) -> Result<Vec<Owner>, StoreError> {
    let (seal, of) = (rows.seal(project)?, (project.to_string(), bytes.as_bytes()));
    let sql = "SELECT id FROM images WHERE project = ?1 AND content = ?2";
    let mut owners: Vec<Owner> =
        all(rows, sql, (&of.0, of.1), |row| Ok(Owner::Image { project_id: project, id: id(row, 0)? }))?;
    let sql = "SELECT id FROM predictions WHERE project = ?1 AND content = ?2 AND photo_kept = 1 ORDER BY id";
    owners.extend(all(rows, sql, (&of.0, of.1), |row| {
        Ok(Owner::Prediction { project_id: project, id: id(row, 0)? })
    })?);
    let sql = "SELECT export, name FROM export_files WHERE project = ?1 AND content = ?2 ORDER BY position";
    owners.extend(all(rows, sql, (&of.0, of.1), |row| {
        let id = id(row, 0)?;
        Ok(Owner::Export {
            project_id: project,
            id,
            file: exports::read_file_name(&seal, id, bytes, row, 1)?,
        })
    })?);
    let sql = "SELECT iteration FROM checkpoints WHERE project = ?1 AND content = ?2";
    owners.extend(all(rows, sql, (&of.0, of.1), |row| {
        Ok(Owner::Checkpoint { project_id: project, id: id(row, 0)? })
    })?);
    Ok(owners)
}
