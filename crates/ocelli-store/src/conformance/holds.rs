//! What holds keep, whatever falls due and whoever asks.

use ocelli_core::{
    Affected, AuditAction, AuditEntry, DataClass, Erased, ErasureReason, ErasureRecord, HeldItem, HoldId,
    HoldTarget, ImageId, Metadata, PredictionId, ProjectId, TagUpdate,
};

use super::Make;
use super::control::{CLASSES, One, TEN_DAYS, about, day, who};
use super::scene::{Scene, at, name};
use crate::{Applied, Change, ImageQuery, ItemOutcome, Missing, StoreError, UsedPrediction};

const REQUESTED: ErasureReason = ErasureReason::Requested;

fn is_missing<T: std::fmt::Debug>(answer: Result<T, StoreError>, missing: &Missing) {
    match answer {
        Err(StoreError::NotFound(found)) if found == *missing => {}
        other => panic!("{missing:?}: {other:?}"),
    }
}

fn untagging(scene: &Scene, one: &One) -> Change {
    Change::UntagImages { project: scene.project, images: vec![one.image], tags: vec![one.tag] }
}

fn using(scene: &Scene, prediction: PredictionId) -> Change {
    let image = ImageId::new(at(5), scene.random());
    let used = UsedPrediction { prediction, image, tags: Vec::new(), regions: Vec::new() };
    Change::UsePredictions { project: scene.project, predictions: vec![used], at: at(50) }
}

fn reapplying(scene: &Scene, erased: Erased) -> Change {
    let erasures = vec![ErasureRecord { at: at(90), project_id: scene.project, erased }];
    Change::ReapplyErasures { erasures, affected: Affected::Keep }
}

/// The changes that would erase or alter a photo, and those that erase it in steps.
fn against_the_photo(scene: &Scene, one: &One) -> Vec<Change> {
    vec![
        scene.deletion_of_images(&[one.image]),
        scene.deletion_of_images_with(&[one.image], Affected::Delete),
        untagging(scene, one),
        scene.deletion_of_regions(&[one.region]),
        scene.setting_metadata(one.image, about("eve")),
        scene.setting_metadata(one.image, Metadata::default()),
        reapplying(scene, Erased::Image(one.image)),
        reapplying(scene, Erased::Region(one.region)),
        reapplying(scene, Erased::Metadata(one.image)),
        reapplying(scene, Erased::Features(one.image)),
    ]
}

fn against_the_prediction(scene: &Scene, one: &One) -> Vec<Change> {
    vec![
        scene.deletion_of_predictions(&[one.prediction]),
        reapplying(scene, Erased::Prediction(one.prediction)),
        reapplying(scene, Erased::PredictionPhoto(one.prediction)),
        reapplying(scene, Erased::PredictionResult(one.prediction)),
    ]
}

/// Everything in the project that is held stays, and the last entry of the audit log tells of each refusal. Erasures that
/// are made again are passed over and told; all others are refused.
fn refuse_each(scene: &Scene, changes: Vec<Change>, kept: Erased, holds: &[HoldId]) {
    for change in changes {
        let before = scene.audit().len();
        match change {
            Change::ReapplyErasures { erasures, affected } => scene.pass_over(erasures, affected),
            change => scene.refuse_held(change, kept, holds),
        }
        let entries = scene.audit();
        assert_eq!(entries.len(), before + 1);
        is_refusal(scene, &entries[before], kept, holds);
    }
}

fn is_refusal(scene: &Scene, entry: &AuditEntry, kept: Erased, holds: &[HoldId]) {
    let id = match kept {
        Erased::Project(id) => id.as_uuid(),
        Erased::Tag(id) => id.as_uuid(),
        Erased::Image(id) => id.as_uuid(),
        Erased::Prediction(id) => id.as_uuid(),
        Erased::Iteration(id) => id.as_uuid(),
        Erased::Export(id) => id.as_uuid(),
        other => panic!("{other:?}"),
    };
    assert_eq!(entry.event.action, AuditAction::ErasureRefused { holds: holds.to_vec() });
    assert_eq!((entry.event.project_id, &entry.event.subjects[..]), (Some(scene.project), &[id.into()][..]));
}

/// What is erased in steps is told that it is held, and stays.
fn stays_in_steps(scene: &Scene, items: &[Erased], holds: &[HoldId]) {
    let reasons: Vec<_> = items.iter().map(|item| (*item, REQUESTED)).collect();
    let items = || CLASSES.map(|class| scene.items(class));
    let before = items();
    let outcomes = scene.erase_items(&reasons);
    assert_eq!(outcomes, vec![ItemOutcome::Held(holds.to_vec()); reasons.len()]);
    assert_eq!(items(), before);
    let last = scene.audit().pop().unwrap();
    assert_eq!(last.event.action, AuditAction::ErasureRefused { holds: holds.to_vec() });
    let operations = scene.store.operations(0, 100).unwrap();
    assert_eq!(operations.iter().map(|operation| operation.count).max(), Some(0));
}

fn held(scene: &Scene, hold: HoldId) -> Vec<Erased> {
    ids(scene.store.held(hold, None, 1000).unwrap())
}

fn ids(held: Vec<HeldItem>) -> Vec<Erased> {
    let id = |item| match item {
        HeldItem::Image { image, .. } => Erased::Image(image.id),
        HeldItem::Prediction { prediction } => Erased::Prediction(prediction.prediction.id),
    };
    held.into_iter().map(id).collect()
}

/// With its tags, regions, metadata and features; what is added to it may be.
pub fn a_held_photo_stays_as_it_is(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    let hold = scene.hold_image(one.image);
    let kept = Erased::Image(one.image);
    refuse_each(&scene, against_the_photo(&scene, &one), kept, &[hold]);
    let of_several = vec![
        scene.deletion_of_images(&[other.image, one.image]),
        scene.deletion_of_tag(one.tag),
        reapplying(&scene, Erased::Tag(one.tag)),
        scene.erasure_of_project(),
        reapplying(&scene, Erased::Project(scene.project)),
    ];
    refuse_each(&scene, of_several, kept, &[hold]);
    stays_in_steps(&scene, &[kept, Erased::Features(one.image), Erased::Project(scene.project)], &[hold]);

    scene.give(&[(one.image, other.tag)]);
    let regions = vec![(one.image, scene.region(other.tag, 4))];
    scene.apply(Change::AddRegions { project: scene.project, regions });
    scene.apply(scene.caching(one.image));
    let bare =
        Change::UntagImages { project: scene.project, images: vec![other.image], tags: vec![other.tag] };
    scene.apply(bare);
    scene.apply(Change::UntagImages { project: scene.project, images: vec![one.image], tags: Vec::new() });
    scene.apply(scene.setting_metadata(one.image, about("ann")));
    assert!(scene.sees(&one, DataClass::TrainingPhoto) && scene.sees(&one, DataClass::Features));
}

/// What it does not keep goes as ever, the photo's iterations too.
pub fn a_hold_on_a_photo_keeps_nothing_else(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    scene.hold_image(one.image);
    let _ = scene.erase(scene.deletion_of_predictions(&[one.prediction]));
    let _ = scene.erase(scene.deletion_of_export(one.export));
    let _ = scene.erase(scene.deletion_of_iteration(one.iteration));
    let _ = scene.erase(scene.deletion_of_images_with(&[other.image], Affected::Delete));
    let _ = scene.erase(scene.deletion_of_tag(other.tag));
    assert_eq!(scene.seen(&one), [DataClass::TrainingPhoto, DataClass::Features]);
}

/// With its photo and its results; it is not made a photo, since the hold would not keep that.
pub fn a_held_prediction_stays_as_it_is(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    let hold =
        scene.hold(HoldTarget::Prediction { project_id: scene.project, prediction_id: one.prediction });
    let kept = Erased::Prediction(one.prediction);
    let mut changes = against_the_prediction(&scene, &one);
    changes.extend([
        scene.deletion_of_predictions(&[other.prediction, one.prediction]),
        using(&scene, one.prediction),
        scene.deletion_of_tag(one.tag),
        reapplying(&scene, Erased::Tag(one.tag)),
        scene.erasure_of_project(),
        reapplying(&scene, Erased::Project(scene.project)),
    ]);
    refuse_each(&scene, changes, kept, &[hold]);
    let parts = [kept, Erased::PredictionPhoto(one.prediction), Erased::PredictionResult(one.prediction)];
    stays_in_steps(&scene, &parts, &[hold]);
    scene.apply(using(&scene, other.prediction));
    let _ = scene.erase(scene.deletion_of_images(&[one.image]));
    assert!(scene.sees(&one, DataClass::PredictionPhoto) && scene.sees(&one, DataClass::PredictionResult));
}

/// All of it, its tags, iterations and exports included.
pub fn a_held_project_stays_as_it_is(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let hold = scene.hold(HoldTarget::Project { project_id: scene.project });
    let bare = scene.tag("ash");
    refuse_each(&scene, against_the_photo(&scene, &one), Erased::Image(one.image), &[hold]);
    refuse_each(&scene, against_the_prediction(&scene, &one), Erased::Prediction(one.prediction), &[hold]);
    for (change, kept) in [
        (scene.deletion_of_tag(bare), Erased::Tag(bare)),
        (reapplying(&scene, Erased::Tag(bare)), Erased::Tag(bare)),
        (scene.deletion_of_iteration(one.iteration), Erased::Iteration(one.iteration)),
        (reapplying(&scene, Erased::Iteration(one.iteration)), Erased::Iteration(one.iteration)),
        (scene.deletion_of_export(one.export), Erased::Export(one.export)),
        (reapplying(&scene, Erased::Export(one.export)), Erased::Export(one.export)),
        (scene.erasure_of_project(), Erased::Project(scene.project)),
        (reapplying(&scene, Erased::Project(scene.project)), Erased::Project(scene.project)),
    ] {
        refuse_each(&scene, vec![change], kept, &[hold]);
    }
    let items = [
        Erased::Image(one.image),
        Erased::Features(one.image),
        Erased::Prediction(one.prediction),
        Erased::Iteration(one.iteration),
        Erased::Export(one.export),
        Erased::Project(scene.project),
    ];
    stays_in_steps(&scene, &items, &[hold]);
    let prediction = Erased::Prediction(one.prediction);
    refuse_each(&scene, vec![using(&scene, one.prediction)], prediction, &[hold]);
    let update = TagUpdate { name: Some(name("elm")), ..TagUpdate::default() };
    scene.apply(Change::UpdateTag { project: scene.project, tag: bare, update });
}

/// It can be deleted and restored; what is in it stays all the same.
pub fn a_held_project_may_be_deleted_and_stays(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let hold = scene.hold(HoldTarget::Project { project_id: scene.project });
    scene.apply(scene.deletion());
    scene.refuse_held(scene.erasure_of_project(), Erased::Project(scene.project), &[hold]);
    scene.go_to(100);
    let project = (Erased::Project(scene.project), ErasureReason::Due(DataClass::DeletedProject));
    assert_eq!(scene.erase_items(&[project]), [ItemOutcome::Held(vec![hold])]);
    assert_eq!(held(&scene, hold), [Erased::Image(one.image), Erased::Prediction(one.prediction)]);
    scene.release(hold);
    assert_eq!(scene.erase_items(&[project]), [ItemOutcome::Erased]);
    is_missing(scene.store.retention(scene.project), &Missing::Project(scene.project));
}

/// In one project or in all: what has it, what comes with it and what gets it.
pub fn a_hold_on_metadata_keeps_what_it_selects(make: Make) {
    for everywhere in [false, true] {
        let mut scene = Scene::new(make);
        let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
        let first = scene.project;
        let hold = scene.hold_person((!everywhere).then_some(first), "ann");
        refuse_each(&scene, against_the_photo(&scene, &one), Erased::Image(one.image), &[hold]);
        refuse_each(
            &scene,
            against_the_prediction(&scene, &one),
            Erased::Prediction(one.prediction),
            &[hold],
        );
        let project = vec![scene.erasure_of_project(), reapplying(&scene, Erased::Project(first))];
        refuse_each(&scene, project, Erased::Image(one.image), &[hold]);
        stays_in_steps(&scene, &[Erased::Image(one.image), Erased::Prediction(one.prediction)], &[hold]);

        let later = scene.one(2, "ann");
        scene.refuse_held(scene.deletion_of_images(&[later.image]), Erased::Image(later.image), &[hold]);
        let prediction = Erased::Prediction(later.prediction);
        scene.refuse_held(scene.deletion_of_predictions(&[later.prediction]), prediction, &[hold]);
        scene.apply(scene.setting_metadata(other.image, about("ann")));
        scene.refuse_held(
            scene.setting_metadata(other.image, about("bob")),
            Erased::Image(other.image),
            &[hold],
        );
        let _ = scene.erase(scene.deletion_of_predictions(&[other.prediction]));
        let expected = [one.image, other.image, later.image].map(Erased::Image);
        let kept = [one.prediction, later.prediction].map(Erased::Prediction);
        let mut listed = held(&scene, hold);
        listed.sort_unstable();
        let mut all: Vec<_> = expected.into_iter().chain(kept).collect();
        all.sort_unstable();
        assert_eq!(listed, all);

        scene.project = scene.new_project();
        scene.apply(scene.creation(scene.project, 1));
        let elsewhere = scene.one(3, "ann");
        let deletion = scene.deletion_of_images(&[elsewhere.image]);
        if everywhere {
            scene.refuse_held(deletion, Erased::Image(elsewhere.image), &[hold]);
            assert!(held(&scene, hold).contains(&Erased::Image(elsewhere.image)));
        } else {
            let _ = scene.erase(deletion);
            let _ = scene.erase(scene.erasure_of_project());
        }
    }
}

/// Its results and the names that it was asked for under would go, whatever became of its metadata.
pub fn a_prediction_held_by_its_metadata_is_not_made_a_photo(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let hold = scene.hold_person(None, "ann");
    let change = || using(&scene, one.prediction);
    refuse_each(&scene, vec![change()], Erased::Prediction(one.prediction), &[hold]);
    let known = scene.image(b"known", &[]);
    scene.apply(scene.setting_metadata(known, about("ann")));
    let mut answer = scene.answer(1, &[]);
    answer.metadata = about("ann");
    let id = scene.keep(&answer, b"known");
    refuse_each(&scene, vec![using(&scene, id)], Erased::Prediction(id), &[hold]);
    scene.release(hold);
    let Applied::Images(added) = scene.apply(change()) else { panic!("no entries") };
    assert_eq!(added[0].as_ref().unwrap().image.metadata, about("ann"));
    scene.apply(using(&scene, id));
    is_missing(scene.store.prediction(scene.project, id), &Missing::Prediction(id));
}

/// By nobody else, and with their bytes.
pub fn what_is_due_and_held_is_seen_by_its_hold_only(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let (photo, person) = (scene.hold_image(one.image), scene.hold_person(Some(scene.project), "ann"));
    let stranger = scene.hold_person(None, "bob");
    scene.set_policy(|policy| {
        (policy.training_photos, policy.prediction_photos, policy.prediction_results) =
            (TEN_DAYS, TEN_DAYS, TEN_DAYS);
    });
    scene.go_to(10);
    let (store, project) = (&scene.store, scene.project);
    assert_eq!(store.images(project, &ImageQuery::default()).unwrap(), []);
    assert_eq!(scene.seen(&one), [DataClass::Iteration, DataClass::Export]);
    let (image, prediction) = (Erased::Image(one.image), Erased::Prediction(one.prediction));
    assert_eq!(held(&scene, photo), [image]);
    assert_eq!(held(&scene, person), [image, prediction]);
    assert_eq!(held(&scene, stranger), []);
    for item in scene.store.held(person, None, 10).unwrap() {
        match item {
            HeldItem::Image { project: of, image } => {
                assert_eq!((of, image.tags.len(), image.regions.len()), (project, 1, 1));
                assert_eq!(image.metadata, about("ann"));
            }
            HeldItem::Prediction { prediction } => {
                assert!(prediction.photo_kept && !prediction.prediction.predictions.is_empty());
                assert_eq!(prediction.expires, Some(day(10)));
            }
        }
    }
    assert_eq!(store.held_bytes(photo, project, image).unwrap(), b"photo 0 ann");
    for item in [prediction, Erased::PredictionPhoto(one.prediction)] {
        assert_eq!(store.held_bytes(person, project, item).unwrap(), b"kept 0 ann");
        is_missing(store.held_bytes(photo, project, item), &Missing::Prediction(one.prediction));
    }
    is_missing(store.held_bytes(stranger, project, image), &Missing::Image(one.image));
    let nowhere = scene.new_project();
    is_missing(store.held_bytes(stranger, nowhere, image), &Missing::Project(nowhere));

    for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::PredictionResult] {
        let expected = if class == DataClass::TrainingPhoto { vec![photo, person] } else { vec![person] };
        assert_eq!(scene.erase_due(class, one.item(class)), ItemOutcome::Held(expected), "{class:?}");
    }
    scene.release(photo);
    is_missing(store.held(photo, None, 1), &Missing::Hold(photo));
    is_missing(store.held_bytes(photo, project, image), &Missing::Hold(photo));
    scene.release(person);
    for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::PredictionResult] {
        assert_eq!(scene.erase_due(class, one.item(class)), ItemOutcome::Erased, "{class:?}");
        assert_eq!(scene.items(class), [], "{class:?}");
    }
}

/// Each once, by project, photos before predictions, by id.
pub fn what_a_hold_keeps_is_paged_in_order(make: Make) {
    let mut scene = Scene::new(make);
    let hold = scene.hold_person(None, "ann");
    let mut expected: Vec<(ProjectId, Erased)> = Vec::new();
    for number in 0..3 {
        if number > 0 {
            scene.project = scene.new_project();
            scene.apply(scene.creation(scene.project, number));
        }
        for day in 0..3 {
            let one = scene.one(day, "ann");
            let items = [Erased::Image(one.image), Erased::Prediction(one.prediction)];
            expected.extend(items.map(|item| (scene.project, item)));
        }
        scene.one(4, "bob");
    }
    expected.sort_unstable();
    let expected: Vec<_> = expected.into_iter().map(|(_, item)| item).collect();
    for take in [1, 2, 5, 18, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = scene.store.held(hold, after.as_ref(), take).unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= take);
            after = page.last().cloned();
            found.extend(ids(page));
        }
        assert_eq!(found, expected, "in pages of {take}");
    }
}

/// All of them, and the last to go decides.
pub fn several_holds_are_all_named(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let holds = [
        scene.hold_image(one.image),
        scene.hold_person(None, "ann"),
        scene.hold(HoldTarget::Project { project_id: scene.project }),
    ];
    scene.hold_person(None, "bob");
    let deletion = || scene.deletion_of_images(&[one.image]);
    for gone in 0..3 {
        scene.refuse_held(deletion(), Erased::Image(one.image), &holds[gone..]);
        scene.release(holds[gone]);
    }
    let _ = scene.erase(deletion());
}

/// As they were placed, in that order, until they are released.
pub fn holds_are_listed_in_order(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let (project_id, image_id, prediction_id) = (scene.project, one.image, one.prediction);
    let targets = [
        HoldTarget::Prediction { project_id, prediction_id },
        HoldTarget::Metadata {
            project_id: None,
            filter: "person eq 'it''s' or camera ne 'north'".parse().unwrap(),
        },
        HoldTarget::Project { project_id },
        HoldTarget::Image { project_id, image_id },
        HoldTarget::Metadata { project_id: Some(project_id), filter: who("nobody") },
    ];
    let mut holds: Vec<_> = targets.into_iter().map(|target| scene.new_hold(target)).collect();
    holds.swap(0, 4);
    for hold in &holds {
        scene.apply(Change::PlaceHold { hold: hold.clone() });
    }
    assert_eq!(scene.store.holds().unwrap(), holds);
    let again = Change::PlaceHold { hold: holds[1].clone() };
    assert!(matches!(scene.refuse(again), StoreError::IdTaken(_)));
    let gone = holds.remove(1).id;
    scene.release(gone);
    assert_eq!(scene.store.holds().unwrap(), holds);
    is_missing(scene.store.apply(Change::ReleaseHold { hold: gone, at: at(1) }), &Missing::Hold(gone));
}

/// Those that keep nothing in it, or it would stay: their reasons and expressions must not. Others hold on.
pub fn holds_go_with_their_project(make: Make) {
    type Erasing = fn(&Scene);
    let ways: [Erasing; 3] = [
        |scene| drop(scene.erase(scene.erasure_of_project())),
        |scene| drop(scene.erase_items(&[(Erased::Project(scene.project), REQUESTED)])),
        |scene| drop(scene.erase(reapplying(scene, Erased::Project(scene.project)))),
    ];
    for way in ways {
        let mut scene = Scene::new(make);
        scene.one(0, "ann");
        let going = scene.hold_person(Some(scene.project), "bob");
        let staying = scene.hold_person(None, "cid");
        let before = scene.audit().len();
        way(&scene);
        assert_eq!(scene.store.holds().unwrap().iter().map(|hold| hold.id).collect::<Vec<_>>(), [staying]);
        is_missing(scene.store.held(going, None, 1), &Missing::Hold(going));
        is_missing(scene.store.apply(Change::ReleaseHold { hold: going, at: at(1) }), &Missing::Hold(going));
        let entries = scene.audit();
        let released =
            entries[before..].iter().filter(|entry| entry.event.action == AuditAction::HoldReleased);
        let subjects: Vec<_> = released.flat_map(|entry| entry.event.subjects.clone()).collect();
        assert_eq!(subjects, [going.as_uuid().into()]);
        // Erasing goes on elsewhere.
        scene.project = scene.new_project();
        scene.apply(scene.creation(scene.project, 1));
        let (other, kept) = (scene.one(1, "bob"), scene.one(2, "cid"));
        let _ = scene.erase(scene.deletion_of_images(&[other.image]));
        scene.refuse_held(scene.deletion_of_images(&[kept.image]), Erased::Image(kept.image), &[staying]);
    }
}

/// Deleted or not. A metadata expression may select nothing yet.
pub fn a_hold_is_placed_on_what_is_there(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let (project_id, nowhere) = (scene.project, scene.new_project());
    let place = |target| scene.store.apply(Change::PlaceHold { hold: scene.new_hold(target) });
    let (image_id, prediction_id) = (ImageId::new(at(0), [9; 10]), PredictionId::new(at(0), [9; 10]));
    is_missing(place(HoldTarget::Project { project_id: nowhere }), &Missing::Project(nowhere));
    is_missing(place(HoldTarget::Image { project_id, image_id }), &Missing::Image(image_id));
    let missing = Missing::Prediction(prediction_id);
    is_missing(place(HoldTarget::Prediction { project_id, prediction_id }), &missing);
    let filter = who("nobody");
    let elsewhere = HoldTarget::Metadata { project_id: Some(nowhere), filter: filter.clone() };
    is_missing(place(elsewhere), &Missing::Project(nowhere));
    assert_eq!(scene.store.holds().unwrap(), []);
    place(HoldTarget::Metadata { project_id: None, filter }).unwrap();
    scene.apply(scene.deletion());
    place(HoldTarget::Image { project_id, image_id: one.image }).unwrap();
    place(HoldTarget::Prediction { project_id, prediction_id: one.prediction }).unwrap();
    assert_eq!(scene.store.holds().unwrap().len(), 3);
}
