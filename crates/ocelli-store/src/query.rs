use ocelli_core::{
    ErrorCode, Image, ImageId, InvalidValue, IterationId, MetadataFilter, Name, PredictionId,
    StoredPrediction, TagId, Threshold, Timestamp, limits,
};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Which projects a question is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProjectState {
    /// Those in use.
    #[default]
    Live,
    /// Those deleted at or after this moment that are not due, so that they can still be restored.
    DeletedSince(Timestamp),
}

/// Whether photos have tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaggingStatus {
    /// All photos.
    #[default]
    All,
    /// Photos with a tag or a region.
    Tagged,
    /// Photos with neither.
    Untagged,
}

/// The order of a listing, by the time that its items were made; items made at once follow by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// Which photos a question is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageFilter {
    /// With tags, without, or all.
    pub tagging_status: TaggingStatus,
    /// Photos that have at least one of these tags, on the whole or on a region; all where this is empty.
    pub tags: Vec<TagId>,
    /// Photos whose metadata the expression selects; all where there is none.
    pub metadata: Option<MetadataFilter>,
}

/// A page of photos.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageQuery {
    /// Which photos.
    #[serde(flatten)]
    pub filter: ImageFilter,
    /// The newest or the oldest first.
    pub order: Order,
    /// How many to pass over.
    pub skip: usize,
    /// How many to return.
    pub take: usize,
}

impl Default for ImageQuery {
    fn default() -> Self {
        Self { filter: ImageFilter::default(), order: Order::default(), skip: 0, take: limits::DEFAULT_PAGE }
    }
}

impl ImageFilter {
    /// Refuses more tags than a filter may name.
    pub fn check(&self) -> Result<(), StoreError> {
        within(
            "tags in one filter",
            self.tags.len(),
            limits::MAX_TAGS_PER_BATCH,
            ErrorCode::BadRequestExceededBatchSize,
        )
    }

    /// Whether the filter lets a photo through.
    pub fn admits(&self, image: &Image) -> bool {
        let bare = image.tags.is_empty() && image.regions.is_empty();
        let status = match self.tagging_status {
            TaggingStatus::All => true,
            TaggingStatus::Tagged => !bare,
            TaggingStatus::Untagged => bare,
        };
        let mut tags =
            image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|region| region.tag_id));
        status
            && (self.tags.is_empty() || tags.any(|tag| self.tags.contains(&tag)))
            && self.metadata.as_ref().is_none_or(|filter| filter.matches(&image.metadata))
    }
}

impl ImageQuery {
    /// Refuses a page that is too long, and a filter that is refused.
    pub fn check(&self) -> Result<(), StoreError> {
        page(self.take)?;
        self.filter.check()
    }
}

/// Refuses a question about more photos than may be named at once.
pub fn check_ids(images: &[ImageId]) -> Result<(), StoreError> {
    within("photos in one question", images.len(), limits::MAX_PAGE, ErrorCode::BadRequestExceededBatchSize)
}

fn page(take: usize) -> Result<(), StoreError> {
    if take > limits::MAX_PAGE { Err(InvalidValue::Page { take }.into()) } else { Ok(()) }
}

fn within(what: &'static str, count: usize, limit: usize, code: ErrorCode) -> Result<(), StoreError> {
    if count > limit { Err(StoreError::Limit { what, count, limit, code }) } else { Ok(()) }
}

/// What cached features depend on besides the photo.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeatureKey {
    /// The fingerprint of the base model, its preprocessing included, in hexadecimal.
    pub base: String,
    /// For features computed in int8, the fingerprint of the calibration, in hexadecimal; none in f32.
    pub calibration: Option<String>,
}

impl FeatureKey {
    /// Features computed in f32.
    pub fn f32(base: impl Into<String>) -> Self {
        Self { base: base.into(), calibration: None }
    }

    /// Features computed in int8 with this calibration.
    pub fn int8(base: impl Into<String>, calibration: impl Into<String>) -> Self {
        Self { base: base.into(), calibration: Some(calibration.into()) }
    }
}

/// A range of probabilities of one tag, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbabilityRange {
    /// The tag.
    pub tag_id: TagId,
    /// The lowest probability.
    pub min: Threshold,
    /// The highest probability.
    pub max: Threshold,
}

/// Where a listing of kept predictions goes on: after the last item of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Continuation {
    /// When the last item was made.
    pub created: Timestamp,
    /// Its id.
    pub id: PredictionId,
}

/// A page of kept predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PredictionQuery {
    /// Predictions in which each of these tags has a probability in its range.
    pub tags: Vec<ProbabilityRange>,
    /// Predictions of this iteration.
    pub iteration_id: Option<IterationId>,
    /// Predictions made at or after this moment.
    pub start_time: Option<Timestamp>,
    /// Predictions made before this moment.
    pub end_time: Option<Timestamp>,
    /// Predictions that this application asked for.
    pub application: Option<Name>,
    /// The newest or the oldest first.
    pub order: Order,
    /// Where the page before ended.
    pub continuation: Option<Continuation>,
    /// How many to return.
    pub take: usize,
}

impl Default for PredictionQuery {
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            iteration_id: None,
            start_time: None,
            end_time: None,
            application: None,
            order: Order::default(),
            continuation: None,
            take: limits::DEFAULT_PAGE,
        }
    }
}

impl PredictionQuery {
    /// Refuses a page that is too long, and more tags than a question may combine.
    pub fn check(&self) -> Result<(), StoreError> {
        page(self.take)?;
        let (count, limit) = (self.tags.len(), limits::MAX_TAGS_PER_PREDICTION_QUERY);
        within("tags in one question", count, limit, ErrorCode::BadRequestPredictionTagsExceededCount)
    }

    /// Whether a kept prediction is one that the question is about, wherever its page begins.
    pub fn admits(&self, kept: &StoredPrediction) -> bool {
        let answer = &kept.prediction;
        self.iteration_id.is_none_or(|iteration| answer.iteration_id == iteration)
            && self.start_time.is_none_or(|start| answer.created >= start)
            && self.end_time.is_none_or(|end| answer.created < end)
            && self.application.as_ref().is_none_or(|name| kept.application.as_ref() == Some(name))
            && self.tags.iter().all(|range| {
                answer.predictions.iter().any(|each| {
                    each.tag_id == range.tag_id
                        && (range.min.value()..=range.max.value()).contains(&each.probability)
                })
            })
    }

    /// The page that begins this one's results: one more than it takes tells whether another follows.
    pub fn page(&self, mut results: Vec<StoredPrediction>) -> PredictionPage {
        let more = results.len() > self.take;
        results.truncate(self.take);
        let last = results
            .last()
            .map(|last| Continuation { created: last.prediction.created, id: last.prediction.id });
        PredictionPage { continuation: if more { last.or(self.continuation) } else { None }, results }
    }
}

/// Kept predictions, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PredictionPage {
    /// The predictions.
    pub results: Vec<StoredPrediction>,
    /// Where the next page begins; none where this is the last.
    pub continuation: Option<Continuation>,
}
