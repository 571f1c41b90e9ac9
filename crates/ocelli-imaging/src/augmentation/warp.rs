//! A turned window of a photo, sampled bilinearly.

use super::augmenter::PADDING;
use super::window::Window;
use crate::resize::resample;
use crate::{Area, ImagingError, ResizeFilter, RgbView, pixels};

/// Pixels of the reduced photo a pixel of the output. A triangle of half-width `w` has the variance `w² / 6`; that
/// of the reduction and that of the bilinear sampling, each as wide as a reduced pixel, add up to the one of half-width 1
/// that a plain resize has: a turned photo is as sharp as an upright one.
const DENSITY: f64 = std::f64::consts::SQRT_2;

/// Tables and scratch, kept from photo to photo.
#[derive(Clone, Debug, Default)]
pub(super) struct Warp {
    horizontal: ResizeFilter,
    vertical: ResizeFilter,
    row: Vec<f32>,
    reduced: Vec<u8>,
}

impl Warp {
    /// Fills `out`, shape `[height, width, 3]`, with what the window shows.
    pub(super) fn sample(
        &mut self,
        view: RgbView<'_>,
        window: &Window,
        (width, height): (u32, u32),
        out: &mut [u8],
    ) -> Result<(), ImagingError> {
        // Pixels of the photo a pixel of the output, along the output's sides.
        let across = window.width / f64::from(width);
        let along = window.height / f64::from(height);
        let (cosine, sine) = window.turn;
        let bounds = window.bounds(&view);
        let reduced = |length: u32, footprint: f64| {
            let scale = (footprint / DENSITY).max(1.0);
            ((f64::from(length) / scale).round() as u32).clamp(1, length)
        };
        let columns = reduced(bounds.width, (across * cosine).hypot(along * sine));
        let rows = reduced(bounds.height, (across * sine).hypot(along * cosine));
        let (source, area) = if (columns, rows) == (bounds.width, bounds.height) {
            (view, Area::whole(&view))
        } else {
            (self.reduce(view, bounds, columns, rows)?, bounds)
        };
        // From the photo's pixels to positions in the source.
        let scale_x = f64::from(source.width()) / f64::from(area.width);
        let scale_y = f64::from(source.height()) / f64::from(area.height);
        let (left, top) = (f64::from(area.left), f64::from(area.top));
        let at = |column: f64, row: f64| {
            let (x, y) =
                ((column - f64::from(width) / 2.0) * across, (row - f64::from(height) / 2.0) * along);
            let in_photo_x = window.centre.0 + x * cosine - y * sine;
            let in_photo_y = window.centre.1 + x * sine + y * cosine;
            ((in_photo_x - left) * scale_x, (in_photo_y - top) * scale_y)
        };
        let step = (across * cosine * scale_x, across * sine * scale_y);
        let padding = window.padded.then(|| {
            // The photo's sides among the source's positions.
            let (right, bottom) = (f64::from(view.width()) - left, f64::from(view.height()) - top);
            [-left * scale_x, -top * scale_y, right * scale_x, bottom * scale_y].map(|side| side as f32)
        });
        for (row, out_row) in out.chunks_exact_mut(width as usize * 3).enumerate() {
            let start = at(0.5, row as f64 + 0.5);
            for (column, pixel) in out_row.chunks_exact_mut(3).enumerate() {
                let x = (start.0 + column as f64 * step.0) as f32;
                let y = (start.1 + column as f64 * step.1) as f32;
                let outside = |[left, top, right, bottom]: [f32; 4]| {
                    !(left..=right).contains(&x) || !(top..=bottom).contains(&y)
                };
                let colour = if padding.is_some_and(outside) { [PADDING; 3] } else { bilinear(source, x, y) };
                pixel.copy_from_slice(&colour);
            }
        }
        Ok(())
    }

    fn reduce(
        &mut self,
        view: RgbView<'_>,
        bounds: Area,
        columns: u32,
        rows: u32,
    ) -> Result<RgbView<'_>, ImagingError> {
        let length = (columns as usize).saturating_mul(rows as usize).saturating_mul(3);
        if self.reduced.len() < length {
            self.reduced = pixels::buffer(columns, rows, 3, 0)?;
        }
        let out = &mut self.reduced[..length];
        self.horizontal.prepare(bounds.width, columns);
        self.vertical.prepare(bounds.height, rows);
        let origin = (bounds.left, bounds.top);
        let (horizontal, vertical) = (&self.horizontal, &self.vertical);
        resample(view, origin, horizontal, vertical, &mut self.row, out, |sum| (sum + 0.5) as u8);
        RgbView::new(columns, rows, out)
    }
}

/// The colour at a position in pixels, whose centres lie at halves; beyond the border, the border's.
fn bilinear(source: RgbView<'_>, x: f32, y: f32) -> [u8; 3] {
    let neighbours = |position: f32, length: u32| {
        let position = (position - 0.5).clamp(0.0, (length - 1) as f32);
        let first = position as usize;
        (first, (first + 1).min(length as usize - 1), position - first as f32)
    };
    let (left, right, along_x) = neighbours(x, source.width());
    let (upper, lower, along_y) = neighbours(y, source.height());
    let stride = source.width() as usize * 3;
    let pixel = |row: usize, column: usize| {
        let at = row * stride + column * 3;
        let pixel = &source.pixels()[at..at + 3];
        [pixel[0], pixel[1], pixel[2]].map(f32::from)
    };
    let (upper_left, upper_right) = (pixel(upper, left), pixel(upper, right));
    let (lower_left, lower_right) = (pixel(lower, left), pixel(lower, right));
    std::array::from_fn(|channel| {
        let above = upper_left[channel] + (upper_right[channel] - upper_left[channel]) * along_x;
        let below = lower_left[channel] + (lower_right[channel] - lower_left[channel]) * along_x;
        (above + (below - above) * along_y + 0.5) as u8
    })
}
