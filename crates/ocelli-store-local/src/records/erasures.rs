use ocelli_core::{Erased, ErasureRecord, ProjectId, Timestamp};
use ocelli_store::StoreError;
use rusqlite::types::Type;
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{id, moment};

/// The kind and the id of what was erased, as columns.
fn columns(erased: &Erased) -> Result<(&'static str, String), StoreError> {
    Ok(match erased {
        Erased::Project(id) => ("project", id.to_string()),
        Erased::Tag(id) => ("tag", id.to_string()),
        Erased::Image(id) => ("image", id.to_string()),
        Erased::Region(id) => ("region", id.to_string()),
        Erased::Metadata(id) => ("metadata", id.to_string()),
        Erased::Iteration(id) => ("iteration", id.to_string()),
        Erased::Export(id) => ("export", id.to_string()),
        Erased::Prediction(id) => ("prediction", id.to_string()),
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
        other => {
            let error = format!("{other:?} is no kind of thing that can be erased");
            return Err(rusqlite::Error::FromSqlConversionFailure(2, Type::Text, error.into()));
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

pub(crate) fn record(connection: &Connection, erasure: &ErasureRecord) -> Result<(), StoreError> {
    let (kind, id) = columns(&erasure.erased)?;
    let sql = "INSERT INTO erasures (at, project, kind, id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    write(connection, sql, (erasure.at.as_millis(), erasure.project_id.to_string(), kind, id))
}

/// Those at or after a moment, in the order in which they were recorded.
pub(crate) fn since(connection: &Connection, since: Timestamp) -> Result<Vec<ErasureRecord>, StoreError> {
    let sql = "SELECT at, project, kind, id FROM erasures WHERE at >= ?1 ORDER BY position";
    all(connection, sql, [since.as_millis()], read)
}

/// How many there have been, as the position of the last.
pub(crate) fn last(connection: &Connection) -> Result<i64, StoreError> {
    Ok(one(connection, "SELECT max(position) FROM erasures", (), |row| row.get(0))?.flatten().unwrap_or(0))
}

/// Those behind a position, in order.
pub(crate) fn behind(connection: &Connection, position: i64) -> Result<Vec<ErasureRecord>, StoreError> {
    let sql = "SELECT at, project, kind, id FROM erasures WHERE position > ?1 ORDER BY position";
    all(connection, sql, [position], read)
}
