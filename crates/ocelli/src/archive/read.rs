use std::collections::HashSet;
use std::io::{Read, Seek};

use ocelli_archive::{ArchiveError, ArchiveReader, ProjectReader, ReadLimits};
use ocelli_core::{Account, Erased, ExportId, Hold, ProjectId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::destination::{Destination, Models};
use super::erased_here::erased_here;
use super::importing::{Import, NewIds, abandon};
use super::problem::TransferProblem;
use super::stored::ONNX;
use super::summary::{ImportSummary, ImportedProject};
use crate::{Error, Ocelli};

/// How an archive is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportOptions {
    /// How much the archive may ask of this program.
    pub limits: ReadLimits,
    /// Whether the archive is read to its end first, and refused if a byte of it is not as its manifest says. Otherwise
    /// damaged photos, models and exports stay out alone.
    pub whole: bool,
    /// Whether photos are taken that were erased here. Otherwise an archive that is older than an erasure does not bring
    /// back what that took: photos whose commitment the log of erasures has stay out.
    pub erased: bool,
}

impl Ocelli {
    /// Makes the projects of an archive, which need not be trusted: photos are checked, decoded and stripped like uploaded
    /// ones, and everything is held to the limits and rules of this data directory.
    ///
    /// Everything gets new ids, and keeps the moments at which it was made, so that its time goes on counting: what the
    /// project's policy, which comes along, lets be due already is left out and counted. A moment that is yet to come becomes
    /// now. A project whose name is in use gets a number behind it. Photos keep their salts, so commitments made elsewhere
    /// are still to them. Iterations come with their models, manifests and moments, and arrive unpublished.
    ///
    /// What belongs to the other account stays in the archive: its policy, its holds (the summary lists them, to be placed
    /// anew), its audit log and its receipts, which [`ArchiveReader`] reads and their own key verifies.
    ///
    /// What is wrong with one photo, model or export is a [`TransferProblem`] of the summary, and the rest is taken. Cached
    /// features do not come along; the next training computes them.
    ///
    /// # Errors
    ///
    /// If it is no archive, its records are damaged or contradict each other, it exceeds a limit, a project or a tag is
    /// refused, or the store fails. The projects that the import had made are erased then, and nothing else has changed.
    /// Where the process is killed meanwhile, a project may be left that the audit log does not say was imported.
    pub fn import(&self, input: impl Read + Seek, options: &ImportOptions) -> Result<ImportSummary, Error> {
        let mut reader = ArchiveReader::open(input, options.limits)?;
        if options.whole {
            reader.verify()?;
        }
        let mut summary = ImportSummary {
            projects: Vec::new(),
            account: account(&mut reader)?,
            holds: holds(&mut reader)?,
            receipts: reader.receipts().len() as u64,
            has_audit_log: reader.contents().entries.iter().any(|entry| entry.path == "audit.jsonl"),
            ignored: reader.ignored().to_vec(),
        };
        let erased = if options.erased { HashSet::new() } else { erased_here(&*self.shared.store)? };
        for id in reader.projects().to_vec() {
            let import = Import {
                shared: &self.shared,
                name: None,
                ids: NewIds::Fresh,
                new_salts: false,
                erased: &erased,
            };
            match read_project(&mut reader, id, import) {
                Ok(imported) => summary.projects.push(imported),
                Err(error) => {
                    summary.projects.iter().for_each(|imported| abandon(&self.shared, imported.id));
                    return Err(error);
                }
            }
        }
        Ok(summary)
    }
}

fn read_project<R: Read + Seek>(
    reader: &mut ArchiveReader<R>,
    id: ProjectId,
    import: Import<'_>,
) -> Result<ImportedProject, Error> {
    let mut project = reader.project(id)?;
    let record = project.record().clone();
    import.run(&record, |to| send(&mut project, to))
}

/// Gives everything that an archive has of a project to a destination.
fn send<R: Read + Seek>(from: &mut ProjectReader<'_, R>, to: &mut dyn Destination) -> Result<(), Error> {
    for index in 0..from.images().len() {
        let Some(record) = from.images().get(index).cloned() else { continue };
        let bytes = from.image_bytes(record.image.id);
        if let Some(bytes) = whole(bytes, Erased::Image(record.image.id), to)? {
            to.image(record, bytes)?;
        }
    }
    for id in from.iterations() {
        let record = from.iteration(id)?;
        let item = Erased::Iteration(id);
        let stored = whole(from.stored_model(id), item, to)?.flatten();
        let file = whole(from.model_file(id), item, to)?.flatten();
        let made_for_archive: Option<ExportId> =
            record.extras.get(ONNX).and_then(Value::as_str).and_then(|id| id.parse().ok());
        to.iteration(record, Models { stored, file })?;
        for export in from.exports(id)? {
            if Some(export.id) == made_for_archive {
                continue;
            }
            let mut files = Vec::new();
            for index in 0..export.files.len() {
                match whole(from.export_file(&export, index), Erased::Export(export.id), to)? {
                    Some(bytes) => files.push(bytes),
                    None => break,
                }
            }
            if files.len() == export.files.len() {
                to.export(export, files)?;
            }
        }
    }
    for record in from.predictions()? {
        let id = record.prediction.prediction.id;
        let mut photo = None;
        if record.prediction.photo_kept {
            photo = whole(from.prediction_bytes(id), Erased::Prediction(id), to)?;
            if photo.is_none() {
                continue;
            }
        }
        to.prediction(record, photo)?;
    }
    Ok(())
}

/// None for bytes that are damaged, which is the matter of what they belong to alone.
fn whole<T>(
    bytes: Result<T, ArchiveError>,
    item: Erased,
    to: &mut dyn Destination,
) -> Result<Option<T>, Error> {
    match bytes {
        Ok(bytes) => Ok(Some(bytes)),
        Err(
            error
            @ (ArchiveError::Changed { .. } | ArchiveError::Damaged { .. } | ArchiveError::Limit { .. }),
        ) => {
            to.problem(TransferProblem::new(item, &error.into(), "it was left out"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn account<R: Read + Seek>(reader: &mut ArchiveReader<R>) -> Result<Option<ocelli_core::AccountId>, Error> {
    let Some(mut value) = reader.account()? else { return Ok(None) };
    let account: Account = serde_json::from_value(value["account"].take()).map_err(|error| {
        ArchiveError::Json { entry: "account.json".to_owned(), reason: error.to_string() }
    })?;
    Ok(Some(account.id))
}

fn holds<R: Read + Seek>(reader: &mut ArchiveReader<R>) -> Result<Vec<Hold>, Error> {
    let Some(value) = reader.holds()? else { return Ok(Vec::new()) };
    Ok(serde_json::from_value(value)
        .map_err(|error| ArchiveError::Json { entry: "holds.json".to_owned(), reason: error.to_string() })?)
}
