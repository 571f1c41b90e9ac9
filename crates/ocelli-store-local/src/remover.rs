//! Removing bytes that nothing refers to any more.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ocelli_core::ProjectId;
use ocelli_store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::directory::{Directory, ignore_missing};
use crate::error::During;
use crate::records::removals::{self, Removal};
use crate::staging::{at_once, sync_folders};

const ACTION: &str = "removing bytes that nothing refers to";

/// Notes taken up at once: so many that a folder's files are together, so few that reading and forgetting them does not keep
/// others waiting.
const TAKEN_UP: u32 = 32_768;
/// How long removing goes on in one transaction before what has been removed is made durable.
const STEP: Duration = Duration::from_millis(40);
/// Files removed at once: a file system may wait for the medium to take the space of each back, which takes it longer than
/// writing.
const AT_ONCE: usize = 32;
/// Files removed in one transaction.
const REMOVED_AT_ONCE: usize = 2_048;

/// Removes, for one handle, the files of noted bytes.
///
/// The notes are in the order in which bytes lost their records, and their files are in folders by content, which is another. Notes
/// are taken up by the thousand, worked off folder by folder, and forgotten together: where a process is killed, or
/// another handle does the same, removing a file that is gone does no harm.
#[derive(Debug, Default)]
pub(crate) struct Remover(Mutex<Work>);

/// Where removing stands.
#[derive(Debug, Default)]
struct Work {
    /// The notes up to this number have been worked off, or cannot be.
    before: i64,
    /// The notes up to this number have been taken up.
    through: i64,
    /// What is left of those, the next one last.
    left: Vec<Removal>,
    /// Whether they are so many that taking them up and forgetting them are steps of their own.
    are_many: bool,
    /// Of those, the numbers of the ones whose files could not be removed.
    stubborn: Vec<i64>,
    /// Why the last of all could not.
    failure: Option<io::Error>,
}

impl Remover {
    /// Takes a step. Says whether there may be more. The caller holds the write lock, so that an upload of the same
    /// bytes, by whatever process, comes before or after but never between.
    pub(crate) fn remove_some(
        &self,
        directory: &Directory,
        connection: &mut Connection,
    ) -> Result<bool, StoreError> {
        let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Where a step fails, all that is noted is taken up again.
        let (rest, more) = mem::take(&mut *work).step(directory, connection)?;
        *work = rest;
        Ok(more)
    }
}

impl Work {
    fn step(
        mut self,
        directory: &Directory,
        connection: &mut Connection,
    ) -> Result<(Self, bool), StoreError> {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        if self.left.is_empty() && self.before < self.through {
            self.forget(&transaction)?;
            transaction.commit().during(ACTION)?;
            return Ok((self, true));
        }
        if self.left.is_empty() {
            if !self.take_up(&transaction)? {
                return match self.failure {
                    Some(failure) => Err(failure).during(ACTION),
                    None => Ok((Self::default(), false)),
                };
            }
            self.are_many = self.left.len() > REMOVED_AT_ONCE;
            if self.are_many {
                return Ok((self, true));
            }
        }
        let rest = self.left.len().saturating_sub(REMOVED_AT_ONCE);
        let folders = self.remove(directory, &transaction, rest)?;
        sync_folders(directory.medium.as_ref(), &folders).during(ACTION)?;
        if self.left.is_empty() && !self.are_many {
            self.forget(&transaction)?;
        }
        transaction.commit().during(ACTION)?;
        Ok((self, true))
    }

    /// Forgets the notes that have been worked off.
    fn forget(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.stubborn.sort_unstable();
        removals::forget(connection, self.before, self.through, &self.stubborn)?;
        self.before = self.through;
        self.stubborn.clear();
        Ok(())
    }

    /// Takes the next notes up, if there are any.
    fn take_up(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        self.left = removals::noted(connection, self.before, TAKEN_UP)?;
        let Some(last) = self.left.last() else { return Ok(false) };
        self.through = last.number;
        self.left
            .sort_unstable_by(|one, other| (other.project, &other.content).cmp(&(one.project, &one.content)));
        Ok(true)
    }

    /// Removes files as long as a step goes on, and leaves so many for the next ones in any case. Says in which folders.
    fn remove(
        &mut self,
        directory: &Directory,
        connection: &Connection,
        rest: usize,
    ) -> Result<BTreeSet<PathBuf>, StoreError> {
        let mut damaged = BTreeMap::new();
        let mut unwanted = Vec::new();
        for removal in self.left.drain(rest..).rev() {
            let mut files = Vec::new();
            if !removals::is_wanted(connection, removal.project, &removal.content)? {
                files.push(directory.blob(removal.project, &removal.content));
                // Hardly any project has damaged bytes.
                let has_damaged = *damaged
                    .entry(removal.project)
                    .or_insert_with(|| has_damaged(directory, removal.project));
                if has_damaged {
                    files.push(directory.damaged_blob(removal.project, &removal.content));
                }
            }
            unwanted.push((removal, files, OnceLock::new()));
        }
        let began = Instant::now();
        at_once(unwanted.len(), AT_ONCE, |number| {
            if let Some((_, files, removed)) = unwanted.get(number)
                && (number == 0 || began.elapsed() < STEP)
            {
                let _ = removed.set(files.iter().try_for_each(|(_, file)| remove_file(directory, file)));
            }
            Ok::<_, StoreError>(())
        })?;
        let mut folders = BTreeSet::new();
        for (removal, files, removed) in unwanted.into_iter().rev() {
            match removed.into_inner() {
                // Also where the file was gone: who removed it may not have come to making that durable.
                Some(Ok(())) => folders.extend(files.into_iter().map(|(folder, _)| folder)),
                // It stays noted, and does not keep the others from going.
                Some(Err(error)) => {
                    self.stubborn.push(removal.number);
                    self.failure = Some(error);
                }
                None => self.left.push(removal),
            }
        }
        Ok(folders)
    }
}

/// Whether a project has, or had, damaged bytes; that there may be some where that cannot be told.
fn has_damaged(directory: &Directory, project: ProjectId) -> bool {
    let found = directory.medium.list(&directory.project_damaged(project));
    !found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn remove_file(directory: &Directory, file: &Path) -> io::Result<()> {
    ignore_missing(directory.medium.remove_file(file))
}
