//! The part of a network that is adapted computes what the engine computes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use burn::tensor::{Device, Tensor, TensorData};
use ocelli_imaging::RgbView;
use ocelli_infer::CompiledNetwork;
use ocelli_model::{Network, NodeId, Shape, file};
use ocelli_train::{Tail, TrainError, cuts};

fn lite0() -> Network {
    file::read(ocelli_weights_lite0::MODEL).unwrap()
}

fn photo() -> Vec<u8> {
    (0..224_u32 * 224 * 3).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn run(network: &Network, photo: &[u8]) -> Vec<f32> {
    let compiled = CompiledNetwork::compile(network).unwrap();
    let mut out = vec![0.0; compiled.output_len()];
    compiled.predict_into(RgbView::new(224, 224, photo).unwrap(), &mut out).unwrap();
    out
}

/// What the engine puts out at a cut, channels last.
fn at_cut(base: &Network, cut: NodeId, photo: &[u8], device: &Device) -> Tensor<4> {
    let part = base.up_to(cut).unwrap();
    let Shape::Map { channels, height, width } = part.output_shape() else {
        unreachable!("a cut puts out maps")
    };
    let maps = TensorData::new(run(&part, photo), [1, channels, height, width]);
    Tensor::<4>::from_data(maps, device).permute([0, 2, 3, 1])
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn the_blocks_of_lite0_are_cuts() {
    let base = lite0();
    let cuts = cuts(&base);
    let names: Vec<_> = cuts.iter().map(|cut| cut.name.as_str()).collect();
    assert_eq!(names[..3], ["input", "stem", "block00"]);
    assert_eq!(names.last().copied(), Some("block15"));
    assert_eq!(names.len(), 18);
    let input = base.shapes()[0].values() as u64;
    assert_eq!(cuts[0].multiply_adds + input, base.multiply_adds(), "the input counts once a value");
    assert_eq!(cuts[0].parameters, base.parameters());
    assert!(cuts.is_sorted_by(|a, b| a.multiply_adds > b.multiply_adds && a.parameters > b.parameters));
    assert_eq!(cuts[17].shape, Shape::Map { channels: 320, height: 7, width: 7 });
}

#[test]
fn features_are_the_engines_whatever_the_cut() {
    let (base, photo, device) = (lite0(), photo(), Device::flex().autodiff());
    let expected = run(&base, &photo);
    for cut in cuts(&base).into_iter().filter(|cut| cut.name != "stem").step_by(3) {
        let tail = Tail::new(&base, cut.node, &device).unwrap();
        let features = tail.forward(at_cut(&base, cut.node, &photo, &device));
        let features: Vec<f32> = features.into_data().iter::<f32>().collect();
        let difference = largest_difference(&features, &expected);
        assert!(difference < 1e-4, "{}: {difference}", cut.name);
    }
}

#[test]
fn weights_that_nothing_changed_answer_the_same() {
    let (base, photo) = (lite0(), photo());
    let cut = cuts(&base).into_iter().find(|cut| cut.name == "block10").unwrap();
    let tail = Tail::new(&base, cut.node, &Device::flex().autodiff()).unwrap();
    let tensors = tail.tensors().unwrap();
    // Five blocks of three convolutions, and the top; each with two tensors of its normalisation.
    assert_eq!(tensors.len(), 16 * 3);
    let again = base.with_tensors(tensors).unwrap();
    assert_eq!(run(&again, &photo), run(&base, &photo));
}

#[test]
fn a_node_that_is_passed_by_is_no_cut() {
    let base = lite0();
    // Within block02, whose input is added at its end.
    let inside = base.nodes().iter().position(|node| node.name == "block02.depthwise").unwrap();
    let reader = base.nodes().iter().find(|node| node.inputs.iter().any(|input| input.index() == inside));
    let refused = Tail::new(&base, reader.unwrap().inputs[0], &Device::flex());
    assert!(matches!(refused, Err(TrainError::Cut { node, .. }) if node == "block02.depthwise"));
    let end = Tail::new(&base, base.output(), &Device::flex());
    assert!(matches!(end, Err(TrainError::Cut { .. })));
}
