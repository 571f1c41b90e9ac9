//! Iterations, from beginning to deletion.

use ocelli_core::{
    ErrorCode, Iteration, IterationId, IterationStatus, Limits, Precision, Publication, TrainingFailure,
};

use super::Make;
use super::scene::{Scene, at, name};
use crate::{Change, Missing, StoreError};

fn look(scene: &Scene, iteration: IterationId) -> Iteration {
    scene.store.iteration(scene.project, iteration).unwrap()
}

fn rename(scene: &Scene, iteration: IterationId, text: &str) -> Change {
    Change::RenameIteration { project: scene.project, iteration, name: name(text), at: at(25) }
}

fn failing(scene: &Scene, iteration: IterationId, failure: TrainingFailure) -> Change {
    Change::FailTraining { project: scene.project, iteration, failure, at: at(21) }
}

/// With its manifest and model, bit for bit.
pub fn an_iteration_begins_and_completes(make: Make) {
    let scene = Scene::new(make);
    let begun = scene.begin(Some("first"));
    assert_eq!(look(&scene, begun.id), begun);
    assert_eq!((begun.name.as_str(), &begun.status), ("first", &IterationStatus::Training));
    scene.apply(scene.completion(begun.id, 11));
    let status = IterationStatus::Completed { trained_at: at(20), training_millis: 1234 };
    let completed = Iteration { status, last_modified: at(20), ..begun };
    assert_eq!(look(&scene, completed.id), completed);
    assert_eq!(scene.store.iterations(scene.project).unwrap(), std::slice::from_ref(&completed));
    let trained = Scene::trained(11);
    assert_eq!(scene.store.manifest(scene.project, completed.id).unwrap(), trained.manifest);
    assert_eq!(scene.store.model(scene.project, completed.id).unwrap(), trained.model);
}

/// Whatever it was.
pub fn an_iteration_fails_with_its_reason(make: Make) {
    let scene = Scene::new(make);
    let message = "no room for \"it\"".to_owned();
    for failure in [
        TrainingFailure::Stopped,
        TrainingFailure::Interrupted,
        TrainingFailure::Error { code: ErrorCode::ErrorUnknown, message },
    ] {
        let begun = scene.begin(None);
        scene.apply(failing(&scene, begun.id, failure.clone()));
        let failed =
            Iteration { status: IterationStatus::Failed { failure }, last_modified: at(21), ..begun };
        assert_eq!(look(&scene, failed.id), failed);
    }
}

/// When the next training begins, whose caller holds the lock.
pub fn what_lost_its_process_is_interrupted(make: Make) {
    let scene = Scene::new(make);
    let completed = scene.complete(1);
    let (lost, next) = (scene.begin(None), scene.begin(None));
    let interrupted = IterationStatus::Failed { failure: TrainingFailure::Interrupted };
    assert_eq!(look(&scene, lost.id).status, interrupted);
    assert_eq!(look(&scene, next.id).status, IterationStatus::Training);
    assert!(look(&scene, completed).is_completed());
    assert!(matches!(scene.refuse(scene.completion(lost.id, 1)), StoreError::NotTraining(_)));
}

/// Above every number in use, and above the number of iterations.
pub fn default_names_count_on(make: Make) {
    let scene = Scene::new(make);
    let next = || scene.begin(None).name;
    assert_eq!(next(), "Iteration 1");
    scene.begin(Some("by hand"));
    assert_eq!(next(), "Iteration 3");
    scene.begin(Some("Iteration 9"));
    scene.begin(Some("Iteration 18446744073709551615"));
    assert_eq!(next(), "Iteration 10");
    scene.begin(Some("Iteration 4294967295"));
    scene.begin(Some("Iteration 4294967296"));
    assert_eq!(next(), "Iteration 4294967297");
}

/// Within the project, when begun and when renamed.
pub fn names_are_unique(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.begin(Some("one")), scene.begin(Some("two")));
    assert!(matches!(scene.refuse(scene.beginning(Some("one"))), StoreError::IterationNameTaken(_)));
    assert_eq!(
        look(&scene, two.id).status,
        IterationStatus::Training,
        "a refused beginning interrupts nothing"
    );
    assert!(matches!(scene.refuse(rename(&scene, two.id, "one")), StoreError::IterationNameTaken(_)));
    scene.apply(rename(&scene, one.id, "one"));
    scene.apply(rename(&scene, one.id, "three"));
    scene.apply(rename(&scene, two.id, "one"));
    assert_eq!((look(&scene, one.id).name.as_str(), look(&scene, one.id).last_modified), ("three", at(25)));
    let nobody = IterationId::new(at(0), [9; 10]);
    assert!(matches!(scene.refuse(rename(&scene, nobody, "x")), StoreError::NotFound(Missing::Iteration(_))));
}

/// At what the handle allows.
pub fn the_number_of_iterations_is_limited(make: Make) {
    let scene = Scene::with_limits(make, Limits { iterations_per_project: 2, ..Limits::default() });
    let (first, _) = (scene.complete(1), scene.complete(2));
    let refused = scene.refuse(scene.beginning(None));
    assert_eq!(refused.code(), ErrorCode::BadRequestExceedIterationPerProjectLimit);
    scene.apply(scene.deletion_of_iteration(first));
    assert_eq!(scene.begin(None).name, "Iteration 3");
}

/// A training ends once.
pub fn only_what_is_in_training_ends(make: Make) {
    let scene = Scene::new(make);
    let (done, nobody) = (scene.complete(1), IterationId::new(at(0), [9; 10]));
    assert!(matches!(scene.refuse(scene.completion(done, 2)), StoreError::NotTraining(_)));
    assert!(matches!(
        scene.refuse(failing(&scene, done, TrainingFailure::Stopped)),
        StoreError::NotTraining(_)
    ));
    assert!(matches!(scene.refuse(scene.completion(nobody, 2)), StoreError::NotFound(Missing::Iteration(_))));
    assert_eq!(scene.store.model(scene.project, done).unwrap(), Scene::trained(1).model);
}

/// And only it can be published.
pub fn only_a_completed_iteration_has_a_model(make: Make) {
    let scene = Scene::new(make);
    let (failed, training) = (scene.begin(None).id, scene.begin(None).id);
    for iteration in [failed, training] {
        let manifest = scene.store.manifest(scene.project, iteration);
        assert!(matches!(manifest, Err(StoreError::NotFound(Missing::Model(id))) if id == iteration));
        let model = scene.store.model(scene.project, iteration);
        assert!(matches!(model, Err(StoreError::NotFound(Missing::Model(id))) if id == iteration));
        let refused = scene.refuse(scene.publication(iteration, "live", true));
        assert!(matches!(refused, StoreError::NotCompleted(id) if id == iteration));
    }
    let nobody = IterationId::new(at(0), [9; 10]);
    let model = scene.store.model(scene.project, nobody);
    assert!(matches!(model, Err(StoreError::NotFound(Missing::Iteration(id))) if id == nobody));
}

/// Publishing again under another name replaces the first.
pub fn publishing_gives_one_name_to_one_iteration(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.complete(1), scene.complete(2));
    let under = |text| scene.store.published(scene.project, &name(text));
    scene.apply(scene.publication(one, "live", false));
    assert_eq!(under("live").unwrap(), look(&scene, one));
    assert_eq!(look(&scene, one).last_modified, at(30));
    scene.apply(scene.publication(one, "live", false));
    scene.apply(scene.publication(two, "trial", false));
    assert_eq!(under("trial").unwrap().id, two);
    scene.apply(scene.publication(one, "stable", false));
    assert_eq!(under("stable").unwrap().id, one);
    assert!(matches!(under("live"), Err(StoreError::NotFound(Missing::Publication(text))) if text == "live"));
}

/// And not otherwise.
pub fn a_name_passes_on_when_overwriting(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.complete(1), scene.complete(2));
    scene.apply(scene.publication(one, "live", false));
    let refused = scene.refuse(scene.publication(two, "live", false));
    assert!(matches!(refused, StoreError::PublishNameTaken(text) if text == "live"));
    assert_eq!(scene.store.published(scene.project, &name("live")).unwrap().id, one);
    scene.apply(scene.publication(two, "live", true));
    assert_eq!(scene.store.published(scene.project, &name("live")).unwrap().id, two);
    assert_eq!(look(&scene, one).publication, None);
}

/// In which an iteration answers, one at a time; it ends with the name.
pub fn a_name_is_published_in_a_precision(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.complete(1), scene.complete(2));
    let live = || scene.store.published(scene.project, &name("live")).unwrap().publication.unwrap();
    for precision in [Precision::Int8, Precision::F32, Precision::Int8] {
        scene.apply(scene.publication_in(precision, one, "live", false));
        assert_eq!(live(), Publication { name: name("live"), precision });
        assert_eq!(look(&scene, one).publication, Some(live()));
    }
    scene.apply(scene.publication(two, "live", true));
    assert_eq!(live().precision, Precision::F32);
    assert_eq!(look(&scene, one).publication, None);
}

/// Once.
pub fn unpublishing_ends_it(make: Make) {
    let scene = Scene::new(make);
    let iteration = scene.complete(1);
    let unpublish = || Change::Unpublish { project: scene.project, iteration, at: at(35) };
    scene.apply(scene.publication(iteration, "live", false));
    scene.apply(unpublish());
    assert!(scene.store.published(scene.project, &name("live")).is_err());
    assert_eq!((look(&scene, iteration).publication, look(&scene, iteration).last_modified), (None, at(35)));
    assert!(matches!(scene.refuse(unpublish()), StoreError::NotPublished(id) if id == iteration));
}

/// What can be deleted goes with its model.
pub fn deleting_spares_what_is_published_or_in_training(make: Make) {
    let scene = Scene::new(make);
    let (published, other) = (scene.complete(1), scene.complete(2));
    let training = scene.begin(None).id;
    scene.apply(scene.publication(published, "live", false));
    let delete = |iteration| scene.deletion_of_iteration(iteration);
    assert!(matches!(scene.refuse(delete(published)), StoreError::Published(id) if id == published));
    assert!(matches!(scene.refuse(delete(training)), StoreError::TrainingInProgress));
    scene.apply(delete(other));
    let model = scene.store.model(scene.project, other);
    assert!(matches!(model, Err(StoreError::NotFound(Missing::Iteration(_)))));
    let left: Vec<_> = scene.store.iterations(scene.project).unwrap().iter().map(|each| each.id).collect();
    assert_eq!(left, [published, training]);
    assert!(matches!(scene.refuse(delete(other)), StoreError::NotFound(Missing::Iteration(_))));
}
