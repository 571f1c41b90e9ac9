//! What a network is, and that an inconsistent one cannot be made.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sample;

use std::collections::BTreeMap;

use ocelli_model::{
    Activation, BatchNorm, Calibration, Conv2d, Fingerprint, ModelError, Network, NetworkBuilder,
    NetworkDescription, Node, NodeId, Op, Padding, Preprocessing, Shape, Tensor, View,
};
use sample::{base, calibration, conv, head, labels, values};

fn tensors(network: &Network) -> BTreeMap<String, Tensor> {
    network.tensors().map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect()
}

fn node_id(index: u32) -> NodeId {
    serde_json::from_value(index.into()).unwrap()
}

#[test]
fn every_node_has_a_shape() {
    let network = base();
    let maps = Shape::Map { channels: 4, height: 3, width: 3 };
    let input = Shape::Map { channels: 3, height: 5, width: 6 };
    assert_eq!(network.shapes(), [input, maps, maps, maps, maps, maps, Shape::Vector { len: 4 }]);
    assert_eq!(network.output_len(), 4);
    assert_eq!(network.parameters(), 108 + 36 + 16);
    assert_eq!(network.shape(node_id(7)), None);
}

type Change = fn(&mut NetworkDescription, &mut BTreeMap<String, Tensor>);
type Refusal = fn(&ModelError) -> bool;

/// The nodes of the sample: 0 input, 1 stem.conv, 2 stem.norm, 3 stem, 4 block.depthwise, 5 block, 6 features.
#[test]
fn a_network_that_does_not_add_up_is_refused() {
    fn conv_of(network: &mut NetworkDescription, node: usize) -> &mut Conv2d {
        match &mut network.nodes[node].op {
            Op::Conv2d(conv) => conv,
            other => panic!("{other:?} is no convolution"),
        }
    }
    let cases: &[(&str, Change, Refusal)] = &[
        ("no nodes", |n, _| n.nodes.clear(), |e| matches!(e, ModelError::UnknownOutput { .. })),
        (
            "output beyond the end",
            |n, _| n.output = node_id(7),
            |e| matches!(e, ModelError::UnknownOutput { output: 7, nodes: 7 }),
        ),
        (
            "no input node",
            |n, _| n.nodes[0].op = Op::Relu6,
            |e| matches!(e, ModelError::InputPlacement { index: 0 }),
        ),
        (
            "a second input node",
            |n, _| n.nodes[3].op = Op::Input,
            |e| matches!(e, ModelError::InputPlacement { index: 3 }),
        ),
        (
            "one name twice",
            |n, _| n.nodes[3].name = "block".into(),
            |e| matches!(e, ModelError::DuplicateNode { node } if node == "block"),
        ),
        (
            "unknown input",
            |n, _| n.nodes[3].inputs = vec![node_id(99)],
            |e| matches!(e, ModelError::UnknownInput { input: 99, .. }),
        ),
        (
            "a node that reads itself",
            |n, _| n.nodes[3].inputs = vec![node_id(3)],
            |e| matches!(e, ModelError::Order { input: 3, .. }),
        ),
        (
            "a cycle",
            |n, _| n.nodes[3].inputs = vec![node_id(5)],
            |e| matches!(e, ModelError::Order { input: 5, .. }),
        ),
        (
            "one input of two",
            |n, _| n.nodes[5].inputs.truncate(1),
            |e| matches!(e, ModelError::Arity { found: 1, expected: 2, .. }),
        ),
        (
            "two inputs of one",
            |n, _| n.nodes[3].inputs = vec![node_id(2); 2],
            |e| matches!(e, ModelError::Arity { found: 2, expected: 1, .. }),
        ),
        (
            "a sum of two shapes",
            |n, _| n.nodes[5].inputs[1] = node_id(0),
            |e| matches!(e, ModelError::InputShape { op: "add", .. }),
        ),
        (
            "softmax of maps",
            |n, _| n.nodes[6].op = Op::Softmax,
            |e| matches!(e, ModelError::InputShape { op: "softmax", .. }),
        ),
        (
            "a mean of a vector",
            |n, _| {
                n.nodes.push(Node {
                    name: "again".into(),
                    op: Op::GlobalAveragePool,
                    inputs: vec![node_id(6)],
                });
                n.output = node_id(7);
            },
            |e| matches!(e, ModelError::InputShape { op: "global_average_pool", .. }),
        ),
        (
            "a node that nothing reads",
            |n, _| n.nodes[5].inputs[1] = node_id(3),
            |e| matches!(e, ModelError::UnusedNode { node } if node == "block.depthwise"),
        ),
        (
            "a missing tensor",
            |_, t| drop(t.remove("depthwise")),
            |e| matches!(e, ModelError::MissingTensor { tensor, .. } if tensor == "depthwise"),
        ),
        (
            "a tensor too many",
            |_, t| drop(t.insert("extra".into(), t["scale"].clone())),
            |e| matches!(e, ModelError::UnusedTensor { tensor } if tensor == "extra"),
        ),
        (
            "a kernel of three axes",
            |_, t| {
                t.insert("stem".into(), Tensor::f32(&[4, 3, 9], values(108)).unwrap());
            },
            |e| matches!(e, ModelError::TensorShape { .. }),
        ),
        (
            "a kernel for other inputs",
            |_, t| {
                t.insert("stem".into(), Tensor::f32(&[4, 2, 3, 3], values(72)).unwrap());
            },
            |e| matches!(e, ModelError::TensorShape { .. }),
        ),
        (
            "statistics for other channels",
            |_, t| {
                t.insert("mean".into(), Tensor::f32(&[5], values(5)).unwrap());
            },
            |e| matches!(e, ModelError::TensorShape { tensor, .. } if tensor == "mean"),
        ),
        (
            "a negative variance",
            |_, t| {
                t.insert("variance".into(), Tensor::f32(&[4], vec![1.0, -1.0, 1.0, 1.0]).unwrap());
            },
            |e| matches!(e, ModelError::Parameter { .. }),
        ),
        (
            "groups that do not divide",
            |n, _| conv_of(n, 4).groups = 3,
            |e| matches!(e, ModelError::Parameter { .. }),
        ),
        ("no groups", |n, _| conv_of(n, 4).groups = 0, |e| matches!(e, ModelError::Parameter { .. })),
        ("no stride", |n, _| conv_of(n, 1).stride = [0, 1], |e| matches!(e, ModelError::Parameter { .. })),
        (
            "an absurd stride",
            |n, _| conv_of(n, 1).stride = [1, usize::MAX],
            |e| matches!(e, ModelError::Parameter { .. }),
        ),
        (
            "padding beyond the kernel",
            |n, _| {
                conv_of(n, 1).padding = Padding::Explicit { top: 0, left: usize::MAX, bottom: 0, right: 0 };
            },
            |e| matches!(e, ModelError::Parameter { .. }),
        ),
        (
            "a kernel that does not fit",
            |n, t| {
                conv_of(n, 1).padding = Padding::Explicit { top: 0, left: 0, bottom: 0, right: 0 };
                t.insert("stem".into(), Tensor::f32(&[4, 3, 6, 1], values(72)).unwrap());
            },
            |e| matches!(e, ModelError::InputShape { .. }),
        ),
        (
            "no epsilon",
            |n, _| {
                n.nodes[2].op = Op::BatchNorm(BatchNorm { epsilon: 0.0, ..sample::norm() });
            },
            |e| matches!(e, ModelError::Parameter { .. }),
        ),
        (
            "an input without pixels",
            |n, _| n.preprocessing.width = 0,
            |e| matches!(e, ModelError::Preprocessing { .. }),
        ),
        (
            "an absurd input",
            |n, _| n.preprocessing.height = u32::MAX,
            |e| matches!(e, ModelError::Preprocessing { .. }),
        ),
        (
            "a division by zero",
            |n, _| n.preprocessing.std[1] = 0.0,
            |e| matches!(e, ModelError::Preprocessing { .. }),
        ),
        (
            "a mean that is no number",
            |n, _| n.preprocessing.mean[2] = f32::NAN,
            |e| matches!(e, ModelError::Preprocessing { .. }),
        ),
        (
            "three labels for four outputs",
            |n, _| n.labels = labels(&["a", "b", "c"]),
            |e| matches!(e, ModelError::Labels { found: 3, outputs: 4 }),
        ),
        (
            "one tag for two outputs",
            |n, _| {
                n.labels = labels(&["a", "b", "c", "d"]);
                n.labels[3] = n.labels[0].clone();
            },
            |e| matches!(e, ModelError::DuplicateLabel { .. }),
        ),
        (
            "safetensors' own name",
            |n, t| {
                conv_of(n, 4).weight = "__metadata__".into();
                let kernel = t.remove("depthwise").unwrap();
                t.insert("__metadata__".into(), kernel);
            },
            |e| matches!(e, ModelError::ReservedTensor { .. }),
        ),
    ];
    let network = base();
    for (name, change, refused) in cases {
        let (mut description, mut tensors) = (network.description(), tensors(&network));
        change(&mut description, &mut tensors);
        match Network::new(description, tensors, None) {
            Ok(_) => panic!("{name}: accepted"),
            Err(error) => assert!(refused(&error), "{name}: {error}"),
        }
    }
}

#[test]
fn a_small_file_cannot_ask_for_a_huge_map() {
    // 64 maps of 4,096 x 4,096 values would take 4 GiB.
    let mut builder =
        NetworkBuilder::new(Preprocessing { width: 4_096, height: 4_096, ..sample::preprocessing() });
    let input = builder.input();
    builder.tensor("wide", Tensor::f32(&[64, 3, 1, 1], values(192)).unwrap());
    let wide = builder.node("wide", Op::Conv2d(conv("wide", 1, 1)), &[input]);
    let error = builder.build(wide).unwrap_err();
    assert!(matches!(error, ModelError::TooLarge { what: "a node's number of values", .. }), "{error}");
}

#[test]
fn values_held_at_once_are_limited() {
    // Each node is small enough, but all are read at the end.
    let mut builder =
        NetworkBuilder::new(Preprocessing { width: 4_096, height: 4_096, ..sample::preprocessing() });
    let input = builder.input();
    let copies: Vec<_> =
        (0..4).map(|index| builder.node(format!("copy{index}"), Op::Relu6, &[input])).collect();
    let sum = copies
        .into_iter()
        .enumerate()
        .fold(input, |sum, (index, copy)| builder.node(format!("sum{index}"), Op::Add, &[sum, copy]));
    let error = builder.build(sum).unwrap_err();
    assert!(
        matches!(error, ModelError::TooLarge { what: "a network's number of values held at once", .. }),
        "{error}"
    );
}

#[test]
fn a_head_turns_features_into_labelled_probabilities() {
    let base = base();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let network = base.with_head(head(&["cherry", "hemlock"], activation)).unwrap();
        assert_eq!(network.output_len(), 2);
        assert_eq!(network.labels()[1].name.as_str(), "hemlock");
        assert_eq!(network.tensor("stem"), base.tensor("stem"));
        assert_ne!(network.fingerprint(), base.fingerprint());
        let again = network.with_head(head(&["cherry", "hemlock"], activation));
        assert!(matches!(again, Err(ModelError::HeadAttached)));
    }
}

#[test]
fn a_head_for_other_features_is_refused() {
    let mut cases = vec![head(&[], Activation::Softmax); 1];
    cases.extend(std::iter::repeat_n(head(&["a", "b"], Activation::Softmax), 3));
    cases[1].weights.pop();
    cases[2].bias.push(0.0);
    cases[3].labels.pop();
    for head in cases {
        assert!(matches!(base().with_head(head), Err(ModelError::Head { .. })));
    }
    let mut not_finite = head(&["a", "b"], Activation::Softmax);
    not_finite.bias[0] = f32::INFINITY;
    assert!(matches!(base().with_head(not_finite), Err(ModelError::NotFinite { .. })));
}

#[test]
fn adapted_tensors_replace_those_of_their_name() {
    let base = base();
    let adapted = Tensor::f32(&[4, 1, 3, 3], values(36)).unwrap();
    let network = base.with_tensors([("depthwise".to_owned(), adapted.clone())]).unwrap();
    assert_eq!(network.tensor("depthwise"), Some(&adapted));
    assert_eq!(network.tensor("stem"), base.tensor("stem"));
    let unknown = base.with_tensors([("nothing".to_owned(), adapted.clone())]);
    assert!(matches!(unknown, Err(ModelError::UnknownTensor { .. })));
    let misfit = base.with_tensors([("stem".to_owned(), adapted)]);
    assert!(matches!(misfit, Err(ModelError::TensorShape { .. })));
}

#[test]
fn a_part_of_a_network_has_what_its_output_reads() {
    let base = base().with_calibration(calibration()).unwrap();
    let whole = base.with_head(head(&["a", "b"], Activation::Softmax)).unwrap();
    let stem = whole.up_to(node_id(3)).unwrap();
    assert_eq!(stem.nodes(), &base.nodes()[..4]);
    assert_eq!(stem.output_shape(), Shape::Map { channels: 4, height: 3, width: 3 });
    let names: Vec<_> = stem.tensors().map(|(name, _)| name).collect();
    assert_eq!(names, ["mean", "scale", "shift", "stem", "variance"]);
    assert_eq!(stem.preprocessing(), base.preprocessing());
    let seen: Vec<_> = stem.calibration().unwrap().nodes.keys().map(String::as_str).collect();
    assert_eq!(seen, ["stem"]);

    assert_eq!(whole.up_to(base.output()).unwrap(), base, "without the head, the base");
    let input = whole.up_to(node_id(0)).unwrap();
    assert_eq!((input.nodes().len(), input.tensors().count(), input.calibration()), (1, 0, None));
    let unknown = whole.up_to(node_id(9));
    assert!(matches!(unknown, Err(ModelError::UnknownOutput { output: 9, nodes: 9 })));
}

#[test]
fn nodes_that_are_not_read_are_left_out_of_a_part() {
    let mut builder = NetworkBuilder::new(sample::preprocessing());
    let input = builder.input();
    let left = builder.node("left", Op::Relu6, &[input]);
    let right = builder.node("right", Op::Sigmoid, &[input]);
    let bounded = builder.node("bounded", Op::Relu6, &[right]);
    let sum = builder.node("sum", Op::Add, &[left, bounded]);
    let part = builder.build(sum).unwrap().up_to(bounded).unwrap();
    let read: Vec<_> = part.nodes().iter().map(|node| (node.name.as_str(), node.inputs.clone())).collect();
    let expected = [("input", vec![]), ("right", vec![node_id(0)]), ("bounded", vec![node_id(1)])];
    assert_eq!(read, expected);
    assert_eq!(part.output(), node_id(2));
}

#[test]
fn a_fingerprint_is_what_the_network_computes() {
    let network = base();
    assert_eq!(network.fingerprint(), base().fingerprint());
    assert_ne!(network.fingerprint(), base().with_view(View::Centre).fingerprint());
    let adapted = Tensor::f32(&[4], vec![1.0, 0.5, 0.0, 2.5]).unwrap();
    let adapted = network.with_tensors([("variance".to_owned(), adapted)]).unwrap();
    assert_ne!(network.fingerprint(), adapted.fingerprint());
    let relabelled = |name| network.with_head(head(&[name, "b"], Activation::Softmax)).unwrap().fingerprint();
    assert_eq!(relabelled("a"), relabelled("c"), "labels do not change what is computed");
    let text = network.fingerprint().to_string();
    assert_eq!(text.parse::<Fingerprint>().unwrap(), network.fingerprint());
    assert!(text[1..].parse::<Fingerprint>().is_err());
}

#[test]
fn a_calibration_goes_where_what_it_saw_goes() {
    let base = base();
    let calibrated = base.clone().with_calibration(calibration()).unwrap();
    assert_eq!(calibrated.calibration(), Some(&calibration()));
    assert_ne!(calibrated, base);
    assert_eq!(calibrated.fingerprint(), base.fingerprint());

    let with_head = calibrated.with_head(head(&["a", "b"], Activation::Softmax)).unwrap();
    assert_eq!(with_head.calibration(), Some(&calibration()), "the head reads what the base puts out");
    let adapted = Tensor::f32(&[4], vec![1.0, 0.5, 0.0, 2.5]).unwrap();
    let adapted = calibrated.with_tensors([("variance".to_owned(), adapted)]).unwrap();
    assert_eq!(adapted.calibration(), None, "other weights put out other values");
    assert!(calibrated.clone().with_view(View::Whole).calibration().is_some());
    assert_eq!(calibrated.with_view(View::Centre).calibration(), None, "another view shows other pixels");
}

#[test]
fn a_calibration_that_does_not_fit_is_refused() {
    type Change = fn(&mut Calibration);
    type Refusal = fn(&ModelError) -> bool;
    let cases: [(&str, Change, Refusal); 8] = [
        ("of no photos", |c| c.photos = 0, |e| matches!(e, ModelError::EmptyCalibration)),
        ("of no nodes", |c| c.nodes.clear(), |e| matches!(e, ModelError::EmptyCalibration)),
        (
            "of another network",
            |c| drop(c.nodes.insert("neck".to_owned(), Vec::new())),
            |e| matches!(e, ModelError::UnknownCalibratedNode { node } if node == "neck"),
        ),
        (
            "without a channel",
            |c| c.nodes.get_mut("stem").unwrap().truncate(3),
            |e| matches!(e, ModelError::CalibratedChannels { found: 3, expected: 4, .. }),
        ),
        (
            "with an empty range",
            |c| c.nodes.get_mut("stem").unwrap()[2].max = -9.0,
            |e| matches!(e, ModelError::CalibratedRange { channel: 2, .. }),
        ),
        (
            "without an end",
            |c| c.nodes.get_mut("stem").unwrap()[1].max = f32::INFINITY,
            |e| matches!(e, ModelError::CalibratedRange { channel: 1, .. }),
        ),
        (
            "too wide to have steps",
            |c| c.nodes.get_mut("stem").unwrap()[3].max = 2e30,
            |e| matches!(e, ModelError::CalibratedRange { channel: 3, .. }),
        ),
        (
            "with a mean that is no number",
            |c| c.nodes.get_mut("block").unwrap()[0].mean = f32::NAN,
            |e| matches!(e, ModelError::CalibratedRange { channel: 0, .. }),
        ),
    ];
    for (name, change, refused) in cases {
        let mut calibration = calibration();
        change(&mut calibration);
        let error = base().with_calibration(calibration).unwrap_err();
        assert!(refused(&error), "{name}: {error}");
    }
}
