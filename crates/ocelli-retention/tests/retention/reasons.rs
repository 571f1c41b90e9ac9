use ocelli_core::{DataClass, Erased, HoldTarget, RetentionRule};
use ocelli_retention::{Budget, why};
use ocelli_store::{Change, StoreError};

use crate::world::{World, day};

#[test]
fn a_photo_is_here_by_its_classs_rule() {
    let world = World::new();
    world.go_to(3);
    let photo = Erased::Image(world.photo("anna"));
    let reason = why(&*world.store, world.project, photo).unwrap();
    assert_eq!((reason.due(), reason.is_held()), (None, false));
    assert_eq!(reason.rules[0].rule, RetentionRule::Forever);
    world.set_policy(|policy| policy.training_photos = RetentionRule::days(10));
    let reason = why(&*world.store, world.project, photo).unwrap();
    assert_eq!((reason.rules[0].class, reason.rules[0].event), (DataClass::TrainingPhoto, day(3)));
    assert_eq!(reason.due(), Some(day(13)));
}

#[test]
fn what_is_due_and_not_swept_is_here_and_says_since_when_it_should_not_be() {
    let world = World::new();
    let photo = Erased::Image(world.photo("anna"));
    world.set_policy(|policy| policy.training_photos = RetentionRule::days(10));
    world.go_to(20);
    assert_eq!(why(&*world.store, world.project, photo).unwrap().due(), Some(day(10)));
    assert_eq!(world.sweep(Budget::default()).erased, 1);
    let gone = why(&*world.store, world.project, photo);
    assert!(matches!(gone, Err(StoreError::NotFound(_))), "{gone:?}");
}

#[test]
fn holds_are_told() {
    let world = World::new();
    let (photo, prediction) = (world.photo("anna"), world.prediction("anna"));
    let by_id = world.hold_photo(photo);
    let by_metadata = world.hold_person("anna");
    let whole = world.hold(HoldTarget::Project { project_id: world.project });
    let holds = |item| why(&*world.store, world.project, item).unwrap().holds;
    assert_eq!(holds(Erased::Image(photo)), [by_id, by_metadata, whole]);
    assert_eq!(holds(Erased::Prediction(prediction)), [by_metadata, whole]);
    assert_eq!(holds(Erased::Project(world.project)), [by_id, by_metadata, whole]);
}

#[test]
fn both_parts_of_a_prediction_are_told() {
    let world = World::new();
    let id = world.prediction("anna");
    world.set_policy(|policy| policy.prediction_photos = RetentionRule::days(2));
    let reason = why(&*world.store, world.project, Erased::Prediction(id)).unwrap();
    let told: Vec<_> = reason.rules.iter().map(|ticking| (ticking.class, ticking.due)).collect();
    assert_eq!(
        told,
        [(DataClass::PredictionPhoto, Some(day(2))), (DataClass::PredictionResult, Some(day(30)))]
    );
    assert_eq!(reason.due(), Some(day(2)));
}

#[test]
fn a_deleted_projects_clock_ticks_on_all_in_it() {
    let world = World::new();
    let photo = world.photo("anna");
    world.scene.apply(Change::DeleteProject { project: world.project, at: day(1) });
    let reason = why(&*world.store, world.project, Erased::Image(photo)).unwrap();
    assert_eq!(reason.due(), Some(day(31)));
    let reason = why(&*world.store, world.project, Erased::Project(world.project)).unwrap();
    assert_eq!(reason.due(), Some(day(31)));
    assert_eq!(reason.rules[0].class, DataClass::DeletedProject);
}

#[test]
fn no_rule_is_for_a_tag() {
    let world = World::new();
    let tag = world.scene.tag("oak");
    let refused = why(&*world.store, world.project, Erased::Tag(tag));
    assert!(matches!(refused, Err(StoreError::Unsupported(_))), "{refused:?}");
}
