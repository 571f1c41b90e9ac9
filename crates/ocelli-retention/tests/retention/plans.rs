use ocelli_core::{Affected, DataClass, Erased, HoldTarget, RetentionRule};
use ocelli_retention::{DueCount, Plan};
use ocelli_store::Change;

use crate::world::{World, about, add, day, new_photo};

/// Photos of three days and a prediction of the first, on day 40 of a project that keeps photos 38 days.
fn due() -> World {
    let world = World::new();
    world.prediction("anna");
    for number in 0..3 {
        world.go_to(number);
        world.photo("anna");
    }
    world.set_policy(|policy| policy.training_photos = RetentionRule::days(38));
    world.go_to(40);
    world
}

#[test]
fn a_plan_says_what_is_due_since_when_and_how_much_it_is() {
    let plan = due().plan();
    let photos: Vec<_> = plan.items().iter().filter(|item| item.class == DataClass::TrainingPhoto).collect();
    assert_eq!(photos.len(), 3, "that of day 2 is due on day 40, at its beginning");
    assert_eq!((photos[1].event, photos[1].due), (day(1), day(39)));
    let predictions: Vec<_> =
        plan.items().iter().filter(|item| matches!(item.item, Erased::Prediction(_))).collect();
    assert_eq!(predictions.len(), 1, "both its parts are due, and it goes as one");
    assert_eq!(predictions[0].due, day(30));
    let size = 36;
    assert_eq!(
        plan.counts().into_iter().collect::<Vec<_>>(),
        [
            (DataClass::TrainingPhoto, DueCount { items: 3, bytes: 3 * size }),
            (DataClass::PredictionPhoto, DueCount { items: 1, bytes: size }),
        ]
    );
    assert_eq!(plan.bytes(), 4 * size);
    assert_eq!((plan.held(), plan.has_more()), (0, false));
}

#[test]
fn only_one_part_of_a_kept_prediction_may_be_due() {
    let world = World::new();
    let id = world.prediction("anna");
    world.set_policy(|policy| policy.prediction_photos = RetentionRule::days(1));
    world.go_to(2);
    let items: Vec<_> = world.plan().items().iter().map(|item| (item.item, item.class)).collect();
    assert_eq!(items, [(Erased::PredictionPhoto(id), DataClass::PredictionPhoto)]);

    let world = World::new();
    let id = world.prediction("anna");
    world.set_policy(|policy| policy.prediction_results = RetentionRule::days(1));
    world.go_to(2);
    let items: Vec<_> = world.plan().items().iter().map(|item| (item.item, item.class)).collect();
    assert_eq!(items, [(Erased::PredictionResult(id), DataClass::PredictionResult)]);
}

#[test]
fn a_plan_of_a_few_items_is_the_beginning_of_the_whole() {
    let world = due();
    let whole = world.plan();
    for at_most in 0..=whole.items().len() {
        let plan = ocelli_retention::plan(&*world.store, world.now(), at_most).unwrap();
        assert_eq!(plan.items(), &whole.items()[..at_most]);
        assert_eq!(plan.has_more(), at_most < whole.items().len(), "at most {at_most}");
    }
}

#[test]
fn a_plan_for_later_says_what_will_be_due() {
    let world = World::new();
    world.prediction("anna");
    assert!(world.plan().is_empty());
    let plan = |number| ocelli_retention::plan(&*world.store, day(number), usize::MAX).unwrap();
    assert!(plan(29).is_empty());
    assert_eq!(plan(30).items().len(), 1);
}

#[test]
fn a_deleted_project_goes_as_a_whole() {
    let world = due();
    world.go_to(5);
    world.scene.apply(Change::DeleteProject { project: world.project, at: day(5) });
    world.go_to(34);
    let kinds =
        |world: &World| -> Vec<DataClass> { world.plan().items().iter().map(|item| item.class).collect() };
    assert_eq!(kinds(&world), [DataClass::PredictionPhoto], "what is due in it is due all the same");
    world.go_to(35);
    assert_eq!(kinds(&world), [DataClass::DeletedProject]);
    assert_eq!(world.plan().items()[0].item, Erased::Project(world.project));
}

#[test]
fn a_deleted_project_in_which_something_is_held_stays() {
    let world = due();
    world.go_to(5);
    let photo = world.visible()[0];
    world.scene.apply(Change::DeleteProject { project: world.project, at: day(5) });
    let hold = world.hold_photo(photo);
    world.go_to(35);
    let plan = world.plan();
    assert_eq!(plan.held(), 2, "the project and the photo");
    let rest: Vec<_> = plan.items().iter().map(|item| (item.class, item.due)).collect();
    assert_eq!(rest, [(DataClass::DeletedProject, day(35)); 3], "the other photos and the prediction");
    assert_eq!(world.execute(&plan, Affected::Keep).erased, 3);
    assert!(world.exists(DataClass::TrainingPhoto, Erased::Image(photo)));
    world.release(hold);
    assert_eq!(world.plan().items()[0].class, DataClass::DeletedProject);
}

#[test]
fn a_closed_account_goes_after_its_time() {
    let world = World::new();
    let (other, scene) = world.other_project();
    add(&scene, new_photo(&scene, world.now(), "anna")).unwrap();
    world.scene.apply(Change::CloseAccount { at: day(0) });
    world.go_to(89);
    assert!(world.plan().is_empty());
    world.go_to(90);
    let mut projects: Vec<_> = world.plan().items().iter().map(|item| item.item).collect();
    projects.sort();
    let mut expected = [Erased::Project(world.project), Erased::Project(other)];
    expected.sort();
    assert_eq!(projects, expected);
}

#[test]
fn a_hold_by_metadata_is_told_from_the_metadata() {
    let world = due();
    world.hold(HoldTarget::Metadata {
        project_id: Some(world.project),
        filter: "person eq 'anna'".parse().unwrap(),
    });
    assert!(world.plan().is_empty());
    assert_eq!(world.plan().held(), 4);
    assert!(!"person eq 'berta'".parse::<ocelli_core::MetadataFilter>().unwrap().matches(&about("anna")));
}

#[test]
fn a_plan_that_was_written_down_is_the_same_plan_or_refused() {
    let plan = due().plan();
    let json = plan.to_json().unwrap();
    assert_eq!(Plan::from_json(&json).unwrap(), plan);
    assert_eq!(serde_json::from_slice::<Plan>(&json).unwrap(), plan);
    for at in 0..json.len() {
        for bit in 0..8 {
            let mut changed = json.clone();
            changed[at] ^= 1 << bit;
            let text = String::from_utf8_lossy(&changed);
            assert!(Plan::from_json(&changed).is_err(), "{text}");
            // Who reads it with serde may take another spelling of it, and no other plan.
            assert!(serde_json::from_slice::<Plan>(&changed).map_or(true, |read| read == plan), "{text}");
        }
    }
}

#[test]
fn a_plan_holds_no_content() {
    let json = serde_json::to_string(&due().plan()).unwrap();
    assert!(!json.contains("anna") && !json.contains("person") && !json.contains("Trees"), "{json}");
}
