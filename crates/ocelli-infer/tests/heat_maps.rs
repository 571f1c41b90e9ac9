//! Class activation maps are exact: what they show adds up to the scores.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::OnceLock;

use ocelli_core::{Name, TagId, TagType};
use ocelli_imaging::{DecodeLimits, RgbImage, RgbView, decode};
use ocelli_infer::{ClassActivation, CompileOptions, CompiledNetwork, InferError, LinearHead, Model};
use ocelli_model::{Activation, Head, Label, Network, View, file};

fn base() -> &'static Network {
    static BASE: OnceLock<Network> = OnceLock::new();
    BASE.get_or_init(|| file::read(ocelli_weights_lite0::MODEL).unwrap())
}

fn tag(index: usize) -> TagId {
    format!("018bcfe5-6800-7000-8000-{index:012}").parse().unwrap()
}

fn head(features: usize, activation: Activation) -> Head {
    let label = |index| Label {
        tag_id: tag(index),
        name: Name::new(format!("tag {index}")).unwrap(),
        tag_type: TagType::Regular,
    };
    let weight = |index: usize| ((index * 7919) % 101) as f32 * 0.002 - 0.1;
    Head {
        weights: (0..3 * features).map(weight).collect(),
        bias: vec![0.3, -0.2, 0.05],
        activation,
        labels: (0..3).map(label).collect(),
    }
}

fn classifier(activation: Activation) -> Network {
    base().with_head(head(1280, activation)).unwrap()
}

fn photo() -> RgbImage {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/photos/train/fish");
    let mut files: Vec<_> = std::fs::read_dir(file).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    decode(&std::fs::read(&files[0]).unwrap(), &DecodeLimits::default()).unwrap()
}

fn features(network: &Network, photo: RgbView<'_>) -> Vec<f32> {
    let compiled = CompiledNetwork::compile(network).unwrap();
    let mut features = vec![0.0; compiled.output_len()];
    compiled.predict_into(photo, &mut features).unwrap();
    features
}

#[test]
fn a_maps_mean_and_the_bias_are_the_score() {
    let photo = photo();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let network = classifier(activation);
        let maps = ClassActivation::compile(&network, &CompileOptions::default()).unwrap();
        let scores = maps.head().scores(&features(base(), photo.view())).unwrap();
        for (label, score) in scores.into_iter().enumerate() {
            let map = maps.map(photo.view(), label).unwrap();
            assert_eq!((map.columns, map.rows, map.values.len()), (7, 7, 49));
            let mean = map.values.iter().sum::<f32>() / 49.0;
            let (_, bias) = maps.head().of_label(label).unwrap();
            assert!((mean + bias - score).abs() < 1e-4, "{mean} + {bias} is not {score}");
        }
    }
}

#[test]
fn a_head_alone_answers_as_its_network() {
    let photo = photo();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let network = classifier(activation);
        let head = LinearHead::of(&network).unwrap();
        let part = network.up_to(head.features()).unwrap();
        // So features that were kept of the base serve every iteration with a head on it.
        assert_eq!(part.fingerprint(), base().fingerprint());
        let found = head.probabilities(&features(&part, photo.view())).unwrap();
        let expected = features(&network, photo.view());
        assert_eq!(found.len(), 3);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {expected:?}");
    }
    let head = LinearHead::of(&classifier(Activation::Softmax)).unwrap();
    assert!(matches!(head.scores(&[0.0; 3]), Err(InferError::InputLength { found: 3, expected: 1280 })));
    assert!(head.of_label(3).is_none() && head.of_label(usize::MAX / 4).is_none());
}

#[test]
fn a_model_shows_its_best_tag_where_none_is_named() {
    let photo = photo();
    let model = Model::from_network(classifier(Activation::Softmax)).unwrap();
    let best = model.predict_rgb(photo.view()).unwrap()[0].tag_id;
    let shown = model.heat_map_rgb(photo.view(), None).unwrap();
    assert_eq!(shown, model.heat_map_rgb(photo.view(), Some(best)).unwrap());
    assert_ne!(
        shown,
        model.heat_map_rgb(photo.view(), Some(tag((0..3).find(|&i| tag(i) != best).unwrap()))).unwrap()
    );
}

#[test]
fn a_map_lies_where_the_network_looked() {
    let wide = RgbImage::new(400, 100, vec![90; 400 * 100 * 3]).unwrap();
    for (view, left, width) in [(View::Whole, 0.0, 1.0), (View::Centre, 0.375, 0.25)] {
        let model = Model::from_network(classifier(Activation::Softmax).with_view(view)).unwrap();
        let area = model.heat_map_rgb(wide.view(), None).unwrap().area;
        assert_eq!((area.left(), area.width(), area.top(), area.height()), (left, width, 0.0, 1.0));
    }
}

#[test]
fn what_has_no_map_is_refused() {
    let options = CompileOptions::default();
    assert!(matches!(ClassActivation::compile(base(), &options), Err(InferError::NoHead)));
    // A head on the scores of another.
    let network = classifier(Activation::Softmax);
    let scores = network.nodes()[network.output().index()].inputs[0];
    let second = network.up_to(scores).unwrap();
    let mut twice = serde_json::to_value(second.description()).unwrap();
    twice["nodes"].as_array_mut().unwrap().iter_mut().for_each(|node| {
        if node["name"] == "head" {
            node["name"] = "first".into();
        }
    });
    let tensors =
        second.tensors().map(|(name, tensor)| (name.replace("head.", "first."), tensor.clone())).collect();
    let twice = twice.to_string().replace("\"head.", "\"first.");
    let second = Network::new(serde_json::from_str(&twice).unwrap(), tensors, None).unwrap();
    let second = second.with_head(head(3, Activation::Softmax)).unwrap();
    assert!(matches!(ClassActivation::compile(&second, &options), Err(InferError::NoMaps)));

    let model = Model::from_network(network).unwrap();
    let unknown = model.heat_map_rgb(photo().view(), Some(tag(9)));
    assert!(matches!(unknown, Err(InferError::UnknownTag { tag: found }) if found == tag(9)));
    let maps = ClassActivation::compile(model.network(), &options).unwrap();
    let missing = maps.map(photo().view(), 3);
    assert!(matches!(missing, Err(InferError::NoSuchLabel { label: 3, labels: 3 })));
}
