use ocelli_core::{Digest, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// What names this format in `manifest.json`.
pub const FORMAT: &str = "ocelli-archive";
/// The version of the format that is written, and the latest that is read.
pub const VERSION: u32 = 1;

/// What an archive holds: its `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// [`FORMAT`].
    pub format: String,
    /// The version of the format.
    pub version: u32,
    /// When the archive was made.
    pub created: Timestamp,
    /// The projects, in the order in which they were written.
    pub projects: Vec<ProjectId>,
    /// Every other entry, by path.
    pub entries: Vec<ContentsEntry>,
}

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentsEntry {
    /// Its name in the zip file.
    pub path: String,
    /// Its bytes, inflated.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: Digest,
}

/// What became of an archive that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Its entries, `manifest.json` included.
    pub entries: u64,
    /// Bytes of its entries, inflated.
    pub bytes: u64,
    /// SHA-256 of `manifest.json`, in hexadecimal. As that names the SHA-256 of every other entry, whoever keeps this
    /// one can tell any change of what the archive holds.
    pub manifest_sha256: Digest,
}
