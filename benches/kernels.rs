//! The kernels by themselves, at every level that the machine has: multiply-adds a second of single layers of
//! EfficientNet-Lite0. What they reach in the cache is the roof under which the engine works.
//!
//! ```text
//! cargo bench -p ocelli-benches --bench kernels
//! ```

#![allow(
    missing_docs,
    clippy::panic,
    reason = "criterion's macros make public functions; a bench has no caller"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ocelli_kernels::{
    Area, ByteOutput, DepthwiseShape, DepthwiseWeights, FloatOutput, Kernels, Level, Line, OutOfBounds,
    PANEL, Rows, Source, Target, Weights, as_f32, as_f32_mut, as_u8, as_u8_mut,
};

/// Pixels, inputs and outputs of pointwise convolutions, early to late.
const POINTWISE: [[usize; 3]; 4] = [[896, 16, 96], [784, 240, 40], [196, 112, 672], [49, 1152, 192]];
/// Width, channels, kernel and stride of depthwise convolutions; eight rows of each are computed.
const DEPTHWISE: [[usize; 4]; 4] = [[112, 96, 3, 2], [56, 144, 3, 1], [14, 672, 5, 1], [7, 1152, 5, 1]];
const ROWS: usize = 8;

fn lines(values: usize) -> Vec<Line> {
    vec![Line::default(); (values * 4).div_ceil(Line::BYTES) + 1]
}

fn pointwise(criterion: &mut Criterion, kernels: &Kernels) {
    let mut group = criterion.benchmark_group(format!("pointwise, {}", kernels.level()));
    for [pixels, inputs, outputs] in POINTWISE {
        let wide = outputs.next_multiple_of(PANEL);
        let (input, mut out) = (lines(pixels * inputs), lines(pixels * wide));
        let ones = vec![1.0; wide];
        let area = Area { rows: 1, columns: pixels };
        let source = Source { start: 0, rows: Rows::plain(1, 0), pixel: inputs, segment: 0 };
        let target = Target { start: 0, rows: Rows::plain(1, 0), pixel: wide, panel: PANEL };
        group.throughput(Throughput::Elements((pixels * inputs * outputs) as u64));
        let name = format!("{pixels} x {inputs} x {outputs}");
        let weights = Weights::f32(outputs, [1, inputs], |_, _, _| 0.5);
        let finish = FloatOutput { bias: &ones, low: 0.0, high: 6.0, residual: None };
        group.bench_function(BenchmarkId::new("f32", &name), |bencher| {
            bencher.iter(|| {
                let to = (as_f32_mut(&mut out), &target);
                kernels.convolution_f32(&weights, area, (as_f32(black_box(&input)), &source), &finish, to)
            });
        });
        let weights = Weights::i8(outputs, [1, inputs], |_, _, _| 3);
        let finish = ByteOutput { factor: &ones, offset: &ones, residual: None };
        group.bench_function(BenchmarkId::new("int8", &name), |bencher| {
            bencher.iter(|| {
                let to = (as_u8_mut(&mut out), &target);
                kernels.convolution_u8(&weights, area, (as_u8(black_box(&input)), &source), &finish, to)
            });
        });
    }
    group.finish();
}

fn depthwise(criterion: &mut Criterion, kernels: &Kernels) -> Result<(), OutOfBounds> {
    let mut group = criterion.benchmark_group(format!("depthwise, {}", kernels.level()));
    for [width, channels, kernel, stride] in DEPTHWISE {
        let columns = width / stride;
        let shape =
            DepthwiseShape { channels, kernel: [kernel; 2], stride: [stride; 2], left: (kernel - 1) / 2 };
        let area = Area { rows: ROWS, columns };
        let read = (ROWS - 1) * stride + kernel;
        let target =
            Target { start: 0, rows: Rows::plain(ROWS, columns * channels), pixel: channels, panel: PANEL };
        let ones = vec![1.0; channels];
        let mut out = lines(ROWS * columns * channels);
        group.throughput(Throughput::Elements((ROWS * columns * channels * kernel * kernel) as u64));
        let name = format!("{width} x {channels}, {kernel} x {kernel} by {stride}");

        let weights = DepthwiseWeights::f32(shape, |_, _, _| 0.5).ok_or(OutOfBounds)?;
        let panel = weights.columns(columns) * PANEL;
        let row = weights.panels() * panel;
        let input = lines(read * row);
        let finish = FloatOutput { bias: &ones, low: 0.0, high: 6.0, residual: None };
        group.bench_function(BenchmarkId::new("f32", &name), |bencher| {
            bencher.iter(|| {
                let from = (as_f32(black_box(&input)), Rows::plain(read, row), panel);
                kernels.depthwise_f32(&weights, area, from, &finish, (as_f32_mut(&mut out), &target))
            });
        });

        let weights = DepthwiseWeights::i8(shape, |_, _, _| 3).ok_or(OutOfBounds)?;
        let panel = weights.columns(columns) * Line::BYTES;
        let row = weights.panels() * panel;
        let input = lines((read * row).div_ceil(4));
        let finish = ByteOutput { factor: &ones, offset: &ones, residual: None };
        group.bench_function(BenchmarkId::new("int8", &name), |bencher| {
            bencher.iter(|| {
                let from = (as_u8(black_box(&input)), Rows::plain(read, row), panel);
                kernels.depthwise_u8(&weights, area, from, &finish, (as_u8_mut(&mut out), &target))
            });
        });
    }
    group.finish();
    Ok(())
}

fn kernels(criterion: &mut Criterion) {
    for level in Level::ALL {
        let Ok(kernels) = Kernels::at(level) else { continue };
        pointwise(criterion, &kernels);
        if let Err(error) = depthwise(criterion, &kernels) {
            panic!("the bench cannot run: {error}");
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = kernels
}
criterion_main!(benches);
