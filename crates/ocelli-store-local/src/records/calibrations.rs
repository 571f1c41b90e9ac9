use ocelli_core::ProjectId;
use ocelli_store::{StoreError, StoredCalibration};
use rusqlite::Connection;

use super::{one, write};

pub(crate) fn get(
    connection: &Connection,
    project: ProjectId,
    base: &str,
) -> Result<Option<StoredCalibration>, StoreError> {
    let sql = "SELECT fingerprint, photos, training_photos, data FROM calibrations
               WHERE project = ?1 AND base = ?2";
    one(connection, sql, (project.to_string(), base), |row| {
        Ok(StoredCalibration {
            fingerprint: row.get(0)?,
            photos: row.get(1)?,
            training_photos: row.get(2)?,
            data: row.get(3)?,
        })
    })
}

pub(crate) fn put(
    connection: &Connection,
    project: ProjectId,
    base: &str,
    calibration: &StoredCalibration,
) -> Result<(), StoreError> {
    let sql =
        "INSERT OR REPLACE INTO calibrations (project, base, fingerprint, photos, training_photos, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let StoredCalibration { fingerprint, photos, training_photos, data } = calibration;
    write(connection, sql, (project.to_string(), base, fingerprint, photos, training_photos, data))
}
