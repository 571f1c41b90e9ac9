use serde::{Deserialize, Serialize};

use crate::{
    Commitment, DataClass, Digest, ExportId, ImageId, IterationId, Name, PredictionId, ProjectId,
    Publication, RegionId, TagId, Timestamp,
};

/// What becomes of the iterations that were trained on something that is erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Affected {
    /// They stay as they are. What was erased leaves their performance records all the same.
    #[default]
    Keep,
    /// They stay, and stop answering under their published names.
    Unpublish,
    /// They are erased too, published or not, with their models, performance records and exports. So is one in training
    /// that may be using it: its training ends without a model.
    Delete,
}

/// What came of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an erasure may be pending, and iterations may have been trained on what was erased"]
pub struct Erasure {
    /// The operation that it was, by which its receipt is found; none where there was nothing to erase.
    #[serde(default)]
    pub operation: Option<u64>,
    /// Whether everything is gone from the medium.
    pub status: ErasureStatus,
    /// The iterations that were trained on what was erased.
    pub iterations: Vec<AffectedIteration>,
    /// Of erasures that were to be made again in a copy, those that were not, since a hold keeps what they name, the
    /// key of its project is missing, or it is too damaged to be looked into: it is still there.
    #[serde(default)]
    pub refused: Vec<ErasureRecord>,
}

/// Whether what was erased is gone from the medium. It is invisible in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErasureStatus {
    /// No byte of it is left in the data directory. What other records name stays with those: with
    /// [`Affected::Keep`] a tag's name stays in the iterations that are kept.
    Complete,
    /// Bytes of it are left, since another handle is reading an older state, or the medium did not let go of them. The
    /// next change, opening or call that finishes erasures completes it.
    ErasurePending,
}

impl ErasureStatus {
    /// Whether nothing is left.
    pub fn is_complete(self) -> bool {
        self == Self::Complete
    }
}

/// An iteration that was trained on something that was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AffectedIteration {
    /// Its project.
    pub project_id: ProjectId,
    /// Which.
    pub id: IterationId,
    /// Its name.
    pub name: Name,
    /// How it answered predictions before the erasure, if it was published.
    #[serde(default)]
    pub publication: Option<Publication>,
    /// Its exports that are kept, before the erasure. Copies that have left the data directory are not known.
    pub exports: Vec<ExportId>,
    /// What became of it.
    pub outcome: AffectedOutcome,
}

/// What became of an iteration that was trained on something that was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AffectedOutcome {
    /// It stays, and knows what was erased.
    Kept,
    /// It was published and no longer is.
    Unpublished,
    /// It was erased too.
    Deleted,
    /// Its training is under way and may be using what was erased. With an erased tag it fails; with an erased photo it
    /// completes and counts it ([`Manifest::erased`](crate::Manifest::erased)): look again when it has ended.
    InTraining,
}

/// That something was erased: ids and a moment, never content.
///
/// A copy of a data directory that was made before the moment still has it; reapplying the records of what was erased
/// since takes it from there too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasureRecord {
    /// When.
    pub at: Timestamp,
    /// The project that it belonged to.
    pub project_id: ProjectId,
    /// What.
    pub erased: Erased,
}

/// What was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "id")]
#[non_exhaustive]
pub enum Erased {
    /// A project and all it owned.
    Project(ProjectId),
    /// A tag.
    Tag(TagId),
    /// A photo.
    Image(ImageId),
    /// A region of a photo.
    Region(RegionId),
    /// The metadata that a photo had until then.
    Metadata(ImageId),
    /// An iteration.
    Iteration(IterationId),
    /// An export of an iteration.
    Export(ExportId),
    /// A kept prediction.
    Prediction(PredictionId),
    /// The photo of a kept prediction, whose results stay.
    PredictionPhoto(PredictionId),
    /// The results of a kept prediction, whose photo stays.
    PredictionResult(PredictionId),
    /// The cached features of a photo.
    Features(ImageId),
}

/// Why something was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "class")]
#[non_exhaustive]
pub enum ErasureReason {
    /// It was asked for.
    Requested,
    /// It was past its due date.
    Due(DataClass),
    /// It belonged to a project whose import failed: nobody asked for it to go.
    Abandoned,
}

/// What is remembered of something that was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasedItem {
    /// What and when.
    #[serde(flatten)]
    pub record: ErasureRecord,
    /// Why.
    pub reason: ErasureReason,
    /// The commitment to its bytes, where it had one.
    pub commitment: Option<Commitment>,
}

/// An erasure from its beginning to its receipt: all that one request or one plan erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasureOperation {
    /// Its number in its data directory: 1 for the first, and one more for each.
    pub number: u64,
    /// When it began.
    pub begun: Timestamp,
    /// The hash of the plan that it carries out, if it does.
    pub plan: Option<Digest>,
    /// How many things it erased.
    pub count: u64,
    /// When nothing of what it erased was left in the data directory; none while something may be.
    pub completed: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line_that_other_tools_can_read() {
        let at = Timestamp::from_millis(1_780_000_000_000);
        let image = ImageId::new(at, [1; 10]);
        let record =
            ErasureRecord { at, project_id: ProjectId::new(at, [2; 10]), erased: Erased::Image(image) };
        let json = serde_json::to_value(record).unwrap();
        assert_eq!(json["erased"], serde_json::json!({ "kind": "image", "id": image.to_string() }));
        assert_eq!(serde_json::from_value::<ErasureRecord>(json).unwrap(), record);
    }
}
