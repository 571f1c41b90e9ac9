use ocelli_core::{ImageId, ProjectId};
use ocelli_store::{FeatureKey, StoreError};
use rusqlite::Connection;

use super::{one, write};
use crate::columns::{floats, to_bytes};

/// The number that stands for a key, if there are features under it.
fn number(connection: &Connection, key: &FeatureKey) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT key FROM feature_keys WHERE base = ?1 AND calibration = ?2";
    one(connection, sql, columns(key), |row| row.get(0))
}

fn columns(key: &FeatureKey) -> (&str, &str) {
    (&key.base, key.calibration.as_deref().unwrap_or_default())
}

pub(crate) fn get(
    connection: &Connection,
    project: ProjectId,
    key: &FeatureKey,
    images: &[ImageId],
) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
    let Some(key) = number(connection, key)? else {
        return Ok(vec![None; images.len()]);
    };
    let project = project.to_string();
    let sql = "SELECT \"values\" FROM features WHERE project = ?1 AND image = ?2 AND feature_key = ?3";
    let of = |image: &ImageId| one(connection, sql, (&project, image.to_string(), key), |row| floats(row, 0));
    images.iter().map(of).collect()
}

pub(crate) fn put(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
    key: &FeatureKey,
    features: &[f32],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO feature_keys (base, calibration) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    write(connection, sql, columns(key))?;
    let sql =
        "INSERT OR REPLACE INTO features (project, image, feature_key, \"values\") VALUES (?1, ?2, ?3, ?4)";
    let values = (project.to_string(), image.to_string(), number(connection, key)?, to_bytes(features));
    write(connection, sql, values)
}

/// The features of all of a project's photos under this key.
pub(crate) fn remove(
    connection: &Connection,
    project: ProjectId,
    key: &FeatureKey,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM features WHERE project = ?1 AND feature_key = ?2";
    write(connection, sql, (project.to_string(), number(connection, key)?))?;
    forget_keys(connection)
}

/// The keys of calibrations under which nothing is kept any more: their fingerprints come from photos.
pub(crate) fn forget_keys(connection: &Connection) -> Result<(), StoreError> {
    let sql = "DELETE FROM feature_keys WHERE calibration <> ''
               AND NOT EXISTS (SELECT 1 FROM features WHERE feature_key = feature_keys.key)";
    write(connection, sql, ())
}
