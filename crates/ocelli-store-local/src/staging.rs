use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, StoreError};

use crate::directory::{Directory, lock_file, make_folder, sync_folder};
use crate::error::During;

/// The extension of the file that says whose a staging folder is: who holds its lock, lives.
const LOCK: &str = "lock";

/// A handle's own folder for bytes on their way in.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: PathBuf,
    next: AtomicU64,
    _lock: File,
}

/// Bytes that are written and synced, but not yet in their place. Dropping it removes the staged file.
#[derive(Debug)]
pub(crate) struct Staged {
    path: PathBuf,
    pub(crate) project: ProjectId,
    pub(crate) content: ContentHash,
}

impl Staging {
    /// Makes a folder that no other handle has. The caller holds the directory's opening lock.
    pub(crate) fn create(directory: &Directory) -> Result<Self, StoreError> {
        const ACTION: &str = "making a staging folder";
        let process = std::process::id();
        let mut number = 0_u64;
        let folder = loop {
            let folder = directory.staging().join(format!("{process}-{number}"));
            if !folder.with_extension(LOCK).try_exists().during(ACTION)? {
                break folder;
            }
            number += 1;
        };
        let lock = lock_file(&folder.with_extension(LOCK)).during(ACTION)?;
        lock.try_lock().during(ACTION)?;
        make_folder(&folder).during(ACTION)?;
        Ok(Self { folder, next: AtomicU64::new(0), _lock: lock })
    }

    /// Writes a photo and waits until the medium has it.
    pub(crate) fn write(
        &self,
        project: ProjectId,
        content: ContentHash,
        bytes: &[u8],
    ) -> Result<Staged, StoreError> {
        const ACTION: &str = "writing a photo";
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let staged =
            Staged { path: self.folder.join(format!("{number}.{project}.{content}")), project, content };
        let mut file = new_file(&staged.path).during(ACTION)?;
        file.write_all(bytes).during(ACTION)?;
        file.sync_data().during(ACTION)?;
        Ok(staged)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is found by the next handle.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(self.folder.with_extension(LOCK));
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone where it was moved into its place.
        let _ = fs::remove_file(&self.path);
    }
}

/// Puts staged bytes in their places and makes that durable. The staged files stay until they are dropped, after the
/// records have been committed: they tell of the bytes if the process ends before.
pub(crate) fn put_in_place<'s>(
    directory: &Directory,
    staged: impl IntoIterator<Item = &'s Staged>,
) -> Result<(), StoreError> {
    const ACTION: &str = "putting a photo in its place";
    let mut folders = BTreeSet::new();
    for each in staged {
        let (folder, file) = directory.blob(each.project, &each.content);
        if !folders.contains(&folder) {
            make_folder(&folder).during(ACTION)?;
            // Also those above, since whoever made them may not have come to it.
            folders.extend([directory.blobs(), directory.project_blobs(each.project), folder]);
        }
        // A file that is there already has the same bytes, or is damaged; moving replaces it either way.
        if fs::hard_link(&each.path, &file).is_err() {
            fs::rename(&each.path, &file).during(ACTION)?;
        }
    }
    folders.iter().try_for_each(|folder| sync_folder(folder)).during(ACTION)
}

/// Removes what processes that have ended left in staging. The bytes that they may have put in their places are noted
/// first. The caller holds the directory's opening lock.
pub(crate) fn clear_abandoned(
    directory: &Directory,
    mut note: impl FnMut(&[(ProjectId, ContentHash)]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    const ACTION: &str = "clearing abandoned staging folders";
    for entry in fs::read_dir(directory.staging()).during(ACTION)? {
        let path = entry.during(ACTION)?.path();
        if path.extension().is_none_or(|extension| extension != LOCK) {
            continue;
        }
        // A handle that is being dropped may remove it at this moment.
        let Ok(lock) = File::options().read(true).write(true).open(&path) else {
            continue;
        };
        if lock.try_lock().is_err() {
            continue;
        }
        let folder = path.with_extension("");
        if let Ok(files) = fs::read_dir(&folder) {
            let placed: Vec<_> =
                files.flatten().filter_map(|file| owner(&file.file_name().to_string_lossy())).collect();
            note(&placed)?;
        }
        ignore_missing(fs::remove_dir_all(&folder)).during(ACTION)?;
        ignore_missing(fs::remove_file(&path)).during(ACTION)?;
    }
    Ok(())
}

/// Whose bytes a staged file holds, by its name.
fn owner(name: &str) -> Option<(ProjectId, ContentHash)> {
    let mut parts = name.split('.').skip(1);
    let (project, hash) = (parts.next()?.parse().ok()?, parts.next()?);
    let digits = hash.as_bytes().as_chunks::<2>().0;
    let mut content = [0; 32];
    if hash.len() != 2 * content.len() {
        return None;
    }
    for (byte, digits) in content.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some((project, ContentHash::from_bytes(content)))
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// That something is gone already is as good as removing it.
pub(crate) fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
