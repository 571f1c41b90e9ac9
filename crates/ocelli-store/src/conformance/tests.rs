//! What iterations answered to photos that they were tested on.

use ocelli_core::{
    Affected, DataClass, Erased, ErasureReason, ErasureRecord, EvaluatedPhoto, ImageId, InvalidValue,
    IterationId, Manifest, TagId,
};

use super::Make;
use super::control::{TEN_DAYS, day};
use super::scene::{Scene, at};
use crate::{Change, ItemOutcome, Missing, StoreError, Trained};

/// A photo to train on and three to test on, and what came of that.
fn tested(make: Make) -> (Scene, TagId, ImageId, [ImageId; 3], Trained) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let trained = scene.image(b"trained", &[oak]);
    let tests = [b"one", b"two", b"six"].map(|bytes| scene.image(bytes, &[oak]));
    let what = Scene::tested_on(Scene::trained_on(1, &[(trained, oak)]), &tests);
    (scene, oak, trained, tests, what)
}

/// The photos of the test, how many are gone from it, and how many from those that were trained on.
fn of(scene: &Scene, iteration: IterationId) -> (Vec<ImageId>, u32, u32) {
    let Manifest { test, test_erased, erased, .. } = scene.manifest(iteration);
    (test.unwrap().photos.iter().map(|photo| photo.photo).collect(), test_erased, erased)
}

/// Bit for bit and in order, also of a photo that is among both, and of none at all.
pub fn a_test_comes_back_beside_what_was_held_out(make: Make) {
    let (scene, oak, photo, [one, two, three], what) = tested(make);
    let iteration = scene.complete_with(what.clone());
    assert_eq!(scene.manifest(iteration), what.manifest);
    assert_eq!(scene.manifest(iteration).evaluation.photos.len(), 1);
    let both = Scene::tested_on(Scene::trained_on(2, &[(photo, oak), (two, oak)]), &[three, two, one]);
    let none = Scene::tested_on(Scene::trained_on(3, &[(photo, oak)]), &[]);
    for what in [both, none, Scene::trained_on(4, &[(photo, oak)])] {
        let iteration = scene.complete_with(what.clone());
        assert_eq!(scene.manifest(iteration), what.manifest);
    }
    let wrong = |test: &mut Vec<EvaluatedPhoto>| test[1].probabilities[0] = f32::NAN;
    let mut what = what;
    what.manifest.test.iter_mut().for_each(|test| wrong(&mut test.photos));
    let refused = scene.refuse(scene.completion_with(scene.begin(None).id, what));
    assert!(matches!(refused, StoreError::Invalid(InvalidValue::Probability { .. })), "{refused}");
}

/// In one change, in steps and again; one that was among both leaves both.
pub fn an_erased_photo_leaves_the_test_and_was_not_trained_on(make: Make) {
    let (scene, oak, photo, [one, two, three], what) = tested(make);
    let iteration = scene.complete_with(what);
    assert_eq!(scene.store.trained_on(scene.project, &[one, two, three]).unwrap(), []);
    assert_eq!(scene.store.trained_on(scene.project, &[one, photo]).unwrap(), [iteration]);
    let erasure = scene.erase(scene.deletion_of_images_with(&[one], Affected::Delete));
    assert!(erasure.iterations.is_empty() && erasure.status.is_complete(), "{erasure:?}");
    assert_eq!(of(&scene, iteration), (vec![two, three], 1, 0));
    let items = [(Erased::Image(two), ErasureReason::Requested)];
    assert_eq!(scene.erase_items(&items), [ItemOutcome::Erased]);
    assert_eq!(of(&scene, iteration), (vec![three], 2, 0));
    let record = ErasureRecord { at: at(9), project_id: scene.project, erased: Erased::Image(three) };
    let again = Change::ReapplyErasures { erasures: vec![record], affected: Affected::Delete };
    assert!(scene.erase(again).iterations.is_empty());
    assert_eq!(of(&scene, iteration), (vec![], 3, 0));

    let both = Scene::tested_on(Scene::trained_on(2, &[(photo, oak)]), &[photo]);
    let second = scene.complete_with(both);
    let erasure = scene.erase(scene.deletion_of_images(&[photo]));
    let told: Vec<IterationId> = erasure.iterations.iter().map(|iteration| iteration.id).collect();
    assert_eq!(told, [iteration, second]);
    assert_eq!((of(&scene, iteration), of(&scene, second)), ((vec![], 3, 1), (vec![], 1, 1)));
}

/// And is counted.
pub fn a_photo_that_goes_before_the_training_ends_leaves_the_test(make: Make) {
    let (scene, _, _, [one, two, three], what) = tested(make);
    let iteration = scene.begin(None).id;
    let _ = scene.erase(scene.deletion_of_images(&[two]));
    scene.apply(scene.completion_with(iteration, what));
    assert_eq!(of(&scene, iteration), (vec![one, three], 1, 0));
}

/// From the due date on, though it has not been erased yet.
pub fn a_due_photo_leaves_the_test(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    scene.set_rule(DataClass::TrainingPhoto, TEN_DAYS);
    scene.go_to(5);
    let photo = |number: i64, bytes: &[u8]| {
        let millis = day(number).as_millis() - at(0).as_millis();
        scene.add(vec![scene.new_image_at(millis, bytes, &[oak])]).remove(0).unwrap().image.id
    };
    let (old, young, photo) = (photo(1, b"old"), photo(5, b"young"), photo(4, b"trained"));
    let what = Scene::tested_on(Scene::trained_on(1, &[(photo, oak)]), &[young, old]);
    let iteration = scene.complete_with(what);
    assert_eq!(of(&scene, iteration), (vec![young, old], 0, 0));
    scene.go_to(11);
    assert_eq!(of(&scene, iteration), (vec![young], 1, 0));
    assert_eq!(scene.erase_due(DataClass::TrainingPhoto, Erased::Image(old)), ItemOutcome::Erased);
    assert_eq!(of(&scene, iteration), (vec![young], 1, 0));
    scene.go_to(14);
    assert_eq!(of(&scene, iteration), (vec![young], 1, 1));
}

/// The test would bring its name back.
pub fn a_test_that_names_an_erased_tag_is_refused(make: Make) {
    let (scene, _, _, [one, ..], _) = tested(make);
    let elm = scene.tag("elm");
    let mut what = Scene::tested_on(Scene::trained_on(1, &[(one, elm)]), &[one]);
    what.manifest.evaluation.tags.clear();
    what.manifest.evaluation.photos.clear();
    let iteration = scene.begin(None).id;
    let _ = scene.erase(scene.deletion_of_tag(elm));
    let refused = scene.refuse(scene.completion_with(iteration, what));
    assert!(matches!(refused, StoreError::NotFound(Missing::Tag(id)) if id == elm), "{refused}");
}
