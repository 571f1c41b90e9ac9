//! What leaves the data directory for good to be had elsewhere, and what comes from elsewhere.
//!
//! Records move one at a time from a *source* (a project in a store, or in an archive) to a [`Destination`] (an
//! archive, or a new project), so that nothing holds more than a batch of photos.

mod copy;
mod destination;
mod erased_here;
mod exporting;
mod fresh_ids;
mod importing;
mod listing;
mod new_iterations;
mod new_photos;
mod new_predictions;
mod person;
mod problem;
mod read;
mod relabel;
mod stored;
mod summary;
mod writing;

pub use exporting::ExportOptions;
pub use problem::TransferProblem;
pub use read::ImportOptions;
pub use summary::{
    ExportSummary, ExportedProject, ImportSummary, ImportedIds, ImportedIteration, ImportedProject,
};

pub(crate) use destination::Destination;
pub(crate) use erased_here::ErasedHere;
pub(crate) use importing::{Import, NewIds};
