use std::collections::BTreeSet;

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, StoreError};
use rusqlite::Connection;

use super::{all, removals, write};
use crate::columns::{content, id};

/// Which change of which handle something is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Of<'h> {
    pub(crate) handle: &'h str,
    pub(crate) change: u64,
}

/// Notes that bytes are about to be put in their place.
pub(crate) fn note(
    connection: &Connection,
    of: Of<'_>,
    project: ProjectId,
    content: &ContentHash,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO arrivals (handle, change, project, content) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO NOTHING";
    write(connection, sql, (of.handle, of.change, project.to_string(), content.as_bytes()))
}

/// Ends a change's arrivals: what no record refers to is noted to be removed. Says whether anything is.
pub(crate) fn end(connection: &Connection, of: Of<'_>) -> Result<bool, StoreError> {
    let sql = "SELECT project, content FROM arrivals WHERE handle = ?1 AND change = ?2";
    let arrived = all(connection, sql, (of.handle, of.change), |row| Ok((id(row, 0)?, content(row, 1)?)))?;
    write(connection, "DELETE FROM arrivals WHERE handle = ?1 AND change = ?2", (of.handle, of.change))?;
    let mut loose = false;
    for (project, content) in arrived {
        if !removals::is_referred_to(connection, project, &content)? {
            removals::note(connection, project, &content)?;
            loose = true;
        }
    }
    Ok(loose)
}

/// Ends the arrivals of all handles but those that live.
pub(crate) fn end_abandoned(connection: &Connection, living: &BTreeSet<String>) -> Result<(), StoreError> {
    let changes: Vec<(String, u64)> =
        all(connection, "SELECT DISTINCT handle, change FROM arrivals", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    for (handle, change) in changes {
        if !living.contains(&handle) {
            end(connection, Of { handle: &handle, change })?;
        }
    }
    Ok(())
}
