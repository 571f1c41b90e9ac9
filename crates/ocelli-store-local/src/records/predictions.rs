use ocelli_core::{ImagePrediction, Name, Prediction, PredictionId, ProjectId, StoredPrediction, Timestamp};
use ocelli_store::{ContentHash, Order, PredictionPage, PredictionQuery, StoreError};
use rusqlite::types::Value;
use rusqlite::{Connection, Result as SqlResult, Row, params_from_iter};

use super::{all, one, write};
use crate::columns::{content, id, json, moment, optional_name, text, to_json, to_word, word};

const SELECT: &str =
    "SELECT project, id, iteration, created, expires, publish_name, application, width, height,
                             content FROM predictions AS p WHERE p.project = ?1";

/// All but the tags, and the identity of the photo.
fn read(row: &Row<'_>) -> SqlResult<(StoredPrediction, ContentHash)> {
    let prediction = ImagePrediction {
        project_id: id(row, 0)?,
        id: id(row, 1)?,
        iteration_id: id(row, 2)?,
        created: moment(row, 3)?,
        predictions: Vec::new(),
    };
    let kept = StoredPrediction {
        prediction,
        expires: moment(row, 4)?,
        publish_name: optional_name(row, 5)?,
        application: optional_name(row, 6)?,
        width: row.get(7)?,
        height: row.get(8)?,
    };
    Ok((kept, content(row, 9)?))
}

fn read_tag(row: &Row<'_>) -> SqlResult<Prediction> {
    let bounded = row.get_ref(4)?.data_type() != rusqlite::types::Type::Null;
    Ok(Prediction {
        tag_id: id(row, 0)?,
        tag_name: text(row, 1)?,
        tag_type: word(row, 2)?,
        probability: row.get(3)?,
        bounding_box: if bounded { Some(json(row, 4)?) } else { None },
    })
}

/// Adds the probabilities.
fn complete(connection: &Connection, mut kept: StoredPrediction) -> Result<StoredPrediction, StoreError> {
    let sql = "SELECT tag, name, type, probability, bounding_box FROM prediction_tags
               WHERE project = ?1 AND prediction = ?2 ORDER BY rank";
    let of = (kept.prediction.project_id.to_string(), kept.prediction.id.to_string());
    kept.prediction.predictions = all(connection, sql, of, read_tag)?;
    Ok(kept)
}

pub(crate) fn get(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<Option<(StoredPrediction, ContentHash)>, StoreError> {
    let values = (project.to_string(), prediction.to_string());
    match one(connection, &format!("{SELECT} AND p.id = ?2"), values, read)? {
        Some((kept, content)) => Ok(Some((complete(connection, kept)?, content))),
        None => Ok(None),
    }
}

pub(crate) fn list(
    connection: &Connection,
    project: ProjectId,
    query: &PredictionQuery,
    now: Timestamp,
) -> Result<PredictionPage, StoreError> {
    let (after, order) = match query.order {
        Order::Newest => ("<", "p.created DESC, p.id DESC"),
        Order::Oldest => (">", "p.created, p.id"),
    };
    let mut sql = format!("{SELECT} AND p.expires > ?2");
    let mut values: Vec<Value> = vec![project.to_string().into(), now.as_millis().into()];
    if let Some(last) = query.continuation {
        sql += &format!(" AND (p.created, p.id) {after} (?, ?)");
        values.extend([last.created.as_millis().into(), last.id.to_string().into()]);
    }
    if let Some(iteration) = query.iteration_id {
        sql += " AND p.iteration = ?";
        values.push(iteration.to_string().into());
    }
    if let Some(start) = query.start_time {
        sql += " AND p.created >= ?";
        values.push(start.as_millis().into());
    }
    if let Some(end) = query.end_time {
        sql += " AND p.created < ?";
        values.push(end.as_millis().into());
    }
    if let Some(application) = &query.application {
        sql += " AND p.application = ?";
        values.push(application.as_str().to_owned().into());
    }
    for range in &query.tags {
        sql += " AND EXISTS (SELECT 1 FROM prediction_tags AS t WHERE t.project = p.project
                             AND t.prediction = p.id AND t.tag = ? AND t.probability BETWEEN ? AND ?)";
        let ends = [range.min, range.max].map(|end| Value::Real(f64::from(end.value())));
        values.push(range.tag_id.to_string().into());
        values.extend(ends);
    }
    sql += &format!(" ORDER BY {order} LIMIT ?");
    // One more than the page takes tells whether another follows.
    values.push(i64::try_from(query.take + 1).unwrap_or(i64::MAX).into());
    let found = all(connection, &sql, params_from_iter(values), read)?;
    let found: Result<_, StoreError> =
        found.into_iter().map(|(kept, _)| complete(connection, kept)).collect();
    Ok(query.page(found?))
}

pub(crate) fn insert(
    connection: &Connection,
    kept: &StoredPrediction,
    content: &ContentHash,
) -> Result<(), StoreError> {
    let prediction = &kept.prediction;
    let of = (prediction.project_id.to_string(), prediction.id.to_string());
    let sql = "INSERT INTO predictions (project, id, iteration, content, created, expires, publish_name,
                                        application, width, height)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = (
        &of.0,
        &of.1,
        prediction.iteration_id.to_string(),
        content.as_bytes(),
        prediction.created.as_millis(),
        kept.expires.as_millis(),
        kept.publish_name.as_ref().map(Name::as_str),
        kept.application.as_ref().map(Name::as_str),
        kept.width,
        kept.height,
    );
    write(connection, sql, values)?;
    let sql =
        "INSERT INTO prediction_tags (project, prediction, rank, tag, name, type, probability, bounding_box)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    for (rank, each) in (0_i64..).zip(&prediction.predictions) {
        let values = (
            &of.0,
            &of.1,
            rank,
            each.tag_id.to_string(),
            each.tag_name.as_str(),
            to_word(&each.tag_type)?,
            each.probability,
            each.bounding_box.as_ref().map(to_json).transpose()?,
        );
        write(connection, sql, values)?;
    }
    Ok(())
}

/// The identity of its photo's bytes.
pub(crate) fn content_of(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<Option<ContentHash>, StoreError> {
    let sql = "SELECT content FROM predictions WHERE project = ?1 AND id = ?2";
    one(connection, sql, (project.to_string(), prediction.to_string()), |row| content(row, 0))
}

/// Its tags go with it.
pub(crate) fn remove(
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM predictions WHERE project = ?1 AND id = ?2";
    write(connection, sql, (project.to_string(), prediction.to_string()))
}
