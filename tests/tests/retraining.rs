//! Iterations that were trained on what was erased, and those that replace them.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::sync::Mutex;

use ocelli::{
    Affected, AffectedOutcome, Erasure, ErrorCode, Image, ImageId, IterationHandle, Precision, ProjectHandle,
    PublishOptions, Retrained, StopToken, TrainOptions, TrainingEvent,
};
use ocelli_tests::{Scene, drawn, in_both, label, trained};

fn forced() -> TrainOptions {
    TrainOptions { force: true, ..TrainOptions::default() }
}

/// A photo that the iteration was trained on.
fn photo_of(iteration: &IterationHandle) -> ImageId {
    iteration.manifest().unwrap().evaluation.photos[0].photo
}

fn erase(project: &ProjectHandle, image: ImageId, affected: Affected) -> Erasure {
    let erasure = project.delete_images_with(vec![image], affected).unwrap();
    assert!(erasure.status.is_complete());
    erasure
}

fn retrain(project: &ProjectHandle, erasure: &Erasure, options: &TrainOptions) -> Vec<IterationHandle> {
    let Retrained { iterations, status } = project.retrain_without(erasure, options).unwrap();
    assert!(status.is_complete());
    iterations
}

fn ids(project: &ProjectHandle) -> Vec<ocelli::IterationId> {
    project.iterations().unwrap().iter().map(|iteration| iteration.id).collect()
}

fn photos(iteration: &IterationHandle) -> Vec<ImageId> {
    iteration.manifest().unwrap().evaluation.photos.iter().map(|photo| photo.photo).collect()
}

#[test]
fn the_new_iteration_answers_for_the_old_one_whatever_became_of_it() {
    for affected in [Affected::Keep, Affected::Unpublish, Affected::Delete] {
        in_both(|scene| {
            let (project, old) = trained(&scene.ocelli);
            old.publish("production").unwrap();
            let image = photo_of(&old);
            let erasure = erase(&project, image, affected);
            let options =
                TrainOptions { name: Some(ocelli::Name::new("anew").unwrap()), ..Default::default() };
            let new = retrain(&project, &erasure, &options);
            let [new] = &new[..] else { panic!("{new:?}") };
            assert_eq!(ids(&project), [new.id()]);
            assert_eq!(new.details().unwrap().name, "anew");
            assert_eq!(project.predict("production", &drawn(90)).unwrap().iteration_id, new.id());
            assert_eq!((photos(new).len(), photos(new).contains(&image)), (11, false));
            assert_eq!(new.manifest().unwrap().erased, 0);
        });
    }
}

#[test]
fn a_tag_is_trained_without() {
    let scene = Scene::in_memory();
    let (project, old) = trained(&scene.ocelli);
    let third = label(&project, "slanted", 20..26);
    let on_three = project.train(&TrainOptions::default()).unwrap();
    on_three.publish("production").unwrap();
    let erasure = project.delete_tag_with(third, Affected::Keep).unwrap();
    let outcomes: Vec<_> = erasure.iterations.iter().map(|each| (each.id, each.outcome)).collect();
    assert_eq!(outcomes, [(on_three.id(), AffectedOutcome::Kept)]);
    let new = retrain(&project, &erasure, &TrainOptions::default());
    assert_eq!(ids(&project), [old.id(), new[0].id()]);
    let answer = project.predict("production", &drawn(90)).unwrap();
    assert!(answer.predictions.iter().all(|each| each.tag_id != third) && answer.predictions.len() == 2);
}

#[test]
fn each_name_has_an_iteration_of_its_own_again() {
    let scene = Scene::in_directory();
    let (project, first) = trained(&scene.ocelli);
    let second = project.train(&forced()).unwrap();
    let unpublished = project.train(&forced()).unwrap();
    first.publish("production").unwrap();
    let int8 = PublishOptions { precision: Precision::Int8, insist: true, ..Default::default() };
    second.publish_with("staging", &int8).unwrap();
    let erasure = erase(&project, photo_of(&first), Affected::Keep);
    assert_eq!(erasure.iterations.len(), 3);
    let new = retrain(&project, &erasure, &TrainOptions::default());
    assert_eq!(ids(&project), [new[0].id(), new[1].id()]);
    assert!(unpublished.details().is_err());
    assert_eq!(project.published("production").unwrap().id(), new[0].id());
    assert_eq!(project.published("staging").unwrap().id(), new[1].id());
    assert_eq!(new[0].details().unwrap().publication.unwrap().precision, Precision::F32);
    let small = new[1].manifest().unwrap().int8.is_some_and(|int8| int8.cost.is_small());
    let expected = if small { Precision::Int8 } else { Precision::F32 };
    assert_eq!(new[1].details().unwrap().publication.unwrap().precision, expected);
}

#[test]
fn int8_that_was_measured_passes_on_only_where_it_need_not_be_insisted_on() {
    let scene = Scene::in_memory();
    let (project, old) = trained(&scene.ocelli);
    let int8 = PublishOptions { precision: Precision::Int8, insist: true, ..Default::default() };
    old.publish_with("production", &int8).unwrap();
    let erasure = erase(&project, photo_of(&old), Affected::Keep);
    let without_int8 = TrainOptions { int8: false, ..Default::default() };
    let new = retrain(&project, &erasure, &without_int8);
    assert_eq!(new[0].details().unwrap().publication.unwrap().precision, Precision::F32);
    assert_eq!(project.predict("production", &drawn(90)).unwrap().iteration_id, new[0].id());
}

#[test]
fn a_name_that_another_iteration_has_by_now_stays_with_it() {
    let scene = Scene::in_memory();
    let (project, old) = trained(&scene.ocelli);
    old.publish("production").unwrap();
    let erasure = erase(&project, photo_of(&old), Affected::Unpublish);
    let later = project.train(&forced()).unwrap();
    later.publish("production").unwrap();
    let new = retrain(&project, &erasure, &TrainOptions::default());
    assert_eq!(project.published("production").unwrap().id(), later.id());
    assert_eq!((ids(&project), new[0].details().unwrap().publication), (vec![later.id(), new[0].id()], None));
}

#[test]
fn where_training_fails_what_is_there_goes_on_answering() {
    in_both(|scene| {
        let (project, old) = trained(&scene.ocelli);
        old.publish("production").unwrap();
        let upright = project.tags().unwrap()[0].id;
        let photos: Vec<Image> = project.images(&Default::default()).unwrap();
        let has = |image: &&Image| image.tags.iter().any(|tag| tag.tag_id == upright);
        let two = photos.iter().filter(has).take(2).map(|image| image.id).collect();
        let erasure = project.delete_images(two).unwrap();
        let error = project.retrain_without(&erasure, &TrainOptions::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequestMultiClassClassificationTrainingValidationFailed);
        let stop = StopToken::new();
        stop.stop();
        assert!(project.retrain_without_watched(&erasure, &forced(), &stop, &|_| {}).is_err());
        assert_eq!(project.predict("production", &drawn(90)).unwrap().iteration_id, old.id());
    });
}

#[test]
fn nothing_is_trained_where_there_is_nothing_to_replace() {
    let scene = Scene::in_memory();
    let (project, iteration) = trained(&scene.ocelli);
    let image = project.add_image(drawn(90), &[]).unwrap().image.id;
    let erasure = erase(&project, image, Affected::Delete);
    assert_eq!(erasure.iterations, []);
    assert!(retrain(&project, &erasure, &TrainOptions::default()).is_empty());
    assert_eq!(ids(&project), [iteration.id()]);
}

#[test]
fn an_iteration_that_was_in_training_is_replaced_once_it_has_completed() {
    let scene = Scene::in_directory();
    let (project, first) = trained(&scene.ocelli);
    let image = photo_of(&first);
    assert!(first.delete().unwrap().status.is_complete());
    let told = Mutex::new(None);
    let watch = |event: TrainingEvent| {
        if matches!(event, TrainingEvent::StrengthChosen { .. }) {
            let erasure = erase(&project, image, Affected::Keep);
            let refused = project.retrain_without(&erasure, &TrainOptions::default()).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::BadRequestTrainingAlreadyInProgress);
            *told.lock().unwrap() = Some(erasure);
        }
    };
    let used_it = project.train_watched(&forced(), &StopToken::new(), &watch).unwrap();
    let erasure = told.lock().unwrap().take().unwrap();
    assert_eq!(erasure.iterations[0].outcome, AffectedOutcome::InTraining);
    let manifest = used_it.manifest().unwrap();
    assert_eq!((manifest.erased, photos(&used_it).contains(&image)), (1, false));
    let new = retrain(&project, &erasure, &TrainOptions::default());
    assert_eq!(ids(&project), [new[0].id()]);
    assert_eq!(new[0].manifest().unwrap().erased, 0);
}

#[test]
fn what_an_erasure_took_is_replaced_once_and_only_for_its_name() {
    let scene = Scene::in_memory();
    let (project, old) = trained(&scene.ocelli);
    old.publish("production").unwrap();
    let erasure = erase(&project, photo_of(&old), Affected::Delete);
    let new = retrain(&project, &erasure, &TrainOptions::default());
    assert!(retrain(&project, &erasure, &TrainOptions::default()).is_empty());
    assert_eq!(ids(&project), [new[0].id()]);
    new[0].unpublish().unwrap();
    let erasure = erase(&project, photo_of(&new[0]), Affected::Delete);
    assert_eq!(erasure.iterations[0].outcome, AffectedOutcome::Deleted);
    assert!(retrain(&project, &erasure, &TrainOptions::default()).is_empty());
    assert!(ids(&project).is_empty());
}

#[test]
fn iterations_of_another_project_are_left() {
    let scene = Scene::in_memory();
    let ((one, of_one), (other, of_other)) = (trained(&scene.ocelli), trained(&scene.ocelli));
    let mut erasure = erase(&one, photo_of(&of_one), Affected::Keep);
    assert!(retrain(&other, &erasure, &TrainOptions::default()).is_empty());
    erasure.iterations.extend(erase(&other, photo_of(&of_other), Affected::Keep).iterations);
    let new = retrain(&one, &erasure, &TrainOptions::default());
    assert_eq!((ids(&one), ids(&other)), (vec![new[0].id()], vec![of_other.id()]));
}
