use ocelli_core::{Erased, ErrorCode};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Something that was left out of an export or an import, or taken in part, and why. It harmed nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferProblem {
    /// What it is about, under the id that it has where it comes from; none where it is the project as a whole.
    pub item: Option<Erased>,
    /// The Custom Vision code.
    pub code: ErrorCode,
    /// What is wrong, and what was done.
    pub message: String,
}

impl TransferProblem {
    pub(crate) fn new(item: impl Into<Option<Erased>>, error: &Error, what_was_done: &str) -> Self {
        Self { item: item.into(), code: error.code(), message: format!("{error}; {what_was_done}") }
    }

    pub(crate) fn because(
        item: impl Into<Option<Erased>>,
        code: ErrorCode,
        message: impl Into<String>,
    ) -> Self {
        Self { item: item.into(), code, message: message.into() }
    }
}

impl std::fmt::Display for TransferProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.item {
            Some(Erased::Image(id)) => write!(f, "the photo {id}: ")?,
            Some(Erased::Iteration(id)) => write!(f, "the iteration {id}: ")?,
            Some(Erased::Export(id)) => write!(f, "the export {id}: ")?,
            Some(Erased::Prediction(id) | Erased::PredictionPhoto(id)) => {
                write!(f, "the kept prediction {id}: ")?;
            }
            Some(Erased::Tag(id)) => write!(f, "the tag {id}: ")?,
            _ => {}
        }
        f.write_str(&self.message)
    }
}
