//! The engine, at every level that the machine has, against the reference executor, on networks of all shapes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ocelli_core::Precision;
use ocelli_imaging::RgbView;
use ocelli_infer::reference::{self, preprocess};
use ocelli_infer::{Calibrator, CompileOptions, CompiledNetwork, InferError, Level};
use ocelli_model::{
    BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Preprocessing, Tensor, View,
};
use proptest::prelude::*;

/// Values between -1 and 1 that look random and are the same every time.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(next).collect()
}

/// A network in the making.
struct Sketch {
    builder: NetworkBuilder,
    last: NodeId,
    channels: usize,
    count: u32,
}

impl Sketch {
    fn new(width: u32, height: u32, view: View) -> Self {
        let preprocessing =
            Preprocessing { width, height, view, mean: [127.0, 120.0, 110.0], std: [128.0; 3] };
        let builder = NetworkBuilder::new(preprocessing);
        let last = builder.input();
        Self { builder, last, channels: 3, count: 0 }
    }

    fn node(&mut self, op: Op, inputs: &[NodeId]) {
        self.count += 1;
        self.last = self.builder.node(format!("node{}", self.count), op, inputs);
    }

    fn tensor(&mut self, shape: &[usize], scale: f32, offset: f32) -> String {
        self.count += 1;
        let name = format!("tensor{}", self.count);
        let values = noise(shape.iter().product(), self.count);
        let values = values.into_iter().map(|value| value * scale + offset).collect::<Vec<_>>();
        self.builder.tensor(&name, Tensor::f32(shape, values).unwrap());
        name
    }

    /// A convolution, its batch normalisation if asked, and ReLU6 if asked.
    fn conv(
        &mut self,
        outputs: usize,
        groups: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        [norm, relu6]: [bool; 2],
    ) {
        let patch = self.channels / groups * kernel[0] * kernel[1];
        let shape = [outputs, self.channels / groups, kernel[0], kernel[1]];
        let weight = self.tensor(&shape, 1.7 / (patch as f32).sqrt(), 0.0);
        let bias = (!norm).then(|| self.tensor(&[outputs], 0.5, 0.2));
        let conv = Conv2d { weight, bias, stride, padding: Padding::Same, groups };
        let input = self.last;
        self.node(Op::Conv2d(conv), &[input]);
        self.channels = outputs;
        if norm {
            let [scale, shift] = [self.tensor(&[outputs], 0.3, 1.0), self.tensor(&[outputs], 0.3, 0.3)];
            let [mean, variance] = [self.tensor(&[outputs], 0.2, 0.0), self.tensor(&[outputs], 0.2, 0.8)];
            let conv = self.last;
            self.node(Op::BatchNorm(BatchNorm { scale, shift, mean, variance, epsilon: 1e-3 }), &[conv]);
        }
        if relu6 {
            let input = self.last;
            self.node(Op::Relu6, &[input]);
        }
    }

    /// An inverted residual block.
    fn block(&mut self, wide: usize, outputs: usize, kernel: usize, stride: usize) {
        let (input, inputs) = (self.last, self.channels);
        self.conv(wide, 1, [1, 1], [1, 1], [true, true]);
        self.conv(wide, wide, [kernel; 2], [stride; 2], [true, true]);
        self.conv(outputs, 1, [1, 1], [1, 1], [true, false]);
        if stride == 1 && inputs == outputs {
            let last = self.last;
            self.node(Op::Add, &[last, input]);
        }
    }

    fn classifier(mut self, labels: usize) -> Network {
        let input = self.last;
        self.node(Op::GlobalAveragePool, &[input]);
        let (weight, bias) =
            (self.tensor(&[labels, self.channels], 0.4, 0.0), self.tensor(&[labels], 0.1, 0.0));
        let input = self.last;
        self.node(Op::Linear(Linear { weight, bias }), &[input]);
        let input = self.last;
        self.node(if labels == 1 { Op::Sigmoid } else { Op::Softmax }, &[input]);
        self.builder.build(self.last).unwrap()
    }

    fn maps(self) -> Network {
        self.builder.build(self.last).unwrap()
    }
}

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_available())
}

fn compile(network: &Network, precision: Precision, level: Level) -> CompiledNetwork {
    CompiledNetwork::compile_with(network, &CompileOptions { precision, level: Some(level) }).unwrap()
}

fn predict(compiled: &CompiledNetwork, photo: RgbView<'_>) -> Vec<f32> {
    let mut out = vec![0.0; compiled.output_len()];
    compiled.predict_into(photo, &mut out).unwrap();
    out
}

/// `||a - b|| / ||b||`, which for outputs of almost nothing counts as if they were not.
fn error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let squares =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let difference = squares(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
    let norm = squares(&mut expected.iter().copied());
    (difference / norm.max(1e-3 * expected.len() as f64)).sqrt()
}

/// Every level and every way of asking gives the reference's answer.
fn agrees(network: &Network, photo: RgbView<'_>) {
    let plan = reference::Plan::compile(network).unwrap();
    let expected = plan.run(preprocess(network.preprocessing(), photo).unwrap()).unwrap();
    for level in levels() {
        let compiled = compile(network, Precision::F32, level);
        let found = predict(&compiled, photo);
        let error = error(&found, &expected);
        assert!(error < 5e-5, "{level}: {error:.1e}");
        same_bits(&compiled, photo, &found);
    }
}

/// However many threads compute, and however many photos, the bits are the same.
fn same_bits(compiled: &CompiledNetwork, photo: RgbView<'_>, expected: &[f32]) {
    assert_eq!(predict(compiled, photo), expected);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let mut parallel = vec![0.0; expected.len()];
    pool.install(|| compiled.predict_parallel_into(photo, &mut parallel)).unwrap();
    assert_eq!(parallel, expected);
    let mut batch = vec![0.0; expected.len() * 3];
    pool.install(|| compiled.predict_batch_into(&[photo; 3], &mut batch)).unwrap();
    assert_eq!(batch, expected.repeat(3));
}

fn pixels(width: u32, height: u32, seed: u32) -> Vec<u8> {
    // Smooth, as photos are, with some noise.
    let noise = noise((width * height * 3) as usize, seed);
    let smooth = |index: usize| {
        let (x, y) = (index / 3 % width as usize, index / 3 / width as usize);
        128.0 + 60.0 * ((x as f32 * 0.11).sin() + (y as f32 * 0.07 + (index % 3) as f32).cos())
    };
    noise.iter().enumerate().map(|(index, noise)| (smooth(index) + 20.0 * noise) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn convolutions_of_every_shape(
        size in (1_u32..24, 1_u32..24),
        first in (1_usize..40, 1_usize..5, 1_usize..5, 1_usize..4, 1_usize..4),
        second in (1_usize..4, 1_usize..7, 1_usize..4, 1_usize..3),
        flags in any::<[bool; 4]>(),
        photo in (1_u32..40, 1_u32..40),
    ) {
        let (outputs, rows, columns, down, across) = first;
        let mut sketch = Sketch::new(size.0, size.1, if flags[3] { View::Centre } else { View::Whole });
        sketch.conv(outputs, 1, [rows, columns], [down, across], [flags[0], flags[1]]);
        // Groups: one, some, or as many as channels; with as many outputs as inputs, or more.
        let (kind, kernel, stride, more) = second;
        let groups = [1, if outputs.is_multiple_of(3) { 3 } else { 1 }, outputs][kind - 1];
        sketch.conv(outputs * more, groups, [kernel, kernel.min(3)], [stride, stride], [flags[1], flags[2]]);
        let network = sketch.maps();
        let bytes = pixels(photo.0, photo.1, 5);
        agrees(&network, RgbView::new(photo.0, photo.1, &bytes).unwrap());
    }

    #[test]
    fn blocks_of_every_shape(
        size in (5_u32..40, 5_u32..40),
        stem in (1_usize..34, 1_usize..3),
        blocks in prop::collection::vec((1_usize..70, 1_usize..34, 1_usize..4, 1_usize..3, any::<bool>()), 1..4),
        labels in 1_usize..6,
    ) {
        let mut sketch = Sketch::new(size.0, size.1, View::Whole);
        sketch.conv(stem.0, 1, [3, 3], [stem.1; 2], [true, true]);
        for (wide, outputs, kernel, stride, residual) in blocks {
            let outputs = if residual { sketch.channels } else { outputs };
            sketch.block(wide, outputs, kernel * 2 - 1, stride);
        }
        let network = sketch.classifier(labels);
        let bytes = pixels(50, 40, 7);
        let photo = RgbView::new(50, 40, &bytes).unwrap();
        agrees(&network, photo);

        let calibration = Calibrator::new(&network).unwrap().observe(photo).unwrap();
        let network = network.with_calibration(calibration).unwrap();
        let exact = predict(&compile(&network, Precision::F32, Level::Portable), photo);
        let portable = predict(&compile(&network, Precision::Int8, Level::Portable), photo);
        for level in levels() {
            let compiled = compile(&network, Precision::Int8, level);
            let found = predict(&compiled, photo);
            let (error, between) = (error(&found, &exact), error(&found, &portable));
            prop_assert!(error < 0.1, "{level}: {error:.2}");
            // Sums are exact; what a level rounds otherwise is an activation here and there.
            prop_assert!(between < 0.01, "{level} and portable: {between:.1e}");
            same_bits(&compiled, photo, &found);
        }
    }
}

#[test]
fn sums_and_activations_that_nothing_absorbs_are_computed() {
    let mut sketch = Sketch::new(9, 7, View::Whole);
    let photo = sketch.last;
    sketch.node(Op::Relu6, &[photo]);
    let active = sketch.last;
    sketch.node(Op::Add, &[photo, active]);
    let sum = sketch.last;
    sketch.node(Op::Add, &[sum, sum]);
    let [scale, shift] = [sketch.tensor(&[3], 0.5, 1.0), sketch.tensor(&[3], 0.5, 0.0)];
    let [mean, variance] = [sketch.tensor(&[3], 0.5, 0.0), sketch.tensor(&[3], 0.2, 0.8)];
    let twice = sketch.last;
    sketch.node(Op::BatchNorm(BatchNorm { scale, shift, mean, variance, epsilon: 1e-3 }), &[twice]);
    let scaled = sketch.last;
    sketch.conv(3, 1, [3, 3], [1, 1], [false, false]);
    // Read twice: as it is, and through an activation.
    let conv = sketch.last;
    sketch.node(Op::Relu6, &[conv]);
    let relu6 = sketch.last;
    sketch.node(Op::Add, &[conv, relu6]);
    let both = sketch.last;
    sketch.node(Op::Add, &[both, scaled]);
    let network = sketch.maps();
    let bytes = pixels(30, 20, 3);
    agrees(&network, RgbView::new(30, 20, &bytes).unwrap());
}

#[test]
fn filters_share_the_convolution_between_them() {
    let mut sketch = Sketch::new(12, 9, View::Whole);
    sketch.conv(20, 1, [1, 1], [1, 1], [true, true]);
    sketch.conv(20, 20, [3, 3], [1, 1], [true, true]);
    sketch.conv(20, 1, [1, 1], [1, 1], [true, false]);
    sketch.conv(20, 20, [3, 3], [1, 1], [true, true]);
    sketch.conv(20, 20, [3, 3], [2, 2], [true, true]);
    sketch.conv(7, 1, [1, 1], [1, 1], [true, true]);
    let network = sketch.maps();
    let bytes = pixels(30, 20, 3);
    let photo = RgbView::new(30, 20, &bytes).unwrap();
    agrees(&network, photo);
    let calibration = Calibrator::new(&network).unwrap().observe(photo).unwrap();
    let network = network.with_calibration(calibration).unwrap();
    let exact = predict(&compile(&network, Precision::F32, Level::Portable), photo);
    for level in levels() {
        let error = error(&predict(&compile(&network, Precision::Int8, level), photo), &exact);
        assert!(error < 0.1, "{level}: {error:.2}");
    }
}

#[test]
fn long_strides_of_single_channels_are_computed() {
    let mut sketch = Sketch::new(40, 40, View::Whole);
    sketch.conv(5, 1, [3, 3], [1, 1], [true, true]);
    sketch.conv(5, 5, [3, 3], [17, 17], [true, true]);
    let network = sketch.maps();
    let bytes = pixels(40, 40, 3);
    agrees(&network, RgbView::new(40, 40, &bytes).unwrap());
}

#[test]
fn a_network_that_would_take_too_much_memory_is_refused() {
    // Nodes that share one tensor of 64 MiB.
    let mut sketch = Sketch::new(1, 1, View::Whole);
    sketch.conv(4096, 1, [1, 1], [1, 1], [false, false]);
    let shared = sketch.tensor(&[4096, 4096, 1, 1], 0.01, 0.0);
    for _ in 0..40 {
        let conv =
            Conv2d { weight: shared.clone(), bias: None, stride: [1, 1], padding: Padding::Same, groups: 1 };
        let input = sketch.last;
        sketch.node(Op::Conv2d(conv), &[input]);
    }
    let error = CompiledNetwork::compile(&sketch.maps()).unwrap_err();
    assert!(matches!(error, InferError::TooLarge { .. }), "{error}");
}

#[test]
fn a_photo_of_the_networks_size_is_read_as_it_is() {
    for view in [View::Whole, View::Centre] {
        let mut sketch = Sketch::new(21, 21, view);
        sketch.conv(16, 1, [3, 3], [2, 2], [true, true]);
        sketch.block(32, 16, 3, 1);
        let network = sketch.classifier(4);
        let (width, height) = if view == View::Whole { (21, 21) } else { (35, 21) };
        let bytes = pixels(width, height, 3);
        let photo = RgbView::new(width, height, &bytes).unwrap();
        agrees(&network, photo);
        let calibration = Calibrator::new(&network).unwrap().observe(photo).unwrap();
        let network = network.with_calibration(calibration).unwrap();
        let exact = predict(&compile(&network, Precision::F32, Level::Portable), photo);
        for level in levels() {
            let error = error(&predict(&compile(&network, Precision::Int8, level), photo), &exact);
            assert!(error < 0.05, "{level}: {error:.2}");
        }
    }
}

#[test]
fn what_fills_up_a_panel_is_never_left_over() {
    // One wide channel: its convolution is a dense one, in f32 between two in int8, so that bytes of one buffer lie where
    // another's f32 come to be.
    let mut sketch = Sketch::new(19, 10, View::Whole);
    sketch.conv(8, 1, [3, 3], [1, 1], [true, true]);
    sketch.block(1, 17, 3, 1);
    let network = sketch.maps();
    let bytes = pixels(50, 40, 7);
    let photo = RgbView::new(50, 40, &bytes).unwrap();
    let calibration = Calibrator::new(&network).unwrap().observe(photo).unwrap();
    let network = network.with_calibration(calibration).unwrap();
    for level in levels() {
        let compiled = compile(&network, Precision::Int8, level);
        same_bits(&compiled, photo, &predict(&compiled, photo));
    }
}

#[test]
fn the_network_can_be_its_input() {
    let network = Sketch::new(5, 4, View::Whole).maps();
    let bytes = pixels(5, 4, 3);
    agrees(&network, RgbView::new(5, 4, &bytes).unwrap());
}

#[test]
fn int8_needs_a_calibration() {
    let mut sketch = Sketch::new(8, 8, View::Whole);
    sketch.conv(4, 1, [3, 3], [1, 1], [false, true]);
    let network = sketch.maps();
    let options = CompileOptions { precision: Precision::Int8, level: None };
    assert!(matches!(CompiledNetwork::compile_with(&network, &options), Err(InferError::NotCalibrated)));
}
