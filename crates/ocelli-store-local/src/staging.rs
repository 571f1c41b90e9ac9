//! Bytes on their way in.

use std::collections::BTreeSet;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, StoreError};

use crate::directory::{Directory, ignore_missing};
use crate::error::During;
use crate::medium::{Lock, Medium};
use crate::records::arrivals;
use crate::seal::Seal;

/// The extension of the file that says whose a staging folder is: who holds its lock, lives.
const LOCK: &str = "lock";
/// Writes that wait for the medium at once. A journal takes them in together.
pub(crate) const AT_ONCE: usize = 8;

/// A handle's own folder for bytes on their way in.
#[derive(Debug)]
pub(crate) struct Staging {
    medium: Arc<dyn Medium>,
    /// Its last part is the handle's name.
    folder: PathBuf,
    handle: String,
    changes: AtomicU64,
    /// Staged files that are not needed any more and could not be removed.
    left: Mutex<Vec<PathBuf>>,
    _lock: Lock,
}

/// The bytes of one change, written and synced. Dropping it removes those that have not been put in their places.
#[derive(Debug)]
pub(crate) struct Staged<'s> {
    staging: &'s Staging,
    change: u64,
    files: Vec<(PathBuf, ProjectId, ContentHash)>,
}

impl Staging {
    /// Makes a folder that no other handle has. The caller holds the directory's opening lock.
    pub(crate) fn create(directory: &Directory) -> Result<Self, StoreError> {
        const ACTION: &str = "making a staging folder";
        let medium = Arc::clone(&directory.medium);
        let taken: BTreeSet<_> =
            medium.list(&directory.staging()).during(ACTION)?.into_iter().map(|entry| entry.name).collect();
        let process = std::process::id();
        let free = (0_u64..).map(|number| format!("{process}-{number}"));
        let mut free = free.filter(|name| !taken.contains(lock_name(name).as_os_str()));
        let handle = free.next().unwrap_or_default();
        let folder = directory.staging().join(&handle);
        let lock = medium.try_lock(&directory.staging().join(lock_name(&handle))).during(ACTION)?;
        let lock = lock.ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock)).during(ACTION)?;
        medium.make_folder(&folder).during(ACTION)?;
        Ok(Self { medium, folder, handle, changes: AtomicU64::new(0), left: Mutex::default(), _lock: lock })
    }

    /// What the notes about the arrivals of a change go by.
    pub(crate) fn of(&self, change: u64) -> arrivals::Of<'_> {
        arrivals::Of { handle: &self.handle, change }
    }

    /// Removes staged files that could not be removed when they should have been.
    pub(crate) fn remove_left(&self) -> Result<(), StoreError> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(path) = left.last() {
            ignore_missing(self.medium.remove_file(path)).during("removing a staged photo")?;
            left.pop();
        }
        Ok(())
    }

    /// Writes the bytes of a change, sealed where the project's are, and waits until the medium has them.
    pub(crate) fn write(
        &self,
        project: ProjectId,
        seal: &Seal,
        contents: &[ContentHash],
        bytes: &[&[u8]],
    ) -> Result<Staged<'_>, StoreError> {
        let change = self.changes.fetch_add(1, Ordering::Relaxed);
        let path = |number: usize| self.folder.join(format!("{change}-{number}"));
        let files = contents.iter().enumerate();
        let files = files.map(|(number, content)| (path(number), project, *content)).collect();
        let staged = Staged { staging: self, change, files };
        at_once(bytes.len(), AT_ONCE, |number| match (staged.files.get(number), bytes.get(number)) {
            (Some((path, _, content)), Some(bytes)) => {
                self.medium.write_new(path, &seal.file(content, bytes)?).during("writing a photo")
            }
            _ => Ok(()),
        })?;
        Ok(staged)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is found by the next handle.
        let _ = self.medium.remove_folder(&self.folder);
        let _ = self.medium.remove_file(&self.folder.with_file_name(lock_name(&self.handle)));
    }
}

impl Staged<'_> {
    /// What the notes about its arrival go by.
    pub(crate) fn of(&self) -> arrivals::Of<'_> {
        self.staging.of(self.change)
    }

    /// Whose bytes they are, and their identities.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (ProjectId, ContentHash)> {
        self.files.iter().map(|(_, project, content)| (*project, *content))
    }

    /// Puts the bytes in their places and makes that durable. Their arrival has been noted before.
    pub(crate) fn put_in_place(&self, directory: &Directory) -> Result<(), StoreError> {
        const ACTION: &str = "putting a photo in its place";
        let mut folders = BTreeSet::new();
        for (staged, project, content) in &self.files {
            let (folder, file) = directory.blob(*project, content);
            if !folders.contains(&folder) {
                self.staging.medium.make_folder(&folder).during(ACTION)?;
                // Also those above, since whoever made them may not have come to it.
                folders.extend([directory.blobs(), directory.project_blobs(*project), folder]);
            }
            // A file that is there already has the same bytes, or is damaged; moving replaces it either way.
            self.staging.medium.rename(staged, &file).during(ACTION)?;
            let (_, damaged) = directory.damaged_blob(*project, content);
            ignore_missing(self.staging.medium.remove_file(&damaged)).during(ACTION)?;
        }
        sync_folders(self.staging.medium.as_ref(), &folders).during(ACTION)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        for (path, ..) in &self.files {
            // Gone where it was moved into its place.
            if ignore_missing(self.staging.medium.remove_file(path)).is_err() {
                self.staging.left.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
            }
        }
    }
}

/// Makes durable which names these folders hold; one that is gone holds none.
pub(crate) fn sync_folders(medium: &dyn Medium, folders: &BTreeSet<PathBuf>) -> io::Result<()> {
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    at_once(folders.len(), AT_ONCE, |number| match folders.get(number) {
        Some(folder) => ignore_missing(medium.sync_folder(folder)),
        None => Ok(()),
    })
}

/// Removes what handles that are gone left in staging, and names those that live. The caller holds the directory's
/// opening lock.
pub(crate) fn clear_abandoned(directory: &Directory) -> Result<BTreeSet<String>, StoreError> {
    const ACTION: &str = "clearing abandoned staging folders";
    let (medium, staging) = (directory.medium.as_ref(), directory.staging());
    let entries = medium.list(&staging).during(ACTION)?;
    let mut living = BTreeSet::new();
    let locks = entries.iter().filter(|entry| !entry.is_folder);
    let names = locks.filter_map(|entry| entry.name.to_str()?.strip_suffix(LOCK)?.strip_suffix('.'));
    for handle in names {
        let lock = staging.join(lock_name(handle));
        let Some(_held) = medium.try_lock(&lock).during(ACTION)? else {
            living.insert(handle.to_owned());
            continue;
        };
        ignore_missing(medium.remove_folder(&staging.join(handle))).during(ACTION)?;
        ignore_missing(medium.remove_file(&lock)).during(ACTION)?;
    }
    for entry in entries.iter().filter(|entry| entry.is_folder) {
        let lives = entry.name.to_str().is_some_and(|handle| living.contains(handle));
        if !lives {
            ignore_missing(medium.remove_folder(&staging.join(&entry.name))).during(ACTION)?;
        }
    }
    Ok(living)
}

fn lock_name(handle: &str) -> std::ffi::OsString {
    format!("{handle}.{LOCK}").into()
}

/// Does so many things that wait for the medium, some at once, until one fails.
pub(crate) fn at_once<E: Send>(
    count: usize,
    most: usize,
    action: impl Fn(usize) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let work = &|| -> Result<(), E> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            if let Err(error) = action(number) {
                next.store(count, Ordering::Relaxed);
                return Err(error);
            }
        }
    };
    // Waiting, not computing, takes the time, so that the number of cores does not matter much; none are started for
    // a photo or two.
    let others = count.div_ceil(4).min(most).saturating_sub(1);
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work);
        let started: Vec<_> = (0..others).map(start).collect();
        let mut done = work();
        // A thread that could not be started leaves its work to the others.
        for thread in started.into_iter().flatten() {
            done = done.and(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use ocelli_store::{ContentKey, SystemRandom};

    use super::*;
    use crate::keyring::{KeyOwner, OpenKey};
    use crate::medium::Disk;

    #[test]
    fn photos_on_their_way_in_are_sealed_where_the_project_is() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::create(Arc::new(Disk), folder.path()).unwrap();
        let staging = Staging::create(&directory).unwrap();
        let project = ProjectId::from_uuid(uuid::Uuid::from_u128(1));
        let photo = b"a photo on its way in".as_slice();
        let content = ContentKey::new([7; 32]).hash(photo);
        let sealer = ocelli_keys::Sealer::new(&ocelli_keys::DataKey::from_random([1; 32]));
        let key = OpenKey::new(KeyOwner::Project(project), sealer, Arc::new(SystemRandom));
        for (seal, is_plain) in [(Seal::Plain, true), (Seal::Sealed(Arc::new(key)), false)] {
            let staged = staging.write(project, &seal, &[content], &[photo]).unwrap();
            let written = std::fs::read(&staged.files[0].0).unwrap();
            assert_eq!(written == photo, is_plain);
            assert_eq!(written.windows(7).any(|part| part == b"a photo"), is_plain);
            assert_eq!(seal.open_file(&content, written.into()).as_deref(), Some(photo));
        }
    }
}
