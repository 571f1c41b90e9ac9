//! A sequence of changes of every kind, and what holds after each.

use std::collections::BTreeSet;
use std::sync::Arc;

use ocelli_core::{ErasureStatus, ProjectId};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{Applied, Change, ContentKey, ManualClock, MemoryStore, Store, StoreError, StoreOptions};

use super::answers::{World, everything};
use super::marker::{Subject, Trace};

/// One change, and what is to come of it.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) change: Change,
    /// The answer, as the store in memory gives it.
    pub(super) answer: String,
}

/// What holds at one moment.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// What the store answers to all questions.
    pub(super) answers: Vec<String>,
    /// Whose marks are stored; no other may be on the disk.
    pub(super) stored: BTreeSet<Subject>,
}

/// The changes, and the moments before, between and after them: one more than there are changes.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) acts: Vec<Act>,
    pub(super) moments: Vec<Moment>,
    pub(super) traces: Vec<Trace>,
    pub(super) world: World,
}

/// Writes a scenario by playing it on a store in memory.
pub(super) struct Author {
    pub(super) scene: Scene,
    pub(super) world: World,
    memory: Arc<MemoryStore>,
    changes: Vec<(Change, String)>,
    stored: Vec<BTreeSet<Subject>>,
    traces: Vec<Trace>,
}

impl Author {
    pub(super) fn new(project: ProjectId) -> Self {
        let memory = Arc::new(MemoryStore::new(options()));
        let scene = Scene::over(Arc::clone(&memory) as Arc<dyn Store>, project, 1);
        let (changes, stored) = (Vec::new(), vec![BTreeSet::new()]);
        Self { scene, world: World::default(), memory, changes, stored, traces: Vec::new() }
    }

    /// Adds a change, with the subjects whose marks it brings and those whose marks it takes away.
    pub(super) fn act(&mut self, change: Change, brings: &[&str], takes: &[&str]) {
        let answer = describe(&self.memory.apply(change.clone()));
        let mut stored = self.stored.last().cloned().unwrap_or_default();
        stored.extend(brings.iter().map(|subject| (*subject).to_owned()));
        for subject in takes {
            assert!(stored.remove(*subject), "{subject} is not there to be taken away");
        }
        self.changes.push((change, answer));
        self.stored.push(stored);
    }

    /// Bytes that tell of a subject.
    pub(super) fn trace(&mut self, subject: &str, bytes: Vec<u8>) {
        self.traces.push(Trace { subject: subject.to_owned(), bytes });
    }

    /// The name that bytes get in the data directory, in both its forms.
    pub(super) fn trace_content(&mut self, key: &ContentKey, subject: &str, bytes: &[u8]) {
        let hash = key.hash(bytes);
        self.trace(subject, hash.as_bytes().to_vec());
        self.trace(subject, hash.to_string().into_bytes());
    }

    pub(super) fn finish(self) -> Scenario {
        let replayed = MemoryStore::new(options());
        let mut answers = vec![everything(&replayed, &self.world)];
        let mut acts = Vec::new();
        for (change, answer) in self.changes {
            assert_eq!(describe(&replayed.apply(change.clone())), answer);
            answers.push(everything(&replayed, &self.world));
            acts.push(Act { change, answer });
        }
        let moments = answers.into_iter().zip(self.stored);
        let moments = moments.map(|(answers, stored)| Moment { answers, stored }).collect();
        Scenario { acts, moments, traces: self.traces, world: self.world }
    }
}

impl Scenario {
    /// What the store would answer after these many changes and one more.
    pub(super) fn answers_after(&self, acts: usize, change: &Change) -> Vec<String> {
        let memory = MemoryStore::new(options());
        for act in &self.acts[..acts] {
            // Some are refused.
            let _ = memory.apply(act.change.clone());
        }
        memory.apply(change.clone()).unwrap();
        everything(&memory, &self.world)
    }
}

/// Of a store that stands at one moment.
pub(super) fn options() -> StoreOptions {
    StoreOptions { clock: Arc::new(ManualClock::new(at(100))), ..StoreOptions::default() }
}

/// An answer in words. Whether an erasure is still pending is for each store to say.
pub(super) fn describe(answer: &Result<Applied, StoreError>) -> String {
    match answer {
        Ok(Applied::Erased(erasure)) => format!("erased {:?}", erasure.iterations),
        answer => format!("{answer:?}"),
    }
}

/// Whether an answer says that bytes of an erasure are left.
pub(super) fn is_pending(answer: &Applied) -> bool {
    matches!(answer, Applied::Erased(erasure) if erasure.status == ErasureStatus::ErasurePending)
}

/// Whether an answer says that no byte of an erasure is left.
pub(super) fn is_complete(answer: &Applied) -> bool {
    matches!(answer, Applied::Erased(erasure) if erasure.status == ErasureStatus::Complete)
}
