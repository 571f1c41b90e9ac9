//! Augmentation: altered copies of a photo to train on, under Custom Vision's names.

mod augmenter;
mod policy;
mod tone;
mod warp;
mod window;

pub use augmenter::Augmenter;
pub use policy::AugmentationPolicy;

use serde::{Deserialize, Serialize};

/// One way to alter a photo, drawn by an [`AugmentationPolicy`] and carried out by an [`Augmenter`].
///
/// Of the area that the network sees, a window stays in sight: first padded to a square where asked, then made
/// smaller, moved and turned. What the window shows fills the output, is mirrored, and has its tones changed. The
/// default alters nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Augmentation {
    /// Degrees by which the picture is turned clockwise.
    pub rotation: f32,
    /// The window's width over the area's, 0.05 to 4; below 1 things look wider.
    pub width: f32,
    /// The window's height over the area's, 0.05 to 4; below 1 things look taller.
    pub height: f32,
    /// How far the window's centre lies to the right of the area's, in widths of the area, -1 to 1.
    pub right: f32,
    /// How far the window's centre lies below the area's, in heights of the area, -1 to 1.
    pub down: f32,
    /// Whether the area is first padded with grey to a square, so that it is not squashed.
    pub pad_to_square: bool,
    /// Whether the picture is mirrored left to right.
    pub horizontal_flip: bool,
    /// Whether each channel's histogram is equalised.
    pub equalize: bool,
    /// Channel values from this one on are inverted.
    pub solarize: Option<u8>,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl Augmentation {
    /// A window of `side` times the area's sides whose centre lies so far to the right of and below the area's, in its widths
    /// and heights.
    pub const fn window(side: f32, right: f32, down: f32) -> Self {
        Self { width: side, height: side, right, down, ..Self::IDENTITY }
    }

    /// The same, mirrored left to right.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Self { horizontal_flip: !self.horizontal_flip, ..self }
    }

    /// Alters nothing.
    pub const IDENTITY: Self = Self {
        rotation: 0.0,
        width: 1.0,
        height: 1.0,
        right: 0.0,
        down: 0.0,
        pad_to_square: false,
        horizontal_flip: false,
        equalize: false,
        solarize: None,
    };

    /// Whether a photo comes out as a plain resize makes it.
    pub fn is_identity(&self) -> bool {
        *self == Self::IDENTITY
    }
}
