//! What a network sees of a photo, and what else of it can be shown to it.

use ocelli_imaging::{Area, Augmentation, Augmenter, ImagingError, RgbImage, RgbView};
use ocelli_model::{Preprocessing, View};
use serde::{Deserialize, Serialize};

/// How many views of a photo a prediction asks about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Views {
    /// The one that the network was trained for, as exported models do: the network runs once.
    #[default]
    One,
    /// That one and its four [corners](CORNERS): the network runs five times, and a probability is the mean of the five. It
    /// is less sure of itself than one answer is, by which temperatures and thresholds were chosen.
    Corners,
}

impl Views {
    /// How often the network runs for a photo.
    pub fn count(self) -> usize {
        1 + self.further().len()
    }

    /// The views beside the one that the network was trained for.
    pub(crate) fn further(self) -> &'static [Augmentation] {
        match self {
            Self::One => &[],
            Self::Corners => &CORNERS,
        }
    }
}

/// The corners of what a network sees, each of 80 % of its sides: top left, bottom right, top right, bottom left.
pub const CORNERS: [Augmentation; 4] = [
    Augmentation::window(0.8, -0.1, -0.1),
    Augmentation::window(0.8, 0.1, 0.1),
    Augmentation::window(0.8, 0.1, -0.1),
    Augmentation::window(0.8, -0.1, 0.1),
];

/// The area of a photo that a view shows.
pub fn area(view: View, photo: &RgbView<'_>) -> Area {
    match view {
        View::Whole => Area::whole(photo),
        View::Centre => Area::centre_square(photo),
    }
}

/// What a network of this preprocessing sees of a photo that is altered so, to be given to it in the photo's place. It is
/// of the size of the network's input, or a square of its longer side where the network sees the centre square.
///
/// # Errors
///
/// If there is no memory for it.
pub fn altered(
    preprocessing: &Preprocessing,
    photo: RgbView<'_>,
    augmentation: &Augmentation,
    augmenter: &mut Augmenter,
) -> Result<RgbImage, ImagingError> {
    let Preprocessing { width, height, view, .. } = *preprocessing;
    let (width, height) = match view {
        View::Whole => (width, height),
        // All of it is its centre square.
        View::Centre => (width.max(height), width.max(height)),
    };
    augmenter.apply(photo, area(view, &photo), augmentation, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_touch_two_borders_and_stay_inside() {
        let mut seen = Vec::new();
        for Augmentation { width, height, right, down, .. } in CORNERS {
            assert!((right.abs() + width / 2.0 - 0.5).abs() < 1e-6);
            assert!((down.abs() + height / 2.0 - 0.5).abs() < 1e-6);
            seen.push((right > 0.0, down > 0.0));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), Views::Corners.count() - 1);
    }
}
