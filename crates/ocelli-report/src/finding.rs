use ocelli_core::{ImageId, LabelIssue};
use serde::{Deserialize, Serialize};

use crate::{MAX_LISTED_GROUPS, MAX_LISTED_PHOTOS};

/// Photos of a training set that deserve a look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhotoFindings {
    /// Photos whose tags look wrong, the surest first; the tags are indices into the iteration's.
    pub label_issues: Vec<LabelIssue>,
    /// Groups of photos that show the same pixels.
    pub duplicates: Vec<Vec<ImageId>>,
    /// Groups of photos that look nearly the same: resized, recompressed, or taken one after the other.
    pub near_duplicates: Vec<Vec<ImageId>>,
    /// Photos that cannot be read.
    pub unreadable: Vec<ImageId>,
    /// Photos that are hard to see anything on.
    pub poor: Vec<PoorPhoto>,
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
    /// Nearly white.
    Bright,
    /// Nothing in focus.
    Blurred,
    /// Of so few pixels that a network sees mostly what enlarging has made up.
    Tiny,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dark => "dark",
            Self::Bright => "overexposed",
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
        let labels = self.label_issues.iter().map(|found| found.photo).take(MAX_LISTED_PHOTOS);
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
