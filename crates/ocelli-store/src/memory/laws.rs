//! What holds whatever happens in whichever order.

use std::collections::HashSet;
use std::sync::Arc;

use ocelli_core::{DataClass, Erased, ErasureReason, HoldId, ImageId, PredictionId, RetentionRule};
use proptest::prelude::*;

use crate::conformance::Fresh;
use crate::conformance::control::{day, rule};
use crate::conformance::scene::{Scene, at};
use crate::{Change, ItemOutcome, MemoryStore, StoreOptions};

const CLASSES: [DataClass; 3] =
    [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::PredictionResult];

#[derive(Clone, Debug)]
enum Act {
    /// Some days pass.
    Wait(i64),
    /// The rule for a class changes.
    Rule(usize, RetentionRule),
    /// A photo and a prediction are stored.
    Store,
    /// The photo and the prediction of this number are held.
    Hold(usize),
    /// All holds are released.
    Release,
    /// What is due of a class, as a plan would list it, is to be erased.
    EraseDue(usize),
    /// This is to be erased on request.
    Erase(usize),
    /// All of it is to be erased by a change that erases photos, or predictions.
    Delete(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let rule = prop_oneof![
        Just(RetentionRule::Forever),
        (0i64..12).prop_map(RetentionRule::days),
        (0i64..60).prop_map(|number| RetentionRule::Until { until: day(number) }),
        Just(RetentionRule::NotAtAll),
    ];
    prop_oneof![
        3 => (1i64..8).prop_map(Act::Wait),
        2 => (0..CLASSES.len(), rule).prop_map(|(class, rule)| Act::Rule(class, rule)),
        4 => Just(Act::Store),
        2 => (0usize..8).prop_map(Act::Hold),
        1 => Just(Act::Release),
        3 => (0..CLASSES.len()).prop_map(Act::EraseDue),
        2 => (0usize..16).prop_map(Act::Erase),
        1 => any::<bool>().prop_map(Act::Delete),
    ]
}

/// What was stored, and what became of it.
struct Run {
    scene: Scene,
    today: i64,
    stored: Vec<(ImageId, PredictionId)>,
    holds: Vec<HoldId>,
    held: HashSet<Erased>,
    /// What once was not to be seen.
    gone: HashSet<(DataClass, Erased)>,
}

impl Run {
    fn new() -> Self {
        let make =
            |options: StoreOptions| Fresh { store: Arc::new(MemoryStore::new(options)), keep: Box::new(()) };
        Self {
            scene: Scene::new(make),
            today: 0,
            stored: Vec::new(),
            holds: Vec::new(),
            held: HashSet::new(),
            gone: HashSet::new(),
        }
    }

    fn parts(&self) -> Vec<(DataClass, Erased)> {
        let each = self.stored.iter().flat_map(|(image, prediction)| {
            [
                Erased::Image(*image),
                Erased::PredictionPhoto(*prediction),
                Erased::PredictionResult(*prediction),
            ]
        });
        CLASSES.into_iter().cycle().zip(each).collect()
    }

    fn is_held(&self, item: Erased) -> bool {
        self.held.contains(&match item {
            Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => Erased::Prediction(id),
            other => other,
        })
    }

    fn sees(&self, item: Erased) -> bool {
        let (store, project) = (&self.scene.store, self.scene.project);
        match item {
            Erased::Image(id) => store.image_bytes(project, id).is_ok(),
            Erased::PredictionPhoto(id) => store.prediction_bytes(project, id).is_ok(),
            Erased::PredictionResult(id) => {
                store.prediction(project, id).is_ok_and(|kept| !kept.prediction.predictions.is_empty())
            }
            other => panic!("{other:?}"),
        }
    }

    fn make(&mut self, act: Act) {
        let scene = &self.scene;
        match act {
            Act::Wait(days) => {
                self.today += days;
                scene.go_to(self.today);
            }
            Act::Rule(class, new) => {
                let retention = scene.store.retention(scene.project).unwrap();
                let mut policy = retention.policy().clone();
                *rule(&mut policy, CLASSES[class]) = new;
                scene.apply(Change::SetRetention { project: scene.project, policy, at: day(self.today) });
            }
            Act::Store => {
                let millis = day(self.today).as_millis() - at(0).as_millis();
                let new = scene.new_image_at(millis, &scene.random(), &[]);
                let (image, tag) = (new.image.id, ocelli_core::TagId::new(at(0), [9; 10]));
                let answer = scene.answer(millis, &[(tag, 0.5)]);
                // What would be due at once is refused; then there is nothing to see, or less.
                let _ = scene.add(vec![new]);
                let _ = scene.store.apply(scene.keeping_prediction(&answer, &scene.random()));
                self.stored.push((image, answer.prediction.id));
            }
            Act::Hold(number) => {
                let Some((image_id, prediction_id)) = self.stored.get(number).copied() else { return };
                let project_id = scene.project;
                let targets = [
                    (Erased::Image(image_id), ocelli_core::HoldTarget::Image { project_id, image_id }),
                    (
                        Erased::Prediction(prediction_id),
                        ocelli_core::HoldTarget::Prediction { project_id, prediction_id },
                    ),
                ];
                for (item, target) in targets {
                    let hold = scene.new_hold(target);
                    if scene.store.apply(Change::PlaceHold { hold: hold.clone() }).is_ok() {
                        self.holds.push(hold.id);
                        self.held.insert(item);
                    }
                }
            }
            Act::Release => {
                self.holds.drain(..).for_each(|hold| scene.release(hold));
                self.held.clear();
            }
            Act::EraseDue(class) => self.erase_due(CLASSES[class]),
            Act::Erase(number) => {
                let parts = self.parts();
                let Some((class, item)) = parts.get(number).copied() else { return };
                let there = scene.exists(class, item);
                let outcome = scene.erase_items(&[(item, ErasureReason::Requested)]).remove(0);
                match outcome {
                    ItemOutcome::Held(_) => assert!(self.is_held(item)),
                    ItemOutcome::Erased => assert!(there && !self.is_held(item)),
                    ItemOutcome::Gone => assert!(!there),
                    other => panic!("{other:?}"),
                }
            }
            Act::Delete(photos) => {
                let (images, predictions): (Vec<_>, Vec<_>) = self.stored.iter().copied().unzip();
                let change = if photos {
                    scene.deletion_of_images(&images)
                } else {
                    scene.deletion_of_predictions(&predictions)
                };
                // Refused where one is gone, due or held.
                let _ = scene.store.apply(change);
            }
        }
    }

    /// Afterwards what was due is gone, but for what is held, and what was not due is there.
    fn erase_due(&self, class: DataClass) {
        let before = self.scene.items(class);
        let seen: Vec<bool> = before.iter().map(|item| self.sees(item.item)).collect();
        let due: Vec<_> = before.iter().map(|item| (item.item, ErasureReason::Due(class))).collect();
        let outcomes = self.scene.erase_items(&due);
        for (((item, _), seen), outcome) in due.iter().zip(seen).zip(outcomes) {
            let expected_to_go = !seen && !self.is_held(*item);
            assert_eq!(outcome == ItemOutcome::Erased, expected_to_go, "{item:?} {outcome:?}");
            assert_eq!(self.scene.exists(class, *item), !expected_to_go, "{item:?} {outcome:?}");
        }
    }

    fn check(&mut self) {
        for (class, item) in self.parts() {
            if self.gone.contains(&(class, item)) {
                assert!(!self.sees(item), "{item:?} came back");
            } else if !self.sees(item) {
                self.gone.insert((class, item));
            }
        }
        for item in &self.held {
            let there = match item {
                Erased::Image(_) => self.scene.exists(DataClass::TrainingPhoto, *item),
                Erased::Prediction(id) => {
                    self.scene.exists(DataClass::PredictionPhoto, Erased::PredictionPhoto(*id))
                        || self.scene.exists(DataClass::PredictionResult, Erased::PredictionResult(*id))
                }
                other => panic!("{other:?}"),
            };
            assert!(there, "{item:?} was held and is gone");
        }
    }
}

proptest! {
    #[test]
    fn nothing_comes_back_and_nothing_held_goes(acts in prop::collection::vec(act(), 1..40)) {
        let mut run = Run::new();
        for act in acts {
            run.make(act);
            run.check();
        }
    }
}
