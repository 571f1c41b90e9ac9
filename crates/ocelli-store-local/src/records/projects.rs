use ocelli_core::{Project, ProjectId};
use ocelli_store::{ContentKey, Missing, ProjectState, StoreError};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{id, json, moment, text, to_json};

const SELECT: &str = "SELECT id, name, description, settings, created, last_modified, deleted FROM projects";

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
    let sql = "SELECT count(*) FROM projects WHERE deleted IS NULL";
    Ok(one(connection, sql, (), |row| row.get(0))?.unwrap_or(0))
}

pub(crate) fn get(connection: &Connection, project: ProjectId) -> Result<Option<Project>, StoreError> {
    one(connection, &format!("{SELECT} WHERE id = ?1"), [project.to_string()], read)
}

pub(crate) fn list(connection: &Connection, state: ProjectState) -> Result<Vec<Project>, StoreError> {
    const ORDER: &str = "ORDER BY created, id";
    match state {
        ProjectState::Live => all(connection, &format!("{SELECT} WHERE deleted IS NULL {ORDER}"), (), read),
        ProjectState::DeletedSince(since) => {
            all(connection, &format!("{SELECT} WHERE deleted >= ?1 {ORDER}"), [since.as_millis()], read)
        }
    }
}

/// Refuses a project that has been deleted, or that there never was.
pub(crate) fn check_live(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM projects WHERE id = ?1 AND deleted IS NULL";
    one(connection, sql, [project.to_string()], |_| Ok(()))?
        .ok_or(StoreError::NotFound(Missing::Project(project)))
}

pub(crate) fn key(connection: &Connection, project: ProjectId) -> Result<Option<ContentKey>, StoreError> {
    let sql = "SELECT content_key FROM projects WHERE id = ?1";
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
