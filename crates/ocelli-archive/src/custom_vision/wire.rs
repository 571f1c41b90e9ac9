//! The records of Custom Vision's training API, version 3.4-preview. Everything but ids may be null or missing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTag {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    #[serde(rename = "type")]
    pub(super) tag_type: Option<String>,
    #[serde(alias = "image_count")]
    pub(super) image_count: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireImage {
    pub(super) id: String,
    pub(super) created: Option<String>,
    pub(super) width: Option<Value>,
    pub(super) height: Option<Value>,
    #[serde(alias = "original_image_uri")]
    pub(super) original_image_uri: Option<String>,
    /// Each understood on its own.
    pub(super) tags: Option<Vec<Value>>,
    pub(super) regions: Option<Vec<Value>>,
    pub(super) metadata: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireImageTag {
    #[serde(alias = "tag_id")]
    pub(super) tag_id: String,
    #[serde(alias = "tag_name")]
    pub(super) tag_name: Option<String>,
    pub(super) created: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireRegion {
    #[serde(alias = "region_id")]
    pub(super) region_id: String,
    #[serde(alias = "tag_id")]
    pub(super) tag_id: String,
    #[serde(alias = "tag_name")]
    pub(super) tag_name: Option<String>,
    pub(super) created: Option<String>,
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireIteration {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) created: Option<String>,
    #[serde(alias = "last_modified")]
    pub(super) last_modified: Option<String>,
    #[serde(alias = "trained_at")]
    pub(super) trained_at: Option<String>,
    #[serde(alias = "domain_id")]
    pub(super) domain_id: Option<String>,
    #[serde(alias = "classification_type")]
    pub(super) classification_type: Option<String>,
    #[serde(alias = "training_type")]
    pub(super) training_type: Option<String>,
    #[serde(alias = "training_time_in_minutes")]
    pub(super) training_time_in_minutes: Option<f64>,
    #[serde(alias = "publish_name")]
    pub(super) publish_name: Option<String>,
}

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tag,
    Image,
    Iteration,
}

impl Kind {
    /// By how the file's name begins, letters and digits only, in whatever case.
    pub(super) fn of_file(path: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let name: String =
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let name = name.strip_prefix("get").unwrap_or(&name);
        let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
        if begins(&["taggedimage", "untaggedimage", "image", "tagged", "untagged"]) {
            Some(Self::Image)
        } else if begins(&["tags", "tag"]) {
            Some(Self::Tag)
        } else if begins(&["iteration"]) {
            Some(Self::Iteration)
        } else {
            None
        }
    }

    /// By the properties that only such a record has.
    pub(super) fn of_record(text: &str) -> Option<Self> {
        let fields: BTreeMap<String, serde::de::IgnoredAny> = serde_json::from_str(text).ok()?;
        let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
        if has(&["originalImageUri", "original_image_uri", "resizedImageUri", "resized_image_uri"])
            || has(&["width"]) && has(&["height"])
        {
            Some(Self::Image)
        } else if has(&["imageCount", "image_count"]) {
            Some(Self::Tag)
        } else if has(&["trainedAt", "trained_at", "publishName", "trainingType", "training_type"]) {
            Some(Self::Iteration)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_holds_by_how_its_name_begins() {
        for (name, kind) in [
            ("GetTags.json", Some(Kind::Tag)),
            ("sub/tags-2.json", Some(Kind::Tag)),
            ("GETTAGGEDIMAGES_0001.json", Some(Kind::Image)),
            ("tagged_images.json", Some(Kind::Image)),
            ("get-untagged-images (2).json", Some(Kind::Image)),
            ("images.json", Some(Kind::Image)),
            ("GetIterations.json", Some(Kind::Iteration)),
            ("page1.json", None),
            ("my tags.json", None),
        ] {
            assert_eq!(Kind::of_file(name), kind, "{name}");
        }
    }

    #[test]
    fn a_record_says_what_it_is_by_its_properties() {
        for (record, kind) in [
            (r#"{"id": "x", "originalImageUri": null}"#, Some(Kind::Image)),
            (r#"{"id": "x", "name": "y", "imageCount": 3}"#, Some(Kind::Tag)),
            (r#"{"id": "x", "trainedAt": null, "status": "New"}"#, Some(Kind::Iteration)),
            (r#"{"id": "x"}"#, None),
            ("[]", None),
        ] {
            assert_eq!(Kind::of_record(record), kind, "{record}");
        }
    }
}
