//! What goes on around a project whose key is missing.

use std::sync::Arc;

use ocelli_core::{
    Affected, DataClass, Erased, ErasureReason, Metadata, MetadataFilter, ProjectId, RetentionPolicy,
    RetentionRule, Timestamp,
};
use ocelli_keys::Keys;
use ocelli_retention::{
    ProofError, RetentionError, SweepOptions, complete, erase_person, find_person, plan, receipt, sweep,
};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{Change, ItemQuery, ManualClock, Store, StoreError, StoreOptions};

use crate::world::{World, encrypting, keys, without_keys};
use crate::{is_locked, plain_beside};

fn on(day: i64) -> Timestamp {
    at(0).plus_days(day)
}

/// Without keys, on the beginning of a day.
fn locked_on(day: i64) -> StoreOptions {
    StoreOptions { clock: Arc::new(ManualClock::new(on(day))), ..StoreOptions::default() }
}

fn keeping_photos(project: ProjectId, days: i64) -> Change {
    let policy = RetentionPolicy { training_photos: RetentionRule::days(days), ..RetentionPolicy::default() };
    Change::SetRetention { project, policy, at: at(60) }
}

/// It answers nothing, so that nothing published stands in the way.
#[test]
fn a_locked_project_is_deleted_and_restored_with_its_key() {
    for options in [without_keys(), keys(2)] {
        let world = World::new(encrypting()).reopened(options, |_| ());
        let (scene, project) = (&world.scene, world.scene.project);
        assert_eq!(scene.store.locked().unwrap(), [project]);
        scene.apply(Change::DeleteProject { project, at: at(70) });
        let deleted = scene.store.items(&ItemQuery::new(DataClass::DeletedProject, None, 10)).unwrap();
        let deleted: Vec<_> = deleted.into_iter().map(|item| (item.item, item.event)).collect();
        assert_eq!(deleted, [(Erased::Project(project), at(70))]);
        assert!(is_locked(&scene.refuse(Change::RestoreProject { project, at: at(71) }), project));

        let world = world.reopened(keys(1), |_| ());
        assert!(world.scene.store.locked().unwrap().is_empty());
        assert!(matches!(world.scene.store.project(project), Err(StoreError::NotFound(_))));
        world.scene.apply(Change::RestoreProject { project, at: at(72) });
        for (question, answer) in world.ask_all() {
            answer.unwrap_or_else(|error| panic!("{question}: {error}"));
        }
    }
}

#[test]
fn an_account_with_a_locked_project_is_closed_and_reopened() {
    let world = World::new(encrypting()).reopened(without_keys(), |_| ());
    world.scene.apply(Change::CloseAccount { at: at(70) });
    assert!(matches!(world.scene.store.project(world.scene.project), Err(StoreError::NotFound(_))));
    world.scene.apply(Change::ReopenAccount { at: at(71) });
    let error = world.scene.store.project(world.scene.project).unwrap_err();
    assert!(is_locked(&error, world.scene.project), "{error}");
}

/// In use or deleted: an answer that left it out in silence would read as if nothing were there.
#[test]
fn plans_sweeps_and_requests_name_locked_projects() {
    for deleted in [false, true] {
        let world = World::new(encrypting());
        world.scene.apply(keeping_photos(world.scene.project, 10));
        let world = world.reopened(locked_on(20), |_| ());
        let (store, project): (&dyn Store, _) = (&*world.scene.store, world.scene.project);
        if deleted {
            world.scene.apply(Change::DeleteProject { project, at: on(19) });
        }
        let beside = plain_beside(&world);
        let add = |days: i64, person: &str| {
            let mut new = beside.new_image_at(days * 86_400_000, person.as_bytes(), &[]);
            new.image.metadata = Metadata::new([("person".to_owned(), person.to_owned())].into()).unwrap();
            beside.add(vec![new]).remove(0).unwrap().image.id
        };
        let (due, ann) = (add(1, "bob"), add(15, "ann"));
        beside.apply(keeping_photos(beside.project, 10));

        let ann_only = MetadataFilter::eq("person", "ann").unwrap();
        let found = find_person(store, &ann_only).unwrap();
        assert_eq!(found.items.iter().map(|item| item.item).collect::<Vec<_>>(), [Erased::Image(ann)]);
        assert_eq!(found.locked, [project]);
        let planned = plan(store, on(20), 100).unwrap();
        assert_eq!(planned.items().iter().map(|it| it.item).collect::<Vec<_>>(), [Erased::Image(due)]);
        assert_eq!(planned.locked(), [project]);
        let swept = sweep(store, None, on(20), &SweepOptions::default(), &|| on(20)).unwrap();
        assert_eq!((swept.erased, swept.locked), (1, vec![project]));
        let erased = erase_person(store, &ann_only, Affected::Keep, &|| on(20)).unwrap();
        assert_eq!(
            (erased.erased, erased.locked),
            (vec![(beside.project, Erased::Image(ann))], vec![project])
        );
        let operation = erased.operation.unwrap();
        receipt(store, Some(&Keys::from_random([1; 64])), operation, &|| on(20)).unwrap();
        // What one asks for by its id is told, too.
        let item = (Erased::Image(world.images[0]), ErasureReason::Requested);
        assert_eq!(world.scene.erase_items(&[item]), [ocelli_store::ItemOutcome::Locked]);
    }
}

/// With the key they are rewritten, and only then is their own erasure complete.
#[test]
fn tags_erased_in_a_locked_project_wait_and_keep_nobody_else_waiting() {
    let world = World::new(encrypting());
    let (project, tag) = (world.scene.project, world.tag);
    let waiting = world.scene.erase(world.scene.deletion_of_tag(tag)).operation.unwrap();
    // As if the process had been killed before the results were rewritten.
    let sql = format!("INSERT INTO removed_tags (project, tag, behind) VALUES ('{project}', '{tag}', '')");
    let world = world.tampered(without_keys(), &[&sql]);
    let store: &dyn Store = &*world.scene.store;
    let beside = plain_beside(&world);
    let image = beside.image(b"a plain photo", &[]);
    let erasure = beside.erase(beside.deletion_of_images(&[image]));
    assert!(erasure.status.is_complete());
    let keys_of_receipts = Keys::from_random([1; 64]);
    let proof = |operation| receipt(store, Some(&keys_of_receipts), operation, &|| at(300));
    proof(erasure.operation.unwrap()).unwrap();
    let pending = proof(waiting).unwrap_err();
    assert!(matches!(pending, RetentionError::Proof(ProofError::Pending { .. })), "{pending}");
    let incomplete = store.incomplete_operations().unwrap();
    assert_eq!(incomplete.iter().map(|it| it.number).collect::<Vec<_>>(), [waiting]);

    let world = world.reopened(keys(1), |_| ());
    let store: &dyn Store = &*world.scene.store;
    assert!(complete(store, &|| at(301)).unwrap().is_complete());
    receipt(store, Some(&keys_of_receipts), waiting, &|| at(302)).unwrap();
    assert!(store.incomplete_operations().unwrap().is_empty());
}

/// A hold by metadata may keep all of it; nobody can look.
#[test]
fn a_locked_project_that_a_hold_may_keep_something_of_stays() {
    let world = World::new(encrypting()).reopened(without_keys(), |_| ());
    let scene: &Scene = &world.scene;
    let erasing = || Change::EraseProject { project: scene.project, at: at(80) };
    let target = ocelli_core::HoldTarget::Metadata {
        project_id: None,
        filter: MetadataFilter::eq("person", "ann").unwrap(),
    };
    let hold = scene.hold(target);
    match scene.refuse(erasing()) {
        StoreError::Held { item, holds, .. } => {
            assert_eq!((item, holds), (Erased::Project(scene.project), vec![hold]));
        }
        other => panic!("{other}"),
    }
    scene.release(hold);
    assert!(scene.erase(erasing()).status.is_complete());
    assert!(scene.store.locked().unwrap().is_empty());
}
