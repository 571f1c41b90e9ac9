//! Projects.

use ocelli_core::{
    Domain, ErrorCode, ExportId, ImageId, IterationId, Limits, Metadata, PredictionId, ProjectSettings,
    ProjectUpdate, TagId, TagType, TagUpdate, TrainingFailure, limits,
};

use super::Make;
use super::scene::{Scene, at, name};
use crate::{
    Change, FeatureKey, ImageFilter, ImageQuery, Missing, PredictionQuery, ProjectState, StoreError,
};

fn is_gone<T: std::fmt::Debug>(scene: &Scene, answer: Result<T, StoreError>) {
    match answer {
        Err(StoreError::NotFound(Missing::Project(id))) if id == scene.project => {}
        other => panic!("{other:?}"),
    }
}

/// What was stored comes back, and its id cannot be used again.
pub fn a_project_comes_back_as_it_was_made(make: Make) {
    let scene = Scene::new(make);
    let Change::CreateProject { project, .. } = scene.creation(scene.project, 0) else {
        return;
    };
    assert_eq!(scene.store.project(scene.project).unwrap(), project);
    assert!(matches!(scene.refuse(scene.creation(scene.project, 0)), StoreError::IdTaken(_)));
}

/// Oldest first; deleted ones apart.
pub fn projects_are_listed_by_age_and_state(make: Make) {
    let scene = Scene::new(make);
    let (newer, older) = (scene.new_project(), scene.new_project());
    scene.apply(scene.creation(newer, 2));
    scene.apply(scene.creation(older, 1));
    let ids =
        |state| -> Vec<_> { scene.store.projects(state).unwrap().iter().map(|project| project.id).collect() };
    assert_eq!(ids(ProjectState::Live), [scene.project, older, newer]);
    scene.apply(Change::DeleteProject { project: older, at: at(100) });
    assert_eq!(ids(ProjectState::Live), [scene.project, newer]);
    assert_eq!(ids(ProjectState::DeletedSince(at(100))), [older]);
    assert_eq!(ids(ProjectState::DeletedSince(at(101))), []);
}

/// The rest stays.
pub fn an_update_changes_what_it_names(make: Make) {
    let scene = Scene::new(make);
    let before = scene.store.project(scene.project).unwrap();
    let update = ProjectUpdate { name: Some(name("Bushes")), ..ProjectUpdate::default() };
    scene.apply(Change::UpdateProject { project: scene.project, update, at: at(3) });
    let after = scene.store.project(scene.project).unwrap();
    assert_eq!(after.name, "Bushes");
    assert_eq!(after.last_modified, at(3));
    assert_eq!(
        (after.description, after.settings, after.created),
        (before.description, before.settings, before.created)
    );
}

/// From classification to classification, not to detection, and not to what does not exist.
pub fn a_domain_changes_within_its_type_only(make: Make) {
    let scene = Scene::new(make);
    let to = |domain_id| Change::UpdateProject {
        project: scene.project,
        update: ProjectUpdate {
            settings: Some(ProjectSettings { domain_id, ..ProjectSettings::default() }),
            ..ProjectUpdate::default()
        },
        at: at(3),
    };
    scene.apply(to(Domain::FOOD.id));
    assert!(matches!(scene.refuse(to(Domain::DETECTION_LOGO.id)), StoreError::DomainTypeChange));
    let nowhere = ocelli_core::DomainId::new(at(0), [9; 10]);
    assert!(matches!(scene.refuse(to(nowhere)), StoreError::UnknownDomain));
    assert_eq!(scene.store.project(scene.project).unwrap().settings.domain_id, Domain::FOOD.id);
}

/// Every question says that there is no such project.
pub fn a_deleted_project_is_gone_for_every_question(make: Make) {
    let scene = Scene::new(make);
    let (image, iteration) = (scene.image(b"a", &[]), scene.complete(1));
    let prediction = scene.keep(&scene.answer(0, &[]), b"b");
    let (store, project, key) = (&scene.store, scene.project, FeatureKey::f32("b"));
    scene.apply(scene.deletion());
    is_gone(&scene, store.project(project));
    is_gone(&scene, store.tags(project));
    is_gone(&scene, store.images(project, &ImageQuery::default()));
    is_gone(&scene, store.image_count(project, &ImageFilter::default()));
    is_gone(&scene, store.images_by_id(project, &[image]));
    is_gone(&scene, store.tagged_images(project));
    is_gone(&scene, store.image_bytes(project, image));
    is_gone(&scene, store.features(project, &key, &[image]));
    is_gone(&scene, store.calibration(project, "b"));
    is_gone(&scene, store.iterations(project));
    is_gone(&scene, store.iteration(project, iteration));
    is_gone(&scene, store.published(project, &name("live")));
    is_gone(&scene, store.manifest(project, iteration));
    is_gone(&scene, store.model(project, iteration));
    is_gone(&scene, store.exports(project, iteration));
    is_gone(&scene, store.export_bytes(project, ExportId::new(at(0), [9; 10]), &name("model.onnx")));
    is_gone(&scene, store.predictions(project, &PredictionQuery::default()));
    is_gone(&scene, store.prediction(project, prediction));
    is_gone(&scene, store.prediction_bytes(project, prediction));
    is_gone(&scene, store.lock_training(project));
}

/// Every change but those says that there is no such project.
pub fn a_deleted_project_takes_no_change_but_restoring_and_erasing(make: Make) {
    let scene = Scene::new(make);
    let (project, now) = (scene.project, at(50));
    let (tag, image) = (TagId::new(now, [1; 10]), ImageId::new(now, [1; 10]));
    let (iteration, prediction) = (IterationId::new(now, [1; 10]), PredictionId::new(now, [1; 10]));
    scene.apply(scene.deletion());
    let changes = [
        Change::UpdateProject { project, update: ProjectUpdate::default(), at: now },
        scene.deletion(),
        Change::CreateTag { project, tag: scene.new_tag("oak", TagType::Regular) },
        Change::UpdateTag { project, tag, update: TagUpdate::default() },
        scene.deletion_of_tag(tag),
        Change::AddImages { project, images: vec![scene.new_image(b"a", &[])] },
        scene.deletion_of_images(&[image]),
        Change::TagImages { project, tags: Vec::new(), at: now },
        Change::UntagImages { project, images: Vec::new(), tags: Vec::new() },
        Change::AddRegions { project, regions: Vec::new() },
        scene.deletion_of_regions(&[]),
        Change::SetMetadata { project, image, metadata: Metadata::default(), at: now },
        Change::CacheFeatures { project, key: FeatureKey::f32(""), features: Vec::new() },
        scene.calibrating("b", 1),
        scene.beginning(None),
        scene.completion(iteration, 1),
        Change::FailTraining { project, iteration, failure: TrainingFailure::Stopped, at: now },
        Change::RenameIteration { project, iteration, name: name("x"), at: now },
        scene.publication(iteration, "live", true),
        Change::Unpublish { project, iteration, at: now },
        scene.deletion_of_iteration(iteration),
        Change::KeepExport { project, export: scene.new_export(iteration), files: Vec::new() },
        Change::DeleteExport { project, export: ExportId::new(at(0), [9; 10]), at: now },
        scene.keeping_prediction(&scene.answer(0, &[]), b"a"),
        Change::DeletePredictions { project, predictions: vec![prediction], at: now },
        Change::UsePredictions { project, predictions: Vec::new(), at: now },
    ];
    for change in changes {
        let described = format!("{change:?}");
        match scene.store.apply(change) {
            Err(StoreError::NotFound(Missing::Project(id))) if id == project => {}
            other => panic!("{described}: {other:?}"),
        }
    }
}

/// And with it, all it owned; after that, it does not.
pub fn a_deleted_project_comes_back_for_thirty_days(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[scene.tag("oak")]);
    scene.apply(scene.deletion());
    let end = at(40).plus_days(limits::DELETED_PROJECT_DAYS);
    let restore = || Change::RestoreProject { project: scene.project, at: at(50) };
    scene.set_clock(end);
    assert!(matches!(scene.refuse(restore()), StoreError::RestoreExpired(_)));
    scene.set_clock(ocelli_core::Timestamp::from_millis(end.as_millis() - 1));
    scene.apply(restore());
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
    assert_eq!(scene.counts(), [1]);
    assert_eq!(scene.store.project(scene.project).unwrap().deleted, None);
    scene.set_clock(end);
    scene.apply(restore());
    let nowhere = Change::RestoreProject { project: scene.new_project(), at: at(0) };
    assert!(matches!(scene.refuse(nowhere), StoreError::NotFound(Missing::Project(_))));
}

/// Until it is unpublished.
pub fn a_project_with_a_published_iteration_stays(make: Make) {
    let scene = Scene::new(make);
    let iteration = scene.complete(1);
    scene.apply(scene.publication(iteration, "live", false));
    assert!(matches!(scene.refuse(scene.deletion()), StoreError::Published(id) if id == iteration));
    assert!(scene.store.project(scene.project).is_ok());
    scene.apply(Change::Unpublish { project: scene.project, iteration, at: at(35) });
    scene.apply(scene.deletion());
}

/// Deleted ones do not count, and come back only where there is room.
pub fn the_number_of_projects_is_limited(make: Make) {
    let scene = Scene::with_limits(make, Limits { projects: 1, ..Limits::default() });
    let another = || scene.creation(scene.new_project(), 1);
    assert_eq!(scene.refuse(another()).code(), ErrorCode::BadRequestExceedProjectLimit);
    scene.apply(scene.deletion());
    scene.apply(another());
    let restore = Change::RestoreProject { project: scene.project, at: at(50) };
    assert_eq!(scene.refuse(restore).code(), ErrorCode::BadRequestExceedProjectLimit);
}

/// Another project's training is free, and dropping the lock frees this one.
pub fn training_is_locked_once_at_a_time(make: Make) {
    let scene = Scene::new(make);
    let other = scene.new_project();
    scene.apply(scene.creation(other, 1));
    let lock = scene.store.lock_training(scene.project).unwrap();
    assert!(matches!(scene.store.lock_training(scene.project), Err(StoreError::TrainingInProgress)));
    let _free = scene.store.lock_training(other).unwrap();
    drop(lock);
    let _again = scene.store.lock_training(scene.project).unwrap();
}

/// The same bytes in two projects are two photos, and ids of one mean nothing in the other.
pub fn projects_do_not_see_each_other(make: Make) {
    let mut scene = Scene::new(make);
    let (tag, first) = (scene.tag("oak"), scene.image(b"a", &[]));
    let one = scene.project;
    scene.project = scene.new_project();
    scene.apply(scene.creation(scene.project, 1));
    assert!(matches!(
        scene.store.image_bytes(scene.project, first),
        Err(StoreError::NotFound(Missing::Image(id))) if id == first
    ));
    let refused = scene.add(vec![scene.new_image(b"a", &[tag])]).remove(0).unwrap_err();
    assert!(matches!(refused.error, StoreError::NotFound(Missing::Tag(_))));
    let second = scene.image(b"a", &[]);
    scene.apply(scene.deletion_of_images(&[second]));
    assert_eq!(scene.store.image_bytes(one, first).unwrap(), b"a");
}
