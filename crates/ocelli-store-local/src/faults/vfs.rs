use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, OpenKind, OpenOptions, Vfs, WalDisabled};

use super::disk::SimulatedDisk;
use super::tree::FileId;

const NAME: &str = "ocelli-simulated-disk";

/// The name of the virtual file system through which SQLite reaches all simulated disks of the process.
pub(super) fn registered() -> &'static str {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        sqlite_vfs::register(NAME, DiskVfs, false).expect("SQLite takes a virtual file system");
    });
    NAME
}

/// SQLite's files on the disk that their path names.
struct DiskVfs;

/// One of these files. There is one process with one connection, so that locks are always granted.
struct DiskFile {
    disk: SimulatedDisk,
    file: FileId,
    /// The folder of a journal whose name has not been synced since it was opened: as on Unix, its first sync includes
    /// the folder.
    unsynced_folder: Option<PathBuf>,
    lock: LockKind,
}

fn disk(path: &str) -> io::Result<SimulatedDisk> {
    SimulatedDisk::of(Path::new(path)).ok_or_else(|| ErrorKind::NotFound.into())
}

impl Vfs for DiskVfs {
    type Handle = DiskFile;

    fn open(&self, path: &str, options: OpenOptions) -> io::Result<DiskFile> {
        let disk = disk(path)?;
        let create = matches!(options.access, OpenAccess::Create | OpenAccess::CreateNew);
        let write = options.access != OpenAccess::Read;
        let file = disk.open(Path::new(path), create, write)?;
        let journal = matches!(options.kind, OpenKind::MainJournal | OpenKind::SuperJournal | OpenKind::Wal);
        let folder = Path::new(path).parent().filter(|_| create && journal);
        Ok(DiskFile { disk, file, unsynced_folder: folder.map(Path::to_owned), lock: LockKind::None })
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        disk(path)?.unlink(Path::new(path))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        disk(path)?.exists(Path::new(path))
    }

    /// On no disk, so that opening it fails: a temporary file would hold what is to be erased.
    fn temporary_name(&self) -> String {
        "/temporary/file".to_owned()
    }

    fn random(&self, buffer: &mut [i8]) {
        buffer.fill_with(|| fastrand::i8(..));
    }

    fn sleep(&self, duration: Duration) -> Duration {
        std::thread::sleep(duration);
        duration
    }
}

impl DatabaseHandle for DiskFile {
    type WalIndex = WalDisabled;

    fn size(&self) -> io::Result<u64> {
        self.disk.length(self.file)
    }

    fn read_exact_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let count = self.disk.read(self.file, offset, buffer)?;
        // SQLite wants zeros where there is nothing.
        buffer[count..].fill(0);
        if count == buffer.len() { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.write(self.file, offset, bytes).map_err(|error| match error.kind() {
            // What becomes SQLITE_FULL.
            ErrorKind::StorageFull => ErrorKind::WriteZero.into(),
            _ => error,
        })
    }

    fn sync(&mut self, _data_only: bool) -> io::Result<()> {
        self.disk.sync(self.file)?;
        if let Some(folder) = &self.unsynced_folder {
            self.disk.sync_folder(folder)?;
            self.unsynced_folder = None;
        }
        Ok(())
    }

    fn set_len(&mut self, size: u64) -> io::Result<()> {
        self.disk.set_length(self.file, size)
    }

    fn lock(&mut self, lock: LockKind) -> io::Result<bool> {
        self.lock = lock;
        Ok(true)
    }

    fn reserved(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn current_lock(&self) -> io::Result<LockKind> {
        Ok(self.lock)
    }

    fn wal_index(&self, _readonly: bool) -> io::Result<WalDisabled> {
        Ok(WalDisabled)
    }
}
