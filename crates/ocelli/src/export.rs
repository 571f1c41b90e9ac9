use ocelli_export::{OnnxExport, OnnxInput, OnnxOptions};

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
}
