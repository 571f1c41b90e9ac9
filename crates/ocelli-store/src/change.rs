#[cfg(doc)]
use ocelli_core::limits;
use ocelli_core::{
    AccountPolicy, Affected, AuditEvent, Digest, ErasureOperation, ErasureRecord, Export, ExportId, Hold,
    HoldId, ImageId, IterationId, Metadata, Name, PredictionId, Project, ProjectId, ProjectUpdate,
    Publication, Region, RegionId, RetentionPolicy, Salt, StoredPrediction, Tag, TagId, TagUpdate, Timestamp,
    TrainingFailure,
};

#[cfg(doc)]
use crate::Applied;
use crate::{
    ContentKey, FeatureKey, ItemToErase, NewExportFile, NewImage, NewIteration, StoredCalibration, Trained,
    UsedPrediction,
};

/// A change of the store. Ids, moments and random bytes in it come from the caller.
///
/// What is due by the retention policies is not there for a change, though it may not have been erased yet. Data of a class
/// that would be due at once is refused with [`StoreError::NotKept`](crate::StoreError::NotKept).
///
/// What a hold keeps loses nothing. A change that would erase it, take a tag or a region from it, replace its metadata or
/// make a kept prediction a photo is refused with [`StoreError::Held`](crate::StoreError::Held) as a whole, and the audit log
/// says so; where its bytes are those of a held photo, which would take its metadata, that prediction alone is refused.
/// [`Change::EraseItems`] and [`Change::ReapplyErasures`] pass over it and tell. What adds to it is made: tags and
/// regions of its own, features, iterations and exports of a held project. So are new names and descriptions of a held
/// project, its tags and iterations, and publishing; [`HoldTarget`](ocelli_core::HoldTarget) says what each hold keeps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// A new project, and the key that its photos will be named with.
    CreateProject {
        /// The project.
        project: Project,
        /// Its key.
        key: ContentKey,
    },
    /// New values for a project.
    UpdateProject {
        /// The project.
        project: ProjectId,
        /// The values.
        update: ProjectUpdate,
        /// When.
        at: Timestamp,
    },
    /// Hides a project and all it owns. Refused while an iteration of it is published.
    DeleteProject {
        /// The project.
        project: ProjectId,
        /// When.
        at: Timestamp,
    },
    /// Brings a deleted project back, until it is due by the account's policy.
    RestoreProject {
        /// The project.
        project: ProjectId,
        /// When.
        at: Timestamp,
    },
    /// Erases a project and all it owns, for good: one in use, with whatever is published, one that was deleted, or one
    /// of a closed account.
    /// Answered by [`Applied::Erased`].
    EraseProject {
        /// The project.
        project: ProjectId,
        /// When.
        at: Timestamp,
    },
    /// A new tag; its count is ignored.
    CreateTag {
        /// The project.
        project: ProjectId,
        /// The tag.
        tag: Tag,
    },
    /// New values for a tag. What is said of a training that failed is replaced where it has the name before.
    UpdateTag {
        /// The project.
        project: ProjectId,
        /// The tag.
        tag: TagId,
        /// The values.
        update: TagUpdate,
    },
    /// Erases a tag, from the project, from its photos and their regions, and from the results of kept predictions. What
    /// is said of a training that failed is replaced where it has the tag's name. Answered by [`Applied::Erased`].
    DeleteTag {
        /// The project.
        project: ProjectId,
        /// The tag.
        tag: TagId,
        /// What becomes of the iterations that were trained on it. Those that stay keep its name.
        affected: Affected,
        /// When.
        at: Timestamp,
    },
    /// New photos. Answered by [`Applied::Images`], one entry a photo in the same order; one that is refused does
    /// not keep the others out. A photo of the same bytes that is due is erased first, unless a hold keeps it beside the
    /// new one.
    AddImages {
        /// The project.
        project: ProjectId,
        /// The photos.
        images: Vec<NewImage>,
    },
    /// Erases photos, with their bytes, tags, regions, metadata and features, and from the performance records of
    /// iterations. Calibrations that looked at one of them go too; an iteration whose model carries such a calibration
    /// counts as trained on the photo. All must exist. Answered by [`Applied::Erased`].
    DeleteImages {
        /// The project.
        project: ProjectId,
        /// The photos.
        images: Vec<ImageId>,
        /// What becomes of the iterations that were trained on them.
        affected: Affected,
        /// When.
        at: Timestamp,
    },
    /// Gives tags to photos. Answered by [`Applied::Tags`].
    TagImages {
        /// The project.
        project: ProjectId,
        /// Which photo gets which tag.
        tags: Vec<(ImageId, TagId)>,
        /// When.
        at: Timestamp,
    },
    /// Takes each of these tags from each of these photos; what a photo does not have is passed over.
    UntagImages {
        /// The project.
        project: ProjectId,
        /// The photos.
        images: Vec<ImageId>,
        /// The tags.
        tags: Vec<TagId>,
    },
    /// Draws regions on photos. All or none.
    AddRegions {
        /// The project.
        project: ProjectId,
        /// The regions, each with its photo.
        regions: Vec<(ImageId, Region)>,
    },
    /// Erases regions. All must exist. Answered by [`Applied::Erased`].
    DeleteRegions {
        /// The project.
        project: ProjectId,
        /// The regions.
        regions: Vec<RegionId>,
        /// When.
        at: Timestamp,
    },
    /// Replaces the metadata of a photo, and erases what it was, if that was something else. Answered by
    /// [`Applied::Erased`].
    SetMetadata {
        /// The project.
        project: ProjectId,
        /// The photo.
        image: ImageId,
        /// The new entries.
        metadata: Metadata,
        /// When.
        at: Timestamp,
    },
    /// Keeps features of photos, so that they are computed once. Photos that have been deleted since are passed
    /// over, and so is everything that was computed with a calibration that the project does not keep: one that has
    /// been erased is not to come back by what it made.
    CacheFeatures {
        /// The project.
        project: ProjectId,
        /// What they depend on besides the photo.
        key: FeatureKey,
        /// The features.
        features: Vec<(ImageId, Vec<f32>)>,
    },
    /// Keeps the calibration of a base model, in place of the one that the project has for it. The features that were
    /// computed with the one before go with it. One that looked at a photo that has been erased since is not kept.
    KeepCalibration {
        /// The project.
        project: ProjectId,
        /// The fingerprint of the base model, its preprocessing included, in hexadecimal.
        base: String,
        /// The calibration.
        calibration: StoredCalibration,
    },
    /// Begins an iteration. The caller holds the project's [`TrainingLock`](crate::TrainingLock), so any other
    /// iteration in training has lost its process and becomes [`TrainingFailure::Interrupted`]; the project's checkpoint
    /// goes. Answered by [`Applied::Iteration`].
    BeginTraining {
        /// The iteration.
        iteration: NewIteration,
    },
    /// Keeps how far a training has come, in place of what was kept before: a project has one checkpoint at most. Refused
    /// unless the iteration is in training. What has learned from a photo or a tag that has been erased since is not
    /// kept, and whatever erases a photo or a tag of the project takes the checkpoint along. No hold keeps it.
    KeepCheckpoint {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// The checkpoint, in the form that the caller chose.
        checkpoint: Vec<u8>,
        /// The photos that it may have learned from.
        looked_at: Vec<ImageId>,
        /// The tags that it may have learned from.
        tags: Vec<TagId>,
    },
    /// Puts an iteration back in training that is in training or became [`TrainingFailure::Interrupted`], and has a
    /// checkpoint, which stays. The caller holds the project's [`TrainingLock`](crate::TrainingLock), so that its process
    /// is gone, and that of any other iteration in training. Answered by [`Applied::Iteration`].
    ResumeTraining {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// When.
        at: Timestamp,
    },
    /// Ends a training with a model; its checkpoint goes. Photos that have been erased since it began are counted in its
    /// manifest instead of listed. Refused where a tag has been: the model would bring its name back.
    CompleteTraining {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// What came of it.
        trained: Box<Trained>,
        /// When.
        at: Timestamp,
        /// What the training took, in milliseconds.
        training_millis: u64,
    },
    /// Ends a training without a model. Its checkpoint goes, unless it is [`TrainingFailure::Interrupted`]: then it can be
    /// resumed.
    FailTraining {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// Why.
        failure: TrainingFailure,
        /// When.
        at: Timestamp,
    },
    /// Gives an iteration another name, unique within its project.
    RenameIteration {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// The name.
        name: Name,
        /// When.
        at: Timestamp,
    },
    /// Lets a completed iteration answer under a name. An iteration has one such name and one precision: publishing it
    /// anew replaces the first.
    Publish {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// The name and the precision.
        publication: Publication,
        /// Whether to take the name from the iteration that has it.
        overwrite: bool,
        /// When.
        at: Timestamp,
    },
    /// Ends a publication.
    Unpublish {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// When.
        at: Timestamp,
    },
    /// Erases an iteration, its model, its manifest, its checkpoint and its exports. Refused while it is published or in training.
    /// Answered by [`Applied::Erased`].
    DeleteIteration {
        /// The project.
        project: ProjectId,
        /// The iteration.
        iteration: IterationId,
        /// When.
        at: Timestamp,
    },
    /// Keeps an export of a completed iteration. The files of the export follow from these; what it lists is ignored.
    KeepExport {
        /// The project.
        project: ProjectId,
        /// The export.
        export: Export,
        /// Its files.
        files: Vec<NewExportFile>,
    },
    /// Erases an export. Answered by [`Applied::Erased`].
    DeleteExport {
        /// The project.
        project: ProjectId,
        /// The export.
        export: ExportId,
        /// When.
        at: Timestamp,
    },
    /// Keeps a prediction and its photo, without the results of tags that have been erased, and without the part whose
    /// class would be due at once. What it says of when it expires is ignored.
    KeepPrediction {
        /// The prediction.
        prediction: Box<StoredPrediction>,
        /// The photo, less its metadata.
        bytes: Vec<u8>,
        /// What the commitment to it is made with.
        salt: Salt,
    },
    /// Erases kept predictions and their photos. All must exist and not be due. Answered by [`Applied::Erased`].
    DeletePredictions {
        /// The project.
        project: ProjectId,
        /// The predictions.
        predictions: Vec<PredictionId>,
        /// When.
        at: Timestamp,
    },
    /// Moves kept predictions' photos, with their metadata and commitments, to the photos to train on. Answered by
    /// [`Applied::Images`], one entry a prediction in the same order. A held prediction is moved where each of its holds
    /// keeps the photo too: that is so for holds on the project and on metadata.
    UsePredictions {
        /// The project.
        project: ProjectId,
        /// The predictions.
        predictions: Vec<UsedPrediction>,
        /// When.
        at: Timestamp,
    },
    /// Replaces a project's retention policy. What was due under the one before stays due.
    SetRetention {
        /// The project.
        project: ProjectId,
        /// The policy.
        policy: RetentionPolicy,
        /// When.
        at: Timestamp,
    },
    /// Replaces the account's retention policy. What was due under the one before stays due.
    SetAccountPolicy {
        /// The policy.
        policy: AccountPolicy,
        /// When.
        at: Timestamp,
    },
    /// Makes what is due now stay so, whatever a policy or the clock says later: of the account and of every project.
    LatchDue {
        /// When.
        at: Timestamp,
    },
    /// Closes the account: its projects are hidden, and due when its policy says so. Refused while an iteration is
    /// published. Closing one that is closed changes nothing.
    CloseAccount {
        /// When.
        at: Timestamp,
    },
    /// Opens a closed account again, unless it is due.
    ReopenAccount {
        /// When.
        at: Timestamp,
    },
    /// Places a hold. What it is on must exist, deleted or not; what a metadata expression selects may be nothing yet.
    PlaceHold {
        /// The hold.
        hold: Hold,
    },
    /// Releases a hold.
    ReleaseHold {
        /// The hold.
        hold: HoldId,
        /// When.
        at: Timestamp,
    },
    /// Begins an erasure of many steps. Answered by [`Applied::Operation`].
    BeginErasure {
        /// The hash of the plan that it carries out, if it does.
        plan: Option<Digest>,
        /// When.
        at: Timestamp,
    },
    /// A step of such an erasure, in projects in use, deleted or of a closed account. Each item is looked at again: what
    /// was planned since it was due must be so still, and what a hold keeps stays. Answered by [`Applied::Items`].
    EraseItems {
        /// The operation, from [`Change::BeginErasure`].
        operation: u64,
        /// What to erase and why, at most [`limits::MAX_ERASED_AT_ONCE`] things. Photos, kept predictions and their
        /// parts, features, iterations, exports and projects.
        items: Vec<ItemToErase>,
        /// What becomes of the iterations that were trained on what is erased.
        affected: Affected,
        /// When.
        at: Timestamp,
    },
    /// Says that nothing of what these operations erased is left. The caller has it from
    /// [`Store::finish_erasures`](crate::Store::finish_erasures), which it asked after it had listed them.
    CompleteErasures {
        /// The operations, as they were listed. Those that are complete already are passed over, and so are those that
        /// have erased more since.
        operations: Vec<ErasureOperation>,
        /// When.
        at: Timestamp,
    },
    /// Keeps the receipt of a complete operation, unless it has one. One that has erased more than the receipt lists is
    /// refused as not complete.
    KeepReceipt {
        /// The operation.
        operation: u64,
        /// How many items the receipt lists.
        count: u64,
        /// The receipt, as it was signed.
        receipt: String,
        /// When.
        at: Timestamp,
    },
    /// Replaces due entries at the beginning of the audit log by a checkpoint.
    ExpireAudit {
        /// The number of the last of them.
        through: u64,
        /// The checkpoint, as it was signed.
        checkpoint: String,
        /// When.
        at: Timestamp,
    },
    /// Writes something into the audit log that changes nothing in the store: that it was exported or imported.
    Audit {
        /// What.
        event: AuditEvent,
        /// When.
        at: Timestamp,
    },
    /// Erases again, in a store that is older than these erasures, what they erased and it still has. Those that the
    /// store knows of have been done; what a hold keeps, or is too damaged to be looked into, stays and is told
    /// ([`Erasure::refused`](ocelli_core::Erasure::refused)). Answered by [`Applied::Erased`], with the iterations of all projects.
    ReapplyErasures {
        /// The erasures.
        erasures: Vec<ErasureRecord>,
        /// What becomes of the iterations that were trained on what is erased.
        affected: Affected,
    },
}

impl Change {
    /// The project that the change's bytes (photos, files of exports, checkpoints) go into and the bytes, in order; none where the
    /// change brings none.
    pub fn contents(&self) -> Option<(ProjectId, Vec<&[u8]>)> {
        match self {
            Self::AddImages { project, images } => {
                Some((*project, images.iter().map(|new| new.bytes.as_slice()).collect()))
            }
            Self::KeepPrediction { prediction, bytes, .. } => {
                Some((prediction.prediction.project_id, vec![bytes.as_slice()]))
            }
            Self::KeepExport { project, files, .. } => {
                Some((*project, files.iter().map(|file| file.bytes.as_slice()).collect()))
            }
            Self::KeepCheckpoint { project, checkpoint, .. } => Some((*project, vec![checkpoint.as_slice()])),
            _ => None,
        }
    }

    /// Whether the change takes nothing away that was told to be kept: neither records nor what a caller put into them.
    /// What it may replace is what the store says of its own state: that a project is deleted, how far a training has come
    /// and how it ended, and cached features. [`Change::AddImages`] may erase besides, though only what is due: a store sees that by
    /// [`Transaction::record_erasure`](crate::Transaction::record_erasure).
    pub fn only_adds(&self) -> bool {
        matches!(
            self,
            Self::CreateProject { .. }
                | Self::DeleteProject { .. }
                | Self::RestoreProject { .. }
                | Self::CreateTag { .. }
                | Self::AddImages { .. }
                | Self::TagImages { .. }
                | Self::AddRegions { .. }
                | Self::CacheFeatures { .. }
                | Self::BeginTraining { .. }
                | Self::KeepCheckpoint { .. }
                | Self::ResumeTraining { .. }
                | Self::CompleteTraining { .. }
                | Self::FailTraining { .. }
                | Self::KeepExport { .. }
                | Self::KeepPrediction { .. }
                | Self::SetRetention { .. }
                | Self::SetAccountPolicy { .. }
                | Self::LatchDue { .. }
                | Self::CloseAccount { .. }
                | Self::ReopenAccount { .. }
                | Self::PlaceHold { .. }
                | Self::BeginErasure { .. }
                | Self::CompleteErasures { .. }
                | Self::KeepReceipt { .. }
                | Self::Audit { .. }
        )
    }

    /// Whether the change is a part of erasing, which must not fail for lack of room: a store on a full disk makes it in
    /// the room that it keeps for that. It is one where it takes something away, and where it begins, ends or records an
    /// erasure of many steps.
    pub fn is_of_erasing(&self) -> bool {
        !self.only_adds()
            || matches!(
                self,
                Self::LatchDue { .. }
                    | Self::BeginErasure { .. }
                    | Self::CompleteErasures { .. }
                    | Self::KeepReceipt { .. }
            )
    }
}

#[cfg(test)]
mod tests;
