use ocelli_core::{
    Account, AuditEntry, Digest, Erased, ErasedItem, ErasureOperation, ErasureRecord, Export, ExportId, Hold,
    HoldId, Image, ImageId, Iteration, IterationId, MetadataFilter, Origin, PredictionId, Project, ProjectId,
    RegionId, Retention, RetentionPolicy, StoredPrediction, Tag, TagId, Timestamp,
};
use ocelli_store::{
    Change, Checkpoint, ContentHash, ContentKey, FeatureKey, ImageFilter, PhotoBytes, PredictionParts,
    StoreError, StoredCalibration, Trained, Transaction,
};

use crate::records::{
    account, audit, calibrations, checkpoints, erasures, exports, features, held, holds, images, iterations,
    manifests, operations, predictions, projects, removals, removed_tags, tags,
};
use crate::rows::Rows;

/// The rows within a write transaction of SQLite.
pub(crate) struct LocalTransaction<'c> {
    rows: &'c Rows<'c>,
    /// Whether the change is about things that need not be opened for it.
    erases: bool,
    /// Whether bytes may have lost their last record.
    lost: bool,
}

impl<'c> LocalTransaction<'c> {
    pub(crate) fn new(rows: &'c Rows<'c>, change: &Change) -> Self {
        let erases = matches!(
            change,
            Change::DeleteProject { .. }
                | Change::EraseProject { .. }
                | Change::EraseItems { .. }
                | Change::ReapplyErasures { .. }
        );
        Self { rows, erases, lost: false }
    }

    /// Whether bytes may have lost their last record, and are noted to be removed.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost
    }

    fn lose(&mut self, project: ProjectId, content: &ContentHash) -> Result<(), StoreError> {
        self.lost = true;
        removals::note(self.rows, project, content)
    }
}

impl Transaction for LocalTransaction<'_> {
    fn account(&mut self) -> Result<Account, StoreError> {
        account::get(self.rows)
    }

    fn put_account(&mut self, account: &Account) -> Result<(), StoreError> {
        account::put(self.rows, account)
    }

    fn retention(&mut self, project: ProjectId) -> Result<Option<Retention<RetentionPolicy>>, StoreError> {
        projects::retention(self.rows, project)
    }

    fn put_retention(
        &mut self,
        project: ProjectId,
        retention: &Retention<RetentionPolicy>,
    ) -> Result<(), StoreError> {
        projects::put_retention(self.rows, project, retention)
    }

    fn holds(&mut self) -> Result<Vec<Hold>, StoreError> {
        holds::list(self.rows)
    }

    fn put_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        holds::put(self.rows, hold)
    }

    fn has_hold(&mut self, hold: HoldId) -> Result<bool, StoreError> {
        holds::has(self.rows, hold)
    }

    fn remove_hold(&mut self, hold: HoldId) -> Result<(), StoreError> {
        holds::remove(self.rows, hold)
    }

    fn with_metadata(
        &mut self,
        project: ProjectId,
        filter: &MetadataFilter,
    ) -> Result<Option<Erased>, StoreError> {
        held::with_metadata(self.rows, project, filter)
    }

    fn project_ids(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        projects::all_ids(self.rows)
    }

    fn project_count(&mut self) -> Result<usize, StoreError> {
        projects::count(self.rows)
    }

    fn project(&mut self, project: ProjectId) -> Result<Option<Project>, StoreError> {
        match projects::get(self.rows, project) {
            // What nobody can open or read can be deleted and erased all the same.
            Err(StoreError::Key { .. }) if self.erases => {
                projects::outline(self.rows, project, projects::ENCRYPTED)
            }
            Err(StoreError::Corrupt { .. }) if self.erases => {
                projects::outline(self.rows, project, projects::DAMAGED)
            }
            found => found,
        }
    }

    fn content_key(&mut self, project: ProjectId) -> Result<Option<ContentKey>, StoreError> {
        projects::key(self.rows, project)
    }

    fn insert_project(&mut self, project: &Project, key: &ContentKey) -> Result<(), StoreError> {
        projects::insert(self.rows, project, key)
    }

    fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        projects::update(self.rows, project)
    }

    fn put_deleted(&mut self, project: ProjectId, deleted: Option<Timestamp>) -> Result<(), StoreError> {
        projects::put_deleted(self.rows, project, deleted)
    }

    fn can_remove(&mut self, project: ProjectId, item: &Erased) -> Result<(), StoreError> {
        // What names the bytes that go along.
        match item {
            Erased::Tag(_) => checkpoints::content_of(self.rows, project, None).map(drop),
            Erased::Image(id) => {
                checkpoints::content_of(self.rows, project, None)?;
                images::content_of(self.rows, project, *id).map(drop)
            }
            Erased::Prediction(id) | Erased::PredictionPhoto(id) => {
                predictions::content_of(self.rows, project, *id).map(drop)
            }
            Erased::Iteration(id) => {
                checkpoints::content_of(self.rows, project, Some(*id))?;
                let exports = exports::ids_of(self.rows, project, *id)?;
                exports.iter().try_for_each(|(id, _)| exports::contents(self.rows, project, *id).map(drop))
            }
            Erased::Export(id) => exports::contents(self.rows, project, *id).map(drop),
            _ => Ok(()),
        }
    }

    fn remove_project(&mut self, project: ProjectId) -> Result<(), StoreError> {
        projects::erase(self.rows, project)
    }

    fn tags(&mut self, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
        tags::list(self.rows, project)
    }

    fn put_tag(&mut self, project: ProjectId, tag: &Tag) -> Result<(), StoreError> {
        tags::put(self.rows, project, tag)
    }

    fn remove_tag(&mut self, project: ProjectId, tag: TagId) -> Result<(), StoreError> {
        tags::remove(self.rows, project, tag)
    }

    fn images_with_tag(&mut self, project: ProjectId, tag: TagId) -> Result<Vec<ImageId>, StoreError> {
        tags::images(self.rows, project, tag)
    }

    fn predictions_with_tag(
        &mut self,
        project: ProjectId,
        tag: TagId,
    ) -> Result<Vec<PredictionId>, StoreError> {
        predictions::with_tag(self.rows, project, tag)
    }

    fn image_count(&mut self, project: ProjectId, after: Option<Timestamp>) -> Result<usize, StoreError> {
        let count = images::count(self.rows, project, after, &ImageFilter::default())?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn image_created(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Timestamp>, StoreError> {
        images::created(self.rows, project, image)
    }

    fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError> {
        images::get(self.rows, project, image)
    }

    fn image_origin(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Origin>, StoreError> {
        images::origin(self.rows, project, image)
    }

    fn image_bytes(&mut self, project: ProjectId, image: ImageId) -> Result<Option<PhotoBytes>, StoreError> {
        images::bytes(self.rows, project, image)
    }

    fn images_with_content(
        &mut self,
        project: ProjectId,
        content: &ContentHash,
    ) -> Result<Vec<ImageId>, StoreError> {
        images::with_content(self.rows, project, content)
    }

    fn image_with_region(
        &mut self,
        project: ProjectId,
        region: RegionId,
    ) -> Result<Option<Image>, StoreError> {
        images::get_by_region(self.rows, project, region)
    }

    fn insert_image(
        &mut self,
        project: ProjectId,
        image: &Image,
        bytes: &PhotoBytes,
    ) -> Result<(), StoreError> {
        images::insert(self.rows, project, image, bytes)
    }

    fn update_image(&mut self, project: ProjectId, image: &Image) -> Result<(), StoreError> {
        images::update(self.rows, project, image)
    }

    fn remove_image(&mut self, project: ProjectId, image: ImageId) -> Result<(), StoreError> {
        if let Some(content) = images::content_of(self.rows, project, image)? {
            self.lose(project, &content)?;
        }
        images::remove(self.rows, project, image)
    }

    fn put_features(
        &mut self,
        project: ProjectId,
        image: ImageId,
        key: &FeatureKey,
        features: &[f32],
        computed: Timestamp,
    ) -> Result<(), StoreError> {
        features::put(self.rows, project, image, key, features, computed)
    }

    fn features_computed(
        &mut self,
        project: ProjectId,
        image: ImageId,
    ) -> Result<Vec<Timestamp>, StoreError> {
        features::computed(self.rows, project, image)
    }

    fn remove_features_of(
        &mut self,
        project: ProjectId,
        image: ImageId,
        through: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        features::remove_of(self.rows, project, image, through)
    }

    fn remove_features(&mut self, project: ProjectId, key: &FeatureKey) -> Result<(), StoreError> {
        features::remove(self.rows, project, key)
    }

    fn calibration(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<StoredCalibration>, StoreError> {
        calibrations::get(self.rows, project, base)
    }

    fn calibration_fingerprint(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<String>, StoreError> {
        calibrations::fingerprint(self.rows, project, base)
    }

    fn put_calibration(
        &mut self,
        project: ProjectId,
        base: &str,
        calibration: &StoredCalibration,
    ) -> Result<(), StoreError> {
        calibrations::put(self.rows, project, base, calibration)
    }

    fn calibrations_with_image(
        &mut self,
        project: ProjectId,
        image: ImageId,
    ) -> Result<Vec<String>, StoreError> {
        calibrations::with_image(self.rows, project, image)
    }

    fn remove_calibration(&mut self, project: ProjectId, base: &str) -> Result<(), StoreError> {
        calibrations::remove(self.rows, project, base)
    }

    fn iterations(&mut self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        iterations::list(self.rows, project)
    }

    fn iteration_ids(&mut self, project: ProjectId) -> Result<Vec<(IterationId, Timestamp)>, StoreError> {
        iterations::ids(self.rows, project)
    }

    fn iteration(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
    ) -> Result<Option<Iteration>, StoreError> {
        match iterations::get(self.rows, project, iteration) {
            Err(StoreError::NotFound(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    fn put_iteration(&mut self, iteration: &Iteration) -> Result<(), StoreError> {
        iterations::put(self.rows, iteration)
    }

    fn insert_trained(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
        trained: &Trained,
    ) -> Result<(), StoreError> {
        manifests::insert(self.rows, project, iteration, trained)
    }

    fn iterations_with_tag(
        &mut self,
        project: ProjectId,
        tag: TagId,
    ) -> Result<Vec<IterationId>, StoreError> {
        manifests::with_tag(self.rows, project, tag)
    }

    fn forget_image(&mut self, project: ProjectId, image: ImageId) -> Result<Vec<IterationId>, StoreError> {
        manifests::forget(self.rows, project, image)
    }

    fn checkpoint(&mut self, project: ProjectId) -> Result<Option<Checkpoint>, StoreError> {
        checkpoints::get(self.rows, project)
    }

    fn put_checkpoint(&mut self, project: ProjectId, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.remove_checkpoint(project)?;
        checkpoints::put(self.rows, project, checkpoint)
    }

    fn remove_checkpoint(&mut self, project: ProjectId) -> Result<(), StoreError> {
        if let Some(content) = checkpoints::content_of(self.rows, project, None)? {
            self.lose(project, &content)?;
            checkpoints::remove(self.rows, project)?;
        }
        Ok(())
    }

    fn remove_iteration(&mut self, project: ProjectId, iteration: IterationId) -> Result<(), StoreError> {
        for (export, _) in exports::ids_of(self.rows, project, iteration)? {
            self.remove_export(project, export)?;
        }
        if checkpoints::content_of(self.rows, project, Some(iteration))?.is_some() {
            self.remove_checkpoint(project)?;
        }
        iterations::remove(self.rows, project, iteration)
    }

    fn exports(&mut self, project: ProjectId) -> Result<Vec<Export>, StoreError> {
        exports::list(self.rows, project)
    }

    fn export_ids(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
    ) -> Result<Vec<(ExportId, Timestamp)>, StoreError> {
        exports::ids_of(self.rows, project, iteration)
    }

    fn export(&mut self, project: ProjectId, export: ExportId) -> Result<Option<Export>, StoreError> {
        exports::by_id(self.rows, project, export)
    }

    fn insert_export(
        &mut self,
        project: ProjectId,
        export: &Export,
        contents: &[ContentHash],
    ) -> Result<(), StoreError> {
        exports::insert(self.rows, project, export, contents)
    }

    fn remove_export(&mut self, project: ProjectId, export: ExportId) -> Result<(), StoreError> {
        for content in exports::contents(self.rows, project, export)? {
            self.lose(project, &content)?;
        }
        exports::remove(self.rows, project, export)
    }

    fn prediction(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<(StoredPrediction, Option<PhotoBytes>)>, StoreError> {
        predictions::get(self.rows, project, prediction)
    }

    fn insert_prediction(
        &mut self,
        prediction: &StoredPrediction,
        bytes: Option<&PhotoBytes>,
    ) -> Result<(), StoreError> {
        predictions::insert(self.rows, prediction, bytes)
    }

    fn prediction_parts(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<PredictionParts>, StoreError> {
        predictions::parts(self.rows, project, prediction)
    }

    fn remove_prediction(&mut self, project: ProjectId, prediction: PredictionId) -> Result<(), StoreError> {
        if let Some(content) = predictions::content_of(self.rows, project, prediction)? {
            self.lose(project, &content)?;
        }
        predictions::remove(self.rows, project, prediction)
    }

    fn remove_prediction_photo(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<(), StoreError> {
        if let Some(content) = predictions::content_of(self.rows, project, prediction)? {
            self.lose(project, &content)?;
        }
        predictions::remove_photo(self.rows, project, prediction)
    }

    fn remove_prediction_results(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<(), StoreError> {
        predictions::remove_results(self.rows, project, prediction)
    }

    fn knows_erasure(&mut self, erasure: &ErasureRecord) -> Result<bool, StoreError> {
        erasures::knows(self.rows, erasure)
    }

    fn was_erased(&mut self, project: ProjectId, erased: &Erased) -> Result<bool, StoreError> {
        erasures::was(self.rows, project, erased)
    }

    fn record_erasure(&mut self, operation: u64, erased: &ErasedItem) -> Result<(), StoreError> {
        erasures::record(self.rows, operation, erased)
    }

    fn last_operation(&mut self) -> Result<u64, StoreError> {
        operations::last(self.rows)
    }

    fn operation(&mut self, number: u64) -> Result<Option<ErasureOperation>, StoreError> {
        operations::get(self.rows, number)
    }

    fn put_operation(&mut self, operation: &ErasureOperation) -> Result<(), StoreError> {
        operations::put(self.rows, operation)
    }

    fn waits_for_key(&mut self, operation: u64) -> Result<bool, StoreError> {
        // Those whose keys are there have been rewritten by now, or the erasure would be pending.
        removed_tags::are_of(self.rows, operation)
    }

    fn has_receipt(&mut self, operation: u64) -> Result<bool, StoreError> {
        operations::has_receipt(self.rows, operation)
    }

    fn keep_receipt(&mut self, operation: u64, receipt: &str) -> Result<(), StoreError> {
        operations::keep_receipt(self.rows, operation, receipt)
    }

    fn audit_head(&mut self) -> Result<Option<(u64, Digest)>, StoreError> {
        audit::head(self.rows)
    }

    fn append_audit(&mut self, entry: &AuditEntry, hash: &Digest) -> Result<(), StoreError> {
        audit::append(self.rows, entry, hash)
    }

    fn latest_audit(&mut self, through: u64) -> Result<Option<Timestamp>, StoreError> {
        audit::latest(self.rows, through)
    }

    fn expire_audit(&mut self, through: u64, checkpoint: &str) -> Result<(), StoreError> {
        audit::expire(self.rows, through, checkpoint)
    }
}
