use ocelli_core::{
    Account, AuditEntry, Commitment, Digest, Erased, ErasedItem, ErasureOperation, ErasureRecord, Export,
    ExportId, Hold, HoldId, Image, ImageId, Iteration, IterationId, MetadataFilter, Origin, PredictionId,
    Project, ProjectId, RegionId, Retention, RetentionPolicy, Salt, StoredPrediction, Tag, TagId, Timestamp,
};

use crate::{ContentHash, ContentKey, FeatureKey, StoreError, StoredCalibration, Trained};

/// What is recorded of the bytes of a photo, be it one to train on or a kept prediction's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhotoBytes {
    /// Their identity.
    pub content: ContentHash,
    /// How many there are.
    pub size: u64,
    /// What the commitment was made with. It goes with the photo.
    pub salt: Salt,
    /// The commitment to them.
    pub commitment: Commitment,
}

/// What is recorded of a training's checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The iteration that is in training, or was interrupted.
    pub iteration: IterationId,
    /// The identity of its bytes.
    pub content: ContentHash,
    /// How many there are.
    pub size: u64,
    /// When the oldest of the photos was stored that it may have learned from: it is to be seen as long as that one is.
    pub oldest_photo: Option<Timestamp>,
}

/// Which parts of a kept prediction there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictionParts {
    /// When it was predicted.
    pub created: Timestamp,
    /// Whether its photo is kept.
    pub photo: bool,
    /// Whether results are.
    pub results: bool,
}

/// The records of a store within one transaction, for [`apply`](crate::apply) to read and write.
///
/// A store implements the reading and writing of single records; it decides nothing. Whether a record may be
/// written, and which others change with it, is for `apply`. Records are the project's own where a project is
/// named, whether the project has been deleted or not. A project that has been erased is not there.
///
/// What is due is there like everything else until it is erased. So neither the bytes of photos nor the names of
/// iterations and publications are unique among a project's records: only among those that are not due.
pub trait Transaction {
    /// The account.
    fn account(&mut self) -> Result<Account, StoreError>;
    /// Replaces the account.
    fn put_account(&mut self, account: &Account) -> Result<(), StoreError>;
    /// How long a project keeps what it holds: the default where nothing was put, none where there is no project.
    fn retention(&mut self, project: ProjectId) -> Result<Option<Retention<RetentionPolicy>>, StoreError>;
    /// Replaces how long a project keeps what it holds.
    fn put_retention(
        &mut self,
        project: ProjectId,
        retention: &Retention<RetentionPolicy>,
    ) -> Result<(), StoreError>;
    /// The holds, in the order in which they were placed.
    fn holds(&mut self) -> Result<Vec<Hold>, StoreError>;
    /// Adds a hold.
    fn put_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;
    /// Whether there is a hold of this id, whether or not it can be read.
    fn has_hold(&mut self, hold: HoldId) -> Result<bool, StoreError> {
        Ok(self.holds()?.iter().any(|other| other.id == hold))
    }
    /// Takes a hold away, whether or not it can be read.
    fn remove_hold(&mut self, hold: HoldId) -> Result<(), StoreError>;
    /// A photo or a kept prediction of a project whose metadata the filter selects, if there is one: a photo first.
    fn with_metadata(
        &mut self,
        project: ProjectId,
        filter: &MetadataFilter,
    ) -> Result<Option<Erased>, StoreError>;

    /// All projects, deleted or not.
    fn project_ids(&mut self) -> Result<Vec<ProjectId>, StoreError>;
    /// How many projects there are that have not been deleted.
    fn project_count(&mut self) -> Result<usize, StoreError>;
    /// A project, deleted or not.
    fn project(&mut self, project: ProjectId) -> Result<Option<Project>, StoreError>;
    /// A project's key.
    fn content_key(&mut self, project: ProjectId) -> Result<Option<ContentKey>, StoreError>;
    /// Adds a project.
    fn insert_project(&mut self, project: &Project, key: &ContentKey) -> Result<(), StoreError>;
    /// Replaces the project of this id.
    fn update_project(&mut self, project: &Project) -> Result<(), StoreError>;
    /// Says when a project was deleted, or that it is not, whether or not the rest of it can be read.
    fn put_deleted(&mut self, project: ProjectId, deleted: Option<Timestamp>) -> Result<(), StoreError> {
        match self.project(project)? {
            Some(found) => self.update_project(&Project { deleted, ..found }),
            None => Ok(()),
        }
    }
    /// Looks at all that taking away a tag, a photo, a kept prediction or a part of one, an iteration or an export asks of its
    /// records: [`StoreError::Corrupt`] says that they cannot be read, while nothing has been taken away. What is not
    /// there can be.
    fn can_remove(&mut self, project: ProjectId, item: &Erased) -> Result<(), StoreError> {
        let _ = (project, item);
        Ok(())
    }
    /// Takes a project away, with all it owns.
    fn remove_project(&mut self, project: ProjectId) -> Result<(), StoreError>;

    /// A project's tags, in the order in which they were created. Counts may be 0.
    fn tags(&mut self, project: ProjectId) -> Result<Vec<Tag>, StoreError>;
    /// Adds or replaces a tag.
    fn put_tag(&mut self, project: ProjectId, tag: &Tag) -> Result<(), StoreError>;
    /// Takes a tag away, from its photos and their regions and from the results of kept predictions too. A kept
    /// prediction that has neither a photo nor results then goes as well.
    fn remove_tag(&mut self, project: ProjectId, tag: TagId) -> Result<(), StoreError>;
    /// The photos that have a tag, on the whole or on a region, by id.
    fn images_with_tag(&mut self, project: ProjectId, tag: TagId) -> Result<Vec<ImageId>, StoreError>;

    /// The kept predictions that have a result for a tag, by id.
    fn predictions_with_tag(
        &mut self,
        project: ProjectId,
        tag: TagId,
    ) -> Result<Vec<PredictionId>, StoreError>;

    /// How many photos a project has that were stored after this moment; all where there is none.
    fn image_count(&mut self, project: ProjectId, after: Option<Timestamp>) -> Result<usize, StoreError>;
    /// When a photo was stored.
    fn image_created(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Timestamp>, StoreError>;
    /// A photo.
    fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError>;
    /// Where a photo came from, whether or not the rest of it can be read.
    fn image_origin(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Origin>, StoreError> {
        Ok(self.image(project, image)?.map(|found| found.origin))
    }
    /// What is recorded of a photo's bytes.
    fn image_bytes(&mut self, project: ProjectId, image: ImageId) -> Result<Option<PhotoBytes>, StoreError>;
    /// The photos that have these bytes, by id: hardly ever more than one.
    fn images_with_content(
        &mut self,
        project: ProjectId,
        content: &ContentHash,
    ) -> Result<Vec<ImageId>, StoreError>;
    /// The photo that has this region.
    fn image_with_region(
        &mut self,
        project: ProjectId,
        region: RegionId,
    ) -> Result<Option<Image>, StoreError>;
    /// Adds a photo, with its tags, regions and metadata.
    fn insert_image(
        &mut self,
        project: ProjectId,
        image: &Image,
        bytes: &PhotoBytes,
    ) -> Result<(), StoreError>;
    /// Replaces the tags, regions and metadata of a photo.
    fn update_image(&mut self, project: ProjectId, image: &Image) -> Result<(), StoreError>;
    /// Takes a photo away, with its tags, regions, metadata and features.
    fn remove_image(&mut self, project: ProjectId, image: ImageId) -> Result<(), StoreError>;
    /// Adds or replaces the features of a photo under this key, computed at this moment.
    fn put_features(
        &mut self,
        project: ProjectId,
        image: ImageId,
        key: &FeatureKey,
        features: &[f32],
        computed: Timestamp,
    ) -> Result<(), StoreError>;
    /// The moments at which those features of a photo were computed that are cached, the first one first.
    fn features_computed(&mut self, project: ProjectId, image: ImageId)
    -> Result<Vec<Timestamp>, StoreError>;
    /// Takes away the features of a photo that were computed at or before this moment; all where there is none.
    fn remove_features_of(
        &mut self,
        project: ProjectId,
        image: ImageId,
        through: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// Takes away the features of all of a project's photos under this key.
    fn remove_features(&mut self, project: ProjectId, key: &FeatureKey) -> Result<(), StoreError>;
    /// The calibration of a base model.
    fn calibration(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<StoredCalibration>, StoreError>;
    /// The fingerprint of the calibration of a base model, whether or not the rest of it can be read.
    fn calibration_fingerprint(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<String>, StoreError> {
        Ok(self.calibration(project, base)?.map(|found| found.fingerprint))
    }
    /// The base models whose calibrations looked at a photo.
    fn calibrations_with_image(
        &mut self,
        project: ProjectId,
        image: ImageId,
    ) -> Result<Vec<String>, StoreError>;
    /// Takes away the calibration of a base model.
    fn remove_calibration(&mut self, project: ProjectId, base: &str) -> Result<(), StoreError>;
    /// Adds or replaces the calibration of a base model.
    fn put_calibration(
        &mut self,
        project: ProjectId,
        base: &str,
        calibration: &StoredCalibration,
    ) -> Result<(), StoreError>;

    /// A project's iterations, in the order in which they began.
    fn iterations(&mut self, project: ProjectId) -> Result<Vec<Iteration>, StoreError>;
    /// An iteration.
    fn iteration(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
    ) -> Result<Option<Iteration>, StoreError> {
        Ok(self.iterations(project)?.into_iter().find(|found| found.id == iteration))
    }
    /// The ids of a project's iterations and when they began, in that order, whether or not the rest can be read.
    fn iteration_ids(&mut self, project: ProjectId) -> Result<Vec<(IterationId, Timestamp)>, StoreError> {
        Ok(self.iterations(project)?.iter().map(|iteration| (iteration.id, iteration.created)).collect())
    }
    /// Adds or replaces an iteration.
    fn put_iteration(&mut self, iteration: &Iteration) -> Result<(), StoreError>;
    /// Adds what came of an iteration's training.
    fn insert_trained(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
        trained: &Trained,
    ) -> Result<(), StoreError>;
    /// The iterations that were trained on a tag.
    fn iterations_with_tag(&mut self, project: ProjectId, tag: TagId)
    -> Result<Vec<IterationId>, StoreError>;
    /// Takes a photo out of all that iterations know: those evaluated, tested on, left out and looked at to calibrate. Says
    /// which iterations were trained on it or calibrated with it, and counts it there as erased, once each; and apart from
    /// that where it was tested on.
    fn forget_image(&mut self, project: ProjectId, image: ImageId) -> Result<Vec<IterationId>, StoreError>;
    /// The project's checkpoint.
    fn checkpoint(&mut self, project: ProjectId) -> Result<Option<Checkpoint>, StoreError>;
    /// Adds or replaces the project's checkpoint.
    fn put_checkpoint(&mut self, project: ProjectId, checkpoint: &Checkpoint) -> Result<(), StoreError>;
    /// Takes the project's checkpoint away, if there is one.
    fn remove_checkpoint(&mut self, project: ProjectId) -> Result<(), StoreError>;
    /// Takes an iteration away, with what came of its training, its checkpoint and its exports.
    fn remove_iteration(&mut self, project: ProjectId, iteration: IterationId) -> Result<(), StoreError>;

    /// The exports of a project, in the order in which they were kept.
    fn exports(&mut self, project: ProjectId) -> Result<Vec<Export>, StoreError>;
    /// An export.
    fn export(&mut self, project: ProjectId, export: ExportId) -> Result<Option<Export>, StoreError> {
        Ok(self.exports(project)?.into_iter().find(|found| found.id == export))
    }
    /// The ids of an iteration's exports and when they were made, in the order in which they were kept, whether or not the
    /// rest can be read.
    fn export_ids(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
    ) -> Result<Vec<(ExportId, Timestamp)>, StoreError> {
        let exports = self.exports(project)?;
        let of_it = exports.iter().filter(|export| export.iteration_id == iteration);
        Ok(of_it.map(|export| (export.id, export.created)).collect())
    }
    /// Adds an export, with the identities of its files' bytes in their order.
    fn insert_export(
        &mut self,
        project: ProjectId,
        export: &Export,
        contents: &[ContentHash],
    ) -> Result<(), StoreError>;
    /// Takes an export away.
    fn remove_export(&mut self, project: ProjectId, export: ExportId) -> Result<(), StoreError>;

    /// A kept prediction as it is recorded, and what is recorded of its photo's bytes, if that is kept. When it expires
    /// is not recorded: what this says of it is ignored.
    fn prediction(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<(StoredPrediction, Option<PhotoBytes>)>, StoreError>;
    /// Adds a kept prediction, with its photo if that is kept.
    fn insert_prediction(
        &mut self,
        prediction: &StoredPrediction,
        bytes: Option<&PhotoBytes>,
    ) -> Result<(), StoreError>;
    /// Which parts of a kept prediction there are, whether or not the rest of it can be read.
    fn prediction_parts(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<PredictionParts>, StoreError> {
        Ok(self.prediction(project, prediction)?.map(|(kept, _)| PredictionParts {
            created: kept.prediction.created,
            photo: kept.photo_kept,
            results: !kept.prediction.predictions.is_empty(),
        }))
    }
    /// Takes a kept prediction away.
    fn remove_prediction(&mut self, project: ProjectId, prediction: PredictionId) -> Result<(), StoreError>;
    /// Takes the photo of a kept prediction away, with its salt and commitment; the rest stays.
    fn remove_prediction_photo(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<(), StoreError>;
    /// Takes all results of a kept prediction away; the rest stays.
    fn remove_prediction_results(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<(), StoreError>;

    /// Whether the store knows of an erasure.
    fn knows_erasure(&mut self, erasure: &ErasureRecord) -> Result<bool, StoreError>;
    /// Whether the store knows that this was erased from a project, whenever it was.
    fn was_erased(&mut self, project: ProjectId, erased: &Erased) -> Result<bool, StoreError>;
    /// Adds an erasure, which belongs to an operation, to those that the store knows of. One that it knows of already,
    /// by its record, is passed over.
    fn record_erasure(&mut self, operation: u64, erased: &ErasedItem) -> Result<(), StoreError>;
    /// The number of the operation that began last; 0 where none has.
    fn last_operation(&mut self) -> Result<u64, StoreError>;
    /// An operation.
    fn operation(&mut self, number: u64) -> Result<Option<ErasureOperation>, StoreError>;
    /// Adds or replaces an operation.
    fn put_operation(&mut self, operation: &ErasureOperation) -> Result<(), StoreError>;
    /// Whether something that an operation erased is still there and waits for a key that is missing.
    fn waits_for_key(&mut self, operation: u64) -> Result<bool, StoreError> {
        let _ = operation;
        Ok(false)
    }
    /// Whether an operation has a receipt.
    fn has_receipt(&mut self, operation: u64) -> Result<bool, StoreError>;
    /// Keeps the receipt of an operation that has none.
    fn keep_receipt(&mut self, operation: u64, receipt: &str) -> Result<(), StoreError>;

    /// The number and the hash of the last entry of the audit log, expired or not; none before the first.
    fn audit_head(&mut self) -> Result<Option<(u64, Digest)>, StoreError>;
    /// Appends an entry to the audit log, with its hash.
    fn append_audit(&mut self, entry: &AuditEntry, hash: &Digest) -> Result<(), StoreError>;
    /// The latest moment among the entries of the audit log up to this number; none where none is left.
    fn latest_audit(&mut self, through: u64) -> Result<Option<Timestamp>, StoreError>;
    /// Takes the entries of the audit log up to this number away, and replaces its checkpoint. Its head stays.
    fn expire_audit(&mut self, through: u64, checkpoint: &str) -> Result<(), StoreError>;
}
