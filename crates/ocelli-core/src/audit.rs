//! What happened in a data directory, in ids and commitments: never names, metadata or expressions.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountPolicy, Commitment, Digest, ProjectId, RetentionPolicy, Timestamp};

/// One entry of the audit log. Each is chained to the one before by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditEntry {
    /// Its number: 1 for the first, and one more for each.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: AuditEvent,
}

/// What happened, to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditEvent {
    /// What was done.
    pub action: AuditAction,
    /// In which project, where it was in one.
    pub project_id: Option<ProjectId>,
    /// To what.
    pub subjects: Vec<AuditSubject>,
}

impl AuditEvent {
    /// An event that concerns the account or a project as a whole.
    pub fn new(action: AuditAction, project_id: Option<ProjectId>) -> Self {
        Self { action, project_id, subjects: Vec::new() }
    }

    /// The same, done to these.
    pub fn with(mut self, subjects: impl IntoIterator<Item = AuditSubject>) -> Self {
        self.subjects.extend(subjects);
        self
    }
}

/// What something was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditSubject {
    /// Its id.
    pub id: Uuid,
    /// The commitment to its bytes, where it has one and it says something new.
    pub commitment: Option<Commitment>,
}

impl From<Uuid> for AuditSubject {
    fn from(id: Uuid) -> Self {
        Self { id, commitment: None }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind", deny_unknown_fields)]
#[non_exhaustive]
pub enum AuditAction {
    /// A project was made.
    ProjectCreated,
    /// A project got new values.
    ProjectUpdated,
    /// A project was deleted, and can be restored.
    ProjectDeleted,
    /// A deleted project was restored.
    ProjectRestored,
    /// A tag was made.
    TagCreated,
    /// A tag got new values.
    TagUpdated,
    /// Photos were stored.
    ImagesAdded,
    /// Photos got tags.
    ImagesTagged,
    /// Photos lost tags.
    ImagesUntagged,
    /// Photos got regions.
    RegionsAdded,
    /// A photo got other metadata.
    MetadataSet,
    /// A training began.
    TrainingBegun,
    /// A training that had lost its process goes on from its checkpoint.
    TrainingResumed,
    /// A training ended with a model.
    TrainingCompleted,
    /// A training ended without one.
    TrainingFailed,
    /// An iteration was renamed.
    IterationRenamed,
    /// An iteration was published.
    Published,
    /// An iteration stopped answering under its name.
    Unpublished,
    /// An export was kept.
    ExportKept,
    /// A prediction was kept.
    PredictionKept,
    /// Kept predictions became photos to train on.
    PredictionsUsed,
    /// An erasure of many steps began.
    ErasureBegun {
        /// The operation.
        operation: u64,
        /// The hash of the plan that it carries out, if it does.
        plan: Option<Digest>,
    },
    /// Things were erased.
    Erased {
        /// The operation that they belong to.
        operation: u64,
        /// How many.
        count: u64,
        /// BLAKE3 of the canonical JSON of the [`ErasedItem`](crate::ErasedItem) of each, in order, each followed by a
        /// line feed.
        digest: Digest,
    },
    /// An erasure was refused, since holds keep what was to be erased.
    ErasureRefused {
        /// The holds.
        holds: Vec<crate::HoldId>,
    },
    /// A project's retention policy was set.
    RetentionSet {
        /// The policy.
        policy: RetentionPolicy,
    },
    /// The account's retention policy was set.
    AccountPolicySet {
        /// The policy.
        policy: AccountPolicy,
    },
    /// The account was closed.
    AccountClosed,
    /// The account was opened again.
    AccountReopened,
    /// A hold was placed.
    HoldPlaced,
    /// A hold was released.
    HoldReleased,
    /// A receipt was made for an operation.
    ReceiptMade {
        /// The operation.
        operation: u64,
        /// BLAKE3 of the receipt's canonical JSON, its signature included.
        digest: Digest,
    },
    /// Entries at the beginning of this log were replaced by a signed checkpoint.
    EntriesExpired {
        /// The number of the last of them.
        through: u64,
    },
    /// What is held was exported.
    Exported,
    /// An archive or a project was imported.
    Imported,
}
