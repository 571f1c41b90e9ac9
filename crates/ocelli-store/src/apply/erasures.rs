//! Erasing again what a copy that is older than the erasures still has.

use std::collections::BTreeMap;

use ocelli_core::{
    Affected, Commitment, Erased, ErasedItem, Erasure, ErasureReason, ErasureRecord, ErasureStatus, Metadata,
    PredictionId, ProjectId, Timestamp,
};

use super::affected::{self, Touched};
use super::as_of::AsOf;
use super::audit::{self, Refusals};
use super::holds::Holds;
use super::{images, predictions, projects, tags};
use crate::{Applied, StoreError};

/// What is not there is passed over, and so is what the store has done already: metadata that was written since must not
/// go again. No rule of use stands in the way, such as that an iteration is published. What a hold keeps, or nobody can open
/// here, stays and is told, and the others go all the same.
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
        let mut by_this = Touched::default();
        let commitment = match again(tx, erasure, &mut by_this) {
            // Both are met before anything is taken away.
            Err(StoreError::Held { project, item, holds }) => {
                refusals.note(project, &item, &holds);
                refused.push(*erasure);
                continue;
            }
            Err(StoreError::Key { .. }) => {
                refused.push(*erasure);
                continue;
            }
            commitment => commitment?,
        };
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

/// Gives the commitment to what was erased, where it had one.
fn again(
    tx: &mut AsOf<'_>,
    erasure: &ErasureRecord,
    touched: &mut Touched,
) -> Result<Option<Commitment>, StoreError> {
    let ErasureRecord { project_id: project, at, erased } = *erasure;
    if tx.records().project(project)?.is_none() {
        return Ok(None);
    }
    let holds = Holds::of(tx, project)?;
    match erased {
        Erased::Project(_) => {
            holds.release_project(tx)?;
            projects::remove(tx, project)?;
        }
        Erased::Tag(tag) => {
            if let Ok(found) = tags::find(&tx.tags(project)?, tag) {
                holds.release_tag(tx, tag)?;
                tags::remove(tx, project, found, touched)?;
            }
        }
        Erased::Image(image) => {
            if let Some(record) = images::record(tx, project, image)? {
                holds.release_record(&record)?;
                let commitment = images::commitment(tx, project, image)?;
                images::remove(tx, project, image, touched)?;
                return Ok(commitment);
            }
        }
        Erased::Region(region) => {
            if let Some(mut image) = tx.records().image_with_region(project, region)? {
                holds.release_image(&image)?;
                image.regions.retain(|other| other.id != region);
                tx.update_image(project, &image)?;
            }
        }
        Erased::Metadata(image) => {
            if let Some(mut image) = tx.records().image(project, image)? {
                holds.release_image(&image)?;
                image.metadata = Metadata::default();
                tx.update_image(project, &image)?;
            }
        }
        Erased::Iteration(iteration) if tx.has_iteration(project, iteration)? => {
            holds.release_part(erased)?;
            tx.remove_iteration(project, iteration)?;
        }
        Erased::Export(export) if tx.has_export(project, export)? => {
            holds.release_part(erased)?;
            tx.remove_export(project, export)?;
        }
        Erased::Prediction(id) | Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => {
            return prediction_again(tx, project, &holds, erased, id);
        }
        Erased::Features(image) => {
            if let Some(found) = tx.records().image(project, image)? {
                holds.release_image(&found)?;
                tx.remove_features_of(project, image, Some(at))?;
            }
        }
        _ => {}
    }
    Ok(None)
}

fn prediction_again(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    holds: &Holds,
    erased: Erased,
    id: PredictionId,
) -> Result<Option<Commitment>, StoreError> {
    let Some(record) = predictions::record(tx, project, id)? else { return Ok(None) };
    holds.release_kept(&record)?;
    match erased {
        Erased::PredictionPhoto(_) if record.results => tx.remove_prediction_photo(project, id)?,
        Erased::PredictionResult(_) if record.photo => tx.remove_prediction_results(project, id)?,
        _ => tx.remove_prediction(project, id)?,
    }
    Ok(record.commitment.filter(|_| !matches!(erased, Erased::PredictionResult(_))))
}
