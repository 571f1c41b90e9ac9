use serde::{Deserialize, Serialize};

use crate::{Description, Name, TagId};

/// What a tag says of a photo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TagType {
    /// The photo shows what the tag names.
    #[default]
    Regular,
    /// The photo shows none of the regular tags. A project has at most one such tag, and a photo that has it
    /// has no other.
    Negative,
}

/// A word for what photos show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Identifies the tag.
    pub id: TagId,
    /// Unique within the project.
    pub name: Name,
    /// What the tag means, for the people who label.
    pub description: Description,
    /// Regular or negative.
    #[serde(rename = "type")]
    pub tag_type: TagType,
    /// Photos that have the tag now.
    pub image_count: u64,
}

/// A change of a tag; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagUpdate {
    /// The new name.
    pub name: Option<Name>,
    /// The new description.
    pub description: Option<Description>,
    /// The new type.
    #[serde(rename = "type")]
    pub tag_type: Option<TagType>,
}
