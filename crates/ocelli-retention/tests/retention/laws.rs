//! The laws of retention, over whatever happens in whatever order.

use std::collections::BTreeSet;
use std::sync::Arc;

use ocelli_core::{DataClass, Erased, HeldItem, HoldId, RetentionRule};
use ocelli_retention::{Budget, Plan};
use ocelli_store::{Change, Random};
use proptest::prelude::*;

use crate::world::{World, add, day, new_photo};

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    Photo { person: u8 },
    Prediction { person: u8 },
    Features { which: prop::sample::Index },
    Policy { class: u8, rule: RetentionRule },
    HoldPhoto { which: prop::sample::Index },
    HoldPerson { person: u8 },
    Release { which: prop::sample::Index },
    Days { count: i64 },
    Sweep { items: usize },
}

const PEOPLE: [&str; 3] = ["anna", "berta", "carla"];

fn rule() -> impl Strategy<Value = RetentionRule> {
    prop_oneof![
        Just(RetentionRule::Forever),
        (0..20i64).prop_map(RetentionRule::days),
        (0..40i64).prop_map(|until| RetentionRule::Until { until: day(until) }),
        Just(RetentionRule::NotAtAll),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3u8).prop_map(|person| Event::Photo { person }),
        3 => (0..3u8).prop_map(|person| Event::Prediction { person }),
        2 => any::<prop::sample::Index>().prop_map(|which| Event::Features { which }),
        3 => (0..4u8, rule()).prop_map(|(class, rule)| Event::Policy { class, rule }),
        1 => any::<prop::sample::Index>().prop_map(|which| Event::HoldPhoto { which }),
        1 => (0..3u8).prop_map(|person| Event::HoldPerson { person }),
        1 => any::<prop::sample::Index>().prop_map(|which| Event::Release { which }),
        3 => (1..15i64).prop_map(|count| Event::Days { count }),
        1 => (1..4usize).prop_map(|items| Event::Sweep { items }),
    ]
}

/// A world in which such things happen, on this day.
struct History {
    world: World,
    today: i64,
    holds: Vec<HoldId>,
}

impl History {
    fn happen(&mut self, event: Event) {
        let world = &self.world;
        match event {
            // What a policy does not keep at all is refused.
            Event::Photo { person } => drop(world.try_photo(PEOPLE[usize::from(person)])),
            Event::Prediction { person } => drop(world.try_prediction(PEOPLE[usize::from(person)])),
            Event::Features { which } => {
                let visible = world.visible();
                if !visible.is_empty() {
                    world.cache_features(*which.get(&visible));
                }
            }
            Event::Policy { class, rule } => world.set_policy(|policy| match class {
                0 => policy.training_photos = rule,
                1 => policy.prediction_photos = rule,
                2 => policy.features = rule,
                _ => policy.prediction_results = rule,
            }),
            Event::HoldPhoto { which } => {
                let visible = world.visible();
                if !visible.is_empty() {
                    self.holds.push(world.hold_photo(*which.get(&visible)));
                }
            }
            Event::HoldPerson { person } => {
                self.holds.push(world.hold_person(PEOPLE[usize::from(person)]));
            }
            Event::Release { which } => {
                if !self.holds.is_empty() {
                    world.release(self.holds.remove(which.index(self.holds.len())));
                }
            }
            Event::Days { count } => {
                self.today += count;
                world.go_to(self.today);
            }
            Event::Sweep { items } => {
                let _ = world.sweep(Budget { items, time: None });
            }
        }
    }

    /// What the holds keep, as they tell it themselves, in parts.
    fn held(&self) -> BTreeSet<Erased> {
        let of = |hold: &HoldId| self.world.store.held(*hold, None, 1_000).unwrap();
        let parts = |item: HeldItem| match item {
            HeldItem::Image { image, .. } => vec![Erased::Image(image.id), Erased::Features(image.id)],
            HeldItem::Prediction { prediction } => {
                let id = prediction.prediction.id;
                vec![Erased::PredictionPhoto(id), Erased::PredictionResult(id)]
            }
        };
        self.holds.iter().flat_map(of).flat_map(parts).collect()
    }

    fn exists(&self, item: Erased) -> bool {
        let class = match item {
            Erased::Image(_) => DataClass::TrainingPhoto,
            Erased::Features(_) => DataClass::Features,
            Erased::PredictionPhoto(_) => DataClass::PredictionPhoto,
            _ => DataClass::PredictionResult,
        };
        self.world.exists(class, item)
    }

    fn visible(&self, item: Erased) -> bool {
        let (store, project) = (&self.world.store, self.world.project);
        match item {
            Erased::Image(id) => store.images_by_id(project, &[id]).is_ok(),
            Erased::Features(id) => self.world.has_features(id),
            Erased::PredictionPhoto(id) => store.prediction_bytes(project, id).is_ok(),
            Erased::PredictionResult(id) => {
                store.prediction(project, id).is_ok_and(|kept| !kept.prediction.predictions.is_empty())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What a plan lists, in parts.
fn parts(plan: &Plan) -> BTreeSet<Erased> {
    let parts = |item| match item {
        Erased::Prediction(id) => vec![Erased::PredictionPhoto(id), Erased::PredictionResult(id)],
        other => vec![other],
    };
    plan.items().iter().flat_map(|due| parts(due.item)).collect()
}

/// Gives two stores the same account.
#[derive(Debug)]
struct Zeros;

impl Random for Zeros {
    fn fill(&self, buffer: &mut [u8]) -> std::io::Result<()> {
        buffer.fill(0);
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_is_due_stays_so_and_unseen_and_what_is_held_is_never_selected(
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut history = History { world: World::new(), today: 0, holds: Vec::new() };
        let mut ever_due = BTreeSet::new();
        for event in events {
            history.happen(event);
            let plan = history.world.plan();
            let (due, held) = (parts(&plan), history.held());
            prop_assert!(due.is_disjoint(&held), "held is selected");
            for item in &ever_due {
                prop_assert!(
                    due.contains(item) || held.contains(item) || !history.exists(*item),
                    "{item:?} was due and is not"
                );
            }
            // Features may be computed anew, and have their time then.
            ever_due.extend(due.into_iter().filter(|item| !matches!(item, Erased::Features(_))));
            for item in &ever_due {
                prop_assert!(!history.visible(*item), "{item:?} is due and seen");
            }
            prop_assert_eq!(plan.hash(), history.world.plan().hash(), "the same store, the same moment");
        }
    }

    #[test]
    fn what_is_not_due_does_not_change_a_plan(events in prop::collection::vec(event(), 1..30)) {
        let mut history = History { world: World::new(), today: 0, holds: Vec::new() };
        events.into_iter().for_each(|event| history.happen(event));
        let world = &history.world;
        let before = world.plan();
        let _ = world.try_photo("anna");
        let _ = world.try_prediction("berta");
        prop_assert_eq!(world.plan(), before);
    }

    #[test]
    fn a_plan_does_not_depend_on_the_order_in_which_things_came(
        days in prop::collection::vec(0..20i64, 1..12),
        keep in 0..20i64,
    ) {
        let (one, other) = (World::with_random(Arc::new(Zeros)), World::with_random(Arc::new(Zeros)));
        let photos: Vec<_> =
            days.iter().map(|number| new_photo(&one.scene, day(*number), "anna")).collect();
        for (photo, last) in photos.iter().zip(photos.iter().rev()) {
            add(&one.scene, photo.clone()).unwrap();
            add(&other.scene, last.clone()).unwrap();
        }
        for world in [&one, &other] {
            world.set_policy(|policy| policy.training_photos = RetentionRule::days(keep));
            world.go_to(20);
        }
        prop_assert_eq!(one.plan(), other.plan());
    }

    #[test]
    fn a_project_that_was_due_is_not_brought_back(
        first in rule(), then in rule(), wait in 0..30i64, later in 0..30i64,
    ) {
        let world = World::new();
        world.set_account_policy(|policy| policy.deleted_projects = first);
        world.scene.apply(Change::DeleteProject { project: world.project, at: day(0) });
        world.go_to(wait);
        let was_due = !world.plan().is_empty();
        world.set_account_policy(|policy| policy.deleted_projects = then);
        world.go_to(wait + later);
        if was_due {
            prop_assert!(!world.plan().is_empty());
            let restored =
                world.store.apply(Change::RestoreProject { project: world.project, at: world.now() });
            prop_assert!(restored.is_err());
        }
    }
}
