use std::error::Error;

use ocelli_core::{
    DataClass, Erased, ErrorCode, ExportId, HoldId, ImageCreateStatus, ImageId, InvalidValue, IterationId,
    Name, PredictionId, ProjectId, RegionId, TagId, Timestamp,
};
use ocelli_keys::KeyError;

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
    /// A hold.
    Hold(HoldId),
    /// Something that a rule of retention is for.
    Item(Erased),
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
            Self::Item(item) => write!(f, "{item:?} is not there; it may have been erased"),
            Self::Hold(id) => write!(f, "there is no hold {id}; it may have been released"),
            Self::ExportFile(id, name) => write!(f, "the export {id} has no file {:?}", name.as_str()),
        }
    }
}

fn name_of(item: &Erased) -> String {
    match item {
        Erased::Project(id) => format!("the project {id}"),
        Erased::Tag(id) => format!("the tag {id}"),
        Erased::Image(id) => format!("the photo {id}"),
        Erased::Region(id) => format!("the region {id}"),
        Erased::Metadata(id) => format!("the metadata of the photo {id}"),
        Erased::Iteration(id) => format!("the iteration {id}"),
        Erased::Export(id) => format!("the export {id}"),
        Erased::Prediction(id) => format!("the kept prediction {id}"),
        Erased::PredictionPhoto(id) => format!("the photo of the kept prediction {id}"),
        Erased::PredictionResult(id) => format!("the results of the kept prediction {id}"),
        Erased::Features(id) => format!("the features of the photo {id}"),
        other => format!("{other:?}"),
    }
}

fn kept_by(holds: &[HoldId]) -> String {
    match holds {
        [] => "a hold keeps it".to_owned(),
        [hold] => format!("the hold {hold} keeps it"),
        [first, rest @ ..] => format!("the hold {first} and {} more keep it", rest.len()),
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
    /// A figure that is infinite or no number.
    #[error("{0} is infinite or no number; it must be finite")]
    NotFinite(&'static str),
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
    /// A training that cannot go on.
    #[error("the iteration {0} has no checkpoint to go on from; train anew")]
    NoCheckpoint(IterationId),
    /// An iteration that is in use.
    #[error("the iteration {0} is published; unpublish it first")]
    Published(IterationId),
    /// An iteration that is not published.
    #[error("the iteration {0} is not published")]
    NotPublished(IterationId),
    /// A deleted project whose time is over.
    #[error("the project {0} was deleted too long ago for the retention policy and cannot be restored")]
    RestoreExpired(ProjectId),
    /// An id that is in use.
    #[error("the id {0} is in use already; ids are unique")]
    IdTaken(String),
    /// A file's name that an export has already.
    #[error("the export has two files named {:?}; the names of its files are unique", .0.as_str())]
    ExportFileNameTaken(Name),
    /// Holds keep what would be erased or altered.
    #[error("{} must stay as it is: {}; release what holds it first", name_of(.item), kept_by(.holds))]
    Held {
        /// The project that it is in.
        project: ProjectId,
        /// What is kept: the first that was met.
        item: Erased,
        /// The holds that keep it.
        holds: Vec<HoldId>,
    },
    /// A kept prediction that says otherwise than the photo of the same bytes that it would join.
    #[error(
        "the photo {image} has the same bytes and another value of {key:?} in its metadata; \
         make the two agree, or delete one of them"
    )]
    MetadataConflict {
        /// The photo.
        image: ImageId,
        /// The key that both have a value of.
        key: String,
    },
    /// Something that would be due as soon as it is kept.
    #[error("by the retention policy data of the class {0:?} would be due at once; change the policy first")]
    NotKept(DataClass),
    /// A change in an account that is closed.
    #[error("the account was closed at {0}; open it again first")]
    AccountClosed(Timestamp),
    /// A receipt for an erasure that is not complete, or that has erased more than the receipt lists.
    #[error("the erasure {0} is not complete; finish the erasures first")]
    NotErased(u64),
    /// Something that the audit log cannot say.
    #[error("the audit log cannot say it: {0}")]
    NotAuditable(KeyError),
    /// Entries of the audit log that are not due.
    #[error("not all entries of the audit log up to {0} are due; only those that are can be replaced")]
    AuditNotDue(u64),
    /// The key of an encrypted project cannot be had.
    #[error(
        "the project {project} is encrypted and its key cannot be had: {source}; open the store with the key provider that wrapped it"
    )]
    Key {
        /// The project.
        project: ProjectId,
        /// Why.
        source: KeyError,
    },
    /// The key of what is encrypted and belongs to no one project, such as a hold on all of them, cannot be had.
    #[error(
        "what belongs to no one project is encrypted and its key cannot be had: {0}; \
         open the store with the key provider that wrapped it"
    )]
    AccountKey(KeyError),
    /// A key provider is needed and there is none.
    #[error("{0} needs a key provider; open the store with one")]
    NoKeys(&'static str),
    /// A closed account whose time is over.
    #[error("the account was closed at {0} and what it held is due; it cannot be opened again")]
    AccountDue(Timestamp),
    /// An erasure of many steps that is not there, or whose receipt has been made.
    #[error("there is no erasure {0} that is under way; begin one")]
    NoOperation(u64),
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
                | Missing::Hold(_)
                | Missing::Item(_)
                | Missing::ExportFile(..) => ErrorCode::NotFound,
            },
            Self::Invalid(invalid) => invalid.code(),
            Self::NotFinite(_) => ErrorCode::BadRequestInvalid,
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
            Self::NotTraining(_) | Self::NoCheckpoint(_) => ErrorCode::BadRequest,
            Self::Published(_) => ErrorCode::BadRequestIterationIsPublished,
            Self::NotPublished(_) => ErrorCode::BadRequestIterationNotPublished,
            Self::RestoreExpired(_) => ErrorCode::NotFoundProject,
            Self::IdTaken(_) => ErrorCode::BadRequestInvalidIds,
            Self::Held { .. } | Self::NotKept(_) | Self::MetadataConflict { .. } => {
                ErrorCode::BadRequestOperationNotSupported
            }
            Self::Key { .. } | Self::AccountKey(_) | Self::NoKeys(_) => {
                ErrorCode::BadRequestCustomerManagedKeyRevoked
            }
            Self::AccountClosed(_) | Self::AccountDue(_) => ErrorCode::ForbiddenUserDisabled,
            Self::NoOperation(_) => ErrorCode::BadRequestInvalidIds,
            Self::NotErased(_) | Self::AuditNotDue(_) => ErrorCode::BadRequestInvalid,
            Self::NotAuditable(error) => error.code(),
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
