use std::collections::BTreeMap;

use ocelli_archive::Written;
use ocelli_core::{
    AccountId, Erased, ExportId, Hold, ImageId, IterationId, Name, PredictionId, ProjectId, Publication,
    TagId,
};
use serde::{Deserialize, Serialize};

use super::problem::TransferProblem;

/// What an archive was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportSummary {
    /// Its entries and bytes, and the SHA-256 of its manifest, which tells any change of it to who keeps that.
    pub written: Written,
    /// The projects in it, in their order.
    pub projects: Vec<ExportedProject>,
    /// Deleted projects, which are not in it: restore one to export it.
    pub deleted_projects: Vec<ProjectId>,
    /// How many photos and kept predictions of those that [`find_person`](crate::Ocelli::find_person) sees are not in an
    /// archive about a person: they are due, or in deleted projects. 0 for every other archive.
    #[serde(default)]
    pub left_behind: u64,
    /// Photos and kept predictions whose metadata is damaged, so that nobody can tell whether an archive about a person should
    /// have them: it has not. Empty for every other archive, whose projects name theirs
    /// ([`ExportedProject::problems`]).
    #[serde(default)]
    pub damaged: Vec<(ProjectId, Erased)>,
    /// Projects that are not in it either, since their keys are missing: nobody can tell what they hold.
    #[serde(default)]
    pub locked: Vec<ProjectId>,
}

/// One project in an archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedProject {
    /// The project.
    pub id: ProjectId,
    /// Photos to train on.
    pub images: u64,
    /// Kept predictions.
    pub predictions: u64,
    /// Iterations.
    pub iterations: u64,
    /// Kept exports.
    pub exports: u64,
    /// What is not in it, or not in every form.
    pub problems: Vec<TransferProblem>,
}

impl ExportedProject {
    pub(crate) fn new(id: ProjectId) -> Self {
        Self { id, images: 0, predictions: 0, iterations: 0, exports: 0, problems: Vec::new() }
    }
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportSummary {
    /// The projects that it made, in the archive's order.
    pub projects: Vec<ImportedProject>,
    /// The account that the archive is from, where it says so.
    pub account: Option<AccountId>,
    /// The holds of that account, with its ids. None of them holds here: place anew what must be.
    pub holds: Vec<Hold>,
    /// Receipts of that account. They stay in the archive ([`ArchiveReader`](crate::ArchiveReader) reads them).
    pub receipts: u64,
    /// Whether the archive has the audit log of that account. It stays there.
    pub has_audit_log: bool,
    /// Entries of the archive that no version known here writes, or that its manifest does not list.
    pub ignored: Vec<String>,
}

/// A project that an import or a copy made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedProject {
    /// The project that it was.
    pub source_id: ProjectId,
    /// The project that it is.
    pub id: ProjectId,
    /// Its name: with a number where the one that it had is in use.
    pub name: Name,
    /// Photos to train on that it has now.
    pub images: u64,
    /// Photos whose bytes another one of it has; their tags and regions joined that. What their metadata says and that of the
    /// other does not is lost, and a problem names it.
    pub duplicates: u64,
    /// Kept predictions that it has now.
    pub predictions: u64,
    /// Kept exports that it has now.
    pub exports: u64,
    /// The iterations that it has now.
    pub iterations: Vec<ImportedIteration>,
    /// What was left out since the project's policy lets it be due already.
    pub due: u64,
    /// Photos, kept predictions, iterations and exports that were left out since they were erased here
    /// ([`ImportOptions::erased`](crate::ImportOptions::erased)).
    pub erased: u64,
    /// What else was left out, or taken in part.
    pub problems: Vec<TransferProblem>,
    /// The ids that things had and the ids that they have.
    pub ids: ImportedIds,
}

/// An iteration that was taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedIteration {
    /// The iteration that it was.
    pub source_id: IterationId,
    /// The iteration that it is.
    pub id: IterationId,
    /// Its name.
    pub name: Name,
    /// How it was published where it comes from. It is not published here.
    pub publication: Option<Publication>,
}

/// The ids that things had where they come from, and the ids that they have now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedIds {
    /// Tags.
    pub tags: BTreeMap<TagId, TagId>,
    /// Photos to train on. Several may be one now, if their bytes are the same.
    pub images: BTreeMap<ImageId, ImageId>,
    /// Iterations.
    pub iterations: BTreeMap<IterationId, IterationId>,
    /// Kept exports.
    pub exports: BTreeMap<ExportId, ExportId>,
    /// Kept predictions.
    pub predictions: BTreeMap<PredictionId, PredictionId>,
}
