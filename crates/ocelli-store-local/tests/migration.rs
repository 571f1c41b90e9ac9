//! Directories of every format are read, and newer ones are left alone.
//!
//! `fixtures/format-N` is a directory that the last version of format N wrote, `fixtures/format-N.txt` what questions
//! tell of it today. The next format's is made by `OCELLI_WRITE_FIXTURE=DIRECTORY cargo test --test migration`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod marks;
mod moment;
mod telling;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocelli_core::*;
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::*;
use ocelli_store_local::LocalStore;
use tempfile::TempDir;

use marks::{files, held, mark};
use moment::options;
use telling::everything;

const TODAY: u32 = 3;

/// The projects of the fixtures: one with something of every kind, another, and one that was deleted.
fn project(number: u8) -> ProjectId {
    ProjectId::new(at(0), [number; 10])
}

fn open(path: &Path) -> Result<LocalStore, StoreError> {
    LocalStore::open(path, options(Limits::default()))
}

/// Something of every kind, with ids that are the same each time.
fn write(path: &Path) {
    let store: Arc<dyn Store> = Arc::new(open(path).unwrap());
    let scene = Scene::over(Arc::clone(&store), project(1), 1);
    scene.apply(scene.creation(scene.project, 0));
    let (oak, elm, none) = (scene.tag("oak"), scene.tag("elm"), scene.negative());
    let gone = scene.tag("gone");
    let mut photos = Vec::new();
    for (number, tags) in (0_u8..).zip([&[oak][..], &[elm], &[oak, elm], &[none], &[oak, gone], &[]]) {
        let mut new = scene.new_image_at(i64::from(number), format!("photo {number}").as_bytes(), tags);
        let regular = tags.iter().filter(|tag| **tag != none);
        new.image.regions = regular.take(1).map(|tag| scene.region(*tag, number)).collect();
        let entry = ("who".to_owned(), format!("photographer {number}"));
        new.image.metadata = Metadata::new(BTreeMap::from([entry])).unwrap();
        new.image.origin = Origin::Upload { name: Some(format!("{number}.jpg")) };
        photos.push(scene.add(vec![new]).remove(0).unwrap().image);
    }
    let ids: Vec<ImageId> = photos.iter().map(|photo| photo.id).collect();
    scene.apply(scene.calibrating_on("base", 1, &ids[..2]));
    let features =
        |number: u8| ids.iter().take(3).map(|id| (*id, vec![f32::from(number) / 3.0; 4])).collect();
    let int8 = FeatureKey::int8("base", Scene::calibration(1).fingerprint);
    for (key, number) in [(FeatureKey::f32("base"), 1), (int8, 2)] {
        scene.apply(Change::CacheFeatures { project: scene.project, key, features: features(number) });
    }
    let pairs = [(ids[0], oak), (ids[1], elm), (ids[3], none), (ids[4], oak)];
    let mut trained = Scene::trained_on(7, &pairs);
    trained.manifest.left_out = vec![(ids[2], LeftOut::SeveralTags), (ids[4], LeftOut::SeveralTags)];
    trained.looked_at = vec![ids[0], ids[5]];
    let first = scene.complete_with(trained);
    scene.apply(scene.publication_in(Precision::Int8, first, "live", false));
    let second = scene.complete_with(Scene::tested_on(Scene::trained_on(8, &pairs[..2]), &[ids[3], ids[4]]));
    let failed = scene.begin(Some("failed")).id;
    let failure = TrainingFailure::Stopped;
    scene.apply(Change::FailTraining { project: scene.project, iteration: failed, failure, at: at(25) });
    let in_training = scene.begin(Some("in training")).id;
    let kept = [0_u8, 1].map(|number| {
        let kept = scene.answer(i64::from(number), &[(oak, 0.75), (elm, 0.25)]);
        scene.keep(&kept, format!("kept {number}").as_bytes())
    });
    let used = scene.answer(3, &[(oak, 0.6)]);
    let prediction = scene.keep(&used, b"kept and used");
    let image = scene.new_image_at(4, b"", &[]).image.id;
    let used = UsedPrediction { prediction, image, tags: vec![oak], regions: Vec::new() };
    scene.apply(Change::UsePredictions { project: scene.project, predictions: vec![used], at: at(4) });
    scene.export(second, &[("model.onnx", b"a network"), ("labels.txt", b"oak\nelm")]);
    let gone_export = scene.export(first, &[("model.onnx", b"another network")]);

    let _ = scene.erase(scene.deletion_of_images(&[ids[4]]));
    let _ = scene.erase(scene.deletion_of_tag(gone));
    let _ = scene.erase(scene.deletion_of_export(gone_export));
    let metadata = Metadata::new(BTreeMap::from([("who".to_owned(), "nobody".to_owned())])).unwrap();
    let _ = scene.erase(Change::SetMetadata { project: scene.project, image: ids[5], metadata, at: at(50) });

    // After the erasures, which would take it along.
    scene.apply(scene.checkpoint(in_training, b"weights and moments", &ids[..2]));
    let policy = RetentionPolicy { exports: RetentionRule::days(400), ..RetentionPolicy::default() };
    scene.apply(Change::SetRetention { project: scene.project, policy, at: at(51) });
    for (number, target) in (0..).zip([
        HoldTarget::Image { project_id: scene.project, image_id: ids[0] },
        HoldTarget::Metadata { project_id: None, filter: "who eq 'photographer 1'".parse().unwrap() },
    ]) {
        let (id, reason) = (HoldId::new(at(52), [number; 10]), Description::new("asked for").unwrap());
        scene.apply(Change::PlaceHold { hold: Hold { id, target, reason, placed: at(52) } });
    }
    let due = ErasureReason::Requested;
    scene.erase_items(&[(Erased::PredictionPhoto(kept[0]), due), (Erased::Features(ids[1]), due)]);

    let another = Scene::over(Arc::clone(&store), project(2), 500);
    another.apply(another.creation(another.project, 1));
    another.image(b"photo 0", &[another.tag("sparrow")]);
    let deleted = Scene::over(store, project(3), 600);
    deleted.apply(deleted.creation(deleted.project, 2));
    deleted.image(b"a photo of a deleted project", &[deleted.tag("heron")]);
    deleted.apply(deleted.deletion());
}

/// What a project keeps and how long: of photos that an older format did not commit to, whether they are committed to now.
fn kept(store: &LocalStore, project: ProjectId) -> Vec<String> {
    let mut kept =
        vec![format!("retention {}", serde_json::to_string(&store.retention(project).unwrap()).unwrap())];
    for class in RetentionPolicy::CLASSES {
        let query = ItemQuery { with_metadata: true, ..ItemQuery::new(*class, Some(project), 100) };
        for item in store.items(&query).unwrap() {
            let committed = item.commitment.is_some();
            kept.push(format!("{class:?} {:?} {:?} {} bytes {committed}", item.item, item.event, item.bytes));
        }
    }
    kept
}

/// Everything that questions tell of such a directory.
fn told(store: &LocalStore) -> Vec<String> {
    let mut told = Vec::new();
    for state in [ProjectState::Live, ProjectState::DeletedSince(at(0))] {
        let projects = store.projects(state).unwrap().into_iter();
        told.push(format!(
            "{state:?}: {}",
            projects.map(|it| it.id.to_string()).collect::<Vec<_>>().join(" ")
        ));
    }
    store.apply(Change::RestoreProject { project: project(3), at: at(50) }).unwrap();
    for number in 1..=3 {
        told.extend(everything(store, project(number)));
        told.extend(kept(store, project(number)));
    }
    let holds = store.holds().unwrap().into_iter();
    told.extend(holds.map(|hold| format!("hold {}", serde_json::to_string(&hold).unwrap())));
    for operation in store.operations(0, 100).unwrap() {
        told.push(format!("operation {}", serde_json::to_string(&operation).unwrap()));
        for item in store.erased_items(operation.number).unwrap() {
            told.push(format!("erased {:?} {:?}", item.record.erased, item.reason));
        }
    }
    store.apply(Change::DeleteProject { project: project(3), at: at(40) }).unwrap();
    told
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A copy of the directory that a format left.
fn copy(format: u32) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    copy_files(&fixtures().join(format!("format-{format}")), directory.path());
    directory
}

fn copy_files(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
}

fn expected(format: u32) -> Vec<String> {
    let text = fs::read_to_string(fixtures().join(format!("format-{format}.txt"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn assert_same(found: &[String], expected: &[String]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// The files of a directory and their bytes.
fn bytes(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(directory).into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

fn database(directory: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.join("ocelli.sqlite")).unwrap()
}

fn format_of(directory: &Path) -> u32 {
    database(directory).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_directory_of_each_format_answers_every_question() {
    for format in 0..=TODAY {
        let directory = copy(format);
        for _ in 0..2 {
            let store = open(directory.path()).unwrap();
            assert_same(&told(&store), &expected(format));
            let report = store.check(&CheckOptions::default()).unwrap();
            assert!(report.is_sound(), "{format}: {report:?}");
            assert_eq!((report.files, report.unowned), ([10, 12, 11, 12][format as usize], 0), "{format}");
        }
        assert_eq!(format_of(directory.path()), TODAY);
    }
}

#[test]
fn a_directory_of_each_format_takes_changes() {
    for format in 0..=TODAY {
        let directory = copy(format);
        let scene = Scene::over(Arc::new(open(directory.path()).unwrap()), project(1), 5000);
        for hold in scene.store.holds().unwrap() {
            scene.apply(Change::ReleaseHold { hold: hold.id, at: at(60) });
        }
        let images = scene.store.images(scene.project, &ImageQuery::default()).unwrap();
        let tag = scene.store.tags(scene.project).unwrap().remove(0).id;
        scene.image(b"a new photo", &[tag]);
        scene.apply(scene.calibrating_on("base", 2, &[images[0].id]));
        let iteration = scene.complete_on(9, &[(images[0].id, tag)]);
        scene.export(iteration, &[("model.onnx", b"network")]);
        let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        let erasure = scene.erase(scene.deletion_of_images(&ids));
        assert!(erasure.status.is_complete());
        assert_eq!(erasure.iterations.len(), 3, "{format}: {erasure:?}");
        // Format 0 did not know with which photos a model had been calibrated.
        let manifest = scene.store.manifest(scene.project, erasure.iterations[0].id).unwrap();
        assert_eq!(manifest.erased, [4, 5, 5, 5][format as usize], "{format}");
        for number in 1..=3 {
            let _ = scene.erase(Change::EraseProject { project: project(number), at: at(60) });
        }
        assert!(scene.store.projects(ProjectState::DeletedSince(at(0))).unwrap().is_empty());
        assert_eq!(files(&directory.path().join("blobs")), [] as [PathBuf; 0], "{format}");
    }
}

/// The next format's fixture comes from this, too.
#[test]
fn todays_format_is_what_its_fixture_was_written_in() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path());
    if let Some(fixture) = std::env::var_os("OCELLI_WRITE_FIXTURE") {
        let fixture = Path::new(&fixture);
        // Nothing stays in the log once it has been settled and the last connection has been closed.
        drop(open(directory.path()).unwrap());
        database(directory.path())
            .pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))
            .unwrap();
        copy_files(&directory.path().join("blobs"), &fixture.join("blobs"));
        fs::copy(directory.path().join("ocelli.sqlite"), fixture.join("ocelli.sqlite")).unwrap();
        let log = fs::metadata(directory.path().join("ocelli.sqlite-wal")).map_or(0, |log| log.len());
        assert_eq!(log, 0, "the database file is not all of it");
        let store = open(directory.path()).unwrap();
        fs::write(fixture.with_extension("txt"), told(&store).join("\n") + "\n").unwrap();
        return;
    }
    assert_same(&told(&open(directory.path()).unwrap()), &expected(TODAY));
    let (new, old) = (database(directory.path()), copy(TODAY));
    assert_eq!(
        schema(&new),
        schema(&database(old.path())),
        "the schema changes with the format's number only"
    );
}

/// A directory that was brought forward has the tables that a new one has.
#[test]
fn a_migrated_database_has_the_schema_of_a_new_one() {
    let new = tempfile::tempdir().unwrap();
    drop(open(new.path()).unwrap());
    let expected = schema(&database(new.path()));
    for format in 0..TODAY {
        let directory = copy(format);
        drop(open(directory.path()).unwrap());
        assert_eq!(schema(&database(directory.path())), expected, "{format}");
    }
}

/// Tables with their columns, keys and indices; apart from the order of columns and the words that made them.
fn schema(connection: &rusqlite::Connection) -> Vec<String> {
    let all = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut schema = all(
        "SELECT printf('%s.%s %s %s %s %s', m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk)
                          FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'",
    );
    schema.extend(all("SELECT printf('%s -> %s.%s %s', m.name, k.\"table\", k.\"from\", k.on_delete)
                       FROM sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS k WHERE m.type = 'table'"));
    schema.extend(all("SELECT printf('%s: %s of %s %s', m.tbl_name, i.name, m.name, l.\"unique\")
                       FROM sqlite_schema AS m JOIN pragma_index_info(m.name) AS i
                       JOIN pragma_index_list(m.tbl_name) AS l ON l.name = m.name WHERE m.type = 'index'"));
    schema.sort();
    schema
}

/// What a migration takes is gone from the file as well.
#[test]
fn what_a_migration_leaves_out_is_in_no_byte() {
    let directory = copy(0);
    let before = database(directory.path());
    let change = "UPDATE calibrations SET data = ?1; ";
    before.execute(change, [mark(1)]).unwrap_err();
    before.execute("UPDATE calibrations SET data = CAST(?1 AS BLOB)", [mark(1)]).unwrap();
    let change = "UPDATE features SET \"values\" = CAST(?1 AS BLOB)
                  WHERE feature_key IN (SELECT key FROM feature_keys WHERE calibration <> '')";
    assert!(before.execute(change, [mark(2) + "--"]).unwrap() > 0);
    drop(before);
    assert_eq!(held(directory.path()).len(), 2);
    let _store = open(directory.path()).unwrap();
    assert_eq!(held(directory.path()), BTreeMap::new());
}

#[test]
fn photos_that_were_not_measured_yet_are_measured_at_the_next_opening() {
    let directory = copy(1);
    drop(open(directory.path()).unwrap());
    let unmeasured = "UPDATE images SET bytes = NULL, salt = NULL, commitment = NULL WHERE created % 2 = 0;
                      UPDATE predictions SET bytes = NULL, salt = NULL, commitment = NULL WHERE created % 2 = 0";
    database(directory.path()).execute_batch(unmeasured).unwrap();
    assert_same(&told(&open(directory.path()).unwrap()), &expected(1));
}

/// One that is not what was stored, or cannot be read, is committed to by nobody, keeps nothing from being opened, listed or
/// erased, and is measured once it is there again.
#[test]
fn photos_that_are_damaged_as_a_directory_is_brought_forward_wait_until_they_are_stored_again() {
    for way in ["damaged", "missing", "unreadable"] {
        let directory = copy(1);
        let before = files(&directory.path().join("blobs").join(project(1).to_string()));
        let photos: Vec<(PathBuf, Vec<u8>)> =
            before.into_iter().map(|file| (file.clone(), fs::read(&file).unwrap())).collect();
        for (file, _) in &photos {
            fs::remove_file(file).unwrap();
            match way {
                "damaged" => fs::write(file, b"something else").unwrap(),
                // Nobody can read a folder as a file.
                "unreadable" => fs::create_dir(file).unwrap(),
                _ => {}
            }
        }
        let store = open(directory.path()).unwrap();
        let items = |store: &LocalStore, class| {
            let query = ItemQuery { with_metadata: true, ..ItemQuery::new(class, Some(project(1)), 100) };
            store.items(&query).unwrap()
        };
        for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto] {
            let found = items(&store, class);
            assert!(!found.is_empty());
            assert!(
                found.iter().all(|item| item.bytes == 0 && item.commitment.is_none()),
                "{way}: {found:?}"
            );
        }
        let images = store.images(project(1), &ImageQuery::default()).unwrap();
        let answers = store.predictions(project(1), &PredictionQuery::default()).unwrap().results;
        assert!(!images.is_empty() && !answers.is_empty());
        let refused = store.commitment(project(1), Erased::Image(images[0].id)).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
        drop(store);

        // They come back, and what is erased before that goes all the same.
        let scene = Scene::over(Arc::new(open(directory.path()).unwrap()), project(1), 5000);
        let _ = scene.erase(scene.deletion_of_images(&[images[0].id]));
        let _ = scene.erase(Change::DeletePredictions {
            project: project(1),
            predictions: vec![answers[0].prediction.id],
            at: at(60),
        });
        drop(scene);
        for (file, bytes) in &photos {
            if way == "unreadable" {
                fs::remove_dir(file).unwrap();
            }
            fs::write(file, bytes).unwrap();
        }
        let store = open(directory.path()).unwrap();
        for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto] {
            let found = items(&store, class);
            assert!(found.iter().all(|item| item.bytes > 0 && item.commitment.is_some()), "{way}: {found:?}");
        }
        assert!(store.check(&CheckOptions::default()).unwrap().is_sound(), "{way}");
    }
}

#[test]
fn a_newer_format_is_left_as_it_is() {
    let directory = copy(TODAY);
    database(directory.path()).pragma_update(None, "user_version", TODAY + 1).unwrap();
    let before = bytes(directory.path());
    let refused = open(directory.path()).unwrap_err();
    assert!(
        matches!(refused, StoreError::Format { found, supported: TODAY, .. } if found == TODAY + 1),
        "{refused}"
    );
    assert!(refused.to_string().contains("newer"), "{refused}");
    assert_as_before(&directory, &before);
}

/// No file has changed, and those that came are locks and SQLite's empty log.
fn assert_as_before(directory: &TempDir, before: &BTreeMap<PathBuf, Vec<u8>>) {
    let mut after = bytes(directory.path());
    for (file, bytes) in before {
        assert!(after.remove(file).as_ref() == Some(bytes), "{file:?}");
    }
    after.retain(|file, bytes| !bytes.is_empty() && !file.ends_with("ocelli.sqlite-shm"));
    assert_eq!(after, BTreeMap::new());
}

#[test]
fn a_format_0_from_before_its_end_is_refused_with_advice() {
    let directory = copy(0);
    database(directory.path()).execute_batch("ALTER TABLE iterations DROP COLUMN publish_precision").unwrap();
    let before = bytes(directory.path());
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Format { found: 0, supported: TODAY, .. }), "{refused}");
    assert!(refused.to_string().contains("train anew"), "{refused}");
    assert_as_before(&directory, &before);
}

#[test]
fn a_migration_that_was_killed_half_way_begins_again() {
    let directory = copy(0);
    let half = database(directory.path());
    // Every page goes to the log at once, and no end of the transaction ever does.
    half.execute_batch("PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN IMMEDIATE").unwrap();
    half.execute_batch(include_str!("../src/migration/from_0.sql")).unwrap();
    half.execute_batch("CREATE TABLE filler AS SELECT zeroblob(500000)").unwrap();
    let killed = tempfile::tempdir().unwrap();
    copy_files(directory.path(), killed.path());
    fs::remove_file(killed.path().join("ocelli.sqlite-shm")).unwrap();
    assert!(fs::metadata(killed.path().join("ocelli.sqlite-wal")).unwrap().len() > 500_000);
    assert_eq!(format_of(killed.path()), 0);
    assert_same(&told(&open(killed.path()).unwrap()), &expected(0));
    assert_eq!(format_of(killed.path()), TODAY);
}
