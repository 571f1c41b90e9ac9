use std::sync::Arc;

use ocelli_core::Limits;
use ocelli_keys::KeyProvider;

use crate::{Clock, Random, SystemClock, SystemRandom};

/// What a store is opened with.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The limits that hold for this handle's changes.
    pub limits: Limits,
    /// Tells what is due.
    pub clock: Arc<dyn Clock>,
    /// Makes the account's id and keys, and the nonces of what is encrypted.
    pub random: Arc<dyn Random>,
    /// Wraps the keys of encrypted projects; without it they cannot be read.
    pub keys: Option<Arc<dyn KeyProvider>>,
    /// Whether projects that are made are encrypted at rest.
    pub encrypt: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            keys: None,
            encrypt: false,
        }
    }
}

impl From<Limits> for StoreOptions {
    fn from(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}
