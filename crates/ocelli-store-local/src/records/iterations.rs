use ocelli_core::{BaseIteration, Iteration, IterationId, Name, ProjectId, Publication, Timestamp};
use ocelli_store::{Missing, StoreError};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{id, moment, optional_id, to_word, word};
use crate::rows::Rows;
use crate::seal::Seal;

const SELECT: &str = "SELECT project, id, name, status, created, last_modified, domain, classification_type,
                             training_type, publish_name, publish_precision, reserved_budget, base_project,
                             base_iteration
                      FROM iterations WHERE project = ?1";

fn read(seal: &Seal, row: &Row<'_>) -> SqlResult<Iteration> {
    let iteration: IterationId = id(row, 1)?;
    let cells = seal.row("iterations", &iteration);
    Ok(Iteration {
        project_id: id(row, 0)?,
        id: iteration,
        name: cells.read_text("name", row, 2)?,
        status: cells.read_json("status", row, 3)?,
        created: moment(row, 4)?,
        last_modified: moment(row, 5)?,
        domain_id: id(row, 6)?,
        classification_type: word(row, 7)?,
        training_type: word(row, 8)?,
        reserved_budget_millis: row.get(11)?,
        custom_base: match optional_id(row, 12)? {
            Some(project_id) => Some(BaseIteration { project_id, iteration_id: id(row, 13)? }),
            None => None,
        },
        publication: match cells.read_optional_name("publish_name", row, 9)? {
            Some(name) => Some(Publication { name, precision: word(row, 10)? }),
            None => None,
        },
    })
}

/// In the order in which they began.
pub(crate) fn list(rows: &Rows<'_>, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
    let seal = rows.seal(project)?;
    all(rows, &format!("{SELECT} ORDER BY position"), [project.to_string()], |row| read(&seal, row))
}

/// What can be told of them without reading them: their ids and when they began, in that order.
pub(crate) fn ids(
    connection: &Connection,
    project: ProjectId,
) -> Result<Vec<(IterationId, Timestamp)>, StoreError> {
    let sql = "SELECT id, created FROM iterations WHERE project = ?1 ORDER BY position";
    all(connection, sql, [project.to_string()], |row| Ok((id(row, 0)?, moment(row, 1)?)))
}

pub(crate) fn get(
    rows: &Rows<'_>,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Iteration, StoreError> {
    let seal = rows.seal(project)?;
    let values = (project.to_string(), iteration.to_string());
    one(rows, &format!("{SELECT} AND id = ?2"), values, |row| read(&seal, row))?
        .ok_or(StoreError::NotFound(Missing::Iteration(iteration)))
}

/// The one that began after this moment and answers under a name. The name may be sealed, and looks different each time.
pub(crate) fn published(
    rows: &Rows<'_>,
    project: ProjectId,
    after: Option<Timestamp>,
    name: &Name,
) -> Result<Iteration, StoreError> {
    let seal = rows.seal(project)?;
    let sql = format!("{SELECT} AND publish_name IS NOT NULL");
    let mut published = all(rows, &sql, [project.to_string()], |row| read(&seal, row))?.into_iter();
    published
        .find(|one| one.publish_name() == Some(name) && after.is_none_or(|after| one.created > after))
        .ok_or_else(|| StoreError::NotFound(Missing::Publication(name.clone())))
}

pub(crate) fn put(rows: &Rows<'_>, iteration: &Iteration) -> Result<(), StoreError> {
    let seal = rows.seal(iteration.project_id)?;
    let cells = seal.row("iterations", &iteration.id);
    let sql = "INSERT INTO iterations (project, id, name, status, created, last_modified, domain,
                                       classification_type, training_type, publish_name, publish_precision,
                                       reserved_budget, base_project, base_iteration)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
               ON CONFLICT (project, id) DO UPDATE
               SET name = excluded.name, status = excluded.status, last_modified = excluded.last_modified,
                   publish_name = excluded.publish_name, publish_precision = excluded.publish_precision";
    let precision = iteration.publication.as_ref().map(|publication| to_word(&publication.precision));
    let base = iteration.custom_base;
    let values = (
        iteration.project_id.to_string(),
        iteration.id.to_string(),
        cells.text("name", iteration.name.as_str())?,
        cells.json("status", &iteration.status)?,
        iteration.created.as_millis(),
        iteration.last_modified.as_millis(),
        iteration.domain_id.to_string(),
        to_word(&iteration.classification_type)?,
        to_word(&iteration.training_type)?,
        cells.optional_name("publish_name", iteration.publish_name())?,
        precision.transpose()?,
        iteration.reserved_budget_millis,
        base.map(|base| base.project_id.to_string()),
        base.map(|base| base.iteration_id.to_string()),
    );
    write(rows, sql, values)
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
