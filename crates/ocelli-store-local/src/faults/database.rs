//! What SQLite promises on the simulated disk, which is what the store builds on.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::disk::{Fault, SimulatedDisk};
use super::platter::{Platter, Survivors};
use super::tree::Tree;
use super::vfs;

fn path(disk: &SimulatedDisk) -> PathBuf {
    disk.root().join("database")
}

fn open(disk: &SimulatedDisk) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags_and_vfs(path(disk), OpenFlags::default(), vfs::registered())?;
    let pragmas = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                   PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;
                   CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, text BLOB) STRICT;";
    connection.execute_batch(pragmas)?;
    disk.sync_folder(disk.root()).unwrap();
    Ok(connection)
}

/// Adds a row, changes the one before, and empties the log every fourth time.
fn commit(connection: &mut Connection, number: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("INSERT INTO rows VALUES (?1, zeroblob(3000))", [number])?;
    transaction.execute("UPDATE rows SET text = zeroblob(number) WHERE number = ?1 - 1", [number])?;
    transaction.commit()?;
    if number % 4 == 3 {
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    }
    Ok(())
}

fn count(connection: &Connection) -> i64 {
    let sound: String = connection.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let sql = "SELECT count(*), coalesce(max(number) + 1, 0) FROM rows";
    let (count, next): (i64, i64) =
        connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(count, next);
    count
}

#[test]
fn what_sqlite_committed_survives_every_power_failure() {
    const COMMITS: i64 = 10;
    let disk = SimulatedDisk::new(Tree::default());
    disk.record();
    let mut connection = open(&disk).unwrap();
    // How many steps had happened when each commit returned.
    let mut committed = Vec::new();
    for number in 0..COMMITS {
        commit(&mut connection, number).unwrap();
        committed.push(disk.recorded());
    }
    drop(connection);

    let mut platter = Platter::default();
    let mut images = 0;
    for (number, step) in disk.steps().iter().enumerate() {
        platter.take(step);
        let acknowledged = committed.iter().filter(|&&steps| steps <= number + 1).count() as i64;
        let prefixes = (1..platter.unsynced()).map(Survivors::Prefix);
        let seeds = (0..3).map(|seed| Survivors::Random(number as u64 * 3 + seed));
        for survivors in [Survivors::None, Survivors::All].into_iter().chain(prefixes).chain(seeds) {
            let image = SimulatedDisk::new(platter.image(survivors));
            let found = count(&open(&image).unwrap());
            let expected = acknowledged..=acknowledged + 1;
            assert!(
                expected.contains(&found),
                "step {number}, {survivors:?}: {found} rows, not {expected:?}"
            );
            images += 1;
        }
    }
    assert_eq!(count(&open(&SimulatedDisk::new(disk.tree())).unwrap()), COMMITS);
    eprintln!("{images} images after {} steps", disk.recorded());
}

#[test]
fn what_sqlite_committed_survives_every_failed_operation() {
    // The operations before the first commit, and those up to the last.
    let run = |fault| {
        let disk = SimulatedDisk::new(Tree::default());
        let mut connection = open(&disk).unwrap();
        let opened = disk.operations();
        disk.set_fault(fault);
        let acknowledged =
            (0..10).take_while(|number| commit(&mut connection, *number).is_ok()).count() as i64;
        let operations = opened + 1..=disk.operations();
        drop(connection);
        disk.set_fault(Fault::None);
        let found = count(&open(&disk).unwrap());
        let expected = acknowledged..=acknowledged + 1;
        assert!(expected.contains(&found), "{fault:?}: {found} rows, not {expected:?}");
        (operations, disk.failed())
    };
    for operation in run(Fault::None).0 {
        assert_eq!(run(Fault::Once(operation)).1, 1);
        assert!(run(Fault::From(operation)).1 > 0);
    }
}

#[test]
fn a_full_or_read_only_disk_is_told_as_such() {
    use rusqlite::ErrorCode;
    let disk = SimulatedDisk::new(Tree::default());
    let mut connection = open(&disk).unwrap();
    commit(&mut connection, 0).unwrap();
    disk.set_free(Some(5_000));
    assert_eq!(commit(&mut connection, 1).unwrap_err().sqlite_error_code(), Some(ErrorCode::DiskFull));
    disk.set_free(None);
    commit(&mut connection, 1).unwrap();
    assert_eq!(count(&connection), 2);
    drop(connection);
    disk.set_read_only(true);
    let code = open(&disk).unwrap_err().sqlite_error_code();
    assert!(matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)), "{code:?}");
}

#[test]
fn disks_are_told_apart_by_their_root() {
    let disk = SimulatedDisk::new(Tree::default());
    let found = SimulatedDisk::of(&path(&disk)).unwrap();
    assert_eq!(found.root(), disk.root());
    assert!(SimulatedDisk::of(Path::new("/nowhere/database")).is_none());
}
