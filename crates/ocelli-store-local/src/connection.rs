use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ocelli_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::directory::{Directory, PATIENCE};
use crate::error::During;

/// Statements kept compiled, more than there are.
const STATEMENTS: usize = 128;
/// Reading connections kept open while nobody asks.
const IDLE_READERS: usize = 8;
/// Kibibytes of pages that a connection keeps at most: enough for a step of a sweep.
const CACHE: u32 = 16 << 10;
/// How long emptying the write-ahead log waits for readers when something was erased.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(500);
/// So many pages that the first byte of a page that links to another by number is never that of a b-tree page
/// (2, 5, 10 or 13), by which scrubbing tells them apart: 128 GiB of records.
const MAX_PAGES: u32 = (1 << 25) - 1;

/// Opens the database with the settings that hold for every connection.
///
/// The log is emptied by [`settle`](crate::settle::Settler) alone, never by SQLite's own choice, since scrubbing needs to know
/// which pages it held.
pub(crate) fn open(directory: &Directory) -> Result<Connection, StoreError> {
    const ACTION: &str = "opening the database";
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let (path, access) = (directory.database(), directory.medium.database());
    let connection = match access.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        None => Connection::open_with_flags(path, flags),
    }
    .during(ACTION)?;
    connection.busy_timeout(PATIENCE).during(ACTION)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    if access.exclusive {
        // Before the log is opened, so that its index is kept in memory of the process.
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").during(ACTION)?;
    }
    let pragmas = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
         PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{CACHE}; PRAGMA max_page_count = {MAX_PAGES};"
    );
    connection.execute_batch(&pragmas).during(ACTION)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).during(ACTION)?;
    // Else a statement is compiled anew whenever it is asked about another value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).during(ACTION)?;
    Ok(connection)
}

/// What came of emptying the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emptied {
    /// It is empty.
    Whole,
    /// Readers of an older state are in the way of a log of so many frames.
    Busy { frames: u64 },
}

/// Moves what the write-ahead log holds into the database and empties it. Waits a little for readers of an older state if
/// asked.
pub(crate) fn empty_log(connection: &Connection, wait: bool) -> Result<Emptied, StoreError> {
    const ACTION: &str = "emptying the write-ahead log";
    let patience = if wait { CHECKPOINT_PATIENCE } else { Duration::ZERO };
    connection.busy_timeout(patience).during(ACTION)?;
    let answer = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| {
        Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?))
    });
    connection.busy_timeout(PATIENCE).during(ACTION)?;
    let (busy, frames) = answer.during(ACTION)?;
    Ok(if busy { Emptied::Busy { frames: u64::try_from(frames).unwrap_or(0) } } else { Emptied::Whole })
}

/// Connections for questions, one for each that is asked at a time.
#[derive(Debug)]
pub(crate) struct Readers {
    directory: Directory,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(directory: Directory) -> Self {
        Self { directory, idle: Mutex::default() }
    }

    /// Asks within one read transaction, so that all answers are about one moment.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open(&self.directory)?,
        };
        let answer = ask(&mut connection, question);
        let mut idle = self.idle();
        // One that could not end its transaction is closed instead.
        if connection.is_autocommit() && idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        answer
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a question within one read transaction of a connection.
pub(crate) fn ask<T>(
    connection: &mut Connection,
    question: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction().during("beginning to read")?;
    question(&transaction)
}
