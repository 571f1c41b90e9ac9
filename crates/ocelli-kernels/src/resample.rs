//! Resampling of rows of bytes, in f32.

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

/// For each RGB pixel of `out`, the weighted sum of pixels of `row`, within 0 and 255, times a factor and plus an offset of
/// its channel. `row` has a value more than its pixels need.
#[inline(always)]
pub(crate) fn combine_pixels<'w>(
    row: &[f32],
    taps: impl Iterator<Item = (usize, &'w [f32])>,
    factor: [f32; 3],
    offset: [f32; 3],
    out: &mut [f32],
) {
    for ((start, weights), pixel) in taps.zip(out.chunks_exact_mut(3)) {
        let mut sums = [0.0_f32; 4];
        let source = &row[start * 3..];
        for (tap, weight) in weights.iter().enumerate() {
            let Some(four) = source[tap * 3..].first_chunk::<4>() else { return };
            for lane in 0..4 {
                sums[lane] += weight * four[lane];
            }
        }
        for channel in 0..3 {
            // Weights sum to 1 up to rounding: without this, white could become 255.00002.
            pixel[channel] = sums[channel].clamp(0.0, 255.0) * factor[channel] + offset[channel];
        }
    }
}
