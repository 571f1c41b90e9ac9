use serde::{Deserialize, Serialize};

use crate::{InvalidValue, RegionId, TagId, Timestamp};

/// How far a box may reach beyond the photo by rounding: f32 sums of fractions are not exact.
const ROUNDING: f32 = 1e-4;

/// A rectangle in the upright photo, as fractions of its sides; the origin is the top left corner.
///
/// All values are finite and between 0 and 1, width and height are positive, and the box lies within the photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawBox")]
pub struct BoundingBox {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

#[derive(Deserialize)]
struct RawBox {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

impl BoundingBox {
    /// A box from its left and top edge and its size, all 0 to 1.
    pub fn new(left: f32, top: f32, width: f32, height: f32) -> Result<Self, InvalidValue> {
        let edge = |start: f32, size: f32| {
            start.is_finite()
                && size.is_finite()
                && (0.0..1.0).contains(&start)
                && size > 0.0
                && start + size <= 1.0 + ROUNDING
        };
        if edge(left, width) && edge(top, height) {
            Ok(Self { left, top, width: width.min(1.0 - left), height: height.min(1.0 - top) })
        } else {
            Err(InvalidValue::Box { left, top, width, height })
        }
    }

    /// The left edge, 0 to 1.
    pub fn left(&self) -> f32 {
        self.left
    }

    /// The top edge, 0 to 1.
    pub fn top(&self) -> f32 {
        self.top
    }

    /// The width, over 0 to 1.
    pub fn width(&self) -> f32 {
        self.width
    }

    /// The height, over 0 to 1.
    pub fn height(&self) -> f32 {
        self.height
    }
}

impl TryFrom<RawBox> for BoundingBox {
    type Error = InvalidValue;

    fn try_from(raw: RawBox) -> Result<Self, Self::Error> {
        Self::new(raw.left, raw.top, raw.width, raw.height)
    }
}

/// A part of a photo and the tag that describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// Identifies the region.
    #[serde(rename = "regionId")]
    pub id: RegionId,
    /// What it shows.
    pub tag_id: TagId,
    /// When it was drawn.
    pub created: Timestamp,
    /// Where it lies.
    #[serde(flatten)]
    pub bounds: BoundingBox,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn boxes_that_leave_the_photo_are_refused() {
        for (left, top, width, height) in [
            (-0.1, 0.0, 0.5, 0.5),
            (0.6, 0.0, 0.5, 0.5),
            (0.0, 0.0, 0.0, 0.5),
            (0.0, 0.0, f32::NAN, 0.5),
            (0.0, f32::INFINITY, 0.5, 0.5),
            // Within the rounding of the right edge, but with nothing of the photo inside.
            (1.00005, 0.0, 0.00004, 0.5),
            (0.0, 1.0, 0.5, 0.00005),
        ] {
            assert!(BoundingBox::new(left, top, width, height).is_err(), "{left} {top} {width} {height}");
        }
        assert!(
            serde_json::from_str::<BoundingBox>(r#"{"left":0.9,"top":0,"width":0.9,"height":1}"#).is_err()
        );
    }

    proptest! {
        #[test]
        fn an_accepted_box_lies_within_the_photo(
            left in -0.5f32..1.5, top in -0.5f32..1.5, width in -0.5f32..1.5, height in -0.5f32..1.5,
        ) {
            if let Ok(bounds) = BoundingBox::new(left, top, width, height) {
                prop_assert!(bounds.left() >= 0.0 && bounds.left() + bounds.width() <= 1.0);
                prop_assert!(bounds.top() >= 0.0 && bounds.top() + bounds.height() <= 1.0);
            }
        }
    }
}
