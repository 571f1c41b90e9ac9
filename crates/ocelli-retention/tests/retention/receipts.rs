use ocelli_core::{Affected, AuditAction, Digest, Erased, RetentionRule};
use ocelli_keys::KeyProvider;
use ocelli_retention::{
    Budget, ProofError, Receipt, ReceiptKind, RetentionError, erase_person, receipt, verify_photo,
};
use ocelli_store::{Change, StoreError};

use crate::world::{World, filter};

fn receipt_of(world: &World, operation: u64) -> Receipt {
    receipt(&*world.store, Some(&world.keys), operation, &|| world.now()).unwrap()
}

fn verify(world: &World, receipt: &Receipt) {
    receipt.verify(&world.keys.public_key().unwrap()).unwrap();
    let items = world.store.erased_items(receipt.body.operation).unwrap();
    assert_eq!(receipt.body.items, items.len() as u64);
    for (item, index) in items.iter().zip(0..) {
        let proof = receipt.prove(&items, index).unwrap();
        receipt.verify_member(item, &proof).unwrap();
    }
}

#[test]
fn a_sweep_has_a_receipt_that_names_its_plan() {
    let world = World::new();
    for _ in 0..5 {
        world.photo("anna");
    }
    world.prediction("anna");
    world.set_policy(|policy| policy.training_photos = RetentionRule::days(30));
    world.go_to(30);
    let plan = world.plan();
    let swept = world.execute(&plan, Budget::default());
    let receipt = receipt_of(&world, swept.operations[0]);
    assert_eq!(receipt.body.kind, ReceiptKind::Plan { plan_hash: plan.hash() });
    verify(&world, &receipt);
}

#[test]
fn a_persons_erasure_has_a_receipt_that_the_photo_can_be_shown_to_be_in() {
    let world = World::new();
    let photo = world.photo("anna");
    let bytes = world.store.image_bytes(world.project, photo).unwrap();
    let (salt, _) = world.store.commitment(world.project, Erased::Image(photo)).unwrap();
    let erased = erase_person(&*world.store, &filter("anna"), Affected::Keep, &|| world.now()).unwrap();
    let receipt = receipt_of(&world, erased.operation.unwrap());
    assert_eq!(receipt.body.kind, ReceiptKind::Erasure);
    verify(&world, &receipt);
    let items = world.store.erased_items(receipt.body.operation).unwrap();
    let item = items.iter().find(|item| item.record.erased == Erased::Image(photo)).unwrap();
    verify_photo(item, &salt, &bytes).unwrap();
    verify_photo(item, &salt, b"another photo").unwrap_err();
}

#[test]
fn an_erasure_of_one_call_has_a_receipt_too() {
    let world = World::new();
    let photo = world.photo("anna");
    let erasure = world.scene.erase(Change::DeleteImages {
        project: world.project,
        images: vec![photo],
        affected: Affected::Keep,
        at: world.now(),
    });
    // Completion is recorded on the way.
    let receipt = receipt_of(&world, erasure.operation.unwrap());
    verify(&world, &receipt);
}

#[test]
fn a_receipt_is_made_once_and_recorded() {
    let world = World::new();
    world.photo("anna");
    let erased = erase_person(&*world.store, &filter("anna"), Affected::Keep, &|| world.now()).unwrap();
    let operation = erased.operation.unwrap();
    let first = receipt_of(&world, operation);
    world.go_to(5);
    assert_eq!(receipt_of(&world, operation), first);
    // One that has been made needs no keys.
    assert_eq!(receipt(&*world.store, None, operation, &|| world.now()).unwrap(), first);
    let digest = Digest::from_bytes(*blake3::hash(&first.to_json().unwrap()).as_bytes());
    let log = ocelli_retention::audit_log(&*world.store, None, world.now()).unwrap();
    let made = AuditAction::ReceiptMade { operation, digest };
    assert_eq!(log.entries.iter().filter(|chained| chained.entry.event.action == made).count(), 1);
    log.verify(None, None).unwrap();
}

#[test]
fn there_is_none_without_keys_or_without_an_erasure() {
    let world = World::new();
    world.photo("anna");
    let erased = erase_person(&*world.store, &filter("anna"), Affected::Keep, &|| world.now()).unwrap();
    let none = receipt(&*world.store, None, erased.operation.unwrap(), &|| world.now());
    assert!(matches!(none, Err(RetentionError::Store(StoreError::NoKeys(_)))));
    for operation in [0, 2, u64::MAX] {
        let none = receipt(&*world.store, Some(&world.keys), operation, &|| world.now());
        assert!(matches!(none, Err(RetentionError::NoOperation(found)) if found == operation), "{none:?}");
    }
}

#[test]
fn another_key_does_not_verify_it() {
    let world = World::new();
    world.photo("anna");
    let erased = erase_person(&*world.store, &filter("anna"), Affected::Keep, &|| world.now()).unwrap();
    let receipt = receipt_of(&world, erased.operation.unwrap());
    let other = ocelli_keys::Keys::from_random([8; 64]).public_key().unwrap();
    assert!(matches!(receipt.verify(&other), Err(ProofError::WrongKey { .. })));
}
