use ocelli_core::{
    Erased, ErasureRecord, Export, ExportId, Image, ImageId, Iteration, IterationId, PredictionId, Project,
    ProjectId, RegionId, StoredPrediction, Tag, TagId,
};
use ocelli_store::{
    ContentHash, ContentKey, FeatureKey, ImageFilter, StoreError, StoredCalibration, Trained, Transaction,
};
use rusqlite::Connection;

use crate::records::{
    calibrations, erasures, exports, features, images, iterations, manifests, predictions, projects,
    removals, tags,
};

/// The rows within a write transaction of SQLite.
pub(crate) struct LocalTransaction<'c> {
    connection: &'c Connection,
}

impl<'c> LocalTransaction<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection }
    }

    fn lose(&mut self, project: ProjectId, content: &ContentHash) -> Result<(), StoreError> {
        removals::note(self.connection, project, content)
    }
}

impl Transaction for LocalTransaction<'_> {
    fn project_count(&mut self) -> Result<usize, StoreError> {
        projects::count(self.connection)
    }

    fn project(&mut self, project: ProjectId) -> Result<Option<Project>, StoreError> {
        projects::get(self.connection, project)
    }

    fn content_key(&mut self, project: ProjectId) -> Result<Option<ContentKey>, StoreError> {
        projects::key(self.connection, project)
    }

    fn insert_project(&mut self, project: &Project, key: &ContentKey) -> Result<(), StoreError> {
        projects::insert(self.connection, project, key)
    }

    fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        projects::update(self.connection, project)
    }

    fn remove_project(&mut self, project: ProjectId) -> Result<(), StoreError> {
        projects::erase(self.connection, project)
    }

    fn tags(&mut self, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
        tags::list(self.connection, project)
    }

    fn put_tag(&mut self, project: ProjectId, tag: &Tag) -> Result<(), StoreError> {
        tags::put(self.connection, project, tag)
    }

    fn remove_tag(&mut self, project: ProjectId, tag: TagId) -> Result<(), StoreError> {
        tags::remove(self.connection, project, tag)
    }

    fn images_with_tag(&mut self, project: ProjectId, tag: TagId) -> Result<Vec<ImageId>, StoreError> {
        tags::images(self.connection, project, tag)
    }

    fn image_count(&mut self, project: ProjectId) -> Result<usize, StoreError> {
        let count = images::count(self.connection, project, &ImageFilter::default())?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn has_image(&mut self, project: ProjectId, image: ImageId) -> Result<bool, StoreError> {
        Ok(images::content_of(self.connection, project, image)?.is_some())
    }

    fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError> {
        images::get(self.connection, project, image)
    }

    fn image_with_content(
        &mut self,
        project: ProjectId,
        content: &ContentHash,
    ) -> Result<Option<Image>, StoreError> {
        images::get_by_content(self.connection, project, content)
    }

    fn image_with_region(
        &mut self,
        project: ProjectId,
        region: RegionId,
    ) -> Result<Option<Image>, StoreError> {
        images::get_by_region(self.connection, project, region)
    }

    fn insert_image(
        &mut self,
        project: ProjectId,
        image: &Image,
        content: &ContentHash,
    ) -> Result<(), StoreError> {
        images::insert(self.connection, project, image, content)
    }

    fn update_image(&mut self, project: ProjectId, image: &Image) -> Result<(), StoreError> {
        images::update(self.connection, project, image)
    }

    fn remove_image(&mut self, project: ProjectId, image: ImageId) -> Result<(), StoreError> {
        if let Some(content) = images::content_of(self.connection, project, image)? {
            self.lose(project, &content)?;
        }
        images::remove(self.connection, project, image)
    }

    fn put_features(
        &mut self,
        project: ProjectId,
        image: ImageId,
        key: &FeatureKey,
        features: &[f32],
    ) -> Result<(), StoreError> {
        features::put(self.connection, project, image, key, features)
    }

    fn remove_features(&mut self, project: ProjectId, key: &FeatureKey) -> Result<(), StoreError> {
        features::remove(self.connection, project, key)
    }

    fn calibration(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<StoredCalibration>, StoreError> {
        calibrations::get(self.connection, project, base)
    }

    fn put_calibration(
        &mut self,
        project: ProjectId,
        base: &str,
        calibration: &StoredCalibration,
    ) -> Result<(), StoreError> {
        calibrations::put(self.connection, project, base, calibration)
    }

    fn calibrations_with_image(
        &mut self,
        project: ProjectId,
        image: ImageId,
    ) -> Result<Vec<String>, StoreError> {
        calibrations::with_image(self.connection, project, image)
    }

    fn remove_calibration(&mut self, project: ProjectId, base: &str) -> Result<(), StoreError> {
        calibrations::remove(self.connection, project, base)
    }

    fn iterations(&mut self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        iterations::list(self.connection, project)
    }

    fn put_iteration(&mut self, iteration: &Iteration) -> Result<(), StoreError> {
        iterations::put(self.connection, iteration)
    }

    fn insert_trained(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
        trained: &Trained,
    ) -> Result<(), StoreError> {
        manifests::insert(self.connection, project, iteration, trained)
    }

    fn iterations_with_tag(
        &mut self,
        project: ProjectId,
        tag: TagId,
    ) -> Result<Vec<IterationId>, StoreError> {
        manifests::with_tag(self.connection, project, tag)
    }

    fn forget_image(&mut self, project: ProjectId, image: ImageId) -> Result<Vec<IterationId>, StoreError> {
        manifests::forget(self.connection, project, image)
    }

    fn remove_iteration(&mut self, project: ProjectId, iteration: IterationId) -> Result<(), StoreError> {
        for export in exports::of(self.connection, project, iteration)? {
            self.remove_export(project, export.id)?;
        }
        iterations::remove(self.connection, project, iteration)
    }

    fn exports(&mut self, project: ProjectId) -> Result<Vec<Export>, StoreError> {
        exports::list(self.connection, project)
    }

    fn insert_export(
        &mut self,
        project: ProjectId,
        export: &Export,
        contents: &[ContentHash],
    ) -> Result<(), StoreError> {
        exports::insert(self.connection, project, export, contents)
    }

    fn remove_export(&mut self, project: ProjectId, export: ExportId) -> Result<(), StoreError> {
        for content in exports::contents(self.connection, project, export)? {
            self.lose(project, &content)?;
        }
        exports::remove(self.connection, project, export)
    }

    fn prediction(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<(StoredPrediction, ContentHash)>, StoreError> {
        predictions::get(self.connection, project, prediction)
    }

    fn insert_prediction(
        &mut self,
        prediction: &StoredPrediction,
        content: &ContentHash,
    ) -> Result<(), StoreError> {
        predictions::insert(self.connection, prediction, content)
    }

    fn remove_prediction(&mut self, project: ProjectId, prediction: PredictionId) -> Result<(), StoreError> {
        if let Some((_, content)) = predictions::get(self.connection, project, prediction)? {
            self.lose(project, &content)?;
        }
        predictions::remove(self.connection, project, prediction)
    }

    fn knows_erasure(&mut self, erasure: &ErasureRecord) -> Result<bool, StoreError> {
        erasures::knows(self.connection, erasure)
    }

    fn was_erased(&mut self, project: ProjectId, erased: &Erased) -> Result<bool, StoreError> {
        erasures::was(self.connection, project, erased)
    }

    fn record_erasure(&mut self, erasure: &ErasureRecord) -> Result<(), StoreError> {
        erasures::record(self.connection, erasure)
    }
}
