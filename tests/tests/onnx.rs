//! Exported files, computed by ONNX Runtime: they answer as the engine does.
//!
//! The tests need a Python with `tests/onnx/requirements.txt` installed, named by the environment variable
//! `OCELLI_TEST_PYTHON`; `.ci/run` makes one. Without it they say that they were skipped.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test reports by panicking, and says when it is skipped"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ocelli::{Model, NewProject, OnnxInput, RgbImage, RgbView, TrainOptions, View};
use ocelli_export::{OnnxOptions, export};
use ocelli_imaging::{Area, DecodeLimits, decode, resize_into};
use ocelli_infer::CompiledNetwork;
use ocelli_model::{BatchNorm, Conv2d, Linear, Network, NetworkBuilder, Op, Padding, Preprocessing, Tensor};
use ocelli_tests::{Scene, label_real, real, unseen};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How far probabilities may differ.
const TOLERANCE: f32 = 1e-4;

/// The Python to ask, if there is one.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("OCELLI_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        eprintln!("skipped: OCELLI_TEST_PYTHON names no Python that has onnxruntime");
    }
    python
}

/// What ONNX Runtime is asked, and the files that go with it.
struct Questions {
    folder: TempDir,
    asked: Vec<Value>,
}

impl Questions {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), asked: Vec::new() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn model(&self, name: &str, bytes: &[u8]) -> PathBuf {
        self.file(&format!("{name}.onnx"), bytes)
    }

    fn photo(&mut self, model: &Path, photo: RgbView<'_>) {
        let input = self.file(&format!("{}.rgb", self.asked.len()), photo.pixels());
        let shape = [1, photo.height(), photo.width(), 3];
        self.asked.push(json!({ "model": model, "input": input, "type": "uint8", "shape": shape }));
    }

    fn batch(&mut self, model: &Path, batch: &[Vec<f32>], preprocessing: &Preprocessing) {
        let bytes: Vec<u8> = batch.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        let input = self.file(&format!("{}.f32", self.asked.len()), &bytes);
        let shape = [batch.len(), 3, preprocessing.height as usize, preprocessing.width as usize];
        self.asked.push(json!({ "model": model, "input": input, "type": "float32", "shape": shape }));
    }

    fn answers(&self, python: &Path) -> Vec<Value> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/answers.py");
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = serde_json::to_vec(&self.asked).unwrap();
        process.stdin.take().unwrap().write_all(&questions).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn values(answer: &Value) -> Vec<f32> {
    answer["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().chain(expected).all(|value| value.is_finite()), "{found:?}, {expected:?}");
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}

/// The engine's input for a photo, `[3, height, width]`.
fn tensor(preprocessing: &Preprocessing, photo: RgbView<'_>) -> Vec<f32> {
    let Preprocessing { width, height, view, mean, std } = *preprocessing;
    let area = match view {
        View::Whole => Area::whole(&photo),
        View::Centre => Area::centre_square(&photo),
    };
    let mut pixels = vec![0.0; (width * height * 3) as usize];
    resize_into(photo, area, width, height, &mut pixels).unwrap();
    let channel = |channel: usize| {
        let values = pixels.iter().skip(channel).step_by(3);
        values.map(move |value| (value - mean[channel]) / std[channel])
    };
    (0..3).flat_map(channel).collect()
}

/// Real photos, and noise of awkward sizes.
fn photos() -> Vec<RgbImage> {
    let tags = ["fish", "hand_tool", "monument", "solar_panel", "windmill"];
    let real = tags.iter().flat_map(|tag| [unseen(tag), real(tag, 1).remove(0)]);
    let mut photos: Vec<RgbImage> =
        real.map(|bytes| decode(&bytes, &DecodeLimits::default()).unwrap()).collect();
    let mut state = 1_u32;
    for (width, height) in [(1, 1), (1, 40), (40, 1), (3, 2), (37, 500), (223, 225), (640, 27)] {
        let noise = (0..width * height * 3).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        photos.push(RgbImage::new(width, height, noise.collect()).unwrap());
    }
    photos
}

/// The engine's probabilities, in the order of the labels.
fn probabilities(model: &Model, photo: RgbView<'_>) -> Vec<f32> {
    let predictions = model.predict_rgb(photo).unwrap();
    let of = |label: &ocelli_model::Label| {
        predictions.iter().find(|prediction| prediction.tag_id == label.tag_id).unwrap().probability
    };
    model.labels().iter().map(of).collect()
}

/// A trained classifier answers in ONNX Runtime as in the engine, from photos and from tensors.
fn answers_as_the_engine_does(python: &Path, project: NewProject, view: View) {
    let scene = Scene::in_memory();
    let project = scene.ocelli.create_project(project).unwrap();
    for tag in ["fish", "monument", "windmill"] {
        label_real(&project, tag, 6);
    }
    let iteration = project.train(&TrainOptions { view: Some(view), ..TrainOptions::default() }).unwrap();
    let model = Model::from_bytes(&iteration.model_file().unwrap()).unwrap();
    let preprocessing = *model.network().preprocessing();
    let photos = photos();

    let mut questions = Questions::new();
    let [from_photo, from_tensor] =
        [OnnxInput::Photo, OnnxInput::Tensor].map(|input| iteration.export_onnx(input).unwrap());
    let path = questions.model("photo", from_photo.model());
    photos.iter().for_each(|photo| questions.photo(&path, photo.view()));
    let path = questions.model("tensor", from_tensor.model());
    let batch: Vec<Vec<f32>> = photos.iter().map(|photo| tensor(&preprocessing, photo.view())).collect();
    questions.batch(&path, &batch, &preprocessing);
    let answers = questions.answers(python);

    let expected: Vec<Vec<f32>> = photos.iter().map(|photo| probabilities(&model, photo.view())).collect();
    for ((photo, expected), answer) in photos.iter().zip(&expected).zip(&answers) {
        let difference = largest_difference(&values(answer), expected);
        assert!(difference < TOLERANCE, "{photo:?}: {difference}");
    }
    let batch = &answers[photos.len()];
    assert_eq!(batch["shape"], json!([photos.len(), 3]));
    let difference = largest_difference(&values(batch), &expected.concat());
    assert!(difference < TOLERANCE, "as a batch of tensors: {difference}");

    let labels: Value = serde_json::from_str(batch["metadata"]["ocelli.labels"].as_str().unwrap()).unwrap();
    assert_eq!(labels, serde_json::to_value(model.labels()).unwrap());
    let names = String::from_utf8(from_photo.file("labels.txt").unwrap().to_vec()).unwrap();
    assert!(names.lines().eq(model.labels().iter().map(|label| label.name.as_str())), "{names}");
}

#[test]
fn a_multiclass_classifier_of_whole_photos() {
    let Some(python) = python() else { return };
    answers_as_the_engine_does(&python, NewProject::new("whole").multiclass(), View::Whole);
}

#[test]
fn a_multilabel_classifier_of_the_centre() {
    let Some(python) = python() else { return };
    answers_as_the_engine_does(&python, NewProject::new("centre"), View::Centre);
}

/// Every operation, with paddings and strides that no base model has, over a handful of pixels.
fn awkward(padding: Padding, stride: [usize; 2]) -> Network {
    let (mean, std) = ([100.0, 120.0, 140.0], [50.0, 60.0, 70.0]);
    let preprocessing = Preprocessing { width: 11, height: 6, view: View::Centre, mean, std };
    let mut builder = NetworkBuilder::new(preprocessing);
    let values = |len: usize, scale: f32| -> Vec<f32> {
        (0..len).map(|index| (((index * 37 + 11) % 101) as f32 / 50.0 - 1.0) * scale).collect()
    };
    let input = builder.input();
    let conv = |weight: &str, bias: Option<&str>, groups, stride, padding| {
        Op::Conv2d(Conv2d { weight: weight.into(), bias: bias.map(str::to_owned), stride, padding, groups })
    };
    let x = builder.node("stem", conv("stem", None, 1, stride, padding), &[input]);
    let [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(String::from);
    let x =
        builder.node("norm", Op::BatchNorm(BatchNorm { scale, shift, mean, variance, epsilon: 0.01 }), &[x]);
    let x = builder.node("relu", Op::Relu6, &[x]);
    let same = conv("grouped", Some("bias"), 2, [1, 1], Padding::Same);
    let y = builder.node("grouped", same, &[x]);
    let x = builder.node("sum", Op::Add, &[y, x]);
    let x = builder.node("mean", Op::GlobalAveragePool, &[x]);
    let linear = Linear { weight: "dense".into(), bias: "dense.bias".into() };
    let x = builder.node("dense", Op::Linear(linear), &[x]);
    let x = builder.node("sigmoid", Op::Sigmoid, &[x]);
    builder.tensor("stem", Tensor::f16(&[4, 3, 5, 3], &values(180, 0.2)).unwrap());
    builder.tensor("grouped", Tensor::f16(&[4, 2, 2, 3], &values(48, 0.3)).unwrap());
    builder.tensor("bias", Tensor::f32(&[4], values(4, 0.5)).unwrap());
    builder.tensor("scale", Tensor::f32(&[4], vec![1.0, -0.5, 2.0, 0.7]).unwrap());
    builder.tensor("shift", Tensor::f32(&[4], values(4, 1.0)).unwrap());
    builder.tensor("mean", Tensor::f32(&[4], values(4, 0.4)).unwrap());
    builder.tensor("variance", Tensor::f32(&[4], vec![1.0, 0.5, 0.0, 2.0]).unwrap());
    builder.tensor("dense", Tensor::f32(&[5, 4], values(20, 1.0)).unwrap());
    builder.tensor("dense.bias", Tensor::f32(&[5], values(5, 1.0)).unwrap());
    builder.build(x).unwrap()
}

#[test]
fn every_operation_with_awkward_sizes() {
    let Some(python) = python() else { return };
    let uneven = Padding::Explicit { top: 3, left: 0, bottom: 1, right: 2 };
    let networks = [
        awkward(Padding::Same, [2, 2]),
        awkward(Padding::Same, [1, 3]),
        awkward(uneven, [1, 1]),
        awkward(uneven, [3, 2]),
    ];
    let (photos, mut questions, mut expected) = (photos(), Questions::new(), Vec::new());
    for (index, network) in networks.iter().enumerate() {
        let exported = ocelli::Timestamp::from_millis(0);
        let options = OnnxOptions { input: OnnxInput::Photo, iteration: None, exported };
        let files = export(network, &options).unwrap();
        let path = questions.model(&index.to_string(), files.model());
        let compiled = CompiledNetwork::compile(network).unwrap();
        for photo in &photos {
            questions.photo(&path, photo.view());
            let mut output = vec![0.0; compiled.output_len()];
            compiled.predict_into(photo.view(), &mut output).unwrap();
            expected.push(output);
        }
    }
    let answers = questions.answers(&python);
    for ((expected, answer), question) in expected.iter().zip(&answers).zip(&questions.asked) {
        let difference = largest_difference(&values(answer), expected);
        assert!(difference < TOLERANCE, "{}, shape {}: {difference}", question["model"], question["shape"]);
    }
}
