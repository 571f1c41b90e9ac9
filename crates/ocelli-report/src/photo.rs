use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ocelli_core::ImageId;
use serde::{Deserialize, Serialize};

/// What a report shows of a photo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedPhoto {
    /// The photo.
    pub id: ImageId,
    /// The name under which it was uploaded, if it had one.
    pub name: Option<String>,
    /// The tags that it had when the iteration was trained, as indices into the report's tags.
    pub tags: Vec<u16>,
    /// The tags that it was given, likewise.
    pub given: Vec<u16>,
    /// What can be seen of it.
    pub picture: Picture,
}

/// What a report can show of a photo's picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Picture {
    /// A small copy.
    Thumbnail(Thumbnail),
    /// The report was asked for without thumbnails.
    NotShown,
    /// The photo has been erased since.
    Erased,
    /// The photo cannot be read.
    Unreadable,
}

/// A small copy of a photo, as JPEG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Thumbnail {
    /// The file's bytes, in base64.
    jpeg: String,
}

impl Thumbnail {
    /// From the bytes of a JPEG file.
    pub fn from_jpeg(bytes: &[u8]) -> Self {
        Self { jpeg: BASE64_STANDARD.encode(bytes) }
    }

    /// The `data:` address that shows it.
    pub(crate) fn address(&self) -> String {
        format!("data:image/jpeg;base64,{}", self.jpeg)
    }
}
