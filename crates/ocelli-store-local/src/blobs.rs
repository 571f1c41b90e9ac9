//! The bytes of photos and exports in their places.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, ContentKey, StoreError};
use rusqlite::{Connection, TransactionBehavior};

use crate::directory::{Directory, ignore_missing};
use crate::error::During;
use crate::records::{projects, removals};
use crate::staging::sync_folders;

/// Files removed in one transaction.
const REMOVED_AT_ONCE: u32 = 256;

/// What lies where bytes should.
#[derive(Debug)]
pub(crate) enum Found {
    /// The bytes that were stored.
    Sound(Vec<u8>),
    /// Others.
    Damaged,
    /// Nothing.
    Missing,
}

/// Reads bytes and compares them with what was stored.
pub(crate) fn read(
    directory: &Directory,
    project: ProjectId,
    content: &ContentHash,
    key: &ContentKey,
) -> Result<Found, StoreError> {
    let (_, path) = directory.blob(project, content);
    match directory.medium.read(&path) {
        Ok(bytes) if key.hash(&bytes) == *content => Ok(Found::Sound(bytes)),
        Ok(_) => Ok(Found::Damaged),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Missing),
        Err(error) => Err(error).during("reading a photo"),
    }
}

/// Moves bytes that are not what was stored out of the way, where they are never served. They go for good when the
/// record does, or when the right ones come.
///
/// The caller holds the write lock. Bytes that are on their way in put themselves in the place without it, so that nothing
/// is moved while any are.
pub(crate) fn set_aside(
    directory: &Directory,
    connection: &Connection,
    project: ProjectId,
    content: &ContentHash,
    key: &ContentKey,
) -> Result<(), StoreError> {
    const ACTION: &str = "setting damaged bytes aside";
    if removals::is_arriving(connection, project, content)?
        || !matches!(read(directory, project, content, key)?, Found::Damaged)
    {
        return Ok(());
    }
    let (folder, place) = directory.blob(project, content);
    let (aside, damaged) = directory.damaged_blob(project, content);
    directory.medium.make_folder(&aside).during(ACTION)?;
    directory.medium.rename(&place, &damaged).during(ACTION)?;
    sync_folders(directory.medium.as_ref(), &BTreeSet::from([folder, aside])).during(ACTION)
}

/// Removes the files of some of the noted bytes that no record refers to any more, and then the notes. Says whether
/// there may be more. The caller holds the write lock, so that an upload of the same bytes, by whatever process, comes
/// before or after but never between.
pub(crate) fn remove_some(directory: &Directory, connection: &mut Connection) -> Result<bool, StoreError> {
    const ACTION: &str = "removing bytes that nothing refers to";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    let noted = removals::noted(&transaction, REMOVED_AT_ONCE)?;
    let (mut folders, mut done, mut failed) = (BTreeSet::new(), Vec::new(), None);
    for (project, content) in &noted {
        if !removals::is_wanted(&transaction, *project, content)? {
            let files = [directory.blob(*project, content), directory.damaged_blob(*project, content)];
            let removed = files.iter().try_for_each(|(_, file)| remove_file(directory, file));
            if let Err(error) = removed {
                // It stays noted, and does not keep the others from going.
                failed = Some(error);
                continue;
            }
            // Also where the file was gone: who removed it may not have come to making that durable.
            folders.extend(files.into_iter().map(|(folder, _)| folder));
        }
        done.push((project, content));
    }
    sync_folders(directory.medium.as_ref(), &folders).during(ACTION)?;
    for (project, content) in &done {
        removals::forget(&transaction, **project, content)?;
    }
    transaction.commit().during(ACTION)?;
    match failed {
        Some(error) if done.is_empty() => Err(error).during(ACTION),
        _ => Ok(!noted.is_empty()),
    }
}

fn remove_file(directory: &Directory, file: &Path) -> io::Result<()> {
    ignore_missing(directory.medium.remove_file(file))
}

/// Takes a step in erasing a project that was erased. Says whether there may be more. The caller holds the write lock.
pub(crate) fn erase_some(directory: &Directory, connection: &mut Connection) -> Result<bool, StoreError> {
    const ACTION: &str = "erasing a project";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    let Some(project) = projects::erased(&transaction)? else { return Ok(false) };
    if !projects::erase_some(&transaction, project)? {
        for folder in [directory.project_blobs(project), directory.project_damaged(project)] {
            ignore_missing(directory.medium.remove_folder(&folder)).during(ACTION)?;
            let above = folder.parent().map(Path::to_owned);
            sync_folders(directory.medium.as_ref(), &above.into_iter().collect()).during(ACTION)?;
        }
        projects::remove(&transaction, project)?;
    }
    transaction.commit().during(ACTION)?;
    Ok(true)
}
