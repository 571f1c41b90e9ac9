//! What plans, holds and requests about a person are told: all that there is, due or not.

use ocelli_core::{
    DataClass, Erased, ErasureReason, HoldTarget, ImageId, Metadata, MetadataFilter, PredictionId, Timestamp,
};

use super::Make;
use super::control::{CLASSES, TEN_DAYS, about, day, on, who};
use super::scene::{Scene, at};
use crate::{Change, FeatureKey, Item, ItemQuery, Missing, StoreError, UsedPrediction};

fn ask(scene: &Scene, query: &ItemQuery) -> Vec<(Timestamp, Erased)> {
    scene.store.items(query).unwrap().into_iter().map(|item| (item.event, item.item)).collect()
}

fn all(scene: &Scene, class: DataClass) -> ItemQuery {
    ItemQuery::new(class, Some(scene.project), 100)
}

fn is_missing<T: std::fmt::Debug>(answer: Result<T, StoreError>, missing: &Missing) {
    match answer {
        Err(StoreError::NotFound(found)) if found == *missing => {}
        other => panic!("{missing:?}: {other:?}"),
    }
}

/// What it is, since when, how many bytes, and on request what is known of it.
pub fn items_tell_what_there_is(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(3, "ann");
    let size = |class| match class {
        DataClass::TrainingPhoto => b"photo 3 ann".len() as u64,
        DataClass::PredictionPhoto => b"kept 3 ann".len() as u64,
        DataClass::Export => b"model".len() as u64,
        _ => 0,
    };
    for class in CLASSES {
        let (project_id, item) = (scene.project, one.item(class));
        let plain =
            Item { project_id, item, event: day(3), bytes: size(class), metadata: None, commitment: None };
        assert_eq!(
            scene.store.items(&all(&scene, class)).unwrap(),
            std::slice::from_ref(&plain),
            "{class:?}"
        );
        let query = ItemQuery { with_metadata: true, ..all(&scene, class) };
        let told = scene.store.items(&query).unwrap().remove(0);
        let known = match class {
            // Of features, that of their photo.
            DataClass::TrainingPhoto
            | DataClass::PredictionPhoto
            | DataClass::PredictionResult
            | DataClass::Features => Some(about("ann")),
            _ => None,
        };
        let commitment = scene.store.commitment(project_id, item).ok().map(|(_, commitment)| commitment);
        let has_bytes = matches!(class, DataClass::TrainingPhoto | DataClass::PredictionPhoto);
        assert_eq!(commitment.is_some(), has_bytes);
        assert_eq!(told, Item { metadata: known, commitment, ..plain }, "{class:?}");
    }
}

/// By event, then by id, each page going on where the one before ended; up to a moment if that is asked.
pub fn items_are_paged_in_order(make: Make) {
    let scene = Scene::new(make);
    let people = ["ann", "bob", "cid", "dan", "eve", "fay", "gil"];
    let ones = [5, 1, 9, 1, 5, 1, 0].into_iter().zip(people);
    let ones: Vec<_> = ones.map(|(number, person)| (number, scene.one(number, person))).collect();
    for class in CLASSES {
        let mut expected: Vec<_> = ones.iter().map(|(number, one)| (day(*number), one.item(class))).collect();
        expected.sort_unstable();
        for take in [1, 2, 3, 7, 100] {
            let (mut found, mut query) = (Vec::new(), ItemQuery { take, ..all(&scene, class) });
            loop {
                let page = ask(&scene, &query);
                assert!(page.len() <= take);
                let Some(last) = page.last() else { break };
                query.after = Some(*last);
                found.extend(page);
            }
            assert_eq!(found, expected, "{class:?} in pages of {take}");
        }
        let through = ItemQuery { through: Some(day(1)), ..all(&scene, class) };
        assert_eq!(ask(&scene, &through), expected[..4], "{class:?}");
        let later = ItemQuery { through: Some(day(5)), after: Some(expected[3]), ..all(&scene, class) };
        assert_eq!(ask(&scene, &later), expected[4..6], "{class:?}");
        let before = ItemQuery { through: Some(on(0, -1)), ..all(&scene, class) };
        assert_eq!(ask(&scene, &before), [], "{class:?}");
        assert_eq!(ask(&scene, &ItemQuery { take: 0, ..all(&scene, class) }), [], "{class:?}");
    }
}

/// Due ones, held ones and those of a deleted project or a closed account are there; those of another project are not.
pub fn items_are_there_due_or_not(make: Make) {
    for class in CLASSES {
        let mut scene = Scene::new(make);
        let one = scene.one(0, "ann");
        let own = scene.project;
        scene.project = scene.new_project();
        scene.apply(scene.creation(scene.project, 1));
        scene.one(0, "bob");
        scene.project = own;
        scene.set_rule(class, TEN_DAYS);
        scene.go_to(10);
        assert!(!scene.sees(&one, class), "{class:?}");
        let item = [(day(0), one.item(class))];
        assert_eq!(ask(&scene, &all(&scene, class)), item, "{class:?}");
        scene.hold(HoldTarget::Project { project_id: own });
        scene.apply(scene.deletion());
        assert_eq!(ask(&scene, &all(&scene, class)), item, "{class:?}");
        scene.go_to(1000);
        scene.apply(Change::CloseAccount { at: day(1000) });
        assert_eq!(ask(&scene, &all(&scene, class)), item, "{class:?}");
    }
}

/// One that is not there is no item.
pub fn a_single_item_is_asked_for(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    for class in CLASSES {
        let only = |item| ask(&scene, &ItemQuery { item: Some(item), ..all(&scene, class) });
        assert_eq!(only(one.item(class)), [(day(0), one.item(class))], "{class:?}");
        assert_eq!(only(other.item(class)), [(day(1), other.item(class))], "{class:?}");
        let wrong = CLASSES.into_iter().find(|wrong| *wrong != class).unwrap();
        assert_eq!(only(one.item(wrong)), [], "{class:?}");
    }
    let unknown = Erased::Image(ImageId::new(at(0), [9; 10]));
    let query = ItemQuery { item: Some(unknown), ..all(&scene, DataClass::TrainingPhoto) };
    assert_eq!(ask(&scene, &query), []);
}

/// Photos and kept predictions, and nothing else has any.
pub fn items_are_selected_by_their_metadata(make: Make) {
    let scene = Scene::new(make);
    let (ann, bob) = (scene.one(0, "ann"), scene.one(1, "bob"));
    let bare = (scene.image(b"bare", &[]), scene.keep(&scene.answer(0, &[(ann.tag, 0.5)]), b"kept"));
    let select = |class, filter: &MetadataFilter| {
        let metadata = Some(filter.clone());
        ask(&scene, &ItemQuery { metadata, ..all(&scene, class) })
    };
    let either: MetadataFilter = "person eq 'ann' or person eq 'bob'".parse().unwrap();
    let nobody: MetadataFilter = "person eq 'eve' and person eq 'ann'".parse().unwrap();
    let not_bob = MetadataFilter::ne("person", "bob").unwrap();
    for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::PredictionResult] {
        let of_bare = match class {
            DataClass::TrainingPhoto => Erased::Image(bare.0),
            DataClass::PredictionPhoto => Erased::PredictionPhoto(bare.1),
            _ => Erased::PredictionResult(bare.1),
        };
        let [one, two] = [(day(0), ann.item(class)), (day(1), bob.item(class))];
        assert_eq!(select(class, &who("ann")), [one], "{class:?}");
        assert_eq!(select(class, &either), [one, two], "{class:?}");
        assert_eq!(select(class, &nobody), [], "{class:?}");
        let mut expected = [one, (at(0), of_bare)];
        expected.sort_unstable();
        assert_eq!(select(class, &not_bob), expected, "{class:?}");
        let query =
            ItemQuery { metadata: Some(either.clone()), take: 1, after: Some(one), ..all(&scene, class) };
        assert_eq!(ask(&scene, &query), [two], "{class:?}: the page is of those selected");
    }
    for class in [DataClass::Features, DataClass::Iteration, DataClass::Export] {
        assert_eq!(select(class, &not_bob), [], "{class:?}");
    }
    scene.apply(scene.setting_metadata(bare.0, about("ann")));
    let _ = scene.erase(scene.setting_metadata(ann.image, Metadata::default()));
    assert_eq!(select(DataClass::TrainingPhoto, &who("ann")), [(at(0), Erased::Image(bare.0))]);
}

/// One for each moment at which some were computed.
pub fn features_are_items_by_the_moment(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[]);
    let cache = |base: &str, number| {
        scene.go_to(number);
        let features = vec![(image, vec![1.0])];
        scene.apply(Change::CacheFeatures { project: scene.project, key: FeatureKey::f32(base), features });
    };
    let item = Erased::Features(image);
    let listed = || ask(&scene, &all(&scene, DataClass::Features));
    cache("one", 1);
    cache("two", 1);
    cache("three", 2);
    assert_eq!(listed(), [(day(1), item), (day(2), item)]);
    cache("one", 3);
    assert_eq!(listed(), [(day(1), item), (day(2), item), (day(3), item)]);
    cache("two", 3);
    assert_eq!(listed(), [(day(2), item), (day(3), item)], "they are computed anew");
}

/// Those that were deleted by when they were; all of a closed account by when it was.
pub fn projects_are_items_once_they_are_deleted(make: Make) {
    let mut scene = Scene::new(make);
    let first = scene.project;
    let mut projects = vec![first];
    for millis in 1..4 {
        scene.project = scene.new_project();
        scene.apply(scene.creation(scene.project, millis));
        projects.push(scene.project);
    }
    let whole = |class| ItemQuery::new(class, None, 100);
    assert_eq!(ask(&scene, &whole(DataClass::DeletedProject)), []);
    assert_eq!(ask(&scene, &whole(DataClass::ClosedAccount)), []);
    for (project, number) in [(projects[2], 5), (first, 7)] {
        scene.apply(Change::DeleteProject { project, at: day(number) });
    }
    let deleted = [(day(5), Erased::Project(projects[2])), (day(7), Erased::Project(first))];
    assert_eq!(ask(&scene, &whole(DataClass::DeletedProject)), deleted);
    let one = ItemQuery { project_id: Some(first), ..whole(DataClass::DeletedProject) };
    assert_eq!(ask(&scene, &one), deleted[1..]);
    let through = ItemQuery { through: Some(day(5)), ..whole(DataClass::DeletedProject) };
    assert_eq!(ask(&scene, &through), deleted[..1]);
    let page = ItemQuery { take: 1, after: Some(deleted[0]), ..whole(DataClass::DeletedProject) };
    assert_eq!(ask(&scene, &page), deleted[1..]);
    let item = ItemQuery { item: Some(deleted[0].1), ..whole(DataClass::DeletedProject) };
    assert_eq!(ask(&scene, &item), deleted[..1]);

    scene.apply(Change::CloseAccount { at: day(9) });
    let mut closed: Vec<_> = projects.iter().map(|project| (day(9), Erased::Project(*project))).collect();
    closed.sort_unstable();
    assert_eq!(ask(&scene, &whole(DataClass::ClosedAccount)), closed);
    assert_eq!(ask(&scene, &whole(DataClass::DeletedProject)), deleted);
}

/// An unknown project, and a class whose items are no project's, are.
pub fn questions_about_nothing_are_refused(make: Make) {
    let scene = Scene::new(make);
    let nowhere = scene.new_project();
    for class in CLASSES {
        is_missing(scene.store.items(&ItemQuery::new(class, Some(nowhere), 1)), &Missing::Project(nowhere));
        let refused = scene.store.items(&ItemQuery::new(class, None, 1));
        assert!(matches!(refused, Err(StoreError::Unsupported(_))), "{class:?}");
    }
}

/// To the bytes with the salt that came with them; a prediction's goes on with its photo.
pub fn a_commitment_is_to_the_photo(make: Make) {
    let scene = Scene::new(make);
    let (store, project) = (&scene.store, scene.project);
    let new = scene.new_image(b"photo", &[]);
    let (salt, image) = (new.salt, Erased::Image(new.image.id));
    scene.add(vec![new]).remove(0).unwrap();
    let expected = (salt, ocelli_keys::commit(&salt, b"photo"));
    assert_eq!(store.commitment(project, image).unwrap(), expected);
    let other = scene.new_image(b"photo", &[]);
    assert_ne!(other.salt, salt);
    assert!(scene.add(vec![other]).remove(0).unwrap().duplicate);
    assert_eq!(store.commitment(project, image).unwrap(), expected, "the first one's salt stays");

    let kept = scene.answer(0, &[]);
    let id = kept.prediction.id;
    let change = scene.keeping_prediction(&kept, b"kept");
    let Change::KeepPrediction { salt, .. } = &change else { panic!("{change:?}") };
    let expected = (*salt, ocelli_keys::commit(salt, b"kept"));
    scene.apply(change);
    for item in [Erased::Prediction(id), Erased::PredictionPhoto(id)] {
        assert_eq!(store.commitment(project, item).unwrap(), expected);
    }
    let image = ImageId::new(at(5), [5; 10]);
    let used = UsedPrediction { prediction: id, image, tags: Vec::new(), regions: Vec::new() };
    scene.apply(Change::UsePredictions { project, predictions: vec![used], at: at(50) });
    assert_eq!(store.commitment(project, Erased::Image(image)).unwrap(), expected);
    is_missing(store.commitment(project, Erased::Prediction(id)), &Missing::Prediction(id));
    let nobody = ImageId::new(at(0), [9; 10]);
    is_missing(store.commitment(project, Erased::Image(nobody)), &Missing::Image(nobody));
    let nobody = PredictionId::new(at(0), [9; 10]);
    is_missing(store.commitment(project, Erased::Prediction(nobody)), &Missing::Prediction(nobody));
    assert!(store.commitment(project, Erased::Project(project)).is_err());
}

/// Evaluated with it or calibrated with it, by id; not those that left it out.
pub fn iterations_that_were_trained_on_photos_are_found(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let [one, two, seen, left_out] = [b"a", b"b", b"c", b"d"].map(|bytes| scene.image(bytes, &[oak]));
    let on_one = scene.complete_on(1, &[(one, oak)]);
    let mut trained = Scene::trained_on(2, &[(one, oak), (two, oak)]);
    trained.looked_at = vec![seen];
    trained.manifest.left_out = vec![(left_out, ocelli_core::LeftOut::SeveralTags)];
    let on_more = scene.complete_with(trained);
    scene.begin(None);
    let mut both = vec![on_one, on_more];
    both.sort_unstable();
    let nobody = ImageId::new(at(0), [9; 10]);
    let ask = |images: &[ImageId]| scene.store.trained_on(scene.project, images).unwrap();
    assert_eq!(ask(&[one]), both);
    assert_eq!(ask(&[two, nobody, two]), [on_more]);
    assert_eq!(ask(&[seen]), [on_more]);
    assert_eq!(ask(&[two, one]), both);
    assert_eq!(ask(&[left_out]), []);
    assert_eq!(ask(&[nobody]), []);
    assert_eq!(ask(&[]), []);
    let _ = scene.erase(scene.deletion_of_iteration(on_one));
    assert_eq!(ask(&[one]), [on_more]);
    let reason = ErasureReason::Requested;
    scene.erase_items(&[(Erased::Image(one), reason)]);
    assert_eq!(ask(&[one]), [], "it is counted there, and its id is known no more");
}
