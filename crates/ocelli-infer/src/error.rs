use ocelli_core::{ErrorCode, InvalidValue, TagId};
use ocelli_imaging::ImagingError;
use ocelli_kernels::{OutOfBounds, UnavailableLevel};
use ocelli_model::ModelError;

/// Why a network could not be compiled, or a photo not be predicted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferError {
    /// The model file or the network in it.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The photo.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// An operation that this engine does not compute.
    #[error("node {node:?} is a {op}, which this engine does not compute")]
    Unsupported {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
    },
    /// A node whose weights or inputs do not have the sizes that the network's description promises.
    #[error("node {node:?} does not have the sizes that its network describes")]
    Inconsistent {
        /// The node.
        node: String,
    },
    /// An output slice of the wrong length.
    #[error("the output has room for {found} values; the network puts out {expected}")]
    OutputLength {
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// An input tensor of the wrong length.
    #[error("the input has {found} values; the network reads {expected}")]
    InputLength {
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// A network whose weights, or whose largest maps, take more memory than the engine gives them.
    #[error("the network would take {bytes} bytes of memory; the limit is {limit}")]
    TooLarge {
        /// What it would take.
        bytes: u128,
        /// The limit.
        limit: u128,
    },
    /// Int8 of a network that was not calibrated.
    #[error("the network has no calibration, without which it is computed in f32 only")]
    NotCalibrated,
    /// Instructions that the machine does not have.
    #[error(transparent)]
    Level(#[from] UnavailableLevel),
    /// Sizes that do not fit each other; a plan is made so that they do.
    #[error(transparent)]
    OutOfBounds(#[from] OutOfBounds),
    /// A base model where a classifier is needed.
    #[error("the model has no labels: it is a base model, which puts out features; attach a head first")]
    NoLabels,
    /// A network that does not end in a linear layer and a softmax or sigmoid.
    #[error("the network does not end in a head, a linear layer and a softmax or sigmoid; attach one first")]
    NoHead,
    /// A network whose head reads something else than the mean of maps.
    #[error(
        "the network's head does not read the mean of maps, so that no place of the photo has a part in its scores"
    )]
    NoMaps,
    /// A label that a network does not have.
    #[error("there is no label {label}; the network has {labels}, counted from 0")]
    NoSuchLabel {
        /// As given.
        label: usize,
        /// How many there are.
        labels: usize,
    },
    /// A tag that a model does not know.
    #[error("the model does not give the tag {tag}; ask for one of its labels")]
    UnknownTag {
        /// As given.
        tag: TagId,
    },
    /// A value that the data model does not admit.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
}

impl InferError {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Model(error) => error.code(),
            Self::Imaging(error) => error.code(),
            Self::Unsupported { .. }
            | Self::Inconsistent { .. }
            | Self::TooLarge { .. }
            | Self::OutOfBounds(_) => ErrorCode::ErrorPrediction,
            Self::OutputLength { .. } | Self::InputLength { .. } | Self::Level(_) => ErrorCode::BadRequest,
            Self::NotCalibrated => ErrorCode::BadRequest,
            Self::NoSuchLabel { .. } | Self::UnknownTag { .. } => ErrorCode::BadRequestInvalidIds,
            Self::Invalid(error) => error.code(),
            Self::NoLabels | Self::NoHead | Self::NoMaps => ErrorCode::ErrorExporterInvalidClassifier,
        }
    }
}
