//! Weighted sums of rows and of pixels.

use ocelli_kernels::*;
use proptest::prelude::*;

use crate::scene::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn rows_are_summed(rows in 1_usize..6, width in 0_usize..70, gap in 0_usize..5, seed in any::<u64>()) {
        let mut noise = Noise::new(seed);
        let stride = width + gap;
        let bytes = noise.u8s((rows - 1) * stride + width);
        let weights = noise.f32s(rows);
        let want: Vec<_> = (0..width)
            .map(|i| {
                let term = |row: usize| f64::from(weights[row]) * f64::from(bytes[row * stride + i]);
                let sum = |of: &dyn Fn(usize) -> f64| (0..rows).map(of).sum::<f64>();
                (sum(&term), 1.0 + sum(&|row| term(row).abs()))
            })
            .collect();
        for kernels in kernels() {
            let mut out = vec![0.5; width];
            kernels.combine_rows(&bytes, stride, &weights, &mut out).unwrap();
            assert_close(&out, &want, kernels.level());
            let short = bytes.len().saturating_sub(1);
            if !bytes.is_empty() {
                let refused = kernels.combine_rows(&bytes[..short], stride, &weights, &mut out);
                prop_assert_eq!(refused, Err(OutOfBounds));
            }
        }
    }

    #[test]
    fn pixels_are_summed(
        taps in prop::collection::vec((0_usize..9, 1_usize..5), 0..20),
        seed in any::<u64>(),
    ) {
        let mut noise = Noise::new(seed);
        let pixels = taps.iter().map(|(start, count)| start + count).max().unwrap_or(0);
        let row: Vec<f32> = (0..pixels * 3 + 1).map(|_| (noise.f32() + 0.5) * 300.0).collect();
        let weights: Vec<_> = taps.iter().map(|(_, count)| noise.f32s(*count)).collect();
        let (factor, offset) = ([0.5, -2.0, 1.0], [3.0, 0.0, -1.0]);
        let want: Vec<_> = taps
            .iter()
            .zip(&weights)
            .flat_map(|((start, _), weights)| (0..3).map(move |channel| (start, weights, channel)))
            .map(|(start, weights, channel)| {
                let value = |tap: usize| f64::from(row[(start + tap) * 3 + channel]);
                let sum: f64 = weights.iter().enumerate().map(|(tap, w)| f64::from(*w) * value(tap)).sum();
                (sum.clamp(0.0, 255.0) * f64::from(factor[channel]) + f64::from(offset[channel]), 3000.0)
            })
            .collect();
        let starts = || taps.iter().map(|(start, _)| *start).zip(weights.iter().map(|w| &w[..]));
        for kernels in kernels() {
            let mut out = vec![0.0; taps.len() * 3];
            kernels.combine_pixels(&row, starts(), [factor, offset], &mut out).unwrap();
            assert_close(&out, &want, kernels.level());
            if !taps.is_empty() {
                let short = &row[..row.len() - 1];
                let refused = kernels.combine_pixels(short, starts(), [factor, offset], &mut out);
                prop_assert_eq!(refused, Err(OutOfBounds));
            }
        }
    }
}

#[test]
fn absurd_distances_are_refused() {
    for kernels in kernels() {
        let mut out = [0.0; 4];
        assert_eq!(kernels.combine_rows(&[0; 64], usize::MAX, &[1.0; 3], &mut out), Err(OutOfBounds));
        assert_eq!(kernels.combine_rows(&[0; 64], usize::MAX - 1, &[1.0; 2], &mut out), Err(OutOfBounds));
        let tap = [(usize::MAX, &[1.0][..])].into_iter();
        assert_eq!(
            kernels.combine_pixels(&[0.0; 9], tap, [[1.0; 3], [0.0; 3]], &mut out[..3]),
            Err(OutOfBounds)
        );
    }
}
