//! What of a photo counted, shown on the photo.

mod colours;

use ocelli_core::BoundingBox;
use serde::{Deserialize, Serialize};

use crate::reduced::luma;
use crate::{ImagingError, RgbImage, RgbView, pixels};

/// How much each place of a photo counted: a coarse grid over the part of the photo that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeatMap {
    /// Cells across.
    pub columns: u32,
    /// Cells down.
    pub rows: u32,
    /// One value a cell, shape `[rows, columns]`, row by row from the upper left. What is above 0 counted for, what
    /// is below 0 against.
    pub values: Vec<f32>,
    /// The part of the photo that the cells cover.
    pub area: BoundingBox,
}

/// How far the hottest place is covered by its colour.
const MOST_OPAQUE: f32 = 0.8;
/// How much of its colours the photo loses, so that those of the heat stand out.
const MUTED: f32 = 0.5;

/// Lays what counted for an answer over a photo, in its size.
///
/// Values are interpolated between the cells' centres (Catmull-Rom), and those above 0 coloured from dark violet over
/// orange to light yellow, in the colours of *inferno* (Smith and van der Walt, 2015): their lightness rises evenly, so that
/// they can be read without seeing colours. The greatest value is the hottest and the most opaque; where nothing
/// counted for the answer the photo shows through, its own colours muted.
///
/// # Errors
/// [`ImagingError::HeatMapLength`] where there is not one value a cell, [`ImagingError::Allocation`] where
/// there is no memory for the picture.
pub fn overlay(photo: RgbView<'_>, heat: &HeatMap) -> Result<RgbImage, ImagingError> {
    let HeatMap { columns, rows, .. } = *heat;
    let expected = u64::from(columns) * u64::from(rows);
    if expected == 0 || expected != heat.values.len() as u64 {
        return Err(ImagingError::HeatMapLength { columns, rows, found: heat.values.len() as u64 });
    }
    let values = heat.values.iter().map(|value| if value.is_finite() { value.max(0.0) } else { 0.0 });
    let hottest = values.clone().fold(f32::MIN_POSITIVE, f32::max);
    let cells: Vec<f32> = values.map(|value| value / hottest).collect();
    let (width, height) = (photo.width(), photo.height());
    let across = positions(width, heat.area.left(), heat.area.width(), columns as usize);
    let down = positions(height, heat.area.top(), heat.area.height(), rows as usize);
    let mut out = pixels::buffer(width, height, 3, 0)?;
    let row_bytes = width as usize * 3;
    let mut of_row = vec![0.0; columns as usize];
    let lines = out.chunks_exact_mut(row_bytes).zip(photo.pixels().chunks_exact(row_bytes));
    for ((out_row, photo_row), down) in lines.zip(down) {
        for (column, value) in of_row.iter_mut().enumerate() {
            *value = down.map_or(0.0, |taps| taps.sum(|row| cells[row * columns as usize + column]));
        }
        let line = out_row.chunks_exact_mut(3).zip(photo_row.chunks_exact(3));
        for ((out, pixel), across) in line.zip(&across) {
            let strength = across.map_or(0.0, |taps| taps.sum(|column| of_row[column])).clamp(0.0, 1.0);
            let pixel = [pixel[0], pixel[1], pixel[2]].map(f32::from);
            let (grey, heat) = (luma(pixel), colours::inferno(strength));
            let opacity = MOST_OPAQUE * strength;
            for channel in 0..3 {
                let muted = pixel[channel] + (grey - pixel[channel]) * MUTED;
                out[channel] = (muted + (heat[channel] - muted) * opacity + 0.5) as u8;
            }
        }
    }
    RgbImage::new(width, height, out)
}

/// The four cells between the middle two of which a pixel lies, and their weights.
#[derive(Clone, Copy)]
struct Taps {
    cells: [usize; 4],
    weights: [f32; 4],
}

impl Taps {
    fn sum(&self, value: impl Fn(usize) -> f32) -> f32 {
        self.cells.iter().zip(self.weights).map(|(&cell, weight)| value(cell) * weight).sum()
    }
}

/// Of each pixel of a side of the photo, where it lies among `cells` over a part of the side; none outside of it.
fn positions(pixels: u32, start: f32, length: f32, cells: usize) -> Vec<Option<Taps>> {
    let taps = |pixel: u32| {
        let in_area = ((pixel as f32 + 0.5) / pixels as f32 - start) / length;
        if !(0.0..1.0).contains(&in_area) {
            return None;
        }
        let position = (in_area * cells as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
        let first = position as usize;
        let t = position - first as f32;
        let last = cells - 1;
        Some(Taps {
            cells: [first.saturating_sub(1), first, (first + 1).min(last), (first + 2).min(last)],
            weights: [
                t * (t * (1.0 - 0.5 * t) - 0.5),
                t * t * (1.5 * t - 2.5) + 1.0,
                t * (t * (2.0 - 1.5 * t) + 0.5),
                t * t * (0.5 * t - 0.5),
            ],
        })
    };
    (0..pixels).map(taps).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole() -> BoundingBox {
        BoundingBox::new(0.0, 0.0, 1.0, 1.0).unwrap()
    }

    fn grey(width: u32, height: u32) -> RgbImage {
        RgbImage::new(width, height, vec![100; (width * height * 3) as usize]).unwrap()
    }

    fn pixel(image: &RgbImage, x: u32, y: u32) -> [u8; 3] {
        let at = ((y * image.width() + x) * 3) as usize;
        [image.pixels()[at], image.pixels()[at + 1], image.pixels()[at + 2]]
    }

    #[test]
    fn the_hottest_place_is_yellow_and_cold_ones_are_the_photo() {
        let mut values = vec![-1.0; 49];
        values[7 * 2 + 5] = 3.0;
        let heat = HeatMap { columns: 7, rows: 7, values, area: whole() };
        let made = overlay(grey(70, 140).view(), &heat).unwrap();
        let [red, green, blue] = pixel(&made, 55, 49);
        assert!(red > 200 && green > 200 && blue < 190, "{red} {green} {blue}");
        for (x, y) in [(5, 10), (55, 130), (5, 49), (69, 139)] {
            assert_eq!(pixel(&made, x, y), [100; 3], "{x} {y}");
        }
    }

    #[test]
    fn heat_lies_within_its_area() {
        let area = BoundingBox::new(0.25, 0.0, 0.5, 1.0).unwrap();
        let heat = HeatMap { columns: 1, rows: 1, values: vec![0.1], area };
        let made = overlay(grey(40, 20).view(), &heat).unwrap();
        for x in 0..40 {
            let is_hot = pixel(&made, x, 7) != [100; 3];
            assert_eq!(is_hot, (10..30).contains(&x), "{x}");
        }
    }

    #[test]
    fn colours_are_muted_and_nothing_hot_leaves_the_photo() {
        let photo = RgbImage::new(1, 1, vec![200, 0, 0]).unwrap();
        for value in [0.0, -5.0, f32::NAN, f32::INFINITY] {
            let heat = HeatMap { columns: 1, rows: 1, values: vec![value], area: whole() };
            // Half way to its grey of 59.8.
            assert_eq!(overlay(photo.view(), &heat).unwrap().pixels(), [130, 30, 30]);
        }
    }

    #[test]
    fn a_map_without_one_value_a_cell_is_refused() {
        for (columns, rows, count) in [(0, 0, 0), (2, 2, 3), (0, 3, 0), (u32::MAX, u32::MAX, 1)] {
            let heat = HeatMap { columns, rows, values: vec![1.0; count], area: whole() };
            let refused = overlay(grey(2, 2).view(), &heat).unwrap_err();
            assert_eq!(refused, ImagingError::HeatMapLength { columns, rows, found: count as u64 });
        }
    }

    proptest! {
        #[test]
        fn interpolation_meets_every_cell_and_weighs_to_one(cells in 1..9_usize, per_cell in 0..4_u32) {
            // An odd number of pixels a cell: one stands at its centre.
            let pixels = cells as u32 * (2 * per_cell + 1);
            for (index, taps) in positions(pixels, 0.0, 1.0, cells).into_iter().enumerate() {
                let taps = taps.unwrap();
                prop_assert!((taps.weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
                if index as u32 % (2 * per_cell + 1) == per_cell {
                    let cell = index / (2 * per_cell as usize + 1);
                    prop_assert!((taps.sum(|cell| cell as f32 * 10.0) - cell as f32 * 10.0).abs() < 1e-2);
                }
            }
        }

        #[test]
        fn any_map_is_survived(
            (width, height) in (1..40_u32, 1..40_u32),
            (columns, rows) in (1..9_u32, 1..9_u32),
            value in any::<f32>(),
            corner in (0.0..0.9_f32, 0.0..0.9_f32),
        ) {
            let area = BoundingBox::new(corner.0, corner.1, 0.1, 0.1).unwrap();
            let values = (0..columns * rows).map(|cell| value * cell as f32).collect();
            let made = overlay(grey(width, height).view(), &HeatMap { columns, rows, values, area }).unwrap();
            prop_assert_eq!((made.width(), made.height()), (width, height));
        }
    }
}
