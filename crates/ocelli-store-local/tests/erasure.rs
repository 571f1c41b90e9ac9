//! What was erased is in no byte of the directory, however the records around it came and went.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod moment;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocelli_core::{
    Affected, Erased, ErasureStatus, ImageId, Limits, Metadata, Origin, PredictionId, ProjectId, TagId,
    TagUpdate,
};
use ocelli_keys::{KeyProvider, Keys};
use ocelli_retention::{SweepOptions, receipt, sweep};
use ocelli_store::conformance::control::day;
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::{Applied, Change, CheckOptions, FeatureKey, ManualClock, StoreOptions};
use ocelli_store_local::LocalStore;
use proptest::prelude::*;

use moment::options;

/// What every marker begins with; six digits follow.
const MARK: &str = "#MARK";

fn mark(number: u32) -> String {
    format!("{MARK}{number:06}")
}

/// A marker and so much behind it.
fn long(number: u32, length: usize) -> String {
    mark(number) + &"-".repeat(length)
}

/// The markers that the files of a directory hold, by number, and the files.
fn held(folder: &Path) -> BTreeMap<u32, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(held(&path));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for (start, _) in bytes.windows(MARK.len()).enumerate().filter(|(_, part)| *part == MARK.as_bytes()) {
            let digits = bytes.get(start + MARK.len()..start + MARK.len() + 6).unwrap_or_default();
            if let Some(number) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
                found.insert(number, path.clone());
            }
        }
    }
    found
}

/// One thing whose content has markers.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Image(ImageId),
    Tag(TagId),
    Prediction(PredictionId),
}

struct Stage {
    scene: Scene,
    directory: tempfile::TempDir,
    /// What there is, and the marker that each has in all its parts.
    things: Vec<(Thing, u32)>,
    next: u32,
}

fn open(directory: &Path, first_id: u32) -> Scene {
    let limits = Limits { tags_per_project: 5000, ..Limits::default() };
    let store = Arc::new(LocalStore::open(directory, options(limits)).unwrap());
    Scene::over(store, ProjectId::new(at(0), [0; 10]), first_id)
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let scene = open(directory.path(), 1);
        scene.apply(scene.creation(scene.project, 0));
        Self { scene, directory, things: Vec::new(), next: 0 }
    }

    fn add(&mut self, kind: u8, length: usize) {
        let number = self.next;
        self.next += 1;
        let thing = match kind % 4 {
            0 | 1 => {
                let mut new = self.scene.new_image(long(number, length * 20).as_bytes(), &[]);
                new.image.origin = Origin::Upload { name: Some(long(number, length % 200)) };
                let entry = (mark(number), long(number, length % 200));
                new.image.metadata = Metadata::new(BTreeMap::from([entry])).unwrap();
                let image = self.scene.add(vec![new]).remove(0).unwrap().image.id;
                // The bytes of a marker as numbers that are kept as bytes.
                let text = long(number, length.next_multiple_of(4) * 6 + 1);
                let numbers = text.as_bytes().as_chunks::<4>().0.iter();
                let features = numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect();
                let (project, key) = (self.scene.project, FeatureKey::f32("base"));
                self.scene.apply(Change::CacheFeatures { project, key, features: vec![(image, features)] });
                Thing::Image(image)
            }
            2 => Thing::Tag(self.scene.tag(&long(number, length % 200))),
            _ => {
                let mut answer = self.scene.answer(i64::from(number), &[(TagId::new(at(0), [3; 10]), 0.5)]);
                answer.application = Some(name(&long(number, length % 200)));
                answer.prediction.predictions[0].tag_name = name(&mark(number));
                Thing::Prediction(self.scene.keep(&answer, long(number, length).as_bytes()))
            }
        };
        self.things.push((thing, number));
    }

    fn erasure(&self, thing: Thing) -> Change {
        match thing {
            Thing::Image(image) => self.scene.deletion_of_images(&[image]),
            Thing::Tag(tag) => self.scene.deletion_of_tag(tag),
            Thing::Prediction(prediction) => Change::DeletePredictions {
                project: self.scene.project,
                predictions: vec![prediction],
                at: at(1),
            },
        }
    }

    fn erase(&mut self, pick: usize) {
        if self.things.is_empty() {
            return;
        }
        let (thing, number) = self.things.swap_remove(pick % self.things.len());
        match self.scene.apply(self.erasure(thing)) {
            Applied::Erased(erasure) => assert_eq!(erasure.status, ErasureStatus::Complete),
            other => panic!("{other:?}"),
        }
        assert!(!held(self.directory.path()).contains_key(&number), "{thing:?} {number}");
    }

    /// Nothing is held but what is there, and all of that is.
    fn check(&self) {
        let held = held(self.directory.path());
        let there: Vec<u32> = self.things.iter().map(|(_, number)| *number).collect();
        let stray: Vec<_> = held.iter().filter(|(number, _)| !there.contains(number)).collect();
        assert!(stray.is_empty(), "{stray:?}");
        assert!(there.iter().all(|number| held.contains_key(number)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("OCELLI_ERASURE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Long enough that the b-trees grow and shrink by several pages.
    #[test]
    fn records_that_came_and_went_leave_nothing(
        steps in proptest::collection::vec((any::<u8>(), 0_usize..400, any::<u16>()), 500..700),
    ) {
        let mut stage = Stage::new();
        for (number, (kind, length, pick)) in steps.into_iter().enumerate() {
            // More come than go at first, and more go than come later.
            if kind % 5 < if number < 300 { 4 } else { 2 } {
                stage.add(kind / 5, length);
            } else {
                stage.erase(usize::from(pick));
            }
        }
        stage.check();
    }
}

#[test]
fn a_value_that_was_replaced_is_gone() {
    let mut stage = Stage::new();
    (0..40).for_each(|kind| stage.add(kind, 100));
    let secret = long(900_000, 100);
    let tag = stage.scene.tag(&secret);
    let image = stage.scene.image(b"x", &[]);
    let metadata = |text: &str| Metadata::new(BTreeMap::from([("who".to_owned(), text.to_owned())])).unwrap();
    let change = |metadata| Change::SetMetadata { project: stage.scene.project, image, metadata, at: at(3) };
    stage.scene.apply(change(metadata(&secret)));
    assert!(held(stage.directory.path()).contains_key(&900_000));
    stage.scene.apply(change(metadata("another")));
    let update = TagUpdate { name: Some(name("another")), ..TagUpdate::default() };
    stage.scene.apply(Change::UpdateTag { project: stage.scene.project, tag, update });
    stage.check();
}

#[test]
fn features_of_an_erased_calibration_go_however_many_there_are() {
    let stage = Stage::new();
    let (scene, project) = (&stage.scene, stage.scene.project);
    let images: Vec<ImageId> = (0..1100_u32).map(|number| scene.image(&number.to_be_bytes(), &[])).collect();
    scene.apply(scene.calibrating_on("base", 1, &images[..2]));
    let key = FeatureKey::int8("base", Scene::calibration(1).fingerprint);
    let secret = long(900_002, 65);
    let numbers = secret.as_bytes().as_chunks::<4>().0.iter();
    let features: Vec<f32> = numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect();
    for images in images.chunks(100) {
        let features = images.iter().map(|image| (*image, features.clone())).collect();
        scene.apply(Change::CacheFeatures { project, key: key.clone(), features });
    }
    assert!(held(stage.directory.path()).contains_key(&900_002));
    assert!(scene.erase(scene.deletion_of_images(&images[..1])).status.is_complete());
    assert_eq!(scene.store.features(project, &key, &images[1..3]).unwrap(), [None, None]);
    stage.check();
}

#[test]
fn an_erased_project_is_gone_whole() {
    let mut stage = Stage::new();
    (0..600).for_each(|number: u32| stage.add(number as u8, number as usize % 300));
    let tag = stage.scene.tag("oak");
    let image = stage.scene.image(b"x", &[tag]);
    let iteration = stage.scene.complete_on(1, &[(image, tag)]);
    stage.scene.apply(stage.scene.publication(iteration, "live", false));
    let project = stage.scene.project;
    let erasure = stage.scene.erase(Change::EraseProject { project, at: at(50) });
    assert_eq!(erasure.status, ErasureStatus::Complete);
    assert_eq!(held(stage.directory.path()), BTreeMap::new());
    for folder in ["blobs", "damaged", "staging"] {
        let left: Vec<_> = fs::read_dir(stage.directory.path().join(folder)).unwrap().collect();
        let expected = if folder == "staging" { 2 } else { 0 };
        assert_eq!(left.len(), expected, "{folder}: {left:?}");
    }
}

/// They go in steps, and are counted as they go: the erasure is complete with the last of them, and its receipt has all.
#[test]
fn what_goes_with_a_project_is_in_its_receipt() {
    for swept in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let scene = open(folder.path(), 1);
        scene.apply(scene.creation(scene.project, 0));
        let ones = [0, 1].map(|number| scene.one_made_on(number, "ann"));
        let project = scene.project;
        let keys = Keys::from_random([1; 64]);
        let later = day(100);
        let operation = if swept {
            scene.apply(Change::DeleteProject { project, at: day(2) });
            drop(scene);
            let clock = Arc::new(ManualClock::new(later));
            let options = StoreOptions { clock, ..StoreOptions::default() };
            let store = LocalStore::open(folder.path(), options).unwrap();
            let swept = sweep(&store, None, later, &SweepOptions::default(), &|| later).unwrap();
            assert!(swept.erased == 1 && swept.status.is_complete(), "{swept:?}");
            swept.operations[0]
        } else {
            scene.erase(Change::EraseProject { project, at: at(50) }).operation.unwrap()
        };
        let store = open(folder.path(), 1000).store;
        let receipt = receipt(&*store, Some(&keys), operation, &|| later).unwrap();
        receipt.verify(&keys.public_key().unwrap()).unwrap();
        let items = store.erased_items(operation).unwrap();
        let expected = ones.iter().flat_map(|one| {
            [
                Erased::Image(one.image),
                Erased::Prediction(one.prediction),
                Erased::Iteration(one.iteration),
                Erased::Export(one.export),
            ]
        });
        let mut expected: Vec<_> = expected.chain([Erased::Project(project)]).collect();
        expected.sort_unstable();
        let mut listed: Vec<_> = items.iter().map(|item| item.record.erased).collect();
        listed.sort_unstable();
        assert_eq!(listed, expected, "swept: {swept}");
        assert_eq!(store.operations(0, 10).unwrap().last().unwrap().count, expected.len() as u64);
        // A copy that erases the project again needs no more than that.
        assert_eq!(store.erasures(at(0)).unwrap().len(), 1);
    }
}

#[test]
fn what_another_reads_is_pending_until_it_has_ended() {
    let mut stage = Stage::new();
    (0..40).for_each(|kind| stage.add(kind, 100));
    let reader = rusqlite::Connection::open(stage.directory.path().join("ocelli.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM images").unwrap();
    let (thing, number) = stage.things.remove(0);
    let erasure = stage.scene.erase(stage.erasure(thing));
    assert_eq!(erasure.status, ErasureStatus::ErasurePending);
    assert!(matches!(thing, Thing::Image(_)));
    assert!(held(stage.directory.path()).contains_key(&number), "the reader sees the older state");
    assert_eq!(stage.scene.store.finish_erasures().unwrap(), ErasureStatus::ErasurePending);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(stage.scene.store.finish_erasures().unwrap(), ErasureStatus::Complete);
    stage.check();
}

#[test]
fn what_was_pending_when_a_handle_went_is_completed_by_the_next() {
    let mut stage = Stage::new();
    (0..40).for_each(|kind| stage.add(kind, 100));
    let reader = rusqlite::Connection::open(stage.directory.path().join("ocelli.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM images").unwrap();
    let (thing, _) = stage.things.remove(0);
    let erasure = stage.scene.erase(stage.erasure(thing));
    assert!(!erasure.status.is_complete());
    reader.execute_batch("COMMIT").unwrap();
    stage.scene = open(stage.directory.path(), 1_000_000);
    stage.check();
}

#[test]
fn what_was_pending_is_completed_by_any_next_change_of_any_handle() {
    let mut stage = Stage::new();
    (0..40).for_each(|kind| stage.add(kind, 100));
    let other = open(stage.directory.path(), 1_000_000);
    let reader = rusqlite::Connection::open(stage.directory.path().join("ocelli.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM images").unwrap();
    let (thing, _) = stage.things.remove(0);
    assert!(!stage.scene.erase(stage.erasure(thing)).status.is_complete());
    drop(reader);
    other.image(b"x", &[]);
    stage.check();
}

/// Handles of their own, as processes would have them.
#[test]
fn handles_that_add_and_erase_at_once_leave_a_sound_database_and_nothing_erased() {
    let rounds = std::env::var("OCELLI_ERASURE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_u32);
    let first = Stage::new();
    let path = first.directory.path();
    let work = |number: u32| {
        let mut stage = Stage {
            scene: open(path, number * 1_000_000),
            directory: tempfile::tempdir().unwrap(),
            things: Vec::new(),
            next: number * 100_000,
        };
        let mut pick = u64::from(number);
        for _ in 0..rounds * 120 {
            // Knuth's linear congruential generator for 64 bits.
            pick = pick.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let choice = (pick >> 40) as usize;
            if choice % 5 < 3 {
                stage.add((choice % 251) as u8, choice % 300);
            } else if !stage.things.is_empty() {
                let (thing, _) = stage.things.swap_remove(choice % stage.things.len());
                // Others may be reading: it may be pending.
                drop(stage.scene.erase(stage.erasure(thing)));
            }
        }
        stage.things
    };
    let things: Vec<(Thing, u32)> = std::thread::scope(|threads| {
        let started: Vec<_> = (1..=3).map(|number| threads.spawn(move || work(number))).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(first.scene.store.finish_erasures().unwrap(), ErasureStatus::Complete);
    let report = first.scene.store.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound() && report.unowned == 0, "{report:?}");
    let held: Vec<u32> = held(first.directory.path()).into_keys().collect();
    let mut there: Vec<u32> = things.iter().map(|(_, number)| *number).collect();
    there.sort_unstable();
    assert_eq!(held, there);
}

/// Whoever erased has been killed, and nobody opens or erases: those who only add go on with it.
#[test]
fn what_a_killed_process_had_erased_goes_with_the_next_upload() {
    let mut stage = Stage::new();
    (0..40).for_each(|kind| stage.add(kind, 100));
    let project = ProjectId::new(at(0), [1; 10]);
    stage.scene.apply(stage.scene.creation(project, 0));
    let other = Scene::over(Arc::clone(&stage.scene.store), project, 2_000_000);
    let secret = long(900_003, 50);
    for number in 0..40 {
        other.image(format!("{secret}{number}").as_bytes(), &[]);
    }
    // As far as the process came: the record is marked, and nothing of it has gone.
    let database = rusqlite::Connection::open(stage.directory.path().join("ocelli.sqlite")).unwrap();
    database.execute("UPDATE projects SET erased = 1 WHERE id = ?1", [project.to_string()]).unwrap();
    drop(database);
    assert!(held(stage.directory.path()).contains_key(&900_003));
    stage.scene.image(b"x", &[]);
    stage.check();
    assert!(!stage.directory.path().join("blobs").join(project.to_string()).exists());
}

#[test]
fn erasing_what_an_iteration_was_trained_on_can_take_it_along() {
    let stage = Stage::new();
    let secret = long(900_001, 60);
    let tag = stage.scene.tag(&secret);
    let image = stage.scene.image(secret.as_bytes(), &[tag]);
    let mut trained = Scene::trained_on(1, &[(image, tag)]);
    trained.manifest.evaluation.tags[0].name = name(&secret);
    trained.model = secret.clone().into_bytes();
    let iteration = stage.scene.complete_with(trained);
    stage.scene.export(iteration, &[("model.onnx", secret.as_bytes())]);
    let change = |affected| Change::DeleteTag { project: stage.scene.project, tag, affected, at: at(60) };
    let erasure = stage.scene.erase(change(Affected::Delete));
    assert_eq!(erasure.iterations[0].id, iteration);
    let erasure = stage.scene.erase(stage.scene.deletion_of_images(&[image]));
    assert!(erasure.iterations.is_empty() && erasure.status.is_complete());
    stage.check();
}
