use ocelli_core::{ImageId, ProjectId, Tag, TagId, Timestamp};
use ocelli_store::StoreError;
use rusqlite::types::Value;
use rusqlite::{Connection, Result as SqlResult, Row, params_from_iter};

use super::{all, removed_tags, write};
use crate::columns::{id, to_word, word};
use crate::rows::Rows;
use crate::seal::Seal;

fn read(seal: &Seal, row: &Row<'_>) -> SqlResult<Tag> {
    let id: TagId = id(row, 0)?;
    let cells = seal.row("tags", &id);
    Ok(Tag {
        id,
        name: cells.read_text("name", row, 1)?,
        description: cells.read_text("description", row, 2)?,
        tag_type: word(row, 3)?,
        image_count: row.get(4)?,
    })
}

/// In the order in which they were created, without their counts.
pub(crate) fn list(rows: &Rows<'_>, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
    let sql = "SELECT id, name, description, type, 0 FROM tags WHERE project = ?1 ORDER BY position";
    let seal = rows.seal(project)?;
    all(rows, sql, [project.to_string()], |row| read(&seal, row))
}

/// In the order in which they were created, with the numbers of photos that were stored after this moment. A photo that
/// has a tag both on the whole and on a region counts once.
pub(crate) fn list_with_counts(
    rows: &Rows<'_>,
    project: ProjectId,
    after: Option<Timestamp>,
) -> Result<Vec<Tag>, StoreError> {
    let stored = |of: &str| match after {
        Some(_) => format!(
            "AND EXISTS (SELECT 1 FROM images AS i
                         WHERE i.project = {of}.project AND i.id = {of}.image AND i.created > ?2)"
        ),
        None => String::new(),
    };
    let (tagged, drawn) = (stored("t"), stored("r"));
    let sql = format!(
        "SELECT id, name, description, type,
             (SELECT count(*) FROM image_tags AS t WHERE t.project = tags.project AND t.tag = tags.id {tagged})
           + (SELECT count(DISTINCT r.image) FROM regions AS r
              WHERE r.project = tags.project AND r.tag = tags.id {drawn} AND NOT EXISTS (
                SELECT 1 FROM image_tags AS t
                WHERE t.project = r.project AND t.image = r.image AND t.tag = r.tag))
         FROM tags WHERE project = ?1 ORDER BY position"
    );
    let seal = rows.seal(project)?;
    let mut values: Vec<Value> = vec![project.to_string().into()];
    values.extend(after.map(|after| Value::from(after.as_millis())));
    all(rows, &sql, params_from_iter(values), |row| read(&seal, row))
}

pub(crate) fn put(rows: &Rows<'_>, project: ProjectId, tag: &Tag) -> Result<(), StoreError> {
    let seal = rows.seal(project)?;
    let cells = seal.row("tags", &tag.id);
    let sql = "INSERT INTO tags (project, id, name, description, type) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (project, id) DO UPDATE
               SET name = excluded.name, description = excluded.description, type = excluded.type";
    let values = (
        project.to_string(),
        tag.id.to_string(),
        cells.text("name", tag.name.as_str())?,
        cells.text("description", tag.description.as_str())?,
        to_word(&tag.tag_type)?,
    );
    write(rows, sql, values)
}

/// The rows of photos and regions that have the tag go with it. In the results of kept predictions it is out of sight at
/// once, and goes in steps ([`removed_tags`]).
pub(crate) fn remove(connection: &Connection, project: ProjectId, tag: TagId) -> Result<(), StoreError> {
    let of = (project.to_string(), tag.to_string());
    removed_tags::note(connection, project, tag)?;
    write(connection, "DELETE FROM tags WHERE project = ?1 AND id = ?2", (&of.0, &of.1))
}

pub(crate) fn images(
    connection: &Connection,
    project: ProjectId,
    tag: TagId,
) -> Result<Vec<ImageId>, StoreError> {
    let sql = "SELECT image FROM image_tags WHERE project = ?1 AND tag = ?2
               UNION SELECT image FROM regions WHERE project = ?1 AND tag = ?2 ORDER BY image";
    all(connection, sql, (project.to_string(), tag.to_string()), |row| id(row, 0))
}
