//! The scenario on the simulated disk, and what must hold there at any moment.

use std::sync::{Arc, OnceLock};

use ocelli_core::{ErasureStatus, ProjectId};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{Applied, Change, CheckOptions, Store, StoreError};

use super::answers::{difference, everything};
use super::disk::SimulatedDisk;
use super::marker::search;
use super::scenario::{Scenario, describe, is_pending, options};
use super::script;
use super::tree::{Node, Step, Tree};
use crate::LocalStore;

/// After these acts the recorded store is closed and opened again.
const REOPENED_AFTER: [usize; 4] = [8, 30, 60, 120];

/// The scenario, played once on a healthy disk.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) scenario: Scenario,
    /// Everything that happened to the disk.
    pub(super) steps: Vec<Step>,
    /// How many steps had happened when each act was acknowledged.
    pub(super) acknowledged: Vec<usize>,
    /// What the disk held before each act and after the last, the store still being open.
    pub(super) trees: Vec<Tree>,
}

/// How many times as thorough as usual the tests are to be.
pub(super) fn rounds() -> usize {
    std::env::var("OCELLI_FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1).max(1)
}

pub(super) fn open(disk: &SimulatedDisk) -> Result<LocalStore, StoreError> {
    LocalStore::open_on(Arc::new(disk.clone()), &disk.root().join("data"), options())
}

/// The scenario as it goes when nothing fails. Each act must take away at once what it takes.
pub(super) fn recording() -> &'static Recording {
    static RECORDING: OnceLock<Recording> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let scenario = script::scenario();
        let disk = SimulatedDisk::new(Tree::default());
        disk.record();
        let mut store = open(&disk).unwrap();
        let (mut acknowledged, mut trees) = (Vec::new(), vec![disk.tree()]);
        for (number, act) in scenario.acts.iter().enumerate() {
            if REOPENED_AFTER.contains(&number) {
                drop(store);
                store = open(&disk).unwrap();
            }
            let answer = store.apply(act.change.clone());
            let context = format!("act {number}");
            assert_eq!(describe(&answer), act.answer, "{context}");
            assert!(!answer.as_ref().is_ok_and(is_pending), "{context} is pending");
            acknowledged.push(disk.recorded());
            trees.push(disk.tree());
            Check { scenario: &scenario, disk: &disk, context: &context }.marks(number + 1);
        }
        drop(store);
        Recording { steps: disk.steps(), acknowledged, trees, scenario }
    })
}

/// Something that must hold on a disk, and where the test has got to.
pub(super) struct Check<'c> {
    pub(super) scenario: &'c Scenario,
    pub(super) disk: &'c SimulatedDisk,
    pub(super) context: &'c str,
}

impl Check<'_> {
    /// The store answers as at one of these moments; gives which.
    pub(super) fn answers(&self, store: &dyn Store, moments: &[usize]) -> usize {
        let found = everything(store, &self.scenario.world);
        let moment = moments.iter().find(|moment| self.scenario.moments[**moment].answers == found);
        moment.copied().unwrap_or_else(|| {
            let expected: Vec<String> = moments
                .iter()
                .map(|moment| difference(&found, &self.scenario.moments[*moment].answers))
                .collect();
            panic!("{}: moments {moments:?}\n{}", self.context, expected.join("\nor\n"));
        })
    }

    /// The marks of this moment are on the disk and no others.
    pub(super) fn marks(&self, moment: usize) -> usize {
        let stored = &self.scenario.moments[moment].stored;
        let found = search(&self.disk.tree(), &self.scenario.traces);
        let beyond = found.beyond(stored);
        let first: Vec<_> = beyond.iter().take(8).collect();
        assert!(beyond.is_empty(), "{}: {} marks are left: {first:#?}", self.context, beyond.len());
        let missing: Vec<_> = stored.difference(&found.subjects).collect();
        assert!(missing.is_empty(), "{}: no marks of {missing:?}", self.context);
        found.count
    }

    /// The records fit the files, the files fit the records, and nothing is left on its way in.
    pub(super) fn is_sound(&self, store: &dyn Store) {
        let report = store.check(&CheckOptions::default()).unwrap();
        assert!(report.is_sound() && report.unowned == 0, "{}: {report:?}", self.context);
        let tree = self.disk.tree();
        let staged: Vec<_> = tree.below("data/staging".as_ref()).collect();
        assert_eq!(staged.len(), 2, "{}: {staged:?}", self.context);
        let damaged = tree.below("data/damaged".as_ref()).filter(|(_, node)| *node != Node::Folder).count();
        assert_eq!(damaged, 0, "{}: damaged files", self.context);
    }

    /// All that must hold of an open store on a healthy disk.
    pub(super) fn everything(&self, store: &dyn Store, moments: &[usize]) -> (usize, usize) {
        let finished = store.finish_erasures();
        assert!(matches!(finished, Ok(ErasureStatus::Complete)), "{}: {finished:?}", self.context);
        self.settled(store, moments)
    }

    /// The same, the erasures being finished already. Gives the moment and how many marks were found.
    pub(super) fn settled(&self, store: &dyn Store, moments: &[usize]) -> (usize, usize) {
        let moment = self.answers(store, moments);
        self.is_sound(store);
        (moment, self.marks(moment))
    }

    /// A project can still be made, filled and erased.
    pub(super) fn is_usable(&self, store: Arc<dyn Store>) {
        const MARK: &[u8] = b"a photo of the last project";
        let project = ProjectId::new(at(90), [90; 10]);
        let scene = Scene::over(Arc::clone(&store), project, 9_000);
        let context = self.context;
        store.apply(scene.creation(project, 90)).unwrap_or_else(|error| panic!("{context}: {error}"));
        let images = vec![scene.new_image(MARK, &[])];
        let image = images[0].image.id;
        let added = store.apply(Change::AddImages { project, images });
        assert!(matches!(&added, Ok(Applied::Images(added)) if added[0].is_ok()), "{context}: {added:?}");
        assert_eq!(store.image_bytes(project, image).unwrap(), MARK, "{context}");
        let erased = store.apply(Change::EraseProject { project, at: at(91) });
        assert!(erased.as_ref().is_ok_and(|erased| !is_pending(erased)), "{context}: {erased:?}");
        let left = self.disk.tree().files().any(|(_, bytes)| memchr::memmem::find(bytes, MARK).is_some());
        assert!(!left, "{context}: the last project's photo is left");
    }
}
