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
//! included, whose outputs are then the photo's features. One photo is computed on the calling thread; to use
//! more cores, ask about several photos at once.
//!
//! The computation is that of [`reference`](mod@reference): plain f32 on `ndarray`, written to be read. It stays as the oracle
//! that faster engines are compared with.

mod compiled;
mod error;
mod model;
mod preprocess;
pub mod reference;

pub use compiled::{CompiledNetwork, TracedNode};
pub use error::InferError;
pub use model::Model;
