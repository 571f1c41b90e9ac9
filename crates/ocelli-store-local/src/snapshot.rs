//! A consistent copy of a directory that is in use.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocelli_core::{Affected, ErasureRecord, ProjectId};
use ocelli_store::{Applied, Change, ContentHash, Store, StoreError};

use rusqlite::{Connection, TransactionBehavior};

use crate::blobs::{self, BlobKeys};
use crate::directory::{Directory, ignore_missing};
use crate::error::During;
use crate::records::{checkpoints, erasures, holds, owners, projects};
use crate::staging::{AT_ONCE, at_once, sync_folders};
use crate::{LocalStore, connection};

const ACTION: &str = "copying the data directory";
/// Records that are asked for at once.
const PAGE: u32 = 1000;

/// Copies the store to a directory that is empty or not there.
///
/// The copy is made beside it and takes its name at the end, so that half a copy is never taken for one. The records
/// are those of one moment; their bytes never change, and what of them is erased while they are copied is erased in the
/// copy too.
pub(crate) fn snapshot(store: &LocalStore, to: &Path) -> Result<(), StoreError> {
    let medium = store.directory.medium.as_ref();
    let to = std::path::absolute(to).during(ACTION)?;
    match medium.list(&to) {
        Ok(entries) if !entries.is_empty() => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty; name another");
            return Err(error).during(ACTION);
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).during(ACTION),
        _ => {}
    }
    let partial = partial(&to)?;
    if let Some(above) = to.parent() {
        medium.make_folder(above).during(ACTION)?;
    }
    let lock = partial.with_extension("lock");
    let Some(held) = medium.try_lock(&lock).during(ACTION)? else {
        let error = io::Error::new(io::ErrorKind::ResourceBusy, "another copy is being made there");
        return Err(error).during(ACTION);
    };
    // What a copy left that was cut off.
    ignore_missing(medium.remove_folder(&partial)).during(ACTION)?;
    let copied = copy(store, &partial).and_then(|(copy, known)| {
        // Nothing is erased between the last look at what was and the copy's being complete.
        let writing = store.write()?;
        reapply(&copy, erasures::behind(&writing, known)?)?;
        take_holds(&copy, &writing)?;
        drop(copy);
        medium.rename(&partial, &to).during(ACTION)?;
        let above = to.parent().map(Path::to_owned);
        sync_folders(medium, &above.into_iter().collect()).during(ACTION)
    });
    if copied.is_err() {
        let _ = medium.remove_folder(&partial);
    }
    let _ = medium.remove_file(&lock);
    drop(held);
    copied
}

/// Where the copy grows.
fn partial(to: &Path) -> Result<PathBuf, StoreError> {
    let name = to.file_name().ok_or(io::Error::from(io::ErrorKind::InvalidInput)).during(ACTION)?;
    let mut partial = OsString::from(".");
    partial.push(name);
    partial.push(".partial");
    Ok(to.with_file_name(partial))
}

/// Copies records and bytes, and gives the copy and up to where it knows what was erased.
fn copy(store: &LocalStore, to: &Path) -> Result<(LocalStore, i64), StoreError> {
    let target = Directory::create(Arc::clone(&store.directory.medium), to)?;
    copy_records(store, &target)?;
    let copy = LocalStore::open_on(Arc::clone(&target.medium), to, store.options.clone())?;
    // Trainings go on here, not there; and bytes that are replaced meanwhile could not be copied.
    checkpoints::remove_all(&*copy.write()?)?;
    let known = copy.ask(|rows| erasures::last(rows))?;
    for project in copy.ask(|rows| projects::all_ids(rows))? {
        copy_bytes(store, &copy, project)?;
    }
    drop_holds(&copy)?;
    // Most of what was erased since the records were copied, while others still may change the store.
    reapply(&copy, store.ask(|connection| erasures::behind(connection, known))?)?;
    Ok((copy, known))
}

/// Erases these from the copy too, and ends what erasures had left to do when the records were copied.
fn reapply(copy: &LocalStore, erased: Vec<ErasureRecord>) -> Result<(), StoreError> {
    if !erased.is_empty()
        && let Applied::Erased(again) =
            copy.apply(Change::ReapplyErasures { erasures: erased, affected: Affected::Keep })?
        && let Some(kept) = again.refused.first()
    {
        // Nothing is held here: its key is missing.
        let project = kept.project_id;
        let error = io::Error::other(format!(
            "something of the encrypted project {project} was erased meanwhile; copy again, or with its key"
        ));
        return Err(error).during(ACTION);
    }
    finish(copy)
}

fn finish(copy: &LocalStore) -> Result<(), StoreError> {
    if copy.finish()?.is_complete() {
        return Ok(());
    }
    let error =
        io::Error::other("another program reads the copy, which keeps what was erased meanwhile in it");
    Err(error).during(ACTION)
}

/// A hold that was released since must not keep what was erased then, nor one that came after that.
fn drop_holds(copy: &LocalStore) -> Result<(), StoreError> {
    holds::remove_all(&*copy.write()?)
}

/// Takes the holds as they are at the end.
fn take_holds(copy: &LocalStore, source: &Connection) -> Result<(), StoreError> {
    let mut writing = copy.write()?;
    let rows = writing.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    holds::copy(source, &rows)?;
    rows.commit().during(ACTION)?;
    drop(writing);
    finish(copy)
}

/// Copies the records of one moment. The copy has no unused space, and so nothing in it.
fn copy_records(store: &LocalStore, target: &Directory) -> Result<(), StoreError> {
    let source = connection::open(&store.directory)?;
    let path = target.database();
    let path = path.to_str().ok_or(io::Error::from(io::ErrorKind::InvalidFilename)).during(ACTION)?;
    source.execute("VACUUM INTO ?1", [path]).during(ACTION)?;
    Ok(())
}

/// Copies the bytes that the copy's records of a project refer to.
fn copy_bytes(store: &LocalStore, copy: &LocalStore, project: ProjectId) -> Result<(), StoreError> {
    let keys = copy.ask(|rows| {
        let Some(content) = projects::key(rows, project)? else { return Ok(None) };
        Ok(Some(BlobKeys { content, seal: rows.seal(project)? }))
    });
    let keys = match keys {
        Ok(None) => return Ok(()),
        Ok(keys) => keys,
        // What is sealed can be copied unseen.
        Err(StoreError::Key { .. }) => None,
        Err(error) => return Err(error),
    };
    let medium = copy.directory.medium.as_ref();
    let mut folders = BTreeSet::from([copy.directory.blobs(), copy.directory.project_blobs(project)]);
    let mut last = None;
    loop {
        let contents = copy.ask(|connection| owners::contents(connection, project, last.as_ref(), PAGE))?;
        at_once(contents.len(), AT_ONCE, |number| match contents.get(number) {
            Some(content) => copy_file(store, copy, project, content, keys.as_ref()),
            None => Ok(()),
        })?;
        folders.extend(contents.iter().map(|content| copy.directory.blob(project, content).0));
        match contents.last() {
            Some(content) => last = Some(*content),
            None => return sync_folders(medium, &folders).during(ACTION),
        }
    }
}

fn copy_file(
    store: &LocalStore,
    copy: &LocalStore,
    project: ProjectId,
    content: &ContentHash,
    keys: Option<&BlobKeys>,
) -> Result<(), StoreError> {
    let Some(bytes) = blobs::read_stored(&store.directory, project, content, keys)? else {
        // Erased meanwhile, or damaged before; then the copy lacks the same, and a check of either says so.
        tracing::warn!(%content, "bytes are missing or damaged and were not copied");
        return Ok(());
    };
    let (folder, file) = copy.directory.blob(project, content);
    copy.directory.medium.make_folder(&folder).during(ACTION)?;
    copy.directory.medium.write_new(&file, &bytes).during(ACTION)
}
