//! The store that Ocelli uses unless it is given another: one directory, SQLite for records, files for photos.
//!
//! ```text
//! ocelli.sqlite             projects, tags, photos, iterations, models, kept predictions
//! blobs/PROJECT/xx/HASH     the bytes of photos, named by their keyed BLAKE3
//! staging/                  bytes on their way in, one folder a handle
//! locks/                    operating-system locks: who opens, who trains
//! ```
//!
//! Ids are text in the database, moments are integers (milliseconds since 1970), and what has structure is JSON, so
//! that ordinary SQLite tools show something readable. No path is made from anything but ids and hashes.
//!
//! Several handles and several processes may share a directory on a local disk. Changes take SQLite's write lock
//! one after another; questions never wait for them.
//!
//! # How bytes and records stay together
//!
//! *Coming in.* Photos are written to `staging` and synced, then linked to their final names within the write
//! transaction, and the folders synced, before the records that refer to them are committed. A staged file goes
//! only after that, so what a crash leaves is found by the next handle that opens the directory.
//!
//! *Going out.* Records go first, and with them a note of the bytes that they had. Then, within another write
//! transaction, so that an upload of the same bytes comes before or after but never between, files are removed
//! that no record refers to any more. A note that a crash leaves is worked off at the next opening.
//!
//! What this relies on: that the file system renames and links within a directory in one step, that `fsync` reaches
//! the medium, and that operating-system locks work, which network file systems do not promise.

mod blobs;
mod check;
mod columns;
mod connection;
mod directory;
mod error;
mod medium;
mod migration;
mod question;
mod records;
mod schema;
mod scrub;
mod settle;
mod snapshot;
mod staging;
mod store;
mod transaction;

pub use store::LocalStore;
