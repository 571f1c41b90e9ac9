//! The same work as any program would do it that promises less: rows go in one transaction, their files behind it, and nothing is
//! overwritten, proved or kept in steps.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ocelli_core::ProjectId;
use rusqlite::Connection;

use crate::Outcome;
use crate::records::{DUE, blob};

/// Threads that remove files, as many as the store's.
const THREADS: usize = 32;

/// How long each part took, with those before it.
pub(crate) struct Peer {
    pub(crate) deleted: Duration,
    pub(crate) removed: Duration,
    pub(crate) emptied: Duration,
}

/// Deletes as many of the oldest rows of each table as were due of it.
pub(crate) fn delete(directory: &Path, project: ProjectId) -> Outcome<Peer> {
    let mut database = Connection::open(directory.join("ocelli.sqlite"))?;
    database.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0",
    )?;
    let began = Instant::now();
    let rows = database.transaction()?;
    let mut contents = Vec::<[u8; 32]>::new();
    for (table, count) in [("images", DUE / 10), ("predictions", DUE - DUE / 10)] {
        let sql =
            format!("SELECT created FROM {table} WHERE project = ?1 ORDER BY created, id LIMIT 1 OFFSET ?2");
        let through: i64 = rows.query_row(&sql, (project.to_string(), count - 1), |row| row.get(0))?;
        let sql = format!("SELECT content FROM {table} WHERE project = ?1 AND created <= ?2");
        let mut found = rows.prepare(&sql)?;
        let of_table = found.query_map((project.to_string(), through), |row| row.get::<_, [u8; 32]>(0))?;
        contents.extend(of_table.collect::<Result<Vec<_>, _>>()?);
        let sql = format!("DELETE FROM {table} WHERE project = ?1 AND created <= ?2");
        rows.execute(&sql, (project.to_string(), through))?;
    }
    rows.commit()?;
    let deleted = began.elapsed();
    if contents.len() as u64 != DUE {
        return Err(format!("{} rows were deleted, not {DUE}", contents.len()).into());
    }
    thread::scope(|scope| {
        let remove = |content: &[u8; 32]| fs::remove_file(blob(directory, project, content));
        let parts = contents.chunks(contents.len().div_ceil(THREADS));
        let threads: Vec<_> =
            parts.map(|part| scope.spawn(move || part.iter().try_for_each(remove))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "removing files panicked")?.map_err(Into::into))
    })
    .map_err(|error: Box<dyn Error>| error)?;
    let removed = began.elapsed();
    let busy: bool = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    if busy {
        return Err("the log could not be emptied".into());
    }
    Ok(Peer { deleted, removed, emptied: began.elapsed() })
}
