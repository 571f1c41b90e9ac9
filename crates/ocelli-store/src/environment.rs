//! What a store and its host are given from outside: the time, and random bytes.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use ocelli_core::Timestamp;

/// Tells the time. Expiry and the order of records depend on it, so a host may bring its own.
pub trait Clock: Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// So that whoever moves a clock can keep a handle to it.
impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A clock that stands still until it is moved, for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows this moment.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Makes the clock show this moment.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A source of random bytes, for ids and keys. It must not be predictable where photos are to stay private: a
/// project's key comes from it.
pub trait Random: Debug + Send + Sync {
    /// Fills the buffer, or says why it cannot.
    fn fill(&self, buffer: &mut [u8]) -> std::io::Result<()>;
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> std::io::Result<()> {
        getrandom::fill(buffer).map_err(std::io::Error::other)
    }
}
