use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, StoreError};

use crate::error::During;
use crate::medium::{Lock, Medium};

/// How long a change waits for another process's change.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The file of the records.
pub(crate) const DATABASE_NAME: &str = "ocelli.sqlite";
/// The file that keeps space for an erasure on a full disk.
pub(crate) const RESERVE_NAME: &str = "reserve";

/// Where things lie in the data directory.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    pub(crate) medium: Arc<dyn Medium>,
}

impl Directory {
    /// Makes the directory and its folders where they are missing, readable by their owner only.
    pub(crate) fn create(medium: Arc<dyn Medium>, root: &Path) -> Result<Self, StoreError> {
        const ACTION: &str = "making the data directory";
        // A relative path would change its meaning with the process's working directory.
        let root = std::path::absolute(root).during(ACTION)?;
        // The folders that are made here, and the directory itself, whose maker may not have come to it.
        let missing =
            |path: &&Path| medium.size(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let made = root.ancestors().skip(1).take_while(missing).count();
        medium.make_folder(&root).during(ACTION)?;
        for above in root.ancestors().skip(1).take(made + 1) {
            match medium.sync_folder(above) {
                // A folder that may be passed through and not be read; nothing was made in it just now.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                synced => synced.during(ACTION)?,
            }
        }
        let directory = Self { root, medium };
        for folder in [directory.blobs(), directory.damaged(), directory.staging(), directory.locks()] {
            directory.medium.make_folder(&folder).during(ACTION)?;
        }
        Ok(directory)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join(DATABASE_NAME)
    }

    /// SQLite's write-ahead log.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("ocelli.sqlite-wal")
    }

    /// Space for an erasure on a full disk.
    pub(crate) fn reserve(&self) -> PathBuf {
        self.root.join(RESERVE_NAME)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Where bytes that are not what was stored are set aside.
    pub(crate) fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Where bytes lie: the folder and the file.
    pub(crate) fn blob(&self, project: ProjectId, content: &ContentHash) -> (PathBuf, PathBuf) {
        let folder = self.project_blobs(project).join(format!("{:02x}", content.as_bytes()[0]));
        let file = folder.join(content.to_string());
        (folder, file)
    }

    /// Where the bytes of a project lie.
    pub(crate) fn project_blobs(&self, project: ProjectId) -> PathBuf {
        self.blobs().join(project.to_string())
    }

    /// Where bytes that are not what was stored are set aside: the folder and the file.
    pub(crate) fn damaged_blob(&self, project: ProjectId, content: &ContentHash) -> (PathBuf, PathBuf) {
        let folder = self.project_damaged(project);
        let file = folder.join(content.to_string());
        (folder, file)
    }

    /// Where the damaged bytes of a project lie.
    pub(crate) fn project_damaged(&self, project: ProjectId) -> PathBuf {
        self.damaged().join(project.to_string())
    }

    /// Waits until no other handle is being opened, and keeps others from it as long as the lock is held.
    pub(crate) fn lock_opening(&self) -> Result<Lock, StoreError> {
        const ACTION: &str = "waiting for another opening";
        patiently(ACTION, || self.medium.try_lock(&self.locks().join("open.lock")).during(ACTION))
    }

    /// Waits until no other handle, in whatever process, changes anything, and keeps others from it as long as the
    /// lock is held.
    pub(crate) fn lock_writing(&self) -> Result<Lock, StoreError> {
        patiently("waiting for another process's change", || self.try_lock_writing())
    }

    /// Takes that lock, unless another has it.
    pub(crate) fn try_lock_writing(&self) -> Result<Option<Lock>, StoreError> {
        self.medium.try_lock(&self.locks().join("write.lock")).during("locking the data directory")
    }

    /// Takes the training of a project as long as the lock is held; none where another has it.
    pub(crate) fn lock_training(&self, project: ProjectId) -> Result<Option<Lock>, StoreError> {
        let path = self.locks().join(format!("training-{project}.lock"));
        self.medium.try_lock(&path).during("locking the training")
    }
}

/// Tries to take a lock until it is free, for a minute.
fn patiently(
    action: &'static str,
    take: impl Fn() -> Result<Option<Lock>, StoreError>,
) -> Result<Lock, StoreError> {
    let (began, mut pause) = (Instant::now(), Duration::from_micros(50));
    loop {
        if let Some(lock) = take()? {
            return Ok(lock);
        }
        if began.elapsed() > PATIENCE {
            let error = io::Error::new(io::ErrorKind::TimedOut, "it has been going on for a minute");
            return Err(error).during(action);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// That something is gone already is as good as removing it.
pub(crate) fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
