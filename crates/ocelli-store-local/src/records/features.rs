use ocelli_core::{ImageId, ProjectId, Timestamp};
use ocelli_store::{FeatureKey, StoreError};
use rusqlite::Connection;

use super::{all, one, write};
use crate::columns::{floats, id, moment, to_bytes};
use crate::error::During;
use crate::rows::Rows;

/// Features that go in one transaction.
const REMOVED_AT_ONCE: u32 = 500;

/// The number that stands for a key, if there are features of the project under it that have not been taken away.
fn number(connection: &Connection, project: &str, key: &FeatureKey) -> Result<Option<i64>, StoreError> {
    let (base, calibration) = columns(key);
    let sql = "SELECT key FROM feature_keys WHERE base = ?2 AND calibration = ?3
               AND NOT EXISTS (SELECT 1 FROM removed_features AS r WHERE r.feature_key = key AND r.project = ?1)";
    one(connection, sql, (project, base, calibration), |row| row.get(0))
}

/// What a row goes by where it is sealed.
fn row_of(image: &ImageId, key: &FeatureKey) -> String {
    let (base, calibration) = columns(key);
    format!("{image}/{base}/{calibration}")
}

fn columns(key: &FeatureKey) -> (&str, &str) {
    (&key.base, key.calibration.as_deref().unwrap_or_default())
}

/// Those that were computed after a moment, of photos that were stored after another.
pub(crate) fn get(
    rows: &Rows<'_>,
    project: ProjectId,
    key: &FeatureKey,
    images: &[ImageId],
    computed: Option<Timestamp>,
    stored: Option<Timestamp>,
) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
    let (seal, project) = (rows.seal(project)?, project.to_string());
    let Some(number) = number(rows, &project, key)? else {
        return Ok(vec![None; images.len()]);
    };
    let mut sql =
        "SELECT \"values\", created FROM features AS f WHERE project = ?1 AND image = ?2 AND feature_key = ?3"
            .to_owned();
    if let Some(stored) = stored {
        sql += &format!(
            " AND EXISTS (SELECT 1 FROM images AS i
                          WHERE i.project = f.project AND i.id = f.image AND i.created > {})",
            stored.as_millis()
        );
    }
    let of = |image: &ImageId| {
        let found = one(rows, &sql, (&project, image.to_string(), number), |row| {
            let created = moment(row, 1)?;
            if computed.is_some_and(|after| created <= after) {
                return Ok(None);
            }
            let id = row_of(image, key);
            let bytes = seal.row("features", &id).read_bytes("values", row, 0)?;
            floats(&bytes, 0).map(Some)
        })?;
        Ok(found.flatten())
    };
    images.iter().map(of).collect()
}

/// Nothing is kept under a key whose features are still being taken away.
pub(crate) fn put(
    rows: &Rows<'_>,
    project: ProjectId,
    image: ImageId,
    key: &FeatureKey,
    features: &[f32],
    computed: Timestamp,
) -> Result<(), StoreError> {
    let (seal, project) = (rows.seal(project)?, project.to_string());
    let sql = "INSERT INTO feature_keys (base, calibration) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    write(rows, sql, columns(key))?;
    let Some(number) = number(rows, &project, key)? else { return Ok(()) };
    let (id, bytes) = (row_of(&image, key), to_bytes(features));
    let values = seal.row("features", &id).bytes("values", &bytes)?;
    let sql = "INSERT OR REPLACE INTO features (project, image, feature_key, \"values\", created)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    write(rows, sql, (project, image.to_string(), number, values, computed.as_millis()))
}

/// When the features of a photo were computed that are in sight, the first ones first.
pub(crate) fn computed(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
) -> Result<Vec<Timestamp>, StoreError> {
    let sql = "SELECT created FROM features AS f WHERE project = ?1 AND image = ?2
               AND NOT EXISTS (SELECT 1 FROM removed_features AS r
                               WHERE r.feature_key = f.feature_key AND r.project = f.project)
               ORDER BY created";
    all(connection, sql, (project.to_string(), image.to_string()), |row| moment(row, 0))
}

/// Takes those of a photo away that were computed at or before a moment; all where there is none.
pub(crate) fn remove_of(
    connection: &Connection,
    project: ProjectId,
    image: ImageId,
    through: Option<Timestamp>,
) -> Result<(), StoreError> {
    let through = through.map_or(i64::MAX, Timestamp::as_millis);
    let sql = "DELETE FROM features WHERE project = ?1 AND image = ?2 AND created <= ?3";
    write(connection, sql, (project.to_string(), image.to_string(), through))
}

/// Takes the features of all of a project's photos under this key out of sight. They go in steps ([`remove_some`]).
pub(crate) fn remove(
    connection: &Connection,
    project: ProjectId,
    key: &FeatureKey,
) -> Result<(), StoreError> {
    let project = project.to_string();
    let Some(key) = number(connection, &project, key)? else { return Ok(()) };
    write(connection, "INSERT INTO removed_features (project, feature_key) VALUES (?1, ?2)", (project, key))
}

/// Whether there are features that have been taken out of sight and not gone yet.
pub(crate) fn are_removed(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM removed_features)";
    Ok(one(connection, sql, (), |row| row.get(0))?.unwrap_or(false))
}

/// Takes some features away that are out of sight, so many that a transaction stays short. Says whether there may be
/// more.
pub(crate) fn remove_some(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT project, feature_key FROM removed_features LIMIT 1";
    let removed = all(connection, sql, (), |row| Ok((id::<ProjectId>(row, 0)?, row.get::<_, i64>(1)?)))?;
    let Some((project, key)) = removed.first().map(|(project, key)| (project.to_string(), *key)) else {
        return Ok(false);
    };
    let sql = "DELETE FROM features WHERE rowid IN (SELECT rowid FROM features INDEXED BY features_by_key
               WHERE feature_key = ?2 AND project = ?1 LIMIT ?3)";
    let mut statement = connection.prepare_cached(sql).during("removing features")?;
    if statement.execute((&project, key, REMOVED_AT_ONCE)).during("removing features")? == 0 {
        let sql = "DELETE FROM removed_features WHERE project = ?1 AND feature_key = ?2";
        write(connection, sql, (&project, key))?;
        forget_keys(connection)?;
    }
    Ok(true)
}

/// Forgets the keys of calibrations under which nothing is kept any more: their fingerprints come from photos.
pub(crate) fn forget_keys(connection: &Connection) -> Result<(), StoreError> {
    let sql = "DELETE FROM feature_keys WHERE calibration <> ''
               AND NOT EXISTS (SELECT 1 FROM features WHERE feature_key = feature_keys.key)
               AND NOT EXISTS (SELECT 1 FROM removed_features WHERE feature_key = feature_keys.key)";
    write(connection, sql, ())
}
