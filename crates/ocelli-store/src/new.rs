//! What changes bring.

use ocelli_core::{
    BaseIteration, ClassificationType, DomainId, Erased, ErasureReason, Image, ImageId, IterationId,
    Manifest, Name, PredictionId, ProjectId, Region, Salt, TagId, Timestamp, TrainingType,
};
use serde::{Deserialize, Serialize};

/// A file of an export to keep.
#[derive(Clone, Debug)]
pub struct NewExportFile {
    /// Its name, unique within the export.
    pub name: Name,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A photo to add.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// What is known about it.
    pub image: Image,
    /// Its bytes, less their metadata.
    pub bytes: Vec<u8>,
    /// What the commitment to it is made with.
    pub salt: Salt,
}

/// Something for [`Change::EraseItems`](crate::Change::EraseItems).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemToErase {
    /// Its project.
    pub project_id: ProjectId,
    /// What it is.
    pub item: Erased,
    /// Why it goes.
    pub reason: ErasureReason,
}

/// An iteration to begin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewIteration {
    /// Identifies it.
    pub id: IterationId,
    /// The project.
    pub project_id: ProjectId,
    /// Its name, unique within the project; `Iteration N` where there is none.
    pub name: Option<Name>,
    /// When it begins.
    pub created: Timestamp,
    /// The project's domain.
    pub domain_id: DomainId,
    /// The project's classification type.
    pub classification_type: ClassificationType,
    /// How thoroughly it is trained.
    pub training_type: TrainingType,
    /// The time that it is given, in milliseconds; 0 where it is given none.
    #[serde(default)]
    pub reserved_budget_millis: u64,
    /// The iteration whose model it starts from, which may be deleted later; none where it starts from the domain's base
    /// model.
    #[serde(default)]
    pub custom_base: Option<BaseIteration>,
}

/// What came of a training.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trained {
    /// What was trained on and answered.
    pub manifest: Manifest,
    /// The model's own part (the head, in the form that the caller chose).
    pub model: Vec<u8>,
    /// Further photos that the model may know: those that its calibration looked at, and those that an iteration which its
    /// layers come from was trained on.
    #[serde(default)]
    pub looked_at: Vec<ImageId>,
}

/// What a project's photos told about a base model, so that it can compute in 8-bit integers.
///
/// It holds ranges over all photos that were looked at, and goes with the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCalibration {
    /// Identifies it, in hexadecimal.
    pub fingerprint: String,
    /// The photos that were looked at.
    pub images: Vec<ImageId>,
    /// Photos that the project had to train on at the time.
    pub training_photos: u64,
    /// The calibration, in the form that the caller chose.
    pub data: Vec<u8>,
}

/// A kept prediction to train on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsedPrediction {
    /// The prediction.
    pub prediction: PredictionId,
    /// The id that its photo gets.
    pub image: ImageId,
    /// The tags that it gets.
    pub tags: Vec<TagId>,
    /// The regions that it gets.
    pub regions: Vec<Region>,
}
