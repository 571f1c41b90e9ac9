//! Int8: calibrated once, measured by the folds, published by name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocelli::{
    Error, ErrorCode, Int8Cost, IterationHandle, IterationId, Keep, Limits, Model, NewProject, OpenOptions,
    Precision, Prediction, ProjectHandle, PublishOptions, StopToken, Store, TagId, TrainError, TrainOptions,
    TrainingEvent, TrainingType, Upload,
};
use ocelli_store::{Applied, Change, FeatureKey, MemoryStore, NewIteration, Trained};
use ocelli_tests::{Scene, drawn, in_both, label_real, trainable, trained, unseen};

fn forced() -> TrainOptions {
    TrainOptions { force: true, ..TrainOptions::default() }
}

fn in_int8() -> PublishOptions {
    PublishOptions { precision: Precision::Int8, ..PublishOptions::default() }
}

/// A multiclass project of two kinds of real photos.
fn real_photos(scene: &Scene) -> ProjectHandle {
    let project = scene.ocelli.create_project(NewProject::new("photos").multiclass()).unwrap();
    label_real(&project, "fish", 12);
    label_real(&project, "monument", 12);
    project
}

/// Trains, and tells what was told meanwhile.
fn train(project: &ProjectHandle, options: &TrainOptions) -> (IterationHandle, Vec<TrainingEvent>) {
    let events = Mutex::new(Vec::new());
    let iteration = project
        .train_watched(options, &StopToken::new(), &|event| events.lock().unwrap().push(event))
        .unwrap();
    (iteration, events.into_inner().unwrap())
}

/// How many photos a training looked at to calibrate; none where it reused a calibration.
fn calibrated_on(events: &[TrainingEvent]) -> Option<usize> {
    events.iter().find_map(|event| match event {
        TrainingEvent::Calibration { total, .. } => Some(*total),
        _ => None,
    })
}

fn by_tag(predictions: &[Prediction]) -> BTreeMap<TagId, f32> {
    predictions.iter().map(|each| (each.tag_id, each.probability)).collect()
}

/// The largest difference between the probabilities of two answers.
fn distance(one: &[Prediction], other: &[Prediction]) -> f32 {
    let (one, other) = (by_tag(one), by_tag(other));
    one.iter().map(|(tag, probability)| (probability - other[tag]).abs()).fold(0.0, f32::max)
}

#[test]
fn a_name_answers_in_the_precision_that_it_was_published_in() {
    in_both(|scene| {
        let project = real_photos(scene);
        let (iteration, _) = train(&project, &TrainOptions::default());
        let photo = unseen("fish");
        let f32 = iteration.quick_test(&photo).unwrap().predictions;
        let int8 = iteration.quick_test_in(Precision::Int8, &photo, Keep::No).unwrap().predictions;
        assert_ne!(f32, int8, "int8 should not be f32 by another name");
        assert!(distance(&f32, &int8) < 0.1, "{f32:?} and {int8:?}");

        let answer = || project.predict("production", &photo).unwrap().predictions;
        let published = || iteration.details().unwrap().publication.unwrap().precision;
        iteration.publish("production").unwrap();
        assert_eq!((published(), answer()), (Precision::F32, f32.clone()));
        iteration.publish_with("production", &in_int8()).unwrap();
        assert_eq!((published(), answer()), (Precision::Int8, int8));
        iteration.publish("production").unwrap();
        assert_eq!((published(), answer()), (Precision::F32, f32));
    });
}

#[test]
fn a_model_file_answers_in_int8_as_the_project_does() {
    let scene = Scene::in_directory();
    let project = real_photos(&scene);
    let (iteration, _) = train(&project, &TrainOptions::default());
    iteration.publish_with("production", &in_int8()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), iteration.model_file().unwrap()).unwrap();
    let model = Model::open_with(file.path(), Precision::Int8).unwrap();
    for photo in [unseen("fish"), unseen("monument"), drawn(90)] {
        assert_eq!(
            model.predict(&photo).unwrap(),
            project.predict("production", &photo).unwrap().predictions
        );
    }
}

#[test]
fn what_int8_costs_is_what_the_folds_heads_lose_on_photos_that_they_did_not_see() {
    let scene = Scene::in_memory();
    let project = real_photos(&scene);
    let (iteration, events) = train(&project, &TrainOptions::default());
    let manifest = iteration.manifest().unwrap();
    let int8 = manifest.int8.unwrap();
    let right = (manifest.evaluation.top1().unwrap() * 24.0).round() as usize;
    assert_eq!((int8.calibration_photos, int8.cost.photos, int8.cost.right_f32), (24, 24, right));
    assert!(int8.cost.is_small(), "{}", int8.cost);
    let change = int8.cost.mean_probability_change;
    assert!(change > 1e-6 && change < 0.05, "{change}");
    let told = events.contains(&TrainingEvent::Int8Measured { cost: int8.cost });
    assert!(told, "{events:?}");
}

/// An iteration like this one, but with this cost.
fn costing(store: &MemoryStore, iteration: &IterationHandle, cost: Int8Cost) -> IterationId {
    let details = iteration.details().unwrap();
    let (project, id) = (details.project_id, IterationId::new(details.created, [9; 10]));
    let new = NewIteration {
        id,
        project_id: project,
        name: None,
        created: details.created,
        domain_id: details.domain_id,
        classification_type: details.classification_type,
        training_type: TrainingType::Regular,
        reserved_budget_millis: 0,
        custom_base: None,
    };
    let mut manifest = iteration.manifest().unwrap();
    manifest.int8.as_mut().unwrap().cost = cost;
    let trained = Box::new(Trained {
        manifest,
        model: store.model(project, iteration.id()).unwrap(),
        looked_at: Vec::new(),
    });
    assert!(matches!(store.apply(Change::BeginTraining { iteration: new }).unwrap(), Applied::Iteration(_)));
    let (at, training_millis) = (details.created, 1);
    store.apply(Change::CompleteTraining { project, iteration: id, trained, at, training_millis }).unwrap();
    id
}

#[test]
fn int8_that_costs_too_much_is_published_only_where_it_is_insisted_on() {
    let store = Arc::new(MemoryStore::new(Limits::default()));
    let ocelli = OpenOptions::new().with_store(store.clone()).unwrap();
    let (project, iteration) = trained(&ocelli);
    let cost = Int8Cost { photos: 100, right_f32: 90, right_int8: 87, mean_probability_change: 0.1 };
    let costly = project.iteration(costing(&store, &iteration, cost)).unwrap();
    let error = costly.publish_with("production", &in_int8()).unwrap_err();
    assert!(matches!(&error, Error::Int8TooCostly { cost: told, .. } if *told == cost), "{error}");
    assert!(error.to_string().contains("87 of 100"), "{error}");
    assert_eq!(costly.details().unwrap().publication, None);
    costly.publish_with("production", &PublishOptions { insist: true, ..in_int8() }).unwrap();
    assert_eq!(costly.details().unwrap().publication.unwrap().precision, Precision::Int8);
    project.predict("production", &drawn(90)).unwrap();
}

#[test]
fn without_int8_nothing_is_calibrated_and_int8_is_refused() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let (iteration, events) = train(&project, &TrainOptions { int8: false, ..TrainOptions::default() });
        assert_eq!((calibrated_on(&events), iteration.manifest().unwrap().int8), (None, None));
        let published = iteration.publish_with("production", &PublishOptions { insist: true, ..in_int8() });
        assert!(matches!(published, Err(Error::NoInt8 { .. })), "{published:?}");
        let asked = iteration.quick_test_in(Precision::Int8, &drawn(90), Keep::No);
        assert!(matches!(asked, Err(Error::NoInt8 { .. })), "{asked:?}");
        // What the last training lacks is a change to train.
        let (second, _) = train(&project, &TrainOptions::default());
        second.publish_with("production", &in_int8()).unwrap();
        let again = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap_err();
        assert_eq!(again.code(), ErrorCode::BadRequestTrainingNotNeeded);
    });
}

#[test]
fn what_has_not_completed_is_not_published_in_int8_either() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let watch = |event| {
        if let TrainingEvent::StrengthChosen { .. } = event {
            let training = project.iteration(project.iterations().unwrap()[0].id).unwrap();
            let error = training.publish_with("production", &in_int8()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::BadRequestIterationIsNotTrained);
        }
    };
    project.train_watched(&TrainOptions::default(), &StopToken::new(), &watch).unwrap();
}

/// A calibration is of one view, and where the folds choose one there are two.
fn whole() -> TrainOptions {
    TrainOptions { view: Some(ocelli::View::Whole), ..TrainOptions::default() }
}

#[test]
fn a_calibration_serves_until_the_photos_have_doubled() {
    let store = Arc::new(MemoryStore::new(Limits::default()));
    let ocelli = OpenOptions::new().with_store(store.clone()).unwrap();
    let project = trainable(&ocelli);
    let (first, events) = train(&project, &whole());
    assert_eq!(calibrated_on(&events), Some(12));
    let of = |iteration: &IterationHandle| iteration.manifest().unwrap().int8.unwrap();

    let (again, events) = train(&project, &TrainOptions { seed: 5, force: true, ..whole() });
    assert_eq!((calibrated_on(&events), of(&again).calibration), (None, of(&first).calibration));
    assert!(events.contains(&TrainingEvent::Features { done: 12, total: 12, cached: 12 }), "{events:?}");

    let tags = project.tags().unwrap();
    let add = |numbers: std::ops::Range<u8>| {
        let uploads =
            numbers.map(|number| Upload::bytes(drawn(number)).tag(tags[usize::from(number % 2)].id));
        assert!(project.add_files(uploads).unwrap().is_batch_successful());
    };
    add(12..23);
    let (grown, events) = train(&project, &whole());
    assert_eq!((calibrated_on(&events), of(&grown).calibration), (None, of(&first).calibration));
    assert!(events.contains(&TrainingEvent::Features { done: 12, total: 23, cached: 12 }), "{events:?}");

    add(23..24);
    let (doubled, events) = train(&project, &whole());
    assert_eq!((calibrated_on(&events), of(&doubled).calibration_photos), (Some(24), 24));
    assert_ne!(of(&doubled).calibration, of(&first).calibration);

    // The features of the first calibration went with it; the iterations that were made with it go on answering.
    let image = project.images(&Default::default()).unwrap()[0].id;
    let kept = |calibration: Option<String>| {
        let key = FeatureKey { base: first.manifest().unwrap().base, calibration };
        store.features(project.id(), &key, &[image]).unwrap().remove(0).is_some()
    };
    let calibrations = [None, Some(of(&first).calibration), Some(of(&doubled).calibration)];
    assert_eq!(calibrations.map(kept), [true, false, true]);
    first.quick_test_in(Precision::Int8, &drawn(90), Keep::No).unwrap();
}

#[test]
fn a_second_training_reuses_what_was_made_for_both_views() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let (_, events) = train(&project, &TrainOptions::default());
        assert_eq!(calibrated_on(&events), Some(12));
        let (_, events) = train(&project, &forced());
        assert_eq!(calibrated_on(&events), None);
        let passes: Vec<(usize, usize)> = events
            .iter()
            .filter_map(|event| match event {
                TrainingEvent::Features { cached, total, .. } => Some((*cached, *total)),
                _ => None,
            })
            .collect();
        assert_eq!(passes, [(12, 12); 2], "one a view");
    });
}

#[test]
fn another_view_has_a_calibration_of_its_own() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let (whole_view, _) = train(&project, &whole());
    let centre = TrainOptions { view: Some(ocelli::View::Centre), ..TrainOptions::default() };
    let (centre, events) = train(&project, &centre);
    assert_eq!(calibrated_on(&events), Some(12));
    let of = |iteration: &IterationHandle| iteration.manifest().unwrap().int8.unwrap().calibration;
    assert_ne!(of(&whole_view), of(&centre));
    let (_, events) = train(&project, &TrainOptions { force: true, ..whole() });
    assert_eq!(calibrated_on(&events), None, "the first is still there");
}

#[test]
fn an_erased_photo_leaves_no_features_in_either_precision() {
    let store = Arc::new(MemoryStore::new(Limits::default()));
    let ocelli = OpenOptions::new().with_store(store.clone()).unwrap();
    let (project, iteration) = trained(&ocelli);
    let manifest = iteration.manifest().unwrap();
    let keys = [
        FeatureKey::f32(manifest.base.clone()),
        FeatureKey::int8(manifest.base, manifest.int8.unwrap().calibration),
    ];
    let image = project.images(&Default::default()).unwrap()[0].id;
    let kept =
        || keys.each_ref().map(|key| store.features(project.id(), key, &[image]).unwrap()[0].is_some());
    assert_eq!(kept(), [true, true]);
    assert!(project.delete_images(vec![image]).unwrap().status.is_complete());
    assert_eq!(kept(), [false, false]);
}

#[test]
fn a_calibration_that_was_erased_does_not_come_back_by_a_training_under_way() {
    let store = Arc::new(MemoryStore::new(Limits::default()));
    let ocelli = OpenOptions::new().with_store(store.clone()).unwrap();
    // The same photos give the same calibration.
    let twin = trainable(&ocelli);
    let (iteration, _) = train(&twin, &whole());
    let manifest = iteration.manifest().unwrap();
    let key = FeatureKey::int8(manifest.base, manifest.int8.unwrap().calibration);
    let project = trainable(&ocelli);
    let in_int8 = |project: &ProjectHandle| {
        let images = project.images(&Default::default()).unwrap();
        let ids: Vec<_> = images.iter().map(|image| image.id).collect();
        store.features(project.id(), &key, &ids).unwrap().iter().flatten().count()
    };
    let gone = project.images(&Default::default()).unwrap()[0].id;
    let calibrated = AtomicBool::new(false);
    let watch = |event: TrainingEvent| match event {
        TrainingEvent::Calibration { .. } => calibrated.store(true, Ordering::Relaxed),
        TrainingEvent::Features { done: 0, .. } if calibrated.load(Ordering::Relaxed) => {
            assert!(project.delete_images(vec![gone]).unwrap().status.is_complete());
        }
        _ => {}
    };
    let trained = project.train_watched(&whole(), &StopToken::new(), &watch).unwrap();
    assert_eq!((in_int8(&twin), in_int8(&project)), (12, 0));
    let manifest = trained.manifest().unwrap();
    assert_eq!((manifest.int8, manifest.evaluation.photos.len(), manifest.erased), (None, 11, 1));
}

#[test]
fn an_iteration_knows_the_photos_that_it_was_calibrated_with() {
    in_both(|scene| {
        let (project, first) = trained(&scene.ocelli);
        let image = project.images(&Default::default()).unwrap().remove(0);
        project.untag_images(vec![image.id], vec![image.tags[0].tag_id]).unwrap();
        let (second, events) = train(&project, &TrainOptions::default());
        assert_eq!(calibrated_on(&events), None, "the calibration is the first one's");
        let f32_only = TrainOptions { int8: false, ..forced() };
        let (third, _) = train(&project, &f32_only);
        let erasure = project.delete_images(vec![image.id]).unwrap();
        let told: Vec<IterationId> = erasure.iterations.iter().map(|each| each.id).collect();
        assert_eq!(told, [first.id(), second.id()]);
        let counted = [&first, &second, &third].map(|it| it.manifest().unwrap().erased);
        assert_eq!(counted, [1, 1, 0]);
    });
}

#[test]
fn the_order_of_upload_does_not_count() {
    let calibration = |numbers: Vec<u8>| {
        let scene = Scene::in_memory();
        let project = scene.ocelli.create_project(NewProject::new("order").multiclass()).unwrap();
        let tags = ["upright", "level"].map(|name| project.create_tag(name).unwrap().id);
        for number in numbers {
            project.add_image(drawn(number), &[tags[usize::from(number % 2)]]).unwrap();
        }
        let (iteration, _) = train(&project, &TrainOptions { seed: 3, ..TrainOptions::default() });
        iteration.manifest().unwrap().int8.unwrap()
    };
    assert_eq!(calibration((0..12).collect()), calibration((0..12).rev().collect()));
}

#[test]
fn a_training_stops_while_it_calibrates() {
    in_both(|scene| {
        let project = real_photos(scene);
        let stop = StopToken::new();
        let asked = Mutex::new(None);
        let watch = |event: TrainingEvent| {
            if matches!(event, TrainingEvent::Calibration { done: 0, .. }) {
                *asked.lock().unwrap() = Some(Instant::now());
                stop.stop();
            }
        };
        let error = project.train_watched(&TrainOptions::default(), &stop, &watch).unwrap_err();
        let took = asked.into_inner().unwrap().unwrap().elapsed();
        assert!(matches!(error, Error::Train(TrainError::Stopped)), "{error}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        let (_, events) = train(&project, &TrainOptions::default());
        assert_eq!(calibrated_on(&events), Some(24), "half a calibration is none");
    });
}
