//! Convolutions of all channels at every level, against loops.

use crate::scene::*;
use ocelli_kernels::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Case {
    area: [usize; 2],
    outputs: usize,
    segments: usize,
    depth: usize,
    /// Steps from pixel to pixel, in values.
    pixel: usize,
    /// Where rings start, and whether panels lie within pixels.
    first: usize,
    within_pixels: bool,
    residual: bool,
    seed: u64,
}

impl Case {
    fn area(&self) -> Area {
        Area { rows: self.area[0], columns: self.area[1] }
    }

    fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// The source, and how much memory it takes: not a value more than is read.
    fn source(&self, depth: usize) -> (Source, usize) {
        let [rows, columns] = self.area;
        let segment = depth + 2;
        let read = (self.segments - 1) * segment + depth;
        let rows = Rows {
            first: self.first % (rows + 1),
            count: rows + 1,
            stride: (columns - 1) * self.pixel + read + 1,
        };
        let source = Source { start: 3, rows, pixel: self.pixel, segment };
        let last = (0..self.area[0]).map(|row| ring(&rows, row)).max().unwrap();
        (source, 3 + last + (columns - 1) * self.pixel + read)
    }

    fn target(&self, width: usize, columns: usize) -> (Target, usize) {
        target([self.area[0], columns, self.panels()], width, self.within_pixels, self.first)
    }

    /// Calls for each pixel and channel, with the places that it reads: of each segment the first.
    fn for_each(
        &self,
        source: &Source,
        mut then: impl FnMut([usize; 3], &mut dyn Iterator<Item = [usize; 3]>),
    ) {
        for (row, x) in (0..self.area[0]).flat_map(|row| (0..self.area[1]).map(move |x| (row, x))) {
            for channel in 0..self.panels() * PANEL {
                let start = source.start + ring(&source.rows, row) + x * source.pixel;
                let mut reads = (0..self.segments).flat_map(|segment| {
                    (0..self.depth).map(move |i| [start + segment * source.segment + i, segment, i])
                });
                then([row, x, channel], &mut reads);
            }
        }
    }

    fn weight<T: Copy + Default>(&self, weights: &[T], output: usize, segment: usize, input: usize) -> T {
        let at = (output * self.segments + segment) * self.depth + input;
        if output < self.outputs { weights[at] } else { T::default() }
    }

    fn check_f32(&self) {
        let mut noise = Noise::new(self.seed);
        let (source, len) = self.source(self.depth);
        let (target, out_len) = self.target(PANEL, self.area[1]);
        let input = noise.f32s(len);
        let weights = noise.f32s(self.outputs * self.segments * self.depth);
        let bias = noise.f32s(self.panels() * PANEL);
        let residual = self.residual.then(|| noise.f32s(out_len));
        let (low, high) = (-1.0, 1.5);
        let guard = f32::from_le_bytes([GUARD; 4]);
        let mut want = vec![(f64::from(guard), 0.0); out_len];
        self.for_each(&source, |[row, x, channel], reads| {
            let at = place(&target, row, x, channel / PANEL) + channel % PANEL;
            let mut sum = f64::from(bias[channel]) + residual.as_ref().map_or(0.0, |r| f64::from(r[at]));
            let mut magnitude = 1.0;
            for [from, segment, i] in reads {
                let weight = self.weight(&weights, channel, segment, i);
                sum += f64::from(input[from]) * f64::from(weight);
                magnitude += f64::from((input[from] * weight).abs());
            }
            want[at] = (sum.clamp(low, high), magnitude);
        });
        let packed =
            Weights::f32(self.outputs, [self.segments, self.depth], |o, s, i| self.weight(&weights, o, s, i));
        for kernels in kernels() {
            let mut out = vec![guard; out_len];
            let output = FloatOutput {
                bias: &bias,
                low: low as f32,
                high: high as f32,
                residual: residual.as_deref(),
            };
            kernels
                .convolution_f32(&packed, self.area(), (&input, &source), &output, (&mut out, &target))
                .unwrap();
            assert_close(&out, &want, kernels.level());
        }
    }

    fn check_u8(&self, columns: bool) {
        let mut noise = Noise::new(self.seed);
        let (source, len) = self.source(self.depth.next_multiple_of(4));
        let (target, out_len) = match columns {
            false => self.target(PANEL, self.area[1]),
            true => self.target(4 * PANEL, self.area[1].div_ceil(4)),
        };
        let input = noise.u8s(len);
        let weights = noise.i8s(self.outputs * self.segments * self.depth);
        let [factor, offset] = requantisation(&mut noise, self.panels(), self.segments * self.depth);
        let residual = (self.residual && !columns).then(|| (noise.u8s(out_len), vec![0.5; factor.len()]));
        let mut want = vec![GUARD; out_len];
        if columns {
            // A row's last column is whole, with zeros for pixels that there are none.
            for (row, column) in
                (0..self.area[0]).flat_map(|row| (0..self.area[1].div_ceil(4)).map(move |c| (row, c)))
            {
                for panel in 0..self.panels() {
                    let at = place(&target, row, column, panel);
                    want[at..at + 64].fill(0);
                }
            }
        }
        self.for_each(&source, |[row, x, channel], reads| {
            let sum: i64 = reads
                .map(|[from, segment, i]| {
                    i64::from(input[from]) * i64::from(self.weight(&weights, channel, segment, i))
                })
                .sum();
            let (panel, lane) = (channel / PANEL, channel % PANEL);
            let at = match columns {
                false => place(&target, row, x, panel) + lane,
                true => place(&target, row, x / 4, panel) + lane * 4 + x % 4,
            };
            let added =
                residual.as_ref().map_or(0.0, |(r, factor)| f64::from(r[at]) * f64::from(factor[channel]));
            want[at] = byte(sum as f64 * f64::from(factor[channel]) + f64::from(offset[channel]) + added);
        });
        let packed =
            Weights::i8(self.outputs, [self.segments, self.depth], |o, s, i| self.weight(&weights, o, s, i));
        for kernels in kernels() {
            let mut out = vec![GUARD; out_len];
            let output = ByteOutput {
                factor: &factor,
                offset: &offset,
                residual: residual.as_ref().map(|(residual, factor)| (&residual[..], &factor[..])),
            };
            let (from, to) = ((&input[..], &source), (&mut out[..], &target));
            match columns {
                false => kernels.convolution_u8(&packed, self.area(), from, &output, to).unwrap(),
                true => kernels.convolution_columns(&packed, self.area(), from, &output, to).unwrap(),
            }
            assert_same(&out, &want, kernels.level());
        }
    }

    fn check(&self) {
        self.check_f32();
        self.check_u8(false);
        self.check_u8(true);
    }
}

const PLAIN: Case = Case {
    area: [1, 1],
    outputs: 1,
    segments: 1,
    depth: 1,
    pixel: 1,
    first: 0,
    within_pixels: true,
    residual: false,
    seed: 1,
};

#[test]
fn awkward_numbers_of_channels() {
    for outputs in [1, 15, 16, 17, 33, 48, 49, 80] {
        for depth in [1, 2, 3, 4, 5, 16, 19] {
            Case { area: [2, 3], outputs, depth, pixel: depth, ..PLAIN }.check();
        }
    }
}

#[test]
fn every_width_of_a_tile() {
    for columns in 1..=26 {
        Case { area: [1, columns], outputs: 70, depth: 6, pixel: 6, residual: true, ..PLAIN }.check();
        Case { area: [3, columns], outputs: 20, depth: 8, pixel: 8, within_pixels: false, ..PLAIN }.check();
    }
}

#[test]
fn three_rows_of_a_kernel_at_stride_two() {
    Case { area: [5, 7], outputs: 32, segments: 3, depth: 9, pixel: 6, ..PLAIN }.check();
}

#[test]
fn rings_that_wrap() {
    for first in 0..8 {
        Case { area: [6, 5], outputs: 18, segments: 2, depth: 7, pixel: 7, first, residual: true, ..PLAIN }
            .check();
    }
}

#[test]
fn a_deep_sum() {
    Case { area: [1, 9], outputs: 17, depth: 1280, pixel: 1280, ..PLAIN }.check();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_size(
        area in [1_usize..6, 1_usize..30],
        outputs in 1_usize..100,
        segments in 1_usize..4,
        depth in 1_usize..40,
        pixel in 0_usize..50,
        first in 0_usize..7,
        (within_pixels, residual) in any::<(bool, bool)>(),
        seed in any::<u64>(),
    ) {
        Case { area, outputs, segments, depth, pixel, first, within_pixels, residual, seed }.check();
    }
}
