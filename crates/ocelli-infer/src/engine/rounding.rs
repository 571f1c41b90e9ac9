//! Rounding of weights to integers.

/// How far the values that neighbouring weights multiply go together.
const NEIGHBOURS: f32 = 0.85;
/// The same of colours of one pixel.
const COLOURS: f32 = 0.9;
/// Taps of the largest kernel that is rounded as a whole: three colours of 7 x 7.
const MOST_TAPS: usize = 3 * 49;
/// Weights that are moved at most.
const MOVES: usize = 12;

/// Rounds weights between -127 and 127 to integers.
///
/// Where a kernel covers several pixels, what it multiplies varies little from pixel to pixel, so errors of one sign add up:
/// the weights are rounded such that `e' H e` is small, with `e` the errors and `H` an assumed correlation of the inputs, which
/// falls off with the distance. That is adaptive rounding (Nagel et al., 2020) without data. Weights of single pixels and of vast
/// kernels are rounded to the nearest.
pub(super) struct Rounding {
    /// `H`, row-major; empty for single pixels.
    correlation: Vec<f32>,
}

impl Rounding {
    /// For kernels of `[rows, columns]` over `channels`, in the order channel, row, column.
    pub(super) fn of(channels: usize, [rows, columns]: [usize; 2]) -> Self {
        let taps = rows * columns;
        // Beyond the first layer, channels are too many and have little to do with each other.
        if taps == 1 || channels > 3 || channels * taps > MOST_TAPS {
            return Self { correlation: Vec::new() };
        }
        let len = channels * taps;
        let place = |index: usize| (index / taps, index % taps / columns, index % columns);
        let correlation = (0..len * len).map(|pair| {
            let ((channel, row, column), (other, other_row, other_column)) =
                (place(pair / len), place(pair % len));
            let distance = row.abs_diff(other_row) + column.abs_diff(other_column);
            let colours = if channel == other { 1.0 } else { COLOURS };
            colours * NEIGHBOURS.powi(distance as i32)
        });
        Self { correlation: correlation.collect() }
    }

    pub(super) fn round(&self, weights: &[f32]) -> Vec<i8> {
        let mut bytes: Vec<f32> = weights.iter().map(|weight| weight.round().clamp(-127.0, 127.0)).collect();
        let len = weights.len();
        if self.correlation.len() != len * len {
            return bytes.into_iter().map(|byte| byte as i8).collect();
        }
        // The gradient of e' H e, halved.
        let errors = bytes.iter().zip(weights).map(|(byte, weight)| byte - weight).collect::<Vec<f32>>();
        let rows = || self.correlation.chunks_exact(len);
        let mut slopes: Vec<f32> =
            rows().map(|row| row.iter().zip(&errors).map(|(h, error)| h * error).sum()).collect();
        for _ in 0..MOVES {
            // A step of one changes the sum by twice its slope and once the diagonal, which is 1.
            let gains = slopes.iter().enumerate().map(|(at, slope)| {
                let step = -slope.signum();
                let admitted = (bytes[at] + step).abs() <= 127.0;
                (if admitted { 2.0 * slope.abs() - 1.0 } else { 0.0 }, at, step)
            });
            let Some((gain, at, step)) = gains.max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            if gain <= 0.0 {
                break;
            }
            bytes[at] += step;
            let row = self.correlation.chunks_exact(len).nth(at).unwrap_or_default();
            slopes.iter_mut().zip(row).for_each(|(slope, h)| *slope += step * h);
        }
        bytes.into_iter().map(|byte| byte as i8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_pixels_are_rounded_to_the_nearest() {
        let rounding = Rounding::of(40, [1, 1]);
        assert_eq!(rounding.round(&[0.4, 0.6, -126.7, 127.0]), [0, 1, -127, 127]);
    }

    #[test]
    fn the_sum_of_a_kernel_is_kept() {
        let rounding = Rounding::of(1, [3, 3]);
        let bytes = rounding.round(&[10.4; 9]);
        let sum: i32 = bytes.iter().map(|byte| i32::from(*byte)).sum();
        // Each by itself would be 10, and the sum 90 instead of 93.6.
        assert!((93..=94).contains(&sum), "{bytes:?}");
        assert!(bytes.iter().all(|byte| (10..=11).contains(byte)), "{bytes:?}");
    }

    #[test]
    fn vast_kernels_are_rounded_to_the_nearest() {
        let rounding = Rounding::of(3, [64, 64]);
        assert!(rounding.round(&[10.4; 3 * 64 * 64]).iter().all(|byte| *byte == 10));
    }

    #[test]
    fn no_weight_leaves_its_range() {
        let bytes =
            Rounding::of(1, [3, 3]).round(&[127.0, 126.6, 126.6, 126.6, 126.6, 126.6, 126.6, 126.6, 126.6]);
        assert!(bytes.iter().all(|byte| (126..=127).contains(byte)), "{bytes:?}");
    }
}
