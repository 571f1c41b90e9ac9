//! The bytes of photos and exports in their places.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use ocelli_core::{ProjectId, Salt};
use ocelli_keys::commit;
use ocelli_store::{ContentHash, ContentKey, StoreError};
use rusqlite::{Connection, TransactionBehavior};

use crate::directory::{Directory, ignore_missing};
use crate::error::During;
use crate::records::measures::Measured;
use crate::records::{measures, projects, removals};
use crate::seal::Seal;
use crate::staging::sync_folders;

/// Photos of each kind measured in one transaction.
const MEASURED_AT_ONCE: u32 = 64;

/// What it takes to name and to open a project's bytes.
#[derive(Clone, Debug)]
pub(crate) struct BlobKeys {
    pub(crate) content: ContentKey,
    pub(crate) seal: Seal,
}

impl BlobKeys {
    /// What was stored; none where this is not it.
    fn open<'b>(&self, content: &ContentHash, stored: Cow<'b, [u8]>) -> Option<Cow<'b, [u8]>> {
        self.seal.open_file(content, stored).filter(|bytes| self.content.hash(bytes) == *content)
    }
}

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
    keys: &BlobKeys,
) -> Result<Found, StoreError> {
    match read_file(directory, project, content)? {
        Some(stored) => {
            Ok(keys.open(content, stored.into()).map(Cow::into_owned).map_or(Found::Damaged, Found::Sound))
        }
        None => Ok(Found::Missing),
    }
}

/// Reads bytes as they lie there, sealed or not, to be copied; none where they are missing, or damaged as far as can be
/// told with these keys.
pub(crate) fn read_stored(
    directory: &Directory,
    project: ProjectId,
    content: &ContentHash,
    keys: Option<&BlobKeys>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(stored) = read_file(directory, project, content)? else { return Ok(None) };
    let sound = keys.is_none_or(|keys| keys.open(content, Cow::Borrowed(&stored)).is_some());
    Ok(sound.then_some(stored))
}

/// None where there is none.
fn read_file(
    directory: &Directory,
    project: ProjectId,
    content: &ContentHash,
) -> Result<Option<Vec<u8>>, StoreError> {
    match directory.medium.read(&directory.blob(project, content).1) {
        Ok(stored) => Ok(Some(stored)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
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
    keys: &BlobKeys,
) -> Result<(), StoreError> {
    const ACTION: &str = "setting damaged bytes aside";
    if removals::is_arriving(connection, project, content)?
        || !matches!(read(directory, project, content, keys)?, Found::Damaged)
    {
        return Ok(());
    }
    let (folder, place) = directory.blob(project, content);
    let (aside, damaged) = directory.damaged_blob(project, content);
    directory.medium.make_folder(&aside).during(ACTION)?;
    directory.medium.rename(&place, &damaged).during(ACTION)?;
    sync_folders(directory.medium.as_ref(), &BTreeSet::from([folder, aside])).during(ACTION)
}

/// Reads some of the photos that were stored before their bytes were counted and committed to, all of them as they lie
/// there, since nothing was sealed then. One that cannot be read, or is not what was stored, is passed over: it is measured
/// when the directory is opened and the right bytes are there. Says whether there may be more. The caller holds the write
/// lock.
pub(crate) fn measure_some(
    directory: &Directory,
    connection: &mut Connection,
    measured: &mut Measured,
    salt: impl Fn() -> Result<Salt, StoreError>,
) -> Result<bool, StoreError> {
    const ACTION: &str = "measuring photos";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    let found = measures::next(&transaction, measured, MEASURED_AT_ONCE)?;
    for photo in &found {
        match read_file(directory, photo.project, &photo.content) {
            Ok(Some(bytes)) if photo.key.hash(&bytes) == photo.content => {
                let salt = salt()?;
                measures::put(&transaction, photo, bytes.len(), &salt, &commit(&salt, &bytes))?;
            }
            Ok(found) => {
                let content = &photo.content;
                tracing::warn!(%content, missing = found.is_none(), "a photo is not what was stored");
            }
            Err(error) => tracing::warn!(content = %photo.content, %error, "a photo could not be measured"),
        }
    }
    transaction.commit().during(ACTION)?;
    Ok(!found.is_empty())
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
