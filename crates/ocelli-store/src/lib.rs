//! Where projects, photos, iterations and kept predictions live.
//!
//! A [`Store`] answers questions and takes [`Change`]s; every change goes through [`Store::apply`], which does the
//! whole of it or nothing. What a change may do is decided once, in [`apply`], over the row-level [`Transaction`]
//! that each store provides, so that all stores keep the same rules.

mod apply;
mod change;
mod check;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod content;
mod error;
mod memory;
mod query;
mod store;
mod transaction;

pub use apply::apply;
pub use change::{
    AddedImage, Applied, Change, ImageAdded, NewExportFile, NewImage, NewIteration, Refusal,
    StoredCalibration, TagSummary, Trained, UsedPrediction,
};
pub use check::{CheckOptions, CheckReport, Owner};
pub use content::{ContentHash, ContentKey};
pub use error::{Missing, StoreError};
pub use memory::MemoryStore;
pub use query::{
    Continuation, FeatureKey, ImageFilter, ImageQuery, Order, PredictionPage, PredictionQuery,
    ProbabilityRange, ProjectState, TaggingStatus, check_ids,
};
pub use store::{Store, TrainingLock};
pub use transaction::Transaction;
