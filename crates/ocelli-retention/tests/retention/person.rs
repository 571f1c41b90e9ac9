use ocelli_core::{Affected, AffectedOutcome, AuditAction, DataClass, Erased, ErasureReason, RetentionRule};
use ocelli_retention::{PersonErased, erase_person, find_person};
use ocelli_store::Change;

use crate::world::{World, about, add, day, filter, new_photo};

fn erase(world: &World, person: &str, affected: Affected) -> PersonErased {
    erase_person(&*world.store, &filter(person), affected, &|| world.now()).unwrap()
}

#[test]
fn a_person_is_found_wherever_he_is() {
    let world = World::new();
    let (other, scene) = world.other_project();
    let (photo, prediction) = (world.photo("anna"), world.prediction("anna"));
    let (_, _) = (world.photo("berta"), world.prediction("berta"));
    let deleted = add(&scene, new_photo(&scene, world.now(), "anna")).unwrap();
    scene.apply(Change::DeleteProject { project: other, at: world.now() });
    let iteration = world.scene.complete_on(1, &[(photo, world.scene.tag("oak"))]);

    let found = find_person(&*world.store, &filter("anna")).unwrap();
    let mut items: Vec<_> = found.items.iter().map(|item| (item.project_id, item.item)).collect();
    items.sort();
    let mut expected = vec![
        (world.project, Erased::Image(photo)),
        (world.project, Erased::Prediction(prediction)),
        (other, Erased::Image(deleted)),
    ];
    expected.sort();
    assert_eq!(items, expected);
    assert!(found.items.iter().all(|item| item.metadata == Some(about("anna"))));
    let (_, commitment) = world.store.commitment(world.project, Erased::Image(photo)).unwrap();
    assert!(found.items.iter().any(|item| item.commitment == Some(commitment)));
    assert_eq!(found.iterations.into_iter().collect::<Vec<_>>(), [(world.project, [iteration].into())]);
}

#[test]
fn what_is_due_is_found_too() {
    let world = World::new();
    let photo = world.photo("anna");
    let prediction = world.prediction("anna");
    world.set_policy(|policy| {
        policy.training_photos = RetentionRule::days(1);
        policy.prediction_photos = RetentionRule::days(1);
    });
    world.go_to(2);
    assert!(world.visible().is_empty());
    let found = find_person(&*world.store, &filter("anna")).unwrap();
    let items: Vec<_> = found.items.iter().map(|item| item.item).collect();
    assert_eq!(items, [Erased::Image(photo), Erased::Prediction(prediction)], "each once");
}

#[test]
fn a_person_is_erased_from_every_project() {
    let world = World::new();
    let (other, scene) = world.other_project();
    let photo = world.photo("anna");
    world.prediction("anna");
    let stays = world.photo("berta");
    add(&scene, new_photo(&scene, world.now(), "anna")).unwrap();
    scene.apply(Change::DeleteProject { project: other, at: world.now() });
    let iteration = world.scene.complete_on(1, &[(photo, world.scene.tag("oak"))]);

    let erased = erase(&world, "anna", Affected::Delete);
    assert_eq!((erased.erased.len(), erased.held.len()), (3, 0));
    let told: Vec<_> = erased.iterations.iter().map(|found| (found.id, found.outcome)).collect();
    assert_eq!(told, [(iteration, AffectedOutcome::Deleted)]);
    assert!(erased.status.is_complete());
    assert_eq!(world.visible(), [stays]);
    assert!(find_person(&*world.store, &filter("anna")).unwrap().items.is_empty());
    let items = world.store.erased_items(erased.operation.unwrap()).unwrap();
    assert!(items.iter().all(|item| item.reason == ErasureReason::Requested));
    assert!(items.len() >= 3);
}

#[test]
fn what_is_held_stays_and_the_refusal_is_recorded() {
    let world = World::new();
    let (kept, gone) = (world.photo("anna"), world.photo("anna"));
    let hold = world.hold_photo(kept);
    let erased = erase(&world, "anna", Affected::Keep);
    assert_eq!(erased.erased, [(world.project, Erased::Image(gone))]);
    assert_eq!(erased.held, [(world.project, Erased::Image(kept), vec![hold])]);
    assert!(world.exists(DataClass::TrainingPhoto, Erased::Image(kept)));
    let log = ocelli_retention::audit_log(&*world.store, None, day(0)).unwrap();
    let refused = |action: &AuditAction| *action == AuditAction::ErasureRefused { holds: vec![hold] };
    assert_eq!(log.entries.iter().filter(|chained| refused(&chained.entry.event.action)).count(), 1);
}

#[test]
fn nothing_is_begun_for_somebody_unknown() {
    let world = World::new();
    world.photo("anna");
    let erased = erase(&world, "carla", Affected::Keep);
    assert_eq!((erased.operation, erased.erased.len()), (None, 0));
    assert!(erased.status.is_complete());
    assert!(world.store.operations(0, 10).unwrap().is_empty());
}

#[test]
fn more_than_one_step_belongs_to_one_operation() {
    let world = World::new();
    for _ in 0..300 {
        world.photo("anna");
    }
    let erased = erase(&world, "anna", Affected::Keep);
    assert_eq!(erased.erased.len(), 300);
    assert_eq!(world.store.operations(0, 10).unwrap().len(), 1);
    assert_eq!(world.store.erased_items(erased.operation.unwrap()).unwrap().len(), 300);
}
