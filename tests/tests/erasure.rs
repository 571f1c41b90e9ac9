//! What has been erased is nowhere in the data directory, while the directory is still open.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli::{Keep, Metadata, Name, Upload};
use ocelli_tests::{Scene, drawn, trained};

/// The files of the directory that contain these bytes.
fn holding(folder: &Path, part: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, part));
        } else if std::fs::read(&path).unwrap().windows(part.len()).any(|window| window == part) {
            found.push(path);
        }
    }
    found
}

const SECRET: &str = "a name that nothing else has";

#[test]
fn a_deleted_photo_leaves_neither_bytes_nor_name_nor_metadata() {
    let scene = Scene::in_directory();
    let (project, _) = trained(&scene.ocelli);
    let metadata = Metadata::new(BTreeMap::from([("who".to_owned(), SECRET.to_owned())])).unwrap();
    let photo = drawn(90);
    let upload = Upload::bytes(photo.clone()).named(SECRET).metadata(metadata);
    let image = project.add_images(vec![upload]).unwrap().added().next().unwrap().image.id;
    assert_eq!(holding(scene.path(), &photo).len(), 1);
    assert!(!holding(scene.path(), SECRET.as_bytes()).is_empty());
    project.delete_images(vec![image]).unwrap();
    assert!(holding(scene.path(), &photo).is_empty());
    assert!(holding(scene.path(), SECRET.as_bytes()).is_empty());
}

#[test]
fn a_deleted_prediction_leaves_neither_bytes_nor_application() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let photo = drawn(90);
    let keep = Keep::For { application: Some(Name::new(SECRET).unwrap()) };
    let kept = iteration.quick_test_with(&photo, keep).unwrap().id;
    assert_eq!(holding(scene.path(), &photo).len(), 1);
    assert!(!holding(scene.path(), SECRET.as_bytes()).is_empty());
    project.delete_predictions(vec![kept]).unwrap();
    assert!(holding(scene.path(), &photo).is_empty());
    assert!(holding(scene.path(), SECRET.as_bytes()).is_empty());
}

#[test]
fn bytes_last_as_long_as_a_photo_or_a_prediction_has_them() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let photo = drawn(90);
    let image = project.add_image(photo.clone(), &[]).unwrap().image.id;
    let kept = iteration.quick_test_with(&photo, Keep::For { application: None }).unwrap().id;
    assert_eq!(holding(scene.path(), &photo).len(), 1, "one file serves both");
    project.delete_images(vec![image]).unwrap();
    assert_eq!(project.prediction_bytes(kept).unwrap(), photo);
    project.delete_predictions(vec![kept]).unwrap();
    assert!(holding(scene.path(), &photo).is_empty());
}

#[test]
fn a_photo_that_is_not_kept_is_not_written() {
    let scene = Scene::in_directory();
    let (_, iteration) = trained(&scene.ocelli);
    let photo = drawn(90);
    iteration.quick_test(&photo).unwrap();
    assert!(holding(scene.path(), &photo).is_empty());
}

#[test]
fn a_deleted_tag_leaves_no_name() {
    let scene = Scene::in_directory();
    let (project, _) = trained(&scene.ocelli);
    let tag = project.create_tag(SECRET).unwrap().id;
    assert!(!holding(scene.path(), SECRET.as_bytes()).is_empty());
    project.delete_tag(tag).unwrap();
    assert!(holding(scene.path(), SECRET.as_bytes()).is_empty());
}
