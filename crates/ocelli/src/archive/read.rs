use std::io::{Read, Seek};

use ocelli_archive::{ArchiveError, ArchiveReader, ProjectReader, ReadLimits};
use ocelli_core::{Account, Erased, ExportId, Hold, ProjectId};
use ocelli_store::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::destination::{Destination, Models};
use super::erased_here::ErasedHere;
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
    /// Whether what was erased here is taken all the same. Otherwise an archive that is older than an erasure does not bring
    /// back the photos, kept predictions, iterations and exports that it took: those that the log of erasures has by their
    /// ids, or all of a project that it has, and photos whose commitment it has, in whichever archive they come. Tags, regions
    /// and metadata that were taken from photos that are still here come with those. What was erased only since it was due
    /// comes, if the policy that comes along keeps it.
    pub erased: bool,
}

impl Ocelli {
    /// Makes the projects of an archive, which need not be trusted: photos are checked, decoded and stripped like uploaded
    /// ones, and everything is held to the limits and rules of this data directory.
    ///
    /// Everything gets new ids, and keeps the moments at which it was made, so that its time goes on counting: what the
    /// project's policy, which comes along, lets be due already is left out and counted. A moment that is yet to come becomes
    /// now. A project whose name is in use gets a number behind it. Photos keep their salts, so commitments made elsewhere
    /// are still to them; those of an archive of this data directory get new ones, so that erasing the one leaves no proof
    /// about the other. Iterations come with their models, manifests and moments, and arrive unpublished.
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
    /// refused, or the store fails. The projects that the import had made are erased then, and nothing else has changed;
    /// what goes with them was asked of nobody, and another import brings it. Where a hold by metadata selects a photo of
    /// such a project, the project is only deleted, and there until the hold is released and its time has passed.
    ///
    /// Where the process is killed meanwhile, a project may be left in part: the audit log says that it was made and not
    /// that it was imported. Erase it and import again with [`ImportOptions::erased`]: erasing it was asked for, and counts
    /// for the photos that it had.
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
        let is_from_here = summary.account == Some(self.shared.store.account()?.id);
        let erased = if options.erased {
            ErasedHere::default()
        } else {
            ErasedHere::of(&*self.shared.store, reader.projects())?
        };
        for id in reader.projects().to_vec() {
            let new_salts = is_from_here || self.has(id)?;
            let import =
                Import { shared: &self.shared, name: None, ids: NewIds::Fresh, new_salts, erased: &erased };
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

    /// Whether the project is here, deleted or not.
    fn has(&self, id: ProjectId) -> Result<bool, Error> {
        match self.shared.store.retention(id) {
            Err(StoreError::NotFound(_)) => Ok(false),
            found => Ok(found.map(|_| true)?),
        }
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
            let done = "it was taken without its photo";
            photo = whole_or(from.prediction_bytes(id), Erased::PredictionPhoto(id), done, to)?;
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
    whole_or(bytes, item, "it was left out", to)
}

fn whole_or<T>(
    bytes: Result<T, ArchiveError>,
    item: Erased,
    what_was_done: &str,
    to: &mut dyn Destination,
) -> Result<Option<T>, Error> {
    match bytes {
        Ok(bytes) => Ok(Some(bytes)),
        Err(
            error
            @ (ArchiveError::Changed { .. } | ArchiveError::Damaged { .. } | ArchiveError::Limit { .. }),
        ) => {
            to.problem(TransferProblem::new(item, &error.into(), what_was_done));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn account<R: Read + Seek>(reader: &mut ArchiveReader<R>) -> Result<Option<ocelli_core::AccountId>, Error> {
    let Some(mut value) = reader.account()? else { return Ok(None) };
    let account = value.get_mut("account").map(Value::take).unwrap_or_default();
    let account: Account = serde_json::from_value(account).map_err(|error| ArchiveError::Json {
        entry: "account.json".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Some(account.id))
}

fn holds<R: Read + Seek>(reader: &mut ArchiveReader<R>) -> Result<Vec<Hold>, Error> {
    let Some(value) = reader.holds()? else { return Ok(Vec::new()) };
    Ok(serde_json::from_value(value)
        .map_err(|error| ArchiveError::Json { entry: "holds.json".to_owned(), reason: error.to_string() })?)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ocelli_archive::ArchiveWriter;
    use ocelli_core::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::OpenOptions;

    #[test]
    fn what_is_no_account_or_no_holds_is_refused() {
        let ocelli = OpenOptions::new().in_memory().unwrap();
        let import = |account: Option<Value>, holds: Option<Value>| {
            let mut archive = ArchiveWriter::new(Cursor::new(Vec::new()), Timestamp::from_millis(0));
            account.iter().for_each(|account| archive.account(account).unwrap());
            holds.iter().for_each(|holds| archive.holds(holds).unwrap());
            ocelli.import(archive.finish().unwrap().0, &ImportOptions::default())
        };
        let no_accounts = [json!([]), json!(1), json!("x"), json!(null), json!({}), json!({ "account": [] })];
        for account in no_accounts {
            let error = import(Some(account.clone()), None).unwrap_err();
            assert!(matches!(error, Error::Archive(ArchiveError::Json { .. })), "{account}: {error}");
        }
        for holds in [json!({}), json!(1), json!([[]]), json!(null)] {
            let error = import(None, Some(holds.clone())).unwrap_err();
            assert!(matches!(error, Error::Archive(ArchiveError::Json { .. })), "{holds}: {error}");
        }
        let account = json!({ "account": ocelli.account().unwrap(), "later": true });
        let summary = import(Some(account), Some(json!([]))).unwrap();
        assert_eq!(summary.account, Some(ocelli.account().unwrap().id));
    }
}
