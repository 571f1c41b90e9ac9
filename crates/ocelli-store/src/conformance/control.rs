//! What a scene is told about keeping: days, policies, holds, and one of everything that a policy or a hold is about.

use ocelli_core::{
    AccountPolicy, Affected, AuditEntry, DataClass, Description, Erased, ErasureReason, ErasureRecord,
    ExportId, Hold, HoldId, HoldTarget, ImageId, IterationId, Metadata, MetadataFilter, PredictionId,
    ProjectId, RegionId, RetentionPolicy, RetentionRule, TagId, Timestamp,
};

use super::scene::{Scene, at, name};
use crate::{
    Applied, Change, FeatureKey, ImageFilter, ImageQuery, Item, ItemQuery, Order, PredictionQuery,
    ProjectState, StoreError,
};

/// The classes of a project's data.
pub const CLASSES: [DataClass; 6] = [
    DataClass::TrainingPhoto,
    DataClass::PredictionPhoto,
    DataClass::PredictionResult,
    DataClass::Features,
    DataClass::Iteration,
    DataClass::Export,
];

/// For ten days.
pub const TEN_DAYS: RetentionRule = RetentionRule::days(10);

/// The beginning of a day; the scene's first is 0.
pub fn day(number: i64) -> Timestamp {
    at(0).plus_days(number)
}

/// This many milliseconds after the beginning of a day.
pub fn on(number: i64, millis: i64) -> Timestamp {
    Timestamp::from_millis(day(number).as_millis() + millis)
}

/// What is known of whom a photo shows.
pub fn about(person: &str) -> Metadata {
    Metadata::new([("person".to_owned(), person.to_owned())].into()).unwrap()
}

/// What selects that.
pub fn who(person: &str) -> MetadataFilter {
    MetadataFilter::eq("person", person).unwrap()
}

/// The rule of a policy for a class.
pub fn rule(policy: &mut RetentionPolicy, class: DataClass) -> &mut RetentionRule {
    match class {
        DataClass::TrainingPhoto => &mut policy.training_photos,
        DataClass::PredictionPhoto => &mut policy.prediction_photos,
        DataClass::PredictionResult => &mut policy.prediction_results,
        DataClass::Features => &mut policy.features,
        DataClass::Iteration => &mut policy.iterations,
        DataClass::Export => &mut policy.exports,
        other => panic!("a project's policy has no rule for {other:?}"),
    }
}

/// That everything of a project is kept for ever.
pub fn for_ever() -> RetentionPolicy {
    let mut policy = RetentionPolicy::default();
    for class in CLASSES {
        *rule(&mut policy, class) = RetentionRule::Forever;
    }
    policy
}

/// One of everything that was stored on a day.
#[derive(Clone, Debug)]
pub struct One {
    /// Of the photo, its region and the prediction's result.
    pub tag: TagId,
    /// With the tag, the region, metadata and features.
    pub image: ImageId,
    /// Of the photo.
    pub region: RegionId,
    /// With the same metadata, a result for the tag, and a photo.
    pub prediction: PredictionId,
    /// Trained on the photo.
    pub iteration: IterationId,
    /// Of the iteration.
    pub export: ExportId,
}

/// The file of its export.
const FILE: &str = "model.onnx";
/// The base model of its features.
const BASE: &str = "0123abcd";

impl One {
    /// What of it a class is about.
    pub fn item(&self, class: DataClass) -> Erased {
        match class {
            DataClass::TrainingPhoto => Erased::Image(self.image),
            DataClass::PredictionPhoto => Erased::PredictionPhoto(self.prediction),
            DataClass::PredictionResult => Erased::PredictionResult(self.prediction),
            DataClass::Features => Erased::Features(self.image),
            DataClass::Iteration => Erased::Iteration(self.iteration),
            DataClass::Export => Erased::Export(self.export),
            other => panic!("nothing of it is of the class {other:?}"),
        }
    }
}

impl Scene {
    /// Moves the clock to the beginning of a day.
    pub fn go_to(&self, number: i64) {
        self.set_clock(day(number));
    }

    /// Changes the project's policy, beginning with one that keeps everything for ever.
    pub fn set_policy(&self, change: impl FnOnce(&mut RetentionPolicy)) {
        let mut policy = for_ever();
        change(&mut policy);
        self.apply(Change::SetRetention { project: self.project, policy, at: at(60) });
    }

    /// Changes the rule for a class, and keeps everything else for ever.
    pub fn set_rule(&self, class: DataClass, new: RetentionRule) {
        self.set_policy(|policy| *rule(policy, class) = new);
    }

    /// Changes the account's policy.
    pub fn set_account_policy(&self, change: impl FnOnce(&mut AccountPolicy)) {
        let mut policy = AccountPolicy::default();
        change(&mut policy);
        self.apply(Change::SetAccountPolicy { policy, at: at(60) });
    }

    /// A hold that is not in the store yet.
    pub fn new_hold(&self, target: HoldTarget) -> Hold {
        let id = HoldId::new(at(0), self.random());
        Hold { id, target, reason: Description::new("a case in court").unwrap(), placed: at(61) }
    }

    /// Places a hold.
    pub fn hold(&self, target: HoldTarget) -> HoldId {
        let hold = self.new_hold(target);
        self.apply(Change::PlaceHold { hold: hold.clone() });
        hold.id
    }

    /// Places a hold on a photo of the project.
    pub fn hold_image(&self, image_id: ImageId) -> HoldId {
        self.hold(HoldTarget::Image { project_id: self.project, image_id })
    }

    /// Places a hold on what is about a person, in a project or in all.
    pub fn hold_person(&self, project_id: Option<ProjectId>, person: &str) -> HoldId {
        self.hold(HoldTarget::Metadata { project_id, filter: who(person) })
    }

    /// Releases a hold.
    pub fn release(&self, hold: HoldId) {
        self.apply(Change::ReleaseHold { hold, at: at(62) });
    }

    /// A change that must be refused since these holds keep this; it changes nothing.
    pub fn refuse_held(&self, change: Change, kept: Erased, expected: &[HoldId]) {
        let (described, before) = (format!("{change:?}"), self.described());
        match self.store.apply(change) {
            Err(StoreError::Held { project, item, holds }) => {
                assert_eq!((project, item, &holds[..]), (self.project, kept, expected), "{described}");
            }
            other => panic!("{described}: {other:?}"),
        }
        assert_eq!(self.described(), before, "{described}");
    }

    /// Makes erasures again, all of which holds keep: each is told, none is done, and they belong to no operation.
    pub fn pass_over(&self, erasures: Vec<ErasureRecord>, affected: Affected) {
        let before = self.described();
        let again = Change::ReapplyErasures { erasures: erasures.clone(), affected };
        let told = self.erase(again);
        assert_eq!((told.operation, told.iterations, told.refused), (None, Vec::new(), erasures));
        assert_eq!(self.described(), before);
    }

    /// The change that erases kept predictions.
    pub fn deletion_of_predictions(&self, predictions: &[PredictionId]) -> Change {
        Change::DeletePredictions { project: self.project, predictions: predictions.to_vec(), at: at(41) }
    }

    /// The change that erases the project.
    pub fn erasure_of_project(&self) -> Change {
        Change::EraseProject { project: self.project, at: at(63) }
    }

    /// The change that replaces the metadata of a photo.
    pub fn setting_metadata(&self, image: ImageId, metadata: Metadata) -> Change {
        Change::SetMetadata { project: self.project, image, metadata, at: at(42) }
    }

    /// The change that keeps features of a photo.
    pub fn caching(&self, image: ImageId) -> Change {
        let features = vec![(image, vec![0.5, 0.25])];
        Change::CacheFeatures { project: self.project, key: FeatureKey::f32(BASE), features }
    }

    /// Whether features of a photo are cached.
    pub fn has_features(&self, image: ImageId) -> bool {
        self.store.features(self.project, &FeatureKey::f32(BASE), &[image]).unwrap()[0].is_some()
    }

    /// One of everything about a person, stored on a day, to which the clock is moved.
    pub fn one(&self, number: i64, person: &str) -> One {
        self.go_to(number);
        self.one_made_on(number, person)
    }

    /// The same, whatever the store's clock says.
    pub fn one_made_on(&self, number: i64, person: &str) -> One {
        let millis = day(number).as_millis() - at(0).as_millis();
        let tag = self.tag(&format!("oak {number} {person}"));
        let mut new = self.new_image_at(millis, format!("photo {number} {person}").as_bytes(), &[tag]);
        new.image.metadata = about(person);
        new.image.regions = vec![self.region(tag, 1)];
        let (image, region) = (new.image.id, new.image.regions[0].id);
        self.add(vec![new]).remove(0).unwrap();
        self.apply(self.caching(image));
        let mut answer = self.answer(millis, &[(tag, 0.75)]);
        answer.metadata = about(person);
        let prediction = self.keep(&answer, format!("kept {number} {person}").as_bytes());
        let iteration = self.begin_at(millis);
        self.apply(self.completion_with(iteration, Self::trained_on(1, &[(image, tag)])));
        let mut export = self.new_export(iteration);
        export.created = day(number);
        self.apply(self.keeping(&export, &[(FILE, b"model")]));
        One { tag, image, region, prediction, iteration, export: export.id }
    }

    /// Begins an iteration at a moment.
    pub fn begin_at(&self, millis: i64) -> IterationId {
        match self.beginning(None) {
            Change::BeginTraining { mut iteration } => {
                iteration.created = at(millis);
                let id = iteration.id;
                self.apply(Change::BeginTraining { iteration });
                id
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether a question is answered with what of this is of a class.
    pub fn sees(&self, one: &One, class: DataClass) -> bool {
        let (store, project) = (&self.store, self.project);
        match class {
            DataClass::TrainingPhoto => store.images_by_id(project, &[one.image]).is_ok(),
            DataClass::PredictionPhoto => store.prediction_bytes(project, one.prediction).is_ok(),
            DataClass::PredictionResult => {
                let found = store.prediction(project, one.prediction);
                found.is_ok_and(|kept| !kept.prediction.predictions.is_empty())
            }
            DataClass::Features => self.has_features(one.image),
            DataClass::Iteration => store.iteration(project, one.iteration).is_ok(),
            DataClass::Export => store.export_bytes(project, one.export, &name(FILE)).is_ok(),
            other => panic!("nothing of it is of the class {other:?}"),
        }
    }

    /// The classes of which a question is answered with what is of this.
    pub fn seen(&self, one: &One) -> Vec<DataClass> {
        CLASSES.into_iter().filter(|class| self.sees(one, *class)).collect()
    }

    /// What there is of a class in the project, due or not.
    pub fn items(&self, class: DataClass) -> Vec<Item> {
        self.store.items(&ItemQuery::new(class, Some(self.project), 1000)).unwrap()
    }

    /// Whether something is there, due or not.
    pub fn exists(&self, class: DataClass, item: Erased) -> bool {
        self.items(class).iter().any(|found| found.item == item)
    }

    /// What became of one thing that was to be erased since it is due.
    pub fn erase_due(&self, class: DataClass, item: Erased) -> crate::ItemOutcome {
        self.erase_items(&[(item, ErasureReason::Due(class))]).remove(0)
    }

    /// All entries of the audit log that are there.
    pub fn audit(&self) -> Vec<AuditEntry> {
        let page = self.store.audit(0, 10_000).unwrap();
        page.entries.into_iter().map(|(entry, _)| entry).collect()
    }

    /// Makes a change that must succeed, and gives the entries that it left in the audit log.
    pub fn audited(&self, change: Change) -> (Applied, Vec<AuditEntry>) {
        let (last, _) = self.store.audit_head().unwrap();
        let applied = self.apply(change);
        let page = self.store.audit(last, 100).unwrap();
        (applied, page.entries.into_iter().map(|(entry, _)| entry).collect())
    }

    /// All that questions about the project and the account answer, but for the audit log, in words.
    pub fn described(&self) -> String {
        let (store, project) = (&self.store, self.project);
        let images =
            store.images(project, &ImageQuery { order: Order::Oldest, take: 256, ..ImageQuery::default() });
        let ids: Vec<ImageId> = images.iter().flatten().map(|image| image.id).collect();
        let bytes: Vec<_> = ids.iter().map(|id| store.image_bytes(project, *id)).collect();
        let features = store.features(project, &FeatureKey::f32(BASE), &ids);
        let iterations = store.iterations(project);
        let of_each = |iteration: &ocelli_core::Iteration| {
            (store.manifest(project, iteration.id), store.exports(project, iteration.id))
        };
        let each: Vec<_> = iterations.iter().flatten().map(of_each).collect();
        let answers =
            store.predictions(project, &PredictionQuery { take: 256, ..PredictionQuery::default() });
        let account = (store.account(), store.holds(), store.operations(0, 1000), store.erasures(at(0)));
        let project_wide = (store.project(project), store.tags(project), store.retention(project));
        let counts = store.image_count(project, &ImageFilter::default());
        let projects =
            [ProjectState::Live, ProjectState::DeletedSince(at(0))].map(|state| store.projects(state));
        let items = CLASSES.map(|class| self.items(class));
        format!(
            "{images:#?} {bytes:?} {features:?} {iterations:#?} {each:#?} {answers:#?} {account:#?} \
             {project_wide:#?} {counts:?} {projects:#?} {items:?}"
        )
    }
}
