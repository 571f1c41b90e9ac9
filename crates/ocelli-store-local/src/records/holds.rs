//! Holds. Their reasons and expressions are sealed as the project's that they are in; those of a hold on all projects as
//! the account's, where they are bytes.

use ocelli_core::{Description, Hold, HoldId, HoldTarget, MetadataFilter, ProjectId};
use ocelli_store::StoreError;
use rusqlite::types::Type;
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{id, moment, optional_id, unreadable};
use crate::rows::Rows;
use crate::seal::{Cells, Seal};

fn read(seal: Option<&Seal>, row: &Row<'_>) -> SqlResult<Hold> {
    let hold: HoldId = id(row, 0)?;
    let cells = seal.map(|seal| seal.row("holds", &hold));
    let target = match row.get_ref(1)?.as_str()? {
        "project" => HoldTarget::Project { project_id: id(row, 2)? },
        "image" => HoldTarget::Image { project_id: id(row, 2)?, image_id: id(row, 3)? },
        "prediction" => HoldTarget::Prediction { project_id: id(row, 2)?, prediction_id: id(row, 3)? },
        "metadata" => {
            HoldTarget::Metadata { project_id: optional_id(row, 2)?, filter: read_filter(cells, row)? }
        }
        other => return Err(unreadable(1, format!("{other:?} is no kind of hold"))),
    };
    let reason = match cells {
        Some(cells) => cells.read_text("reason", row, 5)?,
        None => Description::new("(encrypted)").map_err(|error| unreadable(5, error))?,
    };
    Ok(Hold { id: hold, target, reason, placed: moment(row, 6)? })
}

/// An expression that cannot be opened keeps all that it could.
fn read_filter(cells: Option<Cells<'_>>, row: &Row<'_>) -> SqlResult<MetadataFilter> {
    let filter = match cells {
        Some(cells) => cells.read_text::<String>("filter", row, 4)?.parse(),
        None => MetadataFilter::eq("any", "").and_then(|with| with.or(MetadataFilter::ne("any", "")?)),
    };
    filter.map_err(|error| unreadable(4, error))
}

/// In the order in which they were placed. One in a project whose key cannot be had is there, without its reason, and keeps
/// all that it could; one on all projects whose key cannot be had is an error.
pub(crate) fn list(rows: &Rows<'_>) -> Result<Vec<Hold>, StoreError> {
    let sql = "SELECT id, project, reason FROM holds ORDER BY position";
    let placed: Vec<(HoldId, Option<ProjectId>, Type)> =
        all(rows, sql, (), |row| Ok((id(row, 0)?, optional_id(row, 1)?, row.get_ref(2)?.data_type())))?;
    let mut holds = Vec::with_capacity(placed.len());
    for (hold, project, kind) in placed {
        let seal = match project {
            Some(project) => match rows.seal(project) {
                Err(StoreError::Key { .. }) => None,
                // What is held is never erased; what has been is held by nobody.
                Err(StoreError::NotFound(_)) => continue,
                seal => Some(seal?),
            },
            None if kind == Type::Blob => Some(rows.account_seal()?),
            None => Some(Seal::Plain),
        };
        let sql = "SELECT id, kind, project, item, filter, reason, placed FROM holds WHERE id = ?1";
        holds.extend(one(rows, sql, [hold.to_string()], |row| read(seal.as_ref(), row))?);
    }
    Ok(holds)
}

pub(crate) fn put(rows: &Rows<'_>, hold: &Hold) -> Result<(), StoreError> {
    let sql = "INSERT INTO holds (id, kind, project, item, filter, reason, placed)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (kind, project, item, filter) = match &hold.target {
        HoldTarget::Project { project_id } => ("project", Some(*project_id), None, None),
        HoldTarget::Image { project_id, image_id } => {
            ("image", Some(*project_id), Some(image_id.to_string()), None)
        }
        HoldTarget::Prediction { project_id, prediction_id } => {
            ("prediction", Some(*project_id), Some(prediction_id.to_string()), None)
        }
        HoldTarget::Metadata { project_id, filter } => {
            ("metadata", *project_id, None, Some(filter.to_string()))
        }
    };
    let seal = match project {
        Some(project) => rows.seal(project)?,
        None => rows.account_seal()?,
    };
    let cells = seal.row("holds", &hold.id);
    let filter = filter.as_deref().map(|filter| cells.text("filter", filter)).transpose()?;
    let reason = cells.text("reason", hold.reason.as_str())?;
    let project = project.map(|project| project.to_string());
    write(rows, sql, (hold.id.to_string(), kind, project, item, filter, reason, hold.placed.as_millis()))
}

pub(crate) fn remove(connection: &Connection, hold: HoldId) -> Result<(), StoreError> {
    write(connection, "DELETE FROM holds WHERE id = ?1", [hold.to_string()])
}
