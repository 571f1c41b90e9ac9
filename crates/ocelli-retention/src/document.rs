//! Signed and unsigned JSON documents that are read in one form only, so that every changed byte is found.

use std::fmt;

use ocelli_keys::{KeyError, PublicKey, Signature, canonical_json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ProofError;

/// The version of every form that is written here.
const VERSION: u64 = 1;

/// That a document is of the version that this crate reads and writes. In JSON it is the number 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub(crate) struct Version;

impl TryFrom<u64> for Version {
    type Error = UnknownVersion;

    fn try_from(version: u64) -> Result<Self, UnknownVersion> {
        if version == VERSION { Ok(Self) } else { Err(UnknownVersion(version)) }
    }
}

impl From<Version> for u64 {
    fn from(Version: Version) -> Self {
        VERSION
    }
}

pub(crate) struct UnknownVersion(u64);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} is not {VERSION}", self.0)
    }
}

/// A JSON object that says what it is in `type` and `version`.
pub(crate) trait Document: Serialize + DeserializeOwned {
    /// What `type` says.
    const TYPE: &'static str;
    /// What it is, in words.
    const WHAT: &'static str;
}

/// Reads a document, and refuses every text but the one that [`canonical_json`] writes of it.
pub(crate) fn read<T: Document>(json: &[u8]) -> Result<T, ProofError> {
    #[derive(Deserialize)]
    struct Head {
        r#type: String,
        version: u64,
    }
    let what = T::WHAT;
    let malformed = |reason| ProofError::Malformed { what, reason };
    let head: Head = serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
    if head.r#type != T::TYPE {
        return Err(malformed(format!("its type is {:?}, which should be {:?}", head.r#type, T::TYPE)));
    }
    if head.version != VERSION {
        return Err(ProofError::Version { what, found: head.version, supported: VERSION });
    }
    read_canonical(what, json)
}

/// Reads a value, and refuses every text but the one that [`canonical_json`] writes of it.
pub(crate) fn read_canonical<T: Serialize + DeserializeOwned>(
    what: &'static str,
    json: &[u8],
) -> Result<T, ProofError> {
    let malformed = |error: serde_json::Error| ProofError::Malformed { what, reason: error.to_string() };
    let value: T = serde_json::from_slice(json).map_err(malformed)?;
    let canonical = canonical_json(&value)?;
    if canonical == json {
        return Ok(value);
    }
    let same = canonical.iter().zip(json).take_while(|(canonical, json)| canonical == json).count();
    Err(ProofError::NotCanonical { what, at: same })
}

/// Checks that the expected key is the one that a document names, and that it signed the message.
pub(crate) fn check_signature(
    what: &'static str,
    message: &[u8],
    (named, signature): (&PublicKey, &Signature),
    expected: &PublicKey,
) -> Result<(), ProofError> {
    if named != expected {
        return Err(ProofError::WrongKey { what, found: *named, expected: *expected });
    }
    expected.verify(message, signature).map_err(|error| match error {
        KeyError::Signature { .. } => ProofError::Signature { what },
        other => ProofError::Key(other),
    })
}
