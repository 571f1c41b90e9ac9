use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ocelli_core::{Limits, ProjectId};
use ocelli_store::{Applied, Change, ContentHash, Missing, StoreError, TrainingLock, apply};
use rusqlite::{Connection, TransactionBehavior};

use crate::connection::{self, Readers};
use crate::directory::{Directory, sync_folder};
use crate::error::During;
use crate::records::{projects, removals};
use crate::staging::{self, Staged, Staging};
use crate::transaction::LocalTransaction;
use crate::{blobs, schema};

/// A store in a directory of a local disk, for any number of handles, threads and processes.
#[derive(Debug)]
pub struct LocalStore {
    directory: Directory,
    limits: Limits,
    writer: Mutex<Connection>,
    readers: Readers,
    staging: Staging,
}

impl LocalStore {
    /// Opens the store in this directory, making it where there is none. The limits hold for this handle's changes.
    ///
    /// What processes that have ended left half done is cleared away.
    ///
    /// # Errors
    /// [`StoreError::Format`] where a newer version wrote the directory, [`StoreError::Corrupt`] where it holds
    /// something else, [`StoreError::Backend`] where the file system refuses.
    pub fn open(path: impl AsRef<Path>, limits: Limits) -> Result<Self, StoreError> {
        let directory = Directory::create(path.as_ref())?;
        let opening = directory.lock_opening()?;
        let mut writer = connection::open(&directory.database())?;
        schema::prepare(&mut writer)?;
        sync_folder(directory.root()).during("making the data directory")?;
        staging::clear_abandoned(&directory, |placed| note(&mut writer, placed))?;
        let staging = Staging::create(&directory)?;
        drop(opening);
        if !removals::noted(&writer)?.is_empty() {
            blobs::work_off_removals(&directory, &mut writer)?;
        }
        let readers = Readers::new(directory.database());
        Ok(Self { directory, limits, writer: Mutex::new(writer), readers, staging })
    }

    /// The directory.
    pub fn path(&self) -> PathBuf {
        self.directory.root().to_owned()
    }

    pub(crate) fn change(&self, change: Change) -> Result<Applied, StoreError> {
        const ACTION: &str = "committing a change";
        let staged = self.stage(&change)?;
        let contents: Vec<ContentHash> = staged.iter().map(|each| each.content).collect();
        let erases = erases(&change);
        // A panic rolls the transaction back, and the connection can go on.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let rows =
            writer.transaction_with_behavior(TransactionBehavior::Immediate).during("beginning a change")?;
        let mut transaction = LocalTransaction::new(&rows);
        let applied = apply(&mut transaction, change, &contents, &self.limits)?;
        let lost = transaction.lost;
        // Of a duplicate too: its file may be missing or damaged, and this makes it good.
        let mut arriving: Vec<&Staged> = Vec::with_capacity(staged.len());
        for each in &staged {
            if removals::is_referred_to(&rows, each.project, &each.content)? {
                arriving.push(each);
            }
        }
        let placed = staging::put_in_place(&self.directory, arriving.iter().copied());
        if let Err(error) = placed.and_then(|()| rows.commit().during(ACTION)) {
            self.take_back(&mut writer, &arriving);
            return Err(error);
        }
        if lost && let Err(error) = blobs::work_off_removals(&self.directory, &mut writer) {
            // The change is made; the notes of what is left to remove are worked off with the next ones.
            tracing::warn!(%error, "photos that nothing refers to could not be removed yet");
        }
        if erases && let Err(error) = connection::empty_log(&writer) {
            tracing::warn!(%error, "the write-ahead log could not be emptied");
        }
        Ok(applied)
    }

    /// Writes a change's photos, before the change takes the write lock.
    fn stage(&self, change: &Change) -> Result<Vec<Staged>, StoreError> {
        let Some((project, photos)) = change.photos() else {
            return Ok(Vec::new());
        };
        let missing = StoreError::NotFound(Missing::Project(project));
        let key = self.ask_about(project, |connection| projects::key(connection, project))?.ok_or(missing)?;
        photos.into_iter().map(|bytes| self.staging.write(project, key.hash(bytes), bytes)).collect()
    }

    /// Removes bytes that were put in their places for a change that then failed, if nothing else refers to them.
    fn take_back(&self, writer: &mut Connection, arrived: &[&Staged]) {
        let arrived: Vec<_> = arrived.iter().map(|each| (each.project, each.content)).collect();
        let removed = note(writer, &arrived).and_then(|()| blobs::work_off_removals(&self.directory, writer));
        if let Err(error) = removed {
            tracing::warn!(%error, "the photos of a failed change could not be removed");
        }
    }

    /// Asks a question about one moment.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.readers.get()?.ask(question)
    }

    /// Asks a question about a project that has not been deleted.
    pub(crate) fn ask_about<T>(
        &self,
        project: ProjectId,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.ask(|connection| {
            projects::check_live(connection, project)?;
            question(connection)
        })
    }

    /// The bytes of the photo whose identity a question finds.
    pub(crate) fn bytes(
        &self,
        project: ProjectId,
        find: impl Fn(&Connection) -> Result<ContentHash, StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let look = || {
            self.ask_about(project, |connection| {
                let key = projects::key(connection, project)?;
                Ok((find(connection)?, key.ok_or(StoreError::NotFound(Missing::Project(project)))?))
            })
        };
        let (content, key) = look()?;
        if let Some(bytes) = blobs::read(&self.directory, project, &content, &key)? {
            return Ok(bytes);
        }
        // The photo may have been deleted since its record was read; then its record is gone too.
        let (content, _) = look()?;
        let detail =
            format!("the file of the photo {content} of the project {project} is missing; upload it again");
        Err(StoreError::Corrupt { detail })
    }

    pub(crate) fn lock(&self, project: ProjectId) -> Result<TrainingLock, StoreError> {
        self.ask_about(project, |_| Ok(()))?;
        let held = self.directory.lock_training(project)?.ok_or(StoreError::TrainingInProgress)?;
        Ok(TrainingLock::new(held))
    }
}

/// Notes bytes that may have no record.
fn note(writer: &mut Connection, bytes: &[(ProjectId, ContentHash)]) -> Result<(), StoreError> {
    const ACTION: &str = "noting photos that nothing may refer to";
    let rows = writer.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    for (project, content) in bytes {
        removals::note(&rows, *project, content)?;
    }
    rows.commit().during(ACTION)
}

/// Whether the caller of a change counts on what was there being gone.
fn erases(change: &Change) -> bool {
    matches!(
        change,
        Change::DeleteTag { .. }
            | Change::DeleteImages { .. }
            | Change::DeleteRegions { .. }
            | Change::SetMetadata { .. }
            | Change::DeleteIteration { .. }
            | Change::DeletePredictions { .. }
            | Change::UsePredictions { .. }
    )
}
