//! A photo reduced to about what a network sees of it: what is measured on photos is measured on this.

use crate::{Area, Resizer, RgbView};

/// Pixels of the longer side; a smaller photo stays as it is.
pub(crate) const LONGER_SIDE: u32 = 256;

pub(crate) struct Reduced {
    pub(crate) columns: usize,
    /// Brightness, 0 to 255, as JPEG and television have it (ITU-R BT.601).
    pub(crate) grey: Vec<f32>,
    /// The mean of red, green and blue, 0 to 255.
    pub(crate) mean: [f32; 3],
}

impl Reduced {
    pub(crate) fn new(view: RgbView<'_>) -> Self {
        let longer = view.width().max(view.height());
        let reduced = longer.min(LONGER_SIDE);
        let scaled = |side: u32| {
            let rounded = (u64::from(side) * u64::from(reduced) + u64::from(longer) / 2) / u64::from(longer);
            (rounded as u32).max(1)
        };
        let (columns, rows) = (scaled(view.width()), scaled(view.height()));
        let mut pixels = vec![0.0; columns as usize * rows as usize * 3];
        // The target and its length are this function's own, and the area is the whole photo: nothing can be refused.
        let resized = Resizer::new().resize_into(view, Area::whole(&view), columns, rows, &mut pixels);
        debug_assert!(resized.is_ok());
        let mut sums = [0.0_f64; 3];
        for row in pixels.chunks_exact(columns as usize * 3) {
            let mut of_row = [0.0_f32; 3];
            for pixel in row.chunks_exact(3) {
                of_row = [of_row[0] + pixel[0], of_row[1] + pixel[1], of_row[2] + pixel[2]];
            }
            sums = std::array::from_fn(|channel| sums[channel] + f64::from(of_row[channel]));
        }
        let count = f64::from(columns) * f64::from(rows);
        Self {
            columns: columns as usize,
            grey: pixels.chunks_exact(3).map(|pixel| luma([pixel[0], pixel[1], pixel[2]])).collect(),
            mean: sums.map(|sum| (sum / count) as f32),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.grey.len() / self.columns
    }
}

pub(crate) fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RgbImage;

    #[test]
    fn photos_keep_their_shape_and_are_never_enlarged() {
        for ((width, height), expected) in [
            ((640, 480), (256, 192)),
            ((480, 640), (192, 256)),
            ((100, 30), (100, 30)),
            ((2000, 1), (256, 1)),
            ((1, 1), (1, 1)),
        ] {
            let pixels = [10, 20, 30].repeat((width * height) as usize);
            let reduced = Reduced::new(RgbImage::new(width, height, pixels).unwrap().view());
            assert_eq!((reduced.columns, reduced.rows()), expected);
            let grey = luma([10.0, 20.0, 30.0]);
            assert!(reduced.grey.iter().all(|value| (value - grey).abs() < 1e-3));
            assert!(reduced.mean.iter().zip([10.0, 20.0, 30.0]).all(|(a, b)| (a - b).abs() < 1e-3));
        }
    }
}
