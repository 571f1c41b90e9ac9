//! Trained networks in other programs' formats: ONNX.
//!
//! [`export`] writes a [`Network`](ocelli_model::Network) as the files that Custom Vision's exports have:
//!
//! | file | content |
//! |---|---|
//! | `model.onnx` | the network in f32, ONNX opset 18, with tags, preprocessing and fingerprint in its metadata |
//! | `labels.txt` | one tag's name a line, in the order of the outputs; only of a classifier |
//! | `cvexport.manifest` | JSON: platform, date, iteration, file names, SHA-1 of `model.onnx` |
//! | `metadata_properties.json` | JSON: the metadata of `model.onnx` |
//! | `NOTICE` | whose weights the base model has, and on which terms, where that is known |
//!
//! **What goes in** is an [`OnnxInput`]. With [`OnnxInput::Photo`] the file takes a decoded, upright photo of
//! any size and crops, resizes and normalises it as Ocelli does, so that it answers as Ocelli does: within 1e-4
//! on probabilities in ONNX Runtime, which a test of the workspace runs. `Resize` with `antialias` is why the
//! opset is 18. With [`OnnxInput::Tensor`] all of that is left to the caller, and photos may come in batches.
//!
//! **What comes out** is `probabilities`, `[batch, tags]` after softmax or sigmoid, in the order of
//! `labels.txt`; for a base model `features`, `[batch, features]`.
//!
//! The weights are the network's own, expanded from f16 to f32 where they are kept so, which is exact. Batch
//! normalisation is written as it is: runtimes fold it into the convolution before, as Ocelli's engine does.
//! TensorFlow's "same" padding becomes explicit zeros for the network's input size.
//!
//! ```
//! use ocelli_core::{Name, TagType, Timestamp};
//! use ocelli_export::{OnnxInput, OnnxOptions, export};
//! use ocelli_model::{Activation, Head, Label, NetworkBuilder, Op, Preprocessing, View};
//!
//! // A base that takes the mean of each colour, and a head that tells red from blue.
//! let (mean, std) = ([127.0; 3], [128.0; 3]);
//! let mut builder =
//!     NetworkBuilder::new(Preprocessing { width: 8, height: 8, view: View::Centre, mean, std });
//! let input = builder.input();
//! let features = builder.node("features", Op::GlobalAveragePool, &[input]);
//! let label = |id: &str, name| -> Result<Label, Box<dyn std::error::Error>> {
//!     Ok(Label { tag_id: id.parse()?, name: Name::new(name)?, tag_type: TagType::Regular })
//! };
//! let network = builder.build(features)?.with_head(Head {
//!     weights: vec![1.0, 0.0, -1.0, -1.0, 0.0, 1.0],
//!     bias: vec![0.0, 0.0],
//!     activation: Activation::Softmax,
//!     labels: vec![
//!         label("018bcfe5-6800-7000-8000-000000000001", "red")?,
//!         label("018bcfe5-6800-7000-8000-000000000002", "blue")?,
//!     ],
//! })?;
//!
//! let exported = Timestamp::from_millis(1_780_000_000_000);
//! let files = export(&network, &OnnxOptions { input: OnnxInput::Photo, iteration: None, exported })?;
//! let names: Vec<&str> = files.files().iter().map(|file| file.name.as_str()).collect();
//! assert_eq!(names, ["model.onnx", "labels.txt", "cvexport.manifest", "metadata_properties.json"]);
//! assert_eq!(files.file("labels.txt"), Some(&b"red\nblue\n"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The bytes are encoded by `onnx-rs`, which needs neither `protoc` nor generated code.

mod description;
mod error;
mod export;
mod onnx;
mod options;

pub use error::ExportError;
pub use export::{ExportedFile, OnnxExport, export};
pub use options::{OnnxInput, OnnxOptions};
