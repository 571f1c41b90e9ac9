//! Figures that a report has where they were measured: calibration and a comparison.

use ocelli_core::{
    CalibrationFigures, ImageId, IterationId, Name, ReliabilityBin, SharedFigures, TagId, TagPerformance,
};
use serde::{Deserialize, Serialize};

/// How far probabilities can be trusted, before and after they were calibrated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calibrated {
    /// As the model gives them.
    pub after: CalibrationFigures,
    /// The answers behind that, by their probability.
    pub bins: Vec<ReliabilityBin>,
    /// As they were before calibration; none where they were not calibrated.
    pub before: Option<CalibrationFigures>,
    /// The answers with the calibration undone, by their probability; empty likewise.
    pub bins_before: Vec<ReliabilityBin>,
}

/// What changed since an earlier iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// The earlier iteration.
    pub earlier: IterationId,
    /// Its name.
    pub earlier_name: Name,
    /// How well both do on the photos that both answered, each at its own thresholds.
    pub shared: SharedFigures,
    /// How each tag changed: first the report's tags in their order, then those that only the earlier iteration has.
    pub tags: Vec<ComparedTag>,
    /// How often chance alone would tell them at least as far apart, 0 to 1 ([`Comparison::p_value`]).
    ///
    /// [`Comparison::p_value`]: ocelli_core::Comparison::p_value
    pub p_value: f64,
    /// How many photos are answered right now and were not before.
    pub improved_count: usize,
    /// Some of them, of all tags in turn: at most [`MAX_LISTED_PHOTOS`](crate::MAX_LISTED_PHOTOS).
    pub improved: Vec<ImageId>,
    /// How many photos were answered right before and are not now.
    pub worsened_count: usize,
    /// Some of them, likewise.
    pub worsened: Vec<ImageId>,
}

/// How one tag changed, on the photos that both iterations answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedTag {
    /// The tag.
    pub id: TagId,
    /// Its name.
    pub name: Name,
    /// The earlier iteration's figures; none where it does not know the tag.
    pub earlier: Option<TagPerformance>,
    /// The later iteration's figures; none likewise.
    pub later: Option<TagPerformance>,
    /// How many photos are right as to this tag now and were not before.
    pub improved: usize,
    /// How many photos were right as to this tag before and are not now.
    pub worsened: usize,
}
