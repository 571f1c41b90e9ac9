use ocelli_core::MeasuredInt8;
use serde::{Deserialize, Serialize};

/// What is needed to repeat an iteration, and to know what it was made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// The version of Ocelli that made the report.
    pub version: String,
    /// The domain's name.
    pub domain: String,
    /// The seed that folds were drawn with.
    pub seed: u64,
    /// The fingerprint of the base model, its preprocessing included, in hexadecimal.
    pub base: String,
    /// How many folds there were.
    pub folds: u16,
    /// The strength of the L2 regularisation that the folds favoured.
    pub strength: f64,
    /// How far the weights of tags make up for unequal numbers of photos, 0 to 1.
    pub balance: f32,
    /// Photos that were trained on and have been erased since; no figure counts them.
    pub erased: u32,
    /// Photos of the test that have been erased since; likewise.
    pub test_erased: u32,
    /// Photos with tags that took no part, by reason.
    pub left_out: LeftOutCounts,
    /// What answers in int8 are worth; none where that was not measured.
    pub int8: Option<MeasuredInt8>,
}

/// How many photos with tags took no part in a training, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutCounts {
    /// They have several tags, and the project allows one a photo.
    pub several_tags: usize,
    /// They have the negative tag, and the settings leave the negative set out.
    pub negative_set: usize,
    /// They could not be read.
    pub unreadable: usize,
}
