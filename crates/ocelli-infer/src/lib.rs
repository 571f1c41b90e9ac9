//! Inference: compile a network once, then ask it about photos.
//!
//! [`Model`] opens a model file and needs no data directory:
//!
//! ```no_run
//! let model = ocelli_infer::Model::open("hemlock.safetensors")?;
//! let photo = std::fs::read("photo.jpg")?;
//! for prediction in model.predict(&photo)? {
//!     println!("{}: {:.1} %", prediction.tag_name, 100.0 * prediction.probability);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`CompiledNetwork`] is what it is made of: any [`ocelli_model::Network`], a base model without a head
//! included, whose outputs are then the photo's features. [`CompileOptions`] choose the precision and the processor's
//! instructions; int8 needs a calibration, which a [`Calibrator`] makes from photos.
//!
//! [`Views`] says of how many views of a photo a prediction is the mean; [`area`] and [`altered`] give what a network sees.
//!
//! [`Model::heat_map`] shows what of a photo counted for a tag, by a [`ClassActivation`]; a [`LinearHead`] answers to features
//! that are at hand.
//!
//! Compiling folds, fuses and packs (`engine/`); the arithmetic is that of `ocelli-kernels`. One photo is computed on the
//! calling thread; several, or one if asked, on the current rayon pool. The [`reference`](mod@reference) executor, plain f32 on
//! `ndarray`, is the oracle that every level of the engine is compared with.

mod calibrator;
mod class_activation;
mod compiled;
mod engine;
mod error;
mod graph;
mod linear_head;
mod model;
pub mod reference;
mod similarity;
mod views;

pub use calibrator::Calibrator;
pub use class_activation::ClassActivation;
pub use compiled::{CompileOptions, CompiledNetwork};
pub use error::InferError;
pub use linear_head::LinearHead;
pub use model::Model;
pub use ocelli_kernels::Level;
pub use similarity::dot_product;
pub use views::{CORNERS, Views, altered, area};
