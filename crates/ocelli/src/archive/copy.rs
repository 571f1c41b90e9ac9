use ocelli_core::{AuditAction, AuditEvent, Name, ProjectId};

use super::erased_here::ErasedHere;
use super::importing::{Import, NewIds};
use super::stored::StoredProject;
use super::summary::ImportedProject;
use crate::{Error, Ocelli};

impl Ocelli {
    /// Copies a project into this data directory or another one that is open, one photo at a time and without any file
    /// between: Custom Vision's `ExportProject` and `ImportProject`.
    ///
    /// What [`import`](Self::import) says of ids, moments, policies and iterations holds here too. Within one data directory
    /// the copy's photos get new salts: erasing a photo of the one leaves no proof about the other. What was erased from the
    /// other directory does not come back.
    ///
    /// # Errors
    ///
    /// If the project is not there, the name is none, what the project has exceeds a limit of the other directory, or a
    /// store fails. Nothing of the copy is left then.
    pub fn copy_project(
        &self,
        project: ProjectId,
        to: &Self,
        name: Option<&str>,
    ) -> Result<ImportedProject, Error> {
        let name = name.map(Name::new).transpose()?;
        let stored = StoredProject::new(&self.shared, project)?;
        let new_salts = self.shared.store.account()?.id == to.shared.store.account()?.id;
        self.shared.note_export(AuditEvent::new(AuditAction::Exported, Some(project)))?;
        let erased =
            if new_salts { ErasedHere::default() } else { ErasedHere::of(&*to.shared.store, &[project])? };
        let import = Import { shared: &to.shared, name, ids: NewIds::Fresh, new_salts, erased: &erased };
        import.run(stored.record(), |copy| stored.send(copy))
    }
}
