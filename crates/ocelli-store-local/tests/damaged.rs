//! Rows that cannot be read: they stop no sweep and no request, and are erased by their ids.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

use std::path::Path;
use std::sync::Arc;

use ocelli_core::{
    Affected, AffectedOutcome, DataClass, Erased, ErasureReason, ErasureRecord, ImageId, ProjectUpdate,
    RetentionRule,
};
use ocelli_retention::{SweepOptions, Swept, find_person, plan, sweep};
use ocelli_store::conformance::control::{One, day, who};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{
    Change, CheckOptions, FeatureKey, ItemOutcome, ManualClock, ProjectState, StoreError, StoreOptions,
    UsedPrediction,
};
use ocelli_store_local::LocalStore;
use tempfile::TempDir;

fn open(folder: &Path, days: i64, first_id: u32) -> Scene {
    let options = StoreOptions { clock: Arc::new(ManualClock::new(day(days))), ..StoreOptions::default() };
    let store = Arc::new(LocalStore::open(folder, options).unwrap());
    Scene::over(store, ocelli_core::ProjectId::new(at(0), [0; 10]), first_id)
}

/// Everything that one has of a person, and of another.
fn world() -> (TempDir, [One; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let scene = open(folder.path(), 0, 1);
    scene.apply(scene.creation(scene.project, 0));
    let ones = ["ann", "bob"].map(|person| scene.one_made_on(0, person));
    (folder, ones)
}

/// Photos and kept predictions for ten days.
fn expiring(scene: &Scene) {
    scene.set_policy(|policy| {
        let days = RetentionRule::days(10);
        (policy.training_photos, policy.prediction_photos, policy.prediction_results) = (days, days, days);
    });
}

fn damage(folder: &Path, sql: &str) {
    let database = rusqlite::Connection::open(folder.join("ocelli.sqlite")).unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    assert_eq!(database.execute(sql, ()).unwrap(), 1, "{sql}");
}

/// The columns of a photo and of a kept prediction that are not what they should be, of the first.
fn damages(one: &One) -> Vec<String> {
    let (image, prediction) = (one.image, one.prediction);
    let of = |table: &str, column: &str, value: &str, id: String| {
        format!("UPDATE {table} SET {column} = {value} WHERE id = '{id}'")
    };
    vec![
        of("images", "metadata", "'no JSON'", image.to_string()),
        of("images", "origin", "'no JSON'", image.to_string()),
        of("images", "salt", "x'00'", image.to_string()),
        format!("UPDATE regions SET width = -1.0 WHERE image = '{image}'"),
        of("predictions", "metadata", "'no JSON'", prediction.to_string()),
        of("predictions", "results", "'no JSON'", prediction.to_string()),
        of("predictions", "salt", "x'00'", prediction.to_string()),
    ]
}

fn swept(scene: &Scene) -> Swept {
    sweep(&*scene.store, None, day(20), &SweepOptions::default(), &|| day(20)).unwrap()
}

#[test]
fn a_sweep_takes_damaged_rows_along() {
    let (_, [one, _]) = world();
    for sql in damages(&one) {
        let (folder, ones) = world();
        damage(folder.path(), &sql);
        let scene = open(folder.path(), 20, 1000);
        expiring(&scene);
        let done = swept(&scene);
        assert_eq!((done.erased, done.passed_over, done.held), (4, 0, 0), "{sql}: {done:?}");
        assert!(done.status.is_complete());
        for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::PredictionResult] {
            assert!(scene.items(class).is_empty(), "{sql}");
        }
        // The exports stay.
        let report = scene.store.check(&CheckOptions::default()).unwrap();
        assert_eq!((report.files, report.unowned), (1, 0), "{sql}: {report:?}");
        let items = scene.store.erased_items(done.operations[0]).unwrap();
        assert!(items.iter().any(|item| item.record.erased == Erased::Image(ones[0].image)), "{sql}");
    }
}

#[test]
fn a_damaged_row_is_deleted_by_its_id() {
    let (_, [one, _]) = world();
    for sql in damages(&one) {
        let (folder, [one, other]) = world();
        damage(folder.path(), &sql);
        let scene = open(folder.path(), 1, 1000);
        let _ = scene.erase(scene.deletion_of_images(&[one.image, other.image]));
        let _ = scene.erase(scene.deletion_of_predictions(&[one.prediction, other.prediction]));
        assert!(scene.items(DataClass::TrainingPhoto).is_empty(), "{sql}");
        assert!(scene.items(DataClass::PredictionPhoto).is_empty(), "{sql}");
    }
}

/// Whatever holds by metadata may be about it; a hold on something else is not.
#[test]
fn a_damaged_row_is_kept_by_holds_that_may_be_about_it() {
    let (folder, [one, other]) = world();
    for sql in [
        format!("UPDATE images SET metadata = 'no JSON' WHERE id = '{}'", one.image),
        format!("UPDATE predictions SET metadata = 'no JSON' WHERE id = '{}'", one.prediction),
    ] {
        damage(folder.path(), &sql);
    }
    let scene = open(folder.path(), 1, 1000);
    expiring(&scene);
    let beside = scene.hold_image(other.image);
    let person = scene.hold_person(None, "cid");
    drop(scene);
    let scene = open(folder.path(), 20, 2000);
    let planned = plan(&*scene.store, day(20), 100).unwrap();
    assert_eq!((planned.items().len(), planned.held()), (1, 3), "{planned:?}");
    let requested = |item| (item, ErasureReason::Requested);
    let items = [Erased::Image(one.image), Erased::Prediction(one.prediction)].map(requested);
    assert_eq!(scene.erase_items(&items), [(); 2].map(|()| ItemOutcome::Held(vec![person])));
    assert_eq!(swept(&scene).erased, 1);
    match scene.refuse(scene.erasure_of_project()) {
        StoreError::Held { holds, .. } => assert_eq!(holds, [beside, person]),
        error => panic!("{error}"),
    }
    scene.release(person);
    assert_eq!(swept(&scene).erased, 2);
    assert_eq!(scene.items(DataClass::TrainingPhoto).len(), 1);
}

/// It may show whom the request is about.
#[test]
fn a_request_about_a_person_names_what_it_could_not_read() {
    let (folder, [one, other]) = world();
    damage(folder.path(), &format!("UPDATE images SET metadata = 'no JSON' WHERE id = '{}'", one.image));
    let scene = open(folder.path(), 1, 1000);
    let found = find_person(&*scene.store, &who("bob")).unwrap();
    let items: Vec<_> = found.items.iter().map(|item| item.item).collect();
    assert_eq!(items, [Erased::Image(other.image), Erased::Prediction(other.prediction)]);
    assert_eq!(found.damaged, [(scene.project, Erased::Image(one.image))]);
    let erased =
        ocelli_retention::erase_person(&*scene.store, &who("bob"), Affected::Keep, &|| day(1)).unwrap();
    assert_eq!((erased.erased.len(), erased.damaged), (2, found.damaged));
    assert_eq!(scene.items(DataClass::TrainingPhoto).len(), 1);
}

/// Only what tells it from others is asked for, and its features go with it.
#[test]
fn a_damaged_calibration_keeps_no_photo_from_going() {
    for by_sweep in [false, true] {
        let (folder, [one, other]) = world();
        let scene = open(folder.path(), 0, 500);
        scene.apply(scene.calibrating_on("base", 1, &[one.image]));
        let key = FeatureKey::int8("base", Scene::calibration(1).fingerprint);
        let features = vec![(other.image, vec![0.5])];
        scene.apply(Change::CacheFeatures { project: scene.project, key: key.clone(), features });
        let has =
            |scene: &Scene| scene.store.features(scene.project, &key, &[other.image]).unwrap()[0].is_some();
        assert!(has(&scene));
        drop(scene);
        damage(folder.path(), "UPDATE calibrations SET data = 'no data'");
        let scene = open(folder.path(), if by_sweep { 20 } else { 1 }, 1000);
        if by_sweep {
            let days = RetentionRule::days(10);
            scene.set_policy(|policy| policy.training_photos = days);
            assert_eq!(swept(&scene).erased, 2);
            assert!(scene.items(DataClass::TrainingPhoto).is_empty());
        } else {
            let _ = scene.erase(scene.deletion_of_images(&[one.image]));
            assert!(!has(&scene));
        }
        assert_eq!(scene.store.calibration(scene.project, "base").unwrap(), None);
    }
}

/// What else a copy still has goes again.
#[test]
fn erasures_are_done_again_around_what_is_damaged() {
    let (folder, [one, other]) = world();
    for sql in [
        format!("UPDATE images SET metadata = 'no JSON' WHERE id = '{}'", one.image),
        format!("UPDATE exports SET platform = 'none' WHERE id = '{}'", other.export),
        format!("UPDATE iterations SET status = 'no JSON' WHERE id = '{}'", one.iteration),
    ] {
        damage(folder.path(), &sql);
    }
    let scene = open(folder.path(), 1, 1000);
    let of = |erased| ErasureRecord { at: day(1), project_id: scene.project, erased };
    let too_damaged =
        [Erased::Metadata(one.image), Erased::Tag(one.tag), Erased::Export(other.export)].map(of);
    let others = [
        Erased::Image(other.image),
        Erased::Iteration(one.iteration),
        Erased::Features(one.image),
        Erased::Prediction(other.prediction),
    ]
    .map(of);
    let erasures = [&too_damaged[..], &others].concat();
    let done = scene.erase(Change::ReapplyErasures { erasures, affected: Affected::Keep });
    assert_eq!(done.refused, too_damaged);
    let erased = scene.store.erased_items(done.operation.unwrap()).unwrap();
    assert_eq!(erased.iter().map(|item| item.record).collect::<Vec<_>>(), others);
    assert!(!scene.exists(DataClass::TrainingPhoto, Erased::Image(other.image)));
    assert!(!scene.exists(DataClass::Iteration, Erased::Iteration(one.iteration)));
    assert!(scene.items(DataClass::Features).is_empty());
}

/// It stays and is told by its id, and the others become what was chosen.
#[test]
fn a_damaged_iteration_keeps_nothing_from_becoming_of_the_others() {
    let choices =
        [(Affected::Unpublish, AffectedOutcome::Unpublished), (Affected::Delete, AffectedOutcome::Deleted)];
    for (choice, outcome) in choices {
        let (folder, [one, other]) = world();
        damage(folder.path(), &format!("UPDATE iterations SET status = '' WHERE id = '{}'", one.iteration));
        damage(folder.path(), &format!("UPDATE exports SET platform = '' WHERE id = '{}'", other.export));
        let sql = format!(
            "UPDATE iterations SET publish_name = 'oak', publish_precision = 'f32' WHERE id = '{}'",
            other.iteration
        );
        damage(folder.path(), &sql);
        let scene = open(folder.path(), 20, 1000);
        scene.set_policy(|policy| policy.training_photos = RetentionRule::days(10));
        let done = sweep(&*scene.store, None, day(20), &SweepOptions::from(choice), &|| day(20)).unwrap();
        assert_eq!((done.erased, done.passed_over), (2, 0), "{done:?}");
        let mut told = done.iterations.iter();
        let mut next = || told.next().map(|told| (told.id, told.outcome, told.exports.clone()));
        assert_eq!(next(), Some((one.iteration, AffectedOutcome::Kept, vec![one.export])), "{done:?}");
        assert_eq!(next(), Some((other.iteration, outcome, vec![other.export])), "{done:?}");
        assert_eq!(next(), None);
        let there = scene.exists(DataClass::Iteration, Erased::Iteration(other.iteration));
        assert_eq!(there, choice == Affected::Unpublish);
        assert_eq!(scene.exists(DataClass::Export, Erased::Export(other.export)), there);
        assert!(scene.exists(DataClass::Iteration, Erased::Iteration(one.iteration)));
    }
}

/// Nor are the exports read that go with it.
#[test]
fn an_iteration_is_deleted_beside_one_that_is_damaged() {
    let (folder, [one, other]) = world();
    damage(folder.path(), &format!("UPDATE iterations SET status = '' WHERE id = '{}'", one.iteration));
    damage(folder.path(), &format!("UPDATE exports SET platform = '' WHERE id = '{}'", other.export));
    let scene = open(folder.path(), 1, 1000);
    let done = scene.erase(scene.deletion_of_iteration(other.iteration));
    let erased = scene.store.erased_items(done.operation.unwrap()).unwrap();
    let erased: Vec<_> = erased.iter().map(|item| item.record.erased).collect();
    assert_eq!(erased, [Erased::Export(other.export), Erased::Iteration(other.iteration)]);
    assert_eq!(scene.items(DataClass::Export).len(), 1);
}

/// A copy from before the photo was used still has it as the prediction's.
#[test]
fn a_damaged_photo_tells_which_prediction_it_was() {
    let (folder, [one, _]) = world();
    let scene = open(folder.path(), 0, 500);
    let image = ImageId::new(at(50), scene.random());
    let used = UsedPrediction { prediction: one.prediction, image, tags: Vec::new(), regions: Vec::new() };
    scene.apply(Change::UsePredictions { project: scene.project, predictions: vec![used], at: at(50) });
    drop(scene);
    damage(folder.path(), &format!("UPDATE images SET metadata = 'no JSON' WHERE id = '{image}'"));
    let scene = open(folder.path(), 1, 1000);
    let done = scene.erase(scene.deletion_of_images(&[image]));
    let erased = scene.store.erased_items(done.operation.unwrap()).unwrap();
    let erased: Vec<_> = erased.iter().map(|item| item.record.erased).collect();
    assert_eq!(erased, [Erased::Image(image), Erased::Prediction(one.prediction)]);
}

/// What it holds goes when it is due, and so does the project when it is asked for.
#[test]
fn a_damaged_project_stops_nothing() {
    for damage_to in ["settings = 'no JSON'", "name = ''"] {
        let (folder, _) = world();
        expiring(&open(folder.path(), 0, 500));
        damage(folder.path(), &format!("UPDATE projects SET {damage_to}"));
        let scene = open(folder.path(), 20, 1000);
        let damaged = scene.project;
        let report = scene.store.check(&CheckOptions::default()).unwrap();
        assert!(report.records.iter().any(|line| line.contains(&damaged.to_string())), "{report:?}");
        let done = swept(&scene);
        assert_eq!((done.erased, done.passed_over), (4, 0), "{damage_to}: {done:?}");
        assert_eq!(find_person(&*scene.store, &who("bob")).unwrap().items, []);
        let listed = scene.store.projects(ProjectState::Live).unwrap();
        assert_eq!(listed.iter().map(|project| project.id).collect::<Vec<_>>(), [damaged]);
        assert!(matches!(scene.store.project(damaged), Err(StoreError::Corrupt { .. })));
        let update =
            Change::UpdateProject { project: damaged, update: ProjectUpdate::default(), at: day(20) };
        assert!(matches!(scene.refuse(update), StoreError::Corrupt { .. }));
        let _ = scene.erase(scene.erasure_of_project());
        assert_eq!(scene.store.projects(ProjectState::Live).unwrap(), []);
    }
}

/// Whatever it may be about. Nobody else is stopped by it.
#[test]
fn a_damaged_hold_keeps_all_that_it_could() {
    let damages = ["reason = x'00'", "filter = 'no expression'", "kind = 'none'"];
    for damage_to in damages {
        let (folder, _) = world();
        let scene = open(folder.path(), 0, 500);
        let hold = scene.hold_person(Some(scene.project), "ann");
        drop(scene);
        damage(folder.path(), &format!("UPDATE holds SET {damage_to}"));
        let scene = open(folder.path(), 20, 1000);
        let report = scene.store.check(&CheckOptions::default()).unwrap();
        assert!(report.records.iter().any(|line| line.contains(&hold.to_string())), "{report:?}");
        let held: Vec<_> = scene.store.holds().unwrap().iter().map(|held| held.id).collect();
        assert_eq!(held, [hold], "{damage_to}");
        expiring(&scene);
        assert_eq!(swept(&scene).erased, 0, "{damage_to}");
        scene.release(hold);
        assert_eq!(swept(&scene).erased, 4, "{damage_to}");
    }
}

/// One that cannot be erased by its id alone, such as an iteration, is passed over, and the others go.
#[test]
fn what_is_too_damaged_to_go_keeps_nothing_else_from_going() {
    let (folder, [one, _]) = world();
    damage(
        folder.path(),
        &format!("UPDATE iterations SET status = 'no JSON' WHERE id = '{}'", one.iteration),
    );
    let scene = open(folder.path(), 20, 1000);
    scene.set_policy(|policy| {
        (policy.training_photos, policy.iterations) = (RetentionRule::days(10), RetentionRule::days(10));
    });
    let item = |item, class| (item, ErasureReason::Due(class));
    let outcomes = scene.erase_items(&[
        item(Erased::Iteration(one.iteration), DataClass::Iteration),
        item(Erased::Export(one.export), DataClass::Export),
        item(Erased::Prediction(one.prediction), DataClass::PredictionPhoto),
    ]);
    assert!(matches!(outcomes[0], ItemOutcome::Damaged(_)), "{outcomes:?}");
    assert_eq!(outcomes[1..], [ItemOutcome::NotDue, ItemOutcome::NotDue]);
    let done = swept(&scene);
    assert_eq!((done.erased, done.passed_over), (3, 1), "{done:?}");
    assert_eq!(done.damaged, [(scene.project, Erased::Iteration(one.iteration))]);
    let left = scene.items(DataClass::Iteration);
    assert_eq!(left.iter().map(|item| item.item).collect::<Vec<_>>(), [Erased::Iteration(one.iteration)]);
}

/// What names the bytes is asked before anything goes.
#[test]
fn what_does_not_name_its_bytes_keeps_nothing_else_from_going() {
    let (folder, [one, other]) = world();
    for sql in [
        format!("UPDATE images SET content = x'00' WHERE id = '{}'", one.image),
        format!("UPDATE predictions SET content = x'00' WHERE id = '{}'", one.prediction),
        format!("UPDATE export_files SET content = x'00' WHERE export = '{}'", one.export),
    ] {
        damage(folder.path(), &sql);
    }
    let scene = open(folder.path(), 1, 1000);
    let requested = |item| (item, ErasureReason::Requested);
    let of = |one: &One| {
        [Erased::Image(one.image), Erased::PredictionPhoto(one.prediction), Erased::Export(one.export)]
            .map(requested)
    };
    let outcomes = scene.erase_items(&[of(&one), of(&other)].concat());
    assert!(outcomes[..3].iter().all(|outcome| matches!(outcome, ItemOutcome::Damaged(_))), "{outcomes:?}");
    assert_eq!(outcomes[3..], [const { ItemOutcome::Erased }; 3]);
    let result = requested(Erased::PredictionResult(one.prediction));
    assert_eq!(scene.erase_items(&[result]), [ItemOutcome::Erased]);
}

/// Nothing goes without being noted: a photo whose iterations cannot be told stays, with all that was derived from it.
#[test]
fn a_step_that_meets_damage_once_something_has_gone_is_undone() {
    let (folder, [one, other]) = world();
    damage(folder.path(), &format!("UPDATE iterations SET id = 'no id' WHERE id = '{}'", one.iteration));
    let scene = open(folder.path(), 1, 1000);
    let operation = scene.begin_erasure();
    let items = [other.image, one.image].map(|image| (Erased::Image(image), ErasureReason::Requested));
    let error = scene.refuse(scene.erasing(operation, &items));
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(scene.items(DataClass::TrainingPhoto).len(), 2);
    assert_eq!(scene.items(DataClass::Features).len(), 2);
    assert_eq!(scene.store.erased_items(operation).unwrap(), []);
}

/// As an earlier version left it: it holds nothing, and keeps nothing else from being held or erased.
#[test]
fn a_hold_in_a_project_that_is_gone_holds_nothing() {
    let (folder, [one, _]) = world();
    let gone = ocelli_core::HoldId::new(at(3), [3; 10]);
    let nowhere = ocelli_core::ProjectId::new(at(3), [3; 10]);
    let row = format!(
        "INSERT INTO holds (id, kind, project, item, filter, reason, placed)
         VALUES ('{gone}', 'metadata', '{nowhere}', NULL, x'00', x'00', 3)"
    );
    damage(folder.path(), &row);
    let scene = open(folder.path(), 1, 1000);
    assert_eq!(scene.store.holds().unwrap(), []);
    let kept = scene.hold_person(None, "bob");
    assert_eq!(scene.store.holds().unwrap().len(), 1);
    let _ = scene.erase(scene.deletion_of_images(&[one.image]));
    scene.release(gone);
    scene.release(kept);
}
