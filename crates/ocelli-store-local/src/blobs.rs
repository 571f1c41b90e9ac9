use std::collections::BTreeSet;
use std::{fs, io};

use ocelli_core::ProjectId;
use ocelli_store::{ContentHash, ContentKey, StoreError};
use rusqlite::{Connection, TransactionBehavior};

use crate::directory::{Directory, sync_folder};
use crate::error::During;
use crate::records::removals;
use crate::staging::ignore_missing;

/// Reads a photo and makes sure that it is the one that was stored; none where there is no file.
pub(crate) fn read(
    directory: &Directory,
    project: ProjectId,
    content: &ContentHash,
    key: &ContentKey,
) -> Result<Option<Vec<u8>>, StoreError> {
    let (_, path) = directory.blob(project, content);
    match fs::read(path) {
        Ok(bytes) if key.hash(&bytes) == *content => Ok(Some(bytes)),
        Ok(_) => Err(StoreError::Corrupt {
            detail: format!(
                "the photo {content} of the project {project} is not what was stored; upload it again"
            ),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).during("reading a photo"),
    }
}

/// Removes the files of all noted bytes that no record refers to any more, and then the notes.
///
/// The write lock keeps an upload of the same bytes, by whatever process, from coming in between.
pub(crate) fn work_off_removals(
    directory: &Directory,
    connection: &mut Connection,
) -> Result<(), StoreError> {
    const ACTION: &str = "removing photos that nothing refers to";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    let mut folders = BTreeSet::new();
    for (project, content) in removals::noted(&transaction)? {
        if !removals::is_referred_to(&transaction, project, &content)? {
            let (folder, file) = directory.blob(project, &content);
            ignore_missing(fs::remove_file(file)).during(ACTION)?;
            folders.insert(folder);
        }
    }
    for folder in folders {
        ignore_missing(sync_folder(&folder)).during(ACTION)?;
    }
    removals::forget(&transaction)?;
    transaction.commit().during(ACTION)
}
