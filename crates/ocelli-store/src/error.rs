use std::error::Error;

use ocelli_core::{
    ErrorCode, ExportId, ImageCreateStatus, ImageId, InvalidValue, IterationId, Name, PredictionId,
    ProjectId, RegionId, TagId, limits,
};

/// What was asked for and is not there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// A project, or one that was deleted.
    Project(ProjectId),
    /// A tag.
    Tag(TagId),
    /// A photo.
    Image(ImageId),
    /// A region.
    Region(RegionId),
    /// An iteration.
    Iteration(IterationId),
    /// A published iteration of this name.
    Publication(Name),
    /// A kept prediction, or one that has expired.
    Prediction(PredictionId),
    /// The model and the manifest of an iteration that has not completed.
    Model(IterationId),
    /// An export.
    Export(ExportId),
    /// A file of an export.
    ExportFile(ExportId, Name),
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Project(id) => write!(f, "there is no project {id}; it may have been deleted"),
            Self::Tag(id) => write!(f, "the project has no tag {id}"),
            Self::Image(id) => write!(f, "the project has no photo {id}"),
            Self::Region(id) => write!(f, "the project has no region {id}"),
            Self::Iteration(id) => write!(f, "the project has no iteration {id}"),
            Self::Publication(name) => {
                write!(f, "no iteration of the project is published as {:?}", name.as_str())
            }
            Self::Prediction(id) => write!(f, "the project keeps no prediction {id}; it may have expired"),
            Self::Model(id) => write!(f, "the iteration {id} has no model; only a completed one has"),
            Self::Export(id) => write!(f, "the project has no export {id}"),
            Self::ExportFile(id, name) => write!(f, "the export {id} has no file {:?}", name.as_str()),
        }
    }
}

/// A change or a question that a store does not carry out. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something is not there.
    #[error("{0}")]
    NotFound(Missing),
    /// A value that the data model does not admit.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// More than a limit allows.
    #[error("{count} {what} are more than the limit of {limit}")]
    Limit {
        /// What there would be too many of.
        what: &'static str,
        /// How many there would be.
        count: usize,
        /// How many there may be.
        limit: usize,
        /// The Custom Vision code for this limit.
        code: ErrorCode,
    },
    /// A tag's name is taken.
    #[error("the project has a tag named {:?} already; tag names are unique", .0.as_str())]
    TagNameTaken(Name),
    /// A second negative tag.
    #[error("the project has a negative tag already; it can have one")]
    SecondNegativeTag,
    /// The negative tag beside another.
    #[error(
        "the photo {0} would have the negative tag beside another; a photo that shows none of the tags has no other"
    )]
    NegativeAndRegular(ImageId),
    /// A domain that does not exist.
    #[error("there is no such domain; Domain::ALL lists those that there are")]
    UnknownDomain,
    /// A change from classification to detection or back.
    #[error(
        "a project's domain can change within classification or within detection, not from one to the other"
    )]
    DomainTypeChange,
    /// An iteration's name is taken.
    #[error("the project has an iteration named {:?} already; iteration names are unique", .0.as_str())]
    IterationNameTaken(Name),
    /// A publication's name is taken.
    #[error("{:?} is published already; publish with overwriting to replace it", .0.as_str())]
    PublishNameTaken(Name),
    /// A training holds the project.
    #[error("a training of the project is under way, in this process or another; wait for it or stop it")]
    TrainingInProgress,
    /// An iteration without a model, to be published or exported.
    #[error("the iteration {0} has not completed; only a completed one can be published or exported")]
    NotCompleted(IterationId),
    /// A training that is not one.
    #[error("the iteration {0} is not in training")]
    NotTraining(IterationId),
    /// An iteration that is in use.
    #[error("the iteration {0} is published; unpublish it first")]
    Published(IterationId),
    /// An iteration that is not published.
    #[error("the iteration {0} is not published")]
    NotPublished(IterationId),
    /// A deleted project whose time is over.
    #[error(
        "the project was deleted more than {} days ago and cannot be restored",
        limits::DELETED_PROJECT_DAYS
    )]
    RestoreExpired(ProjectId),
    /// An id that is in use.
    #[error("the id {0} is in use already; ids are unique")]
    IdTaken(String),
    /// A file's name that an export has already.
    #[error("the export has two files named {:?}; the names of its files are unique", .0.as_str())]
    ExportFileNameTaken(Name),
    /// Something that this kind of store does not do.
    #[error("this store cannot {0}")]
    Unsupported(&'static str),
    /// The medium has no room left.
    #[error("{action} failed: the disk is full; make room, or erase what is not needed any more")]
    Full {
        /// What was being done.
        action: &'static str,
    },
    /// The medium does not let itself be written.
    #[error(
        "{action} failed: the data directory cannot be written; check its permissions and how it is mounted"
    )]
    ReadOnly {
        /// What was being done.
        action: &'static str,
    },
    /// The data directory does not hold what its records say.
    #[error("the data is damaged: {detail}")]
    Corrupt {
        /// What does not fit.
        detail: String,
    },
    /// The data directory was written by a version that this one does not know.
    #[error("the data directory has format {found}, and this version reads format {supported}; {advice}")]
    Format {
        /// The directory's format.
        found: u32,
        /// The format that this version reads.
        supported: u32,
        /// What to do about it.
        advice: &'static str,
    },
    /// The medium or the database below the store failed in another way than being full, read-only or damaged.
    #[error("{action} failed: {source}")]
    Backend {
        /// What was being done.
        action: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// An error of the medium below the store, with what was being done.
    pub fn backend(action: &'static str) -> impl Fn(Box<dyn Error + Send + Sync>) -> Self {
        move |source| Self::Backend { action, source }
    }

    /// Whether the store itself failed, rather than refused what it was asked.
    pub fn is_of_the_store(&self) -> bool {
        matches!(
            self,
            Self::Backend { .. }
                | Self::Full { .. }
                | Self::ReadOnly { .. }
                | Self::Corrupt { .. }
                | Self::Format { .. }
        )
    }

    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(missing) => match missing {
                Missing::Project(_) => ErrorCode::NotFoundProject,
                Missing::Tag(_) => ErrorCode::NotFoundTag,
                Missing::Image(_) => ErrorCode::NotFoundImage,
                Missing::Iteration(_) | Missing::Publication(_) => ErrorCode::NotFoundIteration,
                Missing::Model(_) => ErrorCode::BadRequestIterationIsNotTrained,
                Missing::Region(_)
                | Missing::Prediction(_)
                | Missing::Export(_)
                | Missing::ExportFile(..) => ErrorCode::NotFound,
            },
            Self::Invalid(invalid) => invalid.code(),
            Self::Limit { code, .. } => *code,
            Self::TagNameTaken(_) => ErrorCode::BadRequestTagNameNotUnique,
            Self::SecondNegativeTag => ErrorCode::BadRequestMultipleNegativeTag,
            Self::NegativeAndRegular(_) => ErrorCode::BadRequestNegativeAndRegularTagOnSameImage,
            Self::UnknownDomain => ErrorCode::BadRequestProjectUnknownDomain,
            Self::DomainTypeChange => ErrorCode::BadRequestProjectUnsupportedDomainTypeChange,
            Self::IterationNameTaken(_) => ErrorCode::BadRequestIterationNameNotUnique,
            Self::PublishNameTaken(_) => ErrorCode::BadRequestInvalidPublishName,
            Self::TrainingInProgress => ErrorCode::BadRequestTrainingAlreadyInProgress,
            Self::NotCompleted(_) => ErrorCode::BadRequestIterationIsNotTrained,
            Self::NotTraining(_) => ErrorCode::BadRequest,
            Self::Published(_) => ErrorCode::BadRequestIterationIsPublished,
            Self::NotPublished(_) => ErrorCode::BadRequestIterationNotPublished,
            Self::RestoreExpired(_) => ErrorCode::NotFoundProject,
            Self::IdTaken(_) => ErrorCode::BadRequestInvalidIds,
            Self::Unsupported(_) => ErrorCode::BadRequestNotSupported,
            Self::ExportFileNameTaken(_) => ErrorCode::BadRequest,
            Self::Corrupt { .. }
            | Self::Format { .. }
            | Self::Backend { .. }
            | Self::Full { .. }
            | Self::ReadOnly { .. } => ErrorCode::ErrorUnknown,
        }
    }

    /// What a photo's entry says when this error kept it out of a batch.
    pub fn image_status(&self) -> ImageCreateStatus {
        match self {
            Self::NotFound(Missing::Tag(_)) => ImageCreateStatus::ErrorInvalidTag,
            Self::NegativeAndRegular(_) => ImageCreateStatus::ErrorNegativeAndRegularTagOnSameImage,
            Self::Limit { code: ErrorCode::BadRequestExceedTagPerImageLimit, .. } => {
                ImageCreateStatus::ErrorTagLimitExceed
            }
            Self::Limit { code: ErrorCode::BadRequestImageRegions, .. } => {
                ImageCreateStatus::ErrorRegionLimitExceed
            }
            Self::Limit { .. } => ImageCreateStatus::ErrorLimitExceed,
            Self::NotFound(Missing::Prediction(_)) => ImageCreateStatus::ErrorSource,
            Self::Corrupt { .. } | Self::Backend { .. } | Self::Full { .. } | Self::ReadOnly { .. } => {
                ImageCreateStatus::ErrorStorage
            }
            _ => ImageCreateStatus::ErrorUnknown,
        }
    }
}
