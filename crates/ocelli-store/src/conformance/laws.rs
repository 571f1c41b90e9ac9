//! Laws over random lives of a store, compared with a model that keeps one flag for each thing.

use std::collections::BTreeSet;

use ocelli_core::{
    DataClass, Erased, ErasureReason, Hold, HoldId, HoldTarget, Metadata, Period, PredictionId, ProjectId,
    RetentionPolicy, RetentionRule, Timestamp,
};

use super::Make;
use super::control::{about, for_ever, rule, who};
use super::scene::{Scene, at};
use crate::{Change, ItemOutcome, StoreError};

const SEEDS: u64 = 12;
const STEPS: usize = 50;
const HOUR: u64 = 60 * 60 * 1000;

/// The classes that the model has things of.
const MODELLED: [DataClass; 5] = [
    DataClass::TrainingPhoto,
    DataClass::PredictionPhoto,
    DataClass::PredictionResult,
    DataClass::Features,
    DataClass::Iteration,
];

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }

    fn one_of<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        all.get(self.below(all.len()))
    }
}

/// Something that was stored.
#[derive(Clone, Debug)]
struct Thing {
    project: ProjectId,
    class: DataClass,
    item: Erased,
    event: Timestamp,
    metadata: Metadata,
    /// Of a photo: which bytes.
    bytes: Option<usize>,
    /// Whether it has ever been due.
    due: bool,
    erased: bool,
}

struct Life {
    scene: Scene,
    random: Random,
    now: u64,
    policies: [(ProjectId, RetentionPolicy); 2],
    holds: Vec<Hold>,
    things: Vec<Thing>,
}

impl Life {
    fn new(make: Make, seed: u64) -> Self {
        let scene = Scene::new(make);
        let other = scene.new_project();
        scene.apply(scene.creation(other, 0));
        let policies = [scene.project, other].map(|project| (project, for_ever()));
        for (project, policy) in policies.clone() {
            scene.apply(Change::SetRetention { project, policy, at: at(0) });
        }
        Self { scene, random: Random(seed), now: 0, policies, holds: Vec::new(), things: Vec::new() }
    }

    fn now(&self) -> Timestamp {
        at(self.now as i64)
    }

    fn is_due(&mut self, project: ProjectId, class: DataClass, event: Timestamp) -> bool {
        let now = self.now();
        let (_, policy) = self.policies.iter_mut().find(|(id, _)| *id == project).unwrap();
        rule(policy, class).cutoff(now).is_some_and(|cutoff| event <= cutoff)
    }

    /// Notes what is due now.
    fn age(&mut self) {
        for index in 0..self.things.len() {
            let Thing { project, class, event, .. } = self.things[index];
            self.things[index].due |= self.is_due(project, class, event);
        }
    }

    fn keeping(&self, thing: &Thing) -> Vec<HoldId> {
        let (project, metadata) = (thing.project, &thing.metadata);
        let keeps = |target: &HoldTarget| match thing.item {
            Erased::Image(id) | Erased::Features(id) => target.keeps_image(project, id, metadata),
            Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => {
                target.keeps_prediction(project, id, metadata)
            }
            _ => target.keeps_project(project),
        };
        self.holds.iter().filter(|hold| keeps(&hold.target)).map(|hold| hold.id).collect()
    }

    fn note(&mut self, class: DataClass, item: Erased, metadata: &Metadata, bytes: Option<usize>) {
        let (project, event, metadata) = (self.scene.project, self.now(), metadata.clone());
        let (due, erased) = (false, false);
        self.things.push(Thing { project, class, item, event, metadata, bytes, due, erased });
    }

    /// Does one thing at random, a moment after the one before.
    fn step(&mut self) {
        self.now += 1 + self.random.below(3) as u64 * self.random.below(12) as u64 * HOUR;
        self.scene.set_clock(self.now());
        self.scene.project = self.policies[self.random.below(2)].0;
        self.age();
        match self.random.below(12) {
            0 | 1 => self.set_policy(),
            2 | 3 => self.upload(),
            4 | 5 => self.keep(),
            6 => self.train(),
            7 => self.hold(),
            8 if !self.holds.is_empty() => {
                let gone = self.holds.remove(self.random.below(self.holds.len()));
                self.scene.release(gone.id);
            }
            9 => drop(self.scene.apply(Change::LatchDue { at: self.now() })),
            _ => self.erase(),
        }
        self.age();
    }

    fn set_policy(&mut self) {
        let class = MODELLED[self.random.below(MODELLED.len())];
        let hours = self.random.below(48) as u64;
        let new = match self.random.below(5) {
            0 => RetentionRule::Forever,
            1 => RetentionRule::NotAtAll,
            2 => RetentionRule::Until { until: at((self.now + hours * HOUR) as i64) },
            _ => RetentionRule::For { millis: Period::millis(hours * HOUR) },
        };
        let project = self.scene.project;
        let (_, policy) = self.policies.iter_mut().find(|(id, _)| *id == project).unwrap();
        *rule(policy, class) = new;
        let change = Change::SetRetention { project, policy: policy.clone(), at: at(self.now as i64) };
        self.scene.apply(change);
    }

    fn person(&mut self) -> Metadata {
        match self.random.below(3) {
            0 => Metadata::default(),
            1 => about("ann"),
            _ => about("bob"),
        }
    }

    /// A photo of few different bytes, with features.
    fn upload(&mut self) {
        let (bytes, metadata, project) = (self.random.below(6), self.person(), self.scene.project);
        let mut new = self.scene.new_image_at(self.now as i64, &[bytes as u8], &[]);
        new.image.metadata = metadata.clone();
        let id = new.image.id;
        let added = self.scene.add(vec![new]).remove(0);
        let same = |thing: &Thing| thing.project == project && thing.bytes == Some(bytes) && !thing.erased;
        if self.things.iter().any(|thing| same(thing) && !thing.due) {
            assert!(added.unwrap().duplicate);
            return;
        }
        if self.is_due(project, DataClass::TrainingPhoto, self.now()) {
            let error = added.unwrap_err().error;
            assert!(matches!(error, StoreError::NotKept(DataClass::TrainingPhoto)), "{error:?}");
            return;
        }
        assert!(!added.unwrap().duplicate);
        let again: Vec<usize> = (0..self.things.len())
            .filter(|index| same(&self.things[*index]) && self.keeping(&self.things[*index]).is_empty())
            .collect();
        again.into_iter().for_each(|index| self.went(index));
        self.note(DataClass::TrainingPhoto, Erased::Image(id), &metadata, Some(bytes));
        self.scene.apply(self.scene.caching(id));
        if !self.is_due(project, DataClass::Features, self.now()) {
            self.note(DataClass::Features, Erased::Features(id), &metadata, None);
        }
    }

    fn keep(&mut self) {
        let (metadata, project, now) = (self.person(), self.scene.project, self.now());
        let tag = self.scene.new_tag("oak", ocelli_core::TagType::Regular).id;
        let mut answer = self.scene.answer(self.now as i64, &[(tag, 0.75)]);
        answer.metadata = metadata.clone();
        let id: PredictionId = answer.prediction.id;
        let kept = self.scene.store.apply(self.scene.keeping_prediction(&answer, id.to_string().as_bytes()));
        let parts = [
            (DataClass::PredictionPhoto, Erased::PredictionPhoto(id)),
            (DataClass::PredictionResult, Erased::PredictionResult(id)),
        ];
        let parts = parts.map(|part| (!self.is_due(project, part.0, now)).then_some(part));
        assert_eq!(kept.is_ok(), parts.iter().any(Option::is_some));
        for (class, item) in parts.into_iter().flatten() {
            self.note(class, item, &metadata, None);
        }
    }

    fn train(&mut self) {
        let mut beginning = self.scene.beginning(None);
        let Change::BeginTraining { iteration } = &mut beginning else { panic!("{beginning:?}") };
        iteration.created = self.now();
        let (id, project) = (iteration.id, self.scene.project);
        let begun = self.scene.store.apply(beginning);
        let refused = self.is_due(project, DataClass::Iteration, self.now());
        assert_eq!(begun.is_err(), refused);
        if !refused {
            self.note(DataClass::Iteration, Erased::Iteration(id), &Metadata::default(), None);
        }
    }

    fn hold(&mut self) {
        let project_id = self.scene.project;
        let thing = self.random.one_of(&self.things).cloned();
        let target = match (self.random.below(6), thing) {
            (0, _) => HoldTarget::Project { project_id },
            (1, _) => HoldTarget::Metadata { project_id: None, filter: who("ann") },
            (2, _) => HoldTarget::Metadata { project_id: Some(project_id), filter: who("bob") },
            (_, Some(Thing { project: project_id, item: Erased::Image(image_id), .. })) => {
                HoldTarget::Image { project_id, image_id }
            }
            (_, Some(Thing { project: project_id, item: Erased::PredictionPhoto(prediction_id), .. })) => {
                HoldTarget::Prediction { project_id, prediction_id }
            }
            _ => return,
        };
        let there = match target {
            HoldTarget::Image { image_id, .. } => self.visible(|item| *item == Erased::Image(image_id)),
            HoldTarget::Prediction { prediction_id, .. } => self.visible(|item| {
                matches!(item, Erased::PredictionPhoto(id) | Erased::PredictionResult(id) if *id == prediction_id)
            }),
            _ => true,
        };
        let hold = self.scene.new_hold(target);
        let placed = self.scene.store.apply(Change::PlaceHold { hold: hold.clone() });
        assert_eq!(placed.is_ok(), there, "{hold:?}: {placed:?}");
        if there {
            self.holds.push(hold);
        }
    }

    fn visible(&self, is: impl Fn(&Erased) -> bool) -> bool {
        self.things.iter().any(|thing| is(&thing.item) && !thing.due && !thing.erased)
    }

    /// A few things at once, each for a reason that may hold or not.
    fn erase(&mut self) {
        let mut chosen = BTreeSet::new();
        for _ in 0..5 {
            chosen.insert(self.random.below(self.things.len()));
        }
        let project = self.scene.project;
        chosen.retain(|index| self.things.get(*index).is_some_and(|thing| thing.project == project));
        let mut items = Vec::new();
        for index in &chosen {
            let thing = &self.things[*index];
            let requested = self.random.below(4) == 0;
            let reason = if requested { ErasureReason::Requested } else { ErasureReason::Due(thing.class) };
            items.push((thing.item, reason));
        }
        let outcomes = self.scene.erase_items(&items);
        for ((index, (item, reason)), outcome) in chosen.into_iter().zip(items).zip(outcomes) {
            let thing = self.things[index].clone();
            let holds = self.keeping(&thing);
            let expected = if thing.erased {
                ItemOutcome::Gone
            } else if reason != ErasureReason::Requested && !thing.due {
                ItemOutcome::NotDue
            } else if !holds.is_empty() {
                ItemOutcome::Held(holds)
            } else {
                ItemOutcome::Erased
            };
            assert_eq!(outcome, expected, "{item:?} for {reason:?}: {thing:?}");
            if outcome == ItemOutcome::Erased {
                self.went(index);
            }
        }
    }

    /// A photo takes its features with it.
    fn went(&mut self, index: usize) {
        self.things[index].erased = true;
        if let Erased::Image(id) = self.things[index].item {
            let of_it = self.things.iter_mut().filter(|thing| thing.item == Erased::Features(id));
            of_it.for_each(|features| features.erased = true);
        }
    }

    /// What the store shows and has is what the model says.
    fn check(&mut self) {
        for (project, _) in self.policies.clone() {
            self.scene.project = project;
            for class in MODELLED {
                let there: BTreeSet<Erased> = self.scene.items(class).iter().map(|item| item.item).collect();
                let of_class = || self.things.iter().filter(|it| (it.project, it.class) == (project, class));
                let expected = of_class().filter(|thing| !thing.erased).map(|thing| thing.item);
                assert_eq!(there, expected.collect::<BTreeSet<_>>(), "{class:?}");
                for thing in of_class() {
                    let seen = self.sees(thing);
                    assert_eq!(seen, !thing.due && !thing.erased && self.has_photo(thing), "{thing:?}");
                }
            }
        }
        for thing in self.things.iter().filter(|thing| !self.keeping(thing).is_empty()) {
            let by_hold = matches!(thing.item, Erased::Image(_) | Erased::PredictionPhoto(_));
            if by_hold && !thing.erased {
                let hold = self.keeping(thing)[0];
                self.scene.store.held_bytes(hold, thing.project, thing.item).unwrap();
            }
        }
    }

    /// Features are seen with their photo.
    fn has_photo(&self, thing: &Thing) -> bool {
        match thing.item {
            Erased::Features(id) => self.visible(|item| *item == Erased::Image(id)),
            _ => true,
        }
    }

    fn sees(&self, thing: &Thing) -> bool {
        let (store, project) = (&self.scene.store, thing.project);
        match thing.item {
            Erased::Image(id) => store.images_by_id(project, &[id]).is_ok(),
            Erased::Features(id) => self.scene.has_features(id),
            Erased::PredictionPhoto(id) => store.prediction_bytes(project, id).is_ok(),
            Erased::PredictionResult(id) => {
                store.prediction(project, id).is_ok_and(|kept| !kept.prediction.predictions.is_empty())
            }
            Erased::Iteration(id) => store.iteration(project, id).is_ok(),
            other => panic!("{other:?}"),
        }
    }
}

/// Whatever policies, holds, uploads and erasures come in which order: what is held is there, what has once been due
/// is never seen again, and everything else is seen until it is erased.
pub fn held_is_never_erased_and_due_never_comes_back(make: Make) {
    for seed in 0..SEEDS {
        let mut life = Life::new(make, seed);
        for _ in 0..STEPS {
            life.step();
            life.check();
        }
        let image = |thing: &&Thing| matches!(thing.item, Erased::Image(_));
        assert!(life.things.iter().filter(image).count() > 2, "seed {seed} does little");
        assert!(life.scene.store.check(&crate::CheckOptions::default()).unwrap().is_sound());
    }
}
