use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// How much an archive may ask of the program that reads it.
///
/// Every limit is checked on what the archive claims before anything is inflated, and again on what really comes out:
/// a claim reserves no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadLimits {
    /// Entries of the zip file (1,000,000).
    pub entries: u64,
    /// Bytes of all entries together, inflated (256 GiB). Entries are read one at a time and on demand; the limit
    /// protects the place that they are copied to.
    pub total_bytes: u64,
    /// Bytes of one photo (64 MiB). It is held in memory.
    pub photo_bytes: u64,
    /// Bytes of one model file, or of one file of an export (1 GiB). It is held in memory.
    pub model_bytes: u64,
    /// Bytes of one list of records or one audit log, inflated (1 GiB). The records are held in memory, and take
    /// a few times as much there.
    pub document_bytes: u64,
    /// Bytes of one record of such a list, and of one JSON document whose form is the caller's, inflated (16 MiB).
    pub record_bytes: u64,
    /// How many bytes one compressed byte may become (200); the first mebibyte of an entry is exempt. The writer stores
    /// uncompressed what would exceed 100.
    pub compression_ratio: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            total_bytes: 256 * GIB,
            photo_bytes: 64 * MIB,
            model_bytes: GIB,
            document_bytes: GIB,
            record_bytes: 16 * MIB,
            compression_ratio: 200,
        }
    }
}

impl ReadLimits {
    /// The most that this many compressed bytes may become.
    pub(crate) fn inflated(&self, compressed: u64) -> u64 {
        compressed.saturating_mul(self.compression_ratio).saturating_add(MIB)
    }

    /// What reading the list of entries may take: a zip file needs 46 bytes for an entry and its name, and a reader looks
    /// for the list's end in the last 64 KiB.
    pub(crate) fn listing_bytes(&self) -> u64 {
        self.entries.saturating_mul(512).saturating_add(4 * MIB)
    }
}
