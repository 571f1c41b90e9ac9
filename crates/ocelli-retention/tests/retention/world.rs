use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use ocelli_core::{
    AccountPolicy, Erased, Hold, HoldId, HoldTarget, ImageId, Metadata, PredictionId, ProjectId,
    RetentionPolicy, Timestamp,
};
use ocelli_keys::Keys;
use ocelli_retention::{Plan, SweepOptions, Swept};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{
    Change, FeatureKey, ItemQuery, ManualClock, MemoryStore, NewImage, ProjectState, Random, Store,
    StoreError, StoreOptions, SystemRandom,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The beginning of a day.
pub(crate) fn day(number: i64) -> Timestamp {
    at(number * DAY)
}

/// A store in memory, the clock that it goes by, and a project in it.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) scene: Scene,
    pub(crate) project: ProjectId,
    pub(crate) keys: Keys,
    holds: Cell<u8>,
}

/// What is known of whom a photo shows.
pub(crate) fn about(person: &str) -> Metadata {
    Metadata::new(BTreeMap::from([("person".to_owned(), person.to_owned())])).unwrap()
}

impl World {
    /// On day 0.
    pub(crate) fn new() -> Self {
        Self::with_random(Arc::new(SystemRandom))
    }

    /// On day 0, with an account whose id this source gives.
    pub(crate) fn with_random(random: Arc<dyn Random>) -> Self {
        let clock = Arc::new(ManualClock::new(day(0)));
        let options = StoreOptions { clock: clock.clone(), random, ..StoreOptions::default() };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(options));
        let project = ProjectId::new(day(0), [0; 10]);
        let scene = Scene::over(store.clone(), project, 1);
        scene.apply(scene.creation(project, 0));
        Self { store, clock, scene, project, keys: Keys::from_random([7; 64]), holds: Cell::new(1) }
    }

    /// Another project of the same store.
    pub(crate) fn other_project(&self) -> (ProjectId, Scene) {
        let project = self.scene.new_project();
        self.scene.apply(self.scene.creation(project, 0));
        (project, Scene::over(self.store.clone(), project, 1_000_000))
    }

    pub(crate) fn go_to(&self, number: i64) {
        self.clock.set(day(number));
    }

    pub(crate) fn now(&self) -> Timestamp {
        ocelli_store::Clock::now(&*self.clock)
    }

    /// A photo of a person, stored today, that is not in the store yet.
    pub(crate) fn new_photo(&self, person: &str) -> NewImage {
        new_photo(&self.scene, self.now(), person)
    }

    /// A photo of a person, stored today.
    pub(crate) fn photo(&self, person: &str) -> ImageId {
        self.try_photo(person).unwrap()
    }

    pub(crate) fn try_photo(&self, person: &str) -> Result<ImageId, StoreError> {
        add(&self.scene, self.new_photo(person))
    }

    /// A kept prediction about a person's photo, made today.
    pub(crate) fn prediction(&self, person: &str) -> PredictionId {
        self.try_prediction(person).unwrap()
    }

    pub(crate) fn try_prediction(&self, person: &str) -> Result<PredictionId, StoreError> {
        let tag = self.scene.new_tag("oak", ocelli_core::TagType::Regular).id;
        let millis = self.now().as_millis() - day(0).as_millis();
        let mut kept = self.scene.answer(millis, &[(tag, 0.75)]);
        kept.metadata = about(person);
        let id = kept.prediction.id;
        let (bytes, salt) = (format!("{id}").into_bytes(), ocelli_core::Salt::from_bytes([3; 32]));
        self.store.apply(Change::KeepPrediction { prediction: Box::new(kept), bytes, salt })?;
        Ok(id)
    }

    /// Caches features of a photo.
    pub(crate) fn cache_features(&self, photo: ImageId) {
        let features = vec![(photo, vec![0.5])];
        let key = FeatureKey::f32("base");
        self.scene.apply(Change::CacheFeatures { project: self.project, key, features });
    }

    pub(crate) fn has_features(&self, photo: ImageId) -> bool {
        self.store.features(self.project, &FeatureKey::f32("base"), &[photo]).unwrap()[0].is_some()
    }

    pub(crate) fn set_policy(&self, change: impl FnOnce(&mut RetentionPolicy)) {
        let mut policy = self.store.retention(self.project).unwrap().policy().clone();
        change(&mut policy);
        let at = self.now();
        self.store.apply(Change::SetRetention { project: self.project, policy, at }).unwrap();
    }

    pub(crate) fn set_account_policy(&self, change: impl FnOnce(&mut AccountPolicy)) {
        let mut policy = self.store.account().unwrap().retention.policy().clone();
        change(&mut policy);
        self.store.apply(Change::SetAccountPolicy { policy, at: self.now() }).unwrap();
    }

    pub(crate) fn hold(&self, target: HoldTarget) -> HoldId {
        let number = self.holds.replace(self.holds.get() + 1);
        let id = HoldId::new(self.now(), [number; 10]);
        let reason = ocelli_core::Description::new("a case").unwrap();
        self.store
            .apply(Change::PlaceHold { hold: Hold { id, target, reason, placed: self.now() } })
            .unwrap();
        id
    }

    pub(crate) fn hold_photo(&self, image_id: ImageId) -> HoldId {
        self.hold(HoldTarget::Image { project_id: self.project, image_id })
    }

    pub(crate) fn hold_person(&self, person: &str) -> HoldId {
        let filter = filter(person);
        self.hold(HoldTarget::Metadata { project_id: None, filter })
    }

    pub(crate) fn release(&self, hold: HoldId) {
        self.store.apply(Change::ReleaseHold { hold, at: self.now() }).unwrap();
    }

    pub(crate) fn plan(&self) -> Plan {
        ocelli_retention::plan(&*self.store, self.now(), usize::MAX).unwrap()
    }

    pub(crate) fn execute(&self, plan: &Plan, options: impl Into<SweepOptions>) -> Swept {
        ocelli_retention::execute(&*self.store, plan, &options.into(), &|| self.now()).unwrap()
    }

    pub(crate) fn sweep(&self, options: impl Into<SweepOptions>) -> Swept {
        let (store, keys) = (&*self.store, Some(&self.keys as &dyn ocelli_keys::KeyProvider));
        ocelli_retention::sweep(store, keys, self.now(), &options.into(), &|| self.now()).unwrap()
    }

    /// The photos that a question about the project sees.
    pub(crate) fn visible(&self) -> Vec<ImageId> {
        if self.store.projects(ProjectState::Live).unwrap().iter().all(|found| found.id != self.project) {
            return Vec::new();
        }
        let query = ocelli_store::ImageQuery { take: 256, ..Default::default() };
        self.store.images(self.project, &query).unwrap().iter().map(|image| image.id).collect()
    }

    /// Whether something is there, due or not.
    pub(crate) fn exists(&self, class: ocelli_core::DataClass, item: Erased) -> bool {
        let query = ItemQuery { item: Some(item), ..ItemQuery::new(class, Some(self.project), 1) };
        !self.store.items(&query).unwrap().is_empty()
    }
}

/// A photo of a person that is not in the store yet.
pub(crate) fn new_photo(scene: &Scene, now: Timestamp, person: &str) -> NewImage {
    let mut photo = scene.new_image_at(now.as_millis() - day(0).as_millis(), &[], &[]);
    photo.image.metadata = about(person);
    photo.bytes = photo.image.id.to_string().into_bytes();
    photo
}

pub(crate) fn add(scene: &Scene, photo: NewImage) -> Result<ImageId, StoreError> {
    let change = Change::AddImages { project: scene.project, images: vec![photo] };
    match scene.store.apply(change)? {
        ocelli_store::Applied::Images(mut added) => match added.remove(0) {
            Ok(added) => Ok(added.image.id),
            Err(refusal) => Err(refusal.error),
        },
        other => panic!("{other:?}"),
    }
}

pub(crate) fn filter(person: &str) -> ocelli_core::MetadataFilter {
    ocelli_core::MetadataFilter::eq("person", person).unwrap()
}
