use ocelli_archive::{ImageRecord, IterationRecord, PredictionRecord};
use ocelli_core::Export;

use super::problem::TransferProblem;
use crate::Error;

/// Where the records of one project go, one at a time: photos first, then each iteration with its exports after it,
/// then kept predictions.
///
/// An error ends the transfer. What is wrong with one record alone is a problem, and the others go on.
pub(crate) trait Destination {
    /// A photo to train on.
    fn image(&mut self, record: ImageRecord, bytes: Vec<u8>) -> Result<(), Error>;

    /// An iteration.
    fn iteration(&mut self, record: IterationRecord, models: Models) -> Result<(), Error>;

    /// A kept export of the iteration that came last.
    fn export(&mut self, export: Export, files: Vec<Vec<u8>>) -> Result<(), Error>;

    /// A kept prediction, with its photo where that is kept.
    fn prediction(&mut self, record: PredictionRecord, photo: Option<Vec<u8>>) -> Result<(), Error>;

    /// Something of the project that stays behind.
    fn problem(&mut self, problem: TransferProblem);
}

/// An iteration's model, in as many forms as its source has.
#[derive(Debug, Default)]
pub(crate) struct Models {
    /// Its own part, as its store keeps it.
    pub(crate) stored: Option<Vec<u8>>,
    /// The self-contained model file.
    pub(crate) file: Option<Vec<u8>>,
}
