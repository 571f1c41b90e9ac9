use serde::{Deserialize, Serialize};

use crate::{Description, Domain, DomainId, Name, ProjectId, Timestamp};

/// How many tags a photo of a project can have, and what the probabilities mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClassificationType {
    /// Exactly one tag a photo; probabilities sum to 1 (softmax).
    Multiclass,
    /// Any number of tags a photo; each probability stands for itself (sigmoid). Custom Vision's default.
    #[default]
    Multilabel,
}

/// Which augmentations training may use, under Custom Vision's names; all are on by default.
///
/// How strongly and how often each alters a photo is said by `AugmentationPolicy` of `ocelli-imaging`.
///
/// Quick training alters no photo at random. Its fixed views of a photo are mirrored only where `horizontal_flip` is on, and
/// show corners only where `scaling` and `translation` both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Augmentations {
    /// Turn the photo by a small angle.
    pub rotation: bool,
    /// Show a part of it larger, somewhat wider or taller than it is.
    pub scaling: bool,
    /// Move it.
    pub translation: bool,
    /// Mirror it left to right. To be switched off where left and right make a difference.
    #[serde(rename = "horizontal flip")]
    pub horizontal_flip: bool,
    /// Equalise its histogram.
    pub equalize: bool,
    /// Invert what is brighter than a threshold.
    pub solarize: bool,
    /// Pad it to a square, instead of squashing it.
    #[serde(rename = "padtosquare")]
    pub pad_to_square: bool,
}

impl Default for Augmentations {
    fn default() -> Self {
        Self {
            rotation: true,
            scaling: true,
            translation: true,
            horizontal_flip: true,
            equalize: true,
            solarize: true,
            pad_to_square: true,
        }
    }
}

/// What a project's training and predictions are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectSettings {
    /// The domain, one of [`Domain::ALL`].
    pub domain_id: DomainId,
    /// One tag a photo, or any number.
    pub classification_type: ClassificationType,
    /// Whether photos with the project's negative tag take part in training. On by default.
    pub use_negative_set: bool,
    /// Which augmentations training may use.
    pub augmentations: Augmentations,
}

impl Default for ProjectSettings {
    fn default() -> Self {
        Self {
            domain_id: Domain::GENERAL_COMPACT.id,
            classification_type: ClassificationType::default(),
            use_negative_set: true,
            augmentations: Augmentations::default(),
        }
    }
}

/// Photos, tags, iterations and kept predictions about one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Identifies the project.
    pub id: ProjectId,
    /// Its name; several projects may share one.
    pub name: Name,
    /// What it is about.
    pub description: Description,
    /// What its training and predictions are about.
    pub settings: ProjectSettings,
    /// When it was created.
    pub created: Timestamp,
    /// When its name, description or settings last changed.
    pub last_modified: Timestamp,
    /// When it was deleted; until [`DELETED_PROJECT_DAYS`](crate::limits::DELETED_PROJECT_DAYS) later it can be
    /// restored.
    pub deleted: Option<Timestamp>,
}

/// A change of a project; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectUpdate {
    /// The new name.
    pub name: Option<Name>,
    /// The new description.
    pub description: Option<Description>,
    /// The new settings; the domain may change within its [`DomainType`](crate::DomainType) only.
    pub settings: Option<ProjectSettings>,
}
