use ocelli_core::{ClassificationType, ErrorCode, ImageId, Name, limits};
use serde::{Deserialize, Serialize};

/// A tag that lacks photos.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lack {
    /// The tag.
    pub tag: Name,
    /// Photos that have it.
    pub photos: usize,
    /// Photos that it needs.
    pub needed: usize,
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let missing = self.needed.saturating_sub(self.photos);
        write!(f, "{:?} has {} of {} photos and lacks {missing}", self.tag.as_str(), self.photos, self.needed)
    }
}

/// Why a training does not begin, or ends without a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Fewer tags than a classifier needs.
    #[error("there are {tags} tags to train; a classifier needs at least {}", limits::MIN_TAGS)]
    TooFewTags {
        /// Tags that there are.
        tags: usize,
        /// One tag a photo, or any number.
        classification_type: ClassificationType,
    },
    /// Tags with fewer photos than they need.
    #[error("some tags have too few photos: {}", list(.lacks))]
    TooFewPhotos {
        /// The tags.
        lacks: Vec<Lack>,
        /// One tag a photo, or any number.
        classification_type: ClassificationType,
    },
    /// A photo with several tags, or none, where each has one.
    #[error("the photo {image} has {tags} tags; in a multiclass training each has exactly one")]
    NotOneTag {
        /// The photo.
        image: ImageId,
        /// Its tags.
        tags: usize,
    },
    /// A photo with a tag that is not trained.
    #[error("the photo {image} has tag number {tag}, and there are {tags} tags")]
    UnknownTag {
        /// The photo.
        image: ImageId,
        /// The tag's index.
        tag: u16,
        /// Tags that there are.
        tags: usize,
    },
    /// Features that do not fit the photos.
    #[error("{features} feature values do not divide into {photos} photos")]
    FeatureCount {
        /// Values.
        features: usize,
        /// Photos.
        photos: usize,
    },
    /// A feature that is not a finite number.
    #[error("a feature of the photo {image} is not a finite number")]
    FeatureValue {
        /// The photo.
        image: ImageId,
    },
    /// Options outside their range.
    #[error("{what} is {value}; it must be {expected}")]
    Option {
        /// Which option.
        what: &'static str,
        /// As given.
        value: f64,
        /// What would be right.
        expected: &'static str,
    },
    /// A network cannot be adapted from a node on.
    #[error("the network cannot be adapted after node {node:?}: {reason}")]
    Cut {
        /// The node.
        node: String,
        /// Why not.
        reason: &'static str,
    },
    /// An operation that is not trained.
    #[error("node {node:?} is a {op}, which cannot be adapted; a base model's convolutions can")]
    Operation {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
    },
    /// A tensor of weights that two nodes share.
    #[error("node {node:?} shares the tensor {tensor:?} with another; each adapts weights of its own")]
    SharedTensor {
        /// The second node.
        node: String,
        /// The tensor's name.
        tensor: String,
    },
    /// Weights that the training has made infinite, or not a number.
    #[error("the training has diverged: the tensor {tensor:?} is not finite; a lower learning rate may help")]
    Diverged {
        /// The tensor's name.
        tensor: String,
    },
    /// Activations that are not those of the photos that were asked for.
    #[error("{found} activations came for {photos} photos; there are {expected} of them")]
    ActivationCount {
        /// Values that came.
        found: usize,
        /// Photos that were asked for.
        photos: usize,
        /// Values that they have.
        expected: usize,
    },
    /// A checkpoint that cannot be gone on from.
    #[error("the checkpoint cannot be used: {reason}; train anew")]
    Checkpoint {
        /// Why not.
        reason: String,
    },
    /// A device that this build cannot train on.
    #[error("this build cannot train on {device}; enable the feature `{feature}`, or train on the CPU")]
    NoDevice {
        /// The device.
        device: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// The training was asked to stop.
    #[error("the training was stopped on request")]
    Stopped,
}

impl TrainError {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooFewTags { classification_type, .. } | Self::TooFewPhotos { classification_type, .. } => {
                match classification_type {
                    ClassificationType::Multiclass => {
                        ErrorCode::BadRequestMultiClassClassificationTrainingValidationFailed
                    }
                    ClassificationType::Multilabel => {
                        ErrorCode::BadRequestMultiLabelClassificationTrainingValidationFailed
                    }
                }
            }
            Self::NotOneTag { .. } => ErrorCode::BadRequestMultiClassClassificationTrainingValidationFailed,
            Self::UnknownTag { .. }
            | Self::FeatureCount { .. }
            | Self::FeatureValue { .. }
            | Self::Option { .. }
            | Self::ActivationCount { .. }
            | Self::Checkpoint { .. }
            | Self::NoDevice { .. } => ErrorCode::BadRequestTrainingValidationFailed,
            Self::Cut { .. } | Self::Operation { .. } | Self::SharedTensor { .. } => {
                ErrorCode::ErrorUnknownBaseModel
            }
            Self::Diverged { .. } => ErrorCode::ErrorProjectTrainingRequestFailed,
            Self::Stopped => ErrorCode::ErrorProjectTrainingRequestFailed,
        }
    }
}

fn list(lacks: &[Lack]) -> String {
    lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
