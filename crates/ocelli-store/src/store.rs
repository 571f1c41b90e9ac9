use std::any::Any;
use std::fmt::Debug;
use std::path::Path;

use ocelli_core::{
    Account, Commitment, Digest, Erased, ErasedItem, ErasureOperation, ErasureRecord, ErasureStatus, Export,
    ExportId, HeldItem, Hold, HoldId, Image, ImageId, Iteration, IterationId, Manifest, Name, PredictionId,
    Project, ProjectId, Retention, RetentionPolicy, Salt, StoredPrediction, Tag, TagId, Timestamp,
};

use crate::{
    Applied, AuditPage, Change, CheckOptions, CheckReport, FeatureKey, ImageFilter, ImageQuery, Item,
    ItemQuery, PredictionPage, PredictionQuery, ProjectState, StoreError, StoredCalibration,
};

/// Operations that [`Store::incomplete_operations`] asks for at once where a store does not answer it itself.
const OPERATIONS_AT_ONCE: usize = 1_000;

/// Where projects, photos, iterations and kept predictions live.
///
/// A store may be shared by threads. What one call changed, the next call of any handle sees, in any process that
/// shares the store. Questions about a project that was deleted, or whose account is closed, are answered with
/// [`Missing::Project`](crate::Missing::Project). What is due by the retention policies, by the store's own clock, is not
/// there for any question but [`items`](Store::items) and those about holds.
pub trait Store: Debug + Send + Sync {
    /// Makes a change: all of it, or none of it where this returns an error. What it acknowledged survives a crash.
    fn apply(&self, change: Change) -> Result<Applied, StoreError>;

    /// The projects in this state, by the time that they were created.
    fn projects(&self, state: ProjectState) -> Result<Vec<Project>, StoreError>;

    /// A project that has not been deleted.
    fn project(&self, project: ProjectId) -> Result<Project, StoreError>;

    /// A project's tags, in the order in which they were created, with their numbers of photos.
    fn tags(&self, project: ProjectId) -> Result<Vec<Tag>, StoreError>;

    /// A page of a project's photos.
    fn images(&self, project: ProjectId, query: &ImageQuery) -> Result<Vec<Image>, StoreError>;

    /// How many photos of a project the filter lets through.
    fn image_count(&self, project: ProjectId, filter: &ImageFilter) -> Result<u64, StoreError>;

    /// These photos, in this order. All must exist.
    fn images_by_id(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<Image>, StoreError>;

    /// All photos that have tags on the whole, by id, each with its tags by id. All of it is about one moment.
    fn tagged_images(&self, project: ProjectId) -> Result<Vec<(ImageId, Vec<TagId>)>, StoreError>;

    /// A photo's bytes, as they were stored.
    fn image_bytes(&self, project: ProjectId, image: ImageId) -> Result<Vec<u8>, StoreError>;

    /// The cached features of these photos, in this order; none where there are none.
    fn features(
        &self,
        project: ProjectId,
        key: &FeatureKey,
        images: &[ImageId],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError>;

    /// The calibration that the project keeps for the base model of this fingerprint, if any.
    fn calibration(&self, project: ProjectId, base: &str) -> Result<Option<StoredCalibration>, StoreError>;

    /// A project's iterations, in the order in which they began.
    fn iterations(&self, project: ProjectId) -> Result<Vec<Iteration>, StoreError>;

    /// An iteration.
    fn iteration(&self, project: ProjectId, iteration: IterationId) -> Result<Iteration, StoreError>;

    /// The iteration that answers under this name.
    fn published(&self, project: ProjectId, name: &Name) -> Result<Iteration, StoreError>;

    /// What a completed iteration was trained on and answered.
    fn manifest(&self, project: ProjectId, iteration: IterationId) -> Result<Manifest, StoreError>;

    /// A completed iteration's own part of its model, as it was stored.
    fn model(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<u8>, StoreError>;

    /// How far an iteration's training has come, as it was kept; none where nothing was, or it is gone.
    fn checkpoint(&self, project: ProjectId, iteration: IterationId) -> Result<Option<Vec<u8>>, StoreError>;

    /// The exports of an iteration, in the order in which they were kept.
    fn exports(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<Export>, StoreError>;

    /// The bytes of an export's file, as they were stored.
    fn export_bytes(&self, project: ProjectId, export: ExportId, file: &Name) -> Result<Vec<u8>, StoreError>;

    /// A page of the kept predictions that have not expired.
    fn predictions(&self, project: ProjectId, query: &PredictionQuery) -> Result<PredictionPage, StoreError>;

    /// A kept prediction that has not expired.
    fn prediction(
        &self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<StoredPrediction, StoreError>;

    /// The photo of a kept prediction that has not expired.
    fn prediction_bytes(&self, project: ProjectId, prediction: PredictionId) -> Result<Vec<u8>, StoreError>;

    /// The account: what the store is as a whole.
    fn account(&self) -> Result<Account, StoreError>;

    /// The projects, in use, deleted or of a closed account, that cannot be read since their keys are missing, by id. Lists
    /// of projects and of items leave them out.
    fn locked(&self) -> Result<Vec<ProjectId>, StoreError> {
        Ok(Vec::new())
    }

    /// How long a project keeps what it holds: one in use, deleted or of a closed account.
    fn retention(&self, project: ProjectId) -> Result<Retention<RetentionPolicy>, StoreError>;

    /// The holds, in the order in which they were placed.
    fn holds(&self) -> Result<Vec<Hold>, StoreError>;

    /// What there is, due or not, in projects in use, deleted or of a closed account: for plans, holds and requests
    /// about a person. By event and id.
    fn items(&self, query: &ItemQuery) -> Result<Vec<Item>, StoreError>;

    /// The first `take` of what a hold keeps after this item, due or not; a hold on a project lists its photos and kept
    /// predictions.
    fn held(&self, hold: HoldId, after: Option<&HeldItem>, take: usize) -> Result<Vec<HeldItem>, StoreError>;

    /// The bytes of a photo, or of a kept prediction's photo, that a hold keeps, due or not.
    fn held_bytes(&self, hold: HoldId, project: ProjectId, item: Erased) -> Result<Vec<u8>, StoreError>;

    /// The salt of, and the commitment to, a photo or a kept prediction's photo.
    fn commitment(&self, project: ProjectId, item: Erased) -> Result<(Salt, Commitment), StoreError>;

    /// The iterations that were trained on one of these photos, or calibrated with one, or whose layers come from one that
    /// was, by id: due or not, in projects in
    /// use, deleted or of a closed account.
    fn trained_on(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<IterationId>, StoreError>;

    /// The first `take` entries of the audit log after this number, as far as no checkpoint has replaced them, due or not: who
    /// shows them hides the due ones behind a checkpoint.
    fn audit(&self, after: u64, take: usize) -> Result<AuditPage, StoreError>;

    /// The number and the hash of the last entry of the audit log; 0 and [`ocelli_keys::chain_start`] where there never was
    /// one.
    fn audit_head(&self) -> Result<(u64, Digest), StoreError>;

    /// The erasures after this number, in the order in which they began.
    fn operations(&self, after: u64, take: usize) -> Result<Vec<ErasureOperation>, StoreError>;

    /// The erasures that are not recorded as complete, in the order in which they began. The cost is to follow what these
    /// are, not all that there ever was.
    fn incomplete_operations(&self) -> Result<Vec<ErasureOperation>, StoreError> {
        let (mut incomplete, mut after) = (Vec::new(), 0);
        loop {
            let page = self.operations(after, OPERATIONS_AT_ONCE)?;
            let is_last = page.len() < OPERATIONS_AT_ONCE;
            after = page.last().map_or(after, |last| last.number);
            incomplete.extend(page.into_iter().filter(|found| found.completed.is_none()));
            if is_last {
                return Ok(incomplete);
            }
        }
    }

    /// What an operation erased, in the order in which it did.
    fn erased_items(&self, operation: u64) -> Result<Vec<ErasedItem>, StoreError>;

    /// The receipt of an operation, if it has one.
    fn receipt(&self, operation: u64) -> Result<Option<String>, StoreError>;

    /// What was erased at or after this moment, in the order in which it was. To be kept outside of the store: a copy
    /// that is older than an erasure needs them ([`Change::ReapplyErasures`]). All of them are safest there: what a copy
    /// knows of is passed over.
    fn erasures(&self, since: Timestamp) -> Result<Vec<ErasureRecord>, StoreError>;

    /// Goes on with erasures that are pending, and says whether any still is: what waits for the key of a locked project aside.
    /// An erasure that has left such is passed over by [`Change::CompleteErasures`].
    fn finish_erasures(&self) -> Result<ErasureStatus, StoreError>;

    /// Compares all bytes with what was stored and all records with each other, and repairs what can be if asked.
    fn check(&self, options: &CheckOptions) -> Result<CheckReport, StoreError>;

    /// Copies the store, as it is at one moment, into a directory that is empty or not there, while it is in use. What
    /// is erased while the copy is made is not in it.
    fn snapshot(&self, to: &Path) -> Result<(), StoreError>;

    /// Takes the project's training for the caller, until the lock is dropped or the process ends.
    ///
    /// Answers [`StoreError::TrainingInProgress`] where a living process, this one included, holds it.
    fn lock_training(&self, project: ProjectId) -> Result<TrainingLock, StoreError>;
}

/// That the caller, and nobody else, trains a project. Dropping it ends that.
#[derive(Debug)]
pub struct TrainingLock {
    _held: Box<dyn Held>,
}

/// Anything that a store can hold as long as a lock lasts.
trait Held: Any + Debug + Send + Sync {}

impl<T: Any + Debug + Send + Sync> Held for T {}

impl TrainingLock {
    /// A lock that lasts as long as this value, which unlocks when it is dropped.
    pub fn new(held: impl Any + Debug + Send + Sync) -> Self {
        Self { _held: Box::new(held) }
    }
}
