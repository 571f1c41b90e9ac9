//! Each operation of the reference executor against its definition, written out in f64.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ocelli_infer::reference::{Plan, TracedNode};
use ocelli_model::{BatchNorm, Conv2d, NetworkBuilder, Op, Padding, Preprocessing, Shape, Tensor, View};
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

fn preprocessing(height: usize, width: usize) -> Preprocessing {
    let (width, height) = (u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
    Preprocessing { width, height, view: View::Whole, mean: [127.0; 3], std: [128.0; 3] }
}

/// A convolution of `inputs` maps, which a pointwise convolution makes of the photo's three.
#[derive(Clone, Debug)]
struct Case {
    height: usize,
    width: usize,
    groups: usize,
    group_inputs: usize,
    group_outputs: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
    bias: bool,
    norm: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = (1..12_usize, 1..12_usize, 1..5_usize, 1..4_usize, 1..4_usize);
    let kernel = [1..6_usize, 1..6];
    let stride = [1..4_usize, 1..4];
    (sizes, kernel, stride, any::<[bool; 3]>(), any::<[prop::sample::Index; 4]>()).prop_map(
        |(
            (height, width, groups, group_inputs, group_outputs),
            kernel,
            stride,
            [same, bias, norm],
            zeros,
        )| {
            let padding = if same {
                Padding::Same
            } else {
                let [top, bottom] = [zeros[0].index(kernel[0]), zeros[1].index(kernel[0])];
                let [left, right] = [zeros[2].index(kernel[1]), zeros[3].index(kernel[1])];
                Padding::Explicit { top, left, bottom, right }
            };
            Case { height, width, groups, group_inputs, group_outputs, kernel, stride, padding, bias, norm }
        },
    )
}

impl Case {
    /// The convolution as it is defined, with every index written out; `[outputs, height, width]`.
    fn direct(&self, maps: &[f32], weight: &[f32], bias: &[f32], [rows, columns]: [usize; 2]) -> Vec<f64> {
        let [down, across] = self.padding.amounts([self.height, self.width], self.kernel, self.stride);
        let [kernel_rows, kernel_columns] = self.kernel;
        let mut out = Vec::new();
        for (output, bias) in bias.iter().enumerate() {
            for y in 0..rows {
                for x in 0..columns {
                    let mut sum = f64::from(*bias);
                    for input in 0..self.group_inputs {
                        let channel = output / self.group_outputs * self.group_inputs + input;
                        for (row, column) in (0..kernel_rows)
                            .flat_map(|row| (0..kernel_columns).map(move |column| (row, column)))
                        {
                            let y = (y * self.stride[0] + row).checked_sub(down[0]);
                            let x = (x * self.stride[1] + column).checked_sub(across[0]);
                            if let (Some(y), Some(x)) = (y, x)
                                && y < self.height
                                && x < self.width
                            {
                                let value = maps[(channel * self.height + y) * self.width + x];
                                let tap = (output * self.group_inputs + input) * kernel_rows + row;
                                let weight = weight[tap * kernel_columns + column];
                                sum += f64::from(value) * f64::from(weight);
                            }
                        }
                    }
                    out.push(sum);
                }
            }
        }
        out
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_convolution_is_its_definition(case in case()) {
        let inputs = case.groups * case.group_inputs;
        let outputs = case.groups * case.group_outputs;
        let [rows, columns] = case.kernel;
        let weight = noise(outputs * case.group_inputs * rows * columns, 1);
        let bias = if case.bias { noise(outputs, 2) } else { vec![0.0; outputs] };
        let mut builder = NetworkBuilder::new(preprocessing(case.height, case.width));
        let input = builder.input();
        let spread = Conv2d {
            weight: "spread".into(),
            bias: None,
            stride: [1, 1],
            padding: Padding::Same,
            groups: 1,
        };
        builder.tensor("spread", Tensor::f32(&[inputs, 3, 1, 1], noise(inputs * 3, 3)).unwrap());
        let maps = builder.node("maps", Op::Conv2d(spread), &[input]);
        builder.tensor("weight", Tensor::f32(&[outputs, case.group_inputs, rows, columns], weight.clone()).unwrap());
        if case.bias {
            builder.tensor("bias", Tensor::f32(&[outputs], bias.clone()).unwrap());
        }
        let conv = Conv2d {
            weight: "weight".into(),
            bias: case.bias.then(|| "bias".into()),
            stride: case.stride,
            padding: case.padding,
            groups: case.groups,
        };
        let mut output = builder.node("conv", Op::Conv2d(conv), &[maps]);
        let statistics = [noise(outputs, 4), noise(outputs, 5), noise(outputs, 6), vec![0.3; outputs]];
        if case.norm {
            let [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(String::from);
            for (name, values) in [&scale, &shift, &mean, &variance].into_iter().zip(&statistics) {
                builder.tensor(name, Tensor::f32(&[outputs], values.clone()).unwrap());
            }
            let norm = BatchNorm { scale, shift, mean, variance, epsilon: 1e-3 };
            output = builder.node("conv.norm", Op::BatchNorm(norm), &[output]);
        }
        // Kernels that are larger than the padded maps are no networks.
        let Ok(network) = builder.build(output) else { return Ok(()) };

        let trace = Plan::compile(&network).unwrap().trace(noise(3 * case.height * case.width, 7)).unwrap();
        let [maps, found] = <[TracedNode; 2]>::try_from(trace).unwrap();
        let Shape::Map { height, width, .. } = network.output_shape() else { panic!("not maps") };
        let mut expected = case.direct(&maps.values, &weight, &bias, [height, width]);
        if case.norm {
            for (output, values) in expected.chunks_exact_mut(height * width).enumerate() {
                let [scale, shift, mean, variance] = [0, 1, 2, 3].map(|index| f64::from(statistics[index][output]));
                for value in values {
                    *value = (*value - mean) / (variance + 1e-3).sqrt() * scale + shift;
                }
            }
        }
        prop_assert_eq!(found.values.len(), expected.len());
        for (found, expected) in found.values.iter().zip(expected) {
            prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{} instead of {}", found, expected);
        }
    }
}

/// The output of one operation on the photo's maps, `[3, 2, 2]`.
fn apply(op: Op, input: &[f32]) -> Vec<f32> {
    let mut builder = NetworkBuilder::new(preprocessing(2, 2));
    let inputs = vec![builder.input(); op.arity()];
    let output = builder.node("op", op, &inputs);
    let network = builder.build(output).unwrap();
    let trace = Plan::compile(&network).unwrap().trace(input.to_vec()).unwrap();
    trace.into_iter().next().unwrap().values
}

#[test]
fn operations_on_single_values() {
    let input = [-7.0, -0.0, 0.5, 5.5, 6.0, 6.5, 1e9, -1e9, 1.0, 2.0, 3.0, 4.0];
    let clamped = [0.0, 0.0, 0.5, 5.5, 6.0, 6.0, 6.0, 0.0, 1.0, 2.0, 3.0, 4.0];
    assert_eq!(apply(Op::Relu6, &input), clamped);
    assert_eq!(apply(Op::Add, &input), input.map(|value| 2.0 * value), "a node may be added to itself");
    assert_eq!(apply(Op::GlobalAveragePool, &input), [-0.25, 3.125, 2.5]);
    assert_eq!(apply(Op::Sigmoid, &input)[7..9], [0.0, 1.0 / (1.0 + (-1.0_f32).exp())]);
}

#[test]
fn a_batch_normalisation_without_a_convolution_stands_alone() {
    let mut builder = NetworkBuilder::new(preprocessing(1, 2));
    let input = builder.input();
    let [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(String::from);
    builder.tensor("scale", Tensor::f32(&[3], vec![1.0, 2.0, 3.0]).unwrap());
    builder.tensor("shift", Tensor::f32(&[3], vec![0.0, 1.0, 0.0]).unwrap());
    builder.tensor("mean", Tensor::f32(&[3], vec![0.0, 1.0, 2.0]).unwrap());
    builder.tensor("variance", Tensor::f32(&[3], vec![0.75, 3.75, 0.0]).unwrap());
    let norm = BatchNorm { scale, shift, mean, variance, epsilon: 0.25 };
    let output = builder.node("norm", Op::BatchNorm(norm), &[input]);
    let network = builder.build(output).unwrap();
    let trace = Plan::compile(&network).unwrap().trace(vec![1.0, 2.0, 3.0, 5.0, 2.0, 3.0]).unwrap();
    assert_eq!(trace[0].values, [1.0, 2.0, 3.0, 5.0, 0.0, 6.0]);
}

#[test]
fn a_convolution_that_others_read_is_not_folded() {
    // conv -> norm, and the convolution's own output is added again.
    let mut builder = NetworkBuilder::new(preprocessing(3, 3));
    let input = builder.input();
    let conv =
        Conv2d { weight: "weight".into(), bias: None, stride: [1, 1], padding: Padding::Same, groups: 1 };
    builder.tensor("weight", Tensor::f32(&[2, 3, 1, 1], noise(6, 1)).unwrap());
    let conv = builder.node("conv", Op::Conv2d(conv), &[input]);
    let [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(String::from);
    for name in [&scale, &shift, &mean] {
        builder.tensor(name, Tensor::f32(&[2], vec![0.5, 0.25]).unwrap());
    }
    builder.tensor("variance", Tensor::f32(&[2], vec![1.0, 4.0]).unwrap());
    let norm = builder.node(
        "norm",
        Op::BatchNorm(BatchNorm { scale, shift, mean, variance, epsilon: 1e-3 }),
        &[conv],
    );
    let sum = builder.node("sum", Op::Add, &[conv, norm]);
    let network = builder.build(sum).unwrap();
    let trace = Plan::compile(&network).unwrap().trace(noise(27, 2)).unwrap();
    let names: Vec<_> = trace.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["conv", "norm", "sum"]);
    for (index, sum) in trace[2].values.iter().enumerate() {
        assert_eq!(*sum, trace[0].values[index] + trace[1].values[index]);
    }
}
