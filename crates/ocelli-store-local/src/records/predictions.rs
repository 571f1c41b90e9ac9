use std::collections::BTreeSet;

use ocelli_core::{DataClass, ImagePrediction, Prediction, PredictionId, ProjectId, StoredPrediction, TagId};
use ocelli_store::{
    ContentHash, Continuation, Order, PhotoBytes, PredictionPage, PredictionParts, PredictionQuery,
    StoreError, Visibility,
};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Result as SqlResult, Row, params_from_iter};

use super::{all, one, removed_tags, write};
use crate::columns::{content, id, moment, photo_bytes};
use crate::rows::Rows;
use crate::seal::Seal;

const SELECT: &str =
    "SELECT id, iteration, created, publish_name, application, width, height, metadata, photo_kept,
                             content, bytes, salt, commitment, results_kept, results
                      FROM predictions WHERE project = ?1";
/// Kept predictions that a page with filters looks at in one go, at least.
const LOOKED_AT: usize = 100;

/// A kept prediction without when it expires, and what is recorded of its photo.
type Kept = (StoredPrediction, Option<PhotoBytes>);

fn read(seal: &Seal, project: ProjectId, row: &Row<'_>) -> SqlResult<Kept> {
    let id: PredictionId = id(row, 0)?;
    let cells = seal.row("predictions", &id);
    let photo_kept = row.get(8)?;
    let prediction = ImagePrediction {
        id,
        project_id: project,
        iteration_id: crate::columns::id(row, 1)?,
        created: moment(row, 2)?,
        predictions: if row.get(13)? { cells.read_json("results", row, 14)? } else { Vec::new() },
    };
    let kept = StoredPrediction {
        prediction,
        publish_name: cells.read_optional_name("publish_name", row, 3)?,
        application: cells.read_optional_name("application", row, 4)?,
        width: row.get(5)?,
        height: row.get(6)?,
        metadata: cells.read_json("metadata", row, 7)?,
        photo_kept,
        expires: None,
    };
    Ok((kept, if photo_kept { photo_bytes(cells, row, 9)? } else { None }))
}

pub(crate) fn get(
    rows: &Rows<'_>,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<Option<Kept>, StoreError> {
    let removed = removed_tags::of(rows, project)?;
    find(rows, project, prediction, &removed)
}

/// Without the results for these tags; none where nothing else is left.
fn find(
    rows: &Rows<'_>,
    project: ProjectId,
    prediction: PredictionId,
    removed: &BTreeSet<TagId>,
) -> Result<Option<Kept>, StoreError> {
    let seal = rows.seal(project)?;
    let values = (project.to_string(), prediction.to_string());
    let sql = format!("{SELECT} AND id = ?2");
    let Some((mut kept, bytes)) = one(rows, &sql, values, |row| read(&seal, project, row))? else {
        return Ok(None);
    };
    let results = &mut kept.prediction.predictions;
    if !removed.is_empty() && !results.is_empty() {
        results.retain(|result| !removed.contains(&result.tag_id));
        if results.is_empty() && !kept.photo_kept {
            return Ok(None);
        }
    }
    Ok(Some((kept, bytes)))
}

/// Which parts of it there are. Results for erased tags alone still count until they have been rewritten.
pub(crate) fn parts(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<Option<PredictionParts>, StoreError> {
    let sql = "SELECT created, photo_kept, results_kept FROM predictions WHERE project = ?1 AND id = ?2";
    one(connection, sql, (project.to_string(), prediction.to_string()), |row| {
        Ok(PredictionParts { created: moment(row, 0)?, photo: row.get(1)?, results: row.get(2)? })
    })
}

/// The identity of its photo's bytes, if that is kept.
pub(crate) fn content_of(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<Option<ContentHash>, StoreError> {
    let sql = "SELECT content FROM predictions WHERE project = ?1 AND id = ?2 AND photo_kept = 1";
    one(connection, sql, (project.to_string(), prediction.to_string()), |row| content(row, 0))
}

/// A page of what is to be seen.
pub(crate) fn list(
    rows: &Rows<'_>,
    project: ProjectId,
    query: &PredictionQuery,
    visibility: &Visibility,
) -> Result<PredictionPage, StoreError> {
    let removed = removed_tags::of(rows, project)?;
    // One more than the page takes tells whether another follows.
    let enough = query.take + 1;
    let mut found = Vec::new();
    let mut behind = query.continuation;
    while found.len() < enough {
        let chunk = enough.max(LOOKED_AT);
        let next = next(rows, project, query, visibility, behind, chunk)?;
        for candidate in &next {
            if let Some((kept, _)) = find(rows, project, candidate.id, &removed)?
                && let Some(kept) = visibility.prediction(kept)
                && query.admits(&kept)
            {
                found.push(kept);
                if found.len() == enough {
                    break;
                }
            }
        }
        match next.last() {
            Some(last) if next.len() == chunk => behind = Some(*last),
            _ => break,
        }
    }
    Ok(query.page(found))
}

/// The first so many behind a place, in order, of which the photo or the results may be seen.
fn next(
    connection: &Connection,
    project: ProjectId,
    query: &PredictionQuery,
    visibility: &Visibility,
    behind: Option<Continuation>,
    take: usize,
) -> Result<Vec<Continuation>, StoreError> {
    let (after, order) = match query.order {
        Order::Newest => ("<", "created DESC, id DESC"),
        Order::Oldest => (">", "created, id"),
    };
    let mut merged = BTreeSet::new();
    for (class, part) in
        [(DataClass::PredictionPhoto, "photo_kept"), (DataClass::PredictionResult, "results_kept")]
    {
        let mut sql = format!("SELECT created, id FROM predictions WHERE project = ?1 AND {part} = 1");
        let mut values: Vec<Value> = vec![project.to_string().into()];
        if let Some(cutoff) = visibility.cutoff(class) {
            sql += " AND created > ?";
            values.push(cutoff.as_millis().into());
        }
        if let Some(last) = behind {
            sql += &format!(" AND (created, id) {after} (?, ?)");
            values.extend([last.created.as_millis().into(), last.id.to_string().into()]);
        }
        if let Some(start) = query.start_time {
            sql += " AND created >= ?";
            values.push(start.as_millis().into());
        }
        if let Some(end) = query.end_time {
            sql += " AND created < ?";
            values.push(end.as_millis().into());
        }
        sql += &format!(" ORDER BY {order} LIMIT ?");
        values.push(i64::try_from(take).unwrap_or(i64::MAX).into());
        let found = all(connection, &sql, params_from_iter(values), |row| {
            Ok(Continuation { created: moment(row, 0)?, id: id(row, 1)? })
        })?;
        merged.extend(found);
    }
    let merged = merged.into_iter();
    Ok(match query.order {
        Order::Newest => merged.rev().take(take).collect(),
        Order::Oldest => merged.take(take).collect(),
    })
}

pub(crate) fn insert(
    rows: &Rows<'_>,
    kept: &StoredPrediction,
    bytes: Option<&PhotoBytes>,
) -> Result<(), StoreError> {
    let prediction = &kept.prediction;
    let seal = rows.seal(prediction.project_id)?;
    let cells = seal.row("predictions", &prediction.id);
    let results = &prediction.predictions;
    let sql =
        "INSERT INTO predictions (project, id, iteration, created, publish_name, application, width, height,
                                        metadata, photo_kept, content, bytes, salt, commitment, results_kept,
                                        results)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let values = rusqlite::params![
        prediction.project_id.to_string(),
        prediction.id.to_string(),
        prediction.iteration_id.to_string(),
        prediction.created.as_millis(),
        cells.optional_name("publish_name", kept.publish_name.as_ref())?,
        cells.optional_name("application", kept.application.as_ref())?,
        kept.width,
        kept.height,
        cells.json("metadata", &kept.metadata)?,
        bytes.is_some(),
        bytes.map(|bytes| bytes.content.as_bytes()),
        bytes.map(|bytes| bytes.size),
        bytes.map(|bytes| cells.bytes("salt", bytes.salt.as_bytes())).transpose()?,
        bytes.map(|bytes| bytes.commitment.as_bytes()),
        !results.is_empty(),
        if results.is_empty() { None } else { Some(cells.json("results", results)?) },
    ];
    write(rows, sql, values)
}

pub(crate) fn remove(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM predictions WHERE project = ?1 AND id = ?2";
    write(connection, sql, (project.to_string(), prediction.to_string()))
}

/// With its salt and commitment.
pub(crate) fn remove_photo(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<(), StoreError> {
    let sql = "UPDATE predictions
               SET photo_kept = 0, content = NULL, bytes = NULL, salt = NULL, commitment = NULL
               WHERE project = ?1 AND id = ?2";
    write(connection, sql, (project.to_string(), prediction.to_string()))
}

pub(crate) fn remove_results(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<(), StoreError> {
    let sql = "UPDATE predictions SET results_kept = 0, results = NULL WHERE project = ?1 AND id = ?2";
    write(connection, sql, (project.to_string(), prediction.to_string()))
}

/// The kept predictions that have a result for a tag, by id. Reads the results of all.
pub(crate) fn with_tag(
    rows: &Rows<'_>,
    project: ProjectId,
    tag: TagId,
) -> Result<Vec<PredictionId>, StoreError> {
    if removed_tags::of(rows, project)?.contains(&tag) {
        return Ok(Vec::new());
    }
    let mut having = Vec::new();
    let mut behind = String::new();
    loop {
        let found = results_behind(rows, project, &behind, LOOKED_AT)?;
        let Some((last, _)) = found.last() else { return Ok(having) };
        behind = last.to_string();
        let names = |results: &[Prediction]| results.iter().any(|result| result.tag_id == tag);
        having.extend(found.iter().filter(|(_, results)| names(results)).map(|(id, _)| *id));
    }
}

/// The results of the first so many kept predictions behind an id, by id.
fn results_behind(
    rows: &Rows<'_>,
    project: ProjectId,
    behind: &str,
    take: usize,
) -> Result<Vec<(PredictionId, Vec<Prediction>)>, StoreError> {
    let seal = rows.seal(project)?;
    let sql = "SELECT id, results FROM predictions WHERE project = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    all(rows, sql, (project.to_string(), behind, take), |row| {
        let id: PredictionId = id(row, 0)?;
        let results = match row.get_ref(1)?.data_type() {
            Type::Null => Vec::new(),
            _ => seal.row("predictions", &id).read_json("results", row, 1)?,
        };
        Ok((id, results))
    })
}

/// Takes the results for these tags out of the first so many kept predictions behind an id, and says up to which; none
/// where there are no more. One that has no photo either then goes.
pub(crate) fn forget_tags(
    rows: &Rows<'_>,
    project: ProjectId,
    tags: &BTreeSet<TagId>,
    behind: &str,
    take: usize,
) -> Result<Option<PredictionId>, StoreError> {
    let found = results_behind(rows, project, behind, take)?;
    let seal = rows.seal(project)?;
    let last = found.last().map(|(id, _)| *id);
    for (prediction, mut results) in found {
        let before = results.len();
        results.retain(|result| !tags.contains(&result.tag_id));
        if results.len() == before {
            continue;
        }
        if !results.is_empty() {
            let json = seal.row("predictions", &prediction).json("results", &results)?;
            let sql = "UPDATE predictions SET results = ?3 WHERE project = ?1 AND id = ?2";
            write(rows, sql, (project.to_string(), prediction.to_string(), json))?;
        } else if content_of(rows, project, prediction)?.is_some() {
            remove_results(rows, project, prediction)?;
        } else {
            remove(rows, project, prediction)?;
        }
    }
    Ok(last)
}
