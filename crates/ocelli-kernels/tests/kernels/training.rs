//! Kernels for training at every level, against loops.

use crate::scene::*;
use ocelli_kernels::*;
use proptest::prelude::*;

/// A slice with values around it that must stay.
struct Guarded(Vec<f32>);

impl Guarded {
    const AROUND: usize = 40;

    fn new(values: &[f32]) -> Self {
        let guard = [f32::from_le_bytes([GUARD; 4]); Self::AROUND];
        Self([&guard[..], values, &guard].concat())
    }

    fn values(&mut self) -> &mut [f32] {
        let end = self.0.len() - Self::AROUND;
        &mut self.0[Self::AROUND..end]
    }

    fn check(mut self) -> Vec<f32> {
        let values = self.values().to_vec();
        let end = self.0.len() - Self::AROUND;
        let around = self.0[..Self::AROUND].iter().chain(&self.0[end..]);
        assert!(around.copied().all(|value| value == f32::from_le_bytes([GUARD; 4])), "written outside");
        values
    }
}

/// A sum in the making: its value, and how large its terms are.
#[derive(Clone, Copy, Default)]
struct Sum(f64, f64);

impl Sum {
    fn add(&mut self, a: f32, b: f32) {
        self.0 += f64::from(a) * f64::from(b);
        self.1 += f64::from(a * b).abs();
    }

    fn clamp(self, shift: f32, [low, high]: [f32; 2]) -> (f64, f64) {
        ((self.0 + f64::from(shift)).clamp(low.into(), high.into()), self.1 + 1.0)
    }

    fn plus(self, before: f32) -> (f64, f64) {
        (self.0 + f64::from(before), self.1 + 2.0)
    }
}

fn check_product([rows, depth, columns]: [usize; 3], shifted: bool, seed: u64) {
    let mut noise = Noise::new(seed);
    let (left, right) = (noise.f32s(rows * depth), noise.f32s(depth * columns));
    let mut packed = vec![f32::NAN; packed_len(depth, columns)];
    pack(depth, columns, |row, column| right[row * columns + column], &mut packed).unwrap();
    let shift = noise.f32s(columns.next_multiple_of(PANEL));
    let clamp = match shifted {
        true => Clamp { shift: Some(&shift), low: -0.5, high: 0.75 },
        false => Clamp::NONE,
    };
    let mut want = Vec::new();
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let mut sum = Sum::default();
        (0..depth).for_each(|k| sum.add(left[row * depth + k], right[k * columns + column]));
        want.push(sum.clamp(if shifted { shift[column] } else { 0.0 }, [clamp.low, clamp.high]));
    }
    for kernels in kernels() {
        let mut out = Guarded::new(&vec![0.0; rows * columns]);
        let left = Matrix { values: &left, rows, columns: depth };
        kernels.product(left, (&packed, columns), &clamp, out.values()).unwrap();
        assert_close(&out.check(), &want, kernels.level());
    }
}

fn check_outer([rows, columns, panels]: [usize; 3], seed: u64) {
    let mut noise = Noise::new(seed);
    let wide = panels * PANEL;
    let (left, right) = (noise.f32s(rows * columns), noise.f32s(rows * wide));
    let before = noise.f32s(columns * wide);
    let mut want = Vec::new();
    for (column, lane) in (0..columns).flat_map(|column| (0..wide).map(move |lane| (column, lane))) {
        let mut sum = Sum::default();
        (0..rows).for_each(|row| sum.add(left[row * columns + column], right[row * wide + lane]));
        want.push(sum.plus(before[column * wide + lane]));
    }
    for kernels in kernels() {
        let mut out = Guarded::new(&before);
        let left = Matrix { values: &left, rows, columns };
        let right = Matrix { values: &right, rows, columns: wide };
        kernels.add_outer_products(left, right, out.values()).unwrap();
        assert_close(&out.check(), &want, kernels.level());
    }
}

/// Outputs, some of them clamped.
fn outputs(noise: &mut Noise, count: usize) -> Vec<f32> {
    let clamped = |value: f32| (value * 5.0 + 3.0).clamp(0.0, 6.0);
    noise.f32s(count).into_iter().map(clamped).collect()
}

fn passes(output: f32) -> bool {
    output > 0.0 && output < 6.0
}

fn check_unclamped([rows, columns]: [usize; 2], seed: u64) {
    let mut noise = Noise::new(seed);
    let (gradient, output) = (noise.f32s(rows * columns), outputs(&mut noise, rows * columns));
    let whole = columns.next_multiple_of(PANEL);
    let before = noise.f32s(whole);
    for output in [None, Some(&output[..])] {
        let value = |row: usize, column: usize| match column < columns {
            true if output.is_none_or(|output| passes(output[row * columns + column])) => {
                gradient[row * columns + column]
            }
            _ => 0.0,
        };
        let want: Vec<f32> =
            (0..rows).flat_map(|row| (0..whole).map(move |column| value(row, column))).collect();
        let sum = |column: usize| {
            let mut sum = Sum::default();
            (0..rows).for_each(|row| sum.add(value(row, column), 1.0));
            sum.plus(before[column])
        };
        let want_sums: Vec<_> = (0..whole).map(sum).collect();
        for kernels in kernels() {
            let (mut out, mut sums) = (Guarded::new(&vec![9.0; rows * whole]), Guarded::new(&before));
            let gradient = Matrix { values: &gradient, rows, columns };
            kernels.unclamped(gradient, output, out.values(), sums.values()).unwrap();
            assert_eq!(out.check(), want);
            assert_close(&sums.check(), &want_sums, kernels.level());
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    channels: usize,
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
    after: [usize; 2],
    /// Output rows computed at once.
    band: usize,
    seed: u64,
}

impl Case {
    /// Rows and columns of the output, if there are any.
    fn output(&self) -> Option<[usize; 2]> {
        let side = |axis: usize| {
            let padded = self.input[axis] + self.before[axis] + self.after[axis];
            Some(padded.checked_sub(self.kernel[axis])? / self.stride[axis] + 1)
        };
        Some([side(0)?, side(1)?])
    }

    /// Every place of the output with the place of the input that each weight meets.
    fn each(&self, output: [usize; 2], mut then: impl FnMut(usize, usize, usize)) {
        for (y, x) in (0..output[0]).flat_map(|y| (0..output[1]).map(move |x| (y, x))) {
            for (r, c) in (0..self.kernel[0]).flat_map(|r| (0..self.kernel[1]).map(move |c| (r, c))) {
                let row = (y * self.stride[0] + r).checked_sub(self.before[0]);
                let column = (x * self.stride[1] + c).checked_sub(self.before[1]);
                if let (Some(row), Some(column)) = (row, column)
                    && row < self.input[0]
                    && column < self.input[1]
                {
                    then(y * output[1] + x, row * self.input[1] + column, r * self.kernel[1] + c);
                }
            }
        }
    }

    fn check(&self) {
        let Some(output) = self.output() else { return };
        let sizes = [self.input, output];
        let map = DepthwiseMap::new(self.channels, sizes, self.kernel, self.stride, self.before).unwrap();
        let mut noise = Noise::new(self.seed);
        let (channels, taps) = (self.channels, self.kernel[0] * self.kernel[1]);
        let len = |[rows, columns]: [usize; 2]| rows * columns * channels;
        let (input, weights) = (noise.f32s(len(self.input)), noise.f32s(channels * taps));
        let weight = |channel: usize, place: usize| weights[channel * taps + place];
        self.check_forward(&map, output, &input, weight, &mut noise);
        self.check_backward(&map, output, &input, weight, &mut noise);
    }

    fn check_forward(
        &self,
        map: &DepthwiseMap,
        output: [usize; 2],
        input: &[f32],
        weight: impl Fn(usize, usize) -> f32,
        noise: &mut Noise,
    ) {
        let channels = self.channels;
        let mut packed = vec![f32::NAN; map.packed_len()];
        map.pack(&weight, &mut packed).unwrap();
        let shift = noise.f32s(map.panels() * PANEL);
        let mut sums = vec![Sum::default(); output[0] * output[1] * channels];
        self.each(output, |to, from, place| {
            for channel in 0..channels {
                sums[to * channels + channel].add(input[from * channels + channel], weight(channel, place));
            }
        });
        let clamp = Clamp { shift: Some(&shift), low: -1.0, high: 1.5 };
        let want = sums.iter().enumerate();
        let want: Vec<_> = want.map(|(at, sum)| sum.clamp(shift[at % channels], [-1.0, 1.5])).collect();
        for kernels in kernels() {
            let mut out = Guarded::new(&vec![0.0; want.len()]);
            let row = output[1] * channels;
            for (band, out) in out.values().chunks_mut(self.band * row).enumerate() {
                let rows = band * self.band..band * self.band + out.len() / row;
                let mut scratch = Guarded::new(&vec![f32::NAN; map.scratch_len(&rows)]);
                let weights = (&packed[..], &clamp);
                kernels.depthwise_forward(map, rows, input, weights, scratch.values(), out).unwrap();
                scratch.check();
            }
            assert_close(&out.check(), &want, kernels.level());
        }
    }

    fn check_backward(
        &self,
        map: &DepthwiseMap,
        output: [usize; 2],
        input: &[f32],
        weight: impl Fn(usize, usize) -> f32,
        noise: &mut Noise,
    ) {
        let channels = self.channels;
        let count = output[0] * output[1] * channels;
        let (gradient, clamped) = (noise.f32s(count), outputs(noise, count));
        let mut packed = vec![f32::NAN; map.packed_len()];
        map.pack_backward(&weight, &mut packed).unwrap();
        let order = map.backward_order();
        let own = |at: usize| if passes(clamped[at]) { gradient[at] } else { 0.0 };
        let mut inputs = vec![Sum::default(); input.len()];
        let mut weights = vec![Sum::default(); map.packed_len()];
        self.each(output, |to, from, place| {
            let place = order.iter().position(|other| *other == place).unwrap();
            for channel in 0..channels {
                let gradient = own(to * channels + channel);
                inputs[from * channels + channel].add(gradient, weight(channel, order[place]));
                let at = (channel / PANEL * order.len() + place) * PANEL + channel % PANEL;
                weights[at].add(gradient, input[from * channels + channel]);
            }
        });
        let mut shifts = vec![Sum::default(); map.panels() * PANEL];
        (0..count).for_each(|at| shifts[at % channels].add(own(at), 1.0));
        let want = |sums: &[Sum]| sums.iter().map(|sum| sum.plus(0.0)).collect::<Vec<_>>();
        for kernels in kernels() {
            let mut found = [&inputs, &weights, &shifts].map(|sums| Guarded::new(&vec![0.0; sums.len()]));
            let [of_input, of_weights, of_shift] = &mut found;
            let mut rest = of_input.values();
            rest.fill(f32::NAN);
            for start in (0..output[0]).step_by(self.band) {
                let rows = start..output[0].min(start + self.band);
                let mut scratch = Guarded::new(&vec![f32::NAN; map.scratch_len(&rows)]);
                let own_rows = map.input_rows(&rows).len();
                let (own_input, others) = rest.split_at_mut(own_rows * self.input[1] * channels);
                rest = others;
                let mut gradients = DepthwiseGradients {
                    input: Some(own_input),
                    weights: Some(of_weights.values()),
                    shift: of_shift.values(),
                };
                let read = (&gradient[..], Some(&clamped[..]));
                let scratch_values = scratch.values();
                kernels
                    .depthwise_backward(map, rows, (input, &packed), read, scratch_values, &mut gradients)
                    .unwrap();
                scratch.check();
            }
            assert!(rest.is_empty(), "every input row has its gradient");
            let [of_input, of_weights, of_shift] = found.map(Guarded::check);
            assert_close(&of_input, &want(&inputs), kernels.level());
            assert_close(&of_weights, &want(&weights), kernels.level());
            assert_close(&of_shift, &want(&shifts), kernels.level());
        }
    }
}

#[test]
fn products_of_awkward_sizes() {
    for rows in [1, 2, 5, 6, 7, 8, 13, 16, 17, 29] {
        for columns in [1, 15, 16, 17, 24, 33, 64, 80, 112] {
            check_product([rows, 1 + rows % 5, columns], columns % 2 == 0, 7);
        }
    }
    // More rows than are kept near.
    check_product([300, 600, 20], true, 8);
}

#[test]
fn outer_products_of_awkward_sizes() {
    for columns in [1, 2, 5, 6, 7, 8, 12, 13, 17, 29] {
        for panels in 1..8 {
            check_outer([1 + columns % 4 * 9, columns, panels], 3);
        }
    }
}

#[test]
fn what_was_clamped_has_no_gradient() {
    for columns in [1, 15, 16, 17, 40, 96] {
        check_unclamped([7, columns], 5);
    }
}

#[test]
fn channels_of_the_kernels_that_networks_have() {
    for (kernel, stride, [before, after]) in [
        (3, 1, [1, 1]),
        (5, 1, [2, 2]),
        (3, 2, [0, 1]),
        (3, 2, [1, 1]),
        (5, 2, [1, 2]),
        (5, 2, [2, 2]),
        (3, 3, [0, 0]),
        (1, 2, [0, 0]),
        (2, 4, [1, 0]),
    ] {
        for side in [1, 2, 4, 7, 8, 13] {
            for channels in [3, 16, 24] {
                let (before, after) = ([before; 2], [after; 2]);
                let (kernel, stride) = ([kernel; 2], [stride; 2]);
                let case = Case {
                    channels,
                    input: [side, side + 2],
                    kernel,
                    stride,
                    before,
                    after,
                    band: 3,
                    seed: 1,
                };
                case.check();
            }
        }
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let kernels = Kernels::best();
    let values = [0.0; 64];
    let matrix = |rows, columns| Matrix { values: &values[..6], rows, columns };
    let mut out = [0.0; 64];
    let product = |left, right: usize, columns, out: &mut [f32]| {
        kernels.product(left, (&values[..right], columns), &Clamp::NONE, out)
    };
    assert_eq!(product(matrix(2, 3), 48, 5, &mut out[..10]), Ok(()));
    assert_eq!(product(matrix(2, 2), 48, 5, &mut out[..10]), Err(OutOfBounds));
    assert_eq!(product(matrix(2, 3), 47, 5, &mut out[..10]), Err(OutOfBounds));
    assert_eq!(product(matrix(2, 3), 48, 5, &mut out[..11]), Err(OutOfBounds));
    assert_eq!(product(matrix(usize::MAX, 3), 48, 5, &mut out[..10]), Err(OutOfBounds));
    let short = Clamp { shift: Some(&values[..5]), ..Clamp::NONE };
    let refused = kernels.product(matrix(2, 3), (&values[..48], 5), &short, &mut out[..10]);
    assert_eq!(refused, Err(OutOfBounds));
    let wide = Matrix { values: &values[..32], rows: 2, columns: 16 };
    assert_eq!(kernels.add_outer_products(matrix(2, 3), wide, &mut out[..48]), Ok(()));
    assert_eq!(kernels.add_outer_products(matrix(3, 2), wide, &mut out[..32]), Err(OutOfBounds));
    assert_eq!(kernels.add_outer_products(matrix(2, 3), matrix(2, 3), &mut out[..9]), Err(OutOfBounds));
    assert_eq!(kernels.unclamped(matrix(2, 3), None, &mut out[..32], &mut [0.0; 16]), Ok(()));
    assert_eq!(kernels.unclamped(matrix(2, 3), None, &mut out[..32], &mut [0.0; 3]), Err(OutOfBounds));
    assert_eq!(pack(2, 3, |_, _| 0.0, &mut out[..31]), Err(OutOfBounds));
    for (sizes, stride) in [([[0, 2], [1, 1]], [1, 1]), ([[2, 2], [2, 2]], [0, 1])] {
        assert_eq!(DepthwiseMap::new(1, sizes, [1, 1], stride, [0, 0]), Err(OutOfBounds));
    }
    let map = DepthwiseMap::new(2, [[3, 3], [3, 3]], [3, 3], [1, 1], [1, 1]).unwrap();
    let (weights, mut scratch) = (vec![0.0; map.packed_len()], vec![0.0; map.scratch_len(&(0..3))]);
    let mut forward = |rows, input: usize, out: &mut [f32]| {
        let weights = (&weights[..], &Clamp::NONE);
        kernels.depthwise_forward(&map, rows, &values[..input], weights, &mut scratch, out)
    };
    assert_eq!(forward(0..3, 18, &mut out[..18]), Ok(()));
    assert_eq!(forward(0..4, 18, &mut out[..24]), Err(OutOfBounds));
    assert_eq!(forward(0..3, 17, &mut out[..18]), Err(OutOfBounds));
    assert_eq!(forward(0..2, 18, &mut out[..18]), Err(OutOfBounds));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn products_of_any_size(sizes in [1_usize..40, 1_usize..40, 1_usize..90], shifted in any::<bool>(), seed in any::<u64>()) {
        check_product(sizes, shifted, seed);
    }

    #[test]
    fn outer_products_of_any_size(sizes in [1_usize..40, 1_usize..40, 1_usize..6], seed in any::<u64>()) {
        check_outer(sizes, seed);
    }

    #[test]
    fn channels_of_any_size(
        channels in 1_usize..40,
        input in [1_usize..12, 1_usize..20],
        kernel in [1_usize..7, 1_usize..7],
        stride in [1_usize..5, 1_usize..5],
        before in [0_usize..6, 0_usize..6],
        after in [0_usize..6, 0_usize..6],
        band in 1_usize..6,
        seed in any::<u64>(),
    ) {
        Case { channels, input, kernel, stride, before, after, band, seed }.check();
    }
}
