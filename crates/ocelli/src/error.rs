use std::path::PathBuf;

use ocelli_core::{BaseModel, Domain, ErrorCode, ImageCreateStatus, Int8Cost, InvalidValue};
use ocelli_imaging::ImagingError;
use ocelli_infer::InferError;
use ocelli_keys::KeyError;
use ocelli_model::ModelError;
use ocelli_store::StoreError;

/// Anything that a call of this crate can refuse, with what is wrong and what would be right. The call that
/// returned it has changed nothing, unless its documentation says what stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name, box, threshold or other value that the data model does not admit.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// A photo that is damaged, too large or of a kind that is not read.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// What the store refused, does not have, or could not do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A model that is damaged or does not fit.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A photo that could not be predicted.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// Why a training did not begin or came to nothing.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] ocelli_train::TrainError),
    /// A proof that could not be made, or does not hold.
    #[cfg(feature = "retention")]
    #[error(transparent)]
    Proof(#[from] ocelli_retention::ProofError),
    /// What else kept a sweep or a receipt from being carried out.
    #[cfg(feature = "retention")]
    #[error(transparent)]
    Retention(ocelli_retention::RetentionError),
    /// What the keys refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An archive or a folder that could not be written or read.
    #[cfg(feature = "archive")]
    #[error(transparent)]
    Archive(#[from] ocelli_archive::ArchiveError),
    /// A network that could not be exported.
    #[cfg(feature = "export")]
    #[error(transparent)]
    Export(#[from] ocelli_export::ExportError),
    /// Nothing has changed since the last training.
    #[cfg(feature = "train")]
    #[error("nothing has changed since {iteration:?} was trained; force the training to repeat it")]
    TrainingNotNeeded {
        /// The iteration that would be repeated.
        iteration: String,
    },
    /// A domain that no classifier can be trained in.
    #[error("the domain {} ({:?}) cannot be trained; choose a classification domain in use", .0.name, .0.domain_type)]
    UntrainableDomain(Domain),
    /// A base model that this build leaves out.
    #[error("this build leaves out {0}; enable the feature `lite2`, or choose a compact domain")]
    BaseLeftOut(BaseModel),
    /// A base model that this build does not have in the form in which the iteration was trained.
    #[error("the iteration was trained on the base model {trained}, which this version does not have")]
    BaseChanged {
        /// The base's fingerprint, in hexadecimal.
        trained: String,
    },
    /// An iteration to start from whose base model is another than that of the project's domain.
    #[cfg(feature = "train")]
    #[error("{iteration:?} was trained on another base model; start from one of a domain with the same base")]
    OtherBase {
        /// The iteration.
        iteration: String,
    },
    /// An iteration to start from that is itself to be replaced, since it has learned from what was erased.
    #[cfg(feature = "train")]
    #[error(
        "the iteration {0} has learned from what was erased; start from the domain's base or from another iteration"
    )]
    BaseToReplace(ocelli_core::IterationId),
    /// An iteration whose training left no checkpoint to go on from, or whose checkpoint has gone.
    #[cfg(feature = "train")]
    #[error("the training of the iteration {0} left no checkpoint; train anew")]
    NoCheckpoint(ocelli_core::IterationId),
    /// A photo to test with that has none of the trained tags, has several in a multiclass project, or is not there.
    #[cfg(feature = "train")]
    #[error(
        "the test photo {0} has no tag to test, or several where one is allowed; tag it, or leave it out of the test"
    )]
    TestPhoto(ocelli_core::ImageId),
    /// A place in the base model at which it cannot be cut.
    #[cfg(feature = "train")]
    #[error("{name:?} is no cut of the base model; choose one of {}", .known.join(", "))]
    UnknownCut {
        /// As it was named.
        name: String,
        /// The cuts that there are.
        known: Vec<String>,
    },
    /// Int8 asked of an iteration that was trained without it, or with too few photos to compare it on.
    #[error(
        "{iteration:?} has no measured int8; ask it in f32, or train with int8 on photos that can be read"
    )]
    NoInt8 {
        /// The iteration.
        iteration: String,
    },
    /// Int8 that costs too much to be published without insisting.
    #[error("{iteration:?} loses too much in int8: {cost}; publish it in f32, or insist on int8")]
    Int8TooCostly {
        /// The iteration.
        iteration: String,
        /// What int8 costs it.
        cost: Int8Cost,
    },
    /// A data directory that cannot be opened.
    #[error("the data directory {path:?} cannot be opened: {source}")]
    Open {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: StoreError,
    },
    /// A file or folder that could not be read.
    #[error("{path:?} cannot be read: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder whose sub-folders should name tags and do not.
    #[error("{path:?} has no sub-folders; each tag's photos belong in a sub-folder named after the tag")]
    NoTagFolders {
        /// The folder.
        path: PathBuf,
    },
    /// The random source failed.
    #[error("no random bytes could be had: {0}")]
    Random(std::io::Error),
    /// Threads could not be started.
    #[error("the pool of {threads} threads could not be started: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why not.
        reason: String,
    },
}

#[cfg(feature = "retention")]
impl From<ocelli_retention::RetentionError> for Error {
    fn from(error: ocelli_retention::RetentionError) -> Self {
        match error {
            ocelli_retention::RetentionError::Store(error) => Self::Store(error),
            ocelli_retention::RetentionError::Proof(error) => Self::Proof(error),
            other => Self::Retention(other),
        }
    }
}

impl Error {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(error) => error.code(),
            Self::Imaging(error) => error.code(),
            Self::Store(error) | Self::Open { source: error, .. } => error.code(),
            Self::Model(error) => error.code(),
            Self::Infer(error) => error.code(),
            #[cfg(feature = "retention")]
            Self::Proof(error) => error.code(),
            #[cfg(feature = "retention")]
            Self::Retention(error) => error.code(),
            Self::Key(error) => error.code(),
            #[cfg(feature = "archive")]
            Self::Archive(error) => error.code(),
            #[cfg(feature = "export")]
            Self::Export(error) => error.code(),
            #[cfg(feature = "train")]
            Self::Train(error) => error.code(),
            #[cfg(feature = "train")]
            Self::TrainingNotNeeded { .. } => ErrorCode::BadRequestTrainingNotNeeded,
            Self::UntrainableDomain(_) => ErrorCode::BadRequestUnsupportedDomain,
            Self::BaseLeftOut(_) | Self::BaseChanged { .. } => ErrorCode::ErrorUnknownBaseModel,
            #[cfg(feature = "train")]
            Self::OtherBase { .. } => ErrorCode::ErrorUnknownBaseModel,
            #[cfg(feature = "train")]
            Self::UnknownCut { .. } | Self::TestPhoto(_) | Self::NoCheckpoint(_) | Self::BaseToReplace(_) => {
                ErrorCode::BadRequestTrainingValidationFailed
            }
            Self::NoInt8 { .. } => ErrorCode::BadRequestNotSupported,
            Self::Int8TooCostly { .. } => ErrorCode::BadRequestIterationValidationFailed,
            Self::File { .. } => ErrorCode::BadRequestImageStream,
            Self::NoTagFolders { .. } => ErrorCode::BadRequestImageBatch,
            Self::Random(_) | Self::Threads { .. } => ErrorCode::ErrorUnknown,
        }
    }

    /// What a photo's entry says when this error kept it out of a batch.
    pub(crate) fn image_status(&self) -> ImageCreateStatus {
        match self {
            Self::Store(error) => error.image_status(),
            Self::File { .. } => ImageCreateStatus::ErrorSource,
            Self::Imaging(error) => match error.code() {
                ErrorCode::BadRequestImageSizeBytes => ImageCreateStatus::ErrorImageSize,
                ErrorCode::BadRequestImageDimensions | ErrorCode::BadRequestImageAspectRatio => {
                    ImageCreateStatus::ErrorImageDimensions
                }
                _ => ImageCreateStatus::ErrorImageFormat,
            },
            _ => ImageCreateStatus::ErrorUnknown,
        }
    }
}
