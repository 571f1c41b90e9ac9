use std::path::Path;

use ocelli_core::{
    Account, Commitment, DataClass, Digest, Erased, ErasedItem, ErasureOperation, ErasureRecord,
    ErasureStatus, Export, ExportId, HeldItem, Hold, HoldId, Image, ImageId, Iteration, IterationId,
    Manifest, Name, PredictionId, Project, ProjectId, Retention, RetentionPolicy, Salt, StoredPrediction,
    Tag, TagId, Timestamp,
};
use ocelli_keys::chain_start;
use ocelli_store::{
    Applied, AuditPage, Change, CheckOptions, CheckReport, FeatureKey, ImageFilter, ImageQuery, Item,
    ItemQuery, Missing, PredictionPage, PredictionQuery, ProjectState, Store, StoreError, StoredCalibration,
    TrainingLock, Visibility, check_ids,
};

use crate::records::{
    account, audit, calibrations, checkpoints, erasures, exports, features, held, holds, images, items,
    iterations, manifests, operations, predictions, projects, tags,
};
use crate::rows::Rows;
use crate::{LocalStore, check, snapshot};

impl Store for LocalStore {
    fn apply(&self, change: Change) -> Result<Applied, StoreError> {
        self.change(change)
    }

    fn projects(&self, state: ProjectState) -> Result<Vec<Project>, StoreError> {
        let now = self.options.clock.now();
        self.ask(|rows| projects::list(rows, state, now))
    }

    fn project(&self, project: ProjectId) -> Result<Project, StoreError> {
        self.ask_about(project, |rows, _| {
            projects::get(rows, project)?.ok_or(StoreError::NotFound(Missing::Project(project)))
        })
    }

    fn tags(&self, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
        self.ask_about(project, |rows, seen| {
            tags::list_with_counts(rows, project, seen.cutoff(DataClass::TrainingPhoto))
        })
    }

    fn images(&self, project: ProjectId, query: &ImageQuery) -> Result<Vec<Image>, StoreError> {
        self.ask_about(project, |rows, seen| {
            query.check()?;
            images::list(rows, project, seen.cutoff(DataClass::TrainingPhoto), query)
        })
    }

    fn image_count(&self, project: ProjectId, filter: &ImageFilter) -> Result<u64, StoreError> {
        self.ask_about(project, |rows, seen| {
            filter.check()?;
            images::count(rows, project, seen.cutoff(DataClass::TrainingPhoto), filter)
        })
    }

    fn images_by_id(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        self.ask_about(project, |rows, seen| {
            check_ids(images)?;
            let get = |id: &ImageId| {
                let found = images::get(rows, project, *id)?;
                let found = found.filter(|image| seen.shows(DataClass::TrainingPhoto, image.created));
                found.ok_or(StoreError::NotFound(Missing::Image(*id)))
            };
            images.iter().map(get).collect()
        })
    }

    fn tagged_images(&self, project: ProjectId) -> Result<Vec<(ImageId, Vec<TagId>)>, StoreError> {
        self.ask_about(project, |rows, seen| {
            images::tagged(rows, project, seen.cutoff(DataClass::TrainingPhoto))
        })
    }

    fn image_bytes(&self, project: ProjectId, image: ImageId) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |rows, seen| {
            find_image(rows, seen, project, image)?;
            images::content_of(rows, project, image)?.ok_or(StoreError::NotFound(Missing::Image(image)))
        })
    }

    fn features(
        &self,
        project: ProjectId,
        key: &FeatureKey,
        images: &[ImageId],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
        self.ask_about(project, |rows, seen| {
            let (computed, stored) =
                (seen.cutoff(DataClass::Features), seen.cutoff(DataClass::TrainingPhoto));
            features::get(rows, project, key, images, computed, stored)
        })
    }

    fn calibration(&self, project: ProjectId, base: &str) -> Result<Option<StoredCalibration>, StoreError> {
        self.ask_about(project, |rows, seen| {
            let cutoff = seen.cutoff(DataClass::TrainingPhoto);
            let is_due = calibrations::looked_at_due(rows, project, base, cutoff)?;
            if is_due { Ok(None) } else { calibrations::get(rows, project, base) }
        })
    }

    fn iterations(&self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        self.ask_about(project, |rows, seen| {
            let mut iterations = iterations::list(rows, project)?;
            iterations.retain(|iteration| seen.shows(DataClass::Iteration, iteration.created));
            Ok(iterations)
        })
    }

    fn iteration(&self, project: ProjectId, iteration: IterationId) -> Result<Iteration, StoreError> {
        self.ask_about(project, |rows, seen| find_iteration(rows, seen, project, iteration))
    }

    fn published(&self, project: ProjectId, name: &Name) -> Result<Iteration, StoreError> {
        self.ask_about(project, |rows, seen| {
            iterations::published(rows, project, seen.cutoff(DataClass::Iteration), name)
        })
    }

    fn manifest(&self, project: ProjectId, iteration: IterationId) -> Result<Manifest, StoreError> {
        self.ask_about(project, |rows, seen| {
            find_iteration(rows, seen, project, iteration)?;
            manifests::get_after(rows, project, iteration, seen.cutoff(DataClass::TrainingPhoto))
        })
    }

    fn model(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<u8>, StoreError> {
        self.ask_about(project, |rows, seen| {
            find_iteration(rows, seen, project, iteration)?;
            manifests::model(rows, project, iteration)
        })
    }

    fn checkpoint(&self, project: ProjectId, iteration: IterationId) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.bytes(project, |rows, seen| {
            find_iteration(rows, seen, project, iteration)?;
            let kept = checkpoints::get(rows, project)?.filter(|kept| kept.iteration == iteration);
            let kept = kept.filter(|kept| seen.checkpoint(kept));
            Ok(kept.ok_or(StoreError::NoCheckpoint(iteration))?.content)
        });
        match found {
            Err(StoreError::NoCheckpoint(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    fn exports(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<Export>, StoreError> {
        self.ask_about(project, |rows, seen| {
            find_iteration(rows, seen, project, iteration)?;
            let mut exports = exports::of(rows, project, iteration)?;
            exports.retain(|export| seen.shows(DataClass::Export, export.created));
            Ok(exports)
        })
    }

    fn export_bytes(&self, project: ProjectId, export: ExportId, file: &Name) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |rows, seen| {
            let found = exports::get(rows, project, export)?;
            let found = found.filter(|(_, created)| seen.shows(DataClass::Export, *created));
            let missing = || StoreError::NotFound(Missing::Export(export));
            let (iteration, _) = found.ok_or_else(missing)?;
            find_iteration(rows, seen, project, iteration).map_err(|error| match error {
                StoreError::NotFound(_) => missing(),
                error => error,
            })?;
            exports::content_of(rows, project, export, file)
        })
    }

    fn predictions(&self, project: ProjectId, query: &PredictionQuery) -> Result<PredictionPage, StoreError> {
        self.ask_about(project, |rows, seen| {
            query.check()?;
            predictions::list(rows, project, query, seen)
        })
    }

    fn prediction(
        &self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<StoredPrediction, StoreError> {
        self.ask_about(project, |rows, seen| find_prediction(rows, seen, project, prediction))
    }

    fn prediction_bytes(&self, project: ProjectId, prediction: PredictionId) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |rows, seen| {
            let kept = find_prediction(rows, seen, project, prediction)?;
            let content = predictions::content_of(rows, project, prediction)?.filter(|_| kept.photo_kept);
            content.ok_or(StoreError::NotFound(Missing::Prediction(prediction)))
        })
    }

    fn account(&self) -> Result<Account, StoreError> {
        self.ask(|rows| account::get(rows))
    }

    fn locked(&self) -> Result<Vec<ProjectId>, StoreError> {
        self.ask(projects::locked)
    }

    fn retention(&self, project: ProjectId) -> Result<Retention<RetentionPolicy>, StoreError> {
        let found = self.ask(|rows| projects::retention(rows, project))?;
        found.ok_or(StoreError::NotFound(Missing::Project(project)))
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.ask(holds::list)
    }

    fn items(&self, query: &ItemQuery) -> Result<Vec<Item>, StoreError> {
        self.ask(|rows| items::list(rows, query))
    }

    fn held(&self, hold: HoldId, after: Option<&HeldItem>, take: usize) -> Result<Vec<HeldItem>, StoreError> {
        let after = after.map(|item| match item {
            HeldItem::Image { project, image } => (*project, Erased::Image(image.id)),
            HeldItem::Prediction { prediction } => {
                (prediction.prediction.project_id, Erased::Prediction(prediction.prediction.id))
            }
        });
        self.ask(|rows| held::list(rows, &find_hold(rows, hold)?.target, after, take))
    }

    fn held_bytes(&self, hold: HoldId, project: ProjectId, item: Erased) -> Result<Vec<u8>, StoreError> {
        self.bytes_of_any(project, |rows| {
            let target = find_hold(rows, hold)?.target;
            projects::key(rows, project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
            match item {
                Erased::Image(id) => {
                    let found = images::get(rows, project, id)?;
                    let held = found.filter(|image| target.keeps_image(project, id, &image.metadata));
                    held.ok_or(StoreError::NotFound(Missing::Image(id)))?;
                    let content = images::content_of(rows, project, id)?;
                    content.ok_or(StoreError::NotFound(Missing::Image(id)))
                }
                Erased::Prediction(id) | Erased::PredictionPhoto(id) => {
                    let found = predictions::get(rows, project, id)?;
                    let held = found.filter(|(kept, _)| target.keeps_prediction(project, id, &kept.metadata));
                    let bytes = held.and_then(|(_, bytes)| bytes);
                    Ok(bytes.ok_or(StoreError::NotFound(Missing::Prediction(id)))?.content)
                }
                _ => Err(StoreError::Unsupported("give the bytes of what has no photo")),
            }
        })
    }

    fn commitment(&self, project: ProjectId, item: Erased) -> Result<(Salt, Commitment), StoreError> {
        self.ask_about(project, |rows, seen| {
            let bytes = match item {
                Erased::Image(image) => {
                    find_image(rows, seen, project, image)?;
                    let bytes = images::bytes(rows, project, image)?;
                    bytes.ok_or_else(|| unmeasured(item))?
                }
                Erased::Prediction(id) | Erased::PredictionPhoto(id) => {
                    let kept = find_prediction(rows, seen, project, id)?;
                    if !kept.photo_kept {
                        return Err(StoreError::NotFound(Missing::Prediction(id)));
                    }
                    let bytes = predictions::get(rows, project, id)?.and_then(|(_, bytes)| bytes);
                    bytes.ok_or_else(|| unmeasured(item))?
                }
                _ => return Err(StoreError::Unsupported("commit to what has no photo")),
            };
            Ok((bytes.salt, bytes.commitment))
        })
    }

    fn trained_on(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<IterationId>, StoreError> {
        self.ask(|rows| {
            projects::retention(rows, project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
            manifests::trained_on(rows, project, images)
        })
    }

    fn audit(&self, after: u64, take: usize) -> Result<AuditPage, StoreError> {
        self.ask(|rows| audit::page(rows, after, take))
    }

    fn audit_head(&self) -> Result<(u64, Digest), StoreError> {
        self.ask(|rows| match audit::head(rows)? {
            Some(head) => Ok(head),
            None => Ok((0, chain_start(account::get(rows)?.id))),
        })
    }

    fn operations(&self, after: u64, take: usize) -> Result<Vec<ErasureOperation>, StoreError> {
        self.ask(|rows| operations::behind(rows, after, take))
    }

    fn incomplete_operations(&self) -> Result<Vec<ErasureOperation>, StoreError> {
        self.ask(|rows| operations::incomplete(rows))
    }

    fn erased_items(&self, operation: u64) -> Result<Vec<ErasedItem>, StoreError> {
        self.ask(|rows| erasures::of_operation(rows, operation))
    }

    fn receipt(&self, operation: u64) -> Result<Option<String>, StoreError> {
        self.ask(|rows| operations::receipt(rows, operation))
    }

    fn erasures(&self, since: Timestamp) -> Result<Vec<ErasureRecord>, StoreError> {
        self.ask(|rows| erasures::since(rows, since))
    }

    fn finish_erasures(&self) -> Result<ErasureStatus, StoreError> {
        self.finish()
    }

    fn check(&self, options: &CheckOptions) -> Result<CheckReport, StoreError> {
        check::check(self, options)
    }

    fn snapshot(&self, to: &Path) -> Result<(), StoreError> {
        snapshot::snapshot(self, to)
    }

    fn lock_training(&self, project: ProjectId) -> Result<TrainingLock, StoreError> {
        self.lock(project)
    }
}

/// Of a photo that an older format stored, and that could not be read as it was stored since.
fn unmeasured(item: Erased) -> StoreError {
    let detail = format!(
        "the photo of {item:?} is damaged or missing, and was never committed to; store it again or delete it"
    );
    StoreError::Corrupt { detail }
}

/// What is to be seen of a kept prediction.
fn find_prediction(
    rows: &Rows<'_>,
    seen: &Visibility,
    project: ProjectId,
    prediction: PredictionId,
) -> Result<StoredPrediction, StoreError> {
    let found = predictions::get(rows, project, prediction)?;
    let kept = found.and_then(|(kept, _)| seen.prediction(kept));
    kept.ok_or(StoreError::NotFound(Missing::Prediction(prediction)))
}

/// Refuses a photo that is not to be seen.
fn find_image(
    rows: &Rows<'_>,
    seen: &Visibility,
    project: ProjectId,
    image: ImageId,
) -> Result<(), StoreError> {
    let found = images::created(rows, project, image)?;
    let found = found.filter(|created| seen.shows(DataClass::TrainingPhoto, *created));
    found.map(|_| ()).ok_or(StoreError::NotFound(Missing::Image(image)))
}

/// An iteration that is to be seen.
fn find_iteration(
    rows: &Rows<'_>,
    seen: &Visibility,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Iteration, StoreError> {
    let found = iterations::get(rows, project, iteration)?;
    if seen.shows(DataClass::Iteration, found.created) {
        return Ok(found);
    }
    Err(StoreError::NotFound(Missing::Iteration(iteration)))
}

fn find_hold(rows: &Rows<'_>, hold: HoldId) -> Result<Hold, StoreError> {
    holds::get(rows, hold)?.ok_or(StoreError::NotFound(Missing::Hold(hold)))
}
