use std::fmt::Write;

use ocelli_core::{
    BoundingBox, Image, ImageId, ImageTag, Origin, ProjectId, Region, RegionId, TagId, Timestamp,
};
use ocelli_store::{ContentHash, ImageFilter, ImageQuery, Order, PhotoBytes, StoreError, TaggingStatus};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Result as SqlResult, Row, params_from_iter};

use super::{all, chosen, one, write};
use crate::columns::{content, id, moment, photo_bytes};
use crate::rows::Rows;
use crate::seal::Seal;

const SELECT: &str = "SELECT id, created, width, height, metadata, origin FROM images";

/// All but the tags and regions.
fn read(seal: &Seal, row: &Row<'_>) -> SqlResult<Image> {
    let id: ImageId = id(row, 0)?;
    let cells = seal.row("images", &id);
    Ok(Image {
        id,
        created: moment(row, 1)?,
        width: row.get(2)?,
        height: row.get(3)?,
        tags: Vec::new(),
        regions: Vec::new(),
        metadata: cells.read_json("metadata", row, 4)?,
        origin: cells.read_json("origin", row, 5)?,
    })
}

fn read_region(row: &Row<'_>) -> SqlResult<Region> {
    let bounds = BoundingBox::new(row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
    Ok(Region {
        id: id(row, 0)?,
        tag_id: id(row, 1)?,
        created: moment(row, 2)?,
        bounds: bounds
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(3, Type::Real, Box::new(error)))?,
    })
}

/// Adds the tags and regions to a photo. They lie beside each other in an index, so that two quick look-ups a photo
/// make a page.
fn complete(connection: &Connection, project: ProjectId, mut image: Image) -> Result<Image, StoreError> {
    let of = (project.to_string(), image.id.to_string());
    let sql = "SELECT tag, created FROM image_tags WHERE project = ?1 AND image = ?2 ORDER BY position";
    image.tags = all(connection, sql, (&of.0, &of.1), |row| {
        Ok(ImageTag { tag_id: id(row, 0)?, created: moment(row, 1)? })
    })?;
    let sql = "SELECT id, tag, created, \"left\", top, width, height FROM regions
               WHERE project = ?1 AND image = ?2 ORDER BY position";
    image.regions = all(connection, sql, (&of.0, &of.1), read_region)?;
    Ok(image)
}

pub(crate) fn get(rows: &Rows<'_>, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError> {
    let seal = rows.seal(project)?;
    let sql = format!("{SELECT} WHERE project = ?1 AND id = ?2");
    let found = one(rows, &sql, (project.to_string(), image.to_string()), |row| read(&seal, row))?;
    found.map(|image| complete(rows, project, image)).transpose()
}

/// The photos that have these bytes, by id.
pub(crate) fn with_content(
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
) -> Result<Vec<ImageId>, StoreError> {
    let sql = "SELECT id FROM images WHERE project = ?1 AND content = ?2 ORDER BY id";
    all(connection, sql, (project.to_string(), content.as_bytes()), |row| id(row, 0))
}

/// When a photo was stored.
pub(crate) fn created(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT created FROM images WHERE project = ?1 AND id = ?2";
    one(connection, sql, (project.to_string(), image.to_string()), |row| moment(row, 0))
}

/// What is recorded of a photo's bytes, if they have been measured.
pub(crate) fn bytes(
    rows: &Rows<'_>,
    project: ProjectId,
    image: ImageId,
) -> Result<Option<PhotoBytes>, StoreError> {
    let sql = "SELECT content, bytes, salt, commitment FROM images WHERE project = ?1 AND id = ?2";
    let seal = rows.seal(project)?;
    let found = one(rows, sql, (project.to_string(), image.to_string()), |row| {
        photo_bytes(seal.row("images", &image), row, 0)
    })?;
    Ok(found.flatten())
}

pub(crate) fn get_by_region(
    rows: &Rows<'_>,
    project: ProjectId,
    region: RegionId,
) -> Result<Option<Image>, StoreError> {
    let sql = "SELECT image FROM regions WHERE project = ?1 AND id = ?2";
    match one(rows, sql, (project.to_string(), region.to_string()), |row| id(row, 0))? {
        Some(image) => get(rows, project, image),
        None => Ok(None),
    }
}

/// The identity of a photo's bytes.
pub(crate) fn content_of(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
) -> Result<Option<ContentHash>, StoreError> {
    let sql = "SELECT content FROM images WHERE project = ?1 AND id = ?2";
    one(connection, sql, (project.to_string(), image.to_string()), |row| content(row, 0))
}

/// Where a photo came from.
pub(crate) fn origin(
    rows: &Rows<'_>,
    project: ProjectId,
    image: ImageId,
) -> Result<Option<Origin>, StoreError> {
    let seal = rows.seal(project)?;
    let sql = "SELECT origin FROM images WHERE project = ?1 AND id = ?2";
    one(rows, sql, (project.to_string(), image.to_string()), |row| {
        seal.row("images", &image).read_json("origin", row, 0)
    })
}

/// Of the photos that were stored after this moment.
pub(crate) fn list(
    rows: &Rows<'_>,
    project: ProjectId,
    after: Option<Timestamp>,
    query: &ImageQuery,
) -> Result<Vec<Image>, StoreError> {
    let seal = rows.seal(project)?;
    let (mut sql, mut values) =
        (format!("{SELECT} AS i WHERE i.project = ?1"), vec![project.to_string().into()]);
    stored_after(&mut sql, &mut values, after);
    narrow(&mut sql, &mut values, &query.filter);
    sql.push_str(match query.order {
        Order::Newest => " ORDER BY i.created DESC, i.id DESC",
        Order::Oldest => " ORDER BY i.created, i.id",
    });
    let images = match &query.filter.metadata {
        // It may be sealed, so that SQL cannot tell.
        Some(filter) => {
            let admits = |image: &Image| filter.matches(&image.metadata);
            let (values, page) = (params_from_iter(values), (query.skip, query.take));
            chosen(rows, &sql, values, |row| read(&seal, row), admits, page)?
        }
        None => {
            sql.push_str(" LIMIT ? OFFSET ?");
            let page = [query.take, query.skip];
            values.extend(page.map(|number| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))));
            all(rows, &sql, params_from_iter(values), |row| read(&seal, row))?
        }
    };
    images.into_iter().map(|image| complete(rows, project, image)).collect()
}

/// The photos stored after this moment that have tags on the whole, by id, with their tags by id.
pub(crate) fn tagged(
    connection: &Connection,
    project: ProjectId,
    after: Option<Timestamp>,
) -> Result<Vec<(ImageId, Vec<TagId>)>, StoreError> {
    let mut sql = "SELECT image, tag FROM image_tags AS t WHERE project = ?1".to_owned();
    let mut values: Vec<Value> = vec![project.to_string().into()];
    if let Some(after) = after {
        sql += " AND EXISTS (SELECT 1 FROM images AS i
                             WHERE i.project = t.project AND i.id = t.image AND i.created > ?2)";
        values.push(after.as_millis().into());
    }
    sql += " ORDER BY image, tag";
    let pairs: Vec<(ImageId, TagId)> =
        all(connection, &sql, params_from_iter(values), |row| Ok((id(row, 0)?, id(row, 1)?)))?;
    let of_one = pairs.chunk_by(|a, b| a.0 == b.0);
    let image =
        |pairs: &[(ImageId, TagId)]| Some((pairs.first()?.0, pairs.iter().map(|pair| pair.1).collect()));
    Ok(of_one.filter_map(image).collect())
}

/// Of the photos that were stored after this moment.
pub(crate) fn count(
    rows: &Rows<'_>,
    project: ProjectId,
    after: Option<Timestamp>,
    filter: &ImageFilter,
) -> Result<u64, StoreError> {
    let counted = if filter.metadata.is_some() { "id, metadata" } else { "count(*)" };
    let mut sql = format!("SELECT {counted} FROM images AS i WHERE i.project = ?1");
    let mut values = vec![project.to_string().into()];
    stored_after(&mut sql, &mut values, after);
    narrow(&mut sql, &mut values, filter);
    let values = params_from_iter(values);
    let Some(metadata) = &filter.metadata else {
        return Ok(one(rows, &sql, values, |row| row.get(0))?.unwrap_or(0));
    };
    let seal = rows.seal(project)?;
    let admitted = all(rows, &sql, values, |row| {
        let id: ImageId = id(row, 0)?;
        Ok(metadata.matches(&seal.row("images", &id).read_json("metadata", row, 1)?))
    })?;
    Ok(admitted.into_iter().filter(|admitted| *admitted).count() as u64)
}

fn stored_after(sql: &mut String, values: &mut Vec<Value>, after: Option<Timestamp>) {
    if let Some(after) = after {
        *sql += " AND i.created > ?2";
        values.push(after.as_millis().into());
    }
}

/// Adds a filter's conditions on the photo `i`, and their values; all but the one on metadata.
fn narrow(sql: &mut String, values: &mut Vec<Value>, filter: &ImageFilter) {
    let having = |condition: &str| {
        let part = |table| {
            format!(
                "EXISTS (SELECT 1 FROM {table} AS t WHERE t.project = i.project AND t.image = i.id{condition})"
            )
        };
        format!("({} OR {})", part("image_tags"), part("regions"))
    };
    let tagged = having("");
    match filter.tagging_status {
        TaggingStatus::All => {}
        TaggingStatus::Tagged => *sql += &format!(" AND {tagged}"),
        TaggingStatus::Untagged => *sql += &format!(" AND NOT {tagged}"),
    }
    if !filter.tags.is_empty() {
        let mut list = String::new();
        for tag in &filter.tags {
            values.push(tag.to_string().into());
            // Writing to a string does not fail.
            let _ = write!(list, "{}?{}", if list.is_empty() { "" } else { ", " }, values.len());
        }
        *sql += &format!(" AND {}", having(&format!(" AND t.tag IN ({list})")));
    }
}

pub(crate) fn insert(
    rows: &Rows<'_>,
    project: ProjectId,
    image: &Image,
    bytes: &PhotoBytes,
) -> Result<(), StoreError> {
    let seal = rows.seal(project)?;
    let cells = seal.row("images", &image.id);
    let sql =
        "INSERT INTO images (project, id, content, created, width, height, metadata, origin, bytes, salt,
                                   commitment)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let values = (
        project.to_string(),
        image.id.to_string(),
        bytes.content.as_bytes(),
        image.created.as_millis(),
        image.width,
        image.height,
        cells.json("metadata", &image.metadata)?,
        cells.json("origin", &image.origin)?,
        bytes.size,
        cells.bytes("salt", bytes.salt.as_bytes())?,
        bytes.commitment.as_bytes(),
    );
    write(rows, sql, values)?;
    insert_tags(rows, project, image)
}

/// Replaces the tags, regions and metadata.
pub(crate) fn update(rows: &Rows<'_>, project: ProjectId, image: &Image) -> Result<(), StoreError> {
    let seal = rows.seal(project)?;
    let of = (project.to_string(), image.id.to_string());
    let metadata = seal.row("images", &image.id).json("metadata", &image.metadata)?;
    let sql = "UPDATE images SET metadata = ?3 WHERE project = ?1 AND id = ?2";
    write(rows, sql, (&of.0, &of.1, metadata))?;
    write(rows, "DELETE FROM image_tags WHERE project = ?1 AND image = ?2", (&of.0, &of.1))?;
    write(rows, "DELETE FROM regions WHERE project = ?1 AND image = ?2", (&of.0, &of.1))?;
    insert_tags(rows, project, image)
}

fn insert_tags(connection: &Connection, project: ProjectId, image: &Image) -> Result<(), StoreError> {
    let of = (project.to_string(), image.id.to_string());
    for tag in &image.tags {
        let sql = "INSERT INTO image_tags (project, image, tag, created) VALUES (?1, ?2, ?3, ?4)";
        write(connection, sql, (&of.0, &of.1, tag.tag_id.to_string(), tag.created.as_millis()))?;
    }
    for region in &image.regions {
        let sql = "INSERT INTO regions (project, image, id, tag, created, \"left\", top, width, height)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let values = (
            &of.0,
            &of.1,
            region.id.to_string(),
            region.tag_id.to_string(),
            region.created.as_millis(),
            region.bounds.left(),
            region.bounds.top(),
            region.bounds.width(),
            region.bounds.height(),
        );
        write(connection, sql, values)?;
    }
    Ok(())
}

/// The rows of tags, regions and features go with it.
pub(crate) fn remove(connection: &Connection, project: ProjectId, image: ImageId) -> Result<(), StoreError> {
    write(
        connection,
        "DELETE FROM images WHERE project = ?1 AND id = ?2",
        (project.to_string(), image.to_string()),
    )
}
