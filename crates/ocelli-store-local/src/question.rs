use ocelli_core::{
    Image, ImageId, Iteration, IterationId, Manifest, Name, PredictionId, Project, ProjectId,
    StoredPrediction, Tag, TagId, Timestamp,
};
use ocelli_store::{
    Applied, Change, ContentHash, FeatureKey, ImageFilter, ImageQuery, Missing, PredictionPage,
    PredictionQuery, ProjectState, Store, StoreError, StoredCalibration, TrainingLock, check_ids,
};
use rusqlite::Connection;

use crate::LocalStore;
use crate::records::{calibrations, features, images, iterations, predictions, projects, tags};

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
        self.ask_about(project, |connection| iterations::manifest(connection, project, iteration))
    }

    fn model(&self, project: ProjectId, iteration: IterationId) -> Result<Vec<u8>, StoreError> {
        self.ask_about(project, |connection| iterations::model(connection, project, iteration))
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
