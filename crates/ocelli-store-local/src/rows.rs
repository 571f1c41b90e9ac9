use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;

use ocelli_core::ProjectId;
use ocelli_store::{Missing, StoreError};
use rusqlite::Connection;

use crate::keyring::{KeyOwner, Keyring};
use crate::records::keys;
use crate::seal::Seal;

/// The rows of one moment, or of one change, and the keys to those that are sealed.
pub(crate) struct Rows<'c> {
    connection: &'c Connection,
    keyring: &'c Keyring,
    /// What has been looked up: it holds as long as the moment or the change does.
    seals: RefCell<HashMap<ProjectId, Seal>>,
}

impl Deref for Rows<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl<'c> Rows<'c> {
    pub(crate) fn new(connection: &'c Connection, keyring: &'c Keyring) -> Self {
        Self { connection, keyring, seals: RefCell::default() }
    }

    /// How the values of a project are written. An error where it is encrypted and its key cannot be had.
    pub(crate) fn seal(&self, project: ProjectId) -> Result<Seal, StoreError> {
        if let Some(seal) = self.seals.borrow().get(&project) {
            return Ok(seal.clone());
        }
        let owner = KeyOwner::Project(project);
        let seal = match keys::get(self, owner)? {
            None => {
                self.keyring.forget(owner);
                Seal::Plain
            }
            Some(destroyed) if destroyed.is_empty() => {
                self.keyring.forget(owner);
                return Err(StoreError::NotFound(Missing::Project(project)));
            }
            Some(wrapped) => Seal::Sealed(self.keyring.unwrap(owner, &wrapped)?),
        };
        self.seals.borrow_mut().insert(project, seal.clone());
        Ok(seal)
    }

    /// How what belongs to no one project is written: sealed from the first time on that a handle which encrypts writes such.
    pub(crate) fn account_seal(&self) -> Result<Seal, StoreError> {
        let owner = KeyOwner::Account;
        match keys::get(self, owner)? {
            Some(wrapped) => Ok(Seal::Sealed(self.keyring.unwrap(owner, &wrapped)?)),
            None if self.keyring.encrypt => {
                let (wrapped, key) = self.keyring.create(owner)?;
                keys::insert(self, owner, &wrapped)?;
                Ok(Seal::Sealed(key))
            }
            None => Ok(Seal::Plain),
        }
    }

    /// Gives a project that is being made a key, if the handle encrypts.
    pub(crate) fn begin(&self, project: ProjectId) -> Result<Seal, StoreError> {
        let seal = if self.keyring.encrypt {
            let owner = KeyOwner::Project(project);
            let (wrapped, key) = self.keyring.create(owner)?;
            keys::insert(self, owner, &wrapped)?;
            Seal::Sealed(key)
        } else {
            Seal::Plain
        };
        self.seals.borrow_mut().insert(project, seal.clone());
        Ok(seal)
    }

    /// Destroys the key of a project, if it has one: the first step of erasing it.
    pub(crate) fn destroy_key(&self, project: ProjectId) -> Result<(), StoreError> {
        let owner = KeyOwner::Project(project);
        self.seals.borrow_mut().remove(&project);
        self.keyring.forget(owner);
        keys::destroy(self, owner)
    }
}
