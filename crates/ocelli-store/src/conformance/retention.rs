//! What is due is not there, and nothing brings it back.

use ocelli_core::{
    DataClass, Erased, ErasureReason, ImageCreateStatus, ImageId, LeftOut, Limits, Period, RetentionRule,
    StoredPrediction, TagUpdate,
};

use super::Make;
use super::control::{CLASSES, One, TEN_DAYS, about, day, for_ever, on, rule};
use super::scene::{Scene, at, name};
use crate::{
    Applied, Change, FeatureKey, ImageFilter, ImageQuery, ItemOutcome, Missing, PredictionQuery,
    ProbabilityRange, StoreError, TaggingStatus, UsedPrediction,
};

fn images(scene: &Scene, filter: ImageFilter) -> (Vec<ImageId>, u64) {
    let count = scene.store.image_count(scene.project, &filter).unwrap();
    let query = ImageQuery { filter, order: crate::Order::Oldest, ..ImageQuery::default() };
    let found = scene.store.images(scene.project, &query).unwrap();
    (found.iter().map(|image| image.id).collect(), count)
}

fn is_missing<T: std::fmt::Debug>(answer: Result<T, StoreError>, missing: &Missing) {
    match answer {
        Err(StoreError::NotFound(found)) if found == *missing => {}
        other => panic!("{missing:?}: {other:?}"),
    }
}

fn not_kept<T: std::fmt::Debug>(answer: Result<T, StoreError>, class: DataClass) {
    match answer {
        Err(StoreError::NotKept(found)) if found == class => {}
        other => panic!("{class:?}: {other:?}"),
    }
}

/// One that is due by a rule for a class, and one that is not, on the day on which the first is.
fn due_and_not(make: Make, class: DataClass) -> (Scene, One, One) {
    let scene = Scene::new(make);
    let due = scene.one(0, "ann");
    let other = scene.one(5, "bob");
    scene.set_rule(class, TEN_DAYS);
    scene.set_clock(on(10, -1));
    assert_eq!(scene.seen(&due), CLASSES, "a moment earlier");
    scene.go_to(10);
    (scene, due, other)
}

/// From the due date on, each class apart; with a photo go its features, and with an iteration its exports.
pub fn each_class_falls_due_by_its_own_rule(make: Make) {
    for class in CLASSES {
        let (scene, due, other) = due_and_not(make, class);
        let hidden = |hidden: DataClass| {
            hidden == class
                || (class, hidden) == (DataClass::TrainingPhoto, DataClass::Features)
                || (class, hidden) == (DataClass::Iteration, DataClass::Export)
        };
        let expected: Vec<_> = CLASSES.into_iter().filter(|class| !hidden(*class)).collect();
        assert_eq!(scene.seen(&due), expected, "{class:?}");
        assert_eq!(scene.seen(&other), CLASSES, "{class:?}");
        assert!(scene.exists(class, due.item(class)), "{class:?}: it is there until it is erased");
    }
}

/// In lists, in counts, by id and by bytes, and for the numbers of its tags.
pub fn a_due_photo_is_invisible_to_every_question(make: Make) {
    let (scene, due, other) = due_and_not(make, DataClass::TrainingPhoto);
    let (store, project) = (&scene.store, scene.project);
    let missing = Missing::Image(due.image);
    let untagged = ImageFilter { tagging_status: TaggingStatus::Untagged, ..ImageFilter::default() };
    let tagged = ImageFilter { tagging_status: TaggingStatus::Tagged, ..ImageFilter::default() };
    let with = |tag| ImageFilter { tags: vec![tag], ..ImageFilter::default() };
    assert_eq!(images(&scene, ImageFilter::default()), (vec![other.image], 1));
    assert_eq!(images(&scene, tagged), (vec![other.image], 1));
    assert_eq!(images(&scene, untagged), (vec![], 0));
    assert_eq!(images(&scene, with(due.tag)), (vec![], 0));
    let newest = ImageQuery { skip: 1, ..ImageQuery::default() };
    assert_eq!(store.images(project, &newest).unwrap(), []);
    is_missing(store.images_by_id(project, &[other.image, due.image]), &missing);
    is_missing(store.image_bytes(project, due.image), &missing);
    assert_eq!(store.tagged_images(project).unwrap(), [(other.image, vec![other.tag])]);
    assert_eq!(scene.counts(), [0, 1]);
    let features = store.features(project, &FeatureKey::f32("0123abcd"), &[due.image, other.image]).unwrap();
    assert_eq!(features.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

/// What was evaluated with it is not to be seen either, and a calibration that looked at it is not used.
pub fn a_due_photo_is_seen_through_no_iteration_and_no_calibration(make: Make) {
    let scene = Scene::new(make);
    let (due, other) = (scene.one(0, "ann"), scene.one(5, "bob"));
    let looked_at = scene.image(b"looked at", &[]);
    let mut trained = Scene::trained_on(2, &[(due.image, due.tag), (other.image, other.tag)]);
    trained.looked_at = vec![looked_at, other.image, due.image];
    trained.manifest.left_out = vec![(looked_at, LeftOut::SeveralTags), (other.image, LeftOut::SeveralTags)];
    let iteration = scene.complete_with(trained);
    scene.apply(scene.calibrating_on("one", 1, &[other.image, due.image]));
    scene.apply(scene.calibrating_on("two", 1, &[other.image]));
    let seen = || {
        let manifest = scene.manifest(iteration);
        let photos: Vec<_> = manifest.evaluation.photos.iter().map(|photo| photo.photo).collect();
        let left_out: Vec<_> = manifest.left_out.iter().map(|(image, _)| *image).collect();
        let calibrations =
            ["one", "two"].map(|base| scene.store.calibration(scene.project, base).unwrap().is_some());
        (photos, left_out, manifest.erased, calibrations)
    };
    let before = (vec![due.image, other.image], vec![looked_at, other.image], 0, [true, true]);
    assert_eq!(seen(), before);
    scene.set_rule(DataClass::TrainingPhoto, TEN_DAYS);
    scene.set_clock(on(10, -1));
    assert_eq!(seen(), before, "a moment earlier");
    scene.go_to(10);
    let after = (vec![other.image], vec![other.image], 2, [false, true]);
    assert_eq!(seen(), after);
    // Nor is one kept on for features of others.
    let features = vec![(other.image, vec![0.5])];
    let key = FeatureKey::int8("one", Scene::calibration(1).fingerprint);
    scene.apply(Change::CacheFeatures { project: scene.project, key: key.clone(), features });
    assert_eq!(scene.store.features(scene.project, &key, &[other.image]).unwrap(), [None]);
    for image in [due.image, looked_at] {
        assert_eq!(scene.erase_due(DataClass::TrainingPhoto, Erased::Image(image)), ItemOutcome::Erased);
    }
    assert_eq!(seen(), after, "the sweep changes nothing that was to be seen");
}

/// As if it were not there.
pub fn a_due_photo_is_refused_by_every_change(make: Make) {
    let (scene, due, other) = due_and_not(make, DataClass::TrainingPhoto);
    let (project, missing) = (scene.project, Missing::Image(due.image));
    let region = scene.region(other.tag, 3);
    let held = ocelli_core::HoldTarget::Image { project_id: project, image_id: due.image };
    let before = scene.described();
    for change in [
        scene.deletion_of_images(&[other.image, due.image]),
        scene.tagging(&[(due.image, other.tag)]),
        Change::UntagImages { project, images: vec![due.image], tags: vec![due.tag] },
        Change::AddRegions { project, regions: vec![(due.image, region.clone())] },
        scene.setting_metadata(due.image, about("eve")),
        Change::PlaceHold { hold: scene.new_hold(held) },
    ] {
        is_missing(scene.store.apply(change), &missing);
    }
    is_missing(scene.store.apply(scene.deletion_of_regions(&[due.region])), &Missing::Region(due.region));
    // The id of its region is not free, though.
    let taken = ocelli_core::Region { id: due.region, ..region };
    let again = Change::AddRegions { project, regions: vec![(other.image, taken)] };
    assert!(matches!(scene.refuse(again), StoreError::IdTaken(_)));
    scene.apply(scene.caching(due.image));
    scene.apply(scene.calibrating_on("one", 1, &[due.image]));
    assert_eq!(scene.store.calibration(project, "one").unwrap(), None);
    assert_eq!(scene.described(), before);
}

/// A due photo counts as erased there.
pub fn a_training_completes_without_due_photos(make: Make) {
    let (scene, due, other) = due_and_not(make, DataClass::TrainingPhoto);
    let iteration = scene.complete_on(2, &[(due.image, due.tag), (other.image, other.tag)]);
    let manifest = scene.manifest(iteration);
    let photos: Vec<_> = manifest.evaluation.photos.iter().map(|photo| photo.photo).collect();
    assert_eq!((photos, manifest.erased), (vec![other.image], 1));
}

/// Neither in the number of photos, nor of a tag that becomes the negative one.
pub fn what_is_due_stands_in_nobodys_way(make: Make) {
    let limits = Limits { images_per_project: 1, iterations_per_project: 1, ..Limits::default() };
    let scene = Scene::with_limits(make, limits);
    let due = scene.one(0, "ann");
    let beside = scene.tag("ash");
    scene.give(&[(due.image, beside)]);
    scene.apply(scene.publication(due.iteration, "live", false));
    scene.set_policy(|policy| (policy.training_photos, policy.iterations) = (TEN_DAYS, TEN_DAYS));
    scene.go_to(10);
    let update = TagUpdate { tag_type: Some(ocelli_core::TagType::Negative), ..TagUpdate::default() };
    scene.apply(Change::UpdateTag { project: scene.project, tag: beside, update });
    scene
        .add(vec![scene.new_image_at(day(10).as_millis() - at(0).as_millis(), b"b", &[])])
        .remove(0)
        .unwrap();
    assert_eq!(scene.store.image_count(scene.project, &ImageFilter::default()).unwrap(), 1);
    let new = scene.begin_at(day(10).as_millis() - at(0).as_millis());
    assert_eq!(scene.store.iteration(scene.project, new).unwrap().name, "Iteration 1", "the name is free");
    scene.apply(scene.deletion());
}

/// By all names, with its model, manifest and exports, and free for another.
pub fn a_due_iteration_is_not_there(make: Make) {
    let (scene, due, other) = due_and_not(make, DataClass::Iteration);
    let (store, project, id) = (&scene.store, scene.project, due.iteration);
    let missing = Missing::Iteration(id);
    let iterations = store.iterations(project).unwrap();
    assert_eq!(iterations.iter().map(|iteration| iteration.id).collect::<Vec<_>>(), [other.iteration]);
    is_missing(store.iteration(project, id), &missing);
    is_missing(store.manifest(project, id), &missing);
    is_missing(store.model(project, id), &missing);
    is_missing(store.exports(project, id), &missing);
    is_missing(store.export_bytes(project, due.export, &name("model.onnx")), &Missing::Export(due.export));
    let rename =
        |iteration, text| Change::RenameIteration { project, iteration, name: name(text), at: at(1) };
    for change in [
        rename(id, "first"),
        scene.publication(id, "live", false),
        Change::Unpublish { project, iteration: id, at: at(1) },
        scene.deletion_of_iteration(id),
        scene.keeping(&scene.new_export(id), &[]),
        scene.completion(id, 1),
    ] {
        is_missing(store.apply(change), &missing);
    }
    is_missing(store.apply(scene.deletion_of_export(due.export)), &Missing::Export(due.export));
    scene.apply(rename(other.iteration, "Iteration 1"));
}

/// The name under which it was published answers no more, and another may take it.
pub fn a_due_iteration_gives_its_published_name_up(make: Make) {
    let scene = Scene::new(make);
    let (due, other) = (scene.one(0, "ann"), scene.one(5, "bob"));
    let live = name("live");
    scene.apply(scene.publication(due.iteration, "live", false));
    scene.set_rule(DataClass::Iteration, TEN_DAYS);
    assert_eq!(scene.store.published(scene.project, &live).unwrap().id, due.iteration);
    scene.go_to(10);
    is_missing(scene.store.published(scene.project, &live), &Missing::Publication(live.clone()));
    scene.apply(scene.publication(other.iteration, "live", false));
    assert_eq!(scene.store.published(scene.project, &live).unwrap().id, other.iteration);
}

/// But its iteration is, and so is its id: it is not used again.
pub fn a_due_export_is_not_there(make: Make) {
    let (scene, due, other) = due_and_not(make, DataClass::Export);
    let (store, project, missing) = (&scene.store, scene.project, Missing::Export(due.export));
    assert_eq!(store.exports(project, due.iteration).unwrap(), []);
    assert_eq!(store.exports(project, other.iteration).unwrap().len(), 1);
    is_missing(store.export_bytes(project, due.export, &name("model.onnx")), &missing);
    is_missing(store.apply(scene.deletion_of_export(due.export)), &missing);
    let mut again = scene.new_export(due.iteration);
    (again.id, again.created) = (due.export, day(10));
    assert!(matches!(scene.refuse(scene.keeping(&again, &[])), StoreError::IdTaken(_)));
}

/// The photo may go before the results and the results before the photo; with the last of them goes the prediction.
pub fn a_kept_prediction_falls_due_in_parts(make: Make) {
    for photo_first in [true, false] {
        let scene = Scene::new(make);
        let one = scene.one(0, "ann");
        let (first, last) = (TEN_DAYS, RetentionRule::days(20));
        scene.set_policy(|policy| {
            let rules = if photo_first { (first, last) } else { (last, first) };
            (policy.prediction_photos, policy.prediction_results) = rules;
        });
        let (store, project, id) = (&scene.store, scene.project, one.prediction);
        let whole = store.prediction(project, id).unwrap();
        assert_eq!((whole.photo_kept, whole.expires), (true, Some(day(20))));
        scene.go_to(10);
        let rest = store.prediction(project, id).unwrap();
        assert_eq!(rest.photo_kept, !photo_first);
        assert_eq!(rest.prediction.predictions.is_empty(), !photo_first);
        assert_eq!((rest.expires, &rest.metadata), (Some(day(20)), &whole.metadata));
        assert_eq!(store.prediction_bytes(project, id).is_ok(), !photo_first);
        let (min, max) =
            (ocelli_core::Threshold::new(0.5).unwrap(), ocelli_core::Threshold::new(1.0).unwrap());
        let tags = vec![ProbabilityRange { tag_id: one.tag, min, max }];
        let listed = |tags| {
            let page = store.predictions(project, &PredictionQuery { tags, ..PredictionQuery::default() });
            page.unwrap().results.len()
        };
        assert_eq!((listed(Vec::new()), listed(tags)), (1, usize::from(photo_first)));
        scene.go_to(20);
        is_missing(store.prediction(project, id), &Missing::Prediction(id));
        is_missing(store.prediction_bytes(project, id), &Missing::Prediction(id));
        assert_eq!(listed(Vec::new()), 0);
        is_missing(store.apply(scene.deletion_of_predictions(&[id])), &Missing::Prediction(id));
    }
}

/// And stays as it is.
pub fn a_prediction_whose_photo_is_due_is_not_trained_on(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    scene.set_rule(DataClass::PredictionPhoto, TEN_DAYS);
    scene.go_to(10);
    let image = ImageId::new(day(10), scene.random());
    let used = UsedPrediction { prediction: one.prediction, image, tags: Vec::new(), regions: Vec::new() };
    let using = Change::UsePredictions { project: scene.project, predictions: vec![used], at: day(10) };
    let Applied::Images(added) = scene.apply(using) else { panic!("no entries") };
    assert_eq!(added[0].as_ref().unwrap_err().status, ImageCreateStatus::ErrorSource);
    assert!(scene.sees(&one, DataClass::PredictionResult));
}

/// At the time of asking; none where a part of it is kept for ever.
pub fn expiry_is_told_by_the_policy_of_the_moment(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let expires = || scene.store.prediction(scene.project, one.prediction).unwrap().expires;
    assert_eq!(expires(), Some(day(30)));
    scene.set_rule(DataClass::PredictionPhoto, TEN_DAYS);
    assert_eq!(expires(), None);
    scene.set_policy(|policy| (policy.prediction_photos, policy.prediction_results) = (TEN_DAYS, TEN_DAYS));
    assert_eq!(expires(), Some(day(10)));
    scene.set_rule(DataClass::PredictionPhoto, TEN_DAYS);
    scene.go_to(10);
    assert_eq!(expires(), None, "the results stay");
}

/// Neither one that is longer nor one that is shorter and then longer; what comes then is judged by the new one.
pub fn no_policy_brings_anything_back(make: Make) {
    for class in CLASSES {
        let (scene, due, other) = due_and_not(make, class);
        for new in
            [RetentionRule::Forever, RetentionRule::days(100), RetentionRule::days(7), RetentionRule::Forever]
        {
            scene.set_rule(class, new);
            assert!(!scene.sees(&due, class), "{class:?} under {new:?}");
            assert!(scene.sees(&other, class), "{class:?} under {new:?}");
        }
        scene.set_rule(class, RetentionRule::days(3));
        assert!(!scene.sees(&other, class), "{class:?}");
        scene.set_rule(class, RetentionRule::Forever);
        assert!(!scene.sees(&other, class), "{class:?}");
        let new = scene.one(11, "eve");
        scene.go_to(1000);
        assert!(scene.sees(&new, class), "{class:?}");
    }
}

/// Once it has been latched.
pub fn no_clock_brings_anything_back(make: Make) {
    for class in CLASSES {
        let (scene, due, other) = due_and_not(make, class);
        scene.apply(Change::LatchDue { at: at(70) });
        scene.go_to(6);
        assert!(!scene.sees(&due, class), "{class:?}");
        assert!(scene.sees(&other, class), "{class:?}");
        assert!(scene.store.retention(scene.project).unwrap().latch(class).is_some());
    }
}

/// Until that moment; then everything of the class is, what comes as well.
pub fn a_rule_may_name_the_moment(make: Make) {
    for class in CLASSES {
        let scene = Scene::new(make);
        let (early, late) = (scene.one(0, "ann"), scene.one(9, "bob"));
        scene.set_rule(class, RetentionRule::Until { until: day(10) });
        scene.set_clock(on(10, -1));
        assert!(scene.sees(&early, class) && scene.sees(&late, class), "{class:?}");
        scene.go_to(10);
        assert!(!scene.sees(&early, class) && !scene.sees(&late, class), "{class:?}");
    }
}

/// What can be refused is, and what cannot is passed over; what is there is due at once.
pub fn what_is_not_kept_at_all_is_refused(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    for class in CLASSES {
        scene.set_rule(class, RetentionRule::NotAtAll);
        assert!(!scene.sees(&one, class), "{class:?}");
    }
    scene.set_rule(DataClass::TrainingPhoto, RetentionRule::NotAtAll);
    let refused = scene.add(vec![scene.new_image_at(1, b"new", &[])]).remove(0).unwrap_err();
    not_kept(Err::<(), _>(refused.error), DataClass::TrainingPhoto);
    assert_eq!(scene.items(DataClass::TrainingPhoto).len(), 1);

    scene.set_rule(DataClass::Iteration, RetentionRule::NotAtAll);
    not_kept(scene.store.apply(scene.beginning(None)), DataClass::Iteration);

    scene.set_policy(|_| ());
    let iteration = scene.complete(2);
    scene.set_rule(DataClass::Export, RetentionRule::NotAtAll);
    not_kept(
        scene.store.apply(scene.keeping(&scene.new_export(iteration), &[("a", b"b")])),
        DataClass::Export,
    );
}

/// Features are computed again where they are needed.
pub fn features_that_are_not_kept_are_passed_over(make: Make) {
    let scene = Scene::new(make);
    scene.set_rule(DataClass::Features, RetentionRule::NotAtAll);
    let one = scene.one(0, "ann");
    assert!(!scene.sees(&one, DataClass::Features));
    assert_eq!(scene.items(DataClass::Features), []);
    scene.set_rule(DataClass::Features, RetentionRule::Forever);
    scene.set_clock(on(0, 1));
    assert!(!scene.sees(&one, DataClass::Features));
    scene.apply(scene.caching(one.image));
    assert!(scene.sees(&one, DataClass::Features));
}

/// Counted from when they were computed, not from when the photo was stored.
pub fn features_fall_due_by_their_own_age(make: Make) {
    let (scene, due, _) = due_and_not(make, DataClass::Features);
    scene.apply(scene.caching(due.image));
    assert!(scene.sees(&due, DataClass::Features));
    scene.set_clock(on(20, -1));
    assert!(scene.sees(&due, DataClass::Features));
    scene.go_to(20);
    assert!(!scene.sees(&due, DataClass::Features));
}

/// A prediction is kept by what of it may be kept, and refused where that is nothing.
pub fn a_prediction_is_kept_by_the_parts_that_may_be(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let not = RetentionRule::NotAtAll;
    let answer = scene.answer(0, &[(oak, 0.75)]);

    scene.set_rule(DataClass::PredictionPhoto, not);
    let id = scene.keep(&answer, b"a");
    let kept = scene.store.prediction(scene.project, id).unwrap();
    assert_eq!((kept.photo_kept, &kept.prediction), (false, &answer.prediction));
    is_missing(scene.store.prediction_bytes(scene.project, id), &Missing::Prediction(id));
    assert_eq!(scene.store.check(&crate::CheckOptions::default()).unwrap().files, 0);
    let bare = scene.answer(0, &[]);
    not_kept(scene.store.apply(scene.keeping_prediction(&bare, b"b")), DataClass::PredictionPhoto);

    // One that has lost its photo, though the policy would keep that.
    scene.set_rule(DataClass::PredictionPhoto, RetentionRule::Forever);
    let mut lost = scene.answer(3, &[(oak, 0.75)]);
    lost.photo_kept = false;
    let id = scene.keep(&lost, b"");
    let kept = scene.store.prediction(scene.project, id).unwrap();
    assert_eq!((kept.photo_kept, &kept.prediction), (false, &lost.prediction));
    is_missing(scene.store.prediction_bytes(scene.project, id), &Missing::Prediction(id));
    assert_eq!(scene.store.check(&crate::CheckOptions::default()).unwrap().files, 0);
    let bare = StoredPrediction { photo_kept: false, ..scene.answer(3, &[]) };
    not_kept(scene.store.apply(scene.keeping_prediction(&bare, b"")), DataClass::PredictionPhoto);

    scene.set_rule(DataClass::PredictionResult, not);
    let answer = scene.answer(1, &[(oak, 0.75)]);
    let id = scene.keep(&answer, b"c");
    let kept = scene.store.prediction(scene.project, id).unwrap();
    assert_eq!((kept.photo_kept, &kept.prediction.predictions[..]), (true, &[][..]));
    assert_eq!(scene.store.prediction_bytes(scene.project, id).unwrap(), b"c");

    scene.set_policy(|policy| (policy.prediction_photos, policy.prediction_results) = (not, not));
    let answer = scene.answer(2, &[(oak, 0.75)]);
    not_kept(scene.store.apply(scene.keeping_prediction(&answer, b"d")), DataClass::PredictionPhoto);
}

/// And the one that was due is erased with that, for good.
pub fn the_bytes_of_a_due_photo_come_again_as_a_new_photo(make: Make) {
    let (scene, due, other) = due_and_not(make, DataClass::TrainingPhoto);
    let new = scene.new_image_at(day(10).as_millis() - at(0).as_millis(), b"photo 0 ann", &[other.tag]);
    let id = new.image.id;
    let added = scene.add(vec![new]).remove(0).unwrap();
    assert_eq!((added.image.id, added.duplicate), (id, false));
    assert_eq!(scene.tags_of(id), [other.tag]);
    assert_eq!(scene.store.image_bytes(scene.project, id).unwrap(), b"photo 0 ann");
    assert!(!scene.exists(DataClass::TrainingPhoto, Erased::Image(due.image)));
    let operations = scene.store.operations(0, 10).unwrap();
    assert_eq!(operations.len(), 1);
    let erased = scene.store.erased_items(operations[0].number).unwrap();
    assert_eq!(erased.len(), 1);
    assert_eq!(erased[0].record.erased, Erased::Image(due.image));
    assert_eq!(erased[0].reason, ErasureReason::Due(DataClass::TrainingPhoto));
    assert!(erased[0].commitment.is_some());
    scene.apply(Change::SetRetention { project: scene.project, policy: for_ever(), at: at(71) });
    assert!(!scene.sees(&due, DataClass::TrainingPhoto));
    assert!(scene.add(vec![scene.new_image(b"photo 0 ann", &[])])[0].as_ref().unwrap().duplicate);
}

/// Which keeps its own bytes, until it is released and erased; those of the new one stay.
pub fn the_bytes_of_a_due_held_photo_come_again_beside_it(make: Make) {
    let scene = Scene::new(make);
    let due = scene.one(0, "ann");
    let hold = scene.hold_person(None, "ann");
    scene.set_rule(DataClass::TrainingPhoto, TEN_DAYS);
    scene.go_to(10);
    let new = scene.new_image_at(day(10).as_millis() - at(0).as_millis(), b"photo 0 ann", &[]);
    let id = new.image.id;
    assert!(!scene.add(vec![new]).remove(0).unwrap().duplicate);
    assert_eq!(images(&scene, ImageFilter::default()), (vec![id], 1));
    let held = |store: &dyn crate::Store| store.held_bytes(hold, scene.project, Erased::Image(due.image));
    assert_eq!(held(&*scene.store).unwrap(), b"photo 0 ann");
    scene.apply(scene.deletion_of_images(&[id]));
    assert_eq!(held(&*scene.store).unwrap(), b"photo 0 ann", "they were the other's too");
    let again = scene.new_image_at(day(10).as_millis() - at(0).as_millis(), b"photo 0 ann", &[]);
    let id = again.image.id;
    scene.add(vec![again]).remove(0).unwrap();
    scene.release(hold);
    let item = Erased::Image(due.image);
    assert_eq!(scene.erase_due(DataClass::TrainingPhoto, item), ItemOutcome::Erased);
    assert_eq!(scene.store.image_bytes(scene.project, id).unwrap(), b"photo 0 ann");
    assert!(scene.store.check(&crate::CheckOptions::default()).unwrap().is_sound());
}

/// It comes back without what has fallen due meanwhile.
pub fn the_retention_of_a_deleted_project_runs_on(make: Make) {
    let scene = Scene::new(make);
    let (due, other) = (scene.one(0, "ann"), scene.one(5, "bob"));
    scene.set_rule(DataClass::TrainingPhoto, TEN_DAYS);
    scene.apply(scene.deletion());
    scene.go_to(10);
    scene.apply(Change::LatchDue { at: at(70) });
    scene.go_to(6);
    scene.apply(Change::RestoreProject { project: scene.project, at: at(71) });
    assert_eq!(images(&scene, ImageFilter::default()), (vec![other.image], 1));
    assert!(!scene.sees(&due, DataClass::TrainingPhoto));
}

/// A policy is the project's own, comes back as it was set, and says what had been latched.
pub fn a_policy_is_kept_with_its_latches(make: Make) {
    let scene = Scene::new(make);
    let retention = || scene.store.retention(scene.project).unwrap();
    assert_eq!(retention(), ocelli_core::Retention::default());
    let mut policy = for_ever();
    for (number, class) in CLASSES.into_iter().enumerate() {
        *rule(&mut policy, class) = RetentionRule::For { millis: Period::millis(1000 + number as u64) };
    }
    let set = |policy: &ocelli_core::RetentionPolicy, project| {
        let policy = policy.clone();
        scene.store.apply(Change::SetRetention { project, policy, at: at(1) })
    };
    set(&policy, scene.project).unwrap();
    assert_eq!(*retention().policy(), policy);
    scene.go_to(3);
    set(&for_ever(), scene.project).unwrap();
    assert_eq!(*retention().policy(), for_ever());
    let latch = retention().latch(DataClass::Features).unwrap();
    assert_eq!((latch.through, latch.at), (on(3, -1003), day(3)));
    let nowhere = scene.new_project();
    is_missing(set(&policy, nowhere), &Missing::Project(nowhere));
    is_missing(scene.store.retention(nowhere), &Missing::Project(nowhere));
    scene.apply(scene.deletion());
    is_missing(set(&policy, scene.project), &Missing::Project(scene.project));
    assert_eq!(*retention().policy(), for_ever(), "it is told of a deleted project too");
}
