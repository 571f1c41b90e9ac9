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
use rusqlite::Connection;

use crate::records::{
    calibrations, erasures, exports, features, images, iterations, manifests, predictions, projects, tags,
};
use crate::{LocalStore, check, snapshot};

impl Store for LocalStore {
    fn apply(&self, change: Change) -> Result<Applied, StoreError> {
        self.change(change)
    }

    fn projects(&self, state: ProjectState) -> Result<Vec<Project>, StoreError> {
        self.ask(|connection| projects::list(connection, state))
    }

    fn project(&self, project: ProjectId) -> Result<Project, StoreError> {
        let found = self.ask(|connection| projects::get(connection, project))?;
        found.filter(|found| found.deleted.is_none()).ok_or(StoreError::NotFound(Missing::Project(project)))
    }

    fn tags(&self, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
        self.ask_about(project, |connection| tags::list_with_counts(connection, project))
    }

    fn images(&self, project: ProjectId, query: &ImageQuery) -> Result<Vec<Image>, StoreError> {
        self.ask_about(project, |connection| {
            query.check()?;
            images::list(connection, project, query)
        })
    }

    fn image_count(&self, project: ProjectId, filter: &ImageFilter) -> Result<u64, StoreError> {
        self.ask_about(project, |connection| {
            filter.check()?;
            images::count(connection, project, filter)
        })
    }

    fn images_by_id(&self, project: ProjectId, images: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        self.ask_about(project, |connection| {
            check_ids(images)?;
            let get = |id: &ImageId| {
                images::get(connection, project, *id)?.ok_or(StoreError::NotFound(Missing::Image(*id)))
            };
            images.iter().map(get).collect()
        })
    }

    fn tagged_images(&self, project: ProjectId) -> Result<Vec<(ImageId, Vec<TagId>)>, StoreError> {
        self.ask_about(project, |connection| images::tagged(connection, project))
    }

    fn image_bytes(&self, project: ProjectId, image: ImageId) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |connection| {
            images::content_of(connection, project, image)?.ok_or(StoreError::NotFound(Missing::Image(image)))
        })
    }

    fn features(
        &self,
        project: ProjectId,
        key: &FeatureKey,
        images: &[ImageId],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
        self.ask_about(project, |connection| features::get(connection, project, key, images))
    }

    fn calibration(&self, project: ProjectId, base: &str) -> Result<Option<StoredCalibration>, StoreError> {
        self.ask_about(project, |connection| calibrations::get(connection, project, base))
    }

    fn iterations(&self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        self.ask_about(project, |connection| iterations::list(connection, project))
    }

    fn iteration(&self, project: ProjectId, iteration: IterationId) -> Result<Iteration, StoreError> {
        self.ask_about(project, |connection| iterations::get(connection, project, iteration))
    }

    fn published(&self, project: ProjectId, name: &Name) -> Result<Iteration, StoreError> {
        self.ask_about(project, |connection| iterations::published(connection, project, name))
    }

    fn manifest(&self, project: ProjectId, iteration: IterationId) -> Result<Manifest, StoreError> {
        self.ask_about(project, |connection| manifests::get(connection, project, iteration))
    }

    fn model(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<u8>, StoreError> {
        self.ask_about(project, |connection| manifests::model(connection, project, iteration))
    }

    fn exports(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<Export>, StoreError> {
        self.ask_about(project, |connection| {
            iterations::get(connection, project, iteration)?;
            exports::of(connection, project, iteration)
        })
    }

    fn export_bytes(&self, project: ProjectId, export: ExportId, file: &Name) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |connection| exports::content_of(connection, project, export, file))
    }

    fn predictions(
        &self,
        project: ProjectId,
        query: &PredictionQuery,
        now: Timestamp,
    ) -> Result<PredictionPage, StoreError> {
        self.ask_about(project, |connection| {
            query.check()?;
            predictions::list(connection, project, query, now)
        })
    }

    fn prediction(
        &self,
        project: ProjectId,
        prediction: PredictionId,
        now: Timestamp,
    ) -> Result<StoredPrediction, StoreError> {
        self.ask_about(project, |connection| Ok(kept(connection, project, prediction, now)?.0))
    }

    fn prediction_bytes(
        &self,
        project: ProjectId,
        prediction: PredictionId,
        now: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        self.bytes(project, |connection| Ok(kept(connection, project, prediction, now)?.1))
    }

    fn erasures(&self, since: Timestamp) -> Result<Vec<ErasureRecord>, StoreError> {
        self.ask(|connection| erasures::since(connection, since))
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
    connection: &Connection,
    project: ProjectId,
    prediction: PredictionId,
    now: Timestamp,
) -> Result<(StoredPrediction, ContentHash), StoreError> {
    predictions::get(connection, project, prediction)?
        .filter(|(kept, _)| now < kept.expires)
        .ok_or(StoreError::NotFound(Missing::Prediction(prediction)))
}
