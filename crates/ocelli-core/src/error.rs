use crate::{ErrorCode, limits};

/// A value that the data model does not admit, with what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidValue {
    /// A name without a visible character.
    #[error("a name is empty; it needs at least one visible character")]
    EmptyName,
    /// A text over its limit.
    #[error("a {what} has {chars} characters; at most {limit} are allowed")]
    LongText {
        /// What the text is.
        what: &'static str,
        /// How long it is.
        chars: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A control character where text is expected.
    #[error("a {what} holds a control character; use printable characters only")]
    ControlCharacter {
        /// What the text is.
        what: &'static str,
    },
    /// A bounding box that does not lie within its photo.
    #[error(
        "the box left {left}, top {top}, width {width}, height {height} does not lie within the photo; \
         all are fractions of the photo's sides, with a positive width and height and a sum of at most 1"
    )]
    Box {
        /// As given.
        left: f32,
        /// As given.
        top: f32,
        /// As given.
        width: f32,
        /// As given.
        height: f32,
    },
    /// A probability or threshold outside 0 to 1.
    #[error("{value} is not a probability; it must lie between 0 and 1")]
    Probability {
        /// As given.
        value: f32,
    },
    /// Something other than 64 lower-case hexadecimal digits.
    #[error("a {what} is written as 64 lower-case hexadecimal digits, and this is something else")]
    Digest {
        /// What was expected.
        what: &'static str,
    },
    /// Too many metadata entries on one photo.
    #[error("a photo has {count} metadata entries; at most {} are allowed", limits::MAX_METADATA_ENTRIES)]
    MetadataEntries {
        /// How many there are.
        count: usize,
    },
    /// An empty metadata key, or one over its limit.
    #[error("the metadata key {key:?} is not usable; a key has 1 to {} characters", limits::MAX_METADATA_KEY)]
    MetadataKey {
        /// The key, cut to its limit.
        key: String,
    },
    /// A metadata value over its limit.
    #[error(
        "the value of the metadata key {key:?} has {chars} characters; at most {} are allowed",
        limits::MAX_METADATA_VALUE
    )]
    MetadataValue {
        /// The value's key.
        key: String,
        /// How long the value is.
        chars: usize,
    },
    /// A continuation that goes on with another question.
    #[error("the continuation is of another order; repeat the question that returned it")]
    Continuation,
    /// A metadata filter that does not parse.
    #[error(
        "the metadata filter is not understood from character {position} on, where {expected} is expected; \
         a filter reads key1 eq 'v' and key2 ne 'w' or (key3 eq 'x')"
    )]
    MetadataFilter {
        /// Which character, counted from 1; one past the last where more is expected.
        position: usize,
        /// What would be right there.
        expected: &'static str,
    },
    /// A metadata filter with too many parentheses within one another.
    #[error(
        "the metadata filter has more than {} parentheses within one another; write it with fewer",
        limits::MAX_METADATA_FILTER_DEPTH
    )]
    MetadataFilterDepth,
    /// A page longer than [`limits::MAX_PAGE`].
    #[error("a page of {take} items was asked for; at most {} are returned at once", limits::MAX_PAGE)]
    Page {
        /// How many were asked for.
        take: usize,
    },
}

impl InvalidValue {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::EmptyName
            | Self::ControlCharacter { .. }
            | Self::LongText { .. }
            | Self::Digest { .. }
            | Self::Probability { .. } => ErrorCode::BadRequest,
            Self::Box { .. } => ErrorCode::BadRequestImageRegions,
            Self::MetadataEntries { .. } | Self::MetadataKey { .. } => ErrorCode::BadRequestImageMetadataKey,
            Self::MetadataValue { .. } => ErrorCode::BadRequestImageMetadataValue,
            Self::MetadataFilter { .. } | Self::MetadataFilterDepth | Self::Continuation => {
                ErrorCode::BadRequestPredictionInvalidQueryParameters
            }
            Self::Page { .. } => ErrorCode::BadRequestExceededBatchSize,
        }
    }
}
