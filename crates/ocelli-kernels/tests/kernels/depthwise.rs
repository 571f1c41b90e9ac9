//! Convolutions of each channel by itself at every level, against loops.

use crate::scene::*;
use ocelli_kernels::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Case {
    shape: DepthwiseShape,
    area: [usize; 2],
    first: usize,
    within_pixels: bool,
    residual: bool,
    seed: u64,
}

/// The input: columns of `width` pixels.
struct Input {
    rows: Rows,
    panel: usize,
    len: usize,
    width: usize,
    /// The first pixel's place among those of the columns.
    origin: usize,
}

impl Input {
    fn new(case: &Case, weights: &DepthwiseWeights, width: usize) -> Self {
        let [kernel_rows, kernel_columns] = case.shape.kernel;
        let read = (case.area[0] - 1) * case.shape.stride[0] + kernel_rows;
        let origin = weights.columns_before() * width - case.shape.left;
        let pixels = origin + (case.area[1] - 1) * case.shape.stride[1] + kernel_columns;
        let columns = weights.columns(case.area[1]);
        assert!(columns >= pixels.div_ceil(width));
        let panel = columns * width * PANEL;
        let count = read + case.first % 2;
        let rows = Rows { first: case.first % count, count, stride: weights.panels() * panel };
        let last = (0..read).map(|row| ring(&rows, row)).max().unwrap();
        Self { rows, panel, len: last + rows.stride, width, origin }
    }

    /// Where a channel of a pixel lies that `kernel_column` meets.
    fn place(&self, row: usize, pixel: usize, channel: usize) -> usize {
        let (pixel, lane) = (self.origin + pixel, channel % PANEL);
        let column = pixel / self.width * self.width * PANEL;
        ring(&self.rows, row) + channel / PANEL * self.panel + column + lane * self.width + pixel % self.width
    }
}

impl Case {
    fn area(&self) -> Area {
        Area { rows: self.area[0], columns: self.area[1] }
    }

    fn weight<T: Copy>(&self, weights: &[T], channel: usize, row: usize, column: usize) -> T {
        weights[(channel * self.shape.kernel[0] + row) * self.shape.kernel[1] + column]
    }

    /// Calls for each pixel and channel, with the places that it reads and their weights.
    fn for_each<T: Copy>(
        &self,
        input: &Input,
        weights: &[T],
        mut then: impl FnMut([usize; 3], Vec<(usize, T)>),
    ) {
        let DepthwiseShape { channels, kernel, stride, .. } = self.shape;
        for (row, x) in (0..self.area[0]).flat_map(|row| (0..self.area[1]).map(move |x| (row, x))) {
            for channel in 0..channels.next_multiple_of(PANEL) {
                let taps = (0..kernel[0]).flat_map(|r| (0..kernel[1]).map(move |c| (r, c)));
                let reads = taps.filter(|_| channel < channels).map(|(r, c)| {
                    let from = input.place(row * stride[0] + r, x * stride[1] + c, channel);
                    (from, self.weight(weights, channel, r, c))
                });
                then([row, x, channel], reads.collect());
            }
        }
    }

    fn check_f32(&self) {
        let mut noise = Noise::new(self.seed);
        let weights = noise.f32s(self.shape.channels * self.shape.kernel[0] * self.shape.kernel[1]);
        let packed = DepthwiseWeights::f32(self.shape, |c, y, x| self.weight(&weights, c, y, x)).unwrap();
        let layout = Input::new(self, &packed, 1);
        let input = noise.f32s(layout.len);
        let [rows, columns] = self.area;
        let (target, out_len) =
            target([rows, columns, packed.panels()], PANEL, self.within_pixels, self.first);
        let bias = noise.f32s(packed.panels() * PANEL);
        let residual = self.residual.then(|| noise.f32s(out_len));
        let guard = f32::from_le_bytes([GUARD; 4]);
        let mut want = vec![(f64::from(guard), 0.0); out_len];
        self.for_each(&layout, &weights, |[row, x, channel], reads| {
            let at = place(&target, row, x, channel / PANEL) + channel % PANEL;
            let mut sum = f64::from(bias[channel]) + residual.as_ref().map_or(0.0, |r| f64::from(r[at]));
            let mut magnitude = 1.0;
            for (from, weight) in reads {
                sum += f64::from(input[from]) * f64::from(weight);
                magnitude += f64::from((input[from] * weight).abs());
            }
            want[at] = (sum.clamp(-1.0, 1.5), magnitude);
        });
        for kernels in kernels() {
            let mut out = vec![guard; out_len];
            let output = FloatOutput { bias: &bias, low: -1.0, high: 1.5, residual: residual.as_deref() };
            let from = (&input[..], layout.rows, layout.panel);
            kernels.depthwise_f32(&packed, self.area(), from, &output, (&mut out, &target)).unwrap();
            assert_close(&out, &want, kernels.level());
        }
    }

    fn check_u8(&self) {
        let mut noise = Noise::new(self.seed);
        let terms = self.shape.kernel[0] * self.shape.kernel[1];
        let weights = noise.i8s(self.shape.channels * terms);
        let packed = DepthwiseWeights::i8(self.shape, |c, y, x| self.weight(&weights, c, y, x)).unwrap();
        let layout = Input::new(self, &packed, 4);
        let input = noise.u8s(layout.len);
        let [rows, columns] = self.area;
        let (target, out_len) =
            target([rows, columns, packed.panels()], PANEL, self.within_pixels, self.first);
        let [factor, offset] = requantisation(&mut noise, packed.panels(), terms);
        let residual = self.residual.then(|| (noise.u8s(out_len), vec![0.5; factor.len()]));
        let mut want = vec![GUARD; out_len];
        self.for_each(&layout, &weights, |[row, x, channel], reads| {
            let at = place(&target, row, x, channel / PANEL) + channel % PANEL;
            let sum: i64 =
                reads.iter().map(|(from, weight)| i64::from(input[*from]) * i64::from(*weight)).sum();
            let added =
                residual.as_ref().map_or(0.0, |(r, factor)| f64::from(r[at]) * f64::from(factor[channel]));
            want[at] = byte(sum as f64 * f64::from(factor[channel]) + f64::from(offset[channel]) + added);
        });
        for kernels in kernels() {
            let mut out = vec![GUARD; out_len];
            let output = ByteOutput {
                factor: &factor,
                offset: &offset,
                residual: residual.as_ref().map(|(residual, factor)| (&residual[..], &factor[..])),
            };
            let from = (&input[..], layout.rows, layout.panel);
            kernels.depthwise_u8(&packed, self.area(), from, &output, (&mut out, &target)).unwrap();
            assert_same(&out, &want, kernels.level());
        }
    }

    fn check(&self) {
        self.check_f32();
        self.check_u8();
    }
}

const PLAIN: Case = Case {
    shape: DepthwiseShape { channels: 16, kernel: [3, 3], stride: [1, 1], left: 1 },
    area: [3, 5],
    first: 0,
    within_pixels: true,
    residual: false,
    seed: 1,
};

#[test]
fn kernels_strides_and_widths() {
    for kernel in [[1, 1], [3, 3], [5, 5], [7, 2], [2, 16]] {
        for (stride, left) in [([1, 1], kernel[1] / 2), ([2, 2], 0), ([2, 2], 1), ([1, 3], 2)] {
            for columns in [1, 2, 3, 4, 5, 7, 8, 9, 13, 28, 37] {
                let shape = DepthwiseShape { channels: 17, kernel, stride, left };
                Case { shape, area: [2, columns], ..PLAIN }.check();
            }
        }
    }
}

#[test]
fn awkward_numbers_of_channels() {
    for channels in [1, 15, 16, 17, 33, 48] {
        let shape = DepthwiseShape { channels, ..PLAIN.shape };
        Case { shape, within_pixels: false, ..PLAIN }.check();
        Case { shape, area: [1, 1], residual: true, ..PLAIN }.check();
    }
}

#[test]
fn rings_that_wrap() {
    for first in 0..8 {
        Case { area: [6, 9], first, residual: true, ..PLAIN }.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_size(
        area in [1_usize..6, 1_usize..40],
        channels in 1_usize..50,
        kernel in [1_usize..8, 1_usize..8],
        stride in [1_usize..4, 1_usize..6],
        left in 0_usize..8,
        first in 0_usize..7,
        (within_pixels, residual) in any::<(bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let shape = DepthwiseShape { channels, kernel, stride, left };
        Case { shape, area, first, within_pixels, residual, seed }.check();
    }
}
