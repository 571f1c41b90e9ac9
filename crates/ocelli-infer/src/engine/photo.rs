//! From a photo to the network's input, in one pass over its rows.

use ocelli_imaging::{ResizeFilter, RgbView};
use ocelli_kernels::{Kernels, OutOfBounds, PixelFilter};
use ocelli_model::Preprocessing;

use crate::views::area;

/// The rows of bytes of an area that is as large as the network's input, which resizing would leave as they are; none of
/// another.
pub(super) fn rows_as_they_are<'a>(
    preprocessing: &Preprocessing,
    photo: &RgbView<'a>,
) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
    let area = area(preprocessing.view, photo);
    let same = (area.width, area.height) == (preprocessing.width, preprocessing.height);
    let columns = area.left as usize * 3..(area.left + area.width) as usize * 3;
    let rows = photo.pixels().chunks_exact(photo.width() as usize * 3);
    let rows = rows.skip(area.top as usize).take(area.height as usize);
    same.then(|| rows.map(move |row| &row[columns.clone()]))
}

/// The tables and rows that a photo's way in needs; nothing is allocated anew for a photo of the size of the last.
#[derive(Debug, Default)]
pub(super) struct Resampler {
    across: ResizeFilter,
    down: ResizeFilter,
    /// `across`, as kernels read it.
    pixels: PixelFilter,
    /// A row of the photo's width, in f32, and one value more.
    row: Vec<f32>,
    /// A row of the network's input, and one value more.
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
        mut put: impl FnMut(usize, &[f32]) -> Result<(), OutOfBounds>,
    ) -> Result<(), OutOfBounds> {
        let area = area(preprocessing.view, &photo);
        if (self.across.source(), self.across.target()) != (area.width, preprocessing.width) {
            self.across.prepare(area.width, preprocessing.width);
            let runs = self.across.taps().map(|taps| (taps.start, taps.weights));
            self.pixels.prepare(area.width as usize, runs)?;
        }
        self.down.prepare(area.height, preprocessing.height);
        let stride = photo.width() as usize * 3;
        let (left, len) = (area.left as usize * 3, area.width as usize * 3);
        let resized = preprocessing.width as usize * 3;
        self.row.resize(len + 1, 0.0);
        self.resized.resize(resized + 1, 0.0);
        for (place, taps) in self.down.taps().enumerate() {
            let start = (area.top as usize + taps.start) * stride + left;
            let rows = photo.pixels().get(start..).ok_or(OutOfBounds)?;
            kernels.combine_rows(rows, stride, taps.weights, &mut self.row[..len])?;
            kernels.combine_pixels(&self.pixels, &self.row, scale, &mut self.resized)?;
            put(place, &self.resized[..resized])?;
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

/// Spreads a row of RGB values over the pixels of a map whose pixels have room for more.
pub(super) fn spread(values: &[f32], pixel: usize, to: &mut [f32]) {
    for (to, pixel) in to.chunks_mut(pixel).zip(values.chunks_exact(3)) {
        to.fill(0.0);
        to.iter_mut().zip(pixel).for_each(|(to, value)| *to = *value);
    }
}
