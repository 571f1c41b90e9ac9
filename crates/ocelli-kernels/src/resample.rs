//! Resampling of rows of bytes, in f32.

use crate::OutOfBounds;
use crate::lanes::Lanes;

/// The weighted sum of rows of bytes: `out[i] = sum(weight[t] * rows[t][i])`.
///
/// # Safety
///
/// As of [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn combine_rows<L: Lanes>(rows: &[u8], stride: usize, weights: &[f32], out: &mut [f32]) {
    let len = out.len();
    let vectors = len / 16;
    for vector in 0..vectors {
        // SAFETY: sixteen values from `at` on are inside every row and `out`, as the caller made sure.
        unsafe {
            let at = vector * 16;
            let mut sum = L::f32_splat(0.0);
            for (row, weight) in weights.iter().enumerate() {
                let values = L::to_f32(L::u8_load(rows.as_ptr().add(row * stride + at)));
                sum = L::f32_mul_add(values, L::f32_splat(*weight), sum);
            }
            L::f32_store(out.as_mut_ptr().add(at), sum);
        }
    }
    for at in vectors * 16..len {
        out[at] =
            weights.iter().enumerate().map(|(row, weight)| weight * f32::from(rows[row * stride + at])).sum();
    }
}

/// For each pixel of a resized row, a run of source pixels and what each counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PixelFilter {
    /// Where each run starts, in pixels.
    starts: Vec<usize>,
    /// As many weights for each pixel, of which some may be zero.
    weights: Vec<f32>,
    taps: usize,
    /// Source pixels.
    source: usize,
}

impl PixelFilter {
    /// Becomes the filter of these runs over `source` pixels: `(start, weights)` for each pixel. Nothing is allocated where an
    /// earlier filter was as large.
    ///
    /// # Errors
    ///
    /// If a run reaches beyond the source.
    pub fn prepare<'w>(
        &mut self,
        source: usize,
        runs: impl Iterator<Item = (usize, &'w [f32])> + Clone,
    ) -> Result<(), OutOfBounds> {
        self.source = source;
        self.taps = runs.clone().map(|(_, weights)| weights.len()).max().unwrap_or(0);
        self.starts.clear();
        self.weights.clear();
        let last = source.checked_sub(self.taps).ok_or(OutOfBounds)?;
        for (start, weights) in runs {
            start.checked_add(weights.len()).filter(|end| *end <= source).ok_or(OutOfBounds)?;
            // A shorter run gets weights of zero behind it, or before it where the source ends.
            let first = start.min(last);
            let before = start - first;
            self.starts.push(first);
            let padded = (0..self.taps).map(|tap| tap.checked_sub(before).and_then(|tap| weights.get(tap)));
            self.weights.extend(padded.map(|weight| weight.copied().unwrap_or(0.0)));
        }
        Ok(())
    }

    /// Values that a source row has at least: three a pixel, and one more.
    pub(crate) fn row_len(&self) -> usize {
        self.source.saturating_mul(3).saturating_add(1)
    }

    /// Values that a resized row has at least: three a pixel, and one more.
    pub(crate) fn out_len(&self) -> usize {
        self.starts.len() * 3 + 1
    }
}

/// For each RGB pixel of `out`, the weighted sum of its run of `row`, within 0 and 255, then `value * factor + offset`.
///
/// # Safety
///
/// `row` and `out` are as long as the filter says.
#[inline(always)]
pub(crate) unsafe fn combine_pixels(
    filter: &PixelFilter,
    row: &[f32],
    [factor, offset]: [[f32; 4]; 2],
    out: &mut [f32],
) {
    let mut weights = filter.weights.as_ptr();
    let mut to = out.as_mut_ptr();
    for start in &filter.starts {
        // SAFETY: a run lies inside the row, of which four values are read where a pixel has three; the last pixel's fourth
        // value is the one more that both rows have. Weights are as many as runs times taps.
        unsafe {
            let mut from = row.as_ptr().add(start * 3);
            let mut sums = [0.0_f32; 4];
            for _ in 0..filter.taps {
                let four = from.cast::<[f32; 4]>().read_unaligned();
                for lane in 0..4 {
                    sums[lane] += *weights * four[lane];
                }
                weights = weights.add(1);
                from = from.add(3);
            }
            for lane in 0..4 {
                // Weights sum to 1 up to rounding: without this, white could become 255.00002.
                let value = if sums[lane] > 0.0 { sums[lane] } else { 0.0 };
                let value = if value < 255.0 { value } else { 255.0 };
                sums[lane] = value * factor[lane] + offset[lane];
            }
            // The fourth value is written over by the next pixel.
            to.cast::<[f32; 4]>().write_unaligned(sums);
            to = to.add(3);
        }
    }
}

/// Values rounded to bytes, saturated.
///
/// # Safety
///
/// As of [`Lanes`]; `out` is as long as `values`.
#[inline(always)]
pub(crate) unsafe fn to_bytes<L: Lanes>(values: &[f32], out: &mut [u8]) {
    let vectors = values.len() / 16;
    for vector in 0..vectors {
        // SAFETY: sixteen values from `at` on are inside both.
        unsafe {
            let at = vector * 16;
            // No value beyond what an i32 holds, which would become another.
            let values = L::f32_min(L::f32_load(values.as_ptr().add(at)), L::f32_splat(255.0));
            L::u8_store(out.as_mut_ptr().add(at), L::to_i32(values));
        }
    }
    for (value, out) in values.iter().zip(out).skip(vectors * 16) {
        *out = value.round_ties_even() as u8;
    }
}
