use serde::{Deserialize, Serialize};

use crate::{BoundingBox, IterationId, Metadata, Name, PredictionId, ProjectId, TagId, TagType, Timestamp};

/// How probable it is that a photo shows what a tag names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// 0 to 1.
    pub probability: f32,
    /// The tag.
    pub tag_id: TagId,
    /// Its name when the iteration was trained.
    pub tag_name: Name,
    /// Its type when the iteration was trained.
    pub tag_type: TagType,
    /// Where in the photo; none where the whole photo is meant.
    pub bounding_box: Option<BoundingBox>,
}

/// An iteration's answer to one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagePrediction {
    /// Identifies the answer; a kept one is found by it.
    pub id: PredictionId,
    /// The project.
    pub project_id: ProjectId,
    /// The iteration that answered.
    pub iteration_id: IterationId,
    /// When it answered.
    pub created: Timestamp,
    /// Every tag, the most probable first.
    pub predictions: Vec<Prediction>,
}

impl ImagePrediction {
    /// The most probable tag.
    pub fn best(&self) -> Option<&Prediction> {
        self.predictions.first()
    }
}

/// An answer that was kept together with its photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPrediction {
    /// The answer.
    #[serde(flatten)]
    pub prediction: ImagePrediction,
    /// The name under which the iteration was published, none for a quick test.
    pub publish_name: Option<Name>,
    /// The program that asked, if it said so.
    pub application: Option<Name>,
    /// Pixels across the upright photo.
    pub width: u32,
    /// Pixels down the upright photo.
    pub height: u32,
    /// Facts attached to its photo; they stay with the photo when that is trained on.
    #[serde(default)]
    pub metadata: Metadata,
    /// Whether its photo is kept still.
    #[serde(default = "kept")]
    pub photo_kept: bool,
    /// From when on nothing of it is visible, by its project's retention policy at the time of asking; none where it is
    /// kept for ever.
    pub expires: Option<Timestamp>,
}

fn kept() -> bool {
    true
}
