//! The operations with their gradients, against Burn's own and against finite differences.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

use super::{Geometry, Workspace, convolution};

/// Values between -1 and 1 that look random and are the same every time.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(next).collect()
}

#[derive(Clone, Copy, Debug)]
struct Case {
    photos: usize,
    input: [usize; 2],
    group_inputs: usize,
    group_outputs: usize,
    geometry: Geometry,
}

/// What goes into a convolution: input, weight, scale and shift.
struct Values([Vec<f32>; 4]);

type Operands = (Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>);

impl Case {
    fn shapes(&self) -> ([usize; 4], [usize; 4], usize) {
        let Geometry { groups, kernel, .. } = self.geometry;
        let outputs = groups * self.group_outputs;
        let input = [self.photos, self.input[0], self.input[1], groups * self.group_inputs];
        (input, [outputs, self.group_inputs, kernel[0], kernel[1]], outputs)
    }

    fn values(&self) -> Values {
        let (input, weight, outputs) = self.shapes();
        let patch = weight[1..].iter().product::<usize>() as f32;
        let scaled = |values: Vec<f32>, by: f32, plus: f32| values.iter().map(|v| v * by + plus).collect();
        Values([
            noise(input.iter().product(), 1),
            // So that some outputs are clamped at either end.
            scaled(noise(weight.iter().product(), 2), 8.0 / patch.sqrt(), 0.0),
            scaled(noise(outputs, 3), 0.3, 1.0),
            scaled(noise(outputs, 4), 2.0, 2.0),
        ])
    }

    fn operands(&self, values: &Values, device: &Device) -> Operands {
        let (input, weight, outputs) = self.shapes();
        let [a, b, c, d] = values.0.clone();
        let vector = |values| Tensor::from_data(TensorData::new(values, [outputs]), device).require_grad();
        (
            Tensor::from_data(TensorData::new(a, input), device).require_grad(),
            Tensor::from_data(TensorData::new(b, weight), device).require_grad(),
            vector(c),
            vector(d),
        )
    }

    /// By the operation.
    fn own(&self, (input, weight, scale, shift): Operands) -> Tensor<4> {
        convolution(input, weight, [scale, shift], self.geometry, &Workspace::default())
    }

    /// By what Burn has, each step with its own gradient.
    fn burns(&self, (input, weight, scale, shift): Operands) -> Tensor<4> {
        let Geometry { before, after, stride, groups, relu6, .. } = self.geometry;
        let padding = [(before[0], after[0]), (before[1], after[1])];
        let options = ConvOptions::new_with_padding(stride, padding, [1, 1], groups);
        let outputs = scale.dims()[0];
        let sums = conv2d(input.permute([0, 3, 1, 2]), weight, None, options).permute([0, 2, 3, 1]);
        let output = sums * scale.reshape([1, 1, 1, outputs]) + shift.reshape([1, 1, 1, outputs]);
        if relu6 { output.clamp(0.0, 6.0) } else { output }
    }

    /// The output and the four gradients of a weighted sum of it.
    fn run(&self, forward: impl Fn(&Self, Operands) -> Tensor<4>) -> [Vec<f32>; 5] {
        let device = Device::flex().autodiff();
        let operands = self.operands(&self.values(), &device);
        let output = forward(self, operands.clone());
        let shape = output.dims();
        let weights = TensorData::new(noise(shape.iter().product(), 5), shape);
        let loss = (output.clone() * Tensor::from_data(weights, &device)).sum();
        let gradients = loss.backward();
        let (input, weight, scale, shift) = operands;
        [
            values(output.inner()),
            values(input.grad(&gradients).unwrap()),
            values(weight.grad(&gradients).unwrap()),
            values(scale.grad(&gradients).unwrap()),
            values(shift.grad(&gradients).unwrap()),
        ]
    }

    fn check(&self) {
        let (own, burns) = (self.run(Self::own), self.run(Self::burns));
        for (what, (own, burns)) in
            ["output", "input", "weight", "scale", "shift"].iter().zip(own.iter().zip(&burns))
        {
            assert_eq!(own.len(), burns.len(), "{what} of {self:?}");
            let norm = |values: &mut dyn Iterator<Item = f32>| {
                values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
            };
            let difference = norm(&mut own.iter().zip(burns).map(|(a, b)| a - b));
            let size = norm(&mut burns.iter().copied());
            assert!(difference <= 2e-6 * size + 1e-6, "{what} of {self:?}: {difference} of {size}");
        }
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

const DENSE: Case = Case {
    photos: 2,
    input: [5, 7],
    group_inputs: 9,
    group_outputs: 20,
    geometry: Geometry {
        kernel: [1, 1],
        stride: [1, 1],
        before: [0, 0],
        after: [0, 0],
        groups: 1,
        relu6: true,
    },
};

#[test]
fn convolutions_of_one_pixel() {
    for relu6 in [true, false] {
        for (group_inputs, group_outputs) in [(1, 1), (16, 24), (17, 40), (24, 144)] {
            let geometry = Geometry { relu6, ..DENSE.geometry };
            Case { group_inputs, group_outputs, geometry, ..DENSE }.check();
        }
    }
    // More pixels than one block has.
    Case { photos: 3, input: [40, 31], group_inputs: 40, group_outputs: 33, ..DENSE }.check();
}

#[test]
fn convolutions_of_each_channel() {
    for (kernel, stride, before, after) in
        [(3, 1, 1, 1), (5, 1, 2, 2), (3, 2, 0, 1), (5, 2, 1, 2), (3, 2, 1, 1)]
    {
        let geometry = Geometry {
            kernel: [kernel; 2],
            stride: [stride; 2],
            before: [before; 2],
            after: [after; 2],
            groups: 20,
            relu6: stride == 1,
        };
        for input in [[7, 7], [8, 6], [2, 2]] {
            Case { photos: 3, input, group_inputs: 1, group_outputs: 1, geometry }.check();
        }
        // More rows than one band has.
        let geometry = Geometry { groups: 3, ..geometry };
        Case { photos: 1, input: [70, 64], group_inputs: 1, group_outputs: 1, geometry }.check();
    }
}

#[test]
fn the_first_convolution_of_a_network() {
    let geometry = Geometry { kernel: [3, 3], stride: [2, 2], after: [1, 1], ..DENSE.geometry };
    Case { input: [10, 12], group_inputs: 3, group_outputs: 32, geometry, ..DENSE }.check();
}

/// Of the gradients in some directions.
#[test]
fn gradients_are_slopes() {
    let device = Device::flex().autodiff();
    let depthwise =
        Geometry { kernel: [3, 3], stride: [2, 2], before: [0, 0], after: [1, 1], groups: 6, relu6: true };
    let depthwise = Case { photos: 1, input: [6, 4], group_inputs: 1, group_outputs: 1, geometry: depthwise };
    for case in [Case { photos: 1, input: [2, 3], ..DENSE }, depthwise] {
        let values_at = case.values();
        let found = case.run(Case::own);
        let loss = |values: &Values| {
            let output = case.own(case.operands(values, &device));
            let output = output.into_data().iter::<f32>().collect::<Vec<_>>();
            let weights = noise(output.len(), 5);
            output.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(b)).sum::<f64>()
        };
        let (step, here) = (1e-3, loss(&values_at));
        let (mut smooth, mut kinks) = (0, 0);
        for operand in 0..4 {
            // One value at a time, a few of them.
            for at in (0..values_at.0[operand].len()).step_by(1 + values_at.0[operand].len() / 12) {
                let moved = |by: f32| {
                    let mut values = Values(values_at.0.clone());
                    values.0[operand][at] += by;
                    (loss(&values) - here) / f64::from(by)
                };
                let slopes = [moved(step), moved(-step)];
                let gradient = f64::from(found[operand + 1][at]);
                let tolerance = 0.01 * (1.0 + gradient.abs());
                // An output that comes to be clamped between the points is a kink, of which there are few.
                if (slopes[0] - slopes[1]).abs() > tolerance {
                    kinks += 1;
                    continue;
                }
                smooth += 1;
                let slope = (slopes[0] + slopes[1]) / 2.0;
                assert!((slope - gradient).abs() < tolerance, "{operand}: {slope} {gradient}");
            }
        }
        assert!(smooth > 4 * kinks, "{smooth} smooth, {kinks} kinks");
    }
}

#[test]
fn the_same_threads_give_the_same_bits() {
    let case = Case { photos: 3, input: [20, 20], group_inputs: 24, group_outputs: 40, ..DENSE };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for threads in [1, 2, 3] {
        let runs = [0, 1].map(|_| pool(threads).install(|| case.run(Case::own)));
        assert_eq!(runs[0], runs[1]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn convolutions_of_any_size(
        photos in 1_usize..4,
        input in [1_usize..9, 1_usize..9],
        (groups, group_inputs, group_outputs) in (1_usize..20, 1_usize..4, 1_usize..4),
        depthwise in any::<bool>(),
        kernel in [1_usize..5, 1_usize..5],
        stride in [1_usize..4, 1_usize..4],
        zeros in [0_usize..4, 0_usize..4, 0_usize..4, 0_usize..4],
        relu6 in any::<bool>(),
    ) {
        let [group_inputs, group_outputs] = if depthwise { [1, 1] } else { [group_inputs, group_outputs] };
        let groups = if depthwise { groups } else { 1 + groups % 2 };
        let before = [zeros[0].min(kernel[0] - 1), zeros[1].min(kernel[1] - 1)];
        let after = [zeros[2].min(kernel[0] - 1), zeros[3].min(kernel[1] - 1)];
        let geometry = Geometry { kernel, stride, before, after, groups, relu6 };
        let fits = (0..2).all(|axis| input[axis] + before[axis] + after[axis] >= kernel[axis]);
        prop_assume!(fits);
        Case { photos, input, group_inputs, group_outputs, geometry }.check();
    }
}
