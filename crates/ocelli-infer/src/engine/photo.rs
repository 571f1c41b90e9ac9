//! From a photo to the network's input, in one pass over its rows.

use ocelli_imaging::{Area, ResizeFilter, RgbView};
use ocelli_kernels::{Kernels, OutOfBounds};
use ocelli_model::{Preprocessing, View};

use super::layout::Layout;

/// The tables and rows that a photo's way in needs; nothing is allocated anew for a photo of the size of the last.
#[derive(Debug, Default)]
pub(super) struct Resampler {
    across: ResizeFilter,
    down: ResizeFilter,
    /// A row of the photo's width, in f32.
    row: Vec<f32>,
    /// A row of the network's input.
    resized: Vec<f32>,
}

impl Resampler {
    /// Resizes a photo as `ocelli_imaging::resize_into` defines it, and hands on each row: its number, and its RGB values
    /// as `value * factor + offset` by channel.
    pub(super) fn run(
        &mut self,
        kernels: &Kernels,
        preprocessing: &Preprocessing,
        photo: RgbView<'_>,
        scale: [[f32; 3]; 2],
        mut put: impl FnMut(usize, &[f32]),
    ) -> Result<(), OutOfBounds> {
        let area = match preprocessing.view {
            View::Whole => Area::whole(&photo),
            View::Centre => Area::centre_square(&photo),
        };
        self.across.prepare(area.width, preprocessing.width);
        self.down.prepare(area.height, preprocessing.height);
        let stride = photo.width() as usize * 3;
        let (left, len) = (area.left as usize * 3, area.width as usize * 3);
        // One value more than the pixels have: pixels are read four values at a time.
        self.row.clear();
        self.row.resize(len + 1, 0.0);
        self.resized.clear();
        self.resized.resize(preprocessing.width as usize * 3, 0.0);
        for (place, taps) in self.down.taps().enumerate() {
            let start = (area.top as usize + taps.start) * stride + left;
            let rows = photo.pixels().get(start..).ok_or(OutOfBounds)?;
            kernels.combine_rows(rows, stride, taps.weights, &mut self.row[..len])?;
            let across = self.across.taps().map(|taps| (taps.start, taps.weights));
            kernels.combine_pixels(&self.row, across, scale, &mut self.resized)?;
            put(place, &self.resized);
        }
        Ok(())
    }
}

/// `(value - mean) / std` as a factor and an offset of each channel.
pub(super) fn normalisation(preprocessing: &Preprocessing) -> [[f32; 3]; 2] {
    let Preprocessing { mean, std, .. } = *preprocessing;
    let factor = std.map(|std| 1.0 / std);
    [factor, std::array::from_fn(|channel| -mean[channel] * factor[channel])]
}

/// Where a row's pixels are in the input, whatever its layout.
pub(super) fn place<T: Copy>(
    layout: &Layout,
    row: usize,
    values: &[f32],
    to: &mut [T],
    of: impl Fn(f32) -> T,
) {
    let start = layout.start + row * layout.row;
    let Some(to) = to.get_mut(start..) else { return };
    if layout.pixel == 3 {
        to.iter_mut().zip(values).for_each(|(to, value)| *to = of(*value));
        return;
    }
    for (to, pixel) in to.chunks_mut(layout.pixel).zip(values.chunks_exact(3)) {
        to.iter_mut().zip(pixel).for_each(|(to, value)| *to = of(*value));
    }
}
