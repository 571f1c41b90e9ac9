//! Holds. Their reasons and expressions are sealed as the project's that they are in; those of a hold on all projects as
//! the account's, where they are bytes.

use ocelli_core::{Description, Hold, HoldId, HoldTarget, MetadataFilter, ProjectId};
use ocelli_store::StoreError;
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Result as SqlResult, Row, params_from_iter};

use super::projects::{DAMAGED, ENCRYPTED};
use super::{all, keys, one, write};
use crate::columns::{id, moment, optional_id, unreadable};
use crate::keyring::KeyOwner;
use crate::rows::Rows;
use crate::seal::Seal;

fn read(seal: &Seal, row: &Row<'_>) -> SqlResult<Hold> {
    let hold: HoldId = id(row, 0)?;
    let cells = seal.row("holds", &hold);
    let target = target(row, || {
        let filter: String = cells.read_text("filter", row, 4)?;
        filter.parse().map_err(|error| unreadable(4, error))
    })?;
    Ok(Hold { id: hold, target, reason: cells.read_text("reason", row, 5)?, placed: moment(row, 6)? })
}

/// What of a hold can be told without opening or reading it. It keeps all that it could, and this is in place of its reason.
fn outline(row: &Row<'_>, reason: &str) -> SqlResult<Hold> {
    let target = match (target(row, everything), optional_id(row, 2)?) {
        (Ok(target), _) => target,
        (Err(_), Some(project_id)) => HoldTarget::Project { project_id },
        (Err(_), None) => HoldTarget::Metadata { project_id: None, filter: everything()? },
    };
    let reason = Description::new(reason).map_err(|error| unreadable(5, error))?;
    Ok(Hold { id: id(row, 0)?, target, reason, placed: moment(row, 6)? })
}

fn target(row: &Row<'_>, filter: impl FnOnce() -> SqlResult<MetadataFilter>) -> SqlResult<HoldTarget> {
    Ok(match row.get_ref(1)?.as_str()? {
        "project" => HoldTarget::Project { project_id: id(row, 2)? },
        "image" => HoldTarget::Image { project_id: id(row, 2)?, image_id: id(row, 3)? },
        "prediction" => HoldTarget::Prediction { project_id: id(row, 2)?, prediction_id: id(row, 3)? },
        "metadata" => HoldTarget::Metadata { project_id: optional_id(row, 2)?, filter: filter()? },
        other => return Err(unreadable(1, format!("{other:?} is no kind of hold"))),
    })
}

/// What any metadata meets.
fn everything() -> SqlResult<MetadataFilter> {
    let any = MetadataFilter::eq("any", "").and_then(|with| with.or(MetadataFilter::ne("any", "")?));
    any.map_err(|error| unreadable(4, error))
}

/// Those that hold: what has been erased with its project is held by nobody.
const HOLDING: &str =
    "(project IS NULL OR EXISTS (SELECT 1 FROM projects AS p WHERE p.id = holds.project AND p.erased = 0))";

/// In the order in which they were placed. One whose key cannot be had, or that is damaged, is there without its reason,
/// and keeps all that it could: one in a project, and one on all projects.
pub(crate) fn list(rows: &Rows<'_>) -> Result<Vec<Hold>, StoreError> {
    let sql = format!("SELECT id, project, reason FROM holds WHERE {HOLDING} ORDER BY position");
    let placed = all(rows, &sql, (), placed)?;
    let mut holds = Vec::with_capacity(placed.len());
    for (hold, project, kind) in placed {
        let of = [&hold.to_string()];
        let seal = match seal(rows, project, kind) {
            Err(StoreError::Key { .. } | StoreError::AccountKey(_)) => {
                holds.extend(one(rows, SELECT, of, |row| outline(row, ENCRYPTED))?);
                continue;
            }
            seal => seal?,
        };
        holds.extend(match one(rows, SELECT, of, |row| read(&seal, row)) {
            Err(StoreError::Corrupt { .. }) => one(rows, SELECT, of, |row| outline(row, DAMAGED))?,
            found => found?,
        });
    }
    Ok(holds)
}

/// A hold, which must be one that can be opened.
pub(crate) fn get(rows: &Rows<'_>, hold: HoldId) -> Result<Option<Hold>, StoreError> {
    let sql = format!("SELECT id, project, reason FROM holds WHERE id = ?1 AND {HOLDING}");
    let Some((_, project, kind)) = one(rows, &sql, [hold.to_string()], placed)? else { return Ok(None) };
    let seal = seal(rows, project, kind)?;
    one(rows, SELECT, [hold.to_string()], |row| read(&seal, row))
}

/// Whether there is one, be it one that cannot be opened or read.
pub(crate) fn has(connection: &Connection, hold: HoldId) -> Result<bool, StoreError> {
    Ok(one(connection, "SELECT 1 FROM holds WHERE id = ?1", [hold.to_string()], |_| Ok(()))?.is_some())
}

const SELECT: &str = "SELECT id, kind, project, item, filter, reason, placed FROM holds WHERE id = ?1";

/// What tells how a hold is sealed: its id, its project, and the type of its reason.
fn placed(row: &Row<'_>) -> SqlResult<(HoldId, Option<ProjectId>, Type)> {
    Ok((id(row, 0)?, optional_id(row, 1)?, row.get_ref(2)?.data_type()))
}

fn seal(rows: &Rows<'_>, project: Option<ProjectId>, kind: Type) -> Result<Seal, StoreError> {
    match project {
        Some(project) => rows.seal(project),
        None if kind == Type::Blob => rows.account_seal(),
        None => Ok(Seal::Plain),
    }
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

pub(crate) fn remove_all(connection: &Connection) -> Result<(), StoreError> {
    write(connection, "DELETE FROM holds", ())
}

/// Puts the holds of one directory into another that has none, as they are sealed, with the key of those on all projects.
pub(crate) fn copy(from: &Connection, to: &Connection) -> Result<(), StoreError> {
    let account = KeyOwner::Account;
    if let Some(wrapped) = keys::get(from, account)?
        && keys::get(to, account)?.is_none()
    {
        keys::insert(to, account, &wrapped)?;
    }
    let sql = "SELECT id, kind, project, item, filter, reason, placed, position FROM holds ORDER BY position";
    let values = |row: &Row<'_>| (0..8).map(|column| row.get(column)).collect::<SqlResult<Vec<Value>>>();
    let sql_to = "INSERT INTO holds (id, kind, project, item, filter, reason, placed, position)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    for values in all(from, sql, (), values)? {
        write(to, sql_to, params_from_iter(values))?;
    }
    Ok(())
}

pub(crate) fn remove(connection: &Connection, hold: HoldId) -> Result<(), StoreError> {
    write(connection, "DELETE FROM holds WHERE id = ?1", [hold.to_string()])
}
