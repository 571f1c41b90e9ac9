//! What iterations were trained on and answered. Each photo has a row of its own.

use ocelli_core::{EvaluatedPhoto, ImageId, IterationId, LeftOut, Manifest, ProjectId, TagId};
use ocelli_store::{Missing, StoreError, Trained};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, iterations, one, write};
use crate::columns::{floats, id, indices, indices_to_bytes, json, to_bytes, to_json, to_word, word};

/// The row of an iteration.
fn row_of(connection: &Connection, project: ProjectId, iteration: IterationId) -> Result<i64, StoreError> {
    let sql = "SELECT position FROM iterations WHERE project = ?1 AND id = ?2";
    one(connection, sql, (project.to_string(), iteration.to_string()), |row| row.get(0))?
        .ok_or(StoreError::NotFound(Missing::Iteration(iteration)))
}

pub(crate) fn insert(
    connection: &Connection,
    project: ProjectId,
    iteration: IterationId,
    trained: &Trained,
) -> Result<(), StoreError> {
    let row = row_of(connection, project, iteration)?;
    insert_at(connection, row, trained)
}

/// Of the iteration in this row.
pub(crate) fn insert_at(connection: &Connection, row: i64, trained: &Trained) -> Result<(), StoreError> {
    let Trained { manifest, model, looked_at } = trained;
    // The photos go into rows of their own; what is left is small.
    let mut bare = manifest.clone();
    let photos = std::mem::take(&mut bare.evaluation.photos);
    let left_out = std::mem::take(&mut bare.left_out);
    let sql = "INSERT INTO trained (iteration, manifest, erased, model) VALUES (?1, ?2, ?3, ?4)";
    write(connection, sql, (row, to_json(&bare)?, bare.erased, model))?;
    let sql =
        "INSERT INTO evaluated (iteration, image, fold, tags, probabilities) VALUES (?1, ?2, ?3, ?4, ?5)";
    for EvaluatedPhoto { photo, tags, fold, probabilities } in &photos {
        let values = (row, photo.to_string(), fold, indices_to_bytes(tags), to_bytes(probabilities));
        write(connection, sql, values)?;
    }
    let sql = "INSERT INTO left_out (iteration, image, reason) VALUES (?1, ?2, ?3)";
    for (image, reason) in &left_out {
        write(connection, sql, (row, image.to_string(), to_word(reason)?))?;
    }
    let sql = "INSERT INTO looked_at (iteration, image) VALUES (?1, ?2)";
    looked_at.iter().try_for_each(|image| write(connection, sql, (row, image.to_string())))
}

pub(crate) fn get(
    connection: &Connection,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Manifest, StoreError> {
    let row = row_of(connection, project, iteration)?;
    let sql = "SELECT manifest, erased FROM trained WHERE iteration = ?1";
    let found = one(connection, sql, [row], |row| Ok((json::<Manifest>(row, 0)?, row.get(1)?)))?;
    let (mut manifest, erased) = found.ok_or(StoreError::NotFound(Missing::Model(iteration)))?;
    manifest.erased = erased;
    let sql = "SELECT image, fold, tags, probabilities FROM evaluated WHERE iteration = ?1 ORDER BY position";
    manifest.evaluation.photos = all(connection, sql, [row], evaluated)?;
    let sql = "SELECT image, reason FROM left_out WHERE iteration = ?1 ORDER BY position";
    manifest.left_out =
        all(connection, sql, [row], |row| Ok((id::<ImageId>(row, 0)?, word::<LeftOut>(row, 1)?)))?;
    Ok(manifest)
}

fn evaluated(row: &Row<'_>) -> SqlResult<EvaluatedPhoto> {
    Ok(EvaluatedPhoto {
        photo: id(row, 0)?,
        fold: row.get(1)?,
        tags: indices(row, 2)?,
        probabilities: floats(row, 3)?,
    })
}

pub(crate) fn model(
    connection: &Connection,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Vec<u8>, StoreError> {
    let row = row_of(connection, project, iteration)?;
    one(connection, "SELECT model FROM trained WHERE iteration = ?1", [row], |row| row.get(0))?
        .ok_or(StoreError::NotFound(Missing::Model(iteration)))
}

/// The iterations that were trained on a tag.
pub(crate) fn with_tag(
    connection: &Connection,
    project: ProjectId,
    tag: TagId,
) -> Result<Vec<IterationId>, StoreError> {
    let mut having = Vec::new();
    for iteration in iterations::list(connection, project)? {
        let row = row_of(connection, project, iteration.id)?;
        let sql = "SELECT manifest FROM trained WHERE iteration = ?1";
        let manifest = one(connection, sql, [row], |row| json::<Manifest>(row, 0))?;
        if manifest.is_some_and(|manifest| manifest.evaluation.tags.iter().any(|trained| trained.id == tag)) {
            having.push(iteration.id);
        }
    }
    Ok(having)
}

/// Takes a photo out of all that iterations know, counts it where it was trained on or calibrated with, and says in which
/// that was.
pub(crate) fn forget(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
) -> Result<Vec<IterationId>, StoreError> {
    let of = (project.to_string(), image.to_string());
    let sql = "SELECT id, position FROM iterations WHERE project = ?1
               AND (EXISTS (SELECT 1 FROM evaluated WHERE image = ?2 AND iteration = iterations.position)
                    OR EXISTS (SELECT 1 FROM looked_at WHERE image = ?2 AND iteration = iterations.position))
               ORDER BY position";
    let having: Vec<(IterationId, i64)> =
        all(connection, sql, (&of.0, &of.1), |row| Ok((id(row, 0)?, row.get(1)?)))?;
    for (_, row) in &having {
        write(connection, "UPDATE trained SET erased = erased + 1 WHERE iteration = ?1", [row])?;
    }
    for table in ["evaluated", "looked_at", "left_out"] {
        let sql = format!(
            "DELETE FROM {table} WHERE image = ?2
             AND iteration IN (SELECT position FROM iterations WHERE project = ?1)"
        );
        write(connection, &sql, (&of.0, &of.1))?;
    }
    Ok(having.into_iter().map(|(iteration, _)| iteration).collect())
}
