//! The one way to the file system, apart from what SQLite does with its own files.

mod disk;

use std::any::Any;
use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::time::SystemTime;

pub(crate) use disk::Disk;

/// What a store does with files. An operation that returned has been done, and what it says it syncs is durable.
pub(crate) trait Medium: Debug + Send + Sync {
    /// Makes a folder and those above it, for its owner only.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Writes a file that is not there yet and waits until the medium has its bytes. Its name is durable only once its
    /// folder has been synced.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// The bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Some bytes of a file from there on; fewer where it ends before.
    fn read_part(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// The number of a file's bytes.
    fn size(&self, path: &Path) -> io::Result<u64>;

    /// Moves a file, in place of one that may be there, in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and all that is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes durable which names a folder holds.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// What lies in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;

    /// Takes a lock that ends with the process at the latest, unless another has it. Makes its file where there is none.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>>;

    /// Makes a file of this many bytes whose space is really taken.
    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()>;

    /// The database file, to be written beside SQLite. Called before SQLite opens it and dropped after SQLite has
    /// closed it.
    fn pages(&self, path: &Path) -> io::Result<Box<dyn Pages>>;

    /// How SQLite reaches its files.
    fn database(&self) -> DatabaseAccess;
}

/// The bytes of the database file.
pub(crate) trait Pages: Debug + Send + Sync {
    /// How many there are.
    fn len(&self) -> io::Result<u64>;

    /// Fills the buffer from there on.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes these bytes there.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Waits until the medium has them.
    fn sync(&self) -> io::Result<()>;
}

/// A lock, until it is dropped.
pub(crate) type Lock = Box<dyn Held>;

/// Anything that can be held.
pub(crate) trait Held: Any + Debug + Send + Sync {}

impl<T: Any + Debug + Send + Sync> Held for T {}

/// One thing in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: OsString,
    pub(crate) is_folder: bool,
    pub(crate) modified: SystemTime,
}

/// How SQLite reaches its files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DatabaseAccess {
    /// The virtual file system; SQLite's own for the platform where none is named.
    pub(crate) vfs: Option<&'static str>,
    /// Whether there is no shared memory, so that one connection must do.
    pub(crate) exclusive: bool,
}
