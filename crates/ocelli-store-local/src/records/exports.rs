use ocelli_core::{Export, ExportFile, ExportId, IterationId, Name, ProjectId};
use ocelli_store::{ContentHash, Missing, StoreError};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{content, id, moment, optional_name, text, to_word, word};

const SELECT: &str = "SELECT id, iteration, platform, flavor, created FROM exports WHERE project = ?1";

/// All but the files.
fn read(row: &Row<'_>) -> SqlResult<Export> {
    Ok(Export {
        id: id(row, 0)?,
        iteration_id: id(row, 1)?,
        platform: word(row, 2)?,
        flavor: optional_name(row, 3)?,
        created: moment(row, 4)?,
        files: Vec::new(),
    })
}

fn complete(connection: &Connection, project: ProjectId, mut export: Export) -> Result<Export, StoreError> {
    let sql = "SELECT name, size FROM export_files WHERE project = ?1 AND export = ?2 ORDER BY position";
    export.files = all(connection, sql, (project.to_string(), export.id.to_string()), |row| {
        Ok(ExportFile { name: text(row, 0)?, size: row.get(1)? })
    })?;
    Ok(export)
}

/// In the order in which they were kept.
pub(crate) fn list(connection: &Connection, project: ProjectId) -> Result<Vec<Export>, StoreError> {
    let found = all(connection, &format!("{SELECT} ORDER BY position"), [project.to_string()], read)?;
    found.into_iter().map(|export| complete(connection, project, export)).collect()
}

/// Those of an iteration, in the order in which they were kept.
pub(crate) fn of(
    connection: &Connection,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Vec<Export>, StoreError> {
    let sql = format!("{SELECT} AND iteration = ?2 ORDER BY position");
    let found = all(connection, &sql, (project.to_string(), iteration.to_string()), read)?;
    found.into_iter().map(|export| complete(connection, project, export)).collect()
}

pub(crate) fn insert(
    connection: &Connection,
    project: ProjectId,
    export: &Export,
    contents: &[ContentHash],
) -> Result<(), StoreError> {
    let of = (project.to_string(), export.id.to_string());
    let sql = "INSERT INTO exports (project, id, iteration, platform, flavor, created)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = (
        &of.0,
        &of.1,
        export.iteration_id.to_string(),
        to_word(&export.platform)?,
        export.flavor.as_ref().map(Name::as_str),
        export.created.as_millis(),
    );
    write(connection, sql, values)?;
    let sql = "INSERT INTO export_files (project, export, name, size, content) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (file, content) in export.files.iter().zip(contents) {
        write(connection, sql, (&of.0, &of.1, file.name.as_str(), file.size, content.as_bytes()))?;
    }
    Ok(())
}

/// The identities of an export's bytes.
pub(crate) fn contents(
    connection: &Connection,
    project: ProjectId,
    export: ExportId,
) -> Result<Vec<ContentHash>, StoreError> {
    let sql = "SELECT content FROM export_files WHERE project = ?1 AND export = ?2";
    all(connection, sql, (project.to_string(), export.to_string()), |row| content(row, 0))
}

/// The identity of a file's bytes.
pub(crate) fn content_of(
    connection: &Connection,
    project: ProjectId,
    export: ExportId,
    file: &Name,
) -> Result<ContentHash, StoreError> {
    let of = (project.to_string(), export.to_string());
    let sql = "SELECT 1 FROM exports WHERE project = ?1 AND id = ?2";
    one(connection, sql, (&of.0, &of.1), |_| Ok(()))?.ok_or(StoreError::NotFound(Missing::Export(export)))?;
    let sql = "SELECT content FROM export_files WHERE project = ?1 AND export = ?2 AND name = ?3";
    one(connection, sql, (&of.0, &of.1, file.as_str()), |row| content(row, 0))?
        .ok_or_else(|| StoreError::NotFound(Missing::ExportFile(export, file.clone())))
}

/// Its files' rows go with it.
pub(crate) fn remove(
    connection: &Connection,
    project: ProjectId,
    export: ExportId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM exports WHERE project = ?1 AND id = ?2";
    write(connection, sql, (project.to_string(), export.to_string()))
}
