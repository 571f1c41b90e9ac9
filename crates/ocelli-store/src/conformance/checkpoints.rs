//! Checkpoints: how far a training has come.

use ocelli_core::{
    Affected, DataClass, Erased, ErasureReason, ErasureRecord, ErrorCode, HoldTarget, ImageId, IterationId,
    IterationStatus, TagId, TrainingFailure,
};

use super::Make;
use super::control::{TEN_DAYS, day};
use super::scene::{Scene, at};
use crate::{Applied, Change, CheckOptions, ItemOutcome, Missing, StoreError};

fn kept(scene: &Scene, iteration: IterationId) -> Option<Vec<u8>> {
    scene.store.checkpoint(scene.project, iteration).unwrap()
}

fn status(scene: &Scene, iteration: IterationId) -> IterationStatus {
    scene.store.iteration(scene.project, iteration).unwrap().status
}

fn failing(scene: &Scene, iteration: IterationId, failure: TrainingFailure) -> Change {
    Change::FailTraining { project: scene.project, iteration, failure, at: at(21) }
}

const INTERRUPTED: IterationStatus = IterationStatus::Failed { failure: TrainingFailure::Interrupted };

/// Nothing is left that no record has, and nothing is missing.
fn is_sound(scene: &Scene, files: u64) {
    let report = scene.store.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.files, report.unowned), (files, 0), "{report:?}");
}

/// A project with a photo and a training that keeps a checkpoint.
fn training(make: Make) -> (Scene, TagId, ImageId, IterationId) {
    let scene = Scene::new(make);
    let tag = scene.tag("oak");
    let image = scene.image(b"a photo", &[tag]);
    let iteration = scene.begin(None).id;
    scene.apply(scene.checkpoint(iteration, b"weights", &[image]));
    (scene, tag, image, iteration)
}

/// With one at a time, and the bytes of the one before gone.
pub fn a_checkpoint_is_replaced_by_the_next(make: Make) {
    let scene = Scene::new(make);
    let iteration = scene.begin(None).id;
    assert_eq!(kept(&scene, iteration), None);
    for bytes in [b"first".as_slice(), b"second", b"second", b""] {
        scene.apply(scene.checkpoint(iteration, bytes, &[]));
        assert_eq!(kept(&scene, iteration).as_deref(), Some(bytes));
        is_sound(&scene, 1);
    }
    let before = scene.store.iteration(scene.project, iteration).unwrap();
    assert_eq!(before.status, IterationStatus::Training);
}

/// No other has one to keep.
pub fn a_checkpoint_belongs_to_a_training_under_way(make: Make) {
    let scene = Scene::new(make);
    let (done, lost) = (scene.complete(1), scene.begin(None).id);
    let current = scene.begin(None).id;
    scene.apply(scene.checkpoint(current, b"weights", &[]));
    for other in [done, lost] {
        let refused = scene.refuse(scene.checkpoint(other, b"others", &[]));
        assert!(matches!(refused, StoreError::NotTraining(id) if id == other), "{refused}");
        assert_eq!(kept(&scene, other), None);
    }
    let nobody = IterationId::new(at(0), [9; 10]);
    let refused = scene.refuse(scene.checkpoint(nobody, b"others", &[]));
    assert!(matches!(refused, StoreError::NotFound(Missing::Iteration(id)) if id == nobody));
    let asked = scene.store.checkpoint(scene.project, nobody);
    assert!(matches!(asked, Err(StoreError::NotFound(Missing::Iteration(id))) if id == nobody));
    assert_eq!(kept(&scene, current).as_deref(), Some(&b"weights"[..]));
    is_sound(&scene, 1);
}

/// With a model or without, and when the next one begins.
pub fn a_checkpoint_goes_when_its_training_ends(make: Make) {
    let error = TrainingFailure::Error { code: ErrorCode::ErrorUnknown, message: "no room".to_owned() };
    type Ending = Box<dyn Fn(&Scene, IterationId)>;
    let endings: [Ending; 4] = [
        Box::new(|scene, id| drop(scene.apply(scene.completion(id, 1)))),
        Box::new(|scene, id| drop(scene.apply(failing(scene, id, TrainingFailure::Stopped)))),
        Box::new(move |scene, id| drop(scene.apply(failing(scene, id, error.clone())))),
        Box::new(|scene, _| drop(scene.begin(None))),
    ];
    for end in endings {
        let (scene, _, _, iteration) = training(make);
        is_sound(&scene, 2);
        end(&scene, iteration);
        assert_eq!(kept(&scene, iteration), None);
        is_sound(&scene, 1);
        let refused = scene.refuse(scene.resumption(iteration));
        assert!(matches!(refused, StoreError::NoCheckpoint(id) if id == iteration), "{refused}");
    }
}

/// As often as it is interrupted, until it ends.
pub fn an_interrupted_training_goes_on_from_its_checkpoint(make: Make) {
    let (scene, _, image, iteration) = training(make);
    for round in [b"weights".as_slice(), b"more weights"] {
        scene.apply(failing(&scene, iteration, TrainingFailure::Interrupted));
        assert_eq!(status(&scene, iteration), INTERRUPTED);
        assert_eq!(kept(&scene, iteration).as_deref(), Some(round));
        let Applied::Iteration(resumed) = scene.apply(scene.resumption(iteration)) else { panic!() };
        assert_eq!((&resumed.status, resumed.last_modified), (&IterationStatus::Training, at(22)));
        assert_eq!(scene.store.iteration(scene.project, iteration).unwrap(), *resumed);
        assert_eq!(kept(&scene, iteration).as_deref(), Some(round));
        scene.apply(scene.checkpoint(iteration, b"more weights", &[image]));
    }
    scene.apply(scene.completion(iteration, 3));
    assert_eq!(scene.store.model(scene.project, iteration).unwrap(), Scene::trained(3).model);
    assert!(matches!(scene.refuse(scene.resumption(iteration)), StoreError::NoCheckpoint(_)));
    is_sound(&scene, 1);
}

/// Its process was killed, and the caller has the lock.
pub fn a_training_goes_on_that_nobody_has_called_interrupted(make: Make) {
    let (scene, _, _, iteration) = training(make);
    scene.apply(scene.resumption(iteration));
    assert_eq!(status(&scene, iteration), IterationStatus::Training);
    scene.apply(scene.completion(iteration, 1));
    assert!(scene.store.iteration(scene.project, iteration).unwrap().is_completed());
}

/// Whatever became of it.
pub fn nothing_goes_on_without_a_checkpoint(make: Make) {
    let scene = Scene::new(make);
    let done = scene.complete(1);
    let stopped = scene.begin(None).id;
    scene.apply(failing(&scene, stopped, TrainingFailure::Stopped));
    let (lost, current) = (scene.begin(None).id, scene.begin(None).id);
    for iteration in [done, stopped, lost, current] {
        let before = status(&scene, iteration);
        let refused = scene.refuse(scene.resumption(iteration));
        assert!(matches!(refused, StoreError::NoCheckpoint(id) if id == iteration), "{refused}");
        assert_eq!(refused.code(), ErrorCode::BadRequest);
        assert_eq!(status(&scene, iteration), before);
    }
    let nobody = IterationId::new(at(0), [9; 10]);
    assert!(matches!(
        scene.refuse(scene.resumption(nobody)),
        StoreError::NotFound(Missing::Iteration(id)) if id == nobody
    ));
}

/// When it is deleted, alone or with a photo, in steps, again or with its project.
pub fn a_checkpoint_goes_with_its_iteration(make: Make) {
    type Deletion = Box<dyn Fn(&Scene, ImageId, IterationId)>;
    let deletions: [Deletion; 4] = [
        Box::new(|scene, _, id| drop(scene.apply(scene.deletion_of_iteration(id)))),
        Box::new(|scene, _, id| {
            let items = [(Erased::Iteration(id), ErasureReason::Requested)];
            assert_eq!(scene.erase_items(&items), [ItemOutcome::Erased]);
            assert!(scene.store.finish_erasures().unwrap().is_complete());
        }),
        Box::new(|scene, _, id| {
            let record =
                ErasureRecord { at: at(9), project_id: scene.project, erased: Erased::Iteration(id) };
            let change = Change::ReapplyErasures { erasures: vec![record], affected: Affected::Keep };
            assert!(scene.erase(change).status.is_complete());
        }),
        Box::new(|scene, _, id| {
            scene.apply(scene.resumption(id));
            let other = scene.image(b"another photo", &[]);
            let erasure = scene.erase(scene.deletion_of_images_with(&[other], Affected::Delete));
            assert_eq!(erasure.iterations.len(), 1);
        }),
    ];
    for delete in deletions {
        let (scene, _, image, iteration) = training(make);
        scene.apply(failing(&scene, iteration, TrainingFailure::Interrupted));
        delete(&scene, image, iteration);
        let asked = scene.store.checkpoint(scene.project, iteration);
        assert!(matches!(asked, Err(StoreError::NotFound(Missing::Iteration(_)))), "{asked:?}");
        is_sound(&scene, 1);
    }
    let (scene, ..) = training(make);
    assert!(scene.erase(scene.erasure_of_project()).status.is_complete());
    is_sound(&scene, 0);
}

/// Whether or not it had learned from that one; the training goes on without.
pub fn a_checkpoint_goes_with_a_photo_or_a_tag(make: Make) {
    let (scene, tag, image, iteration) = training(make);
    let erasure = scene.erase(scene.deletion_of_images(&[image]));
    assert!(erasure.status.is_complete());
    assert_eq!((kept(&scene, iteration), status(&scene, iteration)), (None, IterationStatus::Training));
    is_sound(&scene, 0);

    scene.apply(scene.checkpoint(iteration, b"weights", &[]));
    let other = scene.image(b"another photo", &[]);
    let items = [(Erased::Image(other), ErasureReason::Requested)];
    assert_eq!(scene.erase_items(&items), [ItemOutcome::Erased]);
    assert!(scene.store.finish_erasures().unwrap().is_complete());
    assert_eq!(kept(&scene, iteration), None);
    is_sound(&scene, 0);

    scene.apply(scene.checkpoint(iteration, b"weights", &[]));
    assert!(scene.erase(scene.deletion_of_tag(tag)).status.is_complete());
    assert_eq!(kept(&scene, iteration), None);
    is_sound(&scene, 0);
    assert!(matches!(scene.refuse(scene.resumption(iteration)), StoreError::NoCheckpoint(_)));

    // Tags and metadata that change take nothing with them.
    let (scene, tag, image, iteration) = training(make);
    let untagging = Change::UntagImages { project: scene.project, images: vec![image], tags: vec![tag] };
    scene.apply(untagging);
    scene.apply(scene.setting_metadata(image, super::control::about("ann")));
    assert_eq!(kept(&scene, iteration).as_deref(), Some(&b"weights"[..]));
}

/// What began before an erasure does not bring back what was erased; what was kept before stays.
pub fn what_learned_from_something_erased_is_not_kept(make: Make) {
    let (scene, tag, image, iteration) = training(make);
    let gone = scene.image(b"another photo", &[]);
    let _ = scene.erase(scene.deletion_of_images(&[gone]));
    scene.apply(scene.checkpoint(iteration, b"weights", &[image]));
    scene.apply(scene.checkpoint(iteration, b"of both", &[image, gone]));
    assert_eq!(kept(&scene, iteration).as_deref(), Some(&b"weights"[..]));
    let with_tags = |tags: &[TagId]| {
        let mut change = scene.checkpoint(iteration, b"of tags", &[image]);
        if let Change::KeepCheckpoint { tags: of, .. } = &mut change {
            *of = tags.to_vec();
        }
        change
    };
    let elm = scene.tag("elm");
    scene.apply(with_tags(&[tag, elm]));
    assert_eq!(kept(&scene, iteration).as_deref(), Some(&b"of tags"[..]));
    let _ = scene.erase(scene.deletion_of_tag(elm));
    scene.apply(with_tags(&[tag, elm]));
    assert_eq!(kept(&scene, iteration), None);
    is_sound(&scene, 1);
}

/// From the due date on, though they have not been erased yet; and then nothing goes on.
pub fn a_checkpoint_is_unseen_with_a_due_photo_or_iteration(make: Make) {
    let scene = Scene::new(make);
    scene.set_rule(DataClass::TrainingPhoto, TEN_DAYS);
    let millis = |number| day(number).as_millis() - at(0).as_millis();
    let photo = |number, bytes: &[u8]| {
        let new = scene.new_image_at(millis(number), bytes, &[]);
        scene.add(vec![new]).remove(0).unwrap().image.id
    };
    let (old, young) = (photo(0, b"old"), photo(5, b"young"));
    scene.go_to(5);
    let iteration = scene.begin_at(millis(5));
    scene.apply(scene.checkpoint(iteration, b"weights", &[young, old]));
    assert!(kept(&scene, iteration).is_some());
    scene.go_to(10);
    assert_eq!(kept(&scene, iteration), None);
    assert!(matches!(scene.refuse(scene.resumption(iteration)), StoreError::NoCheckpoint(_)));
    scene.apply(scene.checkpoint(iteration, b"of both", &[young, old]));
    assert_eq!(kept(&scene, iteration), None);
    scene.apply(scene.checkpoint(iteration, b"of one", &[young]));
    assert_eq!(kept(&scene, iteration).as_deref(), Some(&b"of one"[..]));

    scene.set_rule(DataClass::Iteration, TEN_DAYS);
    scene.go_to(14);
    assert_eq!(kept(&scene, iteration).as_deref(), Some(&b"of one"[..]));
    scene.go_to(15);
    let asked = scene.store.checkpoint(scene.project, iteration);
    assert!(matches!(asked, Err(StoreError::NotFound(Missing::Iteration(_)))), "{asked:?}");
    assert_eq!(scene.erase_due(DataClass::Iteration, Erased::Iteration(iteration)), ItemOutcome::Erased);
    assert!(scene.store.finish_erasures().unwrap().is_complete());
    is_sound(&scene, 2);
}

/// Trainings of a held project begin, go on and end.
pub fn a_hold_keeps_no_checkpoint(make: Make) {
    let (scene, _, image, iteration) = training(make);
    scene.hold(HoldTarget::Project { project_id: scene.project });
    scene.apply(scene.checkpoint(iteration, b"more", &[image]));
    assert_eq!(kept(&scene, iteration).as_deref(), Some(&b"more"[..]));
    scene.apply(scene.resumption(iteration));
    scene.apply(scene.completion(iteration, 1));
    assert_eq!(kept(&scene, iteration), None);
    let next = scene.begin(None).id;
    scene.apply(scene.checkpoint(next, b"next", &[image]));
    scene.apply(failing(&scene, next, TrainingFailure::Stopped));
    is_sound(&scene, 1);
}

/// Bytes live while something has them.
pub fn a_checkpoint_of_the_bytes_of_a_photo_leaves_the_photo(make: Make) {
    let (scene, _, image, iteration) = training(make);
    scene.apply(scene.checkpoint(iteration, b"a photo", &[image]));
    is_sound(&scene, 1);
    scene.apply(scene.completion(iteration, 1));
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a photo");
    is_sound(&scene, 1);
}
