use ocelli_core::{Export, ExportFile, ExportId, ExportPlatform, Name};
use ocelli_export::{OnnxExport, OnnxInput, OnnxOptions};
use ocelli_store::{Change, NewExportFile};

use crate::{Error, IterationHandle};

impl IterationHandle {
    /// The model in ONNX, with its preprocessing, its tags and the manifest of Custom Vision's exports, as
    /// files to be written wherever the host wants them. It computes in f32, whatever precision the iteration
    /// is published in.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// let export = project.published("production")?.export_onnx(ocelli::OnnxInput::Photo)?;
    /// for file in export.files() {
    ///     std::fs::write(std::path::Path::new("export").join(&file.name), &file.bytes)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the iteration has not completed or has been deleted, its model cannot be read, this build leaves
    /// out its base model ([`Error::BaseLeftOut`]) or has another ([`Error::BaseChanged`]), or the network
    /// has an operation that ONNX has no equivalent for or is larger than one ONNX file ([`Error::Export`]).
    pub fn export_onnx(&self, input: OnnxInput) -> Result<OnnxExport, Error> {
        let network = self.shared.network(&self.details()?)?;
        let options = OnnxOptions { input, iteration: Some(self.id()), exported: self.shared.now() };
        Ok(ocelli_export::export(&network, &options)?)
    }

    /// Makes that export and keeps it with the project, where it is listed ([`exports`](Self::exports)), is told when
    /// something that the iteration was trained on is erased, and goes when the iteration does.
    ///
    /// # Errors
    ///
    /// As [`export_onnx`](Self::export_onnx).
    pub fn keep_export(&self, input: OnnxInput) -> Result<Export, Error> {
        let created = self.shared.now();
        let (mut listed, mut files) = (Vec::new(), Vec::new());
        for file in self.export_onnx(input)?.into_files() {
            let name = Name::new(file.name)?;
            listed.push(ExportFile { name: name.clone(), size: file.bytes.len() as u64 });
            files.push(NewExportFile { name, bytes: file.bytes });
        }
        let export = Export {
            id: ExportId::new(created, self.shared.random()?),
            iteration_id: self.id(),
            platform: ExportPlatform::Onnx,
            flavor: Some(Name::new(match input {
                OnnxInput::Photo => "photo",
                OnnxInput::Tensor => "tensor",
            })?),
            created,
            files: listed,
        };
        self.shared.store.apply(Change::KeepExport {
            project: self.project,
            export: export.clone(),
            files,
        })?;
        Ok(export)
    }
}
