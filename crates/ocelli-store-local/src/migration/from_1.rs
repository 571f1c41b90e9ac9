//! Format 1 had no retention, holds, receipts or audit log, kept the results of predictions in rows of their own, and did
//! not know how many bytes a photo has. Its rows go into today's tables.

use ocelli_core::{Prediction, Retention, RetentionPolicy};
use ocelli_store::StoreError;
use rusqlite::types::Type;
use rusqlite::{Connection, Result as SqlResult, Row};

use crate::columns::{id, json, text, to_json, word};
use crate::error::During;
use crate::records::unscrubbed;

const ACTION: &str = "bringing the data directory from format 1 to today's";

pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(include_str!("from_1.sql")).during(ACTION)?;
    connection.execute_batch(include_str!("../schema.sql")).during(ACTION)?;
    connection.execute_batch(include_str!("from_1_rows.sql")).during(ACTION)?;
    let retention = to_json(&Retention::<RetentionPolicy>::default())?;
    connection.execute("UPDATE projects SET retention = ?1 WHERE erased = 0", [retention]).during(ACTION)?;
    move_results(connection)?;
    connection.execute_batch(include_str!("from_1_end.sql")).during(ACTION)?;
    unscrubbed::note_all(connection)
}

/// From a row for each result to one list for each kept prediction.
fn move_results(connection: &Connection) -> Result<(), StoreError> {
    let sql =
        "SELECT p.rowid, t.tag, t.name, t.type, t.probability, t.bounding_box FROM prediction_tags_1 AS t
               JOIN predictions AS p ON p.project = t.project AND p.id = t.prediction
               ORDER BY p.rowid, t.rank";
    let mut statement = connection.prepare(sql).during(ACTION)?;
    let mut rows = statement.query(()).during(ACTION)?;
    let mut of: Option<(i64, Vec<Prediction>)> = None;
    while let Some(row) = rows.next().during(ACTION)? {
        let position = row.get(0).during(ACTION)?;
        let result = read(row).during(ACTION)?;
        match &mut of {
            Some((last, results)) if *last == position => results.push(result),
            _ => {
                write(connection, of.replace((position, vec![result])))?;
            }
        }
    }
    write(connection, of)
}

fn read(row: &Row<'_>) -> SqlResult<Prediction> {
    let bounded = row.get_ref(5)?.data_type() != Type::Null;
    Ok(Prediction {
        tag_id: id(row, 1)?,
        tag_name: text(row, 2)?,
        tag_type: word(row, 3)?,
        probability: row.get(4)?,
        bounding_box: if bounded { Some(json(row, 5)?) } else { None },
    })
}

fn write(connection: &Connection, of: Option<(i64, Vec<Prediction>)>) -> Result<(), StoreError> {
    let Some((position, results)) = of else { return Ok(()) };
    let sql = "UPDATE predictions SET results = ?2 WHERE rowid = ?1";
    let mut statement = connection.prepare_cached(sql).during(ACTION)?;
    statement.execute((position, to_json(&results)?)).map(|_| ()).during(ACTION)
}
