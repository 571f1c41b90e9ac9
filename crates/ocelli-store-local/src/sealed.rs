//! All that is sealed in the database, to be checked.

use std::collections::BTreeSet;
use std::fmt::Display;

use ocelli_core::ProjectId;
use ocelli_store::{CheckReport, Owner, StoreError};
use rusqlite::Row;

use crate::error::During;
use crate::rows::Rows;
use crate::seal::Seal;

/// A table's sealed columns, and the question for its rows of a project: what each goes by, and these columns.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    sql: &'static str,
}

const TABLES: &[Table] = &[
    Table {
        name: "projects",
        columns: &["name", "description", "settings", "content_key"],
        sql: "SELECT id, name, description, settings, content_key FROM projects WHERE id = ?1",
    },
    Table {
        name: "tags",
        columns: &["name", "description"],
        sql: "SELECT id, name, description FROM tags WHERE project = ?1",
    },
    Table {
        name: "images",
        columns: &["metadata", "origin", "salt"],
        sql: "SELECT id, metadata, origin, salt FROM images WHERE project = ?1",
    },
    Table {
        name: "features",
        columns: &["values"],
        sql: "SELECT f.image || '/' || k.base || '/' || k.calibration, f.\"values\" FROM features AS f
              JOIN feature_keys AS k ON k.key = f.feature_key WHERE f.project = ?1",
    },
    Table {
        name: "calibrations",
        columns: &["data"],
        sql: "SELECT base, data FROM calibrations WHERE project = ?1",
    },
    Table {
        name: "iterations",
        columns: &["name", "status", "publish_name"],
        sql: "SELECT id, name, status, publish_name FROM iterations WHERE project = ?1",
    },
    Table {
        name: "trained",
        columns: &["manifest", "model"],
        sql: "SELECT i.id, t.manifest, t.model FROM iterations AS i
              JOIN trained AS t ON t.iteration = i.position WHERE i.project = ?1",
    },
    Table {
        name: "evaluated",
        columns: &["tags", "probabilities"],
        sql: "SELECT i.id || '/' || e.image || iif(e.test, '/test', ''), e.tags, e.probabilities FROM iterations AS i
              JOIN evaluated AS e ON e.iteration = i.position WHERE i.project = ?1",
    },
    Table {
        name: "left_out",
        columns: &["reason"],
        sql: "SELECT i.id || '/' || l.image, l.reason FROM iterations AS i
              JOIN left_out AS l ON l.iteration = i.position WHERE i.project = ?1",
    },
    Table { name: "exports", columns: &["flavor"], sql: "SELECT id, flavor FROM exports WHERE project = ?1" },
    Table {
        name: "export_files",
        columns: &["name"],
        sql: "SELECT export || '/' || lower(hex(content)), name FROM export_files WHERE project = ?1",
    },
    Table {
        name: "predictions",
        columns: &["publish_name", "application", "metadata", "results", "salt"],
        sql: "SELECT id, publish_name, application, metadata, results, salt FROM predictions WHERE project = ?1",
    },
];

/// Opens every value of an encrypted project and reports those that do not open. There is nothing to do for a plain one.
pub(crate) fn check(
    rows: &Rows<'_>,
    project: ProjectId,
    limit: usize,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    const ACTION: &str = "checking sealed values";
    let seal = rows.seal(project)?;
    if matches!(seal, Seal::Plain) {
        return Ok(());
    }
    for table in TABLES {
        let mut statement = rows.prepare(table.sql).during(ACTION)?;
        let mut found = statement.query([project.to_string()]).during(ACTION)?;
        let mut damaged = BTreeSet::new();
        while let Some(row) = found.next().during(ACTION)? {
            let id: String = row.get(0).during(ACTION)?;
            for (column, index) in table.columns.iter().zip(1..) {
                if !opens(&seal, table.name, &id, column, row, index) && damaged.insert(id.clone()) {
                    tell(project, table.name, &id, column, limit, report);
                }
            }
        }
    }
    Ok(())
}

/// Whether a value is there and opens, or is not there.
fn opens(
    seal: &Seal,
    table: &'static str,
    id: &dyn Display,
    column: &str,
    row: &Row<'_>,
    index: usize,
) -> bool {
    let none = row.get_ref(index).is_ok_and(|value| value.data_type() == rusqlite::types::Type::Null);
    none || seal.row(table, &id).read_bytes(column, row, index).is_ok()
}

fn tell(project: ProjectId, table: &str, id: &str, column: &str, limit: usize, report: &mut CheckReport) {
    let owner = match table {
        "images" => id.parse().ok().map(|id| Owner::Image { project_id: project, id }),
        "predictions" => id.parse().ok().map(|id| Owner::Prediction { project_id: project, id }),
        _ => None,
    };
    match owner {
        Some(owner) => report.damaged.push(owner),
        None if report.records.len() < limit => {
            report.records.push(format!("{table}.{column} of {id} in the project {project} does not open"));
        }
        None => {}
    }
}
