use serde::{Deserialize, Serialize};

/// What a receipt says that it proves, and what it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiptStatement {
    /// What it proves.
    pub covers: String,
    /// What it says nothing about.
    pub does_not_cover: Vec<String>,
}

const COVERS: &str = "When this erasure was completed, no byte of the items that it counts was left in the data \
    directory of the account: not in its records or their journals, and not in its files of photos, features, models \
    and exports. What stays there are ids, moments, reasons and salted commitments in the logs, and what records that \
    were kept say themselves, such as the name of an erased tag in an iteration that was trained with it.";

const DOES_NOT_COVER: [&str; 5] = [
    "Backups and copies of the data directory that were made before.",
    "Snapshots of the file system or the volume that were taken before.",
    "Blocks that a flash device has remapped and no longer gives access to, but has not erased.",
    "Copies that were handed out: exports, model files, downloads and answers.",
    "The memory of running processes, until they end.",
];

/// What this version of Ocelli states.
impl Default for ReceiptStatement {
    fn default() -> Self {
        Self { covers: COVERS.into(), does_not_cover: DOES_NOT_COVER.map(Into::into).into() }
    }
}
