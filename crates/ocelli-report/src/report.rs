use ocelli_core::{
    ClassificationType, CurvePoint, Description, EvaluatedOn, FineTuningRecord, ImageId, Iteration, Name,
    ProjectId, TagId, TagType, Threshold, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Calibrated, Compared, Estimate, NextStep, PhotoFindings, Provenance, ReportedPhoto};

/// What is known about one iteration, in the order in which a reader needs it. [`render`](crate::render) shows it
/// as a page; this is the truth, and the page shows nothing else.
///
/// Tags are named by their index into [`tags`](Self::tags), photos by their id; [`photos`](Self::photos) holds what
/// is shown of each photo that is named anywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IterationReport {
    /// When the report was made.
    pub made: Timestamp,
    /// The project at that time.
    pub project: ReportedProject,
    /// The iteration at that time.
    pub iteration: Iteration,
    /// How good it is, in one figure.
    pub headline: Headline,
    /// What to do next, the most useful first.
    pub next_steps: Vec<NextStep>,
    /// How well it does for each tag, in the order of training.
    pub tags: Vec<ReportedTag>,
    /// How well it does over all pairs of photo and tag.
    pub overall: Overall,
    /// Which tags are taken for which.
    pub confusion: Vec<ReportedCell>,
    /// How far its probabilities can be trusted; none where that was not measured.
    pub calibration: Option<Calibrated>,
    /// How the base was adapted, and what each round brought; none in a quick training.
    pub fine_tuning: Option<FineTuningRecord>,
    /// Photos that deserve a look; none where nobody looked for them.
    pub findings: Option<PhotoFindings>,
    /// What changed since an earlier iteration; none where the report names none.
    pub comparison: Option<Compared>,
    /// What is needed to repeat it.
    pub provenance: Provenance,
    /// The photos that the report names, by id.
    pub photos: Vec<ReportedPhoto>,
}

/// The project that a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedProject {
    /// Identifies the project.
    pub id: ProjectId,
    /// Its name.
    pub name: Name,
    /// What it is about.
    pub description: Description,
}

/// The figure that says most about an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// The fraction of photos whose most probable tag is right: for one tag a photo.
    Top1,
    /// The mean over the tags of their average precision: for any number of tags a photo.
    MeanAveragePrecision,
}

/// How good an iteration is, and how that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Headline {
    /// Which figure.
    pub measure: Measure,
    /// The figure, 0 to 1; none where nothing was measured.
    pub value: Option<Estimate>,
    /// On which photos.
    pub evaluated_on: EvaluatedOn,
    /// How many photos that were.
    pub photos: usize,
    /// How many photos it was trained on.
    pub trained_photos: usize,
    /// One tag a photo, or any number.
    pub classification_type: ClassificationType,
    /// The base model, as people call it.
    pub base_model: String,
}

/// How well an iteration does for one tag. The terms are defined at [`Evaluation`](ocelli_core::Evaluation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedTag {
    /// The tag.
    pub id: TagId,
    /// Its name when the iteration was trained.
    pub name: Name,
    /// Its type at the time.
    #[serde(rename = "type")]
    pub tag_type: TagType,
    /// Photos that have it, among those that it is judged by.
    pub photos: usize,
    /// Photos that have it, among those that the iteration was trained on.
    pub trained_photos: usize,
    /// The probability from which on it counts as given in this report.
    pub threshold: Threshold,
    /// Of the photos that were given it, the part that has it; none where none was given it.
    pub precision: Option<Estimate>,
    /// Of the photos that have it, the part that was given it; none where none has it.
    pub recall: Option<Estimate>,
    /// The harmonic mean of precision and recall, 0 to 1; none where both are none.
    pub f1: Option<f64>,
    /// The area under the curve, 0 to 1; none where no photo has it.
    pub average_precision: Option<f64>,
    /// Precision over recall as the threshold falls; a selection of at most
    /// [`MAX_CURVE_POINTS`](crate::MAX_CURVE_POINTS).
    pub curve: Vec<CurvePoint>,
}

/// Figures over all pairs of photo and tag.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overall {
    /// 0 to 1.
    pub precision: f64,
    /// 0 to 1.
    pub recall: f64,
    /// 0 to 1.
    pub f1: f64,
    /// The mean over the tags, 0 to 1; none where no photo has a tag.
    pub average_precision: Option<f64>,
}

/// One cell of the confusion matrix that holds a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedCell {
    /// The tag that the photos have; none for photos that were given a tag too many.
    pub actual: Option<u16>,
    /// The tag that they were given; none where they were given none in its place.
    pub given: Option<u16>,
    /// How many photos it holds.
    pub count: usize,
    /// Some of them where they were given another tag than they have, the surest answers first: at most
    /// [`MAX_CELL_PHOTOS`](crate::MAX_CELL_PHOTOS).
    pub photos: Vec<AnsweredPhoto>,
}

/// A photo and how sure an answer to it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredPhoto {
    /// The photo.
    pub photo: ImageId,
    /// The probability of the tag that it was given, or that it should have been given where it was given none, 0 to
    /// 1.
    pub probability: f32,
}

impl ReportedCell {
    /// Whether its photos were given the tag that they have.
    pub fn is_right(&self) -> bool {
        self.actual == self.given
    }
}

impl IterationReport {
    /// The name of a tag; an empty text where there is none of this index.
    pub fn tag_name(&self, tag: u16) -> &str {
        self.tags.get(usize::from(tag)).map_or("", |tag| tag.name.as_str())
    }

    /// What is shown of a photo.
    pub fn photo(&self, id: ImageId) -> Option<&ReportedPhoto> {
        let index = self.photos.binary_search_by_key(&id, |photo| photo.id).ok()?;
        self.photos.get(index)
    }
}
