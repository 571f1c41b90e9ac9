use ocelli_core::{
    Commitment, DataClass, Erased, ErasedItem, ErasureReason, ErasureRecord, ProjectId, Timestamp,
};
use ocelli_store::StoreError;
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{id, moment, to_word, unreadable, word};

/// The reasons of what was not due. Others are classes of data.
const REQUESTED: &str = "requested";
const ABANDONED: &str = "abandoned";

/// The kind and the id of what was erased, as columns.
pub(super) fn columns(erased: &Erased) -> Result<(&'static str, String), StoreError> {
    Ok(match erased {
        Erased::Project(id) => ("project", id.to_string()),
        Erased::Tag(id) => ("tag", id.to_string()),
        Erased::Image(id) => ("image", id.to_string()),
        Erased::Region(id) => ("region", id.to_string()),
        Erased::Metadata(id) => ("metadata", id.to_string()),
        Erased::Iteration(id) => ("iteration", id.to_string()),
        Erased::Export(id) => ("export", id.to_string()),
        Erased::Prediction(id) => ("prediction", id.to_string()),
        Erased::PredictionPhoto(id) => ("predictionPhoto", id.to_string()),
        Erased::PredictionResult(id) => ("predictionResult", id.to_string()),
        Erased::Features(id) => ("features", id.to_string()),
        other => {
            let error = format!("{other:?} is of a kind that this version does not know");
            return Err(StoreError::backend("noting an erasure")(error.into()));
        }
    })
}

fn read(row: &Row<'_>) -> SqlResult<ErasureRecord> {
    let erased = match row.get_ref(2)?.as_str()? {
        "project" => Erased::Project(id(row, 3)?),
        "tag" => Erased::Tag(id(row, 3)?),
        "image" => Erased::Image(id(row, 3)?),
        "region" => Erased::Region(id(row, 3)?),
        "metadata" => Erased::Metadata(id(row, 3)?),
        "iteration" => Erased::Iteration(id(row, 3)?),
        "export" => Erased::Export(id(row, 3)?),
        "prediction" => Erased::Prediction(id(row, 3)?),
        "predictionPhoto" => Erased::PredictionPhoto(id(row, 3)?),
        "predictionResult" => Erased::PredictionResult(id(row, 3)?),
        "features" => Erased::Features(id(row, 3)?),
        other => {
            return Err(unreadable(2, format!("{other:?} is no kind of thing that can be erased")));
        }
    };
    Ok(ErasureRecord { at: moment(row, 0)?, project_id: id(row, 1)?, erased })
}

pub(crate) fn knows(connection: &Connection, erasure: &ErasureRecord) -> Result<bool, StoreError> {
    let (kind, id) = columns(&erasure.erased)?;
    let sql =
        "SELECT EXISTS (SELECT 1 FROM erasures WHERE id = ?1 AND kind = ?2 AND project = ?3 AND at = ?4)";
    let values = (id, kind, erasure.project_id.to_string(), erasure.at.as_millis());
    Ok(one(connection, sql, values, |row| row.get(0))?.unwrap_or(false))
}

/// Whenever it was.
pub(crate) fn was(connection: &Connection, project: ProjectId, erased: &Erased) -> Result<bool, StoreError> {
    let (kind, id) = columns(erased)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM erasures WHERE id = ?1 AND kind = ?2 AND project = ?3)";
    Ok(one(connection, sql, (id, kind, project.to_string()), |row| row.get(0))?.unwrap_or(false))
}

/// One that is known already, by its record, is passed over.
pub(crate) fn record(connection: &Connection, operation: u64, item: &ErasedItem) -> Result<(), StoreError> {
    insert(connection, operation, item, false).map(|_| ())
}

/// The same of what goes along with its project. Says whether it was not known.
pub(crate) fn record_along(
    connection: &Connection,
    operation: u64,
    item: &ErasedItem,
) -> Result<bool, StoreError> {
    insert(connection, operation, item, true)
}

fn insert(
    connection: &Connection,
    operation: u64,
    item: &ErasedItem,
    along: bool,
) -> Result<bool, StoreError> {
    let ErasedItem { record, reason, commitment } = item;
    let (kind, id) = columns(&record.erased)?;
    let reason = match reason {
        ErasureReason::Requested => REQUESTED.to_owned(),
        ErasureReason::Abandoned => ABANDONED.to_owned(),
        ErasureReason::Due(class) => to_word(class)?,
        other => {
            let error = format!("{other:?} is a reason that this version does not know");
            return Err(StoreError::backend("noting an erasure")(error.into()));
        }
    };
    let sql = "INSERT INTO erasures (at, project, kind, id, operation, reason, commitment, along)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let commitment = commitment.as_ref().map(Commitment::as_bytes);
    let (at, project) = (record.at.as_millis(), record.project_id.to_string());
    write(connection, sql, (at, project, kind, id, operation, reason, commitment, along))?;
    Ok(connection.changes() > 0)
}

/// What an operation erased, in the order in which it did.
pub(crate) fn of_operation(connection: &Connection, operation: u64) -> Result<Vec<ErasedItem>, StoreError> {
    let sql = "SELECT at, project, kind, id, reason, commitment FROM erasures WHERE operation = ?1
               ORDER BY position";
    all(connection, sql, [operation], |row| {
        Ok(ErasedItem {
            record: read(row)?,
            reason: reason(row, 4)?,
            commitment: row.get::<_, Option<_>>(5)?.map(Commitment::from_bytes),
        })
    })
}

fn reason(row: &Row<'_>, index: usize) -> SqlResult<ErasureReason> {
    match row.get_ref(index)?.as_str()? {
        REQUESTED => Ok(ErasureReason::Requested),
        ABANDONED => Ok(ErasureReason::Abandoned),
        _ => word::<DataClass>(row, index).map(ErasureReason::Due),
    }
}

/// The operation in which a project was erased last, when, and why.
pub(crate) fn of_project(
    connection: &Connection,
    project: ProjectId,
) -> Result<Option<(u64, Timestamp, ErasureReason)>, StoreError> {
    let sql = "SELECT operation, at, reason FROM erasures
               WHERE id = ?1 AND kind = 'project' AND project = ?1 AND operation IS NOT NULL
               ORDER BY position DESC LIMIT 1";
    one(connection, sql, [project.to_string()], |row| Ok((row.get(0)?, moment(row, 1)?, reason(row, 2)?)))
}

/// Those at or after a moment, in the order in which they were recorded.
pub(crate) fn since(connection: &Connection, since: Timestamp) -> Result<Vec<ErasureRecord>, StoreError> {
    let sql = "SELECT at, project, kind, id FROM erasures WHERE at >= ?1 AND along = 0 ORDER BY position";
    all(connection, sql, [since.as_millis()], read)
}

/// How many there have been, as the position of the last.
pub(crate) fn last(connection: &Connection) -> Result<i64, StoreError> {
    Ok(one(connection, "SELECT max(position) FROM erasures", (), |row| row.get(0))?.flatten().unwrap_or(0))
}

/// Those behind a position, in order.
pub(crate) fn behind(connection: &Connection, position: i64) -> Result<Vec<ErasureRecord>, StoreError> {
    let sql =
        "SELECT at, project, kind, id FROM erasures WHERE position > ?1 AND along = 0 ORDER BY position";
    all(connection, sql, [position], read)
}
