use serde::{Deserialize, Serialize};

/// Where a base model's weights come from, and on which terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The model's name, for example `EfficientNet-Lite0`.
    pub model: String,
    /// The package that published the weights.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The checkpoint's file name within the package.
    pub checkpoint: String,
    /// The checkpoint's SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// The licence's SPDX identifier.
    pub license: String,
    /// The notice that the licence asks to be kept.
    pub copyright: String,
    /// What was changed on the way.
    pub changes: String,
}
