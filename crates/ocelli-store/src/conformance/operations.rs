//! Erasures from their beginning to their receipt.

use ocelli_core::{
    Affected, AffectedOutcome, Commitment, DataClass, Digest, Erased, ErasedItem, ErasureOperation,
    ErasureReason, ErasureRecord, ErrorCode, ImageId, RegionId, TagId, limits,
};

use super::Make;
use super::control::{CLASSES, One, TEN_DAYS, about, day, on};
use super::scene::{Scene, at};
use crate::{Applied, Change, ErasedItems, ItemOutcome, ItemToErase, Missing, StoreError, UsedPrediction};

const REQUESTED: ErasureReason = ErasureReason::Requested;

fn operations(scene: &Scene) -> Vec<ErasureOperation> {
    scene.store.operations(0, 1000).unwrap()
}

fn operation(scene: &Scene, number: u64) -> ErasureOperation {
    scene.store.operations(number - 1, 1).unwrap().remove(0)
}

fn commitment(scene: &Scene, item: Erased) -> Option<Commitment> {
    Some(scene.store.commitment(scene.project, item).unwrap().1)
}

fn item(
    scene: &Scene,
    millis: i64,
    erased: Erased,
    reason: ErasureReason,
    of: Option<Commitment>,
) -> ErasedItem {
    let record = ErasureRecord { at: at(millis), project_id: scene.project, erased };
    ErasedItem { record, reason, commitment: of }
}

fn step(scene: &Scene, operation: u64, items: &[(Erased, ErasureReason)]) -> ErasedItems {
    match scene.apply(scene.erasing(operation, items)) {
        Applied::Items(erased) => erased,
        other => panic!("{other:?}"),
    }
}

fn completing(operations: Vec<ErasureOperation>, millis: i64) -> Change {
    Change::CompleteErasures { operations, at: at(millis) }
}

/// Keeps a receipt of all that an operation has erased.
fn receipt(scene: &Scene, operation: u64, text: &str) -> Change {
    let count = scene.store.erased_items(operation).unwrap_or_default().len() as u64;
    Change::KeepReceipt { operation, count, receipt: text.to_owned(), at: at(95) }
}

fn is_unknown<T: std::fmt::Debug>(answer: Result<T, StoreError>, number: u64) {
    match answer {
        Err(StoreError::NoOperation(found)) if found == number => {}
        other => panic!("{other:?}"),
    }
}

/// When something was erased, what it was, and the commitment to its bytes.
type Noted = (i64, Erased, Option<Commitment>);

/// With all that it took, in that order, why, and the commitments to it.
pub fn an_erasure_is_an_operation_of_its_own(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    assert_eq!(operations(&scene), []);
    let photo = commitment(&scene, Erased::Image(one.image));
    let used = commitment(&scene, Erased::Image(other.image));
    let kept = commitment(&scene, Erased::Prediction(one.prediction));
    let second = scene.export(one.iteration, &[("second", b"model")]);
    let project = scene.project;
    let tagged = Change::DeleteTag { project, tag: other.tag, affected: Affected::Delete, at: at(43) };
    let changes: Vec<(Change, Vec<Noted>)> = vec![
        (scene.deletion_of_regions(&[one.region]), vec![(40, Erased::Region(one.region), None)]),
        (scene.setting_metadata(one.image, about("eve")), vec![(42, Erased::Metadata(one.image), None)]),
        (scene.deletion_of_images(&[one.image]), vec![(40, Erased::Image(one.image), photo)]),
        (
            scene.deletion_of_predictions(&[one.prediction]),
            vec![(41, Erased::Prediction(one.prediction), kept)],
        ),
        (scene.deletion_of_export(second), vec![(40, Erased::Export(second), None)]),
        (
            scene.deletion_of_iteration(one.iteration),
            vec![(40, Erased::Export(one.export), None), (40, Erased::Iteration(one.iteration), None)],
        ),
        (
            tagged,
            vec![
                (43, Erased::Tag(other.tag), None),
                (43, Erased::Export(other.export), None),
                (43, Erased::Iteration(other.iteration), None),
            ],
        ),
        (scene.deletion_of_images(&[other.image]), vec![(40, Erased::Image(other.image), used)]),
        (scene.erasure_of_project(), vec![(63, Erased::Project(project), None)]),
    ];
    for (index, (change, expected)) in changes.into_iter().enumerate() {
        let (number, begun, count) = (index as u64 + 1, at(expected[0].0), expected.len());
        assert_eq!(scene.erase(change).operation, Some(number));
        let found = operation(&scene, number);
        let (items, of_project) = (scene.store.erased_items(number).unwrap(), number == 9);
        assert_eq!((found.number, found.begun, found.plan, found.completed), (number, begun, None, None));
        assert_eq!(found.count, items.len() as u64);
        let erased =
            expected.into_iter().map(|(millis, erased, of)| item(&scene, millis, erased, REQUESTED, of));
        assert_eq!(items[..count], erased.collect::<Vec<_>>());
        // What went with a project may be told of too.
        let along =
            |item: &ErasedItem| matches!(item.record.erased, Erased::Image(_) | Erased::Prediction(_));
        assert!(items[count..].iter().all(|item| of_project && along(item) && item.commitment.is_some()));
    }
    let all: Vec<_> = operations(&scene).iter().map(|operation| operation.number).collect();
    assert_eq!(all, (1..=9).collect::<Vec<_>>());
    assert_eq!(scene.store.operations(3, 2).unwrap(), operations(&scene)[3..5]);
}

/// Nor does a refusal.
pub fn what_erases_nothing_begins_no_operation(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[]);
    assert_eq!(scene.erase(scene.setting_metadata(image, about("ann"))).operation, None);
    assert_eq!(scene.erase(scene.setting_metadata(image, about("ann"))).operation, None);
    let empty = Change::ReapplyErasures { erasures: Vec::new(), affected: Affected::Keep };
    assert_eq!(scene.erase(empty).operation, None);
    scene.refuse(scene.deletion_of_images(&[image, ImageId::new(at(0), [0xff; 10])]));
    assert_eq!(operations(&scene), []);
}

/// Each is an operation, and its record has a moment of its own.
pub fn erasures_of_one_thing_at_one_moment_are_told_apart(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let image = scene.image(b"a", &[oak]);
    let erase = |person| scene.erase(scene.setting_metadata(image, about(person))).operation;
    assert_eq!(["ann", "bob", "cid", "ann"].map(erase), [None, Some(1), Some(2), Some(3)]);
    let expected = [42, 43, 44].map(|millis| item(&scene, millis, Erased::Metadata(image), REQUESTED, None));
    for (number, expected) in (1..).zip(expected) {
        assert_eq!(scene.store.erased_items(number).unwrap(), [expected]);
    }
    let region = scene.region(oak, 1);
    let id = region.id;
    scene.apply(Change::AddRegions { project: scene.project, regions: vec![(image, region)] });
    assert_eq!(scene.erase(scene.deletion_of_regions(&[id, id])).operation, Some(4));
    assert_eq!(operation(&scene, 4).count, 1);
}

/// The commitments go on with it: to a prediction's photo that was trained on, and to a photo that joined another.
pub fn the_end_of_a_used_prediction_is_known(make: Make) {
    let scene = Scene::new(make);
    let (new, joining) = (scene.keep(&scene.answer(0, &[]), b"a"), scene.keep(&scene.answer(1, &[]), b"b"));
    scene.image(b"b", &[]);
    let committed = [new, joining].map(|id| commitment(&scene, Erased::Prediction(id)));
    let images = [1, 2].map(|number| ImageId::new(at(2), [number; 10]));
    let predictions = [(new, images[0]), (joining, images[1])].map(|(prediction, image)| UsedPrediction {
        prediction,
        image,
        tags: Vec::new(),
        regions: Vec::new(),
    });
    let project = scene.project;
    scene.apply(Change::UsePredictions { project, predictions: predictions.to_vec(), at: at(50) });
    let joined = item(&scene, 50, Erased::Prediction(joining), REQUESTED, committed[1]);
    assert_eq!(scene.store.erased_items(1).unwrap(), [joined]);
    let _ = scene.erase(scene.deletion_of_images(&[images[0]]));
    let both = [Erased::Image(images[0]), Erased::Prediction(new)];
    let both = both.map(|erased| item(&scene, 40, erased, REQUESTED, committed[0]));
    assert_eq!(scene.store.erased_items(2).unwrap(), both);
}

/// Of many steps, which add up.
pub fn an_erasure_in_steps_adds_up(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    let plan = Some(Digest::from_bytes([5; 32]));
    let Applied::Operation(number) = scene.apply(Change::BeginErasure { plan, at: at(45) }) else {
        panic!("no operation")
    };
    let begun = ErasureOperation { number, begun: at(45), plan, count: 0, completed: None };
    assert_eq!(operations(&scene), std::slice::from_ref(&begun));
    let parts =
        |one: &One| [DataClass::PredictionResult, DataClass::PredictionPhoto].map(|class| one.item(class));
    let items = [Erased::Features(one.image), parts(&one)[0], parts(&one)[1], Erased::Image(one.image)];
    let of = [None, None, commitment(&scene, parts(&one)[1]), commitment(&scene, Erased::Image(one.image))];
    let erased: Vec<_> = items.iter().zip(of).map(|(it, of)| item(&scene, 46, *it, REQUESTED, of)).collect();
    assert_eq!(
        step(&scene, number, &items[..2].iter().map(|it| (*it, REQUESTED)).collect::<Vec<_>>()).outcomes,
        [ItemOutcome::Erased, ItemOutcome::Erased]
    );
    assert_eq!(operation(&scene, number).count, 2);
    assert_eq!(
        scene.seen(&one),
        [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::Iteration, DataClass::Export]
    );
    step(&scene, number, &items[2..].iter().map(|it| (*it, REQUESTED)).collect::<Vec<_>>());
    assert_eq!(operations(&scene), [ErasureOperation { count: 4, ..begun }]);
    assert_eq!(scene.store.erased_items(number).unwrap(), erased);
    assert_eq!(scene.seen(&one), [DataClass::Iteration, DataClass::Export]);
    for class in [DataClass::PredictionPhoto, DataClass::PredictionResult, DataClass::Features] {
        assert!(!scene.exists(class, one.item(class)), "{class:?}");
    }
    assert_eq!(scene.seen(&other), CLASSES);
    let log: Vec<_> = scene.store.erasures(at(0)).unwrap();
    assert_eq!(log, erased.iter().map(|item| item.record).collect::<Vec<_>>());
}

/// Each thing is looked at again: it may be gone, or not be due, for this reason or at all.
pub fn each_step_looks_again(make: Make) {
    for class in CLASSES {
        let scene = Scene::new(make);
        let (one, other) = (scene.one(0, "ann"), scene.one(5, "bob"));
        let due = |class| ErasureReason::Due(class);
        let [one_item, other_item] = [&one, &other].map(|each| each.item(class));
        assert_eq!(scene.erase_due(class, one_item), ItemOutcome::NotDue, "{class:?}");
        scene.set_rule(class, TEN_DAYS);
        scene.go_to(10);
        for wrong in CLASSES.into_iter().filter(|wrong| *wrong != class) {
            assert_eq!(scene.erase_due(wrong, one_item), ItemOutcome::NotDue, "{class:?} for {wrong:?}");
        }
        for wrong in [DataClass::DeletedProject, DataClass::ClosedAccount, DataClass::AuditEntry] {
            assert_eq!(scene.erase_due(wrong, one_item), ItemOutcome::NotDue, "{class:?} for {wrong:?}");
        }
        let items = [(other_item, due(class)), (one_item, due(class)), (one_item, due(class))];
        let outcomes = scene.erase_items(&items);
        assert_eq!(outcomes, [ItemOutcome::NotDue, ItemOutcome::Erased, ItemOutcome::Gone], "{class:?}");
        assert!(!scene.exists(class, one_item) && scene.exists(class, other_item), "{class:?}");
        assert_eq!(scene.seen(&other), CLASSES);
        let last = operations(&scene).pop().unwrap();
        let erased = scene.store.erased_items(last.number).unwrap();
        assert!(erased.iter().all(|item| item.reason == due(class)), "{class:?}");
        assert_eq!(erased.last().unwrap().record.erased, one_item);
    }
}

/// A whole prediction goes when all that is left of it is due, and its parts each by their own rule.
pub fn a_prediction_is_erased_in_parts(make: Make) {
    let scene = Scene::new(make);
    let [one, other] = [0, 1].map(|number| scene.one(number, "ann"));
    let twenty = ocelli_core::RetentionRule::days(20);
    scene.set_policy(|policy| (policy.prediction_photos, policy.prediction_results) = (TEN_DAYS, twenty));
    scene.go_to(11);
    let (photo, result) = (DataClass::PredictionPhoto, DataClass::PredictionResult);
    assert_eq!(scene.erase_due(photo, Erased::Prediction(one.prediction)), ItemOutcome::NotDue);
    assert_eq!(scene.erase_due(photo, one.item(photo)), ItemOutcome::Erased);
    assert_eq!(scene.erase_due(photo, one.item(photo)), ItemOutcome::Gone);
    assert!(scene.sees(&one, result) && scene.exists(photo, other.item(photo)));
    scene.go_to(21);
    assert_eq!(scene.erase_due(result, one.item(result)), ItemOutcome::Erased);
    assert_eq!(scene.erase_due(result, Erased::Prediction(one.prediction)), ItemOutcome::Gone);
    assert_eq!(scene.erase_due(photo, Erased::Prediction(other.prediction)), ItemOutcome::Erased);
    assert_eq!((scene.items(photo), scene.items(result)), (Vec::new(), Vec::new()));
    assert!(scene.store.check(&crate::CheckOptions::default()).unwrap().is_sound());
}

/// Those of a photo that were computed since stay.
pub fn due_features_go_without_those_that_are_not(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let key = crate::FeatureKey::f32("another");
    scene.go_to(5);
    let features = vec![(one.image, vec![1.0])];
    scene.apply(Change::CacheFeatures { project: scene.project, key: key.clone(), features });
    assert_eq!(scene.items(DataClass::Features).len(), 2);
    scene.set_rule(DataClass::Features, TEN_DAYS);
    scene.go_to(10);
    assert_eq!(scene.erase_due(DataClass::Features, Erased::Features(one.image)), ItemOutcome::Erased);
    let left = scene.items(DataClass::Features);
    assert_eq!(left.iter().map(|item| item.event).collect::<Vec<_>>(), [day(5)]);
    assert_eq!(scene.store.features(scene.project, &key, &[one.image]).unwrap(), [Some(vec![1.0])]);
    assert_eq!(scene.erase_items(&[(Erased::Features(one.image), REQUESTED)]), [ItemOutcome::Erased]);
    assert_eq!(scene.items(DataClass::Features), []);
}

/// Whose photo or whole goes for its own reason, and not before.
pub fn what_is_deleted_is_erased_in_steps(make: Make) {
    for closed in [false, true] {
        let scene = Scene::new(make);
        let (one, other) = (scene.one(0, "ann"), scene.one(0, "bob"));
        scene.set_account_policy(|policy| {
            (policy.deleted_projects, policy.closed_account) = (TEN_DAYS, TEN_DAYS);
        });
        let class = if closed { DataClass::ClosedAccount } else { DataClass::DeletedProject };
        let project = Erased::Project(scene.project);
        assert_eq!(scene.erase_due(class, project), ItemOutcome::NotDue);
        scene.apply(if closed {
            Change::CloseAccount { at: day(1) }
        } else {
            Change::DeleteProject { project: scene.project, at: day(1) }
        });
        let image = Erased::Image(one.image);
        assert_eq!(scene.erase_items(&[(image, REQUESTED)]), [ItemOutcome::Erased], "it was asked for");
        scene.set_clock(on(11, -1));
        assert_eq!(scene.erase_due(class, project), ItemOutcome::NotDue);
        assert_eq!(scene.erase_due(class, Erased::Image(other.image)), ItemOutcome::NotDue);
        scene.go_to(11);
        let wrong = if closed { DataClass::DeletedProject } else { DataClass::ClosedAccount };
        assert_eq!(scene.erase_due(wrong, project), ItemOutcome::NotDue);
        assert_eq!(scene.erase_due(class, Erased::Image(other.image)), ItemOutcome::Erased);
        let all = [project, Erased::Prediction(one.prediction), Erased::Iteration(one.iteration), project];
        let outcomes = scene.erase_items(&all.map(|item| (item, ErasureReason::Due(class))));
        let gone = ItemOutcome::Gone;
        assert_eq!(outcomes, [ItemOutcome::Erased, gone.clone(), gone.clone(), gone]);
        let report = scene.store.check(&crate::CheckOptions::default()).unwrap();
        assert_eq!((report.files, report.is_sound()), (0, true));
        let last = operations(&scene).pop().unwrap();
        assert_eq!(scene.store.erased_items(last.number).unwrap()[0].record.erased, project);
        let missing = scene.store.retention(scene.project).unwrap_err();
        assert!(matches!(missing, StoreError::NotFound(Missing::Project(_))));
    }
}

/// A project whose import failed goes for that reason, with all that it had, unless a hold keeps some of it.
pub fn what_is_abandoned_is_not_what_was_asked_for(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let project = (Erased::Project(scene.project), ErasureReason::Abandoned);
    let hold = scene.hold_image(one.image);
    assert_eq!(scene.erase_items(&[project]), [ItemOutcome::Held(vec![hold])]);
    scene.release(hold);
    assert_eq!(scene.erase_items(&[project]), [ItemOutcome::Erased]);
    assert!(scene.store.finish_erasures().unwrap().is_complete());
    let last = operations(&scene).pop().unwrap();
    let erased = scene.store.erased_items(last.number).unwrap();
    assert!(erased.iter().any(|item| item.record.erased == project.0), "{erased:?}");
    assert!(erased.iter().all(|item| item.reason == project.1), "{erased:?}");
}

/// In its answer, and does with them what was chosen.
pub fn a_step_tells_of_iterations(make: Make) {
    let choices = [
        (Affected::Keep, AffectedOutcome::Kept),
        (Affected::Unpublish, AffectedOutcome::Unpublished),
        (Affected::Delete, AffectedOutcome::Deleted),
    ];
    for (affected, outcome) in choices {
        let scene = Scene::new(make);
        let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
        scene.apply(scene.publication(one.iteration, "live", false));
        let items = [Erased::Image(one.image), Erased::Features(other.image)].map(|item| ItemToErase {
            project_id: scene.project,
            item,
            reason: REQUESTED,
        });
        let operation = scene.begin_erasure();
        let change = Change::EraseItems { operation, items: items.to_vec(), affected, at: at(46) };
        let Applied::Items(erased) = scene.apply(change) else { panic!("no items") };
        let told: Vec<_> = erased.iterations.iter().map(|told| (told.id, told.outcome)).collect();
        assert_eq!(told, [(one.iteration, outcome)]);
        assert_eq!(erased.iterations[0].exports, [one.export]);
        assert_eq!(scene.sees(&one, DataClass::Iteration), affected != Affected::Delete);
        if affected == Affected::Keep {
            assert_eq!(scene.manifest(one.iteration).erased, 1);
        }
        assert!(scene.sees(&other, DataClass::Iteration));
    }
}

/// By its size, and to things that go in steps; none of it is done.
pub fn a_step_is_limited(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let operation = scene.begin_erasure();
    let before = scene.described();
    let many = vec![(Erased::Image(one.image), REQUESTED); limits::MAX_ERASED_AT_ONCE + 1];
    let refused = scene.refuse(scene.erasing(operation, &many));
    assert_eq!(refused.code(), ErrorCode::BadRequestExceededBatchSize);
    for whole in [
        Erased::Tag(one.tag),
        Erased::Tag(TagId::new(at(0), [9; 10])),
        Erased::Region(RegionId::new(at(0), [9; 10])),
        Erased::Metadata(one.image),
    ] {
        let items = [(Erased::Image(one.image), REQUESTED), (whole, REQUESTED)];
        assert!(matches!(scene.refuse(scene.erasing(operation, &items)), StoreError::Unsupported(_)));
    }
    assert_eq!(scene.described(), before);
    let outcomes = step(&scene, operation, &many[1..]).outcomes;
    assert_eq!((outcomes.len(), &outcomes[0]), (limits::MAX_ERASED_AT_ONCE, &ItemOutcome::Erased));
    assert!(outcomes[1..].iter().all(|outcome| *outcome == ItemOutcome::Gone));
}

/// Once, when nothing is left; what it erases after that opens it again.
pub fn an_erasure_completes(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    let number = scene.begin_erasure();
    step(&scene, number, &[(Erased::Image(one.image), REQUESTED)]);
    let listed = operations(&scene);
    step(&scene, number, &[(Erased::Image(other.image), REQUESTED)]);
    assert!(scene.store.finish_erasures().unwrap().is_complete());
    scene.apply(completing(listed.clone(), 90));
    assert_eq!(operation(&scene, number).completed, None, "it has erased more since it was listed");
    scene.apply(completing(operations(&scene), 91));
    assert_eq!(operation(&scene, number).completed, Some(at(91)));
    scene.apply(completing(operations(&scene), 92));
    assert_eq!(operation(&scene, number).completed, Some(at(91)));
    step(&scene, number, &[(Erased::Features(one.image), REQUESTED)]);
    assert_eq!(operation(&scene, number).completed, Some(at(91)), "nothing was there to erase");
    step(&scene, number, &[(Erased::Prediction(one.prediction), REQUESTED)]);
    assert_eq!((operation(&scene, number).completed, operation(&scene, number).count), (None, 3));
    let mut unknown = listed;
    unknown[0].number = 7;
    is_unknown(scene.store.apply(completing(unknown, 93)), 7);
}

/// Whatever clock it was that went back.
pub fn an_erasure_is_complete_no_sooner_than_it_begins(make: Make) {
    let scene = Scene::new(make);
    let number = scene.begin_erasure();
    let begun = operation(&scene, number);
    scene.apply(completing(vec![begun.clone()], -1_000));
    assert_eq!(operation(&scene, number).completed, Some(begun.begun));
    scene.apply(receipt(&scene, number, "a receipt"));
    assert!(scene.store.incomplete_operations().unwrap().is_empty());
}

/// Of what is complete, and the first one stays; then nothing is added to the operation.
pub fn a_receipt_is_kept_once(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let number = scene.erase(scene.deletion_of_images(&[one.image])).operation.unwrap();
    assert_eq!(scene.store.receipt(number).unwrap(), None);
    assert!(
        matches!(scene.refuse(receipt(&scene, number, "{}")), StoreError::NotErased(found) if found == number)
    );
    scene.apply(completing(operations(&scene), 91));
    // Made before the erasure went on.
    let fewer = Change::KeepReceipt { operation: number, count: 0, receipt: "{}".to_owned(), at: at(95) };
    assert!(matches!(scene.refuse(fewer), StoreError::NotErased(found) if found == number));
    for text in ["{\"first\":1}", "{\"second\":2}"] {
        scene.apply(receipt(&scene, number, text));
        assert_eq!(scene.store.receipt(number).unwrap().as_deref(), Some("{\"first\":1}"));
    }
    let more = scene.erasing(number, &[(Erased::Prediction(one.prediction), REQUESTED)]);
    is_unknown(scene.store.apply(more), number);
    assert!(scene.sees(&one, DataClass::PredictionPhoto));
}

/// Neither a step nor a receipt begins one.
pub fn an_unknown_operation_is_refused(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    is_unknown(scene.store.apply(scene.erasing(1, &[(Erased::Image(one.image), REQUESTED)])), 1);
    is_unknown(scene.store.apply(receipt(&scene, 1, "{}")), 1);
    assert_eq!(scene.store.receipt(1).unwrap(), None);
    assert_eq!(scene.store.erased_items(1).unwrap(), []);
    assert_eq!(operations(&scene), []);
    assert_eq!(scene.look(one.image).metadata, about("ann"));
}
