use ocelli_core::{
    Erased, ErasureRecord, Export, ExportId, Image, ImageId, Iteration, IterationId, PredictionId, Project,
    ProjectId, RegionId, StoredPrediction, Tag, TagId,
};

use crate::{ContentHash, ContentKey, FeatureKey, StoreError, StoredCalibration, Trained};

/// The records of a store within one transaction, for [`apply`](crate::apply) to read and write.
///
/// A store implements the reading and writing of single records; it decides nothing. Whether a record may be
/// written, and which others change with it, is for `apply`. Records are the project's own where a project is
/// named, whether the project has been deleted or not. A project that has been erased is not there.
pub trait Transaction {
    /// How many projects there are that have not been deleted.
    fn project_count(&mut self) -> Result<usize, StoreError>;
    /// A project, deleted or not.
    fn project(&mut self, project: ProjectId) -> Result<Option<Project>, StoreError>;
    /// A project's key.
    fn content_key(&mut self, project: ProjectId) -> Result<Option<ContentKey>, StoreError>;
    /// Adds a project.
    fn insert_project(&mut self, project: &Project, key: &ContentKey) -> Result<(), StoreError>;
    /// Replaces the project of this id.
    fn update_project(&mut self, project: &Project) -> Result<(), StoreError>;
    /// Takes a project away, with all it owns.
    fn remove_project(&mut self, project: ProjectId) -> Result<(), StoreError>;

    /// A project's tags, in the order in which they were created. Counts may be 0.
    fn tags(&mut self, project: ProjectId) -> Result<Vec<Tag>, StoreError>;
    /// Adds or replaces a tag.
    fn put_tag(&mut self, project: ProjectId, tag: &Tag) -> Result<(), StoreError>;
    /// Takes a tag away, from its photos and their regions and from the results of kept predictions too.
    fn remove_tag(&mut self, project: ProjectId, tag: TagId) -> Result<(), StoreError>;
    /// The photos that have a tag, on the whole or on a region, by id.
    fn images_with_tag(&mut self, project: ProjectId, tag: TagId) -> Result<Vec<ImageId>, StoreError>;

    /// How many photos a project has.
    fn image_count(&mut self, project: ProjectId) -> Result<usize, StoreError>;
    /// Whether there is a photo.
    fn has_image(&mut self, project: ProjectId, image: ImageId) -> Result<bool, StoreError>;
    /// A photo.
    fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError>;
    /// The photo that has these bytes.
    fn image_with_content(
        &mut self,
        project: ProjectId,
        content: &ContentHash,
    ) -> Result<Option<Image>, StoreError>;
    /// The photo that has this region.
    fn image_with_region(
        &mut self,
        project: ProjectId,
        region: RegionId,
    ) -> Result<Option<Image>, StoreError>;
    /// Adds a photo, with its tags, regions and metadata.
    fn insert_image(
        &mut self,
        project: ProjectId,
        image: &Image,
        content: &ContentHash,
    ) -> Result<(), StoreError>;
    /// Replaces the tags, regions and metadata of a photo.
    fn update_image(&mut self, project: ProjectId, image: &Image) -> Result<(), StoreError>;
    /// Takes a photo away, with its tags, regions, metadata and features.
    fn remove_image(&mut self, project: ProjectId, image: ImageId) -> Result<(), StoreError>;
    /// Adds or replaces the features of a photo under this key.
    fn put_features(
        &mut self,
        project: ProjectId,
        image: ImageId,
        key: &FeatureKey,
        features: &[f32],
    ) -> Result<(), StoreError>;

    /// Takes away the features of all of a project's photos under this key.
    fn remove_features(&mut self, project: ProjectId, key: &FeatureKey) -> Result<(), StoreError>;
    /// The calibration of a base model.
    fn calibration(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<StoredCalibration>, StoreError>;
    /// The base models whose calibrations looked at a photo.
    fn calibrations_with_image(
        &mut self,
        project: ProjectId,
        image: ImageId,
    ) -> Result<Vec<String>, StoreError>;
    /// Takes away the calibration of a base model.
    fn remove_calibration(&mut self, project: ProjectId, base: &str) -> Result<(), StoreError>;
    /// Adds or replaces the calibration of a base model.
    fn put_calibration(
        &mut self,
        project: ProjectId,
        base: &str,
        calibration: &StoredCalibration,
    ) -> Result<(), StoreError>;

    /// A project's iterations, in the order in which they began.
    fn iterations(&mut self, project: ProjectId) -> Result<Vec<Iteration>, StoreError>;
    /// Adds or replaces an iteration.
    fn put_iteration(&mut self, iteration: &Iteration) -> Result<(), StoreError>;
    /// Adds what came of an iteration's training.
    fn insert_trained(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
        trained: &Trained,
    ) -> Result<(), StoreError>;
    /// The iterations that were trained on a tag.
    fn iterations_with_tag(&mut self, project: ProjectId, tag: TagId)
    -> Result<Vec<IterationId>, StoreError>;
    /// Takes a photo out of all that iterations know: those evaluated, left out and looked at to calibrate. Says which
    /// iterations were trained on it or calibrated with it, and counts it there as erased, once each.
    fn forget_image(&mut self, project: ProjectId, image: ImageId) -> Result<Vec<IterationId>, StoreError>;
    /// Takes an iteration away, with what came of its training and its exports.
    fn remove_iteration(&mut self, project: ProjectId, iteration: IterationId) -> Result<(), StoreError>;

    /// The exports of a project, in the order in which they were kept.
    fn exports(&mut self, project: ProjectId) -> Result<Vec<Export>, StoreError>;
    /// Adds an export, with the identities of its files' bytes in their order.
    fn insert_export(
        &mut self,
        project: ProjectId,
        export: &Export,
        contents: &[ContentHash],
    ) -> Result<(), StoreError>;
    /// Takes an export away.
    fn remove_export(&mut self, project: ProjectId, export: ExportId) -> Result<(), StoreError>;

    /// A kept prediction, expired or not, and the identity of its photo.
    fn prediction(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<(StoredPrediction, ContentHash)>, StoreError>;
    /// Adds a kept prediction.
    fn insert_prediction(
        &mut self,
        prediction: &StoredPrediction,
        content: &ContentHash,
    ) -> Result<(), StoreError>;
    /// Takes a kept prediction away.
    fn remove_prediction(&mut self, project: ProjectId, prediction: PredictionId) -> Result<(), StoreError>;

    /// Whether the store knows of an erasure.
    fn knows_erasure(&mut self, erasure: &ErasureRecord) -> Result<bool, StoreError>;
    /// Whether the store knows that this was erased from a project, whenever it was.
    fn was_erased(&mut self, project: ProjectId, erased: &Erased) -> Result<bool, StoreError>;
    /// Adds an erasure to those that the store knows of, unless it does already.
    fn record_erasure(&mut self, erasure: &ErasureRecord) -> Result<(), StoreError>;
}
