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
        let mut filter = PixelFilter::default();
        filter.prepare(pixels, starts()).unwrap();
        for kernels in kernels() {
            let mut out = vec![0.0; taps.len() * 3 + 1];
            kernels.combine_pixels(&filter, &row, [factor, offset], &mut out).unwrap();
            assert_close(&out[..taps.len() * 3], &want, kernels.level());
            let refused = kernels.combine_pixels(&filter, &row[1..], [factor, offset], &mut out);
            prop_assert_eq!(refused, Err(OutOfBounds));
            let refused = kernels.combine_pixels(&filter, &row, [factor, offset], &mut out[1..]);
            prop_assert_eq!(refused, Err(OutOfBounds));
        }
        if pixels > 0 {
            prop_assert_eq!(filter.prepare(pixels - 1, starts()), Err(OutOfBounds));
        }
    }

    #[test]
    fn values_are_rounded_to_bytes(values in prop::collection::vec(-300.0_f32..600.0, 0..70)) {
        let want: Vec<u8> = values.iter().map(|value| value.round_ties_even() as u8).collect();
        for kernels in kernels() {
            let mut out = vec![7; values.len()];
            kernels.to_bytes(&values, &mut out).unwrap();
            prop_assert_eq!(&out, &want);
            prop_assert_eq!(kernels.to_bytes(&values, &mut vec![0; values.len() + 1]), Err(OutOfBounds));
        }
    }
}

#[test]
fn absurd_distances_are_refused() {
    for kernels in kernels() {
        let mut out = [0.0; 4];
        assert_eq!(kernels.combine_rows(&[0; 64], usize::MAX, &[1.0; 3], &mut out), Err(OutOfBounds));
        assert_eq!(kernels.combine_rows(&[0; 64], usize::MAX - 1, &[1.0; 2], &mut out), Err(OutOfBounds));
        let run = [(usize::MAX, &[1.0][..])].into_iter();
        assert_eq!(PixelFilter::default().prepare(9, run), Err(OutOfBounds));
    }
}
