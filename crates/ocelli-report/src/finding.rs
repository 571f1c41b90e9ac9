use ocelli_core::ImageId;
use serde::{Deserialize, Serialize};

use crate::{MAX_LISTED_GROUPS, MAX_LISTED_PHOTOS};

/// Photos of a training set that deserve a look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhotoFindings {
    /// Photos whose tag looks wrong, the most suspicious first.
    pub suspicious_labels: Vec<SuspiciousLabel>,
    /// Groups of photos that show the same pixels.
    pub duplicates: Vec<Vec<ImageId>>,
    /// Groups of photos that look nearly the same: resized, recompressed, or taken one after the other.
    pub near_duplicates: Vec<Vec<ImageId>>,
    /// Photos that cannot be read.
    pub unreadable: Vec<ImageId>,
    /// Photos that are hard to see anything on.
    pub poor: Vec<PoorPhoto>,
}

/// A photo whose tag looks wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuspiciousLabel {
    /// The photo.
    pub photo: ImageId,
    /// A tag that it has, as an index into the tags.
    pub tag: u16,
    /// The tag that it looks like instead; none where it only looks unlike its own.
    pub looks_like: Option<u16>,
    /// The probability of the tag that it has, 0 to 1, as answered by a model trained without it.
    pub own_probability: f32,
    /// The probability of the tag that it looks like, 0 to 1.
    pub other_probability: f32,
}

/// A photo that is hard to see anything on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoorPhoto {
    /// The photo.
    pub photo: ImageId,
    /// What is wrong with it.
    pub flaws: Vec<Flaw>,
}

/// What makes a photo hard to see anything on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Flaw {
    /// Nearly black.
    Dark,
    /// Without sharp edges.
    Blurred,
    /// Smaller than what the network looks at.
    Tiny,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dark => "dark",
            Self::Blurred => "blurred",
            Self::Tiny => "tiny",
        })
    }
}

impl PhotoFindings {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// The photos that a report shows of them.
    pub(crate) fn shown(&self) -> impl Iterator<Item = ImageId> {
        let labels = self.suspicious_labels.iter().map(|found| found.photo).take(MAX_LISTED_PHOTOS);
        let groups = |groups: &[Vec<ImageId>]| {
            let shown = groups.iter().take(MAX_LISTED_GROUPS);
            shown.flat_map(|group| group.iter().take(MAX_LISTED_PHOTOS)).copied().collect::<Vec<_>>()
        };
        let poor = self.poor.iter().map(|found| found.photo).take(MAX_LISTED_PHOTOS);
        let unreadable = self.unreadable.iter().copied().take(MAX_LISTED_PHOTOS);
        labels
            .chain(groups(&self.duplicates))
            .chain(groups(&self.near_duplicates))
            .chain(poor)
            .chain(unreadable)
    }
}
