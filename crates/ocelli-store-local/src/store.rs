use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocelli_core::{ErasureStatus, Limits, ProjectId};
use ocelli_store::{Applied, Change, ContentHash, ContentKey, Missing, StoreError, TrainingLock, apply};
use rusqlite::{Connection, TransactionBehavior};

use crate::blobs::{self, Found};
use crate::connection::{self, Readers};
use crate::directory::{Directory, ignore_missing};
use crate::error::During;
use crate::medium::{Disk, Lock, Medium};
use crate::records::{arrivals, features, projects, unscrubbed};
use crate::schema;
use crate::settle::{LONG_LOG, Settler, log_size};
use crate::staging::{self, Staged, Staging};
use crate::transaction::LocalTransaction;

/// Space kept for erasing on a full disk: about two thousand pages of the log.
const RESERVE: u64 = 8 << 20;

/// A store in a directory of a local disk, for any number of handles, threads and processes.
#[derive(Debug)]
pub struct LocalStore {
    pub(crate) directory: Directory,
    pub(crate) limits: Limits,
    readers: Readers,
    writer: Mutex<Connection>,
    staging: Staging,
    /// Changes of this handle that failed and whose bytes could not be taken back yet.
    failed: Mutex<Vec<u64>>,
    /// After the connections, as its pages' medium asks.
    settler: Settler,
}

/// What a change did.
struct Made {
    applied: Applied,
    /// Whether bytes are left that no record refers to.
    loose: bool,
    /// Whether an erasure, of whatever handle, was pending.
    unsettled: bool,
}

/// The right to change the store, which one handle of all processes has at a time.
pub(crate) struct Writing<'s> {
    connection: MutexGuard<'s, Connection>,
    _lock: Lock,
}

impl Deref for Writing<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl LocalStore {
    /// Opens the store in this directory, making it where there is none. The limits hold for this handle's changes.
    ///
    /// A directory of an older format is brought to today's. What handles that are gone left half done is undone, and
    /// erasures that they left pending are gone on with.
    ///
    /// # Errors
    /// [`StoreError::Format`] where a newer version wrote the directory, [`StoreError::Corrupt`] where it holds
    /// something else, [`StoreError::ReadOnly`], [`StoreError::Full`] and [`StoreError::Backend`] where the file system
    /// refuses.
    pub fn open(path: impl AsRef<Path>, limits: Limits) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(Disk), path.as_ref(), limits)
    }

    /// On another medium than the machine's file system.
    pub(crate) fn open_on(medium: Arc<dyn Medium>, path: &Path, limits: Limits) -> Result<Self, StoreError> {
        const ACTION: &str = "opening the data directory";
        let directory = Directory::create(medium, path)?;
        let opening = directory.lock_opening()?;
        let writing = directory.lock_writing()?;
        let pages = directory.medium.pages(&directory.database()).during(ACTION)?;
        let mut writer = connection::open(&directory)?;
        let photos = directory.medium.list(&directory.blobs()).during(ACTION)?;
        schema::prepare(&mut writer, !photos.is_empty())?;
        directory.medium.sync_folder(directory.root()).during(ACTION)?;
        let living = staging::clear_abandoned(&directory)?;
        let rows = writer.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        arrivals::end_abandoned(&rows, &living)?;
        rows.commit().during(ACTION)?;
        let staging = Staging::create(&directory)?;
        drop(writing);
        drop(opening);
        let readers = Readers::new(directory.clone());
        let settler = Settler::new(pages);
        let store = Self {
            directory,
            limits,
            readers,
            writer: Mutex::new(writer),
            staging,
            failed: Mutex::default(),
            settler,
        };
        if let Err(error) = store.tidy(false) {
            tracing::warn!(%error, "erasures could not be gone on with");
        }
        store.keep_reserve();
        Ok(store)
    }

    /// The directory.
    pub fn path(&self) -> PathBuf {
        self.directory.root().to_owned()
    }

    pub(crate) fn change(&self, change: Change) -> Result<Applied, StoreError> {
        if change.only_adds() {
            let made = self.make(change)?;
            if made.unsettled {
                self.finish_or_tell(false);
            }
            return Ok(made.applied);
        }
        // What takes away must not fail for lack of room.
        let again = change.clone();
        let made = match self.make(change) {
            Err(StoreError::Full { .. }) => {
                self.release_reserve();
                self.make(again)
            }
            made => made,
        };
        let finished = made.map(|made| (made.applied, self.finish_or_tell(true)));
        self.keep_reserve();
        let (mut applied, status) = finished?;
        if let Applied::Erased(erasure) = &mut applied {
            erasure.status = status;
        }
        Ok(applied)
    }

    /// Goes on with what erasures left to do, and waits a little for readers of older states if asked.
    pub(crate) fn finish(&self, wait: bool) -> Result<ErasureStatus, StoreError> {
        let finished = match self.tidy(wait) {
            Err(StoreError::Full { .. }) => {
                self.release_reserve();
                self.tidy(wait)
            }
            finished => finished,
        };
        self.keep_reserve();
        finished
    }

    /// The same behind a change that has been made: what fails is left to the next call.
    fn finish_or_tell(&self, wait: bool) -> ErasureStatus {
        self.finish(wait).unwrap_or_else(|error| {
            tracing::warn!(%error, "an erasure is pending");
            ErasureStatus::ErasurePending
        })
    }

    /// Makes a change. Its bytes come in first: staged, noted as arriving, put in their places; then the records that
    /// refer to them come, and the notes go, in one transaction.
    fn make(&self, change: Change) -> Result<Made, StoreError> {
        let staged = self.stage(&change)?;
        if let Some(staged) = &staged
            && let Err(error) = self.announce(staged).and_then(|()| staged.put_in_place(&self.directory))
        {
            self.take_back(staged);
            return Err(error);
        }
        match self.commit(change, staged.as_ref()) {
            Ok(made) => {
                if made.loose
                    && let Err(error) = self.remove_loose()
                {
                    // The change is made; the notes of what is left to remove are worked off with the next ones.
                    tracing::warn!(%error, "bytes that nothing refers to could not be removed yet");
                }
                Ok(made)
            }
            Err(error) => {
                if let Some(staged) = &staged {
                    self.take_back(staged);
                }
                Err(error)
            }
        }
    }

    /// Writes a change's bytes, before the change takes the write lock.
    fn stage(&self, change: &Change) -> Result<Option<Staged<'_>>, StoreError> {
        let Some((project, bytes)) = change.contents().filter(|(_, bytes)| !bytes.is_empty()) else {
            return Ok(None);
        };
        let key = self.ask_about(project, |connection| projects::key(connection, project))?;
        let key = key.ok_or(StoreError::NotFound(Missing::Project(project)))?;
        let contents: Vec<ContentHash> = bytes.iter().map(|bytes| key.hash(bytes)).collect();
        self.staging.write(project, &contents, &bytes).map(Some)
    }

    /// Notes that bytes are about to be put in their places, so that a crash does not leave them there unknown.
    fn announce(&self, staged: &Staged<'_>) -> Result<(), StoreError> {
        const ACTION: &str = "noting photos on their way in";
        let mut writing = self.write()?;
        let rows = writing.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        for (project, content) in staged.contents() {
            arrivals::note(&rows, staged.of(), project, &content)?;
        }
        rows.commit().during(ACTION)
    }

    /// Commits the records.
    fn commit(&self, change: Change, staged: Option<&Staged<'_>>) -> Result<Made, StoreError> {
        let contents: Vec<ContentHash> =
            staged.map(|staged| staged.contents().map(|(_, content)| content).collect()).unwrap_or_default();
        // A panic rolls the transaction back, and the connection can go on.
        let mut writing = self.write()?;
        let rows =
            writing.transaction_with_behavior(TransactionBehavior::Immediate).during("beginning a change")?;
        let applied = apply(&mut LocalTransaction::new(&rows), change, &contents, &self.limits)?;
        let loose = match staged {
            Some(staged) => arrivals::end(&rows, staged.of())?,
            None => false,
        };
        let unsettled = unscrubbed::are_noted(&rows)?;
        rows.commit().during("committing a change")?;
        if let Err(error) = self.shorten_log(&mut writing) {
            tracing::warn!(%error, "the write-ahead log could not be emptied");
        }
        Ok(Made { applied, loose, unsettled })
    }

    /// Empties the log where it has become long, unless readers are in the way.
    fn shorten_log(&self, writing: &mut Writing<'_>) -> Result<(), StoreError> {
        if log_size(&self.directory)? > LONG_LOG {
            self.settler.settle(&self.directory, writing, false)?;
        }
        Ok(())
    }

    /// Removes bytes that came for a change that then failed, if nothing else refers to them.
    fn take_back(&self, staged: &Staged<'_>) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(staged.of().change);
        if let Err(error) = self.end_failed().and_then(|()| self.remove_loose()) {
            tracing::warn!(%error, "the photos of a failed change could not be removed yet");
        }
    }

    /// Ends the arrivals of changes that failed.
    fn end_failed(&self) -> Result<(), StoreError> {
        const ACTION: &str = "taking photos back";
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_empty() {
            return Ok(());
        }
        let mut writing = self.write()?;
        let rows = writing.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        for change in failed.iter() {
            arrivals::end(&rows, self.staging.of(*change))?;
        }
        rows.commit().during(ACTION)?;
        failed.clear();
        Ok(())
    }

    fn remove_loose(&self) -> Result<(), StoreError> {
        self.in_steps(blobs::remove_some)
    }

    /// Does what erasures left to do, others' too, in steps between which others may change the store. A step that fails
    /// does not keep the others from being done.
    fn tidy(&self, wait: bool) -> Result<ErasureStatus, StoreError> {
        let failed = self.end_failed();
        let projects = self.in_steps(blobs::erase_some);
        let features = self.in_steps(remove_features);
        let bytes = self.remove_loose();
        let settled =
            self.write().and_then(|mut writing| self.settler.settle(&self.directory, &mut writing, wait));
        failed?;
        projects?;
        features?;
        bytes?;
        Ok(if settled? { ErasureStatus::Complete } else { ErasureStatus::ErasurePending })
    }

    /// Takes a step as long as there may be more to do, and lets others change the store in between.
    fn in_steps(
        &self,
        step: impl Fn(&Directory, &mut Connection) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        loop {
            let mut writing = self.write()?;
            if !step(&self.directory, &mut writing)? {
                return Ok(());
            }
            self.shorten_log(&mut writing)?;
        }
    }

    /// Takes the right to change the store.
    pub(crate) fn write(&self) -> Result<Writing<'_>, StoreError> {
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Writing { connection, _lock: self.directory.lock_writing()? })
    }

    fn release_reserve(&self) {
        if let Err(error) = self.directory.medium.remove_file(&self.directory.reserve()) {
            tracing::warn!(%error, "the reserve could not be released");
        }
    }

    /// Takes the space again that an erasure may have needed, where there is any.
    fn keep_reserve(&self) {
        let (medium, path) = (self.directory.medium.as_ref(), self.directory.reserve());
        if medium.size(&path).is_ok_and(|size| size == RESERVE) {
            return;
        }
        let _ = ignore_missing(medium.remove_file(&path));
        if let Err(error) = medium.reserve(&path, RESERVE) {
            let _ = medium.remove_file(&path);
            tracing::debug!(%error, "no space could be reserved for erasing on a full disk");
        }
    }

    /// Asks a question about one moment.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.directory.medium.database().exclusive {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            return connection::ask(&mut writer, question);
        }
        self.readers.ask(question)
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

    /// The bytes whose identity a question finds.
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
        let state = match blobs::read(&self.directory, project, &content, &key)? {
            Found::Sound(bytes) => return Ok(bytes),
            Found::Damaged => {
                self.set_aside(project, &content, &key);
                "is not what was stored, and has been set aside"
            }
            Found::Missing => {
                // It may have been deleted since its record was read; then its record is gone too.
                look()?;
                "is missing"
            }
        };
        let detail =
            format!("the file {content} of the project {project} {state}; store it again or delete it");
        Err(StoreError::Corrupt { detail })
    }

    /// What fails leaves the damaged bytes where they are, where the next reading finds them again.
    fn set_aside(&self, project: ProjectId, content: &ContentHash, key: &ContentKey) {
        let aside =
            self.write().and_then(|_writing| blobs::set_aside(&self.directory, project, content, key));
        if let Err(error) = aside {
            tracing::warn!(%error, %content, "damaged bytes could not be set aside");
        }
    }

    pub(crate) fn lock(&self, project: ProjectId) -> Result<TrainingLock, StoreError> {
        self.ask_about(project, |_| Ok(()))?;
        let held = self.directory.lock_training(project)?.ok_or(StoreError::TrainingInProgress)?;
        Ok(TrainingLock::new(held))
    }
}

/// Takes a step in removing features that are out of sight.
fn remove_features(_: &Directory, connection: &mut Connection) -> Result<bool, StoreError> {
    const ACTION: &str = "removing features";
    let rows = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    let more = features::remove_some(&rows)?;
    rows.commit().during(ACTION)?;
    Ok(more)
}
