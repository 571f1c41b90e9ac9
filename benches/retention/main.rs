//! What it costs to plan and to sweep 100,000 things that are due among a million records and among ten million, beside a plain
//! `DELETE` of as many rows in one transaction and the removal of their files.
//!
//! ```text
//! cargo bench -p ocelli-benches --bench retention            # both
//! cargo bench -p ocelli-benches --bench retention -- 1000000
//! ```
//!
//! Nine in ten records are kept predictions with their photos and results, the others photos to train on, each with a tag. A
//! project, a photo and a prediction are made by the store; all others are copies of their rows with ids, moments and contents
//! of their own, brought in by SQL, since ten million calls would take hours. What falls due, and as much again for the plain
//! `DELETE`, has files of four kilobytes, and its photos have features; what stays has none, since nobody looks there.
//!
//! Ten million records take 13 GB of disk and some minutes to make. They lie where the build does: a temporary directory
//! may be in memory, where waiting for the medium costs nothing. Having just been written, they are in the operating system's
//! cache as far as it has room.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench reports on the terminal and has no caller")]

mod peer;
mod records;
mod writing;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocelli_core::{Affected, Timestamp};
use ocelli_retention::{Plan, SweepOptions, execute, plan};
use ocelli_store::{ManualClock, StoreOptions};
use ocelli_store_local::LocalStore;

use crate::records::DUE;
use crate::writing::Writing;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Records of each directory, unless others are asked for.
const RECORDS: [u64; 2] = [1_000_000, 10_000_000];
/// How often a plan is made.
const PLANS: usize = 5;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000)
}

fn open(directory: &Path) -> Outcome<LocalStore> {
    let options = StoreOptions { clock: Arc::new(ManualClock::new(now())), ..StoreOptions::default() };
    Ok(LocalStore::open(directory, options)?)
}

fn main() -> Outcome<()> {
    // Cargo adds `--bench`.
    let asked: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let writing = Writing::install()?;
    for records in if asked.is_empty() { RECORDS.to_vec() } else { asked } {
        if records < 4 * DUE {
            return Err(format!("at least {} records are needed: {DUE} are due", 4 * DUE).into());
        }
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        measure(directory.path(), records, &writing)?;
    }
    Ok(())
}

fn measure(directory: &Path, records: u64, writing: &Writing) -> Outcome<()> {
    let began = Instant::now();
    let project = records::make(open(directory)?, directory, records)?;
    println!("{records} records, {:.0} s to make them", began.elapsed().as_secs_f64());

    let store = open(directory)?;
    println!("  before: {}", size(directory)?);
    let mut times = Vec::new();
    let mut due: Option<Plan> = None;
    for _ in 0..PLANS {
        let began = Instant::now();
        due = Some(plan(&store, now(), usize::MAX)?);
        times.push(began.elapsed());
    }
    let due = due.ok_or("no plan was made")?;
    if due.items().len() as u64 != DUE {
        return Err(format!("{} are due, not {DUE}", due.items().len()).into());
    }
    println!("  plan: {}, hash {}", spread(&mut times), due.hash());

    writing.forget();
    let began = Instant::now();
    let swept = execute(&store, &due, &SweepOptions::from(Affected::Keep), &now)?;
    let sweep = began.elapsed();
    let turns = writing.turns();
    if swept.erased != DUE || !swept.status.is_complete() || !plan(&store, now(), 1)?.is_empty() {
        return Err(format!("not all was erased: {swept:?}").into());
    }
    records::check_gone(directory, project)?;
    println!(
        "  sweep: {:.2} s, {:.0} a second; {}",
        sweep.as_secs_f64(),
        DUE as f64 / sweep.as_secs_f64(),
        turns,
    );
    println!("  after: {}", size(directory)?);
    drop(store);

    let peer = peer::delete(directory, project)?;
    println!(
        "  a plain DELETE of as many others in one transaction: {:.2} s, {:.2} s with their files, {:.2} s with a checkpoint; \
         the sweep took {:.1} times that",
        peer.deleted.as_secs_f64(),
        peer.removed.as_secs_f64(),
        peer.emptied.as_secs_f64(),
        sweep.as_secs_f64() / peer.emptied.as_secs_f64(),
    );
    Ok(())
}

/// The median and the longest.
fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let millis = |time: Option<&Duration>| time.copied().unwrap_or_default().as_secs_f64() * 1e3;
    format!("{:.0} ms, at most {:.0}", millis(times.get(times.len() / 2)), millis(times.last()))
}

/// The database and its log.
fn size(directory: &Path) -> Outcome<String> {
    let megabytes = |name| fs::metadata(directory.join(name)).map(|file| file.len() / 1_000_000);
    let log = megabytes("ocelli.sqlite-wal").unwrap_or(0);
    Ok(format!("{} MB of records, {log} MB of log", megabytes("ocelli.sqlite")?))
}
