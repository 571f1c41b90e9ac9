use std::io::{Seek, Write};

use ocelli_archive::{ArchiveWriter, Written};
use ocelli_core::{AuditAction, AuditEvent, ProjectId};
use ocelli_store::{Change, ProjectState, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::stored::{StoredProject, unwritable};
use super::summary::{ExportSummary, ExportedProject};
use super::writing::Writing;
use crate::ocelli::Shared;
use crate::{Error, Ocelli, ProjectHandle};

/// Operations asked for at once.
const PAGE: usize = 256;

/// What an archive holds beside what an import of it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportOptions {
    /// Whether each iteration's model is written in forms that stand alone too: as a model file in safetensors, and in ONNX
    /// where the feature `export` is on. Without them, only a data directory can use the archive's models.
    pub models: bool,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { models: true }
    }
}

impl Ocelli {
    /// Writes everything that the account holds into one archive, in formats that other tools read: of each project in use
    /// what [`ProjectHandle::export_archive`] writes, and beside the projects the account with its policy, the holds, the
    /// audit log and the receipts. See [`ArchiveReader`](crate::ArchiveReader) for its layout; [`import`](Self::import)
    /// reads it.
    ///
    /// One photo or model is in memory at a time. What is due is not written, and what is erased meanwhile is passed over,
    /// so the archive is not of one moment; what is damaged stays out, and the summary names it. Deleted projects stay out,
    /// and so do those whose keys are missing: the summary names those that could still be restored, and the locked ones.
    ///
    /// The cells of the CSV files hold the texts as people wrote them; a spreadsheet may take one that begins with `=`, `+`,
    /// `-` or `@` for a formula.
    ///
    /// That there was an export is in the audit log before the first byte is written. **An archive is not encrypted**,
    /// whether or not the data directory is, and no retention policy, hold or erasure reaches it.
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use std::io::{BufReader, BufWriter};
    ///
    /// use ocelli::{ExportOptions, ImportOptions, Ocelli};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ocelli = Ocelli::open("photos.ocelli")?;
    /// let out = BufWriter::new(File::create("everything.zip")?);
    /// let exported = ocelli.export_all(out, ExportOptions::default())?;
    /// println!("keep this to tell any change of it: {}", exported.written.manifest_sha256);
    ///
    /// let elsewhere = Ocelli::open("elsewhere.ocelli")?;
    /// let archive = BufReader::new(File::open("everything.zip")?);
    /// let imported = elsewhere.import(archive, &ImportOptions::default())?;
    /// assert_eq!(imported.projects.len(), exported.projects.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the account is closed: open it again to export. If the store or the output fails: then throw away what was
    /// written.
    pub fn export_all(&self, out: impl Write + Seek, options: ExportOptions) -> Result<ExportSummary, Error> {
        let shared = &*self.shared;
        shared.refuse_closed()?;
        let projects: Vec<ProjectId> =
            shared.store.projects(ProjectState::Live)?.into_iter().map(|project| project.id).collect();
        let subjects = projects.iter().map(|id| id.as_uuid().into());
        shared.note_export(AuditEvent::new(AuditAction::Exported, None).with(subjects))?;

        let mut archive = ArchiveWriter::new(out, shared.now());
        let deleted_projects: Vec<ProjectId> =
            self.deleted_projects()?.into_iter().map(|project| project.id).collect();
        let account = serde_json::json!({
            "account": shared.store.account()?,
            "deletedProjects": deleted_projects,
        });
        archive.account(&account)?;
        let holds = serde_json::to_value(shared.store.holds()?).map_err(|error| unwritable(&error))?;
        archive.holds(&holds)?;
        archive.audit(self.audit_log()?.to_text()?.as_bytes())?;
        write_receipts(&*shared.store, &mut archive)?;
        let mut exported = Vec::new();
        for id in projects {
            match StoredProject::new(shared, id) {
                // Another handle deleted it since the listing.
                Err(Error::Store(StoreError::NotFound(_))) => {}
                project => exported.push(write_project(shared, &project?, &mut archive, &options)?),
            }
        }
        let written = finish(archive)?;
        let locked = shared.store.locked()?;
        Ok(ExportSummary {
            written,
            projects: exported,
            deleted_projects,
            left_behind: 0,
            damaged: Vec::new(),
            locked,
        })
    }
}

impl ProjectHandle {
    /// Writes everything that the project holds into an archive: photos, tags and regions as COCO JSON, tags and kept
    /// predictions as CSV, iterations, their performance and their manifests as JSON, their models as they are stored, in
    /// safetensors and in ONNX, kept exports, and the retention policy. What [`Ocelli::export_all`] says holds here too.
    ///
    /// # Errors
    ///
    /// If the store or the output fails. Then throw away what was written.
    pub fn export_archive(
        &self,
        out: impl Write + Seek,
        options: ExportOptions,
    ) -> Result<ExportSummary, Error> {
        let shared = &*self.shared;
        let project = StoredProject::new(shared, self.id())?;
        shared.note_export(AuditEvent::new(AuditAction::Exported, Some(self.id())))?;
        let mut archive = ArchiveWriter::new(out, shared.now());
        let exported = write_project(shared, &project, &mut archive, &options)?;
        let written = finish(archive)?;
        let (projects, deleted_projects, locked) = (vec![exported], Vec::new(), Vec::new());
        Ok(ExportSummary { written, projects, deleted_projects, left_behind: 0, damaged: Vec::new(), locked })
    }
}

impl Shared {
    /// A closed account's projects are there and hidden: an export would be of nothing, and not say so.
    pub(super) fn refuse_closed(&self) -> Result<(), Error> {
        match self.store.account()?.closed {
            Some(closed) => Err(StoreError::AccountClosed(closed).into()),
            None => Ok(()),
        }
    }

    /// Says in the audit log that something is exported, before it is.
    pub(super) fn note_export(&self, event: AuditEvent) -> Result<(), Error> {
        self.store.apply(Change::Audit { event, at: self.now() })?;
        Ok(())
    }
}

pub(super) fn write_project<W: Write + Seek>(
    shared: &Shared,
    project: &StoredProject<'_>,
    archive: &mut ArchiveWriter<W>,
    options: &ExportOptions,
) -> Result<ExportedProject, Error> {
    let record = project.record();
    let exported = ExportedProject::new(record.project.id);
    let mut writing = Writing { shared, options, writer: archive.project(record)?, exported };
    project.send(&mut writing)?;
    writing.finish()
}

pub(super) fn finish<W: Write + Seek>(archive: ArchiveWriter<W>) -> Result<Written, Error> {
    Ok(archive.finish()?.1)
}

/// The receipts that were made, each under the number of its erasure.
fn write_receipts<W: Write + Seek>(store: &dyn Store, archive: &mut ArchiveWriter<W>) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let operations = store.operations(after, PAGE)?;
        for operation in &operations {
            if let Some(receipt) = store.receipt(operation.number)? {
                archive.receipt(&operation.number.to_string(), receipt.as_bytes())?;
            }
            after = operation.number;
        }
        if operations.len() < PAGE {
            return Ok(());
        }
    }
}
