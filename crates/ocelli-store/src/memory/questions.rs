use std::collections::HashMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use ocelli_core::{
    Account, Commitment, DataClass, Digest, Erased, ErasedItem, ErasureOperation, ErasureRecord,
    ErasureStatus, Export, ExportId, HeldItem, Hold, HoldId, Image, ImageId, Iteration, IterationId,
    Manifest, Name, PredictionId, Project, ProjectId, Retention, RetentionPolicy, Salt, StoredPrediction,
    Tag, TagId, Timestamp,
};
use ocelli_keys::chain_start;

use super::records::{Records, StoredImage};
use super::{MemoryStore, Seen};
use crate::{
    Applied, AuditPage, Change, CheckOptions, CheckReport, ContentHash, FeatureKey, ImageFilter, ImageQuery,
    Item, ItemQuery, Missing, Order, PredictionPage, PredictionQuery, ProjectState, Store, StoreError,
    StoredCalibration, Trained, TrainingLock, check_ids, forget_due, is_due, is_live,
};

impl Store for MemoryStore {
    fn apply(&self, change: Change) -> Result<Applied, StoreError> {
        self.change(change)
    }

    fn projects(&self, state: ProjectState) -> Result<Vec<Project>, StoreError> {
        let (now, wanted) = (self.options.clock.now(), state);
        let state = self.read();
        let account = state.account()?;
        let wanted = |project: &Project| match wanted {
            ProjectState::Live => is_live(project, account),
            ProjectState::DeletedSince(since) => {
                account.closed.is_none()
                    && project.deleted.is_some_and(|deleted| deleted >= since)
                    && !is_due(project, account, now)
            }
        };
        let all = state.projects.values().map(|records| &records.project);
        let mut projects: Vec<Project> = all.filter(|project| wanted(project)).cloned().collect();
        projects.sort_by_key(|project| (project.created, project.id));
        Ok(projects)
    }

    fn project(&self, project: ProjectId) -> Result<Project, StoreError> {
        Ok(self.live(project)?.project.clone())
    }

    fn tags(&self, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
        let records = self.live(project)?;
        let mut counts: HashMap<TagId, u64> = HashMap::new();
        for stored in records.images() {
            let regions = stored.image.regions.iter().map(|region| region.tag_id);
            let mut tags: Vec<TagId> =
                stored.image.tags.iter().map(|tag| tag.tag_id).chain(regions).collect();
            tags.sort_unstable();
            tags.dedup();
            for tag in tags {
                *counts.entry(tag).or_default() += 1;
            }
        }
        let counted =
            |tag: &Tag| Tag { image_count: counts.get(&tag.id).copied().unwrap_or(0), ..tag.clone() };
        Ok(records.tags.iter().map(counted).collect())
    }

    fn images(&self, project: ProjectId, query: &ImageQuery) -> Result<Vec<Image>, StoreError> {
        let records = self.live(project)?;
        query.check()?;
        let oldest = records.images();
        let images: Box<dyn Iterator<Item = _>> = match query.order {
            Order::Oldest => Box::new(oldest),
            Order::Newest => Box::new(oldest.rev()),
        };
        let images = images.map(|stored| &stored.image);
        let page = images.filter(|image| query.filter.admits(image)).skip(query.skip).take(query.take);
        Ok(page.cloned().collect())
    }

    fn image_count(&self, project: ProjectId, filter: &ImageFilter) -> Result<u64, StoreError> {
        let records = self.live(project)?;
        filter.check()?;
        Ok(records.images().filter(|stored| filter.admits(&stored.image)).count() as u64)
    }

    fn images_by_id(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        let records = self.live(project)?;
        check_ids(images)?;
        images.iter().map(|id| Ok(records.image(*id)?.image.clone())).collect()
    }

    fn tagged_images(&self, project: ProjectId) -> Result<Vec<(ImageId, Vec<TagId>)>, StoreError> {
        let records = self.live(project)?;
        let tags_of = |image: &Image| {
            let mut tags: Vec<TagId> = image.tags.iter().map(|tag| tag.tag_id).collect();
            tags.sort_unstable();
            (image.id, tags)
        };
        let images = records.images().map(|stored| &stored.image);
        let mut tagged: Vec<_> = images.filter(|image| !image.tags.is_empty()).map(tags_of).collect();
        tagged.sort_unstable();
        Ok(tagged)
    }

    fn image_bytes(&self, project: ProjectId, image: ImageId) -> Result<Vec<u8>, StoreError> {
        let records = self.live(project)?;
        records.bytes_of(&records.image(image)?.bytes.content)
    }

    fn features(
        &self,
        project: ProjectId,
        key: &FeatureKey,
        images: &[ImageId],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
        let records = self.live(project)?;
        let of = |id: &ImageId| {
            let (computed, features) = records.image(*id).ok()?.features.get(key)?;
            records.shows(DataClass::Features, *computed).then(|| features.to_vec())
        };
        Ok(images.iter().map(of).collect())
    }

    fn calibration(&self, project: ProjectId, base: &str) -> Result<Option<StoredCalibration>, StoreError> {
        let records = self.live(project)?;
        let found = records.calibrations.get(base);
        let found = found.filter(|found| found.images.iter().all(|image| records.image(*image).is_ok()));
        Ok(found.map(|found| found.as_ref().clone()))
    }

    fn iterations(&self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        Ok(self.live(project)?.iterations().cloned().collect())
    }

    fn iteration(&self, project: ProjectId, iteration: IterationId) -> Result<Iteration, StoreError> {
        self.live(project)?.iteration(iteration).cloned()
    }

    fn published(&self, project: ProjectId, name: &Name) -> Result<Iteration, StoreError> {
        let records = self.live(project)?;
        let found = records.iterations().find(|iteration| iteration.publish_name() == Some(name));
        found.cloned().ok_or_else(|| StoreError::NotFound(Missing::Publication(name.clone())))
    }

    fn manifest(&self, project: ProjectId, iteration: IterationId) -> Result<Manifest, StoreError> {
        let records = self.live(project)?;
        let trained = records.trained(iteration)?;
        let mut manifest = trained.manifest.clone();
        forget_due(&mut manifest, &trained.looked_at, |image| records.image(image).is_err());
        Ok(manifest)
    }

    fn model(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<u8>, StoreError> {
        Ok(self.live(project)?.trained(iteration)?.model.clone())
    }

    fn checkpoint(&self, project: ProjectId, iteration: IterationId) -> Result<Option<Vec<u8>>, StoreError> {
        let records = self.live(project)?;
        records.iteration(iteration)?;
        let kept = records.checkpoint.filter(|kept| kept.iteration == iteration);
        let kept = kept.filter(|kept| records.visibility.checkpoint(kept));
        kept.map(|kept| records.bytes_of(&kept.content)).transpose()
    }

    fn exports(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<Export>, StoreError> {
        let records = self.live(project)?;
        records.iteration(iteration)?;
        let exports = records.exports.iter().map(|stored| &stored.export);
        let exports = exports.filter(|export| records.shows(DataClass::Export, export.created));
        Ok(exports.filter(|export| export.iteration_id == iteration).cloned().collect())
    }

    fn export_bytes(&self, project: ProjectId, export: ExportId, file: &Name) -> Result<Vec<u8>, StoreError> {
        let records = self.live(project)?;
        let stored = records.export(export).filter(|stored| {
            records.shows(DataClass::Export, stored.export.created)
                && records.iteration(stored.export.iteration_id).is_ok()
        });
        let stored = stored.ok_or(StoreError::NotFound(Missing::Export(export)))?;
        let mut files = stored.export.files.iter().zip(&stored.contents);
        let (_, content) = files
            .find(|(kept, _)| kept.name == *file)
            .ok_or_else(|| StoreError::NotFound(Missing::ExportFile(export, file.clone())))?;
        records.bytes_of(content)
    }

    fn predictions(&self, project: ProjectId, query: &PredictionQuery) -> Result<PredictionPage, StoreError> {
        let records = self.live(project)?;
        query.check()?;
        let after = |place: (Timestamp, PredictionId)| {
            query.continuation.is_none_or(|last| match query.order {
                Order::Oldest => place > (last.created, last.id),
                Order::Newest => place < (last.created, last.id),
            })
        };
        let oldest = records.predictions_by_time.iter();
        let places: Box<dyn Iterator<Item = _>> = match query.order {
            Order::Oldest => Box::new(oldest),
            Order::Newest => Box::new(oldest.rev()),
        };
        let places = places.filter(|place| after(**place));
        let kept = places.filter_map(|(_, id)| Some(records.kept(*id).ok()?.0));
        Ok(query.page(kept.filter(|kept| query.admits(kept)).take(query.take + 1).collect()))
    }

    fn prediction(
        &self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<StoredPrediction, StoreError> {
        Ok(self.live(project)?.kept(prediction)?.0)
    }

    fn prediction_bytes(&self, project: ProjectId, prediction: PredictionId) -> Result<Vec<u8>, StoreError> {
        let records = self.live(project)?;
        let (_, content) = records.kept(prediction)?;
        records.bytes_of(&content.ok_or(StoreError::NotFound(Missing::Prediction(prediction)))?)
    }

    fn account(&self) -> Result<Account, StoreError> {
        self.read().account().cloned()
    }

    fn retention(&self, project: ProjectId) -> Result<Retention<RetentionPolicy>, StoreError> {
        let state = self.read();
        let found = state.projects.get(&project).map(|records| records.retention.clone());
        found.ok_or(StoreError::NotFound(Missing::Project(project)))
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        Ok(self.read().holds.clone())
    }

    fn items(&self, query: &ItemQuery) -> Result<Vec<Item>, StoreError> {
        let state = self.read().clone();
        state.items(query)
    }

    fn held(&self, hold: HoldId, after: Option<&HeldItem>, take: usize) -> Result<Vec<HeldItem>, StoreError> {
        let state = self.read().clone();
        state.held(hold, after, take)
    }

    fn held_bytes(&self, hold: HoldId, project: ProjectId, item: Erased) -> Result<Vec<u8>, StoreError> {
        let state = self.read().clone();
        state.held_bytes(hold, project, item)
    }

    fn commitment(&self, project: ProjectId, item: Erased) -> Result<(Salt, Commitment), StoreError> {
        let records = self.live(project)?;
        let bytes = match item {
            Erased::Image(image) => records.image(image)?.bytes,
            Erased::Prediction(id) | Erased::PredictionPhoto(id) => records
                .kept(id)?
                .0
                .photo_kept
                .then(|| records.predictions.get(&id)?.bytes)
                .flatten()
                .ok_or(StoreError::NotFound(Missing::Prediction(id)))?,
            _ => return Err(StoreError::Unsupported("commit to what has no photo")),
        };
        Ok((bytes.salt, bytes.commitment))
    }

    fn trained_on(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<IterationId>, StoreError> {
        let records = self.read().projects.get(&project).cloned();
        let records = records.ok_or(StoreError::NotFound(Missing::Project(project)))?;
        let on_one = |trained: &Trained| {
            let mut evaluated = trained.manifest.evaluation.photos.iter().map(|photo| &photo.photo);
            evaluated.any(|photo| images.contains(photo))
                || trained.looked_at.iter().any(|photo| images.contains(photo))
        };
        let on_it = |id: &IterationId| records.trained.get(id).is_some_and(|trained| on_one(trained));
        let mut ids: Vec<IterationId> = records.iterations.iter().map(|it| it.id).filter(on_it).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    fn audit(&self, after: u64, take: usize) -> Result<AuditPage, StoreError> {
        let audit = Arc::clone(&self.read().audit);
        Ok(audit.page(after, take))
    }

    fn audit_head(&self) -> Result<(u64, Digest), StoreError> {
        let state = self.read();
        Ok(state.audit.head.unwrap_or((0, chain_start(state.account()?.id))))
    }

    fn operations(&self, after: u64, take: usize) -> Result<Vec<ErasureOperation>, StoreError> {
        let erasures = Arc::clone(&self.read().erasures);
        let operations = erasures.operations.range((Bound::Excluded(after), Bound::Unbounded));
        Ok(operations.take(take).map(|(_, operation)| operation.clone()).collect())
    }

    fn incomplete_operations(&self) -> Result<Vec<ErasureOperation>, StoreError> {
        let erasures = Arc::clone(&self.read().erasures);
        let incomplete = erasures.operations.values().filter(|operation| operation.completed.is_none());
        Ok(incomplete.cloned().collect())
    }

    fn erased_items(&self, operation: u64) -> Result<Vec<ErasedItem>, StoreError> {
        let erasures = Arc::clone(&self.read().erasures);
        Ok(erasures.of(operation))
    }

    fn receipt(&self, operation: u64) -> Result<Option<String>, StoreError> {
        Ok(self.read().erasures.receipts.get(&operation).cloned())
    }

    fn erasures(&self, since: Timestamp) -> Result<Vec<ErasureRecord>, StoreError> {
        let erasures = Arc::clone(&self.read().erasures);
        Ok(erasures.since(since))
    }

    fn finish_erasures(&self) -> Result<ErasureStatus, StoreError> {
        Ok(ErasureStatus::Complete)
    }

    fn check(&self, _: &CheckOptions) -> Result<CheckReport, StoreError> {
        let state = self.read().clone();
        Ok(state.check())
    }

    fn snapshot(&self, _: &Path) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("be copied into a directory, since it is in memory"))
    }

    fn lock_training(&self, project: ProjectId) -> Result<TrainingLock, StoreError> {
        self.lock(project)
    }
}

impl Seen {
    fn image(&self, id: ImageId) -> Result<&StoredImage, StoreError> {
        let found = self.images.get(&id).map(Arc::as_ref);
        found
            .filter(|stored| self.shows(DataClass::TrainingPhoto, stored.image.created))
            .ok_or(StoreError::NotFound(Missing::Image(id)))
    }

    fn iteration(&self, id: IterationId) -> Result<&Iteration, StoreError> {
        let found = self.iterations().find(|iteration| iteration.id == id);
        found.ok_or(StoreError::NotFound(Missing::Iteration(id)))
    }

    fn trained(&self, id: IterationId) -> Result<&Trained, StoreError> {
        self.iteration(id)?;
        self.trained.get(&id).map(Arc::as_ref).ok_or(StoreError::NotFound(Missing::Model(id)))
    }

    /// What is to be seen of a kept prediction, and the identity of its photo's bytes if they are.
    fn kept(&self, id: PredictionId) -> Result<(StoredPrediction, Option<ContentHash>), StoreError> {
        let found = self.predictions.get(&id);
        let seen = found.and_then(|kept| {
            let seen = self.visibility.prediction(kept.prediction.clone())?;
            let content = kept.content().filter(|_| seen.photo_kept);
            Some((seen, content))
        });
        seen.ok_or(StoreError::NotFound(Missing::Prediction(id)))
    }
}

impl Records {
    pub(super) fn bytes_of(&self, content: &ContentHash) -> Result<Vec<u8>, StoreError> {
        let bytes = self.bytes.get(content).map(|bytes| bytes.to_vec());
        bytes.ok_or_else(|| StoreError::Corrupt { detail: format!("the bytes of {content} are missing") })
    }
}
