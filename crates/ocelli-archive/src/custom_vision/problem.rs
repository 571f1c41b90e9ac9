use std::fmt;

use serde::{Deserialize, Serialize};

/// Something in a folder of saved responses that was damaged, missing or contradictory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The file, from the folder.
    pub file: String,
    /// The record: its place in the file and its id, where it has one; empty where the whole file is meant.
    pub record: String,
    /// What is wrong.
    pub what: String,
    /// What would be right, or what was done instead.
    pub remedy: String,
}

impl Problem {
    pub(super) fn new(
        file: impl Into<String>,
        record: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), record: record.into(), what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if !self.record.is_empty() {
            write!(f, ", {}", self.record)?;
        }
        write!(f, ": {}; {}", self.what, self.remedy)
    }
}
