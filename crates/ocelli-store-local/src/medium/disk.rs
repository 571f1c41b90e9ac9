use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fs4::FileExt;

use super::{DatabaseAccess, Entry, Lock, Medium, Pages};

/// The file system of the machine.
#[derive(Debug)]
pub(crate) struct Disk;

impl Medium for Disk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = new_file(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_part(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut part = Vec::new();
        file.take(length as u64).read_to_end(&mut part)?;
        Ok(part)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    /// Only Unix can; elsewhere the file system does it in its own time.
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            let metadata = entry.metadata()?;
            Ok(Entry {
                name: entry.file_name(),
                is_folder: metadata.is_dir(),
                modified: metadata.modified()?,
            })
        };
        // What goes between being listed and being looked at is not there.
        let there = |entry: &io::Result<Entry>| {
            !entry.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        fs::read_dir(folder)?.map(entry).filter(there).collect()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let file = lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        new_file(path)?.allocate(bytes)
    }

    fn pages(&self, path: &Path) -> io::Result<Box<dyn Pages>> {
        Ok(Box::new(SharedFile::open(path)?))
    }

    fn database(&self) -> DatabaseAccess {
        DatabaseAccess::default()
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file for reading and writing, and makes it where there is none.
fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The database files that this process has open beside SQLite, and how many handles share each.
///
/// POSIX takes *all* of a process's locks on a file away when the process closes *any* of its descriptors of it, those
/// of SQLite included. So one descriptor a file serves the whole process, and it is closed only once no handle of the
/// process is left; closing happens under this lock, as opening does.
static OPEN: Mutex<Option<OpenFiles>> = Mutex::new(None);

/// Each file by its path, with the number of handles that share it.
type OpenFiles = HashMap<PathBuf, (Arc<File>, usize)>;

/// A share of the process's one descriptor of a database file.
#[derive(Debug)]
struct SharedFile {
    path: PathBuf,
    /// None only while it is being dropped.
    file: Option<Arc<File>>,
}

impl SharedFile {
    fn open(path: &Path) -> io::Result<Self> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        // Two paths to one file must meet.
        let folder = path.parent().unwrap_or(Path::new("")).canonicalize()?;
        let path = folder.join(path.file_name().unwrap_or_default());
        let open = open.get_or_insert_default();
        let (file, shares) = match open.remove(&path) {
            Some((file, shares)) => (file, shares + 1),
            None => (Arc::new(lock_file(&path)?), 1),
        };
        open.insert(path.clone(), (Arc::clone(&file), shares));
        Ok(Self { path, file: Some(file) })
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_deref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        self.file = None;
        let Some(open) = open.as_mut() else { return };
        if let Some((_, shares)) = open.get_mut(&self.path) {
            *shares -= 1;
            if *shares == 0 {
                open.remove(&self.path);
            }
        }
    }
}

impl Pages for SharedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file()?.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self.file()?, buffer, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self.file()?, bytes, offset)
    }

    #[cfg(not(unix))]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = self.file()?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }

    #[cfg(not(unix))]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file()?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file()?.sync_data()
    }
}
