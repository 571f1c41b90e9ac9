use std::collections::BTreeMap;

use ocelli_core::{Commitment, Image, Iteration, Manifest, Project, Salt, StoredPrediction, Tag};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an archive says of a project as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectRecord {
    /// The project.
    pub project: Project,
    /// Its tags, in its order.
    pub tags: Vec<Tag>,
    /// What else the caller keeps with a project, by a name of its choice: `retention`, for instance.
    #[serde(default)]
    pub extras: BTreeMap<String, Value>,
}

/// What an archive says of a photo to train on. Its bytes are an entry of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageRecord {
    /// The photo, with its tags, regions and metadata.
    pub image: Image,
    /// What its commitment was made with.
    #[serde(default)]
    pub salt: Option<Salt>,
    /// The commitment to its bytes.
    #[serde(default)]
    pub commitment: Option<Commitment>,
}

/// What an archive says of an iteration. Its model's files and its exports are entries of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IterationRecord {
    /// The iteration.
    pub iteration: Iteration,
    /// What it was trained on and what it answered; none where its training did not end well.
    #[serde(default)]
    pub manifest: Option<Manifest>,
    /// What else the caller keeps with an iteration, by a name of its choice.
    #[serde(default)]
    pub extras: BTreeMap<String, Value>,
}

/// The files of an iteration's model.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelFiles<'a> {
    /// The self-contained model file: `model.safetensors`.
    pub model_file: Option<&'a [u8]>,
    /// The iteration's own part of the model as its store keeps it, opaque here: `head.bin`.
    pub stored_model: Option<&'a [u8]>,
}

/// What an archive says of a kept prediction. The bytes of its photo, where that is kept, are an entry of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PredictionRecord {
    /// The answer.
    pub prediction: StoredPrediction,
    /// What the commitment to its photo was made with.
    #[serde(default)]
    pub salt: Option<Salt>,
    /// The commitment to the bytes of its photo.
    #[serde(default)]
    pub commitment: Option<Commitment>,
}
