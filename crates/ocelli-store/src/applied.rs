//! What changes answer.

use ocelli_core::{AffectedIteration, Erasure, HoldId, Image, ImageCreateStatus, ImageId, Iteration, TagId};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// What a change did, beyond having been done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Applied {
    /// Nothing more to say.
    Done,
    /// What became of each photo.
    Images(Vec<ImageAdded>),
    /// What became of each tag.
    Tags(TagSummary),
    /// The iteration as it is now.
    Iteration(Box<Iteration>),
    /// What came of an erasure.
    Erased(Erasure),
    /// The number of an operation that has begun.
    Operation(u64),
    /// What became of each item, in the order of the items.
    Items(ErasedItems),
}

/// What came of a [`Change::EraseItems`](crate::Change::EraseItems).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasedItems {
    /// What became of each item, in their order.
    pub outcomes: Vec<ItemOutcome>,
    /// The iterations that were trained on what was erased.
    pub iterations: Vec<AffectedIteration>,
}

/// What became of an item that was to be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ItemOutcome {
    /// It was erased.
    Erased,
    /// It is not due any more, or never was.
    NotDue,
    /// These holds keep it.
    Held(Vec<HoldId>),
    /// It is not there.
    Gone,
    /// Its project's key is missing, so that nobody can tell what holds keep of it: it stays.
    Locked,
    /// A record that its erasure needs is damaged, as this says: it stays. A photo or a kept prediction whose own record
    /// is damaged is erased all the same.
    Damaged(String),
}

/// What became of one photo of a batch.
pub type ImageAdded = Result<AddedImage, Refusal>;

/// A photo that is in the project now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddedImage {
    /// The photo, with the tags and regions that it has now.
    pub image: Image,
    /// Whether the project had its bytes already, so that the tags and regions joined them.
    pub duplicate: bool,
}

/// Why one photo of a batch was not taken.
#[derive(Debug)]
pub struct Refusal {
    /// In Custom Vision's terms.
    pub status: ImageCreateStatus,
    /// What is wrong, and what would be right.
    pub error: StoreError,
}

/// What became of each tag of a [`Change::TagImages`](crate::Change::TagImages).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagSummary {
    /// The photo has the tag now.
    pub created: Vec<(ImageId, TagId)>,
    /// The photo had the tag already.
    pub duplicated: Vec<(ImageId, TagId)>,
    /// The photo has no room for the tag.
    pub exceeded: Vec<(ImageId, TagId)>,
}
