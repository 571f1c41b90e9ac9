use ocelli_core::{ImageId, ProjectId, Timestamp};
use ocelli_store::{StoreError, StoredCalibration};
use rusqlite::Connection;

use super::{all, one, write};
use crate::columns::id;
use crate::rows::Rows;

pub(crate) fn get(
    rows: &Rows<'_>,
    project: ProjectId,
    base: &str,
) -> Result<Option<StoredCalibration>, StoreError> {
    let of = (project.to_string(), base);
    let sql = "SELECT fingerprint, training_photos, data FROM calibrations WHERE project = ?1 AND base = ?2";
    let seal = rows.seal(project)?;
    let found = one(rows, sql, (&of.0, of.1), |row| {
        Ok(StoredCalibration {
            fingerprint: row.get(0)?,
            images: Vec::new(),
            training_photos: row.get(1)?,
            data: seal.row("calibrations", &base).read_bytes("data", row, 2)?.into_owned(),
        })
    })?;
    let Some(mut calibration) = found else { return Ok(None) };
    let sql = "SELECT image FROM calibration_images WHERE project = ?1 AND base = ?2 ORDER BY position";
    calibration.images = all(rows, sql, (&of.0, of.1), |row| id(row, 0))?;
    Ok(Some(calibration))
}

/// What tells a calibration from others, which is not sealed.
pub(crate) fn fingerprint(
    connection: &Connection,
    project: ProjectId,
    base: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT fingerprint FROM calibrations WHERE project = ?1 AND base = ?2";
    one(connection, sql, (project.to_string(), base), |row| row.get(0))
}

/// Whether a calibration looked at a photo that was stored at or before this moment.
pub(crate) fn looked_at_due(
    connection: &Connection,
    project: ProjectId,
    base: &str,
    cutoff: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let Some(cutoff) = cutoff else { return Ok(false) };
    let sql = "SELECT EXISTS (SELECT 1 FROM calibration_images AS c CROSS JOIN images AS i
                              ON i.project = c.project AND i.id = c.image
                              WHERE c.project = ?1 AND c.base = ?2 AND i.created <= ?3)";
    let values = (project.to_string(), base, cutoff.as_millis());
    Ok(one(connection, sql, values, |row| row.get(0))?.unwrap_or(false))
}

pub(crate) fn put(
    rows: &Rows<'_>,
    project: ProjectId,
    base: &str,
    calibration: &StoredCalibration,
) -> Result<(), StoreError> {
    remove(rows, project, base)?;
    let seal = rows.seal(project)?;
    let StoredCalibration { fingerprint, images, training_photos, data } = calibration;
    let project = project.to_string();
    let sql = "INSERT INTO calibrations (project, base, fingerprint, training_photos, data)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let data = seal.row("calibrations", &base).bytes("data", data)?;
    write(rows, sql, (&project, base, fingerprint, training_photos, data))?;
    let sql = "INSERT INTO calibration_images (project, base, image) VALUES (?1, ?2, ?3)";
    images.iter().try_for_each(|image| write(rows, sql, (&project, base, image.to_string())))
}

/// The base models whose calibrations looked at a photo.
pub(crate) fn with_image(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT base FROM calibration_images WHERE project = ?1 AND image = ?2";
    all(connection, sql, (project.to_string(), image.to_string()), |row| row.get(0))
}

/// The list of its photos goes with it.
pub(crate) fn remove(connection: &Connection, project: ProjectId, base: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM calibrations WHERE project = ?1 AND base = ?2";
    write(connection, sql, (project.to_string(), base))
}
