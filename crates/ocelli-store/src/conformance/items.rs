//! What there is, due or not: for plans, holds and requests about a person.

use ocelli_core::{DataClass, Erased, MetadataFilter, ProjectId, RetentionRule};

use super::Make;
use super::control::{CLASSES, about, day, on, who};
use super::scene::{Scene, at};
use crate::{Change, FeatureKey, Item, ItemQuery, Missing, StoreError};

fn ask(scene: &Scene, query: &ItemQuery) -> Vec<Item> {
    scene.store.items(query).unwrap()
}

fn of(scene: &Scene, class: DataClass) -> ItemQuery {
    ItemQuery::new(class, Some(scene.project), 1000)
}

fn ids(items: &[Item]) -> Vec<Erased> {
    items.iter().map(|item| item.item).collect()
}

/// Each class has its kind of item, with the event that its time counts from.
pub fn each_class_lists_its_own(make: Make) {
    let scene = Scene::new(make);
    let (later, earlier) = (scene.one(2, "ann"), scene.one(1, "bob"));
    for class in CLASSES {
        let items = ask(&scene, &of(&scene, class));
        let expected = [(earlier.item(class), day(1)), (later.item(class), day(2))];
        let found: Vec<_> = items.iter().map(|item| (item.item, item.event)).collect();
        assert_eq!(found, expected, "{class:?}");
        assert!(items.iter().all(|item| item.project_id == scene.project));
    }
    assert_eq!(ask(&scene, &of(&scene, DataClass::AuditEntry)), []);
}

/// Whatever is due.
pub fn what_is_due_is_listed(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(1, "ann");
    for class in CLASSES {
        scene.set_rule(class, RetentionRule::days(1));
        scene.go_to(3);
        assert!(!scene.sees(&one, class), "{class:?}");
        assert_eq!(ids(&ask(&scene, &of(&scene, class))), [one.item(class)], "{class:?}");
    }
}

/// By event and id, in pages that go on where the one before ended, up to a moment.
pub fn items_are_paged_by_event_and_id(make: Make) {
    let scene = Scene::new(make);
    for millis in [3, 1, 2, 2, 1, 2, 2] {
        let id = scene.random();
        let new = scene.new_image_at(millis, &id, &[]);
        let image = new.image.id;
        scene.add(vec![new]).remove(0).unwrap();
        scene.keep(&scene.answer(millis, &[(scene.tag(&format!("{image}")), 0.5)]), &id);
        let iteration = scene.begin_at(millis);
        scene.apply(scene.completion(iteration, 1));
        let mut export = scene.new_export(iteration);
        export.created = at(millis);
        scene.apply(scene.keeping(&export, &[("file", b"bytes")]));
        scene.set_clock(at(millis));
        scene.apply(scene.caching(image));
    }
    for class in CLASSES {
        let all = ask(&scene, &of(&scene, class));
        let places: Vec<_> = all.iter().map(|item| (item.event, item.item)).collect();
        assert_eq!(places.len(), 7, "{class:?}");
        assert!(places.is_sorted(), "{class:?}");
        for take in [1, 2, 3, 7] {
            let mut query = ItemQuery { take, ..of(&scene, class) };
            let mut found = Vec::new();
            loop {
                let page = ask(&scene, &query);
                assert!(page.len() <= take);
                let Some(last) = page.last() else { break };
                query.after = Some((last.event, last.item));
                found.extend(page);
            }
            assert_eq!(found, all, "{class:?}, {take} at a time");
        }
        let through = ItemQuery { through: Some(at(2)), ..of(&scene, class) };
        assert_eq!(ask(&scene, &through), all[..6], "{class:?}");
        assert_eq!(ask(&scene, &ItemQuery { through: Some(at(0)), ..through }), [], "{class:?}");
        let only = ItemQuery { item: Some(all[4].item), ..of(&scene, class) };
        assert_eq!(ask(&scene, &only), all[4..5], "{class:?}");
    }
}

/// The bytes of photos and exports, and what costs reading where that is asked for.
pub fn items_tell_bytes_metadata_and_commitments(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(1, "ann");
    let bytes: [(DataClass, u64); 6] = [
        (DataClass::TrainingPhoto, b"photo 1 ann".len() as u64),
        (DataClass::PredictionPhoto, b"kept 1 ann".len() as u64),
        (DataClass::PredictionResult, 0),
        (DataClass::Features, 0),
        (DataClass::Iteration, 0),
        (DataClass::Export, b"model".len() as u64),
    ];
    for (class, bytes) in bytes {
        let plain = ask(&scene, &of(&scene, class)).remove(0);
        assert_eq!((plain.bytes, &plain.metadata, plain.commitment), (bytes, &None, None), "{class:?}");
        let full = ask(&scene, &ItemQuery { with_metadata: true, ..of(&scene, class) }).remove(0);
        let told = match class {
            DataClass::TrainingPhoto | DataClass::PredictionPhoto | DataClass::PredictionResult => {
                Some(about("ann"))
            }
            _ => None,
        };
        assert_eq!(full.metadata, told, "{class:?}");
        let committed = scene.store.commitment(scene.project, one.item(class)).ok();
        let committed = committed.filter(|_| class != DataClass::PredictionResult);
        assert_eq!(full.commitment, committed.map(|(_, commitment)| commitment), "{class:?}");
    }
}

/// Photos and kept predictions; nothing else has any.
pub fn items_are_selected_by_metadata(make: Make) {
    let scene = Scene::new(make);
    let (ann, bob) = (scene.one(1, "ann"), scene.one(2, "bob"));
    let nobody = MetadataFilter::eq("person", "eve").unwrap();
    for class in CLASSES {
        let select = |metadata| {
            ids(&ask(&scene, &ItemQuery { metadata: Some(metadata), take: 1, ..of(&scene, class) }))
        };
        let has_metadata = matches!(
            class,
            DataClass::TrainingPhoto | DataClass::PredictionPhoto | DataClass::PredictionResult
        );
        for (person, one) in [("ann", &ann), ("bob", &bob)] {
            let expected = if has_metadata { vec![one.item(class)] } else { Vec::new() };
            assert_eq!(select(who(person)), expected, "{class:?} {person}");
        }
        assert_eq!(select(nobody.clone()), [], "{class:?}");
    }
}

/// For computing some of them again does not make the others younger.
pub fn features_are_an_item_for_each_moment(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[]);
    let cache = |base: &str, millis: i64| {
        scene.set_clock(on(1, millis));
        let features = vec![(image, vec![1.0])];
        scene.apply(Change::CacheFeatures { project: scene.project, key: FeatureKey::f32(base), features });
    };
    let events = || -> Vec<_> {
        ask(&scene, &of(&scene, DataClass::Features)).iter().map(|item| item.event).collect()
    };
    cache("one", 1);
    cache("two", 1);
    cache("three", 2);
    assert_eq!(events(), [on(1, 1), on(1, 2)]);
    cache("one", 3);
    assert_eq!(events(), [on(1, 1), on(1, 2), on(1, 3)]);
    cache("two", 3);
    assert_eq!(events(), [on(1, 2), on(1, 3)]);
}

/// Whose items are there as long as they are.
pub fn deleted_projects_and_those_of_a_closed_account_are_listed(make: Make) {
    let scene = Scene::new(make);
    let other = scene.new_project();
    scene.apply(scene.creation(other, 0));
    let image = scene.image(b"a", &[]);
    let whole = |class, project_id: Option<ProjectId>| {
        let items = ask(&scene, &ItemQuery::new(class, project_id, 10));
        items.iter().map(|item| (item.project_id, item.item, item.event)).collect::<Vec<_>>()
    };
    let (deleted, closed) = (DataClass::DeletedProject, DataClass::ClosedAccount);
    assert_eq!((whole(deleted, None), whole(closed, None)), (vec![], vec![]));
    scene.apply(scene.deletion());
    let project = Erased::Project(scene.project);
    assert_eq!(whole(deleted, None), [(scene.project, project, at(40))]);
    assert_eq!(whole(deleted, Some(other)), []);
    scene.apply(Change::CloseAccount { at: at(50) });
    let both = [scene.project, other].map(|id| (id, Erased::Project(id), at(50)));
    assert_eq!(whole(closed, None), both);
    assert_eq!(whole(closed, Some(other)), both[1..]);
    assert_eq!(whole(deleted, None).len(), 1);
    let photos = ask(&scene, &of(&scene, DataClass::TrainingPhoto));
    assert_eq!(ids(&photos), [Erased::Image(image)]);
}

/// Only whole projects are listed without one.
pub fn items_are_of_a_project_that_is_there(make: Make) {
    let scene = Scene::new(make);
    let nobody = scene.new_project();
    for class in CLASSES {
        let refused = scene.store.items(&ItemQuery::new(class, None, 1));
        assert!(matches!(refused, Err(StoreError::Unsupported(_))), "{class:?}");
        let refused = scene.store.items(&ItemQuery::new(class, Some(nobody), 1));
        assert!(
            matches!(refused, Err(StoreError::NotFound(Missing::Project(id))) if id == nobody),
            "{class:?}"
        );
    }
}
