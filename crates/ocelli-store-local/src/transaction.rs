use ocelli_core::{
    Erased, ErasureRecord, Export, ExportId, Image, ImageId, Iteration, IterationId, PredictionId, Project,
    ProjectId, RegionId, StoredPrediction, Tag, TagId,
};
use ocelli_store::{
    ContentHash, ContentKey, FeatureKey, ImageFilter, StoreError, StoredCalibration, Trained, Transaction,
};

use crate::records::{
    calibrations, erasures, exports, features, images, iterations, manifests, predictions, projects,
    removals, tags,
};
use crate::rows::Rows;

/// The rows within a write transaction of SQLite.
pub(crate) struct LocalTransaction<'c> {
    rows: &'c Rows<'c>,
}

impl<'c> LocalTransaction<'c> {
    pub(crate) fn new(rows: &'c Rows<'c>) -> Self {
        Self { rows }
    }

    fn lose(&mut self, project: ProjectId, content: &ContentHash) -> Result<(), StoreError> {
        removals::note(self.rows, project, content)
    }
}

impl Transaction for LocalTransaction<'_> {
    fn project_count(&mut self) -> Result<usize, StoreError> {
        projects::count(self.rows)
    }

    fn project(&mut self, project: ProjectId) -> Result<Option<Project>, StoreError> {
        projects::get(self.rows, project)
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

    fn image_count(&mut self, project: ProjectId) -> Result<usize, StoreError> {
        let count = images::count(self.rows, project, &ImageFilter::default())?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn has_image(&mut self, project: ProjectId, image: ImageId) -> Result<bool, StoreError> {
        Ok(images::content_of(self.rows, project, image)?.is_some())
    }

    fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError> {
        images::get(self.rows, project, image)
    }

    fn image_with_content(
        &mut self,
        project: ProjectId,
        content: &ContentHash,
    ) -> Result<Option<Image>, StoreError> {
        images::get_by_content(self.rows, project, content)
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
        content: &ContentHash,
    ) -> Result<(), StoreError> {
        images::insert(self.rows, project, image, content)
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
    ) -> Result<(), StoreError> {
        features::put(self.rows, project, image, key, features)
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

    fn remove_iteration(&mut self, project: ProjectId, iteration: IterationId) -> Result<(), StoreError> {
        for export in exports::of(self.rows, project, iteration)? {
            self.remove_export(project, export.id)?;
        }
        iterations::remove(self.rows, project, iteration)
    }

    fn exports(&mut self, project: ProjectId) -> Result<Vec<Export>, StoreError> {
        exports::list(self.rows, project)
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
    ) -> Result<Option<(StoredPrediction, ContentHash)>, StoreError> {
        predictions::get(self.rows, project, prediction)
    }

    fn insert_prediction(
        &mut self,
        prediction: &StoredPrediction,
        content: &ContentHash,
    ) -> Result<(), StoreError> {
        predictions::insert(self.rows, prediction, content)
    }

    fn remove_prediction(&mut self, project: ProjectId, prediction: PredictionId) -> Result<(), StoreError> {
        if let Some(content) = predictions::content_of(self.rows, project, prediction)? {
            self.lose(project, &content)?;
        }
        predictions::remove(self.rows, project, prediction)
    }

    fn knows_erasure(&mut self, erasure: &ErasureRecord) -> Result<bool, StoreError> {
        erasures::knows(self.rows, erasure)
    }

    fn was_erased(&mut self, project: ProjectId, erased: &Erased) -> Result<bool, StoreError> {
        erasures::was(self.rows, project, erased)
    }

    fn record_erasure(&mut self, erasure: &ErasureRecord) -> Result<(), StoreError> {
        erasures::record(self.rows, erasure)
    }
}
