use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ImageId, InvalidValue, PredictionId, Region, TagId, Timestamp, limits};

/// Facts about a photo that a person or a program attached to it: keys and values.
///
/// At most [`limits::MAX_METADATA_ENTRIES`] entries, keys of 1 to [`limits::MAX_METADATA_KEY`] characters, values of
/// at most [`limits::MAX_METADATA_VALUE`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Takes the entries if they are within the limits.
    pub fn new(entries: BTreeMap<String, String>) -> Result<Self, InvalidValue> {
        if entries.len() > limits::MAX_METADATA_ENTRIES {
            return Err(InvalidValue::MetadataEntries { count: entries.len() });
        }
        for (key, value) in &entries {
            let chars = key.chars().count();
            if chars == 0 || chars > limits::MAX_METADATA_KEY {
                let key = key.chars().take(limits::MAX_METADATA_KEY).collect();
                return Err(InvalidValue::MetadataKey { key });
            }
            let chars = value.chars().count();
            if chars > limits::MAX_METADATA_VALUE {
                return Err(InvalidValue::MetadataValue { key: key.clone(), chars });
            }
        }
        Ok(Self(entries))
    }

    /// The entries, by key.
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = InvalidValue;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        Self::new(entries)
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

/// How a photo came into its project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Origin {
    /// It was uploaded, under this name if it had one. The name is shown, never used as a path.
    Upload {
        /// The name that the caller gave, for instance a file name.
        name: Option<String>,
    },
    /// It was kept with a prediction and then chosen to train on.
    #[serde(rename_all = "camelCase")]
    Prediction {
        /// The kept prediction, which the photo replaced.
        prediction_id: PredictionId,
    },
}

impl Origin {
    /// The name that it was uploaded under.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Upload { name } => name.as_deref(),
            Self::Prediction { .. } => None,
        }
    }
}

/// That a photo has a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTag {
    /// The tag.
    pub tag_id: TagId,
    /// When the photo got it.
    pub created: Timestamp,
}

/// A photo to train on, with what is known about it. Its bytes are stored beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Identifies the photo.
    pub id: ImageId,
    /// When it came into the project.
    pub created: Timestamp,
    /// Pixels across the upright photo.
    pub width: u32,
    /// Pixels down the upright photo.
    pub height: u32,
    /// The tags of the whole photo, in the order in which they were given.
    pub tags: Vec<ImageTag>,
    /// The tagged parts of it.
    pub regions: Vec<Region>,
    /// Facts attached to it.
    pub metadata: Metadata,
    /// How it came into the project.
    pub origin: Origin,
}

/// What became of one photo of an upload, under Custom Vision's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ImageCreateStatus {
    /// It is stored.
    #[serde(rename = "OK")]
    Ok,
    /// The project has these bytes already; the tags and regions given now joined that photo.
    #[serde(rename = "OKDuplicate")]
    OkDuplicate,
    /// The bytes could not be read from where the caller said they are.
    ErrorSource,
    /// The bytes are not a photo that can be decoded.
    ErrorImageFormat,
    /// There are too many bytes.
    ErrorImageSize,
    /// The photo's sides, their ratio or its area are beyond the limits.
    ErrorImageDimensions,
    /// The store failed.
    ErrorStorage,
    /// The project or the batch is full.
    ErrorLimitExceed,
    /// The photo has, or would have, too many tags.
    ErrorTagLimitExceed,
    /// The photo has, or would have, too many regions.
    ErrorRegionLimitExceed,
    /// The photo has, or would have, the negative tag and another.
    ErrorNegativeAndRegularTagOnSameImage,
    /// A tag that the project does not have.
    ErrorInvalidTag,
    /// Anything else.
    ErrorUnknown,
}

impl ImageCreateStatus {
    /// Whether the photo is in the project now.
    pub fn is_ok(self) -> bool {
        matches!(self, Self::Ok | Self::OkDuplicate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_limited_in_number_and_length() {
        let entries = |count: usize| (0..count).map(|i| (format!("k{i}"), String::new())).collect();
        assert!(Metadata::new(entries(limits::MAX_METADATA_ENTRIES)).is_ok());
        assert!(Metadata::new(entries(limits::MAX_METADATA_ENTRIES + 1)).is_err());
        let one = |key: usize, value: usize| BTreeMap::from([("k".repeat(key), "v".repeat(value))]);
        assert!(Metadata::new(one(limits::MAX_METADATA_KEY, limits::MAX_METADATA_VALUE)).is_ok());
        for (key, value) in [(0, 1), (limits::MAX_METADATA_KEY + 1, 1), (1, limits::MAX_METADATA_VALUE + 1)] {
            assert!(Metadata::new(one(key, value)).is_err(), "key {key}, value {value}");
        }
    }

    #[test]
    fn statuses_have_custom_visions_names() {
        assert_eq!(serde_json::to_string(&ImageCreateStatus::OkDuplicate).unwrap(), "\"OKDuplicate\"");
        assert_eq!(
            serde_json::to_string(&ImageCreateStatus::ErrorInvalidTag).unwrap(),
            "\"ErrorInvalidTag\""
        );
    }
}
