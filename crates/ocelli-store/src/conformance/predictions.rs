//! Kept predictions.

use ocelli_core::{
    DataClass, Erased, ErasureReason, ErrorCode, ImageCreateStatus, ImageId, InvalidValue, IterationId,
    Limits, Metadata, Origin, PredictionId, StoredPrediction, TagId, Threshold, Timestamp, limits,
};

use super::Make;
use super::scene::{Scene, at, name};
use crate::{
    Applied, Change, CheckOptions, Continuation, ImageAdded, ItemOutcome, Missing, Order, PredictionQuery,
    ProbabilityRange, StoreError, UsedPrediction,
};

const NOW: Timestamp = Timestamp::from_millis(1_600_000_100_000);

/// JSON cannot say them: a record with one could never be read again.
pub fn figures_that_are_not_finite_are_refused(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    for wrong in [f32::INFINITY, f32::NAN] {
        let error = scene.refuse(scene.keeping_prediction(&scene.answer(0, &[(oak, wrong)]), b"a"));
        assert!(matches!(error, StoreError::Invalid(InvalidValue::Probability { .. })), "{error:?}");
        let image = scene.image(format!("photo {wrong}").as_bytes(), &[oak]);
        let iteration = scene.begin(None).id;
        let mut trained = Scene::trained_on(1, &[(image, oak)]);
        trained.manifest.evaluation.photos[0].probabilities[0] = wrong;
        let error = scene.refuse(scene.completion_with(iteration, trained));
        assert!(matches!(error, StoreError::Invalid(InvalidValue::Probability { .. })), "{error:?}");
        let mut trained = Scene::trained_on(1, &[(image, oak)]);
        trained.manifest.balance = wrong;
        let error = scene.refuse(scene.completion_with(iteration, trained));
        assert!(matches!(error, StoreError::NotFinite(_)), "{error:?}");
        let mut trained = Scene::trained_on(1, &[(image, oak)]);
        trained.manifest.strength = f64::from(wrong);
        let error = scene.refuse(scene.completion_with(iteration, trained));
        assert!(matches!(error, StoreError::NotFinite(_)), "{error:?}");
        let mut trained = Scene::trained_on(1, &[(image, oak)]);
        trained.manifest.calibration.as_mut().unwrap().after.brier_score = f64::from(wrong);
        let error = scene.refuse(scene.completion_with(iteration, trained));
        assert!(matches!(error, StoreError::NotFinite(_)), "{error:?}");
        let mut trained = Scene::trained_on(1, &[(image, oak)]);
        trained.manifest.fine_tuning.as_mut().unwrap().rounds[0].held_out_loss = f64::from(wrong);
        let error = scene.refuse(scene.completion_with(iteration, trained));
        assert!(matches!(error, StoreError::NotFinite(_)), "{error:?}");
        let mut trained = Scene::trained_on(1, &[(image, oak)]);
        trained.manifest.int8.as_mut().unwrap().cost.mean_probability_change = f64::from(wrong);
        let error = scene.refuse(scene.completion_with(iteration, trained));
        assert!(matches!(error, StoreError::NotFinite(_)), "{error:?}");
    }
    assert!(ask(&scene, &PredictionQuery::default()).0.is_empty());
}

/// When what was kept at 0 is due.
fn expiry() -> Timestamp {
    at(0).plus_days(limits::KEPT_PREDICTION_DAYS)
}

fn ask(scene: &Scene, query: &PredictionQuery) -> (Vec<PredictionId>, Option<Continuation>) {
    let page = scene.store.predictions(scene.project, query).unwrap();
    (page.results.iter().map(|kept| kept.prediction.id).collect(), page.continuation)
}

fn used(prediction: PredictionId, number: u8, tags: &[TagId]) -> UsedPrediction {
    let image = ImageId::new(at(50), [number; 10]);
    UsedPrediction { prediction, image, tags: tags.to_vec(), regions: Vec::new() }
}

fn train_on(scene: &Scene, predictions: Vec<UsedPrediction>) -> Vec<ImageAdded> {
    match scene.apply(Change::UsePredictions { project: scene.project, predictions, at: NOW }) {
        Applied::Images(added) => added,
        other => panic!("{other:?}"),
    }
}

fn deleting(scene: &Scene, predictions: Vec<PredictionId>) -> Change {
    Change::DeletePredictions { project: scene.project, predictions, at: NOW }
}

fn is_missing<T: std::fmt::Debug>(answer: Result<T, StoreError>, prediction: PredictionId) {
    match answer {
        Err(StoreError::NotFound(Missing::Prediction(id))) if id == prediction => {}
        other => panic!("{other:?}"),
    }
}

/// With its photo, bit for bit, whether or not its iteration and tags are there.
pub fn a_kept_prediction_comes_back(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), TagId::new(at(0), [9; 10]));
    let mut kept = scene.answer(0, &[(oak, 0.9), (ash, 0.1), (oak, 1.0 / 3.0)]);
    kept.application = Some(name("gate"));
    let id = scene.keep(&kept, b"a");
    assert_eq!(scene.store.prediction(scene.project, id).unwrap(), kept);
    assert_eq!(scene.store.prediction_bytes(scene.project, id).unwrap(), b"a");
    let page = scene.store.predictions(scene.project, &PredictionQuery::default()).unwrap();
    assert_eq!((page.results, page.continuation), (vec![kept.clone()], None));
    let again = scene.keeping_prediction(&kept, b"b");
    assert!(matches!(scene.refuse(again), StoreError::IdTaken(_)));
}

/// From the very moment on, for questions and for being trained on or deleted.
pub fn an_expired_prediction_is_invisible(make: Make) {
    let scene = Scene::new(make);
    let kept = scene.answer(0, &[]);
    let id = scene.keep(&kept, b"a");
    scene.set_clock(Timestamp::from_millis(expiry().as_millis() - 1));
    assert_eq!(scene.store.prediction(scene.project, id).unwrap(), kept);
    scene.set_clock(expiry());
    is_missing(scene.store.prediction(scene.project, id), id);
    is_missing(scene.store.prediction_bytes(scene.project, id), id);
    assert_eq!(ask(&scene, &PredictionQuery::default()), (Vec::new(), None));
    let refused = train_on(&scene, vec![used(id, 1, &[])]).remove(0).unwrap_err();
    assert_eq!(refused.status, ImageCreateStatus::ErrorSource);
    is_missing(scene.store.apply(deleting(&scene, vec![id])), id);
}

/// Its bytes are there until then.
pub fn an_expired_prediction_is_erased_in_steps(make: Make) {
    let scene = Scene::new(make);
    let id = scene.keep(&scene.answer(0, &[]), b"a");
    scene.set_clock(expiry());
    let files = || scene.store.check(&CheckOptions::default()).unwrap().files;
    assert_eq!(files(), 1);
    let due = ErasureReason::Due(DataClass::PredictionPhoto);
    assert_eq!(scene.erase_items(&[(Erased::Prediction(id), due)]), [ItemOutcome::Erased]);
    assert!(scene.store.finish_erasures().unwrap().is_complete());
    assert_eq!(files(), 0);
    assert_eq!(scene.erase_items(&[(Erased::Prediction(id), due)]), [ItemOutcome::Gone]);
}

/// By time, then by id, both ways, each page going on where the one before ended.
pub fn predictions_are_paged_in_order(make: Make) {
    let scene = Scene::new(make);
    let kept: Vec<_> = (0..7).map(|i| scene.answer(i / 3, &[])).collect();
    let mut expected: Vec<_> = kept.iter().map(|each| scene.keep(each, b"a")).collect();
    for order in [Order::Oldest, Order::Newest] {
        let mut query = PredictionQuery { order, take: 3, ..PredictionQuery::default() };
        let mut found = Vec::new();
        for (left, more) in [(3, true), (3, true), (1, false)] {
            let (ids, continuation) = ask(&scene, &query);
            assert_eq!((ids.len(), continuation.is_some()), (left, more));
            found.extend(ids);
            query.continuation = continuation;
        }
        assert_eq!(found, expected);
        expected.reverse();
    }
    let exact = PredictionQuery { take: 7, ..PredictionQuery::default() };
    assert_eq!(ask(&scene, &exact).1, None);
    let nothing = PredictionQuery { take: 0, ..PredictionQuery::default() };
    assert_eq!(ask(&scene, &nothing), (Vec::new(), None));
}

/// By tag and probability, iteration, time and application; conditions narrow.
pub fn predictions_are_filtered(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let iteration = IterationId::new(at(0), [3; 10]);
    let one = scene.keep(&scene.answer(1, &[(oak, 0.7), (ash, 0.3)]), b"a");
    let mut kept = scene.answer(2, &[(oak, 0.1), (ash, 0.9)]);
    kept.prediction.iteration_id = iteration;
    let two = scene.keep(&kept, b"b");
    let three = scene
        .keep(&StoredPrediction { application: Some(name("gate")), ..scene.answer(3, &[(ash, 0.9)]) }, b"c");
    let range = |tag_id, min, max| {
        let ends = [min, max].map(|end| Threshold::new(end).unwrap());
        ProbabilityRange { tag_id, min: ends[0], max: ends[1] }
    };
    let all = || PredictionQuery { order: Order::Oldest, ..PredictionQuery::default() };
    let cases: [(PredictionQuery, &[PredictionId]); 10] = [
        (all(), &[one, two, three]),
        (PredictionQuery { tags: vec![range(ash, 0.3, 0.9)], ..all() }, &[one, two, three]),
        (PredictionQuery { tags: vec![range(ash, 0.5, 1.0)], ..all() }, &[two, three]),
        (PredictionQuery { tags: vec![range(ash, 0.5, 1.0), range(oak, 0.0, 0.5)], ..all() }, &[two]),
        (PredictionQuery { iteration_id: Some(iteration), ..all() }, &[two]),
        (PredictionQuery { start_time: Some(at(2)), ..all() }, &[two, three]),
        (PredictionQuery { end_time: Some(at(2)), ..all() }, &[one]),
        (PredictionQuery { start_time: Some(at(2)), end_time: Some(at(3)), ..all() }, &[two]),
        (PredictionQuery { application: Some(name("gate")), ..all() }, &[three]),
        (PredictionQuery { application: Some(name("door")), ..all() }, &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(ask(&scene, &query).0, expected, "{query:?}");
    }
}

/// In pages and tags.
pub fn prediction_questions_are_limited(make: Make) {
    let scene = Scene::new(make);
    let query = PredictionQuery { take: limits::MAX_PAGE + 1, ..PredictionQuery::default() };
    let refused = scene.store.predictions(scene.project, &query);
    assert!(matches!(refused, Err(StoreError::Invalid(InvalidValue::Page { take: 257 }))));
    let range = |i| ProbabilityRange {
        tag_id: TagId::new(at(i), [0; 10]),
        min: Threshold::default(),
        max: Threshold::default(),
    };
    let query = PredictionQuery { tags: (0..3).map(range).collect(), ..PredictionQuery::default() };
    let refused = scene.store.predictions(scene.project, &query).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::BadRequestPredictionTagsExceededCount);
}

/// Where one of them does not exist, or they are too many.
pub fn deleting_predictions_is_all_or_nothing(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.keep(&scene.answer(0, &[]), b"a"), scene.keep(&scene.answer(0, &[]), b"b"));
    let nobody = PredictionId::new(at(0), [9; 10]);
    is_missing(scene.store.apply(deleting(&scene, vec![one, nobody])), nobody);
    let many = vec![one; limits::MAX_PREDICTIONS_PER_DELETION + 1];
    let refused = scene.refuse(deleting(&scene, many));
    assert_eq!(refused.code(), ErrorCode::BadRequestPredictionIdsExceededCount);
    assert_eq!(scene.store.prediction_bytes(scene.project, one).unwrap(), b"a");
    scene.apply(deleting(&scene, vec![one, one]));
    is_missing(scene.store.prediction(scene.project, one), one);
    assert_eq!(ask(&scene, &PredictionQuery::default()).0, [two]);
}

/// The photo moves.
pub fn a_prediction_becomes_a_photo(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let kept = scene.answer(0, &[(oak, 0.9)]);
    let id = scene.keep(&kept, b"a");
    let mut using = used(id, 1, &[oak]);
    using.regions = vec![scene.region(oak, 1)];
    let added = train_on(&scene, vec![using.clone(), using.clone()]);
    let image = &added[0].as_ref().unwrap().image;
    assert_eq!(added[1].as_ref().unwrap_err().status, ImageCreateStatus::ErrorSource);
    assert_eq!((image.id, image.created, image.width, image.height), (using.image, NOW, 320, 200));
    assert_eq!(image.origin, Origin::Prediction { prediction_id: id });
    assert_eq!((image.tags[0].tag_id, image.tags[0].created, &image.regions), (oak, NOW, &using.regions));
    assert_eq!(scene.look(image.id), *image);
    assert_eq!(scene.store.image_bytes(scene.project, image.id).unwrap(), b"a");
    is_missing(scene.store.prediction(scene.project, id), id);
    let many = vec![used(id, 1, &[]); limits::MAX_BATCH + 1];
    let refused = scene.refuse(Change::UsePredictions { project: scene.project, predictions: many, at: NOW });
    assert_eq!(refused.code(), ErrorCode::BadRequestExceededBatchSize);
}

/// As an uploaded duplicate does.
pub fn a_prediction_of_a_known_photo_joins_it(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let image = scene.image(b"a", &[oak]);
    let id = scene.keep(&scene.answer(0, &[]), b"a");
    let added = train_on(&scene, vec![used(id, 1, &[ash])]).remove(0).unwrap();
    assert!(added.duplicate);
    assert_eq!(added.image, scene.look(image));
    assert_eq!(scene.tags_of(image), [oak, ash]);
    is_missing(scene.store.prediction(scene.project, id), id);
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
}

/// What the photo says already stays; where the two disagree, the prediction stays as it is, and the others are moved.
pub fn a_prediction_that_joins_a_photo_brings_its_metadata(make: Make) {
    let scene = Scene::new(make);
    let metadata = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Metadata::new(entries.collect()).unwrap()
    };
    let photos = [b"a", b"b", b"c"].map(|bytes| scene.image(bytes, &[]));
    scene.apply(scene.setting_metadata(photos[0], metadata(&[("camera", "north")])));
    scene.apply(scene.setting_metadata(photos[1], metadata(&[("person", "bob")])));
    let kept = [b"a", b"b", b"c"].map(|bytes| {
        let mut answer = scene.answer(1, &[]);
        answer.metadata = metadata(&[("person", "ann"), ("camera", "north")]);
        scene.keep(&answer, bytes)
    });
    let used = |prediction| UsedPrediction {
        prediction,
        image: ImageId::new(at(2), scene.random()),
        tags: Vec::new(),
        regions: Vec::new(),
    };
    let predictions = kept.map(used).into();
    let Applied::Images(added) =
        scene.apply(Change::UsePredictions { project: scene.project, predictions, at: at(5) })
    else {
        panic!("no entries");
    };
    let refusal = added[1].as_ref().unwrap_err();
    let conflict = matches!(&refusal.error, StoreError::MetadataConflict { image, key } if *image == photos[1] && key == "person");
    assert!(conflict, "{refusal:?}");
    let both = metadata(&[("person", "ann"), ("camera", "north")]);
    for index in [0, 2] {
        assert_eq!(added[index].as_ref().unwrap().image.metadata, both);
        assert_eq!(scene.look(photos[index]).metadata, both);
    }
    assert_eq!(scene.look(photos[1]).metadata, metadata(&[("person", "bob")]));
    let there = kept.map(|id| scene.store.prediction(scene.project, id).is_ok());
    assert_eq!(there, [false, true, false]);
}

/// For another attempt.
pub fn a_refused_prediction_stays(make: Make) {
    let scene = Scene::with_limits(make, Limits { images_per_project: 1, ..Limits::default() });
    let no_tag = TagId::new(at(0), [9; 10]);
    let ids = [b"a", b"b", b"c"].map(|bytes| scene.keep(&scene.answer(0, &[]), bytes));
    let batch = vec![used(ids[0], 1, &[no_tag]), used(ids[1], 2, &[]), used(ids[2], 3, &[])];
    let statuses: Vec<_> = train_on(&scene, batch)
        .iter()
        .map(|each| each.as_ref().map_err(|refusal| refusal.status).map(|_| ()))
        .collect();
    let expected =
        [Err(ImageCreateStatus::ErrorInvalidTag), Ok(()), Err(ImageCreateStatus::ErrorLimitExceed)];
    assert_eq!(statuses, expected);
    assert_eq!(scene.store.prediction_bytes(scene.project, ids[0]).unwrap(), b"a");
    is_missing(scene.store.prediction(scene.project, ids[1]), ids[1]);
    assert_eq!(scene.store.prediction_bytes(scene.project, ids[2]).unwrap(), b"c");
}

/// Be it a photo or a kept prediction.
pub fn bytes_live_while_something_refers_to_them(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[]);
    let (one, two) = (scene.keep(&scene.answer(0, &[]), b"a"), scene.keep(&scene.answer(0, &[]), b"a"));
    scene.apply(scene.deletion_of_images(&[image]));
    assert_eq!(scene.store.prediction_bytes(scene.project, one).unwrap(), b"a");
    scene.apply(deleting(&scene, vec![one]));
    assert_eq!(scene.store.prediction_bytes(scene.project, two).unwrap(), b"a");
    let image = train_on(&scene, vec![used(two, 1, &[])]).remove(0).unwrap().image.id;
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
}
