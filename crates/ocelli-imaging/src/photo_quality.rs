use serde::{Deserialize, Serialize};

use crate::RgbView;
use crate::reduced::{LONGER_SIDE, Reduced};

/// What can make a photo useless for training, measured on its pixels.
///
/// Brightness, contrast and sharpness are those of the photo reduced to [`PhotoQuality::MEASURED_SIDE`] pixels on its
/// longer side, about what a network sees of it: what is blurred beyond that does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhotoQuality {
    /// Width of the upright photo in pixels.
    pub width: u32,
    /// Height of the upright photo in pixels.
    pub height: u32,
    /// The mean brightness, 0 (black) to 1 (white).
    pub brightness: f32,
    /// The standard deviation of the brightness, 0 (one tone) to 0.5.
    pub contrast: f32,
    /// How fine the finest that the photo shows is, 0 to 8: the mean square of the Laplacian of the brightness
    /// (Pech-Pacheco, Cristóbal, Chamorro-Martínez and Fernández-Valdivia, *Diatom autofocusing in brightfield
    /// microscopy: a comparative study*, 2000, take its variance) over the mean square of its gradient. The
    /// quotient does not depend on contrast: a sheet of white paper is not blurred. Photos in focus have 1 to 3.
    pub sharpness: f32,
}

/// Why a photo may be useless for training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PhotoProblem {
    /// Hardly anything is brighter than black.
    TooDark,
    /// Hardly anything is darker than white.
    TooBright,
    /// Nothing in it is in focus.
    Blurred,
    /// A network sees mostly what enlarging has made up.
    TooSmall,
}

impl PhotoQuality {
    /// Pixels of the longer side on which brightness, contrast and sharpness are measured; a smaller photo is
    /// measured as it is.
    pub const MEASURED_SIDE: u32 = LONGER_SIDE;
    /// A photo whose brightness is below this is too dark.
    pub const TOO_DARK: f32 = 0.05;
    /// A photo whose brightness is above this is too bright.
    pub const TOO_BRIGHT: f32 = 0.985;
    /// A photo whose sharpness is below this is blurred.
    pub const BLURRED: f32 = 0.5;
    /// A photo whose shorter side has fewer pixels is too small.
    pub const TOO_SMALL: u32 = 64;

    /// Measures a photo.
    pub fn measure(view: RgbView<'_>) -> Self {
        Self::of_reduced(&view, &Reduced::new(view))
    }

    pub(crate) fn of_reduced(view: &RgbView<'_>, reduced: &Reduced) -> Self {
        let count = reduced.grey.len() as f64;
        let mean = sum_of(reduced.grey.iter().copied()) / count;
        let variance = sum_of(reduced.grey.iter().map(|value| (value - mean as f32).powi(2))) / count;
        Self {
            width: view.width(),
            height: view.height(),
            brightness: (mean / 255.0) as f32,
            contrast: (variance.sqrt() / 255.0) as f32,
            sharpness: sharpness(&reduced.grey, reduced.columns),
        }
    }

    /// What may make the photo useless, in the order of [`PhotoProblem`]; mostly nothing.
    pub fn problems(&self) -> Vec<PhotoProblem> {
        let small = self.width.min(self.height) < Self::TOO_SMALL;
        let dark = self.brightness < Self::TOO_DARK;
        let bright = self.brightness > Self::TOO_BRIGHT;
        // Without light there is nothing to be sharp.
        let blurred = self.sharpness < Self::BLURRED && !dark && !bright;
        let found = [
            (dark, PhotoProblem::TooDark),
            (bright, PhotoProblem::TooBright),
            (blurred, PhotoProblem::Blurred),
            (small, PhotoProblem::TooSmall),
        ];
        found.into_iter().filter_map(|(is_so, problem)| is_so.then_some(problem)).collect()
    }
}

/// Slopes whose mean square is below this many grey levels squared are those of noise.
const NO_SLOPE: f64 = 1.0;

fn sharpness(grey: &[f32], columns: usize) -> f32 {
    let row = |index: usize| &grey[index * columns..(index + 1) * columns];
    let rows = grey.len() / columns;
    let (mut bends, mut slopes) = (0.0, 0.0);
    // The border is left out: of its pixels, neighbours are missing.
    for index in 1..rows.saturating_sub(1) {
        let (above, here, below) = (row(index - 1), row(index), row(index + 1));
        let inner = here.windows(3).zip(above.get(1..).unwrap_or_default().iter().zip(&below[1..]));
        bends += sum_of(
            inner
                .clone()
                .map(|(here, (above, below))| (4.0 * here[1] - here[0] - here[2] - above - below).powi(2)),
        );
        slopes +=
            sum_of(inner.map(|(here, (_, below))| (here[2] - here[1]).powi(2) + (below - here[1]).powi(2)));
    }
    let count = columns.saturating_sub(2) * rows.saturating_sub(2);
    (bends / slopes.max(NO_SLOPE * count as f64).max(f64::MIN_POSITIVE)) as f32
}

/// Sums in eight lanes, which a compiler can keep in one register, then across them.
fn sum_of(values: impl Iterator<Item = f32>) -> f64 {
    let mut lanes = [0.0_f64; 8];
    for (index, value) in values.enumerate() {
        lanes[index % 8] += f64::from(value);
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RgbImage;

    fn measured(width: u32, height: u32, grey: impl Fn(u32, u32) -> u8) -> PhotoQuality {
        let positions = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels = positions.flat_map(|(x, y)| [grey(x, y); 3]).collect();
        PhotoQuality::measure(RgbImage::new(width, height, pixels).unwrap().view())
    }

    #[test]
    fn a_chessboard_has_half_of_everything() {
        let quality = measured(80, 80, |x, y| if (x + y) % 2 == 0 { 0 } else { 255 });
        assert!((quality.brightness - 0.5).abs() < 1e-6 && (quality.contrast - 0.5).abs() < 1e-6);
        // No photo is sharper: each pixel differs from all its neighbours.
        assert!((quality.sharpness - 8.0).abs() < 1e-4, "{quality:?}");
        assert_eq!(quality.problems(), []);
    }

    #[test]
    fn each_problem_is_found() {
        let chessboard = |x: u32, y: u32| if (x / 2 + y / 2).is_multiple_of(2) { 60 } else { 200 };
        let wave = |x: u32, _| (128.0 + 100.0 * (x as f32 / 30.0).sin()) as u8;
        assert_eq!(measured(300, 200, chessboard).problems(), []);
        assert_eq!(measured(300, 200, |x, y| chessboard(x, y) / 20).problems(), [PhotoProblem::TooDark]);
        assert_eq!(measured(300, 200, |_, _| 255).problems(), [PhotoProblem::TooBright]);
        assert_eq!(measured(300, 200, wave).problems(), [PhotoProblem::Blurred]);
        assert_eq!(measured(300, 63, chessboard).problems(), [PhotoProblem::TooSmall]);
        let faint = |x: u32, y: u32| 120 + chessboard(x, y) / 20;
        assert_eq!(measured(300, 200, faint).problems(), [], "contrast is not sharpness");
        let both = [PhotoProblem::Blurred, PhotoProblem::TooSmall];
        assert_eq!(measured(3, 3, |_, _| 128).problems(), both);
    }

    #[test]
    fn the_smallest_photos_are_measured() {
        for (width, height) in [(1, 1), (2, 2), (1, 900), (900, 2), (3, 3)] {
            let quality = measured(width, height, |_, _| 51);
            assert!((quality.brightness - 0.2).abs() < 1e-6, "{quality:?}");
            assert!(quality.contrast < 1e-6 && quality.sharpness < 1e-3, "{quality:?}");
            assert_eq!((quality.width, quality.height), (width, height));
        }
    }
}
