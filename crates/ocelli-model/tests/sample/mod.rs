//! Small networks for tests.

use ocelli_core::{Name, TagType};
use ocelli_model::{
    Activation, BatchNorm, Calibration, ChannelStatistics, Conv2d, Head, Label, Network, NetworkBuilder,
    NodeId, Op, Padding, Preprocessing, Tensor, View,
};

/// 6 x 5 pixels, with mean and std as EfficientNet-Lite has them.
pub(crate) fn preprocessing() -> Preprocessing {
    Preprocessing { width: 6, height: 5, view: View::Whole, mean: [127.0; 3], std: [128.0; 3] }
}

/// A convolution with the weight `name` and "same" padding.
pub(crate) fn conv(name: &str, stride: usize, groups: usize) -> Conv2d {
    Conv2d { weight: name.into(), bias: None, stride: [stride; 2], padding: Padding::Same, groups }
}

/// A batch normalisation with the tensors `scale`, `shift`, `mean` and `variance`.
pub(crate) fn norm() -> BatchNorm {
    let [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(String::from);
    BatchNorm { scale, shift, mean, variance, epsilon: 1e-3 }
}

/// Values that differ from each other.
pub(crate) fn values(len: usize) -> Vec<f32> {
    (0..len).map(|index| ((index * 37 + 11) % 101) as f32 / 64.0 - 0.75).collect()
}

/// The builder of [`base`], and its output: convolution to 4 channels, batch normalisation, ReLU6, a depthwise
/// convolution that is added to its input, and the mean.
pub(crate) fn builder() -> (NetworkBuilder, NodeId) {
    let mut builder = NetworkBuilder::new(preprocessing());
    let input = builder.input();
    let x = builder.node("stem.conv", Op::Conv2d(conv("stem", 2, 1)), &[input]);
    let x = builder.node("stem.norm", Op::BatchNorm(norm()), &[x]);
    let x = builder.node("stem", Op::Relu6, &[x]);
    let y = builder.node("block.depthwise", Op::Conv2d(conv("depthwise", 1, 4)), &[x]);
    let x = builder.node("block", Op::Add, &[x, y]);
    let features = builder.node("features", Op::GlobalAveragePool, &[x]);
    builder.tensor("stem", Tensor::f16(&[4, 3, 3, 3], &values(108)).unwrap());
    builder.tensor("depthwise", Tensor::f16(&[4, 1, 3, 3], &values(36)).unwrap());
    for name in ["scale", "shift", "mean"] {
        builder.tensor(name, Tensor::f32(&[4], values(4)).unwrap());
    }
    builder.tensor("variance", Tensor::f32(&[4], vec![1.0, 0.5, 0.0, 2.0]).unwrap());
    (builder, features)
}

/// A base model of 4 features.
pub(crate) fn base() -> Network {
    let (builder, features) = builder();
    builder.build(features).unwrap()
}

/// Labels of these names, with ids that differ.
pub(crate) fn labels(names: &[&str]) -> Vec<Label> {
    let label = |(index, name): (usize, &&str)| Label {
        tag_id: format!("018bcfe5-6800-7000-8000-{index:012}").parse().unwrap(),
        name: Name::new(name).unwrap(),
        tag_type: TagType::Regular,
    };
    names.iter().enumerate().map(label).collect()
}

/// A head for the features of [`base`].
pub(crate) fn head(names: &[&str], activation: Activation) -> Head {
    let (weights, bias) = (values(names.len() * 4), values(names.len()));
    Head { weights, bias, activation, labels: labels(names) }
}

/// A calibration of two of [`base`]'s nodes.
pub(crate) fn calibration() -> Calibration {
    let ranges = |from: f32| {
        let channel = |index: u8| {
            let min = from + f32::from(index);
            ChannelStatistics { min, max: min + 1.5, mean: min + 0.25 }
        };
        (0..4).map(channel).collect()
    };
    let nodes = [("stem".to_owned(), ranges(0.0)), ("block".to_owned(), ranges(-2.0))];
    Calibration { photos: 3, nodes: nodes.into() }
}
