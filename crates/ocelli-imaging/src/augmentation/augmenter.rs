use super::warp::Warp;
use super::window::Window;
use super::{Augmentation, tone};
use crate::resize::resample;
use crate::{Area, ImagingError, ResizeFilter, RgbImage, RgbView, pixels};

/// The grey of a padded square: the middle of the range, which the base models' preprocessing makes zero, as their
/// convolutions pad.
pub(super) const PADDING: u8 = 127;

/// Carries augmentations out: geometry in one resampling from the photo's own pixels, then tones.
///
/// An upright window is resized by the filter of [`Resizer`](crate::Resizer), so that an augmentation which alters
/// nothing gives a plain resize, rounded. A turned one is sampled bilinearly, from a reduced copy where the photo is
/// much larger than the output, so that both are equally sharp. What a moved window sees beyond the photo is the
/// border's pixels, repeated: unlike a fill of one colour that makes no edge where the photo has none. What pads a
/// photo to a square is grey.
///
/// Tables and scratch are kept from photo to photo; the same photo and augmentation always give the same bits.
#[derive(Clone, Debug, Default)]
pub struct Augmenter {
    horizontal: ResizeFilter,
    vertical: ResizeFilter,
    row: Vec<f32>,
    warp: Warp,
}

impl Augmenter {
    /// An augmenter with empty tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `augmentation` makes of `area` of `view`, as RGB of `width` x `height` pixels. Values beyond the ranges that
    /// [`Augmentation`] gives are brought into them.
    ///
    /// # Errors
    /// [`ImagingError::AreaOutside`] where the area is empty or not inside the photo, [`ImagingError::ZeroSize`] where
    /// the target is empty, [`ImagingError::Allocation`] where there is no memory for it.
    pub fn apply(
        &mut self,
        view: RgbView<'_>,
        area: Area,
        augmentation: &Augmentation,
        width: u32,
        height: u32,
    ) -> Result<RgbImage, ImagingError> {
        area.check_inside(&view)?;
        if width == 0 || height == 0 {
            return Err(ImagingError::ZeroSize { width, height });
        }
        let mut out = pixels::buffer(width, height, 3, PADDING)?;
        let window = Window::new(augmentation, area);
        if window.is_upright() {
            self.resize(view, area, &window, (width, height), &mut out);
        } else {
            self.warp.sample(view, &window, (width, height), &mut out)?;
        }
        if augmentation.horizontal_flip {
            mirror(&mut out, width);
        }
        if augmentation.equalize {
            tone::equalize(&mut out);
        }
        if let Some(threshold) = augmentation.solarize {
            tone::solarize(&mut out, threshold);
        }
        RgbImage::new(width, height, out)
    }

    fn resize(
        &mut self,
        view: RgbView<'_>,
        area: Area,
        window: &Window,
        (width, height): (u32, u32),
        out: &mut [u8],
    ) {
        let (left, top) = window.corner();
        let (across, along) = ((left, window.width), (top, window.height));
        // A window that is the area sees nothing around it, as in a plain resize.
        let of_area =
            |start: u32, length: u32, part: (f64, f64)| (f64::from(start), f64::from(length)) == part;
        let is_area = of_area(area.left, area.width, across) && of_area(area.top, area.height, along);
        let (origin, across, along) = if is_area {
            self.horizontal.prepare(area.width, width);
            self.vertical.prepare(area.height, height);
            ((area.left, area.top), (0.0, across.1), (0.0, along.1))
        } else {
            self.horizontal.prepare_part(view.width(), width, across);
            self.vertical.prepare_part(view.height(), height, along);
            ((0, 0), across, along)
        };
        let (horizontal, vertical) = (&self.horizontal, &self.vertical);
        resample(view, origin, horizontal, vertical, &mut self.row, out, |sum| (sum + 0.5) as u8);
        if window.padded {
            let shown_columns = shown(across, horizontal);
            let shown_rows = shown(along, vertical);
            for (row, out_row) in out.chunks_exact_mut(width as usize * 3).enumerate() {
                if shown_rows.contains(&row) {
                    out_row[..shown_columns.start * 3].fill(PADDING);
                    out_row[shown_columns.end * 3..].fill(PADDING);
                } else {
                    out_row.fill(PADDING);
                }
            }
        }
    }
}

/// The target positions whose centres lie in the photo.
fn shown((start, length): (f64, f64), filter: &ResizeFilter) -> std::ops::Range<usize> {
    let target = f64::from(filter.target());
    let position = |at: f64| (at - start) / length * target - 0.5;
    let first = position(0.0).ceil().clamp(0.0, target) as usize;
    let end = (position(f64::from(filter.source())) + 1.0).floor().clamp(0.0, target) as usize;
    first..end.max(first)
}

/// Mirrors each row of `pixels`, shape `[height, width, 3]`.
fn mirror(pixels: &mut [u8], width: u32) {
    for row in pixels.chunks_exact_mut(width as usize * 3) {
        row.reverse();
        row.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
    }
}
