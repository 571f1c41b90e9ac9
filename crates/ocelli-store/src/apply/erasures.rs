//! Erasing again what a copy that is older than the erasures still has.

use std::collections::BTreeMap;

use ocelli_core::{
    Affected, Commitment, Erased, ErasedItem, Erasure, ErasureReason, ErasureRecord, ErasureStatus, ExportId,
    Image, ImageId, IterationId, Metadata, ProjectId, Tag, Timestamp,
};

use super::affected::{self, Touched};
use super::as_of::AsOf;
use super::audit::{self, Refusals};
use super::holds::Holds;
use super::predictions::KeptRecord;
use super::{images, predictions, projects, tags};
use crate::{Applied, StoreError};

/// What is not there is passed over, and so is what the store has done already: metadata that was written since must not
/// go again. No rule of use stands in the way, such as that an iteration is published. What a hold keeps, or nobody can open
/// or read here, stays and is told, and the others go all the same.
///
/// What becomes of the iterations comes last, so that those that were erased themselves are not among them.
pub(super) fn reapply(
    tx: &mut AsOf<'_>,
    erasures: &[ErasureRecord],
    choice: Affected,
) -> Result<Applied, StoreError> {
    if !erasures.iter().all(|erasure| is_known(&erasure.erased)) {
        return Err(StoreError::Unsupported("erase again what a newer version has erased; use that version"));
    }
    let mut touched: BTreeMap<ProjectId, (Timestamp, Touched)> = BTreeMap::new();
    let (mut refused, mut refusals) = (Vec::new(), Refusals::default());
    for erasure in erasures {
        if tx.knows_erasure(erasure)? {
            continue;
        }
        let goes = match look(tx, erasure) {
            Err(StoreError::Held { project, item, holds }) => {
                refusals.note(project, &item, &holds);
                refused.push(*erasure);
                continue;
            }
            Err(StoreError::Key { .. } | StoreError::Corrupt { .. }) => {
                refused.push(*erasure);
                continue;
            }
            goes => goes?,
        };
        let mut by_this = Touched::default();
        // From here on, what goes wrong fails the change, which is undone.
        let commitment = take(tx, erasure, goes, &mut by_this)?;
        let (last, all) = touched.entry(erasure.project_id).or_insert((erasure.at, Touched::default()));
        *last = erasure.at.max(*last);
        all.extend(by_this);
        let item = ErasedItem { record: *erasure, reason: ErasureReason::Requested, commitment };
        audit::erased(tx, &item)?;
    }
    refusals.log(tx);
    let mut settled = Vec::new();
    for (project, (last, touched)) in touched {
        if tx.records().project(project)?.is_some() {
            settled.extend(affected::settle(tx, project, &touched, choice, last)?);
        }
    }
    Ok(Applied::Erased(Erasure {
        operation: None,
        status: ErasureStatus::Complete,
        iterations: settled,
        refused,
    }))
}

/// A later version may know more kinds.
fn is_known(erased: &Erased) -> bool {
    matches!(
        erased,
        Erased::Project(_)
            | Erased::Tag(_)
            | Erased::Image(_)
            | Erased::Region(_)
            | Erased::Metadata(_)
            | Erased::Iteration(_)
            | Erased::Export(_)
            | Erased::Prediction(_)
            | Erased::PredictionPhoto(_)
            | Erased::PredictionResult(_)
            | Erased::Features(_)
    )
}

/// What goes again, and all that is to be known of it to take it away.
enum Goes {
    Nothing,
    Project,
    Tag(Tag),
    Image(ImageId, Option<Commitment>),
    /// A photo as it is to be from now on.
    Altered(Image),
    Iteration(IterationId),
    Export(ExportId),
    Prediction(KeptRecord),
    Features(ImageId),
}

/// Finds out whether something may go, and what of it is there. It takes nothing away.
fn look(tx: &mut AsOf<'_>, erasure: &ErasureRecord) -> Result<Goes, StoreError> {
    let ErasureRecord { project_id: project, erased, .. } = *erasure;
    if tx.records().project(project)?.is_none() {
        return Ok(Goes::Nothing);
    }
    let holds = Holds::of(tx, project)?;
    if matches!(erased, Erased::Project(_)) {
        holds.release_project(tx)?;
        return Ok(Goes::Project);
    }
    // What becomes of the iterations is asked of it after things have gone.
    tx.visibility(project)?;
    tx.can_remove(project, &erased)?;
    match erased {
        Erased::Tag(tag) => {
            if let Ok(found) = tags::find(&tx.tags(project)?, tag) {
                holds.release_tag(tx, tag)?;
                // They may say the tag's name.
                tx.records().iterations(project)?;
                return Ok(Goes::Tag(found.clone()));
            }
        }
        Erased::Image(image) => {
            if let Some(record) = images::record(tx, project, image)? {
                holds.release_record(&record)?;
                return Ok(Goes::Image(image, images::commitment(tx, project, image)?));
            }
        }
        Erased::Region(region) => {
            if let Some(mut image) = tx.records().image_with_region(project, region)? {
                holds.release_image(&image)?;
                image.regions.retain(|other| other.id != region);
                return Ok(Goes::Altered(image));
            }
        }
        Erased::Metadata(image) => {
            if let Some(mut image) = tx.records().image(project, image)? {
                holds.release_image(&image)?;
                image.metadata = Metadata::default();
                return Ok(Goes::Altered(image));
            }
        }
        Erased::Iteration(iteration) if tx.has_iteration(project, iteration)? => {
            holds.release_part(erased)?;
            return Ok(Goes::Iteration(iteration));
        }
        Erased::Export(export) if tx.has_export(project, export)? => {
            holds.release_part(erased)?;
            return Ok(Goes::Export(export));
        }
        Erased::Prediction(id) | Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => {
            if let Some(record) = predictions::record(tx, project, id)? {
                holds.release_kept(&record)?;
                return Ok(Goes::Prediction(record));
            }
        }
        Erased::Features(image) => {
            if let Some(record) = images::record(tx, project, image)? {
                holds.release_record(&record)?;
                return Ok(Goes::Features(image));
            }
        }
        _ => {}
    }
    Ok(Goes::Nothing)
}

/// Gives the commitment to what was erased, where it had one.
fn take(
    tx: &mut AsOf<'_>,
    erasure: &ErasureRecord,
    goes: Goes,
    touched: &mut Touched,
) -> Result<Option<Commitment>, StoreError> {
    let ErasureRecord { project_id: project, at, erased } = *erasure;
    match goes {
        Goes::Nothing => {}
        Goes::Project => projects::remove(tx, project)?,
        Goes::Tag(tag) => tags::remove(tx, project, &tag, touched)?,
        Goes::Image(image, commitment) => {
            images::remove(tx, project, image, touched)?;
            return Ok(commitment);
        }
        Goes::Altered(image) => tx.update_image(project, &image)?,
        Goes::Iteration(iteration) => tx.remove_iteration(project, iteration)?,
        Goes::Export(export) => tx.remove_export(project, export)?,
        Goes::Prediction(record) => {
            match erased {
                Erased::PredictionPhoto(id) if record.results => tx.remove_prediction_photo(project, id)?,
                Erased::PredictionResult(id) if record.photo => tx.remove_prediction_results(project, id)?,
                _ => tx.remove_prediction(project, record.id)?,
            }
            return Ok(record.commitment.filter(|_| !matches!(erased, Erased::PredictionResult(_))));
        }
        Goes::Features(image) => tx.remove_features_of(project, image, Some(at))?,
    }
    Ok(None)
}
