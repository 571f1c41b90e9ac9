//! The keys of encrypted projects: wrapped in the table `project_keys`, unwrapped in memory as long as a handle lives.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocelli_core::ProjectId;
use ocelli_keys::{DataKey, KeyError, KeyProvider, Sealer};
use ocelli_store::{Random, StoreError, StoreOptions};
use zeroize::Zeroizing;

use crate::error::During;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeyOwner {
    /// Of what belongs to no one project.
    Account,
    /// Of all that a project owns.
    Project(ProjectId),
}

/// As in the table `project_keys`.
impl fmt::Display for KeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("account"),
            Self::Project(project) => project.fmt(f),
        }
    }
}

/// A key that has been unwrapped, and whose it is. It is wiped from memory when the last of its users is done.
#[derive(Debug)]
pub(crate) struct OpenKey {
    pub(crate) owner: KeyOwner,
    pub(crate) sealer: Sealer,
    random: Arc<dyn Random>,
}

impl OpenKey {
    /// Random bytes for sealing one thing.
    pub(crate) fn nonce(&self) -> Result<[u8; 24], StoreError> {
        nonce(self.random.as_ref())
    }
}

fn nonce(random: &dyn Random) -> Result<[u8; 24], StoreError> {
    let mut nonce = [0; 24];
    random.fill(&mut nonce).during("making a nonce")?;
    Ok(nonce)
}

/// A handle's way to the keys. What it has unwrapped it keeps beside its wrapped form, so that what the database says
/// now decides whether a key is still the one.
#[derive(Debug)]
pub(crate) struct Keyring {
    provider: Option<Arc<dyn KeyProvider>>,
    random: Arc<dyn Random>,
    /// Whether new projects get a key.
    pub(crate) encrypt: bool,
    open: Mutex<HashMap<KeyOwner, (Vec<u8>, Arc<OpenKey>)>>,
}

impl Keyring {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        Self {
            provider: options.keys.clone(),
            random: Arc::clone(&options.random),
            encrypt: options.encrypt,
            open: Mutex::default(),
        }
    }

    /// A new key and its wrapped form.
    pub(crate) fn create(&self, owner: KeyOwner) -> Result<(Vec<u8>, Arc<OpenKey>), StoreError> {
        let provider = self.provider.as_ref().ok_or(StoreError::NoKeys("making an encrypted project"))?;
        let mut random = Zeroizing::new([0; 32]);
        self.random.fill(random.as_mut_slice()).during("making a key")?;
        let key = DataKey::try_from(random.as_slice()).map_err(|source| refused(owner, source))?;
        let nonce = nonce(self.random.as_ref())?;
        let wrapped = provider.wrap(&key, nonce).map_err(|source| refused(owner, source))?;
        Ok((wrapped, self.opened(owner, &key)))
    }

    /// The key that this is the wrapped form of.
    pub(crate) fn unwrap(&self, owner: KeyOwner, wrapped: &[u8]) -> Result<Arc<OpenKey>, StoreError> {
        if let Some((known, key)) = self.lock().get(&owner)
            && known == wrapped
        {
            return Ok(Arc::clone(key));
        }
        // The provider may take its time, and others need not wait for that.
        let key = match &self.provider {
            Some(provider) => provider.unwrap(wrapped),
            None => Err(KeyError::provider("the store was opened without a key provider")),
        };
        let key = self.opened(owner, &key.map_err(|source| refused(owner, source))?);
        self.lock().insert(owner, (wrapped.to_owned(), Arc::clone(&key)));
        Ok(key)
    }

    /// Drops a key that is used no more.
    pub(crate) fn forget(&self, owner: KeyOwner) {
        self.lock().remove(&owner);
    }

    fn opened(&self, owner: KeyOwner, key: &DataKey) -> Arc<OpenKey> {
        Arc::new(OpenKey { owner, sealer: Sealer::new(key), random: Arc::clone(&self.random) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyOwner, (Vec<u8>, Arc<OpenKey>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(owner: KeyOwner, source: KeyError) -> StoreError {
    match owner {
        KeyOwner::Project(project) => StoreError::Key { project, source },
        KeyOwner::Account => {
            StoreError::backend("having the key of what belongs to no project")(source.into())
        }
    }
}
