//! What the exported files hold, read back with the crate that wrote them. That other programs read them, and
//! compute the same, is for the workspace's `onnx` test to show.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ocelli_core::{Name, TagType, Timestamp};
use ocelli_export::{OnnxExport, OnnxInput, OnnxOptions, export};
use ocelli_model::{
    Activation, BatchNorm, Conv2d, Head, Label, Network, NetworkBuilder, Op, Padding, Preprocessing, Tensor,
    View, file,
};
use onnx_rs::ast::{Attribute, AttributeType, Dimension, Model, Node, OpType, ValueInfo};

const ITERATION: &str = "018bcfe5-6800-7000-8000-0000000000ff";

fn options(input: OnnxInput) -> OnnxOptions {
    let exported = Timestamp::from_millis(1_780_000_000_000);
    OnnxOptions { input, iteration: Some(ITERATION.parse().unwrap()), exported }
}

fn exported(network: &Network, input: OnnxInput) -> OnnxExport {
    export(network, &options(input)).unwrap()
}

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|index| ((index * 37 + 11) % 101) as f32 / 64.0 - 0.75).collect()
}

/// Every operation there is, over 9 x 7 pixels. The first convolution's node and weight have one name.
fn base(view: View) -> Network {
    let (mean, std) = ([120.0, 121.0, 122.0], [60.0, 61.0, 62.0]);
    let mut builder = NetworkBuilder::new(Preprocessing { width: 9, height: 7, view, mean, std });
    let conv = |weight: &str, bias: Option<&str>, stride, groups| {
        let padding = Padding::Same;
        Op::Conv2d(Conv2d {
            weight: weight.into(),
            bias: bias.map(str::to_owned),
            stride: [stride; 2],
            padding,
            groups,
        })
    };
    let input = builder.input();
    let x = builder.node("stem", conv("stem", None, 2, 1), &[input]);
    let [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(String::from);
    let norm = Op::BatchNorm(BatchNorm { scale, shift, mean, variance, epsilon: 1e-3 });
    let x = builder.node("norm", norm, &[x]);
    let x = builder.node("relu", Op::Relu6, &[x]);
    let y = builder.node("depthwise", conv("depthwise.weight", Some("depthwise.bias"), 1, 4), &[x]);
    let x = builder.node("sum", Op::Add, &[x, y]);
    let features = builder.node("features", Op::GlobalAveragePool, &[x]);
    builder.tensor("stem", Tensor::f16(&[4, 3, 3, 3], &values(108)).unwrap());
    builder.tensor("depthwise.weight", Tensor::f16(&[4, 1, 3, 3], &values(36)).unwrap());
    builder.tensor("depthwise.bias", Tensor::f32(&[4], values(4)).unwrap());
    for name in ["scale", "shift", "mean"] {
        builder.tensor(name, Tensor::f32(&[4], values(4)).unwrap());
    }
    builder.tensor("variance", Tensor::f32(&[4], vec![1.0, 0.5, 0.0, 2.0]).unwrap());
    builder.build(features).unwrap()
}

fn classifier(view: View, activation: Activation) -> Network {
    let label = |(index, name): (usize, &str)| Label {
        tag_id: format!("018bcfe5-6800-7000-8000-{index:012}").parse().unwrap(),
        name: Name::new(name).unwrap(),
        tag_type: if index == 2 { TagType::Negative } else { TagType::Regular },
    };
    let labels = ["ant", "Wiesenbärenklau", "none"].into_iter().enumerate().map(label).collect();
    base(view).with_head(Head { weights: values(12), bias: values(3), activation, labels }).unwrap()
}

fn attribute(attribute: &Attribute<'_>) -> String {
    let value = match attribute.r#type {
        AttributeType::Int => attribute.i.to_string(),
        AttributeType::Ints => format!("{:?}", attribute.ints),
        AttributeType::Float => attribute.f.to_string(),
        AttributeType::String => String::from_utf8_lossy(attribute.s).into_owned(),
        other => format!("{other:?}"),
    };
    format!(" {}={value}", attribute.name)
}

fn line(node: &Node<'_>) -> String {
    let attributes: String = node.attribute.iter().map(attribute).collect();
    format!("{} = {}({}){attributes}", node.output.join(", "), node.op_type.as_str(), node.input.join(", "))
}

/// The operations of a file, one a line.
fn operations(bytes: &[u8]) -> Vec<String> {
    onnx_rs::parse(bytes).unwrap().graph.unwrap().node.iter().map(line).collect()
}

fn sides(value: &ValueInfo<'_>) -> Vec<String> {
    let sides = value.tensor_shape().unwrap().dim.iter().map(|side| match &side.value {
        Dimension::Value(length) => length.to_string(),
        Dimension::Param(name) => (*name).to_owned(),
    });
    sides.collect()
}

fn metadata<'m>(model: &'m Model<'_>) -> BTreeMap<&'m str, &'m str> {
    model.metadata_props.iter().map(|entry| (entry.key, entry.value)).collect()
}

#[test]
fn each_node_becomes_its_operation() {
    let files = exported(&classifier(View::Whole, Activation::Softmax), OnnxInput::Tensor);
    assert_eq!(
        operations(files.model()),
        [
            // 9 x 7 pixels in strides of 2 need a pixel on every side.
            "stem_2 = Conv(tensor, stem) kernel_shape=[3, 3] strides=[2, 2] pads=[1, 1, 1, 1] group=1",
            "norm = BatchNormalization(stem_2, scale, shift, mean, variance) epsilon=0.001",
            "relu = Clip(norm, relu6.min, relu6.max)",
            "depthwise = Conv(relu, depthwise.weight, depthwise.bias) kernel_shape=[3, 3] strides=[1, 1] pads=[1, 1, 1, 1] group=4",
            "sum = Add(relu, depthwise)",
            "features.map = GlobalAveragePool(sum)",
            "features = Flatten(features.map) axis=1",
            "head = Gemm(features, head.weight, head.bias) transB=1",
            "probabilities = Softmax(head) axis=1",
        ]
    );
}

#[test]
fn the_photo_is_prepared_inside() {
    let files = exported(&classifier(View::Centre, Activation::Sigmoid), OnnxInput::Photo);
    let operations = operations(files.model());
    let (prepared, rest) = operations.split_at(11);
    assert_eq!(
        prepared,
        [
            "photo.sides = Shape(photo) start=1 end=3",
            "photo.side = ReduceMin(photo.sides) keepdims=1",
            "photo.margin = Sub(photo.sides, photo.side)",
            "photo.start = Div(photo.margin, photo.two)",
            "photo.end = Add(photo.start, photo.side)",
            "photo.centre = Slice(photo, photo.start, photo.end, photo.axes)",
            "photo.channels = Transpose(photo.centre) perm=[0, 3, 1, 2]",
            "photo.levels = Cast(photo.channels) to=1",
            "photo.resized = Resize(photo.levels, , , photo.sizes) mode=linear coordinate_transformation_mode=half_pixel antialias=1 exclude_outside=1",
            "photo.centred = Sub(photo.resized, photo.mean)",
            "input = Div(photo.centred, photo.std)",
        ]
    );
    assert!(rest[0].starts_with("stem_2 = Conv(input, stem)"), "{}", rest[0]);
    assert_eq!(rest.last().unwrap(), "probabilities = Sigmoid(head)");
    let whole = exported(&classifier(View::Whole, Activation::Sigmoid), OnnxInput::Photo);
    assert!(onnx_rs::parse(whole.model()).unwrap().graph.unwrap().node[0].op_type == OpType::Transpose);
}

#[test]
fn inputs_and_outputs_say_their_shapes() {
    let classifier = classifier(View::Whole, Activation::Softmax);
    let cases = [
        (
            &classifier,
            OnnxInput::Photo,
            ("photo", vec!["1", "height", "width", "3"]),
            ("probabilities", "1", "3"),
        ),
        (
            &classifier,
            OnnxInput::Tensor,
            ("tensor", vec!["batch", "3", "7", "9"]),
            ("probabilities", "batch", "3"),
        ),
        (
            &base(View::Whole),
            OnnxInput::Tensor,
            ("tensor", vec!["batch", "3", "7", "9"]),
            ("features", "batch", "4"),
        ),
    ];
    for (network, input, (reads, shape), (writes, batch, outputs)) in cases {
        let files = exported(network, input);
        let graph = onnx_rs::parse(files.model()).unwrap().graph.unwrap();
        assert_eq!(
            (graph.input[0].name, sides(&graph.input[0])),
            (reads, shape.into_iter().map(str::to_owned).collect())
        );
        assert_eq!(
            (graph.output[0].name, sides(&graph.output[0])),
            (writes, vec![batch.to_owned(), outputs.to_owned()])
        );
    }
}

#[test]
fn every_name_is_written_before_it_is_read_and_only_once() {
    let lite0 = file::read(ocelli_weights_lite0::MODEL).unwrap();
    for network in [&classifier(View::Centre, Activation::Softmax), &base(View::Whole), &lite0] {
        for input in [OnnxInput::Photo, OnnxInput::Tensor] {
            let files = exported(network, input);
            let graph = onnx_rs::parse(files.model()).unwrap().graph.unwrap();
            let given = graph.initializer.iter().map(|tensor| tensor.name()).chain([graph.input[0].name]);
            let mut known: Vec<&str> = given.collect();
            for node in &graph.node {
                for read in node.input.iter().filter(|read| !read.is_empty()) {
                    assert!(known.contains(read), "{} reads {read}", node.name);
                }
                assert!(!known.contains(&node.output[0]), "{} is written twice", node.output[0]);
                known.push(node.output[0]);
            }
            assert!(known.contains(&graph.output[0].name));
        }
    }
}

#[test]
fn a_network_without_operations_puts_out_its_input() {
    let preprocessing = *base(View::Whole).preprocessing();
    let builder = NetworkBuilder::new(preprocessing);
    let input = builder.input();
    let network = builder.build(input).unwrap();
    let tensor = exported(&network, OnnxInput::Tensor);
    assert_eq!(operations(tensor.model()), ["features = Identity(tensor)"]);
    let photo = exported(&network, OnnxInput::Photo);
    assert_eq!(operations(photo.model()).last().unwrap(), "features = Div(photo.centred, photo.std)");
}

#[test]
fn weights_are_the_networks_to_the_bit() {
    let network = file::read(ocelli_weights_lite0::MODEL).unwrap();
    let files = exported(&network, OnnxInput::Tensor);
    let graph = onnx_rs::parse(files.model()).unwrap().graph.unwrap();
    for (name, tensor) in network.tensors() {
        let written = graph.get_initializer(name).unwrap();
        let sides: Vec<usize> = written.dims().iter().map(|side| *side as usize).collect();
        assert_eq!(sides, tensor.shape(), "{name}");
        let (written, own) = (written.as_f32().unwrap(), tensor.to_f32());
        assert!(
            written.iter().map(|value| value.to_bits()).eq(own.iter().map(|value| value.to_bits())),
            "{name}"
        );
    }
}

#[test]
fn tensorflows_padding_is_uneven() {
    let network = file::read(ocelli_weights_lite0::MODEL).unwrap();
    let files = exported(&network, OnnxInput::Tensor);
    let first = &operations(files.model())[0];
    assert!(first.contains("strides=[2, 2] pads=[0, 0, 1, 1]"), "{first}");
}

#[test]
fn the_metadata_names_tags_and_what_happens_to_photos() {
    let network = classifier(View::Centre, Activation::Softmax);
    let files = exported(&network, OnnxInput::Tensor);
    let model = onnx_rs::parse(files.model()).unwrap();
    let metadata = metadata(&model);
    let expected = [
        ("Image.BitmapPixelFormat", "Rgb8"),
        ("CustomVision.Preprocess.CropMethod", "FullImageShorterSide"),
        ("CustomVision.Preprocess.TargetWidth", "9"),
        ("CustomVision.Preprocess.NormalizeMean", "[120.0,121.0,122.0]"),
        ("CustomVision.Postprocess.Method", "ClassificationMultiClass"),
    ];
    for (key, value) in expected {
        assert_eq!(metadata[key], value, "{key}");
    }
    assert_eq!(metadata["ocelli.fingerprint"], network.fingerprint().to_string());
    let labels: Vec<Label> = serde_json::from_str(metadata["ocelli.labels"]).unwrap();
    assert_eq!(labels, network.labels());
    let preprocessing: Preprocessing = serde_json::from_str(metadata["ocelli.preprocessing"]).unwrap();
    assert_eq!(preprocessing, *network.preprocessing());

    let file: BTreeMap<String, String> =
        serde_json::from_slice(files.file("metadata_properties.json").unwrap()).unwrap();
    assert!(file.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(metadata));
}

#[test]
fn the_manifest_is_custom_visions() {
    let files = exported(&classifier(View::Whole, Activation::Softmax), OnnxInput::Photo);
    let manifest: serde_json::Value =
        serde_json::from_slice(files.file("cvexport.manifest").unwrap()).unwrap();
    assert_eq!(manifest["Platform"], "ONNX");
    assert_eq!(manifest["Flavor"], serde_json::Value::Null);
    assert_eq!(manifest["ExportedDate"], "2026-05-28T20:26:40.000Z");
    assert_eq!(manifest["IterationId"], ITERATION);
    assert_eq!(manifest["ModelFileName"], "model.onnx");
    assert_eq!(manifest["LabelFileName"], "labels.txt");
    assert_eq!(manifest["SchemaVersion"], "1.0");
    assert_eq!(manifest["ModelFileSHA1"].as_str().unwrap().len(), 40);
    assert_eq!(files.file("labels.txt").unwrap(), "ant\nWiesenbärenklau\nnone\n".as_bytes());
}

#[test]
fn a_base_model_has_no_labels_and_its_licences_notice() {
    let network = file::read(ocelli_weights_lite0::MODEL).unwrap();
    let files = exported(&network, OnnxInput::Photo);
    assert_eq!(files.file("labels.txt"), None);
    let manifest: serde_json::Value =
        serde_json::from_slice(files.file("cvexport.manifest").unwrap()).unwrap();
    assert_eq!(manifest["LabelFileName"], serde_json::Value::Null);
    let notice = String::from_utf8(files.file("NOTICE").unwrap().to_vec()).unwrap();
    assert!(notice.contains("EfficientNet-Lite0") && notice.contains("Apache-2.0"), "{notice}");
}

#[test]
fn the_same_network_gives_the_same_bytes() {
    let network = classifier(View::Whole, Activation::Softmax);
    assert_eq!(exported(&network, OnnxInput::Photo), exported(&network, OnnxInput::Photo));
}
