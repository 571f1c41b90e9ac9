//! What of a photo an augmentation leaves in sight.

use super::Augmentation;
use crate::{Area, RgbView};

/// A turned rectangle, in pixels of the photo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) centre: (f64, f64),
    pub(super) width: f64,
    pub(super) height: f64,
    /// Cosine and sine of the angle by which the rectangle's sides are turned against the photo's.
    pub(super) turn: (f64, f64),
    /// Where the photo ends: beyond it, padding is grey, and what a moved window sees is the border's pixels.
    pub(super) padded: bool,
}

impl Window {
    pub(super) fn new(augmentation: &Augmentation, area: Area) -> Self {
        let within = |value: f32, low: f64, high: f64, otherwise: f64| {
            if value.is_finite() { f64::from(value).clamp(low, high) } else { otherwise }
        };
        let (mut width, mut height) = (f64::from(area.width), f64::from(area.height));
        let middle = (f64::from(area.left) + width / 2.0, f64::from(area.top) + height / 2.0);
        if augmentation.pad_to_square {
            (width, height) = (width.max(height), width.max(height));
        }
        let right = within(augmentation.right, -1.0, 1.0, 0.0) * width;
        let down = within(augmentation.down, -1.0, 1.0, 0.0) * height;
        // To turn the picture one way is to turn the window the other way.
        let (sine, cosine) = (-within(augmentation.rotation, -360.0, 360.0, 0.0)).to_radians().sin_cos();
        Self {
            centre: (middle.0 + right, middle.1 + down),
            width: width * within(augmentation.width, 0.05, 4.0, 1.0),
            height: height * within(augmentation.height, 0.05, 4.0, 1.0),
            turn: (cosine, sine),
            padded: augmentation.pad_to_square,
        }
    }

    pub(super) fn is_upright(&self) -> bool {
        self.turn == (1.0, 0.0)
    }

    /// Left edge and upper edge, where the window is upright.
    pub(super) fn corner(&self) -> (f64, f64) {
        (self.centre.0 - self.width / 2.0, self.centre.1 - self.height / 2.0)
    }

    /// The pixels of the photo that the window touches, and one more around them; at least one pixel.
    pub(super) fn bounds(&self, view: &RgbView<'_>) -> Area {
        let (cosine, sine) = (self.turn.0.abs(), self.turn.1.abs());
        let half_width = (self.width * cosine + self.height * sine) / 2.0 + 1.0;
        let half_height = (self.width * sine + self.height * cosine) / 2.0 + 1.0;
        let run = |centre: f64, half: f64, length: u32| {
            let start = ((centre - half).floor().max(0.0) as u32).min(length - 1);
            let end = ((centre + half).ceil().max(0.0) as u32).clamp(start + 1, length);
            (start, end - start)
        };
        let (left, width) = run(self.centre.0, half_width, view.width());
        let (top, height) = run(self.centre.1, half_height, view.height());
        Area { left, top, width, height }
    }
}
