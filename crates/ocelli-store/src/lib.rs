//! Where projects, photos, iterations and kept predictions live.
//!
//! A [`Store`] answers questions and takes [`Change`]s; every change goes through [`Store::apply`], which does the
//! whole of it or nothing. What a change may do is decided once, in [`apply`], over the row-level [`Transaction`]
//! that each store provides, so that all stores keep the same rules.

mod applied;
mod apply;
mod change;
mod check;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod content;
mod environment;
mod error;
mod item;
mod memory;
mod new;
mod options;
mod query;
mod store;
mod transaction;
mod visibility;

pub use applied::{AddedImage, Applied, ErasedItems, ImageAdded, ItemOutcome, Refusal, TagSummary};
pub use apply::{apply, refusal};
pub use change::Change;
pub use check::{CheckOptions, CheckReport, Owner};
pub use content::{ContentHash, ContentKey};
pub use environment::{Clock, ManualClock, Random, SystemClock, SystemRandom};
pub use error::{Missing, StoreError};
pub use item::{AuditPage, Item, ItemQuery};
pub use memory::MemoryStore;
pub use new::{
    ItemToErase, NewExportFile, NewImage, NewIteration, StoredCalibration, Trained, UsedPrediction,
};
pub use options::StoreOptions;
pub use query::{
    Continuation, FeatureKey, ImageFilter, ImageQuery, Order, PredictionPage, PredictionQuery,
    ProbabilityRange, ProjectState, TaggingStatus, check_ids,
};
pub use store::{Store, TrainingLock};
pub use transaction::{Checkpoint, PhotoBytes, PredictionParts, Transaction};
pub use visibility::{Visibility, forget_due, is_due, is_live};
