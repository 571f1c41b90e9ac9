use ocelli_core::{Export, ExportFile, ExportId, IterationId, Name, ProjectId, Timestamp};
use ocelli_store::{ContentHash, Missing, StoreError};
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, one, write};
use crate::columns::{content, id, moment, to_word, word};
use crate::rows::Rows;
use crate::seal::Seal;

const SELECT: &str = "SELECT id, iteration, platform, flavor, created FROM exports WHERE project = ?1";

/// All but the files.
fn read(seal: &Seal, row: &Row<'_>) -> SqlResult<Export> {
    let export: ExportId = id(row, 0)?;
    Ok(Export {
        id: export,
        iteration_id: id(row, 1)?,
        platform: word(row, 2)?,
        flavor: seal.row("exports", &export).read_optional_name("flavor", row, 3)?,
        created: moment(row, 4)?,
        files: Vec::new(),
    })
}

fn complete(rows: &Rows<'_>, project: ProjectId, mut export: Export) -> Result<Export, StoreError> {
    let seal = rows.seal(project)?;
    let sql =
        "SELECT name, size, content FROM export_files WHERE project = ?1 AND export = ?2 ORDER BY position";
    export.files = all(rows, sql, (project.to_string(), export.id.to_string()), |row| {
        let name = read_file_name(&seal, export.id, &content(row, 2)?, row, 0)?;
        Ok(ExportFile { name, size: row.get(1)? })
    })?;
    Ok(export)
}

/// What a file's row goes by where it is sealed.
fn row_id(export: ExportId, content: &ContentHash) -> String {
    format!("{export}/{content}")
}

/// The name of a file of an export.
pub(crate) fn read_file_name(
    seal: &Seal,
    export: ExportId,
    content: &ContentHash,
    row: &Row<'_>,
    index: usize,
) -> SqlResult<Name> {
    seal.row("export_files", &row_id(export, content)).read_text("name", row, index)
}

/// In the order in which they were kept.
pub(crate) fn list(rows: &Rows<'_>, project: ProjectId) -> Result<Vec<Export>, StoreError> {
    let seal = rows.seal(project)?;
    let sql = format!("{SELECT} ORDER BY position");
    let found = all(rows, &sql, [project.to_string()], |row| read(&seal, row))?;
    found.into_iter().map(|export| complete(rows, project, export)).collect()
}

pub(crate) fn by_id(
    rows: &Rows<'_>,
    project: ProjectId,
    export: ExportId,
) -> Result<Option<Export>, StoreError> {
    let seal = rows.seal(project)?;
    let sql = format!("{SELECT} AND id = ?2");
    let found = one(rows, &sql, (project.to_string(), export.to_string()), |row| read(&seal, row))?;
    found.map(|export| complete(rows, project, export)).transpose()
}

/// What of those of an iteration can be told without reading them: their ids and when they were made, in the order in which
/// they were kept.
pub(crate) fn ids_of(
    connection: &Connection,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Vec<(ExportId, Timestamp)>, StoreError> {
    let sql = "SELECT id, created FROM exports WHERE project = ?1 AND iteration = ?2 ORDER BY position";
    all(connection, sql, (project.to_string(), iteration.to_string()), |row| {
        Ok((id(row, 0)?, moment(row, 1)?))
    })
}

/// Those of an iteration, in the order in which they were kept.
pub(crate) fn of(
    rows: &Rows<'_>,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Vec<Export>, StoreError> {
    let seal = rows.seal(project)?;
    let sql = format!("{SELECT} AND iteration = ?2 ORDER BY position");
    let found = all(rows, &sql, (project.to_string(), iteration.to_string()), |row| read(&seal, row))?;
    found.into_iter().map(|export| complete(rows, project, export)).collect()
}

pub(crate) fn insert(
    rows: &Rows<'_>,
    project: ProjectId,
    export: &Export,
    contents: &[ContentHash],
) -> Result<(), StoreError> {
    let seal = rows.seal(project)?;
    let of = (project.to_string(), export.id.to_string());
    let sql = "INSERT INTO exports (project, id, iteration, platform, flavor, created)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = (
        &of.0,
        &of.1,
        export.iteration_id.to_string(),
        to_word(&export.platform)?,
        seal.row("exports", &export.id).optional_name("flavor", export.flavor.as_ref())?,
        export.created.as_millis(),
    );
    write(rows, sql, values)?;
    let sql = "INSERT INTO export_files (project, export, name, size, content) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (file, content) in export.files.iter().zip(contents) {
        let id = row_id(export.id, content);
        let name = seal.row("export_files", &id).text("name", file.name.as_str())?;
        write(rows, sql, (&of.0, &of.1, name, file.size, content.as_bytes()))?;
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

/// The iteration of an export, and when it was made.
pub(crate) fn get(
    connection: &Connection,
    project: ProjectId,
    export: ExportId,
) -> Result<Option<(IterationId, Timestamp)>, StoreError> {
    let sql = "SELECT iteration, created FROM exports WHERE project = ?1 AND id = ?2";
    one(connection, sql, (project.to_string(), export.to_string()), |row| Ok((id(row, 0)?, moment(row, 1)?)))
}

/// The identity of a file's bytes.
pub(crate) fn content_of(
    rows: &Rows<'_>,
    project: ProjectId,
    export: ExportId,
    file: &Name,
) -> Result<ContentHash, StoreError> {
    let of = (project.to_string(), export.to_string());
    let sql = "SELECT 1 FROM exports WHERE project = ?1 AND id = ?2";
    one(rows, sql, (&of.0, &of.1), |_| Ok(()))?.ok_or(StoreError::NotFound(Missing::Export(export)))?;
    let seal = rows.seal(project)?;
    // An export has few files, and the same name looks different each time that it is sealed.
    let sql = "SELECT name, content FROM export_files WHERE project = ?1 AND export = ?2";
    let files: Vec<(Name, ContentHash)> = all(rows, sql, (&of.0, &of.1), |row| {
        let content = content(row, 1)?;
        Ok((read_file_name(&seal, export, &content, row, 0)?, content))
    })?;
    let found = files.into_iter().find(|(name, _)| name == file);
    found
        .map(|(_, content)| content)
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
