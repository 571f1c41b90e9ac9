use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ocelli_store::StoreError;
use rusqlite::{Connection, OpenFlags};

use crate::error::During;

/// How long a change waits for another process's change.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long emptying the write-ahead log waits for readers.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(500);
/// Statements kept compiled, more than there are.
const STATEMENTS: usize = 128;
/// Reading connections kept open while nobody asks.
const IDLE_READERS: usize = 8;

/// Opens the database with the settings that hold for every connection.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    const ACTION: &str = "opening the database";
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).during(ACTION)?;
    connection.busy_timeout(PATIENCE).during(ACTION)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
                   PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;";
    connection.execute_batch(pragmas).during(ACTION)?;
    Ok(connection)
}

/// Moves what the write-ahead log holds into the database and empties it, unless readers are in the way.
pub(crate) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(CHECKPOINT_PATIENCE)?;
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, bool>(0));
    connection.busy_timeout(PATIENCE)?;
    if emptied? {
        tracing::debug!("the write-ahead log could not be emptied, since it is being read");
    }
    Ok(())
}

/// Connections for questions, one for each that is asked at a time.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    pub(crate) fn get(&self) -> Result<Reader<'_>, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open(&self.path)?,
        };
        Ok(Reader { connection: Some(connection), readers: self })
    }
}

/// A connection that goes back to the idle ones when it is dropped.
pub(crate) struct Reader<'r> {
    connection: Option<Connection>,
    readers: &'r Readers,
}

impl Reader<'_> {
    /// Asks within one read transaction, so that all answers are about one moment.
    pub(crate) fn ask<T>(
        &mut self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        const ACTION: &str = "beginning to read";
        let Some(connection) = self.connection.as_mut() else {
            return Err(StoreError::backend(ACTION)("the connection is gone".into()));
        };
        let transaction = connection.transaction().during(ACTION)?;
        question(&transaction)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut idle = self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // One that could not end its transaction is closed instead.
        if let Some(connection) = self.connection.take()
            && connection.is_autocommit()
            && idle.len() < IDLE_READERS
        {
            idle.push(connection);
        }
    }
}
