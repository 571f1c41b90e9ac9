//! What is encrypted is nowhere in the clear, opens with its key only, and goes with it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod locked;
#[path = "../marks/mod.rs"]
mod marks;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocelli_core::{
    Affected, DataClass, Description, Erased, ErasureReason, ErasureStatus, Hold, HoldId, HoldTarget,
    ImageId, MetadataFilter, ProjectId,
};
use ocelli_keys::KeyError;
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::{
    Applied, Change, CheckOptions, ItemOutcome, ItemQuery, ItemToErase, ManualClock, Owner, PredictionQuery,
    ProbabilityRange, ProjectState, StoreError, StoreOptions,
};
use ocelli_store_local::LocalStore;

use marks::{files, held, mark};
use world::{MARKS, World, encrypting, feature_key, keys, open, without_keys};

const LOOK: CheckOptions = CheckOptions { repair: false, grace: std::time::Duration::ZERO };

#[test]
fn what_is_plain_is_found_and_what_is_encrypted_is_not() {
    let plain = World::new(without_keys());
    let found = held(plain.path());
    let lost: Vec<u32> = (0..MARKS).filter(|number| !found.contains_key(number)).collect();
    assert!(lost.is_empty(), "the markers {lost:?} are not where they would be found");

    let world = World::new(encrypting());
    assert_eq!(held(world.path()), Default::default());
    let world = world.reopened(keys(1), |folder| assert_eq!(held(folder), Default::default()));
    // Damaged bytes are set aside as they are.
    let world = world.reopened(keys(1), |folder| blobs(folder).iter().for_each(|path| flip(path, 20)));
    assert!(world.scene.store.image_bytes(world.scene.project, world.images[0]).is_err());
    assert!(files(&world.path().join("damaged")).len() == 1);
    assert_eq!(held(world.path()), Default::default());
}

#[test]
fn everything_comes_back_with_its_key() {
    let plain = World::new(without_keys());
    let world = World::new(encrypting()).reopened(keys(1), |_| ());
    let (store, project, other) = (&world.scene.store, world.scene.project, &plain.scene.store);
    assert_eq!(store.project(project).unwrap(), other.project(project).unwrap());
    assert_eq!(store.projects(ProjectState::Live).unwrap(), other.projects(ProjectState::Live).unwrap());
    assert_eq!(store.tags(project).unwrap(), other.tags(project).unwrap());
    let [images, expected] = [store, other].map(|store| store.images(project, &Default::default()).unwrap());
    assert_eq!(images, expected);
    for image in world.images {
        let [bytes, expected] = [store, other].map(|store| store.image_bytes(project, image).unwrap());
        assert_eq!(bytes, expected);
    }
    let [features, expected] =
        [store, other].map(|store| store.features(project, &feature_key(), &world.images).unwrap());
    assert_eq!(features, expected);
    let [one, two] = [store, other].map(|store| store.calibration(project, "base").unwrap());
    assert_eq!(one, two);
    let published = name(&mark(13));
    assert_eq!(store.published(project, &published).unwrap(), other.published(project, &published).unwrap());
    assert_eq!(store.iterations(project).unwrap(), other.iterations(project).unwrap());
    let iteration = world.iteration;
    assert_eq!(store.manifest(project, iteration).unwrap(), other.manifest(project, iteration).unwrap());
    assert_eq!(store.model(project, iteration).unwrap(), other.model(project, iteration).unwrap());
    assert_eq!(store.exports(project, iteration).unwrap(), other.exports(project, iteration).unwrap());
    let (export, file) = (world.export.id, name(&mark(15)));
    assert_eq!(store.export_bytes(project, export, &file).unwrap(), mark(16).into_bytes());
    let [one, two] = [store, other].map(|store| store.prediction(project, world.prediction).unwrap());
    assert_eq!(one, two);
    assert_eq!(store.prediction_bytes(project, world.prediction).unwrap(), mark(22).into_bytes());
    assert!(store.check(&LOOK).unwrap().is_sound());
}

/// What the database cannot compare is compared all the same.
#[test]
fn kept_predictions_are_filtered_and_paged() {
    let world = World::new(encrypting());
    let scene = &world.scene;
    for number in 0..20_u8 {
        let mut answer = scene.answer(100 + i64::from(number), &[(world.tag, f32::from(number) / 20.0)]);
        answer.application = Some(name(if number % 2 == 0 { "even" } else { "odd" }));
        scene.keep(&answer, &[number]);
    }
    let range = |min: f32, max: f32| ProbabilityRange {
        tag_id: world.tag,
        min: min.try_into().unwrap(),
        max: max.try_into().unwrap(),
    };
    let mut query = PredictionQuery {
        application: Some(name("even")),
        tags: vec![range(0.25, 0.9)],
        take: 3,
        ..PredictionQuery::default()
    };
    let mut found = Vec::new();
    loop {
        let page = scene.store.predictions(scene.project, &query).unwrap();
        found.extend(page.results.iter().map(|kept| kept.prediction.created));
        query.continuation = page.continuation;
        if query.continuation.is_none() {
            break;
        }
    }
    assert_eq!(found, [118, 116, 114, 112, 110, 108, 106].map(at));
}

/// A plain project of the same directory.
fn plain_beside(world: &World) -> Scene {
    let plain = ProjectId::new(at(0), [9; 10]);
    world.scene.apply(world.scene.creation(plain, 5));
    Scene::over(Arc::clone(&world.scene.store), plain, 2000)
}

fn is_locked(error: &StoreError, project: ProjectId) -> bool {
    matches!(error, StoreError::Key { project: named, .. } if *named == project)
}

#[test]
fn without_the_key_only_what_is_plain_is_served() {
    for options in [without_keys(), keys(2)] {
        let world = World::new(encrypting());
        let world = world.reopened(options, |_| ());
        let (store, project) = (&world.scene.store, world.scene.project);
        let beside = plain_beside(&world);
        let plain = beside.project;
        let image = beside.image(b"a plain photo", &[]);
        assert_eq!(store.image_bytes(plain, image).unwrap(), b"a plain photo");

        for (question, answer) in world.ask_all() {
            let error = answer.expect_err(question);
            assert!(is_locked(&error, project), "{question}: {error}");
            assert!(error.to_string().contains("open the store with the key provider that wrapped it"));
        }
        for change in [
            world.scene.deletion_of_images(&world.images),
            Change::AddImages { project, images: vec![world.scene.new_image(b"more", &[])] },
        ] {
            assert!(is_locked(&world.scene.refuse(change), project));
        }
        let listed = store.projects(ProjectState::Live).unwrap();
        assert_eq!(listed.iter().map(|project| project.id).collect::<Vec<_>>(), [plain]);
        let report = store.check(&LOOK).unwrap();
        assert_eq!((report.locked, report.files), (vec![project], 1));

        // Nothing of this has lost anything.
        let world = world.reopened(keys(1), |_| ());
        for (question, answer) in world.ask_all() {
            answer.unwrap_or_else(|error| panic!("{question}: {error}"));
        }
        assert!(world.scene.store.check(&LOOK).unwrap().is_sound());
    }
}

#[test]
fn to_encrypt_needs_keys() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { encrypt: true, ..StoreOptions::default() };
    let error = LocalStore::open(folder.path(), options).unwrap_err();
    assert!(matches!(error, StoreError::NoKeys(_)), "{error}");
}

#[test]
fn plain_and_encrypted_projects_lie_side_by_side() {
    let world = World::new(without_keys()).reopened(encrypting(), |_| ());
    let encrypted = ProjectId::new(at(0), [9; 10]);
    world.scene.apply(world.scene.creation(encrypted, 5));
    let beside = Scene::over(Arc::clone(&world.scene.store), encrypted, 2000);
    let image = beside.image(mark(900).as_bytes(), &[]);
    let plain = world.scene.image(mark(901).as_bytes(), &[]);
    let found = held(world.path());
    assert!(!found.contains_key(&900) && found.contains_key(&901));
    assert_eq!(world.scene.store.projects(ProjectState::Live).unwrap().len(), 2);
    assert_eq!(beside.store.image_bytes(encrypted, image).unwrap(), mark(900).into_bytes());
    assert_eq!(beside.store.image_bytes(world.scene.project, plain).unwrap(), mark(901).into_bytes());
}

#[test]
fn a_damaged_wrapped_key_is_an_error_of_its_project() {
    let world = World::new(encrypting()).reopened(keys(1), |folder| {
        let mut wrapped = wrapped_keys(folder).remove(0);
        *wrapped.last_mut().unwrap() ^= 1;
        let database = rusqlite::Connection::open(folder.join("ocelli.sqlite")).unwrap();
        database.execute("UPDATE project_keys SET wrapped = ?1", [wrapped]).unwrap();
    });
    for (question, answer) in world.ask_all() {
        let error = answer.expect_err(question);
        assert!(
            matches!(&error, StoreError::Key { source: KeyError::DamagedKey, .. }),
            "{question}: {error}"
        );
    }
    assert_eq!(world.scene.store.check(&LOOK).unwrap().locked, [world.scene.project]);
    assert!(world.scene.erase(erasure(world.scene.project)).status.is_complete());
}

#[test]
fn a_value_that_was_changed_is_told_and_the_others_are_served() {
    let world = World::new(encrypting());
    let [one, two] = world.images;
    let world = world.reopened(keys(1), |folder| {
        let database = rusqlite::Connection::open(folder.join("ocelli.sqlite")).unwrap();
        let sql = "SELECT metadata FROM images WHERE id = ?1";
        let mut sealed: Vec<u8> = database.query_row(sql, [one.to_string()], |row| row.get(0)).unwrap();
        sealed[20] ^= 1;
        let sql = "UPDATE images SET metadata = ?2 WHERE id = ?1";
        database.execute(sql, (one.to_string(), sealed)).unwrap();
    });
    let (store, project) = (&world.scene.store, world.scene.project);
    let error = store.images_by_id(project, &[one]).unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt { detail } if detail.contains("images.metadata")),
        "{error}"
    );
    assert_eq!(store.images_by_id(project, &[two]).unwrap().len(), 1);
    assert_eq!(store.image_bytes(project, one).unwrap(), mark(4).repeat(50).into_bytes());
    let report = store.check(&LOOK).unwrap();
    assert_eq!(report.damaged, [Owner::Image { project_id: project, id: one }]);
    assert!(report.records.is_empty() && report.locked.is_empty());
}

#[test]
fn every_sealed_value_that_was_changed_is_reported() {
    for (table, column) in [
        ("projects", "name"),
        ("projects", "description"),
        ("projects", "settings"),
        ("projects", "content_key"),
        ("tags", "name"),
        ("tags", "description"),
        ("images", "metadata"),
        ("images", "origin"),
        ("images", "salt"),
        ("features", "\"values\""),
        ("calibrations", "data"),
        ("iterations", "name"),
        ("iterations", "status"),
        ("iterations", "publish_name"),
        ("trained", "manifest"),
        ("trained", "model"),
        ("evaluated", "tags"),
        ("evaluated", "probabilities"),
        ("exports", "flavor"),
        ("export_files", "name"),
        ("predictions", "publish_name"),
        ("predictions", "application"),
        ("predictions", "metadata"),
        ("predictions", "results"),
        ("predictions", "salt"),
    ] {
        let world = World::new(encrypting());
        // What is in the clear is damaged too.
        let sql = format!("UPDATE {table} SET {column} = 'in the clear' WHERE {column} IS NOT NULL");
        let world = world.tampered(keys(1), &[&sql]);
        let report = world.scene.store.check(&LOOK).unwrap();
        assert!(!report.is_sound(), "{table}.{column}");
        assert!(report.damaged.len() + report.records.len() > 0, "{table}.{column}");
        let failed = world.ask_all().into_iter().filter_map(|(_, answer)| answer.err()).collect::<Vec<_>>();
        assert!(!failed.is_empty(), "{table}.{column}");
        for error in failed {
            assert!(matches!(error, StoreError::Corrupt { .. }), "{table}.{column}: {error}");
        }
    }
}

#[test]
fn values_that_were_swapped_do_not_open() {
    for column in ["metadata", "origin"] {
        let world = World::new(encrypting());
        let [one, two] = world.images;
        let world = world.reopened(keys(1), |folder| {
            let database = rusqlite::Connection::open(folder.join("ocelli.sqlite")).unwrap();
            let value = |image: ImageId| -> Vec<u8> {
                let sql = format!("SELECT {column} FROM images WHERE id = '{image}'");
                database.query_row(&sql, (), |row| row.get(0)).unwrap()
            };
            let sql = format!("UPDATE images SET {column} = ?2 WHERE id = ?1");
            for (image, value) in [(one, value(two)), (two, value(one))] {
                database.execute(&sql, (image.to_string(), value)).unwrap();
            }
        });
        for image in [one, two] {
            let error = world.scene.store.images_by_id(world.scene.project, &[image]).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        }
        assert_eq!(world.scene.store.check(&LOOK).unwrap().damaged.len(), 2);
    }
}

#[test]
fn photos_that_were_swapped_or_changed_are_never_served() {
    let world = World::new(encrypting());
    let prediction = world.scene.store.prediction_bytes(world.scene.project, world.prediction);
    let world = world.reopened(keys(1), |folder| {
        // Those of the two photos are of one length.
        let all = blobs(folder);
        let mut photos: Vec<_> = all.iter().map(|path| (fs::read(path).unwrap(), path)).collect();
        photos.sort_by_key(|(bytes, _)| std::cmp::Reverse(bytes.len()));
        assert_eq!(photos[0].0.len(), photos[1].0.len());
        fs::write(photos[0].1, &photos[1].0).unwrap();
        fs::write(photos[1].1, &photos[0].0).unwrap();
    });
    let (store, project) = (&world.scene.store, world.scene.project);
    let report = store.check(&LOOK).unwrap();
    let owners = world.images.map(|id| Owner::Image { project_id: project, id });
    assert_eq!(report.damaged, owners);
    for image in world.images {
        let error = store.image_bytes(project, image).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
    assert_eq!(store.prediction_bytes(project, world.prediction).unwrap(), prediction.unwrap());
    // Uploading the same photo makes it good.
    let bytes = mark(4).repeat(50).into_bytes();
    world.scene.add(vec![world.scene.new_image(&bytes, &[])]);
    assert_eq!(store.image_bytes(project, world.images[0]).unwrap(), bytes);
}

fn erasure(project: ProjectId) -> Change {
    Change::EraseProject { project, at: at(50) }
}

fn wrapped_keys(folder: &Path) -> Vec<Vec<u8>> {
    let database = rusqlite::Connection::open(folder.join("ocelli.sqlite")).unwrap();
    let mut statement = database.prepare("SELECT wrapped FROM project_keys").unwrap();
    let keys = statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>();
    keys.unwrap()
}

fn holds_part_of(folder: &Path, secret: &[u8]) -> Option<PathBuf> {
    files(folder).into_iter().find(|path| {
        let bytes = fs::read(path).unwrap();
        secret.windows(16).step_by(16).any(|part| bytes.windows(16).any(|found| found == part))
    })
}

#[test]
fn a_key_goes_with_its_project_whoever_erases_it() {
    for options in [keys(1), keys(2), without_keys()] {
        let mut wrapped = Vec::new();
        let world = World::new(encrypting());
        let world = world.reopened(options, |folder| wrapped = wrapped_keys(folder));
        assert_eq!(wrapped.len(), 1);
        assert!(holds_part_of(world.path(), &wrapped[0]).is_some());
        let erased = world.scene.erase(erasure(world.scene.project));
        assert_eq!(erased.status, ErasureStatus::Complete);
        assert_eq!(holds_part_of(world.path(), &wrapped[0]), None);
        assert!(files(&world.path().join("blobs")).is_empty());
        for (question, answer) in world.ask_all() {
            let error = answer.expect_err(question);
            assert!(matches!(error, StoreError::NotFound(_)), "{question}: {error}");
        }
        let world = world.reopened(keys(1), |folder| assert!(wrapped_keys(folder).is_empty()));
        assert!(world.scene.store.check(&LOOK).unwrap().is_sound());
    }
}

fn hold(number: u8, target: HoldTarget, reason: u32) -> Hold {
    let reason = Description::new(mark(reason)).unwrap();
    Hold { id: HoldId::new(at(0), [number; 10]), target, reason, placed: at(45) }
}

fn filter(number: u32) -> MetadataFilter {
    MetadataFilter::eq("who", mark(number)).unwrap()
}

/// Holds on the project, on some of its photos, and on photos of all projects.
fn place_holds(world: &World) -> Vec<Hold> {
    let project_id = world.scene.project;
    let holds = vec![
        hold(1, HoldTarget::Project { project_id }, 800),
        hold(2, HoldTarget::Metadata { project_id: Some(project_id), filter: filter(801) }, 802),
        hold(3, HoldTarget::Metadata { project_id: None, filter: filter(803) }, 804),
    ];
    for hold in &holds {
        world.scene.apply(Change::PlaceHold { hold: hold.clone() });
    }
    holds
}

fn ids(holds: &[Hold]) -> Vec<HoldId> {
    holds.iter().map(|hold| hold.id).collect()
}

fn is_held(scene: &Scene, change: Change, expected: &[Hold]) {
    match scene.refuse(change) {
        StoreError::Held { holds, .. } => assert_eq!(holds, ids(expected)),
        other => panic!("{other}"),
    }
}

#[test]
fn holds_say_nothing_without_the_key_and_hold_all_the_same() {
    let plain = World::new(without_keys());
    place_holds(&plain);
    let found = held(plain.path());
    assert!((800..805).all(|number| found.contains_key(&number)));

    let world = World::new(encrypting());
    let holds = place_holds(&world);
    assert_eq!(held(world.path()), Default::default());
    assert_eq!(world.scene.store.holds().unwrap(), holds);
    let world = world.reopened(without_keys(), |_| ());
    let listed = world.scene.store.holds().unwrap();
    assert_eq!(ids(&listed), ids(&holds));
    assert!(listed.iter().all(|hold| hold.reason.as_str() == "(encrypted)"));
    let project = world.scene.project;
    is_held(&world.scene, erasure(project), &holds);
    // A hold that cannot be opened shows nothing of what it may keep.
    let error = world.scene.store.held(holds[2].id, None, 1).unwrap_err();
    assert!(matches!(error, StoreError::AccountKey(_)), "{error}");
    assert!(is_locked(&world.scene.store.held(holds[1].id, None, 1).unwrap_err(), project));
    let report = world.scene.store.check(&LOOK).unwrap();
    assert_eq!((report.locked, report.records.len()), (vec![project], 1), "{:?}", report.records);

    // What the one on all projects keeps nobody can say: so it keeps everything, and stands in nothing else's way.
    let beside = plain_beside(&world);
    let plain = beside.project;
    let tag = beside.tag("oak");
    let image = beside.image(b"a plain photo", &[tag]);
    is_held(&beside, beside.deletion_of_images(&[image]), &holds[2..]);
    is_held(
        &beside,
        Change::UntagImages { project: plain, images: vec![image], tags: vec![tag] },
        &holds[2..],
    );
    beside.image(b"another plain photo", &[tag]);
    beside.apply(Change::ReleaseHold { hold: holds[2].id, at: at(46) });
    assert_eq!(ids(&beside.store.holds().unwrap()), ids(&holds[..2]));
    assert!(beside.erase(beside.deletion_of_images(&[image])).status.is_complete());
    is_held(&world.scene, erasure(project), &holds[..2]);
    let world = world.reopened(keys(1), |_| ());
    assert_eq!(world.scene.store.holds().unwrap(), holds[..2]);
    assert!(world.scene.store.check(&LOOK).unwrap().is_sound());
}

/// Whoever has the key finds nothing to open: what is erased goes in its sealed form too.
#[test]
fn what_is_erased_goes_in_its_sealed_form() {
    let world = World::new(encrypting());
    let [one, _] = world.images;
    let mut sealed: Vec<Vec<u8>> = Vec::new();
    let world = world.reopened(keys(1), |folder| {
        let database = rusqlite::Connection::open(folder.join("ocelli.sqlite")).unwrap();
        for sql in [
            "SELECT metadata FROM images WHERE id = ?1",
            "SELECT origin FROM images WHERE id = ?1",
            "SELECT salt FROM images WHERE id = ?1",
            "SELECT \"values\" FROM features WHERE image = ?1",
            "SELECT probabilities FROM evaluated WHERE image = ?1",
        ] {
            sealed.push(database.query_row(sql, [one.to_string()], |row| row.get(0)).unwrap());
        }
        let sql = "SELECT lower(hex(content)) FROM images WHERE id = ?1";
        let content: String = database.query_row(sql, [one.to_string()], |row| row.get(0)).unwrap();
        let file = blobs(folder).into_iter().find(|path| path.ends_with(&content)).unwrap();
        sealed.push(fs::read(file).unwrap());
        assert!(sealed.iter().all(|bytes| holds_part_of(folder, bytes).is_some()));
    });
    assert!(world.scene.erase(world.scene.deletion_of_images(&[one])).status.is_complete());
    for bytes in &sealed {
        assert_eq!(holds_part_of(world.path(), bytes), None);
    }
    world.scene.store.images_by_id(world.scene.project, &world.images[1..]).unwrap();
}

/// What is due as a whole can be swept without being opened.
#[test]
fn a_deleted_project_falls_due_without_its_key() {
    let world = World::new(encrypting());
    let project = world.scene.project;
    world.scene.apply(Change::Unpublish { project, iteration: world.iteration, at: at(46) });
    world.scene.apply(Change::DeleteProject { project, at: at(47) });
    let later = at(48).plus_days(31);
    let options = StoreOptions { clock: Arc::new(ManualClock::new(later)), ..StoreOptions::default() };
    let world = world.reopened(options, |_| ());
    let class = DataClass::DeletedProject;
    let query = ItemQuery { through: Some(later), ..ItemQuery::new(class, None, 10) };
    let due = world.scene.store.items(&query).unwrap();
    assert_eq!(due.iter().map(|item| item.item).collect::<Vec<_>>(), [Erased::Project(project)]);
    world.scene.apply(Change::LatchDue { at: later });
    let operation = match world.scene.apply(Change::BeginErasure { plan: None, at: later }) {
        Applied::Operation(number) => number,
        other => panic!("{other:?}"),
    };
    let (item, reason) = (Erased::Project(project), ErasureReason::Due(class));
    let items = vec![ItemToErase { project_id: project, item, reason }];
    let step = Change::EraseItems { operation, items, affected: Affected::Keep, at: later };
    match world.scene.apply(step) {
        Applied::Items(items) => assert_eq!(items.outcomes, [ItemOutcome::Erased]),
        other => panic!("{other:?}"),
    }
    assert!(world.scene.store.finish_erasures().unwrap().is_complete());
    assert!(files(&world.path().join("blobs")).is_empty());
}

#[test]
fn a_hold_that_was_changed_is_reported() {
    for column in ["filter", "reason"] {
        let world = World::new(encrypting());
        place_holds(&world);
        let sql = format!("UPDATE holds SET {column} = 'in the clear' WHERE {column} IS NOT NULL");
        let world = world.tampered(keys(1), &[&sql]);
        let report = world.scene.store.check(&LOOK).unwrap();
        assert!(report.records.iter().any(|line| line.contains(&format!("holds.{column}"))), "{report:?}");
        // It keeps all that it could, and what it was for is not told.
        let holds = world.scene.store.holds().unwrap();
        let changed: Vec<_> = holds.iter().filter(|hold| hold.reason.as_str() == "(damaged)").collect();
        assert!(!changed.is_empty(), "{holds:?}");
        for hold in changed {
            let error = world.scene.store.held(hold.id, None, 1).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        }
    }
}

/// The files as they are at one moment are what a killed process leaves.
#[test]
fn what_a_killed_process_leaves_opens_with_the_key() {
    let world = World::new(encrypting());
    let left = tempfile::tempdir().unwrap();
    for path in files(world.path()) {
        let to = left.path().join(path.strip_prefix(world.path()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(path, to).unwrap();
    }
    let world = World { scene: open(left.path(), keys(1)), folder: left, ..world };
    for (question, answer) in world.ask_all() {
        answer.unwrap_or_else(|error| panic!("{question}: {error}"));
    }
    assert!(world.scene.store.check(&LOOK).unwrap().is_sound());
}

#[test]
fn a_copy_keeps_everything_sealed_with_or_without_the_key() {
    for options in [keys(1), without_keys()] {
        let world = World::new(encrypting()).reopened(options, |_| ());
        let copy = tempfile::tempdir().unwrap();
        world.scene.store.snapshot(copy.path()).unwrap();
        assert_eq!(held(copy.path()), Default::default());
        let world = World { scene: open(copy.path(), keys(1)), folder: copy, ..world };
        for (question, answer) in world.ask_all() {
            answer.unwrap_or_else(|error| panic!("{question}: {error}"));
        }
        assert!(world.scene.store.check(&LOOK).unwrap().is_sound());
    }
}

fn blobs(folder: &Path) -> Vec<PathBuf> {
    let mut found = files(&folder.join("blobs"));
    found.sort();
    found
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn checkpoints_and_tests_are_sealed() {
    let world = World::new(encrypting());
    let scene = &world.scene;
    let [one, two] = world.images;
    let what = Scene::tested_on(Scene::trained_on(5, &[(one, world.tag)]), &[two, one]);
    let tested = scene.complete_with(what.clone());
    let training = scene.begin(None).id;
    let weights = mark(24).repeat(50_000).into_bytes();
    scene.apply(scene.checkpoint(training, &weights, &world.images));
    assert_eq!(held(world.path()), Default::default());
    let world = world.reopened(keys(1), |_| ());
    let scene = &world.scene;
    assert_eq!(scene.manifest(tested), what.manifest);
    assert_eq!(scene.store.checkpoint(scene.project, training).unwrap(), Some(weights));
    assert!(scene.store.check(&LOOK).unwrap().is_sound());

    // An answer to a photo that was held out does not pass for one to the same photo in the test.
    let swap = "UPDATE evaluated SET test = 1 - test";
    let world = world.tampered(keys(1), &[swap]);
    let report = world.scene.store.check(&LOOK).unwrap();
    assert!(report.records.iter().any(|record| record.starts_with("evaluated.")), "{report:?}");
    let answer = world.scene.store.manifest(world.scene.project, tested);
    assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    let locked = world.reopened(without_keys(), |_| ());
    let project = locked.scene.project;
    let error = locked.scene.store.checkpoint(project, training).unwrap_err();
    assert!(is_locked(&error, project), "{error}");
}
