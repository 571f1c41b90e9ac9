use std::path::Path;

use ocelli_core::{
    ErasureRecord, ErasureStatus, Export, ExportId, Image, ImageId, Iteration, IterationId, Manifest, Name,
    PredictionId, Project, ProjectId, StoredPrediction, Tag, TagId, Timestamp,
};
use ocelli_store::{
    Applied, Change, CheckOptions, CheckReport, ContentHash, FeatureKey, ImageFilter, ImageQuery, Missing,
    PredictionPage, PredictionQuery, ProjectState, Store, StoreError, StoredCalibration, TrainingLock,
    check_ids,
};

use crate::records::{
    calibrations, erasures, exports, features, images, iterations, manifests, predictions, projects, tags,
};
use crate::rows::Rows;
use crate::{LocalStore, check, snapshot};

impl Store for LocalStore {
    fn apply(&self, change: Change) -> Result<Applied, StoreError> {
        self.change(change)
    }

    fn projects(&self, state: ProjectState) -> Result<Vec<Project>, StoreError> {
        self.ask(|rows| projects::list(rows, state))
    }

    fn project(&self, project: ProjectId) -> Result<Project, StoreError> {
        let found = self.ask(|rows| projects::get(rows, project))?;
        found.filter(|found| found.deleted.is_none()).ok_or(StoreError::NotFound(Missing::Project(project)))
    }

    fn tags(&self, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
        self.ask_about(project, |rows| tags::list_with_counts(rows, project))
    }

    fn images(&self, project: ProjectId, query: &ImageQuery) -> Result<Vec<Image>, StoreError> {
        self.ask_about(project, |rows| {
            query.check()?;
            images::list(rows, project, query)
        })
    }

    fn image_count(&self, project: ProjectId, filter: &ImageFilter) -> Result<u64, StoreError> {
        self.ask_about(project, |rows| {
            filter.check()?;
            images::count(rows, project, filter)
        })
    }

    fn images_by_id(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        self.ask_about(project, |rows| {
            check_ids(images)?;
            let get = |id: &ImageId| {
                images::get(rows, project, *id)?.ok_or(StoreError::NotFound(Missing::Image(*id)))
            };
            images.iter().map(get).collect()
        })
    }

    fn tagged_images(&self, project: ProjectId) -> Result<Vec<(ImageId, Vec<TagId>)>, StoreError> {
        self.ask_about(project, |rows| images::tagged(rows, project))
    }

    fn image_bytes(&self, project: ProjectId, image: ImageId) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |rows| {
            images::content_of(rows, project, image)?.ok_or(StoreError::NotFound(Missing::Image(image)))
        })
    }

    fn features(
        &self,
        project: ProjectId,
        key: &FeatureKey,
        images: &[ImageId],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
        self.ask_about(project, |rows| features::get(rows, project, key, images))
    }

    fn calibration(&self, project: ProjectId, base: &str) -> Result<Option<StoredCalibration>, StoreError> {
        self.ask_about(project, |rows| calibrations::get(rows, project, base))
    }

    fn iterations(&self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        self.ask_about(project, |rows| iterations::list(rows, project))
    }

    fn iteration(&self, project: ProjectId, iteration: IterationId) -> Result<Iteration, StoreError> {
        self.ask_about(project, |rows| iterations::get(rows, project, iteration))
    }

    fn published(&self, project: ProjectId, name: &Name) -> Result<Iteration, StoreError> {
        self.ask_about(project, |rows| iterations::published(rows, project, name))
    }

    fn manifest(&self, project: ProjectId, iteration: IterationId) -> Result<Manifest, StoreError> {
        self.ask_about(project, |rows| manifests::get(rows, project, iteration))
    }

    fn model(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<u8>, StoreError> {
        self.ask_about(project, |rows| manifests::model(rows, project, iteration))
    }

    fn exports(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<Export>, StoreError> {
        self.ask_about(project, |rows| {
            iterations::get(rows, project, iteration)?;
            exports::of(rows, project, iteration)
        })
    }

    fn export_bytes(&self, project: ProjectId, export: ExportId, file: &Name) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |rows| exports::content_of(rows, project, export, file))
    }

    fn predictions(
        &self,
        project: ProjectId,
        query: &PredictionQuery,
        now: Timestamp,
    ) -> Result<PredictionPage, StoreError> {
        self.ask_about(project, |rows| {
            query.check()?;
            predictions::list(rows, project, query, now)
        })
    }

    fn prediction(
        &self,
        project: ProjectId,
        prediction: PredictionId,
        now: Timestamp,
    ) -> Result<StoredPrediction, StoreError> {
        self.ask_about(project, |rows| Ok(kept(rows, project, prediction, now)?.0))
    }

    fn prediction_bytes(
        &self,
        project: ProjectId,
        prediction: PredictionId,
        now: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |rows| Ok(kept(rows, project, prediction, now)?.1))
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

/// A kept prediction that has not expired, and the identity of its photo.
fn kept(
    rows: &Rows<'_>,
    project: ProjectId,
    prediction: PredictionId,
    now: Timestamp,
) -> Result<(StoredPrediction, ContentHash), StoreError> {
    predictions::get(rows, project, prediction)?
        .filter(|(kept, _)| kept.expires.is_none_or(|e| now < e))
        .ok_or(StoreError::NotFound(Missing::Prediction(prediction)))
}
