use std::cell::Cell;
use std::time::Duration;

use ocelli_core::{
    Affected, AffectedOutcome, AuditAction, DataClass, Erased, ErasureReason, RetentionRule, Timestamp,
};
use ocelli_retention::{Budget, ProofError, RetentionError, SweepOptions};
use ocelli_store::{Change, StoreError};

use crate::world::{World, day};

/// So many photos that are due on day 10.
fn due(count: usize) -> World {
    let world = World::new();
    for _ in 0..count {
        world.photo("anna");
    }
    world.set_policy(|policy| policy.training_photos = RetentionRule::days(10));
    world.go_to(10);
    world
}

#[test]
fn a_plan_is_carried_out_and_nothing_else() {
    let world = due(5);
    let young = world.photo("anna");
    let plan = world.plan();
    let swept = world.execute(&plan, Budget::default());
    assert_eq!((swept.erased, swept.passed_over, swept.held, swept.more), (5, 0, 0, false));
    assert!(swept.status.is_complete());
    let operation = swept.operations[0];
    let items = world.store.erased_items(operation).unwrap();
    assert_eq!(items.len(), 5);
    assert!(items.iter().all(|item| {
        item.reason == ErasureReason::Due(DataClass::TrainingPhoto) && item.commitment.is_some()
    }));
    let operation = world.store.operations(operation - 1, 1).unwrap().remove(0);
    assert_eq!((operation.plan, operation.completed), (Some(plan.hash()), Some(world.now())));
    assert_eq!(world.visible(), [young]);
    assert!(world.plan().is_empty());
}

#[test]
fn a_hold_placed_after_the_plan_is_kept_to() {
    let world = due(3);
    world.go_to(9);
    let plan = ocelli_retention::plan(&*world.store, day(10), usize::MAX).unwrap();
    let Erased::Image(held) = plan.items()[1].item else { panic!("{plan:?}") };
    let hold = world.hold_photo(held);
    world.go_to(10);
    let swept = world.execute(&plan, Budget::default());
    assert_eq!((swept.erased, swept.held), (2, 1));
    assert!(world.exists(DataClass::TrainingPhoto, Erased::Image(held)));
    world.release(hold);
    assert_eq!(world.sweep(Budget::default()).erased, 1);
}

#[test]
fn what_is_not_due_by_the_clock_stays_whatever_a_plan_says() {
    let world = due(3);
    world.go_to(1);
    let plan = ocelli_retention::plan(&*world.store, day(20), usize::MAX).unwrap();
    assert_eq!(plan.items().len(), 3);
    let swept = world.execute(&plan, Budget::default());
    assert_eq!((swept.erased, swept.passed_over), (0, 3));
    assert_eq!(world.visible().len(), 3);
}

#[test]
fn a_plan_carried_out_twice_finds_nothing_the_second_time() {
    let world = due(3);
    let plan = world.plan();
    assert_eq!(world.execute(&plan, Budget::default()).erased, 3);
    let again = world.execute(&plan, Budget::default());
    assert_eq!((again.erased, again.passed_over), (0, 3));
    assert!(again.operations.is_empty(), "what erased nothing has no receipt");
    let empty = world.store.operations(0, 10).unwrap().pop().unwrap().number;
    let keys = Some(&world.keys as &dyn ocelli_keys::KeyProvider);
    let refused = ocelli_retention::receipt(&*world.store, keys, empty, &|| world.now()).unwrap_err();
    assert!(matches!(refused, RetentionError::Proof(ProofError::NothingErased { .. })), "{refused}");
}

#[test]
fn a_budget_of_items_leaves_the_rest_for_the_next_sweep() {
    let world = due(10);
    let swept = world.sweep(Budget { items: 4, time: None });
    assert_eq!((swept.erased, swept.more), (4, true));
    let swept = world.sweep(Budget { items: 6, time: None });
    assert_eq!((swept.erased, swept.more), (6, false));
    let world = due(10);
    let plan = world.plan();
    assert_eq!(world.sweep(Budget::default()).erased, 10);
    let swept = world.execute(&plan, Budget { items: 4, time: None });
    assert_eq!((swept.passed_over, swept.more), (4, true));
}

#[test]
fn a_plan_of_another_account_is_refused() {
    let (world, other) = (due(3), due(3));
    let plan = other.plan();
    assert_eq!(plan.account(), other.store.account().unwrap().id);
    let options = SweepOptions::default();
    let refused = ocelli_retention::execute(&*world.store, &plan, &options, &|| world.now()).unwrap_err();
    assert!(matches!(refused, RetentionError::OtherAccount { .. }), "{refused}");
    assert!(world.store.operations(0, 10).unwrap().is_empty());
    // Nor can it be made one of this account.
    let json = String::from_utf8(plan.to_json().unwrap()).unwrap();
    let mine = world.store.account().unwrap().id.to_string();
    let forged = json.replace(&plan.account().to_string(), &mine);
    ocelli_retention::Plan::from_json(forged.as_bytes()).unwrap_err();
}

#[test]
fn a_budget_of_no_time_begins_nothing() {
    let world = due(3);
    let swept = world.sweep(Budget { time: Some(Duration::ZERO), ..Budget::default() });
    assert_eq!((swept.erased, swept.more, swept.operations.len()), (0, true, 0));
    assert_eq!(world.sweep(Budget::default()).erased, 3);
}

#[test]
fn a_sweep_that_is_killed_after_any_change_is_gone_on_with() {
    let whole = due(150);
    let changes = Cell::new(0);
    let count = || {
        changes.set(changes.get() + 1);
        whole.now()
    };
    let keys = Some(&whole.keys as &dyn ocelli_keys::KeyProvider);
    let options = SweepOptions::default();
    let swept = ocelli_retention::sweep(&*whole.store, keys, whole.now(), &options, &count).unwrap();
    assert_eq!(swept.erased, 150);
    for killed_at in 0..changes.get() {
        let world = due(150);
        let changes = Cell::new(0);
        let clock = || -> Timestamp {
            if changes.get() == killed_at {
                panic!("killed");
            }
            changes.set(changes.get() + 1);
            world.now()
        };
        let keys = Some(&world.keys as &dyn ocelli_keys::KeyProvider);
        let sweep = || ocelli_retention::sweep(&*world.store, keys, world.now(), &options, &clock);
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(sweep));
        assert!(killed.is_err(), "before change {killed_at}");
        assert!(world.visible().is_empty(), "what is due is invisible before, while and after");
        let left = world.plan().items().len();
        assert_eq!(world.sweep(Budget::default()).erased, left as u64);
        let operations = world.store.operations(0, 100).unwrap();
        assert_eq!(operations.iter().map(|operation| operation.count).sum::<u64>(), 150);
        assert!(operations.iter().all(|operation| operation.completed.is_some()), "{operations:?}");
    }
}

/// A receipt of it is made between two steps, by another process: the rest is another operation.
#[test]
fn a_sweep_goes_on_when_somebody_makes_its_receipt() {
    let world = due(300);
    let keys: &dyn ocelli_keys::KeyProvider = &world.keys;
    let interfering = Cell::new(true);
    let clock = || {
        let begun = world.store.incomplete_operations().unwrap().pop();
        if interfering.get()
            && let Some(operation) = begun.filter(|operation| operation.count > 0)
        {
            interfering.set(false);
            ocelli_retention::receipt(&*world.store, Some(keys), operation.number, &|| world.now()).unwrap();
        }
        world.now()
    };
    let options = SweepOptions::default();
    let swept = ocelli_retention::sweep(&*world.store, Some(keys), world.now(), &options, &clock).unwrap();
    assert!(!interfering.get());
    assert_eq!((swept.erased, swept.operations.len()), (300, 2));
    let mut listed = 0;
    for operation in swept.operations {
        let receipt =
            ocelli_retention::receipt(&*world.store, Some(keys), operation, &|| world.now()).unwrap();
        receipt.verify(&keys.public_key().unwrap()).unwrap();
        listed += world.store.erased_items(operation).unwrap().len();
    }
    assert_eq!(listed, 300);
}

/// Its photo says what features are about: no round begins with what it cannot erase.
#[test]
fn features_are_held_with_their_photo() {
    let world = World::new();
    let [held, other] = ["anna", "berta"].map(|person| world.photo(person));
    [held, other].into_iter().for_each(|photo| world.cache_features(photo));
    let hold = world.hold_person("anna");
    world.set_policy(|policy| policy.features = RetentionRule::days(5));
    world.go_to(10);
    let plan = world.plan();
    assert_eq!(plan.items().iter().map(|due| due.item).collect::<Vec<_>>(), [Erased::Features(other)]);
    assert_eq!(plan.held(), 1);
    let why = ocelli_retention::why(&*world.store, world.project, Erased::Features(held)).unwrap();
    assert_eq!(why.holds, [hold]);
    let swept = world.sweep(Budget::default());
    assert_eq!((swept.erased, swept.held, swept.more), (1, 0, false));
    world.release(hold);
    assert_eq!(world.sweep(Budget::default()).erased, 1);
}

#[test]
fn what_was_due_stays_due_when_the_clock_goes_back() {
    let world = due(3);
    let swept = world.sweep(Budget { items: 1, time: None });
    assert_eq!(swept.erased, 1);
    world.go_to(2);
    assert!(world.visible().is_empty());
    assert_eq!(world.plan().items().len(), 2);
}

#[test]
fn affected_iterations_are_told_once() {
    let world = due(200);
    let tag = world.scene.tag("oak");
    world.go_to(0);
    let photos: Vec<_> = world.visible().into_iter().map(|photo| (photo, tag)).collect();
    assert_eq!(photos.len(), 200);
    let iteration = world.scene.complete_on(1, &photos);
    world.scene.apply(world.scene.publication(iteration, "live", false));
    world.go_to(10);
    let swept = world.sweep(Affected::Unpublish);
    assert_eq!(swept.erased, 200);
    let told: Vec<_> = swept.iterations.iter().map(|found| (found.id, found.outcome)).collect();
    assert_eq!(told, [(iteration, AffectedOutcome::Unpublished)]);
    assert_eq!(swept.iterations[0].publication.as_ref().unwrap().name.as_str(), "live");
}

#[test]
fn each_class_is_swept() {
    let world = World::new();
    let tag = world.scene.tag("oak");
    let photo = world.photo("anna");
    let iteration = world.scene.complete_on(1, &[(photo, tag)]);
    let export = world.scene.export(iteration, &[("model.onnx", b"model")]);
    world.cache_features(photo);
    let prediction = world.prediction("anna");
    world.set_policy(|policy| {
        policy.features = RetentionRule::days(1);
        policy.exports = RetentionRule::days(2);
        policy.prediction_results = RetentionRule::days(3);
        policy.prediction_photos = RetentionRule::days(4);
        policy.iterations = RetentionRule::days(5);
        policy.training_photos = RetentionRule::Until { until: day(6) };
    });
    let erased = [
        Erased::Features(photo),
        Erased::Export(export),
        Erased::PredictionResult(prediction),
        Erased::PredictionPhoto(prediction),
        Erased::Iteration(iteration),
        Erased::Image(photo),
    ];
    for (number, item) in (1..).zip(erased) {
        world.clock.set(Timestamp::from_millis(day(number).as_millis() + 1000));
        let plan = world.plan();
        assert_eq!(plan.items().iter().map(|due| due.item).collect::<Vec<_>>(), [item]);
        let swept = world.sweep(Budget::default());
        assert_eq!(swept.erased, 1, "{item:?}");
        let items = world.store.erased_items(swept.operations[0]).unwrap();
        assert!(items.iter().any(|done| done.record.erased == item), "{items:?}");
    }
}

#[test]
fn a_deleted_project_is_swept_after_its_time() {
    let world = due(3);
    world.scene.apply(Change::DeleteProject { project: world.project, at: day(10) });
    world.go_to(41);
    let swept = world.sweep(Budget::default());
    assert_eq!((swept.erased, swept.more), (1, false));
    assert!(matches!(world.store.retention(world.project), Err(StoreError::NotFound(_))));
}

#[test]
fn due_entries_of_the_audit_log_become_a_checkpoint() {
    let world = due(3);
    world.set_account_policy(|policy| policy.audit_entries = RetentionRule::days(5));
    let before = world.store.audit_head().unwrap().0;
    let without_keys = {
        let (store, options) = (&*world.store, SweepOptions::default());
        ocelli_retention::sweep(store, None, world.now(), &options, &|| world.now()).unwrap()
    };
    assert!(without_keys.audit_needs_keys, "{without_keys:?}");
    assert_eq!(without_keys.erased, 3, "the rest is done all the same");
    let swept = world.sweep(Budget::default());
    assert!(swept.audit_entries > 0 && swept.audit_entries < before, "{swept:?}");
    let log = ocelli_retention::audit_log(&*world.store, None, world.now()).unwrap();
    assert_eq!(log.checkpoint.as_ref().unwrap().replaced, swept.audit_entries);
    let public = ocelli_keys::KeyProvider::public_key(&world.keys).unwrap();
    log.verify(Some(&public), None).unwrap();
    assert_eq!(world.sweep(Budget::default()).audit_entries, 0);
}

/// In as many steps as there is time for, each with a checkpoint.
#[test]
fn a_long_audit_log_expires_in_steps() {
    let world = World::new();
    let exported = || ocelli_core::AuditEvent::new(AuditAction::Exported, None);
    for _ in 0..2_500 {
        world.store.apply(Change::Audit { event: exported(), at: world.now() }).unwrap();
    }
    let written = world.store.audit_head().unwrap().0;
    world.go_to(10);
    world.set_account_policy(|policy| policy.audit_entries = RetentionRule::days(5));
    let none = Budget { time: Some(Duration::ZERO), ..Budget::default() };
    let swept = world.sweep(none);
    assert_eq!((swept.audit_entries, swept.more), (1_000, true), "the first step is always taken");
    let swept = world.sweep(Budget::default());
    assert_eq!((swept.audit_entries, swept.more), (written - 1_000, false));
    let log = ocelli_retention::audit_log(&*world.store, None, world.now()).unwrap();
    assert_eq!(log.checkpoint.as_ref().unwrap().replaced, written - 2_000);
    let steps = log.entries.iter().filter_map(|chained| match chained.entry.event.action {
        AuditAction::EntriesExpired { through } => Some(through),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), [1_000, 2_000, written]);
    let public = ocelli_keys::KeyProvider::public_key(&world.keys).unwrap();
    log.verify(Some(&public), None).unwrap();
}

#[test]
fn due_entries_are_behind_a_checkpoint_before_any_sweep() {
    let world = due(3);
    world.set_account_policy(|policy| policy.audit_entries = RetentionRule::days(5));
    let keys: &dyn ocelli_keys::KeyProvider = &world.keys;
    let log = ocelli_retention::audit_log(&*world.store, Some(keys), world.now()).unwrap();
    assert!(log.entries.iter().all(|chained| chained.entry.at > day(5)));
    assert!(log.checkpoint.is_some());
    log.verify(Some(&keys.public_key().unwrap()), None).unwrap();
    let head = ocelli_retention::audit_head(&*world.store).unwrap();
    assert_eq!(log.entries.last().unwrap().hash, head.hash);
}
