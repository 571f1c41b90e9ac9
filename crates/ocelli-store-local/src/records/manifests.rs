//! What iterations were trained on and answered. Each photo has a row of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ocelli_core::{EvaluatedPhoto, ImageId, IterationId, LeftOut, Manifest, ProjectId, TagId, Timestamp};
use ocelli_store::{Missing, StoreError, Trained, forget_due};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, iterations, one, write};
use crate::columns::{floats, id, indices, indices_to_bytes, to_bytes, to_word};
use crate::rows::Rows;
use crate::seal::Seal;

/// The row of an iteration.
fn row_of(connection: &Connection, project: ProjectId, iteration: IterationId) -> Result<i64, StoreError> {
    let sql = "SELECT position FROM iterations WHERE project = ?1 AND id = ?2";
    one(connection, sql, (project.to_string(), iteration.to_string()), |row| row.get(0))?
        .ok_or(StoreError::NotFound(Missing::Iteration(iteration)))
}

pub(crate) fn insert(
    rows: &Rows<'_>,
    project: ProjectId,
    iteration: IterationId,
    trained: &Trained,
) -> Result<(), StoreError> {
    let (seal, row) = (rows.seal(project)?, row_of(rows, project, iteration)?);
    insert_at(rows, &seal, iteration, row, trained)
}

/// What a photo's row goes by where it is sealed.
fn row_id(iteration: IterationId, photo: ImageId) -> String {
    format!("{iteration}/{photo}")
}

/// The same of one that was evaluated: what was answered in a test does not pass for what was answered to a photo held out.
fn evaluated_id(iteration: IterationId, photo: ImageId, test: bool) -> String {
    let test = if test { "/test" } else { "" };
    format!("{iteration}/{photo}{test}")
}

/// Of the iteration in this row.
pub(crate) fn insert_at(
    connection: &Connection,
    seal: &Seal,
    iteration: IterationId,
    row: i64,
    trained: &Trained,
) -> Result<(), StoreError> {
    let Trained { manifest, model, looked_at } = trained;
    // The photos go into rows of their own; what is left is small.
    let mut bare = manifest.clone();
    let photos = std::mem::take(&mut bare.evaluation.photos);
    let left_out = std::mem::take(&mut bare.left_out);
    let tested = bare.test.as_mut().map(|test| std::mem::take(&mut test.photos)).unwrap_or_default();
    let sql =
        "INSERT INTO trained (iteration, manifest, erased, test_erased, model) VALUES (?1, ?2, ?3, ?4, ?5)";
    let cells = seal.row("trained", &iteration);
    let (manifest, model) = (cells.json("manifest", &bare)?, cells.bytes("model", model)?);
    write(connection, sql, (row, manifest, bare.erased, bare.test_erased, model))?;
    for (photos, test) in [(&photos, false), (&tested, true)] {
        insert_evaluated(connection, seal, iteration, row, photos, test)?;
    }
    let sql = "INSERT INTO left_out (iteration, image, reason) VALUES (?1, ?2, ?3)";
    for (image, reason) in &left_out {
        let (id, reason) = (row_id(iteration, *image), to_word(reason)?);
        let reason = seal.row("left_out", &id).text("reason", &reason)?;
        write(connection, sql, (row, image.to_string(), reason))?;
    }
    let sql = "INSERT INTO looked_at (iteration, image) VALUES (?1, ?2)";
    looked_at.iter().try_for_each(|image| write(connection, sql, (row, image.to_string())))
}

fn insert_evaluated(
    connection: &Connection,
    seal: &Seal,
    iteration: IterationId,
    row: i64,
    photos: &[EvaluatedPhoto],
    test: bool,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO evaluated (iteration, image, fold, tags, probabilities, test)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    for EvaluatedPhoto { photo, tags, fold, probabilities } in photos {
        let (tags, probabilities) = (indices_to_bytes(tags), to_bytes(probabilities));
        let id = evaluated_id(iteration, *photo, test);
        let cells = seal.row("evaluated", &id);
        let (tags, probabilities) =
            (cells.bytes("tags", &tags)?, cells.bytes("probabilities", &probabilities)?);
        write(connection, sql, (row, photo.to_string(), fold, tags, probabilities, test))?;
    }
    Ok(())
}

pub(crate) fn get(
    rows: &Rows<'_>,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Manifest, StoreError> {
    let (seal, row) = (rows.seal(project)?, row_of(rows, project, iteration)?);
    let cells = seal.row("trained", &iteration);
    let sql = "SELECT manifest, erased, test_erased FROM trained WHERE iteration = ?1";
    let found = one(rows, sql, [row], |row| {
        let manifest: Manifest = cells.read_json("manifest", row, 0)?;
        Ok(Manifest { erased: row.get(1)?, test_erased: row.get(2)?, ..manifest })
    })?;
    let mut manifest = found.ok_or(StoreError::NotFound(Missing::Model(iteration)))?;
    let sql = "SELECT image, fold, tags, probabilities, test FROM evaluated
               WHERE iteration = ?1 AND test = ?2 ORDER BY position";
    let photos = |test: bool| all(rows, sql, (row, test), |row| evaluated(&seal, iteration, row));
    manifest.evaluation.photos = photos(false)?;
    if let Some(test) = &mut manifest.test {
        test.photos = photos(true)?;
    }
    let sql = "SELECT image, reason FROM left_out WHERE iteration = ?1 ORDER BY position";
    manifest.left_out = all(rows, sql, [row], |row| {
        let image: ImageId = id(row, 0)?;
        let id = row_id(iteration, image);
        Ok((image, seal.row("left_out", &id).read_word::<LeftOut>("reason", row, 1)?))
    })?;
    Ok(manifest)
}

/// The same without the photos that were stored at or before this moment.
pub(crate) fn get_after(
    rows: &Rows<'_>,
    project: ProjectId,
    iteration: IterationId,
    cutoff: Option<Timestamp>,
) -> Result<Manifest, StoreError> {
    let mut manifest = get(rows, project, iteration)?;
    if let Some(cutoff) = cutoff {
        let row = row_of(rows, project, iteration)?;
        let sql = "SELECT image FROM looked_at WHERE iteration = ?1";
        let looked_at: Vec<ImageId> = all(rows, sql, [row], |row| id(row, 0))?;
        let of = |table| {
            format!(
                "SELECT t.image FROM {table} AS t CROSS JOIN images AS i ON i.project = ?1 AND i.id = t.image
                 WHERE t.iteration = ?3 AND i.created <= ?2"
            )
        };
        let sql = ["evaluated", "looked_at", "left_out"].map(of).join(" UNION ");
        let due = all(rows, &sql, (project.to_string(), cutoff.as_millis(), row), |row| id(row, 0))?;
        let due: BTreeSet<ImageId> = due.into_iter().collect();
        forget_due(&mut manifest, &looked_at, |image| due.contains(&image));
    }
    Ok(manifest)
}

fn evaluated(seal: &Seal, iteration: IterationId, row: &Row<'_>) -> SqlResult<EvaluatedPhoto> {
    let photo = id(row, 0)?;
    let id = evaluated_id(iteration, photo, row.get(4)?);
    let cells = seal.row("evaluated", &id);
    Ok(EvaluatedPhoto {
        photo,
        fold: row.get(1)?,
        tags: indices(&cells.read_bytes("tags", row, 2)?, 2)?,
        probabilities: floats(&cells.read_bytes("probabilities", row, 3)?, 3)?,
    })
}

pub(crate) fn model(
    rows: &Rows<'_>,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Vec<u8>, StoreError> {
    let (seal, row) = (rows.seal(project)?, row_of(rows, project, iteration)?);
    let cells = seal.row("trained", &iteration);
    let sql = "SELECT model FROM trained WHERE iteration = ?1";
    one(rows, sql, [row], |row| cells.read_bytes("model", row, 0).map(Cow::into_owned))?
        .ok_or(StoreError::NotFound(Missing::Model(iteration)))
}

/// The iterations that were trained on a tag.
pub(crate) fn with_tag(
    rows: &Rows<'_>,
    project: ProjectId,
    tag: TagId,
) -> Result<Vec<IterationId>, StoreError> {
    let (seal, mut having) = (rows.seal(project)?, Vec::new());
    for iteration in iterations::list(rows, project)? {
        let row = row_of(rows, project, iteration.id)?;
        let cells = seal.row("trained", &iteration.id);
        let sql = "SELECT manifest FROM trained WHERE iteration = ?1";
        let manifest = one(rows, sql, [row], |row| cells.read_json::<Manifest>("manifest", row, 0))?;
        if manifest.is_some_and(|manifest| manifest.evaluation.tags.iter().any(|trained| trained.id == tag)) {
            having.push(iteration.id);
        }
    }
    Ok(having)
}

/// The iterations that were trained on one of these photos, or calibrated with one, by id.
pub(crate) fn trained_on(
    connection: &Connection,
    project: ProjectId,
    images: &[ImageId],
) -> Result<Vec<IterationId>, StoreError> {
    let sql = "SELECT id FROM iterations WHERE project = ?1
               AND (EXISTS (SELECT 1 FROM evaluated
                            WHERE image = ?2 AND iteration = iterations.position AND test = 0)
                    OR EXISTS (SELECT 1 FROM looked_at WHERE image = ?2 AND iteration = iterations.position))";
    let project = project.to_string();
    let mut found = BTreeSet::new();
    for image in images {
        let on_it = all(connection, sql, (&project, image.to_string()), |row| id::<IterationId>(row, 0))?;
        found.extend(on_it);
    }
    Ok(found.into_iter().collect())
}

/// Takes a photo out of all that iterations know, counts it where it was trained on or calibrated with, and says in which
/// that was; and counts it apart where it was tested on.
pub(crate) fn forget(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
) -> Result<Vec<IterationId>, StoreError> {
    let of = (project.to_string(), image.to_string());
    let sql = "SELECT id, position FROM iterations WHERE project = ?1
               AND (EXISTS (SELECT 1 FROM evaluated
                            WHERE image = ?2 AND iteration = iterations.position AND test = 0)
                    OR EXISTS (SELECT 1 FROM looked_at WHERE image = ?2 AND iteration = iterations.position))
               ORDER BY position";
    let having: Vec<(IterationId, i64)> =
        all(connection, sql, (&of.0, &of.1), |row| Ok((id(row, 0)?, row.get(1)?)))?;
    for (_, row) in &having {
        write(connection, "UPDATE trained SET erased = erased + 1 WHERE iteration = ?1", [row])?;
    }
    let sql = "UPDATE trained SET test_erased = test_erased + 1 WHERE iteration IN
               (SELECT i.position FROM evaluated AS e JOIN iterations AS i ON i.position = e.iteration
                WHERE e.image = ?2 AND e.test = 1 AND i.project = ?1)";
    write(connection, sql, (&of.0, &of.1))?;
    for table in ["evaluated", "looked_at", "left_out"] {
        let sql = format!(
            "DELETE FROM {table} WHERE image = ?2
             AND iteration IN (SELECT position FROM iterations WHERE project = ?1)"
        );
        write(connection, &sql, (&of.0, &of.1))?;
    }
    Ok(having.into_iter().map(|(iteration, _)| iteration).collect())
}
