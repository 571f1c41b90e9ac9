use serde::{Deserialize, Serialize};

use crate::{ImagingError, ResizeFilter, RgbView};

/// A part of a photo, in pixels of the upright photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Area {
    /// Left edge.
    pub left: u32,
    /// Upper edge.
    pub top: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Area {
    /// The whole photo.
    pub fn whole(view: &RgbView<'_>) -> Self {
        Self { left: 0, top: 0, width: view.width(), height: view.height() }
    }

    /// The largest square around the centre. Where the margin is odd, the left or upper one is a pixel smaller.
    pub fn centre_square(view: &RgbView<'_>) -> Self {
        let side = view.width().min(view.height());
        Self { left: (view.width() - side) / 2, top: (view.height() - side) / 2, width: side, height: side }
    }

    pub(crate) fn check_inside(&self, view: &RgbView<'_>) -> Result<(), ImagingError> {
        let fits = |start: u32, length: u32, whole: u32| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= whole)
        };
        if fits(self.left, self.width, view.width()) && fits(self.top, self.height, view.height()) {
            return Ok(());
        }
        Err(ImagingError::AreaOutside {
            left: self.left,
            top: self.top,
            area_width: self.width,
            area_height: self.height,
            width: view.width(),
            height: view.height(),
        })
    }
}

/// Resizes `area` of `view` to `width` x `height` and writes RGB values between 0 and 255, never rounded, to
/// `out`, shape `[height, width, 3]`. [`Resizer`] does the same without allocating anew.
///
/// # Errors
/// See [`Resizer::resize_into`].
pub fn resize_into(
    view: RgbView<'_>,
    area: Area,
    width: u32,
    height: u32,
    out: &mut [f32],
) -> Result<(), ImagingError> {
    Resizer::new().resize_into(view, area, width, height, out)
}

/// The one definition of resizing: a separable triangle filter with support `max(1, scale)`, half-pixel
/// centres, weights renormalised at the borders, in f32 and never rounded.
///
/// It equals ONNX opset 18 `Resize` with `mode = linear`, `coordinate_transformation_mode = half_pixel`,
/// `antialias = 1`, `exclude_outside = 1`, and Pillow's `BILINEAR` up to Pillow's rounding.
///
/// This is the readable form; [`ResizeFilter`] gives the weights to whoever sums them otherwise.
///
/// A resizer keeps its tables and one row of scratch: from the second photo of the same size on it allocates
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct Resizer {
    horizontal: ResizeFilter,
    vertical: ResizeFilter,
    row: Vec<f32>,
}

impl Resizer {
    /// A resizer with empty tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Resizes `area` of `view` to `width` x `height` and writes RGB values between 0 and 255, never rounded,
    /// to `out`, shape `[height, width, 3]`.
    ///
    /// # Errors
    /// [`ImagingError::AreaOutside`] where the area is empty or not inside the photo,
    /// [`ImagingError::ZeroSize`] where the target is empty, [`ImagingError::OutputLength`] where `out` does not
    /// hold exactly `height * width * 3` values.
    pub fn resize_into(
        &mut self,
        view: RgbView<'_>,
        area: Area,
        width: u32,
        height: u32,
        out: &mut [f32],
    ) -> Result<(), ImagingError> {
        area.check_inside(&view)?;
        if width == 0 || height == 0 {
            return Err(ImagingError::ZeroSize { width, height });
        }
        let expected = u128::from(width) * u128::from(height) * 3;
        if expected != out.len() as u128 {
            return Err(ImagingError::OutputLength {
                width,
                height,
                expected: u64::try_from(expected).unwrap_or(u64::MAX),
                found: out.len() as u64,
            });
        }
        self.horizontal.prepare(area.width, width);
        self.vertical.prepare(area.height, height);
        let origin = (area.left, area.top);
        resample(view, origin, &self.horizontal, &self.vertical, &mut self.row, out, |sum| sum);
        Ok(())
    }
}

/// Sums the taps of both axes, which count from `origin` in the photo; `out`, shape `[rows, columns, 3]`, holds
/// what `finish` makes of each sum. `row` is scratch.
pub(crate) fn resample<T>(
    view: RgbView<'_>,
    origin: (u32, u32),
    horizontal: &ResizeFilter,
    vertical: &ResizeFilter,
    row: &mut Vec<f32>,
    out: &mut [T],
    finish: impl Fn(f32) -> T,
) {
    let stride = view.width() as usize * 3;
    let (left, length) = (origin.0 as usize * 3, horizontal.source() as usize * 3);
    row.resize(length, 0.0);
    // Columns first: they are contiguous, so both passes touch few values and no large f32 copy exists.
    for (taps, out_row) in vertical.taps().zip(out.chunks_exact_mut(horizontal.target() as usize * 3)) {
        row.fill(0.0);
        let first = (origin.1 as usize + taps.start) * stride + left;
        for (source, &weight) in view.pixels()[first..].chunks(stride).zip(taps.weights) {
            for (sum, &value) in row.iter_mut().zip(&source[..length]) {
                *sum += weight * f32::from(value);
            }
        }
        for (taps, out_pixel) in horizontal.taps().zip(out_row.chunks_exact_mut(3)) {
            let mut sums = [0.0_f32; 3];
            for (pixel, &weight) in row[taps.start * 3..].chunks_exact(3).zip(taps.weights) {
                sums[0] += weight * pixel[0];
                sums[1] += weight * pixel[1];
                sums[2] += weight * pixel[2];
            }
            // Weights sum to 1 up to rounding: without this, white could become 255.00002.
            for (out_value, sum) in out_pixel.iter_mut().zip(sums) {
                *out_value = finish(sum.clamp(0.0, 255.0));
            }
        }
    }
}
