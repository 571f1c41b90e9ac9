//! Making the database file hold nothing but what its records say.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ocelli_store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::connection::{Emptied, empty_log};
use crate::directory::Directory;
use crate::error::During;
use crate::medium::Pages;
use crate::records::unscrubbed;
use crate::scrub::{LogPosition, logged_pages, scrub};

const ACTION: &str = "settling the database";

/// Bytes of the write-ahead log above which it is emptied even if nothing was erased.
pub(crate) const LONG_LOG: u64 = 8 << 20;

/// Pages that are scrubbed while others wait.
const SCRUBBED_AT_ONCE: u32 = 5_000;

/// What came of settling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing of an earlier state is left.
    Whole,
    /// There are more pages to scrub.
    Partly,
    /// Readers of an older state are in the way.
    Busy,
}

/// Settles the database of one handle.
#[derive(Debug)]
pub(crate) struct Settler {
    pages: Box<dyn Pages>,
    /// How far the log has been read, so that a long one, which a reader keeps from being emptied, is read once.
    read: Mutex<Option<LogPosition>>,
    /// Whether pages may have been overwritten in vain, by this handle or by one before it.
    again: AtomicBool,
}

impl Settler {
    pub(crate) fn new(pages: Box<dyn Pages>) -> Self {
        Self { pages, read: Mutex::default(), again: AtomicBool::new(true) }
    }

    /// Empties the write-ahead log into the database file and overwrites what is left there of earlier states, waiting a
    /// little for readers of an older state if asked.
    ///
    /// The caller holds the write lock. A crash anywhere is made good by the next call: the log is emptied by nobody
    /// else, so it names the changed pages until they are noted in the database, and the notes go when the pages are
    /// scrubbed.
    pub(crate) fn settle(
        &self,
        directory: &Directory,
        connection: &mut Connection,
        wait: bool,
    ) -> Result<Settled, StoreError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let position = note_changed(directory, connection, read.take())?;
        if let Emptied::Busy { frames } = empty_log(connection, wait)? {
            // Where the log ends is for SQLite to say: what a killed process wrote behind it is overwritten.
            *read = position.map(|position| position.behind(frames));
            return Ok(Settled::Busy);
        }
        let rows = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        // An empty log means that this transaction reads the file alone; SQLite lets nobody move pages from the log into
        // the file as long as one does.
        if log_size(directory)? > 0 {
            return Ok(Settled::Busy);
        }
        let page_size = rows.pragma_query_value(None, "page_size", |row| row.get(0)).during(ACTION)?;
        let again = self.again.swap(true, Ordering::Relaxed);
        let pages = unscrubbed::noted(&rows, SCRUBBED_AT_ONCE)?;
        scrub(self.pages.as_ref(), &pages, page_size, again)?;
        // What this connection has read before goes; the others drop theirs when they see this commit. A page kept in
        // memory would be written again with what has just been overwritten.
        rows.execute_batch("PRAGMA shrink_memory").during(ACTION)?;
        unscrubbed::forget(&rows, &pages)?;
        let more = unscrubbed::are_noted(&rows)?;
        rows.commit().during(ACTION)?;
        self.again.store(more && again, Ordering::Relaxed);
        Ok(if more { Settled::Partly } else { Settled::Whole })
    }
}

/// Notes in the database which pages the log has, and says from where it was read.
fn note_changed(
    directory: &Directory,
    connection: &mut Connection,
    known: Option<LogPosition>,
) -> Result<Option<LogPosition>, StoreError> {
    let (changed, position) = logged_pages(|from, length| read_log(directory, from, length), known)?;
    if !changed.is_empty() {
        let notes = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        unscrubbed::note(&notes, &changed)?;
        notes.commit().during(ACTION)?;
    }
    Ok(position)
}

/// The bytes of the write-ahead log, 0 where there is none.
pub(crate) fn log_size(directory: &Directory) -> Result<u64, StoreError> {
    match directory.medium.size(&directory.log()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        size => size.during("looking at the write-ahead log"),
    }
}

/// Some bytes of the write-ahead log from there on, none where there is none.
fn read_log(directory: &Directory, from: u64, length: usize) -> Result<Vec<u8>, StoreError> {
    match directory.medium.read_part(&directory.log(), from, length) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        part => part.during("reading the write-ahead log"),
    }
}
