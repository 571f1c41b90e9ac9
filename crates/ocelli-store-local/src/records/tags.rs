use ocelli_core::{ImageId, ProjectId, Tag, TagId};
use ocelli_store::StoreError;
use rusqlite::{Connection, Result as SqlResult, Row};

use super::{all, write};
use crate::columns::{id, text, to_word, word};

fn read(row: &Row<'_>) -> SqlResult<Tag> {
    Ok(Tag {
        id: id(row, 0)?,
        name: text(row, 1)?,
        description: text(row, 2)?,
        tag_type: word(row, 3)?,
        image_count: row.get(4)?,
    })
}

/// In the order in which they were created, without their counts.
pub(crate) fn list(connection: &Connection, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
    let sql = "SELECT id, name, description, type, 0 FROM tags WHERE project = ?1 ORDER BY position";
    all(connection, sql, [project.to_string()], read)
}

/// In the order in which they were created. A photo that has a tag both on the whole and on a region counts once.
pub(crate) fn list_with_counts(connection: &Connection, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
    let sql = "SELECT id, name, description, type,
                 (SELECT count(*) FROM image_tags AS t WHERE t.project = tags.project AND t.tag = tags.id)
               + (SELECT count(DISTINCT r.image) FROM regions AS r
                  WHERE r.project = tags.project AND r.tag = tags.id AND NOT EXISTS (
                    SELECT 1 FROM image_tags AS t
                    WHERE t.project = r.project AND t.image = r.image AND t.tag = r.tag))
               FROM tags WHERE project = ?1 ORDER BY position";
    all(connection, sql, [project.to_string()], read)
}

pub(crate) fn put(connection: &Connection, project: ProjectId, tag: &Tag) -> Result<(), StoreError> {
    let sql = "INSERT INTO tags (project, id, name, description, type) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (project, id) DO UPDATE
               SET name = excluded.name, description = excluded.description, type = excluded.type";
    let values = (
        project.to_string(),
        tag.id.to_string(),
        tag.name.as_str(),
        tag.description.as_str(),
        to_word(&tag.tag_type)?,
    );
    write(connection, sql, values)
}

/// The rows of photos, regions and kept predictions' results that have the tag go with it.
pub(crate) fn remove(connection: &Connection, project: ProjectId, tag: TagId) -> Result<(), StoreError> {
    let of = (project.to_string(), tag.to_string());
    write(connection, "DELETE FROM prediction_tags WHERE project = ?1 AND tag = ?2", (&of.0, &of.1))?;
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
