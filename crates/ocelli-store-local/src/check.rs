//! Comparing all bytes with what was stored, and all records with each other.

use std::collections::BTreeSet;
use std::time::SystemTime;

use ocelli_core::ProjectId;
use ocelli_store::{CheckOptions, CheckReport, ContentHash, StoreError};
use rusqlite::{Connection, TransactionBehavior};

use crate::LocalStore;
use crate::blobs::{self, BlobKeys, Found};
use crate::error::During;
use crate::records::{holds, owners, projects, removals, unscrubbed};
use crate::sealed;

/// Records that are asked for at once.
const PAGE: u32 = 1000;
/// Complaints of the database that are passed on.
const COMPLAINTS: u32 = 100;

pub(crate) fn check(store: &LocalStore, options: &CheckOptions) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport { records: store.ask(|rows| complaints(rows))?, ..CheckReport::default() };
    for project in store.ask(|rows| projects::all_ids(rows))? {
        match check_project(store, project, options, &mut report) {
            Err(StoreError::Key { .. }) => report.locked.push(project),
            checked => checked?,
        }
    }
    check_holds(store, &mut report)?;
    find_unowned(store, options, &mut report)?;
    if options.repair {
        note_all_pages(store)?;
        store.finish()?;
    }
    report.damaged.sort();
    report.damaged.dedup();
    Ok(report)
}

/// Opens the holds. Those in a project whose key is missing are told with it.
fn check_holds(store: &LocalStore, report: &mut CheckReport) -> Result<(), StoreError> {
    for hold in store.ask(holds::list)? {
        match store.ask(|rows| holds::get(rows, hold.id)) {
            Err(error @ (StoreError::AccountKey(_) | StoreError::Corrupt { .. })) => {
                report.records.push(format!("the hold {} cannot be read: {error}", hold.id));
            }
            Ok(_) | Err(StoreError::Key { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the database says of itself.
fn complaints(connection: &Connection) -> Result<Vec<String>, StoreError> {
    const ACTION: &str = "checking the records";
    let mut statement =
        connection.prepare(&format!("PRAGMA integrity_check({COMPLAINTS})")).during(ACTION)?;
    let lines = statement.query_map((), |row| row.get::<_, String>(0)).during(ACTION)?;
    let mut lines = lines.collect::<Result<Vec<_>, _>>().during(ACTION)?;
    lines.retain(|line| line != "ok");
    let mut statement = connection.prepare("PRAGMA foreign_key_check").during(ACTION)?;
    let orphans = statement
        .query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?)))
        .during(ACTION)?;
    for orphan in orphans {
        let (child, parent) = orphan.during(ACTION)?;
        lines.push(format!("a row of {child} refers to a row of {parent} that is not there"));
    }
    Ok(lines)
}

/// Reads the bytes of all records of a project.
fn check_project(
    store: &LocalStore,
    project: ProjectId,
    options: &CheckOptions,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let limit = report.records.len() + COMPLAINTS as usize;
    let told = report.records.len();
    store.ask(|rows| sealed::check(rows, project, limit, report))?;
    if report.records.len() == told
        && let Err(error @ StoreError::Corrupt { .. }) = store.ask(|rows| projects::get(rows, project))
    {
        report.records.push(format!("the project {project} cannot be read: {error}"));
    }
    let keys = match blob_keys(store, project) {
        Ok(Some(keys)) => keys,
        // What names the bytes is damaged itself, which has been told.
        Ok(None) | Err(StoreError::Corrupt { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut last = None;
    loop {
        let contents = store.ask(|connection| owners::contents(connection, project, last.as_ref(), PAGE))?;
        for content in &contents {
            let found = blobs::read(&store.directory, project, content, &keys)?;
            if let Found::Sound(bytes) = &found {
                report.files += 1;
                report.bytes += bytes.len() as u64;
                continue;
            }
            // Who has lost its record meanwhile owns nothing.
            let owners = store.ask(|connection| owners::of(connection, project, content))?;
            match found {
                Found::Damaged => {
                    report.files += 1;
                    if options.repair {
                        let writing = store.write()?;
                        blobs::set_aside(&store.directory, &writing, project, content, &keys)?;
                    }
                    report.damaged.extend(owners);
                }
                _ => report.missing.extend(owners),
            }
        }
        match contents.last() {
            Some(content) => last = Some(*content),
            None => return Ok(()),
        }
    }
}

/// What it takes to read a project's bytes; none where the project is gone.
fn blob_keys(store: &LocalStore, project: ProjectId) -> Result<Option<BlobKeys>, StoreError> {
    store.ask(|rows| {
        let Some(content) = projects::key(rows, project)? else { return Ok(None) };
        Ok(Some(BlobKeys { content, seal: rows.seal(project)? }))
    })
}

/// Looks for files that no record has.
fn find_unowned(
    store: &LocalStore,
    options: &CheckOptions,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    const ACTION: &str = "looking for files without a record";
    let medium = store.directory.medium.as_ref();
    let mut unowned = BTreeSet::new();
    for top in [store.directory.blobs(), store.directory.damaged()] {
        for project in medium.list(&top).during(ACTION)? {
            let Some(id) = project.name.to_str().and_then(|name| name.parse::<ProjectId>().ok()) else {
                // Of a name that nothing here has, so that it is reported and never removed.
                report.unowned += 1;
                continue;
            };
            let folder = top.join(&project.name);
            let mut entries = Vec::new();
            for entry in list_or_none(store, &folder)? {
                if entry.is_folder {
                    entries.extend(list_or_none(store, &folder.join(&entry.name))?);
                } else {
                    entries.push(entry);
                }
            }
            for entry in entries {
                let Some(content) = entry.name.to_str().and_then(ContentHash::from_hex) else {
                    report.unowned += 1;
                    continue;
                };
                if store.ask(|connection| removals::is_wanted(connection, id, &content))? {
                    continue;
                }
                report.unowned += 1;
                let age = SystemTime::now().duration_since(entry.modified).unwrap_or_default();
                if age >= options.grace {
                    unowned.insert((id, content));
                }
            }
        }
    }
    if options.repair && !unowned.is_empty() {
        let mut writing = store.write()?;
        let rows = writing.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
        for (project, content) in &unowned {
            removals::note(&rows, *project, content)?;
        }
        rows.commit().during(ACTION)?;
        report.removed = unowned.len() as u64;
    }
    Ok(())
}

/// What is in a folder, nothing where it has gone.
fn list_or_none(
    store: &LocalStore,
    folder: &std::path::Path,
) -> Result<Vec<crate::medium::Entry>, StoreError> {
    match store.directory.medium.list(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.during("looking for files without a record"),
    }
}

/// Has every page of the database scrubbed, also those that another program may have changed.
fn note_all_pages(store: &LocalStore) -> Result<(), StoreError> {
    const ACTION: &str = "noting pages to overwrite";
    let mut writing = store.write()?;
    let rows = writing.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    unscrubbed::note_all(&rows)?;
    rows.commit().during(ACTION)
}
