use ocelli_core::{Iteration, IterationId, Name, ProjectId, Publication};
use ocelli_store::{Missing, StoreError};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{id, json, moment, optional_name, text, to_json, to_word, word};

const SELECT: &str = "SELECT project, id, name, status, created, last_modified, domain, classification_type,
                             training_type, publish_name, publish_precision
                      FROM iterations WHERE project = ?1";

fn read(row: &Row<'_>) -> SqlResult<Iteration> {
    Ok(Iteration {
        project_id: id(row, 0)?,
        id: id(row, 1)?,
        name: text(row, 2)?,
        status: json(row, 3)?,
        created: moment(row, 4)?,
        last_modified: moment(row, 5)?,
        domain_id: id(row, 6)?,
        classification_type: word(row, 7)?,
        training_type: word(row, 8)?,
        publication: match optional_name(row, 9)? {
            Some(name) => Some(Publication { name, precision: word(row, 10)? }),
            None => None,
        },
    })
}

/// In the order in which they began.
pub(crate) fn list(connection: &Connection, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
    all(connection, &format!("{SELECT} ORDER BY position"), [project.to_string()], read)
}

pub(crate) fn get(
    connection: &Connection,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Iteration, StoreError> {
    let values = (project.to_string(), iteration.to_string());
    one(connection, &format!("{SELECT} AND id = ?2"), values, read)?
        .ok_or(StoreError::NotFound(Missing::Iteration(iteration)))
}

pub(crate) fn published(
    connection: &Connection,
    project: ProjectId,
    name: &Name,
) -> Result<Iteration, StoreError> {
    one(connection, &format!("{SELECT} AND publish_name = ?2"), (project.to_string(), name.as_str()), read)?
        .ok_or_else(|| StoreError::NotFound(Missing::Publication(name.clone())))
}

pub(crate) fn put(connection: &Connection, iteration: &Iteration) -> Result<(), StoreError> {
    let sql = "INSERT INTO iterations (project, id, name, status, created, last_modified, domain,
                                       classification_type, training_type, publish_name, publish_precision)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
               ON CONFLICT (project, id) DO UPDATE
               SET name = excluded.name, status = excluded.status, last_modified = excluded.last_modified,
                   publish_name = excluded.publish_name, publish_precision = excluded.publish_precision";
    let precision = iteration.publication.as_ref().map(|publication| to_word(&publication.precision));
    let values = (
        iteration.project_id.to_string(),
        iteration.id.to_string(),
        iteration.name.as_str(),
        to_json(&iteration.status)?,
        iteration.created.as_millis(),
        iteration.last_modified.as_millis(),
        iteration.domain_id.to_string(),
        to_word(&iteration.classification_type)?,
        to_word(&iteration.training_type)?,
        iteration.publish_name().map(Name::as_str),
        precision.transpose()?,
    );
    write(connection, sql, values)
}

/// What came of its training goes with it, and its exports' rows.
pub(crate) fn remove(
    connection: &Connection,
    project: ProjectId,
    iteration: IterationId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM iterations WHERE project = ?1 AND id = ?2";
    write(connection, sql, (project.to_string(), iteration.to_string()))
}
