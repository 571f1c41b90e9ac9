//! Stores to run a test on, and projects in them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ocelli::{
    IterationHandle, ManualClock, NewProject, Ocelli, OpenOptions, ProjectHandle, Random, TagId, Timestamp,
    TrainOptions, Upload,
};
use tempfile::TempDir;

use crate::photos::{drawn, real_files};

/// A store in memory or in a directory that is removed afterwards, with a clock that the test moves.
#[derive(Debug)]
pub struct Scene {
    /// The opened store.
    pub ocelli: Ocelli,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    directory: Option<TempDir>,
}

impl Scene {
    /// Everything in memory.
    pub fn in_memory() -> Self {
        Self::in_memory_with(OpenOptions::new())
    }

    /// Everything in memory, opened in this way; the clock is the scene's.
    pub fn in_memory_with(options: OpenOptions) -> Self {
        let clock = clock();
        let ocelli = options.clock(clock.clone()).in_memory().unwrap();
        Self { ocelli, clock, directory: None }
    }

    /// A fresh data directory.
    pub fn in_directory() -> Self {
        Self::in_directory_with(OpenOptions::new())
    }

    /// A fresh data directory, opened in this way; the clock is the scene's.
    pub fn in_directory_with(options: OpenOptions) -> Self {
        let (clock, directory) = (clock(), TempDir::new().unwrap());
        let ocelli = options.clock(clock.clone()).open(directory.path()).unwrap();
        Self { ocelli, clock, directory: Some(directory) }
    }

    /// Where the data lies.
    pub fn path(&self) -> &Path {
        self.directory.as_ref().expect("the scene is in memory").path()
    }

    /// Moves the clock by so many days.
    pub fn pass_days(&self, days: i64) {
        self.clock.set(ocelli::Clock::now(&self.clock).plus_days(days));
    }

    /// Moves the clock by so many milliseconds.
    pub fn pass_millis(&self, millis: i64) {
        self.clock.set(Timestamp::from_millis(ocelli::Clock::now(&self.clock).as_millis() + millis));
    }
}

/// A moment in 2026.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_780_000_000_000)))
}

/// Runs a test in memory, then in a data directory.
pub fn in_both(test: impl Fn(&Scene)) {
    test(&Scene::in_memory());
    test(&Scene::in_directory());
}

/// Bytes that repeat with the seed: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// The bytes of this seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> std::io::Result<()> {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        for chunk in buffer.chunks_mut(8) {
            let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Makes a tag and adds drawn photos with these numbers to it.
pub fn label(project: &ProjectHandle, tag: &str, numbers: impl IntoIterator<Item = u8>) -> TagId {
    let tag = project.create_tag(tag).unwrap().id;
    let photos = numbers.into_iter().map(|number| Upload::bytes(drawn(number)).tag(tag));
    assert!(project.add_files(photos).unwrap().is_batch_successful());
    tag
}

/// Makes a tag named after one of the kinds of real photos, and adds so many of them to it.
pub fn label_real(project: &ProjectHandle, tag: &str, count: usize) -> TagId {
    let id = project.create_tag(tag).unwrap().id;
    let photos = real_files(tag).into_iter().take(count).map(|file| Upload::file(file).tag(id));
    let added = project.add_files(photos).unwrap();
    assert!(added.is_batch_successful() && added.results.len() == count, "{added:?}");
    id
}

/// A multiclass project of two tags with six drawn photos each.
pub fn trainable(ocelli: &Ocelli) -> ProjectHandle {
    let project = ocelli.create_project(NewProject::new("stripes").multiclass()).unwrap();
    label(&project, "upright", (0..12).step_by(2));
    label(&project, "level", (1..12).step_by(2));
    project
}

/// That project, trained.
pub fn trained(ocelli: &Ocelli) -> (ProjectHandle, IterationHandle) {
    let project = trainable(ocelli);
    let iteration = project.train(&TrainOptions::default()).unwrap();
    (project, iteration)
}
