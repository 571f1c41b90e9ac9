//! How far trainings have come.

use ocelli_core::{IterationId, ProjectId};
use ocelli_store::{Checkpoint, ContentHash, StoreError};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{one, write};
use crate::columns::{content, id, optional_moment};

fn read(row: &Row<'_>) -> SqlResult<Checkpoint> {
    Ok(Checkpoint {
        iteration: id(row, 0)?,
        content: content(row, 1)?,
        size: row.get(2)?,
        oldest_photo: optional_moment(row, 3)?,
    })
}

/// That of a project.
pub(crate) fn get(connection: &Connection, project: ProjectId) -> Result<Option<Checkpoint>, StoreError> {
    let sql = "SELECT iteration, content, bytes, oldest_photo FROM checkpoints WHERE project = ?1";
    one(connection, sql, [project.to_string()], read)
}

/// The identity of its bytes, whether or not the rest can be read; of an iteration's, if one is named.
pub(crate) fn content_of(
    connection: &Connection,
    project: ProjectId,
    iteration: Option<IterationId>,
) -> Result<Option<ContentHash>, StoreError> {
    let sql = "SELECT content FROM checkpoints WHERE project = ?1 AND iteration = ifnull(?2, iteration)";
    let values = (project.to_string(), iteration.map(|iteration| iteration.to_string()));
    one(connection, sql, values, |row| content(row, 0))
}

/// Of a project that has none.
pub(crate) fn put(
    connection: &Connection,
    project: ProjectId,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO checkpoints (project, iteration, content, bytes, oldest_photo)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = (
        project.to_string(),
        checkpoint.iteration.to_string(),
        checkpoint.content.as_bytes(),
        checkpoint.size,
        checkpoint.oldest_photo.map(|at| at.as_millis()),
    );
    write(connection, sql, values)
}

pub(crate) fn remove(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    write(connection, "DELETE FROM checkpoints WHERE project = ?1", [project.to_string()])
}

/// Those of all projects.
pub(crate) fn remove_all(connection: &Connection) -> Result<(), StoreError> {
    write(connection, "DELETE FROM checkpoints", ())
}
