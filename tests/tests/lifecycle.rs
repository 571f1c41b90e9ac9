//! From a project's creation to its deletion, on every store.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::sync::atomic::{AtomicBool, Ordering};

use ocelli::{Error, ErrorCode, IterationStatus, NewProject, Ocelli, ProjectUpdate, Threshold, TrainOptions};
use ocelli_tests::{Scene, drawn, in_both, label_real, trained, unseen};

fn code<T>(result: Result<T, Error>) -> ErrorCode {
    result.err().expect("the call was to be refused").code()
}

fn forced() -> TrainOptions {
    TrainOptions { force: true, ..TrainOptions::default() }
}

#[test]
fn real_photos_are_labelled_trained_published_and_predicted() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("photos").multiclass()).unwrap();
        label_real(&project, "fish", 6);
        label_real(&project, "monument", 6);
        let iteration = project.train(&TrainOptions::default()).unwrap();
        assert!(matches!(iteration.details().unwrap().status, IterationStatus::Completed { .. }));
        iteration.publish("production").unwrap();
        for tag in ["fish", "monument"] {
            let answer = project.predict("production", &unseen(tag)).unwrap();
            assert_eq!(answer.best().unwrap().tag_name, tag);
            assert_eq!(answer.iteration_id, iteration.id());
            let sum: f32 = answer.predictions.iter().map(|each| each.probability).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        }
    });
}

#[test]
fn an_iteration_answers_for_every_photo_that_it_was_trained_on() {
    let scene = Scene::in_memory();
    let (project, iteration) = trained(&scene.ocelli);
    let manifest = iteration.manifest().unwrap();
    let photos: Vec<_> = manifest.evaluation.photos.iter().map(|photo| photo.photo).collect();
    let stored = project.images_by_id(&photos).unwrap();
    assert_eq!(stored.len(), 12);
    assert!(manifest.left_out.is_empty());
    for (photo, image) in manifest.evaluation.photos.iter().zip(&stored) {
        let trained = &manifest.evaluation.tags[usize::from(photo.tags[0])];
        assert_eq!(trained.id, image.tags[0].tag_id);
        assert!(photo.fold < manifest.folds);
    }
}

#[test]
fn performance_has_a_row_for_each_tag() {
    let scene = Scene::in_memory();
    let (project, iteration) = trained(&scene.ocelli);
    let performance = iteration.performance(Threshold::default()).unwrap();
    let rows: Vec<_> = performance.per_tag_performance.iter().map(|tag| (tag.id, tag.photos)).collect();
    let tags: Vec<_> = project.tags().unwrap().iter().map(|tag| (tag.id, 6)).collect();
    assert_eq!(rows, tags);
}

#[test]
fn every_photo_stands_in_one_cell_of_a_multiclass_confusion() {
    let scene = Scene::in_memory();
    let (_, iteration) = trained(&scene.ocelli);
    let confusion = iteration.confusion(Threshold::new(0.0).unwrap()).unwrap();
    let mut photos: Vec<_> = confusion.cells.iter().flat_map(|cell| cell.photos.clone()).collect();
    photos.sort();
    photos.dedup();
    assert_eq!(photos.len(), 12);
    assert_eq!(confusion.cells.iter().map(|cell| cell.photos.len()).sum::<usize>(), 12);
}

#[test]
fn iterations_are_named_in_turn_and_renamed() {
    in_both(|scene| {
        let (project, first) = trained(&scene.ocelli);
        let second = project.train(&forced()).unwrap();
        assert_eq!(first.details().unwrap().name, "Iteration 1");
        assert_eq!(second.details().unwrap().name, "Iteration 2");
        second.rename("baseline").unwrap();
        assert_eq!(second.details().unwrap().name, "baseline");
        assert_eq!(code(first.rename("baseline")), ErrorCode::BadRequestIterationNameNotUnique);
    });
}

#[test]
fn an_iteration_compared_with_its_like_has_changed_nothing() {
    let scene = Scene::in_memory();
    let (project, first) = trained(&scene.ocelli);
    let second = project.train(&forced()).unwrap();
    let comparison = second.compare(&first, Threshold::default()).unwrap();
    assert_eq!(comparison.earlier, comparison.later);
    assert!(comparison.improved.is_empty() && comparison.worsened.is_empty());
}

#[test]
fn a_publication_name_in_use_is_refused_and_can_be_taken_over() {
    in_both(|scene| {
        let (project, first) = trained(&scene.ocelli);
        let second = project.train(&forced()).unwrap();
        first.publish("production").unwrap();
        assert_eq!(code(second.publish("production")), ErrorCode::BadRequestInvalidPublishName);
        second.publish_over("production").unwrap();
        assert_eq!(project.published("production").unwrap().id(), second.id());
        assert_eq!(first.details().unwrap().publication, None);
    });
}

#[test]
fn predictions_during_a_takeover_come_from_the_old_iteration_and_then_the_new() {
    let scene = Scene::in_directory();
    let (project, first) = trained(&scene.ocelli);
    let second = project.train(&forced()).unwrap();
    first.publish("production").unwrap();
    project.predict("production", &drawn(90)).unwrap();
    let done = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut answers = Vec::new();
            let mut last = false;
            while !last {
                last = done.load(Ordering::SeqCst);
                answers.push(project.predict("production", &drawn(90)).unwrap().iteration_id);
            }
            answers
        });
        second.publish_over("production").unwrap();
        done.store(true, Ordering::SeqCst);
        asking.join().unwrap()
    });
    let old = answers.iter().take_while(|id| **id == first.id()).count();
    assert!(answers[old..].iter().all(|id| *id == second.id()), "{answers:?}");
    assert_eq!(answers.last(), Some(&second.id()));
}

#[test]
fn an_unpublished_iteration_answers_quick_tests_only() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.publish("production").unwrap();
        iteration.unpublish().unwrap();
        assert_eq!(code(project.predict("production", &drawn(90))), ErrorCode::NotFoundIteration);
        assert_eq!(code(iteration.unpublish()), ErrorCode::BadRequestIterationNotPublished);
        assert_eq!(iteration.quick_test(&drawn(90)).unwrap().predictions.len(), 2);
    });
}

#[test]
fn a_published_iteration_cannot_be_deleted() {
    in_both(|scene| {
        let (_, iteration) = trained(&scene.ocelli);
        iteration.publish("production").unwrap();
        assert_eq!(code(iteration.delete()), ErrorCode::BadRequestIterationIsPublished);
    });
}

#[test]
fn a_deleted_iteration_is_gone_with_its_model() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.quick_test(&drawn(90)).unwrap();
        assert!(iteration.delete().unwrap().status.is_complete());
        assert!(project.iterations().unwrap().is_empty());
        assert_eq!(code(iteration.quick_test(&drawn(90))), ErrorCode::NotFoundIteration);
        assert_eq!(code(iteration.model_file()), ErrorCode::NotFoundIteration);
        assert_eq!(code(iteration.manifest()), ErrorCode::NotFoundIteration);
    });
}

#[test]
fn an_iteration_outlives_its_photos() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let photos =
            iteration.manifest().unwrap().evaluation.photos.iter().map(|photo| photo.photo).collect();
        let before = iteration.quick_test(&drawn(90)).unwrap().predictions;
        assert!(project.delete_images(photos).unwrap().status.is_complete());
        assert_eq!(iteration.quick_test(&drawn(90)).unwrap().predictions, before);
        let manifest = iteration.manifest().unwrap();
        assert_eq!((manifest.evaluation.photos.len(), manifest.erased), (0, 12));
    });
}

#[test]
fn a_project_with_a_published_iteration_cannot_be_deleted() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.publish("production").unwrap();
        assert_eq!(code(project.delete()), ErrorCode::BadRequestIterationIsPublished);
    });
}

#[test]
fn deleting_a_project_hides_all_it_owns_from_every_handle_at_once() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let image = iteration.manifest().unwrap().evaluation.photos[0].photo;
        let other = project.clone();
        project.delete().unwrap();
        assert!(scene.ocelli.projects().unwrap().is_empty());
        for refused in [
            code(scene.ocelli.project(project.id())),
            code(other.details()),
            code(other.update(ProjectUpdate::default())),
            code(other.tags()),
            code(other.create_tag("new")),
            code(other.images(&Default::default())),
            code(other.image_bytes(image)),
            code(other.add_image(drawn(90), &[])),
            code(other.iterations()),
            code(other.train(&forced())),
            code(other.predictions(&Default::default())),
            code(iteration.details()),
            code(iteration.quick_test(&drawn(90))),
            code(iteration.model_file()),
        ] {
            assert_eq!(refused, ErrorCode::NotFoundProject);
        }
    });
}

#[test]
fn a_deleted_project_comes_back_whole_within_30_days() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let before = iteration.quick_test(&drawn(90)).unwrap().predictions;
        project.delete().unwrap();
        scene.pass_days(30);
        scene.pass_millis(-1);
        assert_eq!(scene.ocelli.deleted_projects().unwrap()[0].id, project.id());
        let project = scene.ocelli.restore_project(project.id()).unwrap();
        assert_eq!(project.image_count(&Default::default()).unwrap(), 12);
        assert_eq!(iteration.quick_test(&drawn(90)).unwrap().predictions, before);
    });
}

#[test]
fn a_deleted_project_does_not_come_back_after_30_days() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("short-lived")).unwrap();
        project.delete().unwrap();
        scene.pass_days(30);
        assert!(scene.ocelli.deleted_projects().unwrap().is_empty());
        assert_eq!(code(scene.ocelli.restore_project(project.id())), ErrorCode::NotFoundProject);
    });
}

#[test]
fn a_directory_opened_again_holds_everything() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    iteration.publish("production").unwrap();
    let before = project.predict("production", &drawn(90)).unwrap().predictions;
    let again = Ocelli::open(scene.path()).unwrap().project(project.id()).unwrap();
    assert_eq!(again.details().unwrap(), project.details().unwrap());
    assert_eq!(again.tags().unwrap(), project.tags().unwrap());
    assert_eq!(again.images(&Default::default()).unwrap(), project.images(&Default::default()).unwrap());
    assert_eq!(again.published("production").unwrap().manifest().unwrap(), iteration.manifest().unwrap());
    assert_eq!(again.predict("production", &drawn(90)).unwrap().predictions, before);
}

#[test]
fn a_stored_photo_without_metadata_comes_back_as_it_was() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("photos")).unwrap();
        let image = project.add_image(drawn(1), &[]).unwrap().image;
        assert_eq!(project.image_bytes(image.id).unwrap(), drawn(1));
    });
}
