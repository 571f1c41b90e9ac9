//! The wrapped keys of encrypted projects.

use ocelli_core::ProjectId;
use ocelli_store::StoreError;
use rusqlite::Connection;

use super::{one, write};
use crate::keyring::KeyOwner;

/// The wrapped key of an encrypted project, empty where it has been destroyed; none where the project is plain.
pub(crate) fn get(connection: &Connection, owner: KeyOwner) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT wrapped FROM project_keys WHERE project = ?1";
    one(connection, sql, [owner.to_string()], |row| row.get(0))
}

pub(crate) fn insert(connection: &Connection, owner: KeyOwner, wrapped: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO project_keys (project, wrapped) VALUES (?1, ?2)";
    write(connection, sql, (owner.to_string(), wrapped))
}

/// The empty row stays until what the project owned has gone, so that whoever goes on with that knows that the key's
/// bytes go first.
pub(crate) fn destroy(connection: &Connection, owner: KeyOwner) -> Result<(), StoreError> {
    write(connection, "UPDATE project_keys SET wrapped = x'' WHERE project = ?1", [owner.to_string()])
}

/// Whether there is a project whose key has been destroyed and which still owns something.
pub(crate) fn are_destroyed(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM project_keys WHERE wrapped = x'')";
    Ok(one(connection, sql, (), |row| row.get(0))?.unwrap_or(false))
}

/// Takes the row of a destroyed key away.
pub(crate) fn remove(connection: &Connection, project: ProjectId) -> Result<(), StoreError> {
    write(connection, "DELETE FROM project_keys WHERE project = ?1", [project.to_string()])
}
