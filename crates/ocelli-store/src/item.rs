use ocelli_core::{
    AuditEntry, Commitment, DataClass, Digest, Erased, Metadata, MetadataFilter, ProjectId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Which items a question is about. What is due is among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemQuery {
    /// The class: each has one kind of item. [`DataClass::PredictionPhoto`] lists the photos of kept predictions and
    /// [`DataClass::PredictionResult`] those with results; [`DataClass::Features`] has one item for each moment at which
    /// features of a photo were computed. [`DataClass::DeletedProject`] lists projects that were deleted,
    /// [`DataClass::ClosedAccount`] all projects if the account is closed; an [`DataClass::AuditEntry`] is no item.
    pub class: DataClass,
    /// Those of this project; for the two classes of projects, of all where there is none.
    pub project_id: Option<ProjectId>,
    /// Only this one, if it is there.
    pub item: Option<Erased>,
    /// Those whose event was at or before this moment.
    pub through: Option<Timestamp>,
    /// Those whose metadata the expression selects: photos and kept predictions only. One whose metadata is damaged may be
    /// among those, and is given without any.
    pub metadata: Option<MetadataFilter>,
    /// Whether to tell the metadata of each, which costs reading it.
    pub with_metadata: bool,
    /// Those after this one, by event and id.
    pub after: Option<(Timestamp, Erased)>,
    /// How many to return.
    pub take: usize,
}

impl ItemQuery {
    /// All items of a class, those of a project or of all, in pages of so many.
    pub fn new(class: DataClass, project_id: Option<ProjectId>, take: usize) -> Self {
        Self {
            class,
            project_id,
            item: None,
            through: None,
            metadata: None,
            with_metadata: false,
            after: None,
            take,
        }
    }
}

/// Something that is kept, and the event that its time counts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Its project.
    pub project_id: ProjectId,
    /// What it is.
    pub item: Erased,
    /// When that happened which its time counts from.
    pub event: Timestamp,
    /// Its bytes: of the photo, or of the export's files; 0 where the class has none worth counting.
    pub bytes: u64,
    /// Its metadata, where that was asked for and can be read; that of its photo, where it is features.
    pub metadata: Option<Metadata>,
    /// The commitment to its bytes, where it has one and metadata was asked for.
    pub commitment: Option<Commitment>,
}

/// Entries of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// The checkpoint that replaces the entries at the beginning, as it was signed; none where all are there.
    pub checkpoint: Option<String>,
    /// The entries, each with its hash.
    pub entries: Vec<(AuditEntry, Digest)>,
}
