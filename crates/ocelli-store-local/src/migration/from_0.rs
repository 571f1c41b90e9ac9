//! Format 0 had manifests in one piece, no exports, no log of erasures, and calibrations that did not say which photos they
//! looked at.

use ocelli_core::{EvaluatedPhoto, Manifest};
use ocelli_store::StoreError;
use rusqlite::{ToSql, Transaction, params};

use crate::columns::{indices_to_bytes, json, to_bytes, to_json, to_word};
use crate::error::During;
use crate::schema::FORMAT;

const ACTION: &str = "bringing the data directory from format 0 to 1";

pub(super) fn migrate(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    // Format 0 changed without a number of its own; this is what it had at the end.
    let last = "SELECT count(*) FROM pragma_table_info('iterations') WHERE name = 'publish_precision'";
    if transaction.query_row(last, (), |row| row.get::<_, u32>(0)).during(ACTION)? == 0 {
        let advice = "it was written before the format had settled, and only the last of those can be brought \
                      forward; train anew from its photos";
        return Err(StoreError::Format { found: 0, supported: FORMAT, advice });
    }
    transaction.execute_batch(include_str!("from_0.sql")).during(ACTION)?;
    let mut statement = transaction.prepare(TRAINED).during(ACTION)?;
    let mut rows = statement.query(()).during(ACTION)?;
    while let Some(row) = rows.next().during(ACTION)? {
        let iteration = row.get(0).during(ACTION)?;
        let manifest: Manifest = json(row, 1).during(ACTION)?;
        let model: Vec<u8> = row.get(2).during(ACTION)?;
        insert(transaction, iteration, manifest, &model)?;
    }
    drop(rows);
    drop(statement);
    transaction.execute_batch("DROP TABLE trained_0").during(ACTION)?;
    count_erased(transaction)
}

/// The photos go into rows of their own.
fn insert(
    transaction: &Transaction<'_>,
    row: i64,
    mut manifest: Manifest,
    model: &[u8],
) -> Result<(), StoreError> {
    let photos = std::mem::take(&mut manifest.evaluation.photos);
    let left_out = std::mem::take(&mut manifest.left_out);
    let write = |sql: &str, values: &[&dyn ToSql]| {
        let mut statement = transaction.prepare_cached(sql).during(ACTION)?;
        statement.execute(values).map(|_| ()).during(ACTION)
    };
    let sql = "INSERT INTO trained (iteration, manifest, erased, model) VALUES (?1, ?2, ?3, ?4)";
    write(sql, params![row, to_json(&manifest)?, manifest.erased, model])?;
    let sql =
        "INSERT INTO evaluated (iteration, image, fold, tags, probabilities) VALUES (?1, ?2, ?3, ?4, ?5)";
    for EvaluatedPhoto { photo, tags, fold, probabilities } in &photos {
        let (tags, probabilities) = (indices_to_bytes(tags), to_bytes(probabilities));
        write(sql, params![row, photo.to_string(), fold, tags, probabilities])?;
    }
    let sql = "INSERT INTO left_out (iteration, image, reason) VALUES (?1, ?2, ?3)";
    for (image, reason) in &left_out {
        write(sql, params![row, image.to_string(), to_word(reason)?])?;
    }
    Ok(())
}

const TRAINED: &str = "SELECT i.position, t.manifest, t.model FROM trained_0 AS t
                       JOIN iterations AS i ON i.project = t.project AND i.id = t.iteration";

/// Manifests went on listing photos that had been erased; now those are counted.
fn count_erased(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let gone = "NOT EXISTS (SELECT 1 FROM images AS p JOIN iterations AS i ON i.project = p.project
                            WHERE i.position = e.iteration AND p.id = e.image)";
    let statements = format!(
        "UPDATE trained SET erased = erased + (
             SELECT count(*) FROM evaluated AS e WHERE e.iteration = trained.iteration AND {gone});
         DELETE FROM evaluated AS e WHERE {gone};
         DELETE FROM left_out AS e WHERE {gone};"
    );
    transaction.execute_batch(&statements).during(ACTION)
}
