//! The audit log: entries in their order, each with its hash, and what replaces those at the beginning.

use ocelli_core::{AuditEntry, Digest, Timestamp};
use ocelli_store::{AuditPage, StoreError};
use rusqlite::Connection;

use super::{all, one, write};
use crate::columns::{digest, json, optional_moment, to_json};

/// What replaces the entries at the beginning.
#[derive(Clone, Debug)]
struct Checkpoint {
    /// The last of them.
    seq: u64,
    hash: Digest,
    signed: String,
}

/// The number and the hash of the last entry, expired or not.
pub(crate) fn head(connection: &Connection) -> Result<Option<(u64, Digest)>, StoreError> {
    let sql = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    let last = one(connection, sql, (), |row| Ok((row.get(0)?, digest(row, 1)?)))?;
    match last {
        Some(last) => Ok(Some(last)),
        None => Ok(checkpoint(connection)?.map(|checkpoint| (checkpoint.seq, checkpoint.hash))),
    }
}

fn checkpoint(connection: &Connection) -> Result<Option<Checkpoint>, StoreError> {
    one(connection, "SELECT seq, hash, checkpoint FROM audit_checkpoint", (), |row| {
        Ok(Checkpoint { seq: row.get(0)?, hash: digest(row, 1)?, signed: row.get(2)? })
    })
}

pub(crate) fn append(connection: &Connection, entry: &AuditEntry, hash: &Digest) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (seq, at, entry, hash) VALUES (?1, ?2, ?3, ?4)";
    write(connection, sql, (entry.seq, entry.at.as_millis(), to_json(entry)?, hash.as_bytes()))
}

/// The first entries behind a number.
pub(crate) fn page(connection: &Connection, after: u64, take: usize) -> Result<AuditPage, StoreError> {
    let checkpoint = checkpoint(connection)?.map(|expired| expired.signed);
    let sql = "SELECT entry, hash FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let take = i64::try_from(take).unwrap_or(i64::MAX);
    let entries = all(connection, sql, (bounded(after), take), |row| Ok((json(row, 0)?, digest(row, 1)?)))?;
    Ok(AuditPage { checkpoint, entries })
}

/// A number as SQLite has it.
fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The latest moment among the entries up to this number.
pub(crate) fn latest(connection: &Connection, through: u64) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT max(at) FROM audit WHERE seq <= ?1";
    Ok(one(connection, sql, [bounded(through)], |row| optional_moment(row, 0))?.flatten())
}

/// Takes the entries up to this number away, and puts the checkpoint in their place.
pub(crate) fn expire(connection: &Connection, through: u64, signed: &str) -> Result<(), StoreError> {
    let sql = "SELECT seq, hash FROM audit WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1";
    let last = one(connection, sql, [bounded(through)], |row| Ok((row.get::<_, u64>(0)?, digest(row, 1)?)))?;
    let Some((seq, hash)) = last else { return Ok(()) };
    let sql = "INSERT INTO audit_checkpoint (row, seq, hash, checkpoint) VALUES (1, ?1, ?2, ?3)
               ON CONFLICT (row) DO UPDATE
               SET seq = excluded.seq, hash = excluded.hash, checkpoint = excluded.checkpoint";
    write(connection, sql, (seq, hash.as_bytes(), signed))?;
    write(connection, "DELETE FROM audit WHERE seq <= ?1", [seq])
}
