use std::collections::HashSet;

use ocelli_core::{DataClass, Erased, Export, ExportFile, ExportId, ProjectId, Timestamp};

use super::as_of::AsOf;
use super::holds::Holds;
use super::{Identities, done, erased, iterations, live};
use crate::{Applied, ContentHash, Missing, NewExportFile, StoreError};

pub(super) fn keep(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    mut export: Export,
    files: &[NewExportFile],
    contents: &[ContentHash],
) -> Result<Applied, StoreError> {
    let iteration = iterations::find(tx, project, export.iteration_id)?.0;
    if !iteration.is_completed() {
        return Err(StoreError::NotCompleted(iteration.id));
    }
    tx.is_kept(project, DataClass::Export, export.created)?;
    if tx.has_export(project, export.id)? {
        return Err(StoreError::IdTaken(export.id.to_string()));
    }
    let mut names = HashSet::new();
    if let Some(twice) = files.iter().find(|file| !names.insert(&file.name)) {
        return Err(StoreError::ExportFileNameTaken(twice.name.clone()));
    }
    let file = |file: &NewExportFile| ExportFile { name: file.name.clone(), size: file.bytes.len() as u64 };
    export.files = files.iter().map(file).collect();
    let identities = Identities::new(tx, project, contents)?;
    let each = files.iter().enumerate();
    let contents: Vec<ContentHash> = each.map(|(index, file)| identities.of(index, &file.bytes)).collect();
    tx.insert_export(project, &export, &contents)?;
    Ok(Applied::Done)
}

pub(super) fn delete(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    export: ExportId,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    if tx.exports(project)?.iter().all(|other| other.id != export) {
        return Err(StoreError::NotFound(Missing::Export(export)));
    }
    Holds::of(tx, project)?.release_part(Erased::Export(export))?;
    tx.remove_export(project, export)?;
    erased(tx, project, Erased::Export(export), at)?;
    Ok(done())
}
