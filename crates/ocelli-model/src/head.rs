use ocelli_core::{Name, TagId, TagType};
use serde::{Deserialize, Serialize};

/// What one output of the network means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Label {
    /// The tag.
    pub tag_id: TagId,
    /// Its name when the network was trained.
    pub name: Name,
    /// Its type when the network was trained.
    pub tag_type: TagType,
}

/// How a head's scores become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// One tag a photo: the probabilities sum to 1.
    Softmax,
    /// Any number of tags a photo: each probability stands alone.
    Sigmoid,
}

/// A trained classifier on top of a base model's features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// `[labels, features]`, row-major.
    pub weights: Vec<f32>,
    /// `[labels]`.
    pub bias: Vec<f32>,
    /// What follows the scores.
    pub activation: Activation,
    /// What each output means.
    pub labels: Vec<Label>,
}
