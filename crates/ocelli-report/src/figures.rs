//! Figures that a report has where they were measured: calibration and a comparison.

use ocelli_core::{CalibrationFigures, ImageId, IterationId, Name, ReliabilityBin};
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

/// What changed since an earlier iteration, on the photos that both answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// The earlier iteration.
    pub earlier: IterationId,
    /// Its name.
    pub earlier_name: Name,
    /// Its headline figure, 0 to 1.
    pub earlier_value: Option<f64>,
    /// How each tag changed, in the order of the report's tags.
    pub tags: Vec<ComparedTag>,
    /// How many photos are answered right now and were not before.
    pub improved_count: usize,
    /// Some of them.
    pub improved: Vec<ImageId>,
    /// How many photos were answered right before and are not now.
    pub worsened_count: usize,
    /// Some of them.
    pub worsened: Vec<ImageId>,
}

/// How one tag changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedTag {
    /// The earlier average precision; none where the earlier iteration does not have the tag.
    pub earlier_average_precision: Option<f64>,
    /// The earlier F1; none likewise.
    pub earlier_f1: Option<f64>,
}
