use ocelli_core::{Project, ProjectId};
use ocelli_store::{ContentKey, Missing, ProjectState, StoreError};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, features, one, write};
use crate::columns::{id, json, moment, text, to_json};
use crate::error::During;

const SELECT: &str = "SELECT id, name, description, settings, created, last_modified, deleted FROM projects
                      WHERE erased = 0";

fn read(row: &Row<'_>) -> SqlResult<Project> {
    Ok(Project {
        id: id(row, 0)?,
        name: text(row, 1)?,
        description: text(row, 2)?,
        settings: json(row, 3)?,
        created: moment(row, 4)?,
        last_modified: moment(row, 5)?,
        deleted: if row.get_ref(6)?.data_type() == rusqlite::types::Type::Null {
            None
        } else {
            Some(moment(row, 6)?)
        },
    })
}

pub(crate) fn count(connection: &Connection) -> Result<usize, StoreError> {
    let sql = "SELECT count(*) FROM projects WHERE erased = 0 AND deleted IS NULL";
    Ok(one(connection, sql, (), |row| row.get(0))?.unwrap_or(0))
}

pub(crate) fn get(connection: &Connection, project: ProjectId) -> Result<Option<Project>, StoreError> {
    one(connection, &format!("{SELECT} AND id = ?1"), [project.to_string()], read)
}

pub(crate) fn list(connection: &Connection, state: ProjectState) -> Result<Vec<Project>, StoreError> {
    const ORDER: &str = "ORDER BY created, id";
    match state {
        ProjectState::Live => all(connection, &format!("{SELECT} AND deleted IS NULL {ORDER}"), (), read),
        ProjectState::DeletedSince(since) => {
            all(connection, &format!("{SELECT} AND deleted >= ?1 {ORDER}"), [since.as_millis()], read)
        }
    }
}

/// The ids of all projects that have not been erased, deleted or not.
pub(crate) fn all_ids(connection: &Connection) -> Result<Vec<ProjectId>, StoreError> {
    all(connection, "SELECT id FROM projects WHERE erased = 0 ORDER BY id", (), |row| id(row, 0))
}

/// Refuses a project that has been deleted, or that there never was.
pub(crate) fn check_live(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM projects WHERE id = ?1 AND erased = 0 AND deleted IS NULL";
    one(connection, sql, [project.to_string()], |_| Ok(()))?
        .ok_or(StoreError::NotFound(Missing::Project(project)))
}

pub(crate) fn key(connection: &Connection, project: ProjectId) -> Result<Option<ContentKey>, StoreError> {
    let sql = "SELECT content_key FROM projects WHERE id = ?1 AND erased = 0";
    one(connection, sql, [project.to_string()], |row| row.get(0).map(ContentKey::new))
}

pub(crate) fn insert(connection: &Connection, project: &Project, key: &ContentKey) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO projects (id, name, description, settings, created, last_modified, deleted, content_key)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = (
        project.id.to_string(),
        project.name.as_str(),
        project.description.as_str(),
        to_json(&project.settings)?,
        project.created.as_millis(),
        project.last_modified.as_millis(),
        project.deleted.map(|at| at.as_millis()),
        key.as_bytes(),
    );
    write(connection, sql, values)
}

pub(crate) fn update(connection: &Connection, project: &Project) -> Result<(), StoreError> {
    let sql =
        "UPDATE projects SET name = ?2, description = ?3, settings = ?4, last_modified = ?5, deleted = ?6
               WHERE id = ?1";
    let values = (
        project.id.to_string(),
        project.name.as_str(),
        project.description.as_str(),
        to_json(&project.settings)?,
        project.last_modified.as_millis(),
        project.deleted.map(|at| at.as_millis()),
    );
    write(connection, sql, values)
}

/// Makes a project unseen, and takes at once what its own row says of it. What it owned goes in steps
/// ([`erase_some`]).
pub(crate) fn erase(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    let sql = "UPDATE projects SET erased = 1, name = '', description = '', settings = '', content_key = x''
               WHERE id = ?1";
    write(connection, sql, [project.to_string()])
}

/// A project that has been erased and whose row is still there, if any.
pub(crate) fn erased(connection: &Connection) -> Result<Option<ProjectId>, StoreError> {
    one(connection, "SELECT id FROM projects WHERE erased = 1", (), |row| id(row, 0))
}

/// Takes some of what an erased project owned away, so much that a transaction stays short. Says whether there may be
/// more.
pub(crate) fn erase_some(connection: &Connection, project: ProjectId) -> Result<bool, StoreError> {
    const ROWS: u32 = 500;
    const STEPS: [&str; 7] = [
        "DELETE FROM images WHERE project = ?1
         AND id IN (SELECT id FROM images WHERE project = ?1 LIMIT ?2)",
        "DELETE FROM predictions WHERE project = ?1
         AND id IN (SELECT id FROM predictions WHERE project = ?1 LIMIT ?2)",
        "DELETE FROM evaluated WHERE position IN
         (SELECT e.position FROM iterations AS i JOIN evaluated AS e ON e.iteration = i.position
          WHERE i.project = ?1 LIMIT ?2)",
        "DELETE FROM left_out WHERE position IN
         (SELECT l.position FROM iterations AS i JOIN left_out AS l ON l.iteration = i.position
          WHERE i.project = ?1 LIMIT ?2)",
        "DELETE FROM iterations WHERE position IN
         (SELECT position FROM iterations WHERE project = ?1 LIMIT ?2)",
        "DELETE FROM tags WHERE position IN (SELECT position FROM tags WHERE project = ?1 LIMIT ?2)",
        "DELETE FROM calibrations WHERE project = ?1
         AND base IN (SELECT base FROM calibrations WHERE project = ?1 LIMIT ?2)",
    ];
    const ACTION: &str = "erasing a project";
    for step in STEPS {
        let mut statement = connection.prepare_cached(step).during(ACTION)?;
        if statement.execute((project.to_string(), ROWS)).during(ACTION)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes the row of an erased project away, and the notes about its bytes, whose folder is gone.
pub(crate) fn remove(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    write(connection, "DELETE FROM removals WHERE project = ?1", [project.to_string()])?;
    write(connection, "DELETE FROM removed_features WHERE project = ?1", [project.to_string()])?;
    features::forget_keys(connection)?;
    write(connection, "DELETE FROM projects WHERE id = ?1", [project.to_string()])
}
