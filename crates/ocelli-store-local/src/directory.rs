use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, StoreError};

use crate::error::During;

/// Where things lie in the data directory.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Makes the directory and its folders where they are missing, readable by their owner only.
    pub(crate) fn create(root: &Path) -> Result<Self, StoreError> {
        const ACTION: &str = "making the data directory";
        // A relative path would change its meaning with the process's working directory.
        let root = std::path::absolute(root).during(ACTION)?;
        make_folder(&root).during(ACTION)?;
        let directory = Self { root };
        for folder in [directory.blobs(), directory.staging(), directory.locks()] {
            make_folder(&folder).during(ACTION)?;
        }
        Ok(directory)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("ocelli.sqlite")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// Where the bytes of a photo lie: the folder and the file.
    pub(crate) fn blob(&self, project: ProjectId, content: &ContentHash) -> (PathBuf, PathBuf) {
        let name = content.to_string();
        let folder = self.project_blobs(project).join(format!("{:02x}", content.as_bytes()[0]));
        let file = folder.join(name);
        (folder, file)
    }

    /// Where the bytes of a project's photos lie.
    pub(crate) fn project_blobs(&self, project: ProjectId) -> PathBuf {
        self.blobs().join(project.to_string())
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Waits until no other handle is being opened, and keeps others from it as long as the file is open.
    pub(crate) fn lock_opening(&self) -> Result<File, StoreError> {
        const ACTION: &str = "waiting for another opening";
        let file = lock_file(&self.locks().join("open.lock")).during(ACTION)?;
        file.lock().during(ACTION)?;
        Ok(file)
    }

    /// Takes the training of a project as long as the file is open; none where another has it.
    pub(crate) fn lock_training(&self, project: ProjectId) -> Result<Option<File>, StoreError> {
        const ACTION: &str = "locking the training";
        let file = lock_file(&self.locks().join(format!("training-{project}.lock"))).during(ACTION)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).during(ACTION),
        }
    }
}

/// Opens a file whose only use is to be locked.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder and those above it, for its owner only.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes durable which names a folder holds. Only Unix can; elsewhere the file system does it in its own time.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
