use serde::{Deserialize, Serialize};

use crate::{InvalidValue, limits};

/// The probability from which on a tag counts as given: a number between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Threshold(f32);

impl Threshold {
    /// Takes a number between 0 and 1.
    pub fn new(value: f32) -> Result<Self, InvalidValue> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(InvalidValue::Probability { value }) }
    }

    /// The number.
    pub fn value(self) -> f32 {
        self.0
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self(limits::DEFAULT_THRESHOLD)
    }
}

impl TryFrom<f32> for Threshold {
    type Error = InvalidValue;

    fn try_from(value: f32) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<Threshold> for f32 {
    fn from(threshold: Threshold) -> Self {
        threshold.0
    }
}
