use std::io::{Seek, Write};

use ocelli_archive::ArchiveWriter;
use ocelli_core::{AuditAction, AuditEvent, Erased, MetadataFilter, limits};
use ocelli_retention::Findings;
use ocelli_store::{ProjectState, StoreError};

use super::exporting::{ExportOptions, finish, write_project};
use super::stored::StoredProject;
use super::summary::ExportSummary;
use crate::{Error, Ocelli};

impl Ocelli {
    /// Writes what is kept about a person or a source into an archive, in formats that other tools read: what that person
    /// may ask for, to have and to take elsewhere. It holds, of every project in use, the photos and kept predictions whose
    /// metadata the expression selects, with their tags, regions and metadata, and of the iterations that were trained on
    /// those photos what they answered to them; no model, and nothing of any other photo.
    ///
    /// What is due is not written, even where a hold keeps it: it is about to go, and nobody sees it any more. What a
    /// deleted project holds is not written either, nor what has metadata that cannot be read: it may be somebody else's. The
    /// summary names those projects, those whose keys are missing, what is damaged, and how much was left behind. The audit log says, with ids, what was given out, before it is; that nothing was found, too.
    ///
    /// # Errors
    ///
    /// If the account is closed: open it again to export. If the store or the output fails: then throw away what was
    /// written.
    pub fn export_person(
        &self,
        filter: &MetadataFilter,
        out: impl Write + Seek,
    ) -> Result<ExportSummary, Error> {
        let shared = &*self.shared;
        shared.refuse_closed()?;
        let Findings { items: found, damaged, locked, .. } = self.find_person(filter)?;
        let mut selected = Vec::new();
        for project in shared.store.projects(ProjectState::Live)? {
            match StoredProject::selected(shared, project.id, filter) {
                // Another handle deleted it since the listing.
                Err(Error::Store(StoreError::NotFound(_))) => {}
                found => selected.extend(found?.map(|found| (project.id, found))),
            }
        }
        if selected.iter().all(|(_, (_, items))| items.is_empty()) {
            shared.note_export(AuditEvent::new(AuditAction::Exported, None))?;
        }
        let (mut projects, mut given) = (Vec::new(), 0);
        for (id, (project, items)) in selected {
            given += items.len();
            for items in items.chunks(limits::MAX_ERASED_AT_ONCE) {
                let subjects = items.iter().filter_map(|item| match item {
                    Erased::Image(id) => Some(id.as_uuid().into()),
                    Erased::Prediction(id) => Some(id.as_uuid().into()),
                    _ => None,
                });
                shared.note_export(AuditEvent::new(AuditAction::Exported, Some(id)).with(subjects))?;
            }
            projects.push(project);
        }
        let mut archive = ArchiveWriter::new(out, shared.now());
        let options = ExportOptions { models: false };
        let exported = projects.iter().map(|project| write_project(shared, project, &mut archive, &options));
        let exported = exported.collect::<Result<Vec<_>, Error>>()?;
        let written = finish(archive)?;
        let deleted_projects = self.deleted_projects()?.into_iter().map(|project| project.id).collect();
        let left_behind = found.len().saturating_sub(given) as u64;
        Ok(ExportSummary { written, projects: exported, deleted_projects, left_behind, damaged, locked })
    }
}
