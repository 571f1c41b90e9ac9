//! What must not go, whatever falls due and whoever asks.

use serde::{Deserialize, Serialize};

use crate::{
    Description, HoldId, Image, ImageId, Metadata, MetadataFilter, PredictionId, ProjectId, StoredPrediction,
    Timestamp,
};

/// That something is kept until the hold is released: it beats expiry and every erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Identifies the hold.
    pub id: HoldId,
    /// What it keeps.
    pub target: HoldTarget,
    /// Why, in the words of who placed it.
    pub reason: Description,
    /// Since when.
    pub placed: Timestamp,
}

/// What a hold keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum HoldTarget {
    /// A project and all it owns.
    Project {
        /// The project.
        project_id: ProjectId,
    },
    /// A photo to train on, with its tags, regions, metadata and `f32` features. Features in `int8` belong to a calibration:
    /// they go with it, when another photo that it looked at is erased or another calibration takes its place.
    Image {
        /// Its project.
        project_id: ProjectId,
        /// The photo.
        image_id: ImageId,
    },
    /// A kept prediction, with its photo.
    Prediction {
        /// Its project.
        project_id: ProjectId,
        /// The kept prediction.
        prediction_id: PredictionId,
    },
    /// Every photo and kept prediction whose metadata the expression selects, those to come too.
    Metadata {
        /// In this project only; in all where there is none.
        project_id: Option<ProjectId>,
        /// The expression.
        filter: MetadataFilter,
    },
}

impl HoldTarget {
    /// Whether it keeps this photo of a project.
    pub fn keeps_image(&self, project: ProjectId, image: ImageId, metadata: &Metadata) -> bool {
        match self {
            Self::Image { project_id, image_id } => *project_id == project && *image_id == image,
            Self::Prediction { .. } => false,
            _ => self.keeps_by_project_or_metadata(project, metadata),
        }
    }

    /// Whether it keeps this kept prediction of a project.
    pub fn keeps_prediction(
        &self,
        project: ProjectId,
        prediction: PredictionId,
        metadata: &Metadata,
    ) -> bool {
        match self {
            Self::Prediction { project_id, prediction_id } => {
                *project_id == project && *prediction_id == prediction
            }
            Self::Image { .. } => false,
            _ => self.keeps_by_project_or_metadata(project, metadata),
        }
    }

    /// Whether it keeps the project as a whole, its iterations and exports included.
    pub fn keeps_project(&self, project: ProjectId) -> bool {
        matches!(self, Self::Project { project_id } if *project_id == project)
    }

    /// Whether it may keep something of the project.
    pub fn concerns(&self, project: ProjectId) -> bool {
        self.project_id().is_none_or(|id| id == project)
    }

    /// The project that it is in; none where it is on all of them.
    pub fn project_id(&self) -> Option<ProjectId> {
        match self {
            Self::Project { project_id }
            | Self::Image { project_id, .. }
            | Self::Prediction { project_id, .. } => Some(*project_id),
            Self::Metadata { project_id, .. } => *project_id,
        }
    }

    fn keeps_by_project_or_metadata(&self, project: ProjectId, metadata: &Metadata) -> bool {
        match self {
            Self::Metadata { project_id, filter } => {
                project_id.is_none_or(|id| id == project) && filter.matches(metadata)
            }
            other => other.keeps_project(project),
        }
    }
}

/// What a hold keeps at present. It may be past its due date, and then it is seen nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum HeldItem {
    /// A photo to train on.
    Image {
        /// Its project.
        project: ProjectId,
        /// The photo.
        image: Box<Image>,
    },
    /// A kept prediction.
    Prediction {
        /// The prediction.
        prediction: Box<StoredPrediction>,
    },
}
