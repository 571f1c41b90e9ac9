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
    pub(crate) fn new(owner: KeyOwner, sealer: Sealer, random: Arc<dyn Random>) -> Self {
        Self { owner, sealer, random }
    }

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
    open: Mutex<OpenKeys>,
}

/// Each key beside its wrapped form.
type OpenKeys = HashMap<KeyOwner, (Vec<u8>, Arc<OpenKey>)>;

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
        Arc::new(OpenKey::new(owner, Sealer::new(key), Arc::clone(&self.random)))
    }

    fn lock(&self) -> MutexGuard<'_, OpenKeys> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(owner: KeyOwner, source: KeyError) -> StoreError {
    match owner {
        KeyOwner::Project(project) => StoreError::Key { project, source },
        KeyOwner::Account => StoreError::AccountKey(source),
    }
}

#[cfg(test)]
mod tests {
    use ocelli_keys::Keys;
    use uuid::Uuid;

    use super::*;

    fn ring(secret: u8, encrypt: bool) -> Keyring {
        let keys: Arc<dyn KeyProvider> = Arc::new(Keys::from_random([secret; 64]));
        Keyring::new(&StoreOptions { keys: Some(keys), encrypt, ..StoreOptions::default() })
    }

    fn owner() -> KeyOwner {
        KeyOwner::Project(ProjectId::from_uuid(Uuid::from_u128(1)))
    }

    #[test]
    fn a_key_is_unwrapped_once_and_until_it_is_forgotten() {
        let ring = ring(1, true);
        let (wrapped, made) = ring.create(owner()).unwrap();
        let [one, again] = [(); 2].map(|()| ring.unwrap(owner(), &wrapped).unwrap());
        assert!(Arc::ptr_eq(&one, &again));
        let sealed = made.sealer.seal([1; 24], b"here", b"a value").unwrap();
        assert_eq!(one.sealer.open(b"here", &sealed).unwrap(), b"a value");
        ring.forget(owner());
        drop(again);
        assert_eq!(Arc::strong_count(&one), 1, "nobody else holds it");
    }

    #[test]
    fn another_wrapped_form_is_another_key() {
        let ring = ring(1, true);
        let [(first, _), (second, _)] = [(); 2].map(|()| ring.create(owner()).unwrap());
        let one = ring.unwrap(owner(), &first).unwrap();
        let two = ring.unwrap(owner(), &second).unwrap();
        let sealed = one.sealer.seal([1; 24], b"here", b"a value").unwrap();
        assert!(two.sealer.open(b"here", &sealed).is_err());
    }

    #[test]
    fn without_the_right_provider_the_error_names_the_project() {
        let (wrapped, _) = ring(1, true).create(owner()).unwrap();
        for other in [ring(2, true), Keyring::new(&StoreOptions::default())] {
            let error = other.unwrap(owner(), &wrapped).unwrap_err();
            let KeyOwner::Project(expected) = owner() else { unreachable!() };
            assert!(matches!(&error, StoreError::Key { project, .. } if *project == expected), "{error}");
        }
        let nobody = Keyring::new(&StoreOptions::default());
        assert!(matches!(nobody.create(owner()).unwrap_err(), StoreError::NoKeys(_)));
    }
}
