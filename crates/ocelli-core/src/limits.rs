//! Every limit and default of Custom Vision, in one place.
//!
//! The constants are what Custom Vision enforces in its paid tier. Those that a host may want to move are
//! also fields of [`Limits`], whose default is the constants.

use serde::{Deserialize, Serialize};

/// Projects in one data directory (100).
pub const MAX_PROJECTS: usize = 100;
/// Photos to train on in one project (100,000).
pub const MAX_IMAGES_PER_PROJECT: usize = 100_000;
/// Tags in one project (500).
pub const MAX_TAGS_PER_PROJECT: usize = 500;
/// Iterations in one project (20).
pub const MAX_ITERATIONS_PER_PROJECT: usize = 20;
/// Tags on one photo (100).
pub const MAX_TAGS_PER_IMAGE: usize = 100;
/// Regions on one photo to train on (300).
pub const MAX_REGIONS_PER_IMAGE: usize = 300;
/// Photos in one upload (64).
pub const MAX_BATCH: usize = 64;
/// Tags in one upload, and in one tag filter (20).
pub const MAX_TAGS_PER_BATCH: usize = 20;
/// Items on one page, and ids in one question or deletion of photos (256).
pub const MAX_PAGE: usize = 256;
/// Items on one page when the caller names no number (50).
pub const DEFAULT_PAGE: usize = 50;
/// Kept predictions in one deletion (64).
pub const MAX_PREDICTIONS_PER_DELETION: usize = 64;
/// Photos that tags are suggested for in one call (64).
pub const MAX_SUGGESTED: usize = 64;
/// Pictures in one preview of augmentations (Ocelli's own).
pub const MAX_AUGMENTATION_PREVIEWS: usize = 64;
/// Things in one step of an erasure of many (Ocelli's own: a step is one transaction).
pub const MAX_ERASED_AT_ONCE: usize = 1_000;
/// Tags in one question about kept predictions (2).
pub const MAX_TAGS_PER_PREDICTION_QUERY: usize = 2;
/// Metadata entries on one photo (50).
pub const MAX_METADATA_ENTRIES: usize = 50;
/// Characters in a metadata key (256).
pub const MAX_METADATA_KEY: usize = 256;
/// Characters in a metadata value (512).
pub const MAX_METADATA_VALUE: usize = 512;
/// Characters in a metadata filter (Ocelli's own).
pub const MAX_METADATA_FILTER: usize = 8192;
/// Parentheses within one another in a metadata filter (Ocelli's own).
pub const MAX_METADATA_FILTER_DEPTH: usize = 32;
/// Characters in a name: of a project, a tag, an iteration, a publication or an application (Ocelli's own).
pub const MAX_NAME: usize = 256;
/// Characters in a description (Ocelli's own).
pub const MAX_DESCRIPTION: usize = 4096;

/// Photos that each tag needs before a classifier is trained (5).
pub const MIN_IMAGES_PER_TAG: usize = 5;
/// Tags that a classifier needs (2).
pub const MIN_TAGS: usize = 2;

/// Bytes of one photo to train on (6 MB).
pub const MAX_TRAIN_BYTES: usize = 6_000_000;
/// Bytes of one photo to predict (4 MB).
pub const MAX_PREDICT_BYTES: usize = 4_000_000;
/// Pixels on the longer side of a photo (10,240).
pub const MAX_SIDE: u32 = 10_240;
/// The longer side of a photo over its shorter side (25:1).
pub const MAX_ASPECT_RATIO: u32 = 25;
/// Pixels in one photo (Ocelli's own: 10,240 a side would be 105 million).
pub const MAX_PIXELS: u64 = 64_000_000;

/// The probability that a tag needs in order to count as given (0.5).
pub const DEFAULT_THRESHOLD: f32 = 0.5;
/// Days for which a kept prediction is visible, unless it is used for training (30).
pub const KEPT_PREDICTION_DAYS: i64 = 30;
/// Days for which a deleted project can be restored (30).
pub const DELETED_PROJECT_DAYS: i64 = 30;
/// Days for which what a closed account holds can be had back (90).
pub const CLOSED_ACCOUNT_DAYS: i64 = 90;

/// The part of the held-out photos that int8 may answer wrong on top of f32's errors before publishing it must be
/// insisted on.
pub const MAX_INT8_LOSS: f64 = 0.01;
/// Held-out photos that int8 may answer wrong on top of f32's errors, however few there are.
pub const MAX_INT8_LOST_PHOTOS: usize = 2;
/// The part of the held-out photos that must have been compared in both precisions for int8's cost to be recorded.
pub const MIN_INT8_COMPARED: f64 = 0.9;
/// Photos that a calibration for int8 looks at, at most.
pub const MAX_CALIBRATION_PHOTOS: usize = 256;

/// The limits that a host may set, each with Custom Vision's value as its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// See [`MAX_PROJECTS`].
    pub projects: usize,
    /// See [`MAX_IMAGES_PER_PROJECT`].
    pub images_per_project: usize,
    /// See [`MAX_TAGS_PER_PROJECT`].
    pub tags_per_project: usize,
    /// See [`MAX_ITERATIONS_PER_PROJECT`].
    pub iterations_per_project: usize,
    /// See [`MAX_SUGGESTED`].
    pub suggested: usize,
    /// See [`MAX_TRAIN_BYTES`].
    pub train_bytes: usize,
    /// See [`MAX_PREDICT_BYTES`].
    pub predict_bytes: usize,
    /// See [`MAX_PIXELS`].
    pub pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            projects: MAX_PROJECTS,
            images_per_project: MAX_IMAGES_PER_PROJECT,
            tags_per_project: MAX_TAGS_PER_PROJECT,
            iterations_per_project: MAX_ITERATIONS_PER_PROJECT,
            suggested: MAX_SUGGESTED,
            train_bytes: MAX_TRAIN_BYTES,
            predict_bytes: MAX_PREDICT_BYTES,
            pixels: MAX_PIXELS,
        }
    }
}
