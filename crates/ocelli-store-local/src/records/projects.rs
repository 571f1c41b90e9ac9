use ocelli_core::{
    Commitment, Description, Erased, ErasedItem, ErasureRecord, Name, Project, ProjectId, ProjectSettings,
    Retention, RetentionPolicy, Timestamp,
};
use ocelli_store::{ContentKey, Missing, ProjectState, StoreError, is_due};
use rusqlite::types::Type;
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{account, all, erasures, features, images, keys, one, operations, predictions, write};
use crate::columns::{id, json, moment, optional_moment, to_json, unreadable};
use crate::error::During;
use crate::rows::Rows;
use crate::seal::Seal;

/// In place of names that cannot be opened, and of those that cannot be read.
pub(crate) const ENCRYPTED: &str = "(encrypted)";
pub(crate) const DAMAGED: &str = "(damaged)";

/// Things of an erased project that go in one transaction.
const ERASED_AT_ONCE: u32 = 500;

const SELECT: &str = "SELECT id, name, description, settings, created, last_modified, deleted,
                             (SELECT 1 FROM project_keys AS k WHERE k.project = projects.id)
                      FROM projects WHERE erased = 0";

fn read(seal: &Seal, row: &Row<'_>) -> SqlResult<Project> {
    let id: ProjectId = id(row, 0)?;
    let cells = seal.row("projects", &id);
    Ok(Project {
        id,
        name: cells.read_text("name", row, 1)?,
        description: cells.read_text("description", row, 2)?,
        settings: cells.read_json("settings", row, 3)?,
        created: moment(row, 4)?,
        last_modified: moment(row, 5)?,
        deleted: optional_moment(row, 6)?,
    })
}

pub(crate) fn count(connection: &Connection) -> Result<usize, StoreError> {
    let sql = "SELECT count(*) FROM projects WHERE erased = 0 AND deleted IS NULL";
    Ok(one(connection, sql, (), |row| row.get(0))?.unwrap_or(0))
}

pub(crate) fn get(rows: &Rows<'_>, project: ProjectId) -> Result<Option<Project>, StoreError> {
    let seal = match rows.seal(project) {
        Err(StoreError::NotFound(_)) => return Ok(None),
        seal => seal?,
    };
    one(rows, &format!("{SELECT} AND id = ?1"), [project.to_string()], |row| read(&seal, row))
}

/// What of a project can be told without opening or reading it, with something in place of the rest and this as its name. It
/// is for listing and erasing only, and is not to be written back.
pub(crate) fn outline(
    connection: &Connection,
    project: ProjectId,
    name: &str,
) -> Result<Option<Project>, StoreError> {
    let name = Name::new(name)?;
    one(connection, &format!("{SELECT} AND id = ?1"), [project.to_string()], |row| {
        Ok(Project {
            id: project,
            name,
            description: Description::default(),
            settings: ProjectSettings::default(),
            created: moment(row, 4)?,
            last_modified: moment(row, 5)?,
            deleted: optional_moment(row, 6)?,
        })
    })
}

/// One whose key cannot be had is left out: asking for it by its id says why. One that is damaged is there as an outline, so
/// that what it holds goes in its time, and that it can be erased.
pub(crate) fn list(rows: &Rows<'_>, state: ProjectState, now: Timestamp) -> Result<Vec<Project>, StoreError> {
    const ORDER: &str = "ORDER BY created, id";
    // Most are plain, and read in one go.
    let read = |row: &Row<'_>| {
        let id = id::<ProjectId>(row, 0)?;
        Ok(match row.get_ref(7)?.data_type() {
            Type::Null => read(&Seal::Plain, row).map_err(|_| id),
            _ => Err(id),
        })
    };
    let account = account::get(rows)?;
    if account.closed.is_some() {
        return Ok(Vec::new());
    }
    let found = match state {
        ProjectState::Live => all(rows, &format!("{SELECT} AND deleted IS NULL {ORDER}"), (), read)?,
        ProjectState::DeletedSince(since) => {
            all(rows, &format!("{SELECT} AND deleted >= ?1 {ORDER}"), [since.as_millis()], read)?
        }
    };
    let mut projects = Vec::with_capacity(found.len());
    for found in found {
        match found.or_else(|id| get_or_outline(rows, id)?.ok_or(lost(id))) {
            Ok(project) if is_due(&project, &account, now) => {}
            Ok(project) => projects.push(project),
            Err(error @ StoreError::Key { .. }) => {
                tracing::warn!(%error, "a project is left out of the list");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(projects)
}

fn get_or_outline(rows: &Rows<'_>, project: ProjectId) -> Result<Option<Project>, StoreError> {
    match get(rows, project) {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::warn!(%error, %project, "a project is listed without what cannot be read of it");
            outline(rows, project, DAMAGED)
        }
        found => found,
    }
}

fn lost(project: ProjectId) -> StoreError {
    StoreError::NotFound(Missing::Project(project))
}

/// The ids of all projects that have not been erased, deleted or not.
pub(crate) fn all_ids(connection: &Connection) -> Result<Vec<ProjectId>, StoreError> {
    all(connection, "SELECT id FROM projects WHERE erased = 0 ORDER BY id", (), |row| id(row, 0))
}

/// Refuses a project that has been deleted, or is of a closed account, or that there never was.
pub(crate) fn check_live(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM projects WHERE id = ?1 AND erased = 0 AND deleted IS NULL
               AND NOT EXISTS (SELECT 1 FROM account WHERE closed IS NOT NULL)";
    one(connection, sql, [project.to_string()], |_| Ok(()))?
        .ok_or(StoreError::NotFound(Missing::Project(project)))
}

pub(crate) fn key(rows: &Rows<'_>, project: ProjectId) -> Result<Option<ContentKey>, StoreError> {
    let seal = rows.seal(project)?;
    let sql = "SELECT content_key FROM projects WHERE id = ?1 AND erased = 0";
    one(rows, sql, [project.to_string()], |row| {
        let bytes = seal.row("projects", &project).read_bytes("content_key", row, 0)?;
        let key = <[u8; 32]>::try_from(&*bytes);
        key.map(ContentKey::new).map_err(|error| unreadable(0, error))
    })
}

/// A new project, which gets a key where this handle encrypts.
pub(crate) fn insert(rows: &Rows<'_>, project: &Project, key: &ContentKey) -> Result<(), StoreError> {
    let seal = rows.begin(project.id)?;
    let cells = seal.row("projects", &project.id);
    let sql =
        "INSERT INTO projects (id, name, description, settings, created, last_modified, deleted, content_key,
                               retention)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = (
        project.id.to_string(),
        cells.text("name", project.name.as_str())?,
        cells.text("description", project.description.as_str())?,
        cells.json("settings", &project.settings)?,
        project.created.as_millis(),
        project.last_modified.as_millis(),
        project.deleted.map(|at| at.as_millis()),
        cells.bytes("content_key", key.as_bytes())?,
        to_json(&Retention::<RetentionPolicy>::default())?,
    );
    write(rows, sql, values)
}

pub(crate) fn update(rows: &Rows<'_>, project: &Project) -> Result<(), StoreError> {
    let seal = rows.seal(project.id)?;
    let cells = seal.row("projects", &project.id);
    let sql =
        "UPDATE projects SET name = ?2, description = ?3, settings = ?4, last_modified = ?5, deleted = ?6
               WHERE id = ?1";
    let values = (
        project.id.to_string(),
        cells.text("name", project.name.as_str())?,
        cells.text("description", project.description.as_str())?,
        cells.json("settings", &project.settings)?,
        project.last_modified.as_millis(),
        project.deleted.map(|at| at.as_millis()),
    );
    write(rows, sql, values)
}

/// Says when a project was deleted, which is not sealed.
pub(crate) fn put_deleted(
    connection: &Connection,
    project: ProjectId,
    deleted: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "UPDATE projects SET deleted = ?2 WHERE id = ?1 AND erased = 0";
    write(connection, sql, (project.to_string(), deleted.map(|at| at.as_millis())))
}

/// Those whose keys cannot be had, by id.
pub(crate) fn locked(rows: &Rows<'_>) -> Result<Vec<ProjectId>, StoreError> {
    let sql = "SELECT p.id FROM projects AS p JOIN project_keys AS k ON k.project = p.id WHERE p.erased = 0 ORDER BY p.id";
    let mut locked = all(rows, sql, (), |row| id(row, 0))?;
    let mut failure = None;
    locked.retain(|project| match rows.seal(*project) {
        Err(StoreError::Key { .. }) => true,
        Err(error) => {
            failure = Some(error);
            false
        }
        Ok(_) => false,
    });
    failure.map_or(Ok(locked), Err)
}

/// How long a project keeps what it holds.
pub(crate) fn retention(
    connection: &Connection,
    project: ProjectId,
) -> Result<Option<Retention<RetentionPolicy>>, StoreError> {
    let sql = "SELECT retention FROM projects WHERE id = ?1 AND erased = 0";
    one(connection, sql, [project.to_string()], |row| json(row, 0))
}

pub(crate) fn put_retention(
    connection: &Connection,
    project: ProjectId,
    retention: &Retention<RetentionPolicy>,
) -> Result<(), StoreError> {
    let sql = "UPDATE projects SET retention = ?2 WHERE id = ?1 AND erased = 0";
    write(connection, sql, (project.to_string(), to_json(retention)?))
}

/// Makes a project unseen, and takes at once what its own row says of it. What it owned goes in steps
/// ([`erase_some`]).
pub(crate) fn erase(rows: &Rows<'_>, project: ProjectId) -> Result<(), StoreError> {
    rows.destroy_key(project)?;
    // Its results go as a whole, and can be opened no more.
    write(rows, "DELETE FROM removed_tags WHERE project = ?1", [project.to_string()])?;
    write(rows, "DELETE FROM holds WHERE project = ?1", [project.to_string()])?;
    let sql = "UPDATE projects SET erased = 1, name = '', description = '', settings = '', content_key = x'',
                                   retention = ''
               WHERE id = ?1";
    write(rows, sql, [project.to_string()])
}

/// A project that has been erased and whose row is still there, if any.
pub(crate) fn erased(connection: &Connection) -> Result<Option<ProjectId>, StoreError> {
    one(connection, "SELECT id FROM projects WHERE erased = 1", (), |row| id(row, 0))
}

/// Takes some of what an erased project owned away, so much that a transaction stays short, and notes its photos, kept
/// predictions, exports and iterations in the operation that the project was erased in. Says whether there may be more.
pub(crate) fn erase_some(connection: &Connection, project: ProjectId) -> Result<bool, StoreError> {
    Ok(erase_images(connection, project)?
        || erase_predictions(connection, project)?
        || erase_step(connection, project, OF_ITERATIONS)?
        || erase_listed(connection, project, "exports", |row| id(row, 0).map(Erased::Export))?
        || erase_listed(connection, project, "iterations", |row| id(row, 0).map(Erased::Iteration))?
        || erase_step(connection, project, OF_PROJECTS)?)
}

const OF_ITERATIONS: &[&str] = &[
    "DELETE FROM evaluated WHERE position IN
     (SELECT e.position FROM iterations AS i JOIN evaluated AS e ON e.iteration = i.position
      WHERE i.project = ?1 LIMIT ?2)",
    "DELETE FROM left_out WHERE position IN
     (SELECT l.position FROM iterations AS i JOIN left_out AS l ON l.iteration = i.position
      WHERE i.project = ?1 LIMIT ?2)",
];
const OF_PROJECTS: &[&str] = &[
    "DELETE FROM tags WHERE position IN (SELECT position FROM tags WHERE project = ?1 LIMIT ?2)",
    "DELETE FROM calibrations WHERE project = ?1
     AND base IN (SELECT base FROM calibrations WHERE project = ?1 LIMIT ?2)",
];

/// Takes the first of these that finds anything to do.
fn erase_step(connection: &Connection, project: ProjectId, steps: &[&str]) -> Result<bool, StoreError> {
    const ACTION: &str = "erasing a project";
    for step in steps {
        let mut statement = connection.prepare_cached(step).during(ACTION)?;
        if statement.execute((project.to_string(), ERASED_AT_ONCE)).during(ACTION)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn erase_listed(
    connection: &Connection,
    project: ProjectId,
    table: &str,
    read: impl Fn(&Row<'_>) -> SqlResult<Erased>,
) -> Result<bool, StoreError> {
    let first =
        |column: &str| format!("SELECT {column} FROM {table} WHERE project = ?1 ORDER BY position LIMIT ?2");
    let of = (project.to_string(), ERASED_AT_ONCE);
    let found = all(connection, &first("id"), (&of.0, of.1), read)?;
    let sql = format!("DELETE FROM {table} WHERE position IN ({})", first("position"));
    write(connection, &sql, (&of.0, of.1))?;
    note(connection, project, found.into_iter().map(|erased| (erased, None)).collect())
}

fn erase_images(connection: &Connection, project: ProjectId) -> Result<bool, StoreError> {
    let sql = "SELECT id, commitment FROM images WHERE project = ?1 ORDER BY id LIMIT ?2";
    let found = all(connection, sql, (project.to_string(), ERASED_AT_ONCE), |row| {
        Ok((id(row, 0)?, row.get::<_, Option<_>>(1)?.map(Commitment::from_bytes)))
    })?;
    for (image, _) in &found {
        images::remove(connection, project, *image)?;
    }
    let items = found.into_iter().map(|(image, commitment)| (Erased::Image(image), commitment)).collect();
    note(connection, project, items)
}

fn erase_predictions(connection: &Connection, project: ProjectId) -> Result<bool, StoreError> {
    let sql = "SELECT id, commitment FROM predictions WHERE project = ?1 ORDER BY id LIMIT ?2";
    let found = all(connection, sql, (project.to_string(), ERASED_AT_ONCE), |row| {
        Ok((id(row, 0)?, row.get::<_, Option<_>>(1)?.map(Commitment::from_bytes)))
    })?;
    for (prediction, _) in &found {
        predictions::remove(connection, project, *prediction)?;
    }
    let items = found.into_iter().map(|(id, commitment)| (Erased::Prediction(id), commitment)).collect();
    note(connection, project, items)
}

/// Notes what has gone with a project. Says whether anything has.
fn note(
    connection: &Connection,
    project: ProjectId,
    items: Vec<(Erased, Option<Commitment>)>,
) -> Result<bool, StoreError> {
    let any = !items.is_empty();
    // Of one that was erased before there were operations nothing is noted.
    if any && let Some((operation, at, reason)) = erasures::of_project(connection, project)? {
        let mut noted = 0;
        for (erased, commitment) in items {
            let record = ErasureRecord { at, project_id: project, erased };
            let new =
                erasures::record_along(connection, operation, &ErasedItem { record, reason, commitment })?;
            noted += usize::from(new);
        }
        operations::count_more(connection, operation, noted)?;
    }
    Ok(any)
}

/// Takes the row of an erased project away. Notes about its bytes are worked off like any others, though their folder is gone.
pub(crate) fn remove(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    write(connection, "DELETE FROM removed_features WHERE project = ?1", [project.to_string()])?;
    features::forget_keys(connection)?;
    keys::remove(connection, project)?;
    write(connection, "DELETE FROM projects WHERE id = ?1", [project.to_string()])
}
