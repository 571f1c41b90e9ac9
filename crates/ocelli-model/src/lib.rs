//! One description of a network, for everyone who reads it: the trainer, the engine and every export.
//!
//! A [`Network`] says how a photo becomes the network's input ([`Preprocessing`]), which operations follow
//! ([`Node`], [`Op`]), with which weights ([`Tensor`]), and what each output means ([`Label`]). It is immutable,
//! and it cannot be inconsistent: a [`NetworkBuilder`] or a file that does not add up is a [`ModelError`].
//! Attaching a [`Head`] to a base model shares the base's weights. A [`Calibration`] goes with a network that is to
//! compute in 8-bit integers.
//!
//! A model file ([`file`](mod@file)) is one safetensors file, versioned and checksummed, that holds all of it.
//!
//! ```
//! use ocelli_model::{
//!     Activation, Conv2d, Head, Label, NetworkBuilder, Op, Padding, Preprocessing, Shape, Tensor, View, file,
//! };
//! use ocelli_core::{Name, TagType};
//!
//! // A base of one convolution: 8 x 8 pixels to 2 features.
//! let mut builder = NetworkBuilder::new(Preprocessing {
//!     width: 8,
//!     height: 8,
//!     view: View::Whole,
//!     mean: [127.0; 3],
//!     std: [128.0; 3],
//! });
//! let input = builder.input();
//! let conv = builder.node(
//!     "conv",
//!     Op::Conv2d(Conv2d {
//!         weight: "conv.weight".into(),
//!         bias: None,
//!         stride: [2, 2],
//!         padding: Padding::Same,
//!         groups: 1,
//!     }),
//!     &[input],
//! );
//! builder.tensor("conv.weight", Tensor::f16(&[2, 3, 3, 3], &[0.25; 54])?);
//! let features = builder.node("features", Op::GlobalAveragePool, &[conv]);
//! let base = builder.build(features)?;
//! assert_eq!(base.shape(conv), Some(Shape::Map { channels: 2, height: 4, width: 4 }));
//! assert_eq!(base.output_len(), 2);
//!
//! let label = |id: &str, name| -> Result<Label, Box<dyn std::error::Error>> {
//!     Ok(Label { tag_id: id.parse()?, name: Name::new(name)?, tag_type: TagType::Regular })
//! };
//! let network = base.with_head(Head {
//!     weights: vec![1.0, 0.0, 0.0, 1.0],
//!     bias: vec![0.0, 0.0],
//!     activation: Activation::Softmax,
//!     labels: vec![
//!         label("018bcfe5-6800-7000-8000-000000000001", "cherry")?,
//!         label("018bcfe5-6800-7000-8000-000000000002", "hemlock")?,
//!     ],
//! })?;
//!
//! let bytes = file::write(&network)?;
//! assert_eq!(file::read(&bytes)?, network);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod calibration;
mod error;
pub mod file;
mod fingerprint;
mod head;
pub mod limits;
mod network;
mod node;
mod preprocessing;
mod provenance;
mod shape;
mod tensor;
mod validation;

pub use builder::NetworkBuilder;
pub use calibration::{Calibration, ChannelStatistics};
pub use error::ModelError;
pub use fingerprint::Fingerprint;
pub use head::{Activation, Head, Label};
pub use network::{Network, NetworkDescription};
pub use node::{BatchNorm, Conv2d, Linear, Node, NodeId, Op, Padding};
pub use preprocessing::{Preprocessing, View};
pub use provenance::Provenance;
pub use shape::Shape;
pub use tensor::{ElementType, Tensor};
