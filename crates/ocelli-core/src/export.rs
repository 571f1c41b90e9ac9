use serde::{Deserialize, Serialize};

use crate::{ExportId, IterationId, Name, Timestamp};

/// An iteration's model in the form of another tool, kept with the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Identifies the export.
    pub id: ExportId,
    /// The iteration whose model it is.
    pub iteration_id: IterationId,
    /// What it is made for.
    pub platform: ExportPlatform,
    /// Its form, where the platform has several.
    pub flavor: Option<Name>,
    /// When it was made.
    pub created: Timestamp,
    /// Its files.
    pub files: Vec<ExportFile>,
}

/// What an export is made for, in Custom Vision's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ExportPlatform {
    /// The Open Neural Network Exchange format.
    #[serde(rename = "ONNX")]
    Onnx,
}

/// One file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportFile {
    /// Its name, unique within the export. It is text for people and never part of a path in the data directory.
    pub name: Name,
    /// Its bytes.
    pub size: u64,
}
