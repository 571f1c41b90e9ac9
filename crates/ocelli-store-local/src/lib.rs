//! The store that Ocelli uses unless it is given another: one directory, SQLite for records, files for photos.
//!
//! ```text
//! ocelli.sqlite             projects, tags, photos, iterations, models, kept predictions, exports, holds, erasures and
//!                           their receipts, the audit log
//! ocelli.sqlite-wal, -shm   SQLite's write-ahead log and its index
//! blobs/PROJECT/xx/HASH     the bytes of photos and exports, named by their keyed BLAKE3
//! damaged/PROJECT/HASH      bytes that were not what had been stored, set aside
//! staging/                  bytes on their way in, one folder a handle
//! locks/                    operating-system locks: who opens, who writes, who trains
//! reserve                   space for erasing on a full disk
//! ```
//!
//! Ids are text in the database, moments are integers (milliseconds since 1970), and what has structure is JSON, so
//! that ordinary SQLite tools show something readable. No path is made from anything but ids and hashes.
//!
//! Several handles and several processes may share a directory on a local disk. Changes take a lock one after another;
//! questions never wait for them.
//!
//! # How bytes and records stay together
//!
//! *Coming in.* The bytes of a batch are written to `staging` and synced; their arrival is noted in the database; they are
//! moved to their places and the folders synced; then one transaction commits the records that refer to them and takes
//! the notes away. *Going out.* One transaction takes the records and notes the bytes that they had. Then, under the lock
//! of writers, files go that no record and no arrival refers to, and the notes with them. Whatever a crash leaves is
//! named by a note, and the next handle that opens the directory works it off.
//!
//! # How nothing erased remains
//!
//! The database overwrites what it deletes. The write-ahead log is emptied before an erasure is called complete, and then
//! the unused part of every page that the log had changed is overwritten, where SQLite leaves stale copies of records that
//! it moved. As long as another process reads an older state the erasure is pending, and says so.
//!
//! # How an encrypted project is kept
//!
//! A project that is made while [`StoreOptions::encrypt`](ocelli_store::StoreOptions) is on has a key of its own, which
//! the key provider wraps. Photos, features, models, exports' files, what a model answered and all that people wrote are
//! sealed under it, in the files and in the columns alike: names, descriptions, settings, metadata, and the reasons and
//! expressions of holds, those of a hold on all projects under a key of the account. Ids, moments, sizes, counts, kinds,
//! bounds of regions, hashes, commitments, retention policies and the audit log are not. What a value is sealed as names its
//! project, its table and column, and its row, so that no value passes for another.
//!
//! Projects with and without a key lie side by side. One whose key cannot be had is left out of lists of projects and named
//! by [`Store::locked`](ocelli_store::Store::locked); questions about what is sealed say why. It can be deleted and erased
//! all the same, and destroying the wrapped key is the first step of that. A hold that cannot be opened keeps all that it
//! could until it is released.
//!
//! `docs/durability.md` in the project's repository has the protocol in full, what it relies on, and how it is tested.

mod blobs;
mod check;
mod columns;
mod connection;
mod directory;
mod error;
#[cfg(test)]
mod faults;
mod keyring;
mod medium;
mod migration;
mod question;
mod records;
mod remover;
mod reserve;
mod rows;
mod schema;
mod scrub;
mod seal;
mod sealed;
mod settle;
mod snapshot;
mod staging;
mod store;
mod transaction;

pub use store::LocalStore;
