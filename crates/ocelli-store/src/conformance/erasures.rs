//! What an erasure takes, and what it tells.

use std::collections::BTreeMap;

use ocelli_core::{
    Affected, AffectedIteration, AffectedOutcome, Erased, Erasure, ErasureRecord, ErasureStatus, ErrorCode,
    ImageId, IterationId, IterationStatus, LeftOut, Metadata, PredictionId, ProjectId, RegionId, TagId,
    TagUpdate, TrainingFailure,
};

use super::Make;
use super::scene::{Scene, at, name};
use crate::{
    Change, CheckOptions, FeatureKey, ImageQuery, Missing, PredictionQuery, ProjectState, StoreError,
    StoredCalibration,
};

pub(super) fn outcomes(erasure: &Erasure) -> Vec<(IterationId, AffectedOutcome)> {
    assert_eq!(erasure.status, ErasureStatus::Complete);
    erasure.iterations.iter().map(|affected| (affected.id, affected.outcome)).collect()
}

fn evaluated(scene: &Scene, iteration: IterationId) -> (Vec<ImageId>, u32) {
    let manifest = scene.manifest(iteration);
    (manifest.evaluation.photos.iter().map(|photo| photo.photo).collect(), manifest.erased)
}

pub(super) fn metadata(value: &str) -> Metadata {
    Metadata::new(BTreeMap::from([("camera".to_owned(), value.to_owned())])).unwrap()
}

pub(super) fn setting(scene: &Scene, image: ImageId, metadata: Metadata) -> Change {
    Change::SetMetadata { project: scene.project, image, metadata, at: at(40) }
}

pub(super) fn erasing_project(scene: &Scene) -> Change {
    Change::EraseProject { project: scene.project, at: at(60) }
}

fn deleting_tag(scene: &Scene, tag: TagId, affected: Affected) -> Change {
    Change::DeleteTag { project: scene.project, tag, affected, at: at(40) }
}

fn failing(scene: &Scene, iteration: IterationId, failure: TrainingFailure) -> Change {
    Change::FailTraining { project: scene.project, iteration, failure, at: at(21) }
}

pub(super) fn log(scene: &Scene) -> Vec<ErasureRecord> {
    scene.store.erasures(at(0)).unwrap()
}

/// It is counted where it was trained on, and no longer listed anywhere.
pub fn a_photo_leaves_performance_records(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let (gone, stays) = (scene.image(b"a", &[oak]), scene.image(b"b", &[oak]));
    let on_both = scene.complete_on(1, &[(gone, oak), (stays, oak)]);
    let mut trained = Scene::trained_on(2, &[(stays, oak)]);
    trained.manifest.left_out = vec![(gone, LeftOut::Unreadable), (stays, LeftOut::SeveralTags)];
    let on_one = scene.complete_with(trained);
    let erasure = scene.erase(scene.deletion_of_images(&[gone]));
    assert_eq!(outcomes(&erasure), [(on_both, AffectedOutcome::Kept)]);
    assert_eq!(evaluated(&scene, on_both), (vec![stays], 1));
    assert_eq!(evaluated(&scene, on_one), (vec![stays], 0));
    assert_eq!(scene.manifest(on_one).left_out, [(stays, LeftOut::SeveralTags)]);
    let manifest = scene.manifest(on_both);
    assert_eq!(manifest.evaluation.photos[0].probabilities, [1.0 / 3.0], "the others stay bit for bit");
    assert_eq!(outcomes(&scene.erase(scene.deletion_of_images(&[stays]))).len(), 2);
    assert_eq!((evaluated(&scene, on_both), evaluated(&scene, on_one)), ((vec![], 2), (vec![], 1)));
}

/// As they were before, in the order in which the iterations began.
pub fn the_answer_tells_names_and_exports(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let image = scene.image(b"a", &[oak]);
    let (published, plain) = (scene.complete_on(1, &[(image, oak)]), scene.complete_on(2, &[(image, oak)]));
    scene.apply(scene.publication(published, "live", false));
    let exports = vec![scene.export(published, &[("a", b"1")]), scene.export(published, &[("b", b"2")])];
    let publication = scene.store.iteration(scene.project, published).unwrap().publication;
    let erasure = scene.erase(scene.deletion_of_images_with(&[image], Affected::Delete));
    let affected = |id, number: u32, publication, exports| AffectedIteration {
        project_id: scene.project,
        id,
        name: name(&format!("Iteration {number}")),
        publication,
        exports,
        outcome: AffectedOutcome::Deleted,
    };
    let expected = [affected(published, 1, publication, exports), affected(plain, 2, None, Vec::new())];
    assert_eq!(erasure.iterations, expected);
}

/// As the caller chose, for a photo and for a tag; what was not trained on it is left alone.
pub fn iterations_are_kept_unpublished_or_deleted(make: Make) {
    use AffectedOutcome::{Deleted, Kept, Unpublished};
    for (choice, expected) in [
        (Affected::Keep, [Kept, Kept]),
        (Affected::Unpublish, [Unpublished, Kept]),
        (Affected::Delete, [Deleted, Deleted]),
    ] {
        for whole_tag in [false, true] {
            let scene = Scene::new(make);
            let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
            let (image, other) = (scene.image(b"a", &[oak]), scene.image(b"b", &[ash]));
            let on_it = [1, 2].map(|seed| scene.complete_on(seed, &[(image, oak)]));
            let beside = scene.complete_on(3, &[(other, ash)]);
            scene.apply(scene.publication(on_it[0], "live", false));
            scene.apply(scene.publication(beside, "beside", false));
            let export = scene.export(on_it[1], &[("model.onnx", b"m")]);
            let erasure = scene.erase(if whole_tag {
                Change::DeleteTag { project: scene.project, tag: oak, affected: choice, at: at(40) }
            } else {
                scene.deletion_of_images_with(&[image], choice)
            });
            let expected_each: Vec<_> = on_it.into_iter().zip(expected).collect();
            assert_eq!(outcomes(&erasure), expected_each);
            let iterations = scene.store.iterations(scene.project).unwrap();
            let left: Vec<IterationId> = iterations.iter().map(|each| each.id).collect();
            let live = scene.store.published(scene.project, &name("live"));
            let file = scene.store.export_bytes(scene.project, export, &name("model.onnx"));
            if choice == Affected::Delete {
                assert_eq!(left, [beside]);
                assert!(matches!(scene.store.model(scene.project, on_it[0]), Err(StoreError::NotFound(_))));
                assert!(file.is_err());
            } else {
                assert_eq!(left, [on_it[0], on_it[1], beside]);
                assert_eq!(evaluated(&scene, on_it[0]).1, u32::from(!whole_tag));
                assert_eq!(file.unwrap(), b"m");
            }
            assert_eq!(live.is_ok(), choice == Affected::Keep);
            assert_eq!(scene.store.published(scene.project, &name("beside")).unwrap().id, beside);
        }
    }
}

/// It may be using the photo that is erased, and completes all the same.
pub fn a_training_under_way_is_listed_and_left(make: Make) {
    for choice in [Affected::Keep, Affected::Unpublish] {
        let scene = Scene::new(make);
        let oak = scene.tag("oak");
        let image = scene.image(b"a", &[oak]);
        let begun = scene.begin(None);
        let erasure = scene.erase(scene.deletion_of_images_with(&[image], choice));
        assert_eq!(outcomes(&erasure), [(begun.id, AffectedOutcome::InTraining)]);
        assert_eq!(scene.store.iteration(scene.project, begun.id).unwrap(), begun);
        scene.apply(scene.completion_with(begun.id, Scene::trained_on(1, &[(image, oak)])));
        assert_eq!(evaluated(&scene, begun.id), (vec![], 1));
    }
}

/// And neither completes nor fails then.
pub fn a_training_under_way_goes_where_that_was_chosen(make: Make) {
    for whole_tag in [false, true] {
        let scene = Scene::new(make);
        let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
        let (image, stays) = (scene.image(b"a", &[oak]), scene.image(b"b", &[ash]));
        let begun = scene.begin(None).id;
        let erasure = scene.erase(if whole_tag {
            deleting_tag(&scene, oak, Affected::Delete)
        } else {
            scene.deletion_of_images_with(&[image], Affected::Delete)
        });
        assert_eq!(outcomes(&erasure), [(begun, AffectedOutcome::Deleted)]);
        assert_eq!(scene.store.iterations(scene.project).unwrap(), []);
        let completion = scene.completion_with(begun, Scene::trained_on(1, &[(stays, ash)]));
        for ending in [completion, failing(&scene, begun, TrainingFailure::Stopped)] {
            let refused = scene.refuse(ending);
            assert!(matches!(refused, StoreError::NotFound(Missing::Iteration(id)) if id == begun));
        }
        assert!(log(&scene).iter().any(|record| record.erased == Erased::Iteration(begun)));
    }
}

/// It may have had a tag when the training began, or have been looked at by the calibration.
pub fn a_training_may_be_using_a_photo_that_has_no_tag(make: Make) {
    for (choice, outcome) in
        [(Affected::Keep, AffectedOutcome::InTraining), (Affected::Delete, AffectedOutcome::Deleted)]
    {
        let scene = Scene::new(make);
        let bare = scene.image(b"a", &[]);
        let begun = scene.begin(None).id;
        let erasure = scene.erase(scene.deletion_of_images_with(&[bare], choice));
        assert_eq!(outcomes(&erasure), [(begun, outcome)]);
    }
}

/// Its model would bring the name back; the training can still fail.
pub fn a_training_on_an_erased_tag_does_not_complete(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let image = scene.image(b"a", &[oak, ash]);
    let begun = scene.begin(None).id;
    let erasure = scene.erase(deleting_tag(&scene, oak, Affected::Unpublish));
    assert_eq!(outcomes(&erasure), [(begun, AffectedOutcome::InTraining)]);
    let refused = scene.refuse(scene.completion_with(begun, Scene::trained_on(1, &[(image, oak)])));
    assert!(matches!(refused, StoreError::NotFound(Missing::Tag(tag)) if tag == oak));
    scene.apply(failing(&scene, begun, TrainingFailure::Stopped));
    scene.complete_on(2, &[(image, ash)]);
}

/// And count as trained on: once, also when they were evaluated too, and when they went before the training ended.
pub fn photos_that_a_model_was_calibrated_with_are_known(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let [seen, both, early, stays] = [b"a", b"b", b"c", b"d"].map(|bytes| scene.image(bytes, &[oak]));
    let plain = scene.complete_on(1, &[(stays, oak)]);
    let begun = scene.begin(None).id;
    let mut trained = Scene::trained_on(2, &[(both, oak), (early, oak), (stays, oak)]);
    trained.looked_at = vec![seen, both, early, stays];
    let _ = scene.erase(scene.deletion_of_images(&[early]));
    scene.apply(scene.completion_with(begun, trained));
    assert_eq!(evaluated(&scene, begun), (vec![both, stays], 1));
    for (image, expected) in [(seen, (vec![both, stays], 2)), (both, (vec![stays], 3))] {
        let erasure = scene.erase(scene.deletion_of_images(&[image]));
        assert_eq!(outcomes(&erasure), [(begun, AffectedOutcome::Kept)]);
        assert_eq!(evaluated(&scene, begun), expected);
    }
    let erasure = scene.erase(scene.deletion_of_images_with(&[stays], Affected::Delete));
    assert_eq!(outcomes(&erasure), [plain, begun].map(|id| (id, AffectedOutcome::Deleted)));
}

/// Instead of listed, among those evaluated and those left out.
pub fn photos_erased_during_a_training_are_counted(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let [one, two, left_out, stays] = [b"a", b"b", b"c", b"d"].map(|bytes| scene.image(bytes, &[oak]));
    let iteration = scene.begin(None).id;
    let mut trained = Scene::trained_on(1, &[(one, oak), (stays, oak), (two, oak)]);
    trained.manifest.left_out = vec![(left_out, LeftOut::SeveralTags)];
    let _ = scene.erase(scene.deletion_of_images(&[one, two, left_out]));
    scene.apply(scene.completion_with(iteration, trained));
    assert_eq!(evaluated(&scene, iteration), (vec![stays], 2));
    assert_eq!(scene.manifest(iteration).left_out, []);
}

/// And all features that were computed with it, of all photos.
pub fn a_calibration_goes_with_a_photo_it_looked_at(make: Make) {
    let scene = Scene::new(make);
    let (gone, stays) = (scene.image(b"a", &[]), scene.image(b"b", &[]));
    scene.apply(scene.calibrating_on("one", 1, &[gone, stays]));
    scene.apply(scene.calibrating_on("two", 1, &[stays]));
    let of = |base| FeatureKey::int8(base, Scene::calibration(1).fingerprint);
    let keys = [FeatureKey::f32("one"), of("one"), of("two")];
    for key in keys.clone() {
        let features = vec![(gone, vec![0.5]), (stays, vec![0.25])];
        scene.apply(Change::CacheFeatures { project: scene.project, key, features });
    }
    let _ = scene.erase(scene.deletion_of_images(&[gone]));
    assert_eq!(scene.store.calibration(scene.project, "one").unwrap(), None);
    let kept = StoredCalibration { images: vec![stays], ..Scene::calibration(1) };
    assert_eq!(scene.store.calibration(scene.project, "two").unwrap(), Some(kept));
    let has = keys.map(|key| scene.store.features(scene.project, &key, &[stays]).unwrap()[0].is_some());
    assert_eq!(has, [true, false, true]);
}

/// The one before stays.
pub fn a_calibration_of_an_erased_photo_is_not_kept(make: Make) {
    let scene = Scene::new(make);
    let (gone, stays) = (scene.image(b"a", &[]), scene.image(b"b", &[]));
    scene.apply(scene.calibrating_on("one", 1, &[stays]));
    let _ = scene.erase(scene.deletion_of_images(&[gone]));
    scene.apply(scene.calibrating_on("one", 2, &[gone, stays]));
    let kept = scene.store.calibration(scene.project, "one").unwrap();
    assert_eq!(kept, Some(StoredCalibration { images: vec![stays], ..Scene::calibration(1) }));
}

/// Nor do those of one that another has replaced: a training may still have the calibration, and goes on with it.
pub fn features_of_an_erased_calibration_do_not_come_back(make: Make) {
    let scene = Scene::new(make);
    let (gone, stays) = (scene.image(b"a", &[]), scene.image(b"b", &[]));
    let of = |number| FeatureKey::int8("one", Scene::calibration(number).fingerprint);
    let cache = |key: FeatureKey| {
        let features = vec![(stays, vec![0.25])];
        scene.apply(Change::CacheFeatures { project: scene.project, key: key.clone(), features });
        scene.store.features(scene.project, &key, &[stays]).unwrap()[0].is_some()
    };
    assert!(!cache(of(1)));
    scene.apply(scene.calibrating_on("one", 1, &[gone, stays]));
    assert!(cache(of(1)) && !cache(of(2)));
    scene.apply(scene.calibrating_on("one", 2, &[gone, stays]));
    assert!(cache(of(2)) && !cache(of(1)));
    let _ = scene.erase(scene.deletion_of_images(&[gone]));
    assert!(!cache(of(2)) && cache(FeatureKey::f32("one")));
}

/// The other tags' results stay, in their order.
pub fn a_tag_leaves_kept_answers(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash, elm) = (scene.tag("oak"), scene.tag("ash"), scene.tag("elm"));
    let mut answer = scene.answer(0, &[(ash, 0.75), (oak, 0.5), (elm, 0.25), (oak, 0.125)]);
    let (kept, other) = (scene.keep(&answer, b"a"), scene.keep(&scene.answer(1, &[(oak, 1.0)]), b"b"));
    let _ = scene.erase(scene.deletion_of_tag(oak));
    answer.prediction.predictions.retain(|result| result.tag_id != oak);
    assert_eq!(scene.store.prediction(scene.project, kept).unwrap(), answer);
    let emptied = scene.store.prediction(scene.project, other).unwrap();
    assert_eq!(emptied.prediction.predictions, []);
    assert_eq!(scene.store.prediction_bytes(scene.project, other).unwrap(), b"b");
}

/// An iteration that is kept goes on giving the tag; what it says of others is kept.
pub fn an_erased_tag_is_not_kept_with_new_answers(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let _ = scene.erase(scene.deletion_of_tag(oak));
    let mut answer = scene.answer(0, &[(oak, 0.75), (ash, 0.5), (oak, 0.25)]);
    let id = scene.keep(&answer, b"a");
    answer.prediction.predictions.retain(|result| result.tag_id == ash);
    assert_eq!(scene.store.prediction(scene.project, id).unwrap(), answer);
}

/// As it was written there, quoted or not, when the tag is deleted and when it is renamed. Other messages stay.
pub fn a_tag_leaves_messages_of_failed_trainings(make: Make) {
    let scene = Scene::new(make);
    let tag = scene.tag("a \"great\" oak");
    let messages =
        ["a \"great\" oak has no photos", "\"a \\\"great\\\" oak\" has no photos", "no \"great\" oak"];
    let iterations = messages.map(|message| {
        let begun = scene.begin(None).id;
        let (code, message) = (ErrorCode::ErrorUnknown, message.to_owned());
        scene.apply(failing(&scene, begun, TrainingFailure::Error { code, message }));
        begun
    });
    let told = || {
        iterations.map(|iteration| match scene.store.iteration(scene.project, iteration).unwrap().status {
            IterationStatus::Failed { failure: TrainingFailure::Error { message, .. } } => message,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(told(), messages);
    let name = Some(name("no \"great\" oak"));
    let update = TagUpdate { name, ..TagUpdate::default() };
    scene.apply(Change::UpdateTag { project: scene.project, tag, update });
    let replaced = told();
    assert!(replaced[..2].iter().all(|message| message.contains("erased") && !message.contains("great")));
    assert_eq!(replaced[2], messages[2]);
    let _ = scene.erase(scene.deletion_of_tag(tag));
    assert_eq!(told()[2], replaced[0]);
}

pub(super) fn is_erased(scene: &Scene, beside: ProjectId) {
    let gone =
        |project| matches!(project, Err(StoreError::NotFound(Missing::Project(id))) if id == scene.project);
    let states = [ProjectState::Live, ProjectState::DeletedSince(at(0))];
    let listed = states.map(|state| scene.store.projects(state).unwrap());
    let ids: Vec<ProjectId> = listed.iter().flatten().map(|project| project.id).collect();
    assert_eq!(ids, [beside]);
    assert!(gone(scene.store.project(scene.project)));
    let restore = Change::RestoreProject { project: scene.project, at: at(61) };
    assert!(gone(scene.store.apply(restore).map(|_| unreachable!())));
    assert!(gone(scene.store.apply(erasing_project(scene)).map(|_| unreachable!())));
    let report = scene.store.check(&CheckOptions::default()).unwrap();
    assert_eq!((report.files, report.unowned, report.is_sound()), (1, 0, true));
    scene.apply(scene.creation(scene.project, 70));
    let project = scene.project;
    assert_eq!(scene.store.tags(project).unwrap(), []);
    assert_eq!(scene.store.images(project, &ImageQuery::default()).unwrap(), []);
    assert_eq!(scene.store.iterations(project).unwrap(), []);
    assert_eq!(scene.store.calibration(project, "one").unwrap(), None);
    assert_eq!(scene.store.predictions(project, &PredictionQuery::default()).unwrap().results, []);
}

/// A project that has one of everything, and a photo in another.
pub(super) fn full(make: Make) -> (Scene, ProjectId) {
    let mut scene = Scene::new(make);
    let beside = scene.new_project();
    scene.apply(scene.creation(beside, 1));
    let own = std::mem::replace(&mut scene.project, beside);
    scene.image(b"a", &[]);
    scene.project = own;
    let oak = scene.tag("oak");
    let image = scene.image(b"a", &[oak]);
    scene.apply(Change::AddRegions { project: own, regions: vec![(image, scene.region(oak, 1))] });
    scene.apply(scene.calibrating_on("one", 1, &[image]));
    let iteration = scene.complete_on(1, &[(image, oak)]);
    scene.apply(scene.publication(iteration, "live", false));
    scene.export(iteration, &[("model.onnx", b"model")]);
    scene.keep(&scene.answer(0, &[(oak, 0.5)]), b"b");
    (scene, beside)
}

/// With what it has published, and for good; what other projects have stays.
pub fn a_project_in_use_is_erased(make: Make) {
    let (scene, beside) = full(make);
    let training = scene.begin(None).id;
    assert_eq!(outcomes(&scene.erase(erasing_project(&scene))), []);
    let refused = scene.refuse(scene.completion(training, 1));
    assert!(matches!(refused, StoreError::NotFound(Missing::Project(_))));
    is_erased(&scene, beside);
}

/// Before its time to be restored is over.
pub fn a_deleted_project_is_erased(make: Make) {
    let (scene, beside) = full(make);
    let published = scene.store.published(scene.project, &name("live")).unwrap().id;
    scene.apply(Change::Unpublish { project: scene.project, iteration: published, at: at(39) });
    scene.apply(scene.deletion());
    assert_eq!(outcomes(&scene.erase(erasing_project(&scene))), []);
    is_erased(&scene, beside);
}

/// What everything was that [`erase_everything`] erased.
pub(super) struct Everything {
    pub(super) tag: TagId,
    pub(super) images: [ImageId; 2],
    pub(super) region: RegionId,
    pub(super) iterations: [IterationId; 2],
    pub(super) exports: [ocelli_core::ExportId; 2],
    pub(super) prediction: PredictionId,
}

/// A scene with one of everything that can be erased, and a neighbour of each: the same at every call.
pub(super) fn everything(make: Make) -> (Scene, Everything) {
    let scene = Scene::new(make);
    let (tag, stays) = (scene.tag("oak"), scene.tag("ash"));
    let images = [scene.image(b"a", &[tag]), scene.image(b"b", &[tag, stays])];
    let regions = [scene.region(stays, 1), scene.region(stays, 2)];
    let region = regions[0].id;
    let regions = regions.into_iter().map(|region| (images[1], region)).collect();
    scene.apply(Change::AddRegions { project: scene.project, regions });
    scene.apply(setting(&scene, images[1], metadata("one")));
    let iterations = [1, 2].map(|seed| scene.complete_on(seed, &[(images[0], tag), (images[1], stays)]));
    scene.apply(scene.publication(iterations[0], "live", false));
    let exports = iterations.map(|iteration| scene.export(iteration, &[("a", b"export")]));
    let answers = [scene.answer(0, &[(tag, 0.5)]), scene.answer(1, &[(tag, 0.25), (stays, 0.75)])];
    let prediction = scene.keep(&answers[0], b"c");
    scene.keep(&answers[1], b"d");
    (scene, Everything { tag, images, region, iterations, exports, prediction })
}

pub(super) fn erase_everything(scene: &Scene, of: &Everything) {
    let project = scene.project;
    let later = |change| scene.erase(change);
    let _ = later(scene.deletion_of_export(of.exports[1]));
    let _ = later(setting(scene, of.images[1], metadata("two")));
    let _ = later(scene.deletion_of_regions(&[of.region]));
    let _ = later(Change::DeletePredictions { project, predictions: vec![of.prediction], at: at(41) });
    let _ = later(scene.deletion_of_images_with(&[of.images[0]], Affected::Keep));
    let _ = later(Change::DeleteTag { project, tag: of.tag, affected: Affected::Keep, at: at(42) });
    scene.apply(Change::Unpublish { project, iteration: of.iterations[0], at: at(43) });
    let _ = later(Change::DeleteIteration { project, iteration: of.iterations[0], at: at(44) });
}

/// Each with its moment, also those that went with another.
pub fn erasures_are_listed_in_order(make: Make) {
    let (scene, of) = everything(make);
    assert_eq!(log(&scene), []);
    erase_everything(&scene, &of);
    scene.apply(erasing_project(&scene));
    let expected = [
        (40, Erased::Export(of.exports[1])),
        (40, Erased::Metadata(of.images[1])),
        (40, Erased::Region(of.region)),
        (41, Erased::Prediction(of.prediction)),
        (40, Erased::Image(of.images[0])),
        (42, Erased::Tag(of.tag)),
        (44, Erased::Export(of.exports[0])),
        (44, Erased::Iteration(of.iterations[0])),
        (60, Erased::Project(scene.project)),
    ]
    .map(|(millis, erased)| ErasureRecord { at: at(millis), project_id: scene.project, erased });
    assert_eq!(log(&scene), expected);
    assert_eq!(scene.store.erasures(at(42)).unwrap(), expected[5..]);
    assert_eq!(scene.store.erasures(at(61)).unwrap(), []);
}

/// There is nothing to erase again.
pub fn metadata_that_was_empty_or_stays_is_not_erased(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[]);
    for _ in 0..2 {
        let _ = scene.erase(setting(&scene, image, metadata("one")));
        assert_eq!(log(&scene), []);
    }
    let _ = scene.erase(setting(&scene, image, Metadata::default()));
    assert_eq!(log(&scene).len(), 1);
}

/// Not even of what comes before the first that does not exist.
pub fn a_refused_erasure_erases_and_records_nothing(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let image = scene.image(b"a", &[oak]);
    let iteration = scene.complete_on(1, &[(image, oak)]);
    let prediction = scene.keep(&scene.answer(0, &[]), b"b");
    let later = [0xff; 10];
    let images = [image, ImageId::new(at(1), later)];
    scene.refuse(scene.deletion_of_images_with(&images, Affected::Delete));
    let predictions = vec![prediction, PredictionId::new(at(1), later)];
    scene.refuse(Change::DeletePredictions { project: scene.project, predictions, at: at(1) });
    scene.apply(scene.publication(iteration, "live", false));
    scene.refuse(scene.deletion_of_iteration(iteration));
    assert_eq!(log(&scene), []);
    assert_eq!(evaluated(&scene, iteration), (vec![image], 0));
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
    assert_eq!(scene.store.prediction_bytes(scene.project, prediction).unwrap(), b"b");
}

/// Where nobody reads an older state.
pub fn nothing_is_pending_or_damaged(make: Make) {
    let (scene, of) = everything(make);
    let report = scene.store.check(&CheckOptions::default()).unwrap();
    assert_eq!((report.files, report.bytes, report.unowned), (5, 10, 0));
    assert!(report.is_sound());
    erase_everything(&scene, &of);
    assert_eq!(scene.store.finish_erasures().unwrap(), ErasureStatus::Complete);
    let report = scene.store.check(&CheckOptions { repair: true, ..CheckOptions::default() }).unwrap();
    assert_eq!((report.files, report.unowned, report.removed), (2, 0, 0));
    assert!(report.is_sound());
}
