use std::time::Duration;

use ocelli_core::{ExportId, ImageId, IterationId, Name, PredictionId, ProjectId};
use serde::{Deserialize, Serialize};

/// What a check does besides looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckOptions {
    /// Whether damaged bytes are set aside, bytes without a record removed and remains of erased records overwritten.
    pub repair: bool,
    /// How old bytes without a record are before they are removed: another program may be about to refer to them.
    pub grace: Duration,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { repair: false, grace: Duration::from_secs(24 * 60 * 60) }
    }
}

/// What a check found. Ids and counts; nothing of what was stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Files whose bytes were compared with what was stored.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records whose bytes are missing. They can be uploaded again or deleted.
    pub missing: Vec<Owner>,
    /// Records whose bytes are not what was stored; set aside if repairing. They can be uploaded again or deleted.
    pub damaged: Vec<Owner>,
    /// Encrypted projects whose keys could not be had: nothing of theirs was looked at. Check again with the key provider that
    /// wrapped them.
    pub locked: Vec<ProjectId>,
    /// Files without a record: removed if repairing and older than the grace.
    pub unowned: u64,
    /// Of those, how many were removed.
    pub removed: u64,
    /// What is wrong with the records themselves, in the words of the database. Restore a snapshot.
    pub records: Vec<String>,
}

impl CheckReport {
    /// Whether everything is as it was stored, and could be looked at. Files without a record lose nothing and are not
    /// counted.
    pub fn is_sound(&self) -> bool {
        self.missing.is_empty()
            && self.damaged.is_empty()
            && self.records.is_empty()
            && self.locked.is_empty()
    }
}

/// A record that has bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum Owner {
    /// A photo.
    #[serde(rename_all = "camelCase")]
    Image {
        /// Its project.
        project_id: ProjectId,
        /// Which.
        id: ImageId,
    },
    /// The photo of a kept prediction.
    #[serde(rename_all = "camelCase")]
    Prediction {
        /// Its project.
        project_id: ProjectId,
        /// Which.
        id: PredictionId,
    },
    /// A file of an export.
    #[serde(rename_all = "camelCase")]
    Export {
        /// Its project.
        project_id: ProjectId,
        /// Which.
        id: ExportId,
        /// The file.
        file: Name,
    },
    /// The checkpoint of a training.
    #[serde(rename_all = "camelCase")]
    Checkpoint {
        /// Its project.
        project_id: ProjectId,
        /// The iteration.
        id: IterationId,
    },
}
