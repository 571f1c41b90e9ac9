//! Listening to how long the store keeps others from changing it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::Outcome;

/// The target of what the local store says at the end of each turn at writing. Each write transaction lies within one.
const TARGET: &str = "ocelli_store_local::writing";

/// The turns that the store's handles have had at writing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writing(Arc<Mutex<Vec<Duration>>>);

/// How many turns there were, and how long they lasted.
#[derive(Debug)]
pub(crate) struct Turns(Vec<Duration>);

impl Writing {
    pub(crate) fn install() -> Outcome<Self> {
        let writing = Self::default();
        tracing::subscriber::set_global_default(writing.clone())?;
        Ok(writing)
    }

    pub(crate) fn forget(&self) {
        self.times().clear();
    }

    pub(crate) fn turns(&self) -> Turns {
        let mut times = self.times().clone();
        times.sort_unstable();
        Turns(times)
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |share: f64| {
            let index = (self.0.len().saturating_sub(1) as f64 * share) as usize;
            self.0.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        let all = self.0.iter().sum::<Duration>().as_secs_f64();
        write!(
            f,
            "{} turns at writing, {all:.2} s in all, half of them at most {:.1} ms, 99 in 100 {:.1} ms, the longest {:.1} ms",
            self.0.len(),
            at(0.5),
            at(0.99),
            at(1.0),
        )
    }
}

impl Subscriber for Writing {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Turn(self));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Turn<'w>(&'w Writing);

impl Visit for Turn<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "micros" {
            self.0.times().push(Duration::from_micros(value));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
