//! What has been erased is nowhere in the data directory, while the directory is still open.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli::{
    Affected, AffectedOutcome, CheckOptions, Error, ErrorCode, IterationHandle, IterationStatus, Keep,
    Metadata, Name, Ocelli, ProjectHandle, StopToken, TrainOptions, TrainingEvent, Upload,
};
use ocelli_tests::{Scene, drawn, in_both, label, trainable, trained};

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
    assert!(project.delete_images(vec![image]).unwrap().status.is_complete());
    assert!(holding(scene.path(), &photo).is_empty());
    assert!(holding(scene.path(), SECRET.as_bytes()).is_empty());
}

#[test]
fn a_deleted_prediction_leaves_neither_bytes_nor_application() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let photo = drawn(90);
    let keep = Keep::by(Name::new(SECRET).unwrap());
    let kept = iteration.quick_test_with(&photo, keep).unwrap().id;
    assert_eq!(holding(scene.path(), &photo).len(), 1);
    assert!(!holding(scene.path(), SECRET.as_bytes()).is_empty());
    assert!(project.delete_predictions(vec![kept]).unwrap().status.is_complete());
    assert!(holding(scene.path(), &photo).is_empty());
    assert!(holding(scene.path(), SECRET.as_bytes()).is_empty());
}

#[test]
fn bytes_last_as_long_as_a_photo_or_a_prediction_has_them() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let photo = drawn(90);
    let image = project.add_image(photo.clone(), &[]).unwrap().image.id;
    let kept = iteration.quick_test_with(&photo, Keep::both()).unwrap().id;
    assert_eq!(holding(scene.path(), &photo).len(), 1, "one file serves both");
    assert!(project.delete_images(vec![image]).unwrap().status.is_complete());
    assert_eq!(project.prediction_bytes(kept).unwrap(), photo);
    assert!(project.delete_predictions(vec![kept]).unwrap().status.is_complete());
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
    assert!(project.delete_tag(tag).unwrap().status.is_complete());
    assert!(holding(scene.path(), SECRET.as_bytes()).is_empty());
}

#[test]
fn an_erased_project_leaves_nothing_and_does_not_come_back() {
    for deleted_before in [false, true] {
        in_both(|scene| {
            let (project, iteration) = trained(&scene.ocelli);
            iteration.publish("production").unwrap();
            project.predict("production", &drawn(90)).unwrap();
            if deleted_before {
                iteration.unpublish().unwrap();
                project.delete().unwrap();
            }
            assert!(scene.ocelli.erase_project(project.id()).unwrap().status.is_complete());
            for refused in [
                project.details().err(),
                project.predict("production", &drawn(90)).err(),
                iteration.quick_test(&drawn(90)).err(),
                scene.ocelli.restore_project(project.id()).err(),
                scene.ocelli.erase_project(project.id()).err(),
            ] {
                assert_eq!(refused.unwrap().code(), ErrorCode::NotFoundProject);
            }
            assert!(scene.ocelli.deleted_projects().unwrap().is_empty());
            let report = scene.ocelli.check(&CheckOptions::default()).unwrap();
            assert_eq!((report.files, report.unowned, report.is_sound()), (0, 0, true));
        });
    }
}

#[test]
fn an_unpublished_iteration_still_knows_what_it_was_trained_on() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.publish("production").unwrap();
        let image = iteration.manifest().unwrap().evaluation.photos[0].photo;
        let erasure = project.delete_images_with(vec![image], Affected::Unpublish).unwrap();
        assert_eq!(erasure.iterations[0].outcome, AffectedOutcome::Unpublished);
        assert_eq!(erasure.iterations[0].publication.as_ref().unwrap().name, "production");
        assert!(project.predict("production", &drawn(90)).is_err());
        let manifest = iteration.manifest().unwrap();
        assert_eq!((manifest.evaluation.photos.len(), manifest.erased), (11, 1));
    });
}

#[test]
fn a_snapshot_that_is_put_back_catches_up_with_the_erasures() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let before = iteration.quick_test(&drawn(90)).unwrap().predictions;
    let photo = drawn(91);
    let image = project.add_images(vec![Upload::bytes(photo.clone()).named(SECRET)]).unwrap();
    let image = image.added().next().unwrap().image.id;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    scene.ocelli.snapshot(&copy).unwrap();
    scene.pass_millis(1);
    let since = ocelli::Clock::now(&scene.clock);
    assert!(project.delete_images(vec![image]).unwrap().status.is_complete());

    let restored = Ocelli::open(&copy).unwrap();
    assert_eq!(holding(&copy, &photo).len(), 1);
    let erasures = scene.ocelli.erasures(since).unwrap();
    assert_eq!(erasures.len(), 1);
    assert!(restored.reapply_erasures(erasures, Affected::Keep).unwrap().status.is_complete());
    assert!(holding(&copy, &photo).is_empty() && holding(&copy, SECRET.as_bytes()).is_empty());
    let again = restored.project(project.id()).unwrap();
    assert_eq!(again.image_bytes(image).unwrap_err().code(), ErrorCode::NotFoundImage);
    let answer = again.iteration(iteration.id()).unwrap().quick_test(&drawn(90)).unwrap();
    assert_eq!(answer.predictions, before);
    assert!(restored.check(&CheckOptions::default()).unwrap().is_sound());
}

#[test]
fn memory_cannot_be_copied_into_a_folder() {
    let scene = Scene::in_memory();
    let folder = tempfile::tempdir().unwrap();
    let refused = scene.ocelli.snapshot(folder.path()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::BadRequestNotSupported);
}

/// Trains, and does something when half of that has been done.
fn train_while(project: &ProjectHandle, act: impl Fn() + Sync) -> Result<IterationHandle, Error> {
    let watch = |event: TrainingEvent| {
        if matches!(event, TrainingEvent::StrengthChosen { .. }) {
            act();
        }
    };
    project.train_watched(&TrainOptions::default(), &StopToken::new(), &watch)
}

#[test]
fn a_training_ends_with_the_iteration_that_an_erasure_took() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let image = project.add_image(drawn(90), &[project.tags().unwrap()[0].id]).unwrap().image.id;
        let erase = || {
            let erasure = project.delete_images_with(vec![image], Affected::Delete).unwrap();
            assert_eq!(erasure.iterations[0].outcome, AffectedOutcome::Deleted);
        };
        assert_eq!(train_while(&project, erase).unwrap_err().code(), ErrorCode::NotFoundIteration);
        assert_eq!(project.iterations().unwrap(), []);
        project.train(&TrainOptions::default()).unwrap();
    });
}

#[test]
fn a_training_on_a_tag_that_was_erased_fails_without_its_name() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    let tag = label(&project, SECRET, 20..26);
    let erase = || {
        let erasure = project.delete_tag(tag).unwrap();
        assert_eq!(erasure.iterations[0].outcome, AffectedOutcome::InTraining);
    };
    assert_eq!(train_while(&project, erase).unwrap_err().code(), ErrorCode::NotFoundTag);
    let status = project.iterations().unwrap().remove(0).status;
    assert!(matches!(status, IterationStatus::Failed { .. }), "{status:?}");
    assert!(scene.ocelli.finish_erasures().unwrap().is_complete());
    assert!(holding(scene.path(), SECRET.as_bytes()).is_empty());
    project.train(&TrainOptions::default()).unwrap();
}
