//! What a check finds in a directory that something went wrong with, and what it repairs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod marks;
mod moment;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ocelli_core::*;
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::*;
use ocelli_store_local::LocalStore;
use tempfile::TempDir;

use marks::{files, held, mark};
use moment::options;

/// Looking only, and repairing what it finds, however new.
const LOOK: CheckOptions = CheckOptions { repair: false, grace: Duration::ZERO };
const REPAIR: CheckOptions = CheckOptions { repair: true, grace: Duration::ZERO };

struct Stage {
    scene: Scene,
    directory: TempDir,
    image: ImageId,
    prediction: PredictionId,
    export: ExportId,
}

impl Stage {
    /// A photo, a kept prediction and an export of two files, each with bytes of its own.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(LocalStore::open(directory.path(), options(Limits::default())).unwrap());
        let scene = Scene::over(store, ProjectId::new(at(0), [0; 10]), 1);
        scene.apply(scene.creation(scene.project, 0));
        let oak = scene.tag("oak");
        let image = scene.image(b"a photo", &[oak]);
        let prediction = scene.keep(&scene.answer(1, &[(oak, 0.5)]), b"a kept photo");
        let iteration = scene.complete_on(1, &[(image, oak)]);
        let export = scene.export(iteration, &[("model.onnx", b"a network"), ("labels.txt", b"oak")]);
        Self { scene, directory, image, prediction, export }
    }

    fn check(&self, options: &CheckOptions) -> CheckReport {
        self.scene.store.check(options).unwrap()
    }

    fn path(&self, folder: &str) -> PathBuf {
        self.directory.path().join(folder)
    }

    /// Where these bytes lie.
    fn place(&self, bytes: &[u8]) -> PathBuf {
        let holds = |file: &PathBuf| fs::read(file).unwrap() == bytes;
        files(&self.path("blobs")).into_iter().find(holds).unwrap()
    }

    fn bytes(&self) -> [Result<Vec<u8>, StoreError>; 3] {
        let (store, project) = (&self.scene.store, self.scene.project);
        [
            store.image_bytes(project, self.image),
            store.prediction_bytes(project, self.prediction),
            store.export_bytes(project, self.export, &name("model.onnx")),
        ]
    }

    fn owners(&self) -> [Owner; 3] {
        let project_id = self.scene.project;
        [
            Owner::Image { project_id, id: self.image },
            Owner::Prediction { project_id, id: self.prediction },
            Owner::Export { project_id, id: self.export, file: name("model.onnx") },
        ]
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("ocelli.sqlite")).unwrap()
    }

    /// A file as if it were bytes of the project, that nothing refers to.
    fn stray(&self, folder: &str) -> PathBuf {
        let hash = "3f".repeat(32);
        let folder = self.path(folder).join(self.scene.project.to_string());
        let folder = if folder.starts_with(self.path("blobs")) { folder.join("3f") } else { folder };
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(&hash), "stray").unwrap();
        folder.join(hash)
    }
}

const CONTENTS: [&[u8]; 3] = [b"a photo", b"a kept photo", b"a network"];

fn sorted(mut owners: Vec<Owner>) -> Vec<Owner> {
    owners.sort();
    owners
}

#[test]
fn a_sound_directory_is_counted() {
    let stage = Stage::new();
    for options in [LOOK, REPAIR, CheckOptions::default()] {
        let report = stage.check(&options);
        assert_eq!(report, CheckReport { files: 4, bytes: 7 + 12 + 9 + 3, ..CheckReport::default() });
        assert!(report.is_sound());
    }
}

#[test]
fn damaged_bytes_are_told_by_their_owners_and_set_aside_when_repairing() {
    let stage = Stage::new();
    for (number, bytes) in CONTENTS.iter().enumerate() {
        fs::write(stage.place(bytes), [&b"damaged"[..], &[], &bytes[1..]][number]).unwrap();
    }
    let before = files(&stage.path("blobs"));
    let report = stage.check(&LOOK);
    assert_eq!(sorted(report.damaged.clone()), sorted(stage.owners().to_vec()));
    assert!(!report.is_sound() && report.missing.is_empty() && report.unowned == 0, "{report:?}");
    assert_eq!(files(&stage.path("blobs")), before, "looking moves nothing");

    assert_eq!(stage.check(&REPAIR).damaged.len(), 3);
    assert_eq!(files(&stage.path("blobs")).len(), 1);
    assert_eq!(files(&stage.path("damaged")).len(), 3);
    for answer in stage.bytes() {
        assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    }
    let report = stage.check(&REPAIR);
    assert_eq!(sorted(report.missing.clone()), sorted(stage.owners().to_vec()), "{report:?}");
    assert!(report.damaged.is_empty());
    assert_eq!((report.unowned, files(&stage.path("damaged")).len()), (0, 3), "their records are there");
}

#[test]
fn damaged_bytes_that_were_set_aside_are_never_served() {
    let stage = Stage::new();
    fs::write(stage.place(CONTENTS[0]), "damaged").unwrap();
    stage.check(&REPAIR);
    let reopened = LocalStore::open(stage.directory.path(), options(Limits::default())).unwrap();
    for store in [stage.scene.store.as_ref(), &reopened] {
        let answer = store.image_bytes(stage.scene.project, stage.image);
        assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
        assert!(!store.check(&REPAIR).unwrap().is_sound());
    }
    assert_eq!(stage.scene.image(CONTENTS[0], &[]), stage.image, "uploading it again makes it good");
    assert!(stage.check(&LOOK).is_sound());
    assert_eq!(stage.bytes()[0].as_ref().unwrap(), CONTENTS[0]);
    assert!(files(&stage.path("damaged")).is_empty());
}

#[test]
fn missing_bytes_are_told_by_their_owners_until_those_are_deleted() {
    let stage = Stage::new();
    for bytes in CONTENTS {
        fs::remove_file(stage.place(bytes)).unwrap();
    }
    for options in [LOOK, REPAIR] {
        let report = stage.check(&options);
        assert_eq!(sorted(report.missing.clone()), sorted(stage.owners().to_vec()), "{report:?}");
        assert!(report.damaged.is_empty() && !report.is_sound());
    }
    let scene = &stage.scene;
    let predictions = vec![stage.prediction];
    for change in [
        scene.deletion_of_images(&[stage.image]),
        Change::DeletePredictions { project: scene.project, predictions, at: at(1) },
        scene.deletion_of_export(stage.export),
    ] {
        assert!(scene.erase(change).status.is_complete());
    }
    assert_eq!(stage.check(&LOOK), CheckReport::default());
}

#[test]
fn bytes_that_two_records_share_are_told_by_both() {
    let stage = Stage::new();
    let id = stage.scene.keep(&stage.scene.answer(2, &[]), CONTENTS[0]);
    fs::write(stage.place(CONTENTS[0]), "damaged").unwrap();
    let expected = [stage.owners()[0].clone(), Owner::Prediction { project_id: stage.scene.project, id }];
    assert_eq!(sorted(stage.check(&LOOK).damaged), sorted(expected.to_vec()));
}

#[test]
fn bytes_of_a_deleted_project_are_checked_too() {
    let stage = Stage::new();
    fs::remove_file(stage.place(CONTENTS[0])).unwrap();
    stage.scene.apply(stage.scene.deletion());
    assert_eq!(stage.check(&LOOK).missing, stage.owners()[..1]);
}

#[test]
fn bytes_without_a_record_go_once_their_grace_is_over_and_only_when_repairing() {
    for folder in ["blobs", "damaged"] {
        let stage = Stage::new();
        let stray = stage.stray(folder);
        let hour = |repair| CheckOptions { repair, grace: Duration::from_secs(3600) };
        for options in [LOOK, hour(false), hour(true)] {
            let report = stage.check(&options);
            assert_eq!((report.unowned, report.removed), (1, 0), "{folder} {options:?}");
            assert!(stray.exists() && report.is_sound(), "{folder}: they lose nothing");
        }
        let two_hours_ago = SystemTime::now() - Duration::from_secs(7200);
        File::options().append(true).open(&stray).unwrap().set_modified(two_hours_ago).unwrap();
        assert_eq!(stage.check(&hour(false)).removed, 0, "{folder}");
        let report = stage.check(&hour(true));
        assert_eq!((report.unowned, report.removed, stray.exists()), (1, 1, false), "{folder}");
        assert_eq!(stage.check(&LOOK).unowned, 0, "{folder}");
        assert!(stage.bytes().iter().all(Result::is_ok), "{folder}");
    }
}

#[test]
fn what_the_store_would_not_have_named_so_is_told_and_left_alone() {
    let stage = Stage::new();
    let folder = stage.path("blobs").join(stage.scene.project.to_string());
    let theirs = [stage.path("blobs/README"), folder.join("README"), folder.join("3f/note")];
    fs::create_dir_all(folder.join("3f")).unwrap();
    fs::create_dir_all(stage.path("blobs/theirs/3f")).unwrap();
    theirs.iter().for_each(|file| fs::write(file, "theirs").unwrap());
    let report = stage.check(&REPAIR);
    assert_eq!((report.unowned, report.removed), (4, 0), "three files and a folder");
    assert!(theirs.iter().all(|file| file.exists()));
}

#[test]
fn what_another_handle_is_uploading_is_no_file_without_a_record() {
    let stage = Stage::new();
    let stray = stage.stray("blobs");
    let other = LocalStore::open(stage.directory.path(), options(Limits::default())).unwrap();
    let handles = fs::read_dir(stage.path("staging")).unwrap();
    let names = handles.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let handle = names.max().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let arrival = "INSERT INTO arrivals VALUES (?1, 5, ?2, ?3)";
    let project = stage.scene.project.to_string();
    stage.database().execute(arrival, (handle, project, [0x3f_u8; 32])).unwrap();
    assert_eq!(stage.check(&REPAIR).unowned, 0);
    assert!(stray.exists());
    drop(other);
}

#[test]
fn a_row_that_refers_to_nothing_is_told() {
    let stage = Stage::new();
    stage
        .database()
        .execute_batch(
            "PRAGMA foreign_keys = OFF; DELETE FROM images;
             INSERT INTO export_files (project, export, name, size, content) VALUES ('p', 'e', 'n', 1, x'00');",
        )
        .unwrap();
    let report = stage.check(&LOOK);
    assert!(!report.is_sound());
    for table in ["image_tags", "export_files"] {
        assert!(report.records.iter().any(|complaint| complaint.contains(table)), "{report:?}");
    }
}

#[test]
fn an_index_that_does_not_agree_with_its_table_is_told() {
    let Stage { scene, directory, .. } = Stage::new();
    drop(scene);
    let path = directory.path().join("ocelli.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    let number = |sql: &str| database.query_row(sql, (), |row| row.get::<_, u64>(0)).unwrap();
    let root = number("SELECT rootpage FROM sqlite_schema WHERE name = 'images_by_time'");
    let size = number("PRAGMA page_size");
    // Closing the last connection of another program empties the log.
    drop(database);
    // A page of an index without entries.
    let empty = [10, 0, 0, 0, 0, u8::try_from(size >> 8).unwrap(), 0, 0];
    overwrite(&path, (root - 1) * size, &empty);
    let store = LocalStore::open(directory.path(), options(Limits::default())).unwrap();
    let report = store.check(&LOOK).unwrap();
    assert!(report.records.iter().any(|complaint| complaint.contains("images_by_time")), "{report:?}");
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn what_another_program_left_in_the_database_is_overwritten_when_repairing() {
    let stage = Stage::new();
    let theirs = stage.database();
    theirs.execute_batch("PRAGMA secure_delete = OFF").unwrap();
    let insert =
        "INSERT INTO tags (project, id, name, description, type) VALUES (?1, 'theirs', ?2, '', 'Regular')";
    theirs.execute(insert, (stage.scene.project.to_string(), mark(1))).unwrap();
    theirs.execute_batch("DELETE FROM tags WHERE id = 'theirs'; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(theirs);
    assert!(held(stage.directory.path()).contains_key(&1));
    stage.check(&LOOK);
    assert!(held(stage.directory.path()).contains_key(&1));
    stage.check(&REPAIR);
    assert!(held(stage.directory.path()).is_empty());
    assert!(stage.check(&LOOK).is_sound());
}

#[test]
fn a_checkpoint_is_counted_read_and_told_like_other_bytes() {
    let stage = Stage::new();
    let (scene, project_id) = (&stage.scene, stage.scene.project);
    let id = scene.begin(None).id;
    scene.apply(scene.checkpoint(id, b"weights", &[stage.image]));
    assert_eq!(stage.check(&LOOK), CheckReport { files: 5, bytes: 31 + 7, ..CheckReport::default() });
    let reopened = LocalStore::open(stage.directory.path(), options(Limits::default())).unwrap();
    assert_eq!(reopened.checkpoint(project_id, id).unwrap().unwrap(), b"weights");
    fs::write(stage.place(b"weights"), "damaged").unwrap();
    assert_eq!(stage.check(&LOOK).damaged, [Owner::Checkpoint { project_id, id }]);
    let answer = scene.store.checkpoint(project_id, id);
    assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    // Nothing of it is in the way: not of the next one, and not of erasing a photo.
    scene.apply(scene.checkpoint(id, b"more weights", &[stage.image]));
    assert!(stage.check(&LOOK).is_sound());
    assert!(files(&stage.path("damaged")).is_empty());
    fs::remove_file(stage.place(b"more weights")).unwrap();
    assert_eq!(stage.check(&LOOK).missing, [Owner::Checkpoint { project_id, id }]);
    assert!(scene.erase(scene.deletion_of_images(&[stage.image])).status.is_complete());
    assert!(scene.store.checkpoint(project_id, id).unwrap().is_none());
    assert!(stage.check(&LOOK).is_sound());
}

/// A value of the size of a real one: the log does not hold it, and one at a time lies on the disk.
#[test]
fn a_checkpoint_goes_by_the_log() {
    let stage = Stage::new();
    let scene = &stage.scene;
    let id = scene.begin(None).id;
    let before = fs::metadata(stage.path("ocelli.sqlite")).unwrap().len();
    for round in 0..4_u8 {
        scene.apply(scene.checkpoint(id, &vec![round; 6 << 20], &[stage.image]));
        assert_eq!(files(&stage.path("blobs")).len(), 5);
        let log = fs::metadata(stage.path("ocelli.sqlite-wal")).unwrap().len();
        let database = fs::metadata(stage.path("ocelli.sqlite")).unwrap().len();
        assert!(log < 1 << 20 && database < before + (1 << 20), "{log} {database}");
    }
}
