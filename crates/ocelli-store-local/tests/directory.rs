//! What the directory holds, and what happens where it does not hold what it should.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod moment;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocelli_core::{Limits, Origin, ProjectId};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{Change, ImageFilter, ImageQuery, ProjectState, Store, StoreError};
use ocelli_store_local::LocalStore;
use tempfile::TempDir;

use moment::options;

fn open(path: &Path) -> Result<LocalStore, StoreError> {
    LocalStore::open(path, options(Limits::default()))
}

/// A directory with a project in it.
fn scene() -> (Scene, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (again(&directory, true), directory)
}

/// Another handle of the directory.
fn again(directory: &TempDir, create: bool) -> Scene {
    let store = Arc::new(open(directory.path()).unwrap());
    let project = ProjectId::new(at(0), [0; 10]);
    let scene = Scene::over(store, project, if create { 1 } else { 1000 });
    if create {
        scene.apply(scene.creation(project, 0));
    }
    scene
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn blobs(directory: &TempDir) -> Vec<PathBuf> {
    files(&directory.path().join("blobs"))
}

#[test]
fn reopening_keeps_everything() {
    let (scene, directory) = scene();
    let oak = scene.tag("oak");
    let image = scene.image(b"a", &[oak]);
    let iteration = scene.complete(3);
    scene.apply(scene.publication(iteration, "live", false));
    let kept = scene.answer(0, &[(oak, 0.7)]);
    let prediction = scene.keep(&kept, b"b");
    let before = (
        scene.look(image),
        scene.store.tags(scene.project).unwrap(),
        scene.store.iterations(scene.project).unwrap(),
    );
    drop(scene);
    let scene = again(&directory, false);
    let after = (
        scene.look(image),
        scene.store.tags(scene.project).unwrap(),
        scene.store.iterations(scene.project).unwrap(),
    );
    assert_eq!(after, before);
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
    assert_eq!(scene.store.model(scene.project, iteration).unwrap(), Scene::trained(3).model);
    assert_eq!(scene.store.prediction(scene.project, prediction).unwrap().prediction, kept.prediction);
    assert_eq!(scene.store.prediction_bytes(scene.project, prediction).unwrap(), b"b");
}

#[test]
fn another_handle_sees_each_change_at_its_next_call() {
    let (one, directory) = scene();
    let two = again(&directory, false);
    let oak = one.tag("oak");
    let image = two.image(b"a", &[oak]);
    assert_eq!(one.tags_of(image), [oak]);
    let _lock = one.store.lock_training(one.project).unwrap();
    assert!(matches!(two.store.lock_training(two.project), Err(StoreError::TrainingInProgress)));
    one.apply(one.deletion());
    assert!(two.store.project(two.project).is_err());
}

#[test]
fn a_damaged_photo_is_told_from_what_was_stored_and_made_good_by_uploading_it_again() {
    let (scene, directory) = scene();
    let image = scene.image(b"the photo", &[]);
    let blob = blobs(&directory).remove(0);
    let set_aside = || files(&directory.path().join("damaged"));
    for damage in [&b"the phot0"[..], b"the phot", b""] {
        fs::write(&blob, damage).unwrap();
        for _ in 0..2 {
            let answer = scene.store.image_bytes(scene.project, image);
            assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{damage:?}: {answer:?}");
        }
        assert!(!blob.exists() && set_aside().len() == 1, "it has been set aside");
        assert_eq!(scene.image(b"the photo", &[]), image);
        assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"the photo");
        assert!(set_aside().is_empty(), "what was damaged has been made good");
    }
    fs::write(&blob, "the phot0").unwrap();
    scene.store.image_bytes(scene.project, image).unwrap_err();
    scene.apply(scene.deletion_of_images(&[image]));
    assert!(set_aside().is_empty(), "it goes with the photo");
}

#[test]
fn a_missing_file_is_damage_and_not_a_missing_photo() {
    let (scene, directory) = scene();
    let image = scene.image(b"a", &[]);
    fs::remove_file(blobs(&directory).remove(0)).unwrap();
    let answer = scene.store.image_bytes(scene.project, image);
    assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    scene.image(b"a", &[]);
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
}

#[test]
fn files_come_and_go_with_what_refers_to_them() {
    let (scene, directory) = scene();
    let (one, two) = (scene.image(b"a", &[]), scene.image(b"b", &[]));
    scene.image(b"a", &[]);
    let kept = scene.keep(&scene.answer(0, &[]), b"a");
    let count = || (blobs(&directory).len(), files(&directory.path().join("staging")).len());
    assert_eq!(count(), (2, 1), "two blobs, and the lock of the staging folder");
    scene.apply(scene.deletion_of_images(&[one, two]));
    assert_eq!(count(), (1, 1));
    scene.apply(Change::DeletePredictions { project: scene.project, predictions: vec![kept], at: at(1) });
    assert_eq!(count(), (0, 1));
    drop(scene);
    assert_eq!(count(), (0, 0));
}

#[test]
fn what_was_deleted_is_in_no_file() {
    let (scene, directory) = scene();
    let secret = "a name that nobody shall read again";
    let mut new = scene.new_image(b"the bytes that nobody shall see", &[scene.tag(secret)]);
    new.image.origin = Origin::Upload { name: Some(secret.to_owned()) };
    let image = scene.add(vec![new]).remove(0).unwrap().image;
    let held = |needle: &[u8]| {
        let holds =
            |path: &PathBuf| fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle);
        files(directory.path()).iter().any(holds)
    };
    assert!(held(secret.as_bytes()) && held(b"the bytes that"));
    scene.apply(scene.deletion_of_images(&[image.id]));
    scene.apply(scene.deletion_of_tag(image.tags[0].tag_id));
    assert!(!held(secret.as_bytes()) && !held(b"the bytes that"));
}

/// Makes a file as if it were the bytes of a photo of the scene's project, and gives its name.
fn stray_blob(directory: &TempDir, scene: &Scene, byte: u8) -> (PathBuf, String) {
    let hash = format!("{byte:02x}").repeat(32);
    let folder = directory.path().join("blobs").join(scene.project.to_string()).join(&hash[..2]);
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(&hash);
    fs::write(&file, "stray").unwrap();
    (file, hash)
}

#[test]
fn what_a_crash_left_of_an_upload_goes_at_the_next_opening() {
    let (scene, directory) = scene();
    let image = scene.image(b"a", &[]);
    let (stray, _) = stray_blob(&directory, &scene, 0x3f);
    let abandoned = directory.path().join("staging/77-0");
    fs::create_dir(&abandoned).unwrap();
    fs::write(directory.path().join("staging/77-0.lock"), "").unwrap();
    fs::write(abandoned.join("5-0"), "half").unwrap();
    fs::create_dir(directory.path().join("staging/78-0")).unwrap();
    let database = rusqlite::Connection::open(directory.path().join("ocelli.sqlite")).unwrap();
    let arrival = "INSERT INTO arrivals SELECT '77-0', 5, project, content FROM images";
    database.execute(arrival, ()).unwrap();
    let arrival = "INSERT INTO arrivals VALUES ('77-0', 5, ?1, ?2)";
    database.execute(arrival, (scene.project.to_string(), [0x3f_u8; 32])).unwrap();
    let reopened = again(&directory, false);
    assert!(!abandoned.exists() && !stray.exists() && !directory.path().join("staging/78-0").exists());
    assert_eq!(reopened.store.image_bytes(scene.project, image).unwrap(), b"a");
    assert_eq!(files(&directory.path().join("staging")).len(), 2, "the locks of the two handles");
}

/// Of a process that was killed while others go on, so that nobody opens the directory.
#[test]
fn what_a_crash_left_of_an_upload_goes_with_the_photo_that_it_was() {
    let (scene, directory) = scene();
    let image = scene.image(b"the photo", &[]);
    let abandoned = directory.path().join("staging/77-0");
    fs::create_dir(&abandoned).unwrap();
    fs::write(directory.path().join("staging/77-0.lock"), "").unwrap();
    fs::write(abandoned.join("5-0"), "the photo").unwrap();
    let database = rusqlite::Connection::open(directory.path().join("ocelli.sqlite")).unwrap();
    let arrival = "INSERT INTO arrivals SELECT '77-0', 5, project, content FROM images";
    database.execute(arrival, ()).unwrap();
    drop(database);
    assert!(scene.erase(scene.deletion_of_images(&[image])).status.is_complete());
    assert_eq!(blobs(&directory), [] as [PathBuf; 0]);
    assert_eq!(files(&directory.path().join("staging")).len(), 1, "the lock of this handle");
}

#[test]
fn damaged_bytes_are_left_alone_while_the_right_ones_are_on_their_way() {
    let (scene, directory) = scene();
    let image = scene.image(b"the photo", &[]);
    let blob = blobs(&directory).remove(0);
    fs::write(&blob, "damaged").unwrap();
    let database = rusqlite::Connection::open(directory.path().join("ocelli.sqlite")).unwrap();
    database.execute("INSERT INTO arrivals SELECT 'x', 5, project, content FROM images", ()).unwrap();
    assert!(matches!(scene.store.image_bytes(scene.project, image), Err(StoreError::Corrupt { .. })));
    assert!(blob.exists(), "it may be the right one in a moment");
    database.execute("DELETE FROM arrivals", ()).unwrap();
    assert!(matches!(scene.store.image_bytes(scene.project, image), Err(StoreError::Corrupt { .. })));
    assert!(!blob.exists());
}

#[test]
fn one_file_that_cannot_be_removed_does_not_keep_the_others() {
    let (scene, directory) = scene();
    let images = [scene.image(b"a", &[]), scene.image(b"b", &[])];
    let (stubborn, other) = (blobs(&directory).remove(0), blobs(&directory).remove(1));
    fs::remove_file(&stubborn).unwrap();
    // A folder is not removed as a file is.
    fs::create_dir(&stubborn).unwrap();
    let erasure = scene.erase(scene.deletion_of_images(&images));
    assert!(!erasure.status.is_complete() && !other.exists());
    fs::remove_dir(&stubborn).unwrap();
    assert!(scene.store.finish_erasures().unwrap().is_complete());
}

#[test]
fn more_notes_than_are_taken_up_at_once_are_worked_off_around_files_that_cannot_be_removed() {
    let (scene, directory) = scene();
    let (stray, _) = stray_blob(&directory, &scene, 0x3f);
    // A folder is not removed as a file is.
    let (stubborn, _) = stray_blob(&directory, &scene, 0x00);
    fs::remove_file(&stubborn).unwrap();
    fs::create_dir(&stubborn).unwrap();
    let database = rusqlite::Connection::open(directory.path().join("ocelli.sqlite")).unwrap();
    let note = "INSERT INTO removals (project, content) VALUES (?1, ?2)";
    let project = scene.project.to_string();
    database.execute(note, (&project, [0x00_u8; 32])).unwrap();
    let missing = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40000)
                   INSERT INTO removals (project, content) SELECT ?1, randomblob(32) FROM n";
    database.execute(missing, [&project]).unwrap();
    database.execute(note, (&project, [0x3f_u8; 32])).unwrap();
    assert!(scene.store.finish_erasures().is_err());
    assert!(!stray.exists());
    let left =
        || database.query_row("SELECT count(*) FROM removals", (), |row| row.get::<_, u32>(0)).unwrap();
    assert_eq!(left(), 1);
    fs::remove_dir(&stubborn).unwrap();
    assert!(scene.store.finish_erasures().unwrap().is_complete());
    assert_eq!(left(), 0);
}

#[test]
fn what_a_crash_left_of_a_deletion_goes_at_the_next_opening() {
    let (scene, directory) = scene();
    let image = scene.image(b"a", &[]);
    let (stray, _) = stray_blob(&directory, &scene, 0x3f);
    let database = rusqlite::Connection::open(directory.path().join("ocelli.sqlite")).unwrap();
    let note = "INSERT INTO removals (project, content) SELECT project, content FROM images";
    database.execute(note, ()).unwrap();
    let note = "INSERT INTO removals (project, content) VALUES (?1, ?2)";
    database.execute(note, (scene.project.to_string(), [0x3f_u8; 32])).unwrap();
    let reopened = again(&directory, false);
    assert!(!stray.exists());
    assert_eq!(reopened.store.image_bytes(scene.project, image).unwrap(), b"a");
}

#[test]
fn refused_and_failed_changes_leave_no_file() {
    let (scene, directory) = scene();
    let nowhere = ocelli_core::TagId::new(at(0), [9; 10]);
    assert!(scene.add(vec![scene.new_image(b"a", &[nowhere])])[0].is_err());
    let many = (0..65).map(|i| scene.new_image(&[i], &[])).collect();
    scene.refuse(Change::AddImages { project: scene.project, images: many });
    assert_eq!(blobs(&directory), [] as [PathBuf; 0]);
    assert_eq!(files(&directory.path().join("staging")).len(), 1, "the lock");
}

#[test]
fn no_path_is_made_from_what_people_wrote() {
    let (scene, directory) = scene();
    let inside = directory.path().join("store");
    let store = Arc::new(open(&inside).unwrap());
    let scene = Scene::over(store, scene.project, 1);
    scene.apply(scene.creation(scene.project, 0));
    let long = "x".repeat(250);
    for (number, text) in (0u8..).zip(["../../x", "/etc/passwd", "C:\\x", "a/b", ".", long.as_str()]) {
        let tag = scene.tag(text);
        let mut new = scene.new_image(&[number], &[tag]);
        new.image.origin = Origin::Upload { name: Some(format!("{text}\u{0}/../x")) };
        let id = scene.add(vec![new.clone()]).remove(0).unwrap().image.id;
        assert_eq!(scene.look(id), new.image);
        let iteration = scene.begin(Some(text)).id;
        scene.apply(scene.completion(iteration, 1));
        scene.apply(scene.publication(iteration, text, false));
    }
    for path in files(&inside) {
        let path = path.strip_prefix(&inside).unwrap().to_str().unwrap();
        let known = |c: char| c.is_ascii_hexdigit() || c == '-';
        let is_blob = path
            .strip_prefix("blobs/")
            .is_some_and(|rest| rest.split('/').all(|part| part.chars().all(known)));
        let is_own = ["ocelli.sqlite", "locks/open.lock", "locks/write.lock", "staging/", "reserve"]
            .iter()
            .any(|own| path.starts_with(own));
        assert!(is_blob || is_own, "{path}");
    }
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ocelli.sqlite");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(open(directory.path()), Err(StoreError::Corrupt { .. })));
    let count = "SELECT count(*) FROM sqlite_schema";
    let tables = rusqlite::Connection::open(&path).unwrap().query_row(count, (), |row| row.get::<_, i64>(0));
    assert_eq!(tables.unwrap(), 1);
}

#[test]
fn a_newer_format_is_refused_by_number() {
    let (scene, directory) = scene();
    drop(scene);
    let database = rusqlite::Connection::open(directory.path().join("ocelli.sqlite")).unwrap();
    database.pragma_update(None, "user_version", 7).unwrap();
    assert!(matches!(open(directory.path()), Err(StoreError::Format { found: 7, supported: 3, .. })));
}

#[test]
fn a_file_that_is_no_database_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("ocelli.sqlite"),
        "not a database, but long enough to look like one".repeat(100),
    )
    .unwrap();
    assert!(matches!(open(directory.path()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_lost_database_is_not_begun_anew_beside_its_photos() {
    let (scene, directory) = scene();
    scene.image(b"a", &[]);
    drop(scene);
    let database = directory.path().join("ocelli.sqlite");
    fs::remove_file(directory.path().join("ocelli.sqlite-wal")).unwrap();
    let kept = fs::read(&database).unwrap();
    for lost in [None, Some(b"")] {
        match lost {
            None => fs::remove_file(&database).unwrap(),
            Some(empty) => fs::write(&database, empty).unwrap(),
        }
        let opened = open(directory.path());
        assert!(matches!(&opened, Err(StoreError::Corrupt { .. })), "{opened:?}");
        assert_eq!(blobs(&directory).len(), 1);
    }
    fs::write(&database, kept).unwrap();
    open(directory.path()).unwrap();
}

#[test]
fn a_record_that_cannot_be_read_is_damage() {
    let (scene, directory) = scene();
    let image = scene.image(b"a", &[]);
    let database = rusqlite::Connection::open(directory.path().join("ocelli.sqlite")).unwrap();
    database.execute_batch("UPDATE images SET origin = 'nonsense'").unwrap();
    let answer = scene.store.images_by_id(scene.project, &[image]);
    assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
}

#[test]
fn a_place_that_is_no_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(open(&file), Err(StoreError::Backend { .. })));
    assert!(matches!(open(&file.join("below")), Err(StoreError::Backend { .. })));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("data");
    let store = Arc::new(open(&root).unwrap());
    let scene = Scene::over(store, ProjectId::new(at(0), [0; 10]), 1);
    scene.apply(scene.creation(scene.project, 0));
    scene.image(b"a", &[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode(&root), 0);
    for path in files(&root.join("blobs")) {
        assert_eq!(mode(&path), 0, "{path:?}");
    }
}

#[test]
fn threads_share_a_handle() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(directory.path()).unwrap());
    let project = ProjectId::new(at(0), [0; 10]);
    let creation = Scene::over(Arc::clone(&store), project, 1).creation(project, 0);
    store.apply(creation).unwrap();
    std::thread::scope(|threads| {
        for thread in 0..4u8 {
            let store = Arc::clone(&store);
            threads.spawn(move || {
                let scene = Scene::over(store, project, 1000 * (u32::from(thread) + 1));
                for number in 0..5 {
                    let id = scene.image(&[thread, number], &[]);
                    assert_eq!(scene.store.image_bytes(project, id).unwrap(), [thread, number]);
                    scene.image(&[number], &[]);
                }
            });
        }
    });
    assert_eq!(store.image_count(project, &ImageFilter::default()).unwrap(), 25);
    assert_eq!(store.images(project, &ImageQuery::default()).unwrap().len(), 25);
    assert_eq!(store.projects(ProjectState::Live).unwrap().len(), 1);
}
