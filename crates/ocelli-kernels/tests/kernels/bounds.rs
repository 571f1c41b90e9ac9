//! Layouts that do not fit the slices are refused, whatever their numbers; those that fit are computed.

use ocelli_kernels::*;
use proptest::prelude::*;

use crate::scene::kernels;

/// Mostly small numbers, and some whose sums and products overflow.
fn number() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0_usize..40,
        1 => prop::sample::select(vec![1 << 32, usize::MAX / 4, usize::MAX / 2, usize::MAX - 1, usize::MAX]),
    ]
}

fn rows() -> impl Strategy<Value = Rows> {
    (0_usize..4, prop_oneof![0_usize..6, number()], number()).prop_map(|(first, count, stride)| Rows {
        first,
        count,
        stride,
    })
}

fn area() -> impl Strategy<Value = Area> {
    (prop_oneof![8 => 0_usize..4, 1 => number()], prop_oneof![8 => 0_usize..6, 1 => number()])
        .prop_map(|(rows, columns)| Area { rows, columns })
}

prop_compose! {
    fn target()(start in number(), rows in rows(), pixel in number(), panel in number()) -> Target {
        Target { start, rows, pixel, panel }
    }
}

prop_compose! {
    fn source()(start in number(), rows in rows(), pixel in number(), segment in number()) -> Source {
        Source { start, rows, pixel, segment }
    }
}

/// Where the last of these values ends: of rows, of `steps` with their distances, and of `width` values there. None if
/// there are none, or it overflows.
fn end(start: usize, rows: Rows, count: usize, steps: [(usize, usize); 2], width: usize) -> Option<u128> {
    if count == 0
        || rows.first >= rows.count
        || count > rows.count
        || steps.iter().any(|(count, _)| *count == 0)
    {
        return None;
    }
    let wraps = count > rows.count - rows.first;
    let last = if wraps { rows.count - 1 } else { rows.first + count - 1 };
    let products = [(last, rows.stride), (steps[0].0 - 1, steps[0].1), (steps[1].0 - 1, steps[1].1)];
    products.into_iter().try_fold(start as u128 + width as u128, |sum, (count, distance)| {
        sum.checked_add((count as u128).checked_mul(distance as u128)?)
    })
}

fn target_end(target: &Target, area: Area, panels: usize, width: usize) -> Option<u128> {
    let steps = [(area.columns, target.pixel), (panels, target.panel)];
    end(target.start, target.rows, area.rows, steps, width)
}

/// Just as much memory as that, or one value less; and whether that is enough.
fn memory<T: Clone>(end: Option<u128>, short: bool, value: T) -> (Vec<T>, bool) {
    let most = 8000;
    match end.and_then(|end| usize::try_from(end).ok()).filter(|end| *end <= most) {
        Some(end) => (vec![value; end - usize::from(short)], !short),
        None => (vec![value; most], false),
    }
}

const OUTPUTS: usize = 20;

/// No call here computes so many pixels that it takes long.
fn is_small(area: Area) -> bool {
    area.rows < 100 && area.columns < 100
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn of_convolutions(area in area(), source in source(), target in target(), short in 0_u8..5) {
        let (segments, depth, panels) = (2, 3, 2);
        let read = |depth| {
            let steps = [(area.columns, source.pixel), (segments, source.segment)];
            end(source.start, source.rows, area.rows, steps, depth)
        };
        let channels = vec![0.5; panels * PANEL - usize::from(short == 0)];
        let columns = Area { columns: area.columns.div_ceil(4), ..area };
        let to_pixels = target_end(&target, area, panels, PANEL);
        let to_columns = target_end(&target, columns, panels, 64);
        prop_assume!(is_small(area) || read(depth).is_none() || (to_pixels.is_none() && to_columns.is_none()));
        let floats = Weights::f32(OUTPUTS, [segments, depth], |_, _, _| 1.0);
        let bytes = Weights::i8(OUTPUTS, [segments, depth], |_, _, _| 1);
        let in_floats = FloatOutput { bias: &channels, low: 0.0, high: 6.0, residual: None };
        let in_bytes = ByteOutput { factor: &channels, offset: &channels, residual: None };
        for kernels in kernels() {
            let (input, reads) = memory(read(depth), short == 1, 1.0);
            let (mut out, writes) = memory(to_pixels, short == 2, 0.0);
            let to = (&mut out[..], &target);
            let done = kernels.convolution_f32(&floats, area, (&input, &source), &in_floats, to);
            prop_assert_eq!(done.is_ok(), short != 0 && reads && writes);
            let (input, reads) = memory(read(4), short == 1, 1);
            let (mut out, writes) = memory(to_pixels, short == 2, 0);
            let to = (&mut out[..], &target);
            let done = kernels.convolution_u8(&bytes, area, (&input, &source), &in_bytes, to);
            prop_assert_eq!(done.is_ok(), short != 0 && reads && writes);
            let (mut out, writes) = memory(to_columns, short == 2, 0);
            let to = (&mut out[..], &target);
            let done = kernels.convolution_columns(&bytes, area, (&input, &source), &in_bytes, to);
            prop_assert_eq!(done.is_ok(), short != 0 && reads && writes);
        }
    }

    #[test]
    fn of_depthwise_convolutions(
        area in area(),
        (rows, panel) in (rows(), number()),
        target in target(),
        stride in prop_oneof![1_usize..4, 1_usize..4, Just(usize::MAX)],
        short in 0_u8..4,
    ) {
        let shape = DepthwiseShape { channels: OUTPUTS, kernel: [2, 3], stride: [stride, 2], left: 1 };
        let panels = 2;
        let read = |columns: Option<usize>, column: usize| {
            let count = area.rows.checked_sub(1).and_then(|r| r.checked_mul(stride)?.checked_add(2))?;
            end(0, rows, count, [(1, 0), (panels, panel)], columns?.checked_mul(column)?)
        };
        // Outputs are two pixels apart. Of u8, four of them start eight pixels, two columns, apart; the fourth needs pixels 9
        // to 11, so each group reads the columns 0 to 2.
        let last = area.columns.checked_sub(1).and_then(|last| last.checked_mul(2)?.checked_add(3));
        let groups = area.columns.div_ceil(4);
        let last_group = groups.checked_sub(1).and_then(|last| last.checked_mul(2)?.checked_add(3));
        let to = target_end(&target, area, panels, PANEL);
        prop_assume!(is_small(area) || to.is_none());
        let (Some(floats), Some(bytes)) =
            (DepthwiseWeights::f32(shape, |_, _, _| 1.0), DepthwiseWeights::i8(shape, |_, _, _| 1))
        else {
            prop_assert!(stride > DepthwiseShape::MAX_KERNEL);
            return Ok(());
        };
        let values = [0.5; 2 * PANEL];
        let in_floats = FloatOutput { bias: &values, low: 0.0, high: 6.0, residual: None };
        let in_bytes = ByteOutput { factor: &values, offset: &values, residual: None };
        for kernels in kernels() {
            let (input, reads) = memory(read(last, PANEL), short == 1, 1.0);
            let (mut out, writes) = memory(to, short == 2, 0.0);
            let from = (&input[..], rows, panel);
            let done = kernels.depthwise_f32(&floats, area, from, &in_floats, (&mut out, &target));
            prop_assert_eq!(done.is_ok(), reads && writes);
            let (input, reads) = memory(read(last_group, 64), short == 1, 1);
            let (mut out, writes) = memory(to, short == 2, 0);
            let from = (&input[..], rows, panel);
            let done = kernels.depthwise_u8(&bytes, area, from, &in_bytes, (&mut out, &target));
            prop_assert_eq!(done.is_ok(), reads && writes);
        }
    }
}

#[test]
fn residuals_and_their_factors_are_checked() {
    let area = Area { rows: 1, columns: 2 };
    let source = Source { start: 0, rows: Rows::plain(1, 4), pixel: 0, segment: 0 };
    let target = Target { start: 1, rows: Rows::plain(1, 40), pixel: 16, panel: 16 };
    let values = [1.0; PANEL];
    let floats = Weights::f32(1, [1, 1], |_, _, _| 1.0);
    let bytes = Weights::i8(1, [1, 1], |_, _, _| 1);
    for kernels in kernels() {
        for (len, fits) in [(33, true), (32, false), (0, false)] {
            let residual = [0.0; 33];
            let output = FloatOutput { bias: &values, low: 0.0, high: 1.0, residual: Some(&residual[..len]) };
            let mut out = [0.0; 33];
            let done =
                kernels.convolution_f32(&floats, area, (&[1.0; 4], &source), &output, (&mut out, &target));
            assert_eq!(done.is_ok(), fits, "{len}");
            for factors in [PANEL, PANEL - 1] {
                let residual = (&[0; 33][..len], &values[..factors]);
                let output = ByteOutput { factor: &values, offset: &values, residual: Some(residual) };
                let mut out = [0; 33];
                let done =
                    kernels.convolution_u8(&bytes, area, (&[1; 4], &source), &output, (&mut out, &target));
                assert_eq!(done.is_ok(), fits && factors == PANEL, "{len} {factors}");
            }
        }
    }
}

#[test]
fn shapes_that_no_kernel_computes_are_refused() {
    let valid = DepthwiseShape { channels: 1, kernel: [1, 1], stride: [1, 1], left: 0 };
    assert!(DepthwiseWeights::f32(valid, |_, _, _| 1.0).is_some());
    let invalid = [
        DepthwiseShape { channels: 0, ..valid },
        DepthwiseShape { kernel: [0, 1], ..valid },
        DepthwiseShape { kernel: [1, 17], ..valid },
        DepthwiseShape { stride: [1, 0], ..valid },
        DepthwiseShape { stride: [1, usize::MAX], ..valid },
        DepthwiseShape { stride: [usize::MAX, 1], ..valid },
        DepthwiseShape { left: usize::MAX, ..valid },
    ];
    for shape in invalid {
        assert!(DepthwiseWeights::f32(shape, |_, _, _| 1.0).is_none(), "{shape:?}");
        assert!(DepthwiseWeights::i8(shape, |_, _, _| 1).is_none(), "{shape:?}");
    }
}

#[test]
fn convolutions_without_outputs_or_segments_are_refused() {
    let area = Area { rows: 1, columns: 1 };
    let source = Source { start: 0, rows: Rows::plain(1, 4), pixel: 0, segment: 0 };
    let target = Target { start: 0, rows: Rows::plain(1, 64), pixel: 16, panel: 16 };
    let output = FloatOutput { bias: &[0.0; 16], low: 0.0, high: 1.0, residual: None };
    for (outputs, segments) in [(0, 1), (1, 0), (0, 0)] {
        let weights = Weights::f32(outputs, [segments, 1], |_, _, _| 1.0);
        for kernels in kernels() {
            let mut out = [0.0; 64];
            let done =
                kernels.convolution_f32(&weights, area, (&[1.0; 4], &source), &output, (&mut out, &target));
            assert_eq!(done, Err(OutOfBounds));
        }
    }
}

#[test]
fn weights_of_the_other_kind_are_refused() {
    let shape = DepthwiseShape { channels: 16, kernel: [3, 3], stride: [1, 1], left: 1 };
    let area = Area { rows: 1, columns: 100 };
    let target = Target { start: 0, rows: Rows::plain(1, 0), pixel: 16, panel: 16 };
    let source = Source { start: 0, rows: Rows::plain(1, 0), pixel: 4, segment: 0 };
    let (floats, bytes) = (vec![0.0; 1 << 14], vec![0; 1 << 16]);
    let (mut floats_out, mut bytes_out) = (vec![0.0; 1 << 14], vec![0; 1 << 14]);
    let ones = [1.0; 16];
    let float = FloatOutput { bias: &ones, low: 0.0, high: 1.0, residual: None };
    let byte = ByteOutput { factor: &ones, offset: &ones, residual: None };
    for kernels in kernels() {
        let weights = DepthwiseWeights::i8(shape, |_, _, _| 1).unwrap();
        let from = (&floats[..], Rows::plain(3, 4096), 0);
        let refused = kernels.depthwise_f32(&weights, area, from, &float, (&mut floats_out, &target));
        assert_eq!(refused, Err(OutOfBounds));
        let weights = DepthwiseWeights::f32(shape, |_, _, _| 1.0).unwrap();
        let from = (&bytes[..], Rows::plain(3, 16384), 0);
        let refused = kernels.depthwise_u8(&weights, area, from, &byte, (&mut bytes_out, &target));
        assert_eq!(refused, Err(OutOfBounds));
        let weights = Weights::i8(16, [1, 4], |_, _, _| 1);
        let refused =
            kernels.convolution_f32(&weights, area, (&floats, &source), &float, (&mut floats_out, &target));
        assert_eq!(refused, Err(OutOfBounds));
        let weights = Weights::f32(16, [1, 4], |_, _, _| 1.0);
        let refused =
            kernels.convolution_u8(&weights, area, (&bytes, &source), &byte, (&mut bytes_out, &target));
        assert_eq!(refused, Err(OutOfBounds));
    }
}
