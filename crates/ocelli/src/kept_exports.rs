use ocelli_core::{Erasure, Export, ExportId, Name};
use ocelli_store::Change;

use crate::{Error, IterationHandle, ProjectHandle};

impl IterationHandle {
    /// The exports that are kept of this iteration, in the order in which they were.
    pub fn exports(&self) -> Result<Vec<Export>, Error> {
        Ok(self.shared.store.exports(self.project, self.id())?)
    }
}

impl ProjectHandle {
    /// The bytes of a kept export's file.
    pub fn export_file(&self, export: ExportId, name: impl AsRef<str>) -> Result<Vec<u8>, Error> {
        Ok(self.shared.store.export_bytes(self.id(), export, &Name::new(name)?)?)
    }

    /// Erases a kept export and its files. The iteration stays.
    pub fn delete_export(&self, export: ExportId) -> Result<Erasure, Error> {
        self.shared.erase(Change::DeleteExport { project: self.id(), export, at: self.shared.now() })
    }
}
