//! An archive, as a destination of records.

use std::io::{Seek, Write};

use ocelli_archive::{ImageRecord, IterationRecord, ModelFiles, PredictionRecord, ProjectWriter};
use ocelli_core::{Erased, Export};
#[cfg(feature = "export")]
use ocelli_core::{ExportId, Iteration};
#[cfg(feature = "export")]
use ocelli_model::Network;

use super::destination::{Destination, Models};
use super::exporting::ExportOptions;
use super::problem::TransferProblem;
use super::summary::ExportedProject;
use crate::Error;
use crate::ocelli::Shared;

/// A project that is being written into an archive.
pub(super) struct Writing<'a, 'w, W: Write + Seek> {
    pub(super) shared: &'a Shared,
    pub(super) options: &'a ExportOptions,
    pub(super) writer: ProjectWriter<'w, W>,
    pub(super) exported: ExportedProject,
}

impl<'w, W: Write + Seek> Writing<'_, 'w, W> {
    pub(super) fn finish(self) -> Result<ExportedProject, Error> {
        self.writer.finish()?;
        Ok(self.exported)
    }
}

impl<W: Write + Seek> Destination for Writing<'_, '_, W> {
    fn image(&mut self, record: ImageRecord, bytes: Vec<u8>) -> Result<(), Error> {
        self.writer.image(&record, &bytes)?;
        self.exported.images += 1;
        Ok(())
    }

    fn iteration(&mut self, mut record: IterationRecord, models: Models) -> Result<(), Error> {
        let item = Erased::Iteration(record.iteration.id);
        let (mut file, mut onnx) = (None, None);
        if models.stored.is_some() && self.options.models {
            match self.shared.network(&record.iteration) {
                Ok(network) => {
                    file = Some(ocelli_model::file::write(&network)?);
                    onnx = self.onnx(&network, &mut record)?;
                }
                Err(error) => {
                    let done = "it was written as it is stored, without the forms that stand alone";
                    self.problem(TransferProblem::new(item, &error, done));
                }
            }
        }
        let files = ModelFiles { model_file: file.as_deref(), stored_model: models.stored.as_deref() };
        self.writer.iteration(&record, files)?;
        self.exported.iterations += 1;
        if let Some((export, files)) = onnx {
            let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
            self.writer.export(&export, &files)?;
        }
        Ok(())
    }

    fn export(&mut self, export: Export, files: Vec<Vec<u8>>) -> Result<(), Error> {
        let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        self.writer.export(&export, &files)?;
        self.exported.exports += 1;
        Ok(())
    }

    fn prediction(&mut self, record: PredictionRecord, photo: Option<Vec<u8>>) -> Result<(), Error> {
        self.writer.prediction(&record, photo.as_deref())?;
        self.exported.predictions += 1;
        Ok(())
    }

    fn problem(&mut self, problem: TransferProblem) {
        self.exported.problems.push(problem);
    }
}

/// An export and its files.
type Files = (Export, Vec<Vec<u8>>);

impl<W: Write + Seek> Writing<'_, '_, W> {
    /// The iteration as ONNX. Its record names the export, so that whoever reads the archive can tell it from one that the
    /// project kept.
    #[cfg(feature = "export")]
    fn onnx(&mut self, network: &Network, record: &mut IterationRecord) -> Result<Option<Files>, Error> {
        let (shared, iteration) = (self.shared, &record.iteration);
        match made(shared, network, iteration) {
            Ok((export, files)) => {
                record.extras.insert(super::stored::ONNX.to_owned(), export.id.to_string().into());
                Ok(Some((export, files)))
            }
            Err(error @ Error::Random(_)) => Err(error),
            Err(error) => {
                let item = Erased::Iteration(record.iteration.id);
                self.problem(TransferProblem::new(item, &error, "it was written without ONNX"));
                Ok(None)
            }
        }
    }

    /// This build does not write ONNX.
    #[cfg(not(feature = "export"))]
    fn onnx(&mut self, _: &ocelli_model::Network, _: &mut IterationRecord) -> Result<Option<Files>, Error> {
        Ok(None)
    }
}

#[cfg(feature = "export")]
fn made(shared: &Shared, network: &Network, iteration: &Iteration) -> Result<Files, Error> {
    let created = shared.now();
    let input = ocelli_export::OnnxInput::Photo;
    let options = ocelli_export::OnnxOptions { input, iteration: Some(iteration.id), exported: created };
    let (mut listed, mut files) = (Vec::new(), Vec::new());
    for file in ocelli_export::export(network, &options)?.into_files() {
        let name = ocelli_core::Name::new(file.name)?;
        listed.push(ocelli_core::ExportFile { name, size: file.bytes.len() as u64 });
        files.push(file.bytes);
    }
    let export = Export {
        id: ExportId::new(created, shared.random()?),
        iteration_id: iteration.id,
        platform: ocelli_core::ExportPlatform::Onnx,
        flavor: Some(ocelli_core::Name::new("photo")?),
        created,
        files: listed,
    };
    Ok((export, files))
}
