use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

use super::disk::SimulatedDisk;
use super::tree::{FileId, Node};
use super::vfs;
use crate::medium::{DatabaseAccess, Entry, Lock, Medium, Pages};

impl Medium for SimulatedDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let above: Vec<&Path> = path.ancestors().filter(|each| each.starts_with(self.root())).collect();
        above.into_iter().rev().try_for_each(|each| self.make_folder(each))
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = self.create_new(path)?;
        self.write(file, 0, bytes)?;
        self.sync(file)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path, false, false)?;
        let mut bytes = vec![0; usize::try_from(self.length(file)?).map_err(io::Error::other)?];
        let count = self.read(file, 0, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    fn read_part(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = self.open(path, false, false)?;
        let mut part = vec![0; length.min(usize::try_from(self.length(file)?).map_err(io::Error::other)?)];
        let count = self.read(file, offset, &mut part)?;
        part.truncate(count);
        Ok(part)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        let file = self.open(path, false, false)?;
        self.length(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.unlink(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        for (each, node) in self.list(path)? {
            match node {
                Node::Folder => self.remove_folder(&each)?,
                Node::File(_) => self.unlink(&each)?,
            }
        }
        self.unlink(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.sync_folder(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let entry = |(path, node): (std::path::PathBuf, Node)| Entry {
            name: path.file_name().unwrap_or_default().to_owned(),
            is_folder: node == Node::Folder,
            // Everything is old enough for whatever waits for its age.
            modified: SystemTime::UNIX_EPOCH,
        };
        Ok(self.list(folder)?.into_iter().map(entry).collect())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        Ok(self.try_lock(path)?.map(|lock| Box::new(lock) as Lock))
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = self.create_new(path)?;
        self.set_length(file, bytes)
    }

    fn pages(&self, path: &Path) -> io::Result<Box<dyn Pages>> {
        let file = self.open(path, true, true)?;
        Ok(Box::new(DatabasePages { disk: self.clone(), file }))
    }

    fn database(&self) -> DatabaseAccess {
        DatabaseAccess { vfs: Some(vfs::registered()), exclusive: true }
    }
}

/// The bytes of a database file on a simulated disk.
#[derive(Debug)]
struct DatabasePages {
    disk: SimulatedDisk,
    file: FileId,
}

impl Pages for DatabasePages {
    fn len(&self) -> io::Result<u64> {
        self.disk.length(self.file)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let count = self.disk.read(self.file, offset, buffer)?;
        if count == buffer.len() { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(self.file, offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync(self.file)
    }
}
