use serde::{Deserialize, Serialize};

use crate::{ModelError, limits};

/// Which part of a photo the network sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The whole photo, squashed to the network's sides.
    Whole,
    /// The largest square in the middle of the photo.
    Centre,
}

/// How an upright RGB photo becomes the network's input.
///
/// The view is resized (`ocelli_imaging::resize_into`), and each value `v` of 0 to 255 becomes
/// `(v - mean) / std`, per channel in the order red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Pixels across the input.
    pub width: u32,
    /// Pixels down the input.
    pub height: u32,
    /// Which part of the photo is seen.
    pub view: View,
    /// Subtracted from each channel, in grey levels.
    pub mean: [f32; 3],
    /// Divides each channel, in grey levels.
    pub std: [f32; 3],
}

impl Preprocessing {
    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        let side_ok = |side| (1..=limits::MAX_INPUT_SIDE).contains(&side);
        let scale_ok = |std: &f32| std.is_finite() && (1e-6..=1e6).contains(&std.abs());
        let mean_ok = |mean: &f32| mean.is_finite() && mean.abs() <= 1e6;
        if !side_ok(self.width) || !side_ok(self.height) {
            let what = format!("an input of {} x {} pixels", self.width, self.height);
            let right = format!("1 to {} on a side", limits::MAX_INPUT_SIDE);
            return Err(ModelError::Preprocessing { what, right });
        }
        if !self.mean.iter().all(mean_ok) || !self.std.iter().all(scale_ok) {
            let what = format!("mean {:?} and std {:?}", self.mean, self.std);
            let right = "finite values of at most 1e6, and std not below 1e-6".to_owned();
            return Err(ModelError::Preprocessing { what, right });
        }
        Ok(())
    }
}
