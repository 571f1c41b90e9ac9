//! From photos to probabilities, with the committed base model.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::OnceLock;

use ocelli_core::{Name, TagType};
use ocelli_imaging::RgbView;
use ocelli_infer::reference::Plan;
use ocelli_infer::{CompiledNetwork, InferError, Model};
use ocelli_model::{Activation, Head, Label, Network, View, file};

const NAMES: [&str; 3] = ["cherry", "hemlock", "neither"];

fn base() -> &'static (Network, CompiledNetwork) {
    static BASE: OnceLock<(Network, CompiledNetwork)> = OnceLock::new();
    BASE.get_or_init(|| {
        let network = file::read(ocelli_weights_lite0::MODEL).unwrap();
        let compiled = CompiledNetwork::compile(&network).unwrap();
        (network, compiled)
    })
}

fn classifier(activation: Activation) -> Network {
    let label = |(index, name): (usize, &str)| Label {
        tag_id: format!("018bcfe5-6800-7000-8000-{index:012}").parse().unwrap(),
        name: Name::new(name).unwrap(),
        tag_type: if index == 2 { TagType::Negative } else { TagType::Regular },
    };
    let weights = (0..3 * 1280).map(|index| (index % 7) as f32 * 0.02 - 0.05).collect();
    let labels = NAMES.into_iter().enumerate().map(label).collect();
    base().0.with_head(Head { weights, bias: vec![0.1, 0.0, -0.1], activation, labels }).unwrap()
}

/// A photo with some structure.
fn pixels(width: u32, height: u32) -> Vec<u8> {
    let pixel = |index: u32| [index * 3 % 251, index / width * 5 % 256, (index * index) % 241];
    (0..width * height).flat_map(pixel).map(|value| value as u8).collect()
}

fn features(compiled: &CompiledNetwork, width: u32, height: u32, pixels: &[u8]) -> Vec<f32> {
    let mut out = vec![f32::NAN; compiled.output_len()];
    compiled.predict_into(RgbView::new(width, height, pixels).unwrap(), &mut out).unwrap();
    out
}

#[test]
fn a_base_model_puts_out_features_for_photos_of_any_size() {
    for (width, height) in [(1, 1), (3, 200), (224, 224), (301, 173)] {
        let features = features(&base().1, width, height, &pixels(width, height));
        assert_eq!(features.len(), 1280);
        // The mean over maps that ReLU6 clamped.
        assert!(features.iter().all(|feature| (0.0..=6.0).contains(feature)), "{width} x {height}");
        assert!(features.iter().any(|feature| *feature > 0.0), "{width} x {height}");
    }
}

#[test]
fn the_same_pixels_give_the_same_bits_on_every_thread() {
    let pixels = pixels(97, 61);
    let expected = features(&base().1, 97, 61, &pixels);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| features(&base().1, 97, 61, &pixels))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

#[test]
fn the_centre_view_sees_the_centre_only() {
    let centre = CompiledNetwork::compile(&base().0.clone().with_view(View::Centre)).unwrap();
    let square = pixels(50, 50);
    // The same square between black margins.
    let rows = square.chunks_exact(150);
    let wide: Vec<u8> = rows.flat_map(|row| [&[0; 75][..], row, &[0; 75]].concat()).collect();
    let expected = features(&centre, 50, 50, &square);
    assert_eq!(features(&centre, 100, 50, &wide), expected);
    assert_ne!(features(&base().1, 100, 50, &wide), expected);
}

#[test]
fn slices_of_the_wrong_length_are_typed_errors() {
    let pixels = pixels(4, 4);
    let photo = RgbView::new(4, 4, &pixels).unwrap();
    for found in [0, 1279, 1281] {
        let error = base().1.predict_into(photo, &mut vec![0.0; found]).unwrap_err();
        let named = matches!(error, InferError::OutputLength { found: f, expected: 1280 } if f == found);
        assert!(named, "{found}: {error}");
        let error = Plan::compile(&base().0).unwrap().trace(vec![0.0; found]).unwrap_err();
        let named = matches!(error, InferError::InputLength { found: f, expected: 150_528 } if f == found);
        assert!(named, "{found}: {error}");
    }
}

#[test]
fn a_model_answers_with_every_label_best_first() {
    let bytes = file::write(&classifier(Activation::Softmax)).unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    let pixels = pixels(80, 60);
    let predictions = model.predict_rgb(RgbView::new(80, 60, &pixels).unwrap()).unwrap();
    assert_eq!(predictions.len(), 3);
    assert!(predictions.is_sorted_by(|a, b| a.probability >= b.probability));
    let sum: f32 = predictions.iter().map(|prediction| prediction.probability).sum();
    assert!((sum - 1.0).abs() < 1e-5);
    for prediction in &predictions {
        let label = model.labels().iter().find(|label| label.tag_id == prediction.tag_id).unwrap();
        assert_eq!((&label.name, label.tag_type), (&prediction.tag_name, prediction.tag_type));
    }
}

#[test]
fn a_models_probabilities_are_the_heads() {
    let pixels = pixels(80, 60);
    let features = features(&base().1, 80, 60, &pixels);
    let network = classifier(Activation::Sigmoid);
    let weights = network.tensor("head.weight").unwrap().to_f32().into_owned();
    let bias = network.tensor("head.bias").unwrap().to_f32().into_owned();
    let model = Model::from_network(network).unwrap();
    let predictions = model.predict_rgb(RgbView::new(80, 60, &pixels).unwrap()).unwrap();
    for ((row, bias), label) in weights.chunks_exact(1280).zip(bias).zip(model.labels()) {
        let products =
            row.iter().zip(&features).map(|(weight, feature)| f64::from(*weight) * f64::from(*feature));
        let score = products.sum::<f64>() + f64::from(bias);
        let expected = 1.0 / (1.0 + (-score).exp());
        let found = predictions.iter().find(|prediction| prediction.tag_id == label.tag_id).unwrap();
        assert!((f64::from(found.probability) - expected).abs() < 1e-5, "{}", label.name);
    }
}

#[test]
fn a_model_file_is_opened_by_path_and_asked_about_an_encoded_photo() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, file::write(&classifier(Activation::Softmax)).unwrap()).unwrap();
    let model = Model::open(&path).unwrap();
    // A 24-bit BMP of 2 x 1 pixels, stored as blue, green, red.
    let mut photo = b"BM\x3e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x18\0".to_vec();
    photo.resize(54, 0);
    photo.extend_from_slice(&[30, 20, 10, 60, 50, 40, 0, 0]);
    let expected = model.predict_rgb(RgbView::new(2, 1, &[10, 20, 30, 40, 50, 60]).unwrap()).unwrap();
    assert_eq!(model.predict(&photo).unwrap(), expected);
    assert!(matches!(model.predict(b"no photo"), Err(InferError::Imaging(_))));
}

#[test]
fn a_base_model_is_no_classifier() {
    assert!(matches!(Model::from_bytes(ocelli_weights_lite0::MODEL), Err(InferError::NoLabels)));
    assert!(matches!(Model::from_bytes(b"nonsense"), Err(InferError::Model(_))));
    assert!(matches!(Model::open("/nowhere/at/all"), Err(InferError::Model(_))));
}
