use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ocelli_core::{
    ErasureRecord, ErasureStatus, Export, ExportId, Image, ImageId, Iteration, IterationId, Manifest, Name,
    PredictionId, Project, ProjectId, StoredPrediction, Tag, TagId, Timestamp,
};

use super::MemoryStore;
use super::records::{Records, StoredImage};
use crate::{
    Applied, Change, CheckOptions, CheckReport, ContentHash, FeatureKey, ImageFilter, ImageQuery, Missing,
    Order, PredictionPage, PredictionQuery, ProjectState, Store, StoreError, StoredCalibration, Trained,
    TrainingLock, check_ids,
};

impl Store for MemoryStore {
    fn apply(&self, change: Change) -> Result<Applied, StoreError> {
        self.change(change)
    }

    fn projects(&self, state: ProjectState) -> Result<Vec<Project>, StoreError> {
        let wanted = |project: &Project| match state {
            ProjectState::Live => project.deleted.is_none(),
            ProjectState::DeletedSince(since) => project.deleted.is_some_and(|deleted| deleted >= since),
        };
        let state = self.read();
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
        for stored in records.images.values() {
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
        let oldest = records.by_time.iter();
        let ids: Box<dyn Iterator<Item = _>> = match query.order {
            Order::Oldest => Box::new(oldest),
            Order::Newest => Box::new(oldest.rev()),
        };
        let images = ids.filter_map(|(_, id)| records.images.get(id)).map(|stored| &stored.image);
        let page = images.filter(|image| query.filter.admits(image)).skip(query.skip).take(query.take);
        Ok(page.cloned().collect())
    }

    fn image_count(&self, project: ProjectId, filter: &ImageFilter) -> Result<u64, StoreError> {
        let records = self.live(project)?;
        filter.check()?;
        Ok(records.images.values().filter(|stored| filter.admits(&stored.image)).count() as u64)
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
        let images = records.images.values().map(|stored| &stored.image);
        let mut tagged: Vec<_> = images.filter(|image| !image.tags.is_empty()).map(tags_of).collect();
        tagged.sort_unstable();
        Ok(tagged)
    }

    fn image_bytes(&self, project: ProjectId, image: ImageId) -> Result<Vec<u8>, StoreError> {
        let records = self.live(project)?;
        records.bytes_of(&records.image(image)?.content)
    }

    fn features(
        &self,
        project: ProjectId,
        key: &FeatureKey,
        images: &[ImageId],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
        let records = self.live(project)?;
        let of = |id| Some(records.images.get(id)?.features.get(key)?.to_vec());
        Ok(images.iter().map(of).collect())
    }

    fn calibration(&self, project: ProjectId, base: &str) -> Result<Option<StoredCalibration>, StoreError> {
        Ok(self.live(project)?.calibrations.get(base).map(|found| found.as_ref().clone()))
    }

    fn iterations(&self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        Ok(self.live(project)?.iterations.clone())
    }

    fn iteration(&self, project: ProjectId, iteration: IterationId) -> Result<Iteration, StoreError> {
        self.live(project)?.iteration(iteration).cloned()
    }

    fn published(&self, project: ProjectId, name: &Name) -> Result<Iteration, StoreError> {
        let records = self.live(project)?;
        let found = records.iterations.iter().find(|iteration| iteration.publish_name() == Some(name));
        found.cloned().ok_or_else(|| StoreError::NotFound(Missing::Publication(name.clone())))
    }

    fn manifest(&self, project: ProjectId, iteration: IterationId) -> Result<Manifest, StoreError> {
        Ok(self.live(project)?.trained(iteration)?.manifest.clone())
    }

    fn model(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<u8>, StoreError> {
        Ok(self.live(project)?.trained(iteration)?.model.clone())
    }

    fn exports(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<Export>, StoreError> {
        let records = self.live(project)?;
        records.iteration(iteration)?;
        let exports = records.exports.iter().map(|stored| &stored.export);
        Ok(exports.filter(|export| export.iteration_id == iteration).cloned().collect())
    }

    fn export_bytes(&self, project: ProjectId, export: ExportId, file: &Name) -> Result<Vec<u8>, StoreError> {
        let records = self.live(project)?;
        let stored = records.export(export).ok_or(StoreError::NotFound(Missing::Export(export)))?;
        let mut files = stored.export.files.iter().zip(&stored.contents);
        let (_, content) = files
            .find(|(kept, _)| kept.name == *file)
            .ok_or_else(|| StoreError::NotFound(Missing::ExportFile(export, file.clone())))?;
        records.bytes_of(content)
    }

    fn predictions(
        &self,
        project: ProjectId,
        query: &PredictionQuery,
        now: Timestamp,
    ) -> Result<PredictionPage, StoreError> {
        let records = self.live(project)?;
        query.check()?;
        let place = |kept: &StoredPrediction| (kept.prediction.created, kept.prediction.id);
        let after = |kept: &StoredPrediction| {
            query.continuation.is_none_or(|last| match query.order {
                Order::Oldest => place(kept) > (last.created, last.id),
                Order::Newest => place(kept) < (last.created, last.id),
            })
        };
        let kept = records.predictions.values().map(|kept| &kept.0);
        let mut found: Vec<_> =
            kept.filter(|kept| now < kept.expires && after(kept) && query.admits(kept)).collect();
        found.sort_by_key(|kept| place(kept));
        if query.order == Order::Newest {
            found.reverse();
        }
        Ok(query.page(found.into_iter().take(query.take + 1).cloned().collect()))
    }

    fn prediction(
        &self,
        project: ProjectId,
        prediction: PredictionId,
        now: Timestamp,
    ) -> Result<StoredPrediction, StoreError> {
        Ok(self.live(project)?.kept(prediction, now)?.0.clone())
    }

    fn prediction_bytes(
        &self,
        project: ProjectId,
        prediction: PredictionId,
        now: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        let records = self.live(project)?;
        records.bytes_of(&records.kept(prediction, now)?.1)
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

impl Records {
    fn image(&self, id: ImageId) -> Result<&StoredImage, StoreError> {
        self.images.get(&id).map(Arc::as_ref).ok_or(StoreError::NotFound(Missing::Image(id)))
    }

    fn bytes_of(&self, content: &ContentHash) -> Result<Vec<u8>, StoreError> {
        let bytes = self.bytes.get(content).map(|bytes| bytes.to_vec());
        bytes.ok_or_else(|| StoreError::Corrupt { detail: format!("the bytes of {content} are missing") })
    }

    fn iteration(&self, id: IterationId) -> Result<&Iteration, StoreError> {
        self.iterations
            .iter()
            .find(|iteration| iteration.id == id)
            .ok_or(StoreError::NotFound(Missing::Iteration(id)))
    }

    fn trained(&self, id: IterationId) -> Result<&Trained, StoreError> {
        self.iteration(id)?;
        self.trained.get(&id).map(Arc::as_ref).ok_or(StoreError::NotFound(Missing::Model(id)))
    }

    fn kept(&self, id: PredictionId, now: Timestamp) -> Result<&(StoredPrediction, ContentHash), StoreError> {
        self.predictions
            .get(&id)
            .map(Arc::as_ref)
            .filter(|kept| now < kept.0.expires)
            .ok_or(StoreError::NotFound(Missing::Prediction(id)))
    }
}
