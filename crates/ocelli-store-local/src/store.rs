use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ocelli_core::{AccountId, ErasureStatus, ProjectId, Salt};
use ocelli_store::{
    Applied, Change, ContentHash, Missing, StoreError, StoreOptions, TrainingLock, Visibility, apply, refusal,
};
use rusqlite::{Connection, TransactionBehavior};

use crate::blobs::{self, BlobKeys, Found};
use crate::connection::{self, Readers};
use crate::directory::{DATABASE_NAME, Directory, RESERVE_NAME};
use crate::error::During;
use crate::keyring::Keyring;
use crate::medium::{Disk, Lock, Medium};
use crate::records::measures::Measured;
use crate::records::{arrivals, features, keys, projects, removals, removed_tags, unscrubbed};
use crate::remover::Remover;
use crate::rows::Rows;
use crate::schema;
use crate::settle::{LONG_LOG, Settled, Settler, log_size};
use crate::staging::{self, Staged, Staging};
use crate::transaction::LocalTransaction;

/// A page that every database has.
const FIRST_PAGE: u32 = 1;
/// Steps of an unfinished erasure that opening takes; the next change takes the others.
const STEPS_AT_OPENING: u32 = 20;
/// Steps of an unfinished erasure that a change takes which only adds; the next ones take the others.
const STEPS_OF_OTHERS: u32 = 20;

/// A store in a directory of a local disk, for any number of handles, threads and processes.
#[derive(Debug)]
pub struct LocalStore {
    pub(crate) directory: Directory,
    pub(crate) options: StoreOptions,
    keyring: Keyring,
    readers: Readers,
    writer: Mutex<Connection>,
    staging: Staging,
    /// Changes of this handle that failed and whose bytes could not be taken back yet.
    failed: Mutex<Vec<u64>>,
    /// After the connections, as its pages' medium asks.
    settler: Settler,
    remover: Remover,
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
    began: Instant,
}

/// Says how long others had to wait: every write transaction lies within one turn.
impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::trace!(target: "ocelli_store_local::writing", micros, "a turn at writing ends");
    }
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
    pub fn open(path: impl AsRef<Path>, options: impl Into<StoreOptions>) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(Disk), path.as_ref(), options)
    }

    /// On another medium than the machine's file system.
    pub(crate) fn open_on(
        medium: Arc<dyn Medium>,
        path: &Path,
        options: impl Into<StoreOptions>,
    ) -> Result<Self, StoreError> {
        let options = options.into();
        match Self::try_open(Arc::clone(&medium), path, options.clone()) {
            // Who cannot open cannot erase.
            Err(StoreError::Full { action }) => match medium.remove_file(&path.join(RESERVE_NAME)) {
                Ok(()) => Self::try_open(medium, path, options),
                Err(_) => Err(StoreError::Full { action }),
            },
            opened => opened,
        }
    }

    fn try_open(medium: Arc<dyn Medium>, path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        const ACTION: &str = "opening the data directory";
        if options.encrypt && options.keys.is_none() {
            return Err(StoreError::NoKeys("encrypting new projects"));
        }
        schema::look(medium.as_ref(), &path.join(DATABASE_NAME))?;
        let directory = Directory::create(medium, path)?;
        let opening = directory.lock_opening()?;
        let writing = directory.lock_writing()?;
        let pages = directory.medium.pages(&directory.database()).during(ACTION)?;
        let mut writer = connection::open(&directory)?;
        let photos = directory.medium.list(&directory.blobs()).during(ACTION)?;
        schema::prepare(&mut writer, !photos.is_empty(), || new_account(&options))?;
        directory.medium.sync_folder(directory.root()).during(ACTION)?;
        end_abandoned(&directory, &mut writer)?;
        let staging = Staging::create(&directory)?;
        drop(writing);
        drop(opening);
        let store = Self {
            readers: Readers::new(directory.clone()),
            directory,
            keyring: Keyring::new(&options),
            options,
            writer: Mutex::new(writer),
            staging,
            failed: Mutex::default(),
            settler: Settler::new(pages),
            remover: Remover::default(),
        };
        store.measure()?;
        if let Err(error) = store.tidy(false, STEPS_AT_OPENING) {
            tracing::warn!(%error, "erasures could not be gone on with");
        }
        store.keep_reserve();
        Ok(store)
    }

    /// The directory.
    pub fn path(&self) -> PathBuf {
        self.directory.root().to_owned()
    }

    /// Makes a change, and writes into the audit log that holds refused it, where they did.
    pub(crate) fn change(&self, change: Change) -> Result<Applied, StoreError> {
        let made = self.change_or_refuse(change);
        if let Err(error) = &made
            && let Some(event) = refusal(error)
        {
            // Refusing an erasure is told where uploads have no room, too.
            self.with_reserve(|| {
                self.make(Change::Audit { event: event.clone(), at: self.options.clock.now() })
            })?;
            self.keep_reserve();
        }
        made
    }

    fn change_or_refuse(&self, change: Change) -> Result<Applied, StoreError> {
        if !change.is_of_erasing() {
            let made = self.make(change)?;
            if made.unsettled
                && let Err(error) = self.tidy(false, STEPS_OF_OTHERS)
            {
                tracing::warn!(%error, "an erasure is pending");
            }
            return Ok(made.applied);
        }
        if change.only_adds() || matches!(change, Change::EraseItems { .. } | Change::ExpireAudit { .. }) {
            // A step of many: what all of them leave to do is done once, when finishing is asked for.
            let made = self.with_reserve(|| self.make(change.clone()));
            if !self.keep_reserve() {
                // The log of many steps may be longer than the reserve.
                self.empty_log();
                self.keep_reserve();
            }
            return made.map(|made| made.applied);
        }
        let made = self.with_reserve(|| self.make(change.clone()));
        let finished = made.map(|made| (made.applied, self.finish_or_tell()));
        self.keep_reserve();
        let (mut applied, status) = finished?;
        if let Applied::Erased(erasure) = &mut applied {
            erasure.status = status;
        }
        Ok(applied)
    }

    /// Goes on with what erasures left to do.
    pub(crate) fn finish(&self) -> Result<ErasureStatus, StoreError> {
        let finished = self.with_reserve(|| self.tidy(true, u32::MAX));
        self.keep_reserve();
        finished
    }

    /// The same behind a change that has been made: what fails is left to the next call.
    fn finish_or_tell(&self) -> ErasureStatus {
        self.finish().unwrap_or_else(|error| {
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
        let (key, seal) =
            self.ask_about(project, |rows, _| Ok((projects::key(rows, project)?, rows.seal(project)?)))?;
        let key = key.ok_or(StoreError::NotFound(Missing::Project(project)))?;
        let contents: Vec<ContentHash> = bytes.iter().map(|bytes| key.hash(bytes)).collect();
        self.staging.write(project, &seal, &contents, &bytes).map(Some)
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
        let unsettled = is_erasure_pending(&rows)?;
        if !change.only_adds() {
            // Until settling comes to it, so that any handle knows of an erasure whose process has been killed.
            unscrubbed::note(&rows, &BTreeSet::from([FIRST_PAGE]))?;
        }
        let sealing = Rows::new(&rows, &self.keyring);
        let (now, limits) = (self.options.clock.now(), &self.options.limits);
        let mut records = LocalTransaction::new(&sealing, &change);
        // What an erasure leaves is removed with all else that it has to do.
        let replaces = change.only_adds();
        let applied = apply(&mut records, change, &contents, limits, now)?;
        let mut loose = replaces && records.has_lost();
        if let Some(staged) = staged {
            loose |= arrivals::end(&rows, staged.of())?;
        }
        rows.commit().during("committing a change")?;
        // Another turn: others need not wait for both.
        drop(writing);
        if let Err(error) = self.write().and_then(|mut writing| self.shorten_log(&mut writing)) {
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
        self.remove_bytes(u32::MAX).map(|_| ())
    }

    fn remove_bytes(&self, steps: u32) -> Result<bool, StoreError> {
        self.in_steps(steps, |directory, connection| self.remover.remove_some(directory, connection))
    }

    /// Reads the photos that were stored before their bytes were counted and committed to.
    fn measure(&self) -> Result<(), StoreError> {
        let random = self.options.random.as_ref();
        let measured = RefCell::new(Measured::default());
        let step = |directory: &Directory, connection: &mut Connection| {
            blobs::measure_some(directory, connection, &mut measured.borrow_mut(), || {
                let mut salt = [0; 32];
                random.fill(&mut salt).during("making a salt")?;
                Ok(Salt::from_bytes(salt))
            })
        };
        self.in_steps(u32::MAX, step).map(|_| ())
    }

    /// Does what erasures left to do, others' too, in steps between which others may change the store, so many of each
    /// kind at most. A step that fails does not keep the others from being done.
    fn tidy(&self, wait: bool, steps: u32) -> Result<ErasureStatus, StoreError> {
        let failed = self.end_failed().and_then(|()| self.end_abandoned());
        let staged = self.staging.remove_left();
        let destroyed = self.settle_destroyed(wait);
        let projects = self.in_steps(steps, blobs::erase_some);
        let features = self.in_steps(steps, remove_features);
        let tags = self.in_steps(steps, |_, connection| self.forget_tags(connection));
        let bytes = self.remove_bytes(steps);
        let settled = self.settle(wait, steps);
        failed?;
        staged?;
        destroyed?;
        let worked_off = [projects, features, tags, bytes]
            .into_iter()
            .try_fold(true, |all, one| one.map(|one| all && one))?;
        let settled = settled? == Settled::Whole;
        Ok(if worked_off && settled { ErasureStatus::Complete } else { ErasureStatus::ErasurePending })
    }

    /// Takes a step in rewriting the results of kept predictions that name an erased tag.
    fn forget_tags(&self, connection: &mut Connection) -> Result<bool, StoreError> {
        const ACTION: &str = "rewriting results";
        let rows = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        let more = removed_tags::forget_some(&Rows::new(&rows, &self.keyring))?;
        rows.commit().during(ACTION)?;
        Ok(more)
    }

    /// Where a project's key has been destroyed, its bytes go before anything else that the project had.
    fn settle_destroyed(&self, wait: bool) -> Result<(), StoreError> {
        if self.ask(|rows| keys::are_destroyed(rows))? {
            self.settle(wait, u32::MAX)?;
        }
        Ok(())
    }

    pub(crate) fn settle(&self, wait: bool, steps: u32) -> Result<Settled, StoreError> {
        let mut settled = Settled::Partly;
        for _ in 0..steps {
            settled = self.settler.settle(&self.directory, &mut *self.write()?, wait)?;
            if settled != Settled::Partly {
                break;
            }
        }
        Ok(settled)
    }

    /// Ends what processes that were killed had begun: their bytes may be those of what is being erased.
    fn end_abandoned(&self) -> Result<(), StoreError> {
        let _opening = self.directory.lock_opening()?;
        end_abandoned(&self.directory, &mut *self.write()?)
    }

    /// Takes a step as long as there may be more to do, so many at most, and lets others change the store in between. Says
    /// whether all is done.
    fn in_steps(
        &self,
        steps: u32,
        step: impl Fn(&Directory, &mut Connection) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        for _ in 0..steps {
            let mut writing = self.write()?;
            if !step(&self.directory, &mut writing)? {
                return Ok(true);
            }
            self.shorten_log(&mut writing)?;
        }
        Ok(false)
    }

    /// Takes the right to change the store.
    pub(crate) fn write(&self) -> Result<Writing<'_>, StoreError> {
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Writing { connection, _lock: self.directory.lock_writing()?, began: Instant::now() })
    }

    /// Asks a question about one moment.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Rows<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let question = |connection: &Connection| question(&Rows::new(connection, &self.keyring));
        if self.directory.medium.database().exclusive {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            return connection::ask(&mut writer, question);
        }
        self.readers.ask(question)
    }

    /// Asks a question about a project in use, less what is due.
    pub(crate) fn ask_about<T>(
        &self,
        project: ProjectId,
        question: impl FnOnce(&Rows<'_>, &Visibility) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let now = self.options.clock.now();
        self.ask(|rows| {
            projects::check_live(rows, project)?;
            let retention = projects::retention(rows, project)?.unwrap_or_default();
            question(rows, &Visibility::new(retention, now))
        })
    }

    /// The bytes whose identity a question finds.
    pub(crate) fn bytes(
        &self,
        project: ProjectId,
        find: impl Fn(&Rows<'_>, &Visibility) -> Result<ContentHash, StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        self.read_bytes(project, || {
            self.ask_about(project, |rows, seen| Ok((find(rows, seen)?, blob_keys(rows, project)?)))
        })
    }

    /// The same of any project: in use, deleted or of a closed account.
    pub(crate) fn bytes_of_any(
        &self,
        project: ProjectId,
        find: impl Fn(&Rows<'_>) -> Result<ContentHash, StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        self.read_bytes(project, || self.ask(|rows| Ok((find(rows)?, blob_keys(rows, project)?))))
    }

    fn read_bytes(
        &self,
        project: ProjectId,
        look: impl Fn() -> Result<(ContentHash, BlobKeys), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let (mut content, mut keys) = look()?;
        let state = loop {
            match blobs::read(&self.directory, project, &content, &keys)? {
                Found::Sound(bytes) => return Ok(bytes),
                Found::Damaged => {
                    self.set_aside(project, &content, &keys);
                    break "is not what was stored";
                }
                Found::Missing => {
                    // It may have been deleted since its record was read, and then its record is gone too; or others have
                    // taken its place.
                    let (now, its_keys) = look()?;
                    if now == content {
                        break "is missing";
                    }
                    (content, keys) = (now, its_keys);
                }
            }
        };
        let detail =
            format!("the file {content} of the project {project} {state}; store it again or delete it");
        Err(StoreError::Corrupt { detail })
    }

    /// Unless another is changing the store: a question does not wait for that, and the next reading finds them again.
    fn set_aside(&self, project: ProjectId, content: &ContentHash, keys: &BlobKeys) {
        let aside = || {
            let Ok(connection) = self.writer.try_lock() else { return Ok(()) };
            let Some(_lock) = self.directory.try_lock_writing()? else { return Ok(()) };
            blobs::set_aside(&self.directory, &connection, project, content, keys)
        };
        if let Err(error) = aside() {
            tracing::warn!(%error, %content, "damaged bytes could not be set aside");
        }
    }

    pub(crate) fn lock(&self, project: ProjectId) -> Result<TrainingLock, StoreError> {
        self.ask_about(project, |_, _| Ok(()))?;
        let held = self.directory.lock_training(project)?.ok_or(StoreError::TrainingInProgress)?;
        Ok(TrainingLock::new(held))
    }
}

/// Whether an erasure, of whatever handle, has left something to do.
fn is_erasure_pending(rows: &Connection) -> Result<bool, StoreError> {
    Ok(unscrubbed::are_noted(rows)?
        || projects::erased(rows)?.is_some()
        || features::are_removed(rows)?
        || removed_tags::are_noted(rows)?
        || removals::are_noted(rows)?)
}

/// What it takes to read a project's bytes.
fn blob_keys(rows: &Rows<'_>, project: ProjectId) -> Result<BlobKeys, StoreError> {
    let key = projects::key(rows, project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
    Ok(BlobKeys { content: key, seal: rows.seal(project)? })
}

/// The id of the account of a new directory.
fn new_account(options: &StoreOptions) -> Result<AccountId, StoreError> {
    let mut random = [0; 10];
    options.random.fill(&mut random).during("making the account's id")?;
    Ok(AccountId::new(options.clock.now(), random))
}

/// Takes a step in removing features that are out of sight.
fn remove_features(_: &Directory, connection: &mut Connection) -> Result<bool, StoreError> {
    const ACTION: &str = "removing features";
    let rows = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    let more = features::remove_some(&rows)?;
    rows.commit().during(ACTION)?;
    Ok(more)
}

/// Removes what handles that are gone left in staging, and turns the arrivals that they had noted into removals. The caller
/// holds the locks of opening and of writing.
fn end_abandoned(directory: &Directory, connection: &mut Connection) -> Result<(), StoreError> {
    const ACTION: &str = "ending what was abandoned";
    let living = staging::clear_abandoned(directory)?;
    let rows = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    arrivals::end_abandoned(&rows, &living)?;
    rows.commit().during(ACTION)
}
