//! Erasing again what a copy that is older than the erasures still has.

use std::collections::BTreeMap;

use ocelli_core::{Affected, Erased, ErasureRecord, Metadata, ProjectId, Timestamp};

use super::affected::{self, Touched};
use super::{done_with, images, iterations, tags};
use crate::{Applied, StoreError, Transaction};

/// What is not there is passed over, and so is what the store has done already: metadata that was written since must not
/// go again. No rule of use stands in the way, such as that an iteration is published.
///
/// What becomes of the iterations comes last, so that those that were erased themselves are not among them.
pub(super) fn reapply(
    tx: &mut dyn Transaction,
    erasures: &[ErasureRecord],
    choice: Affected,
) -> Result<Applied, StoreError> {
    if !erasures.iter().all(|erasure| is_known(&erasure.erased)) {
        return Err(StoreError::Unsupported("erase again what a newer version has erased; use that version"));
    }
    let mut touched: BTreeMap<ProjectId, (Timestamp, Touched)> = BTreeMap::new();
    for erasure in erasures {
        if !tx.knows_erasure(erasure)? {
            let (last, touched) =
                touched.entry(erasure.project_id).or_insert((erasure.at, Touched::default()));
            *last = erasure.at.max(*last);
            again(tx, erasure, touched)?;
            tx.record_erasure(erasure)?;
        }
    }
    let mut settled = Vec::new();
    for (project, (last, touched)) in touched {
        if tx.project(project)?.is_some() {
            settled.extend(affected::settle(tx, project, &touched, choice, last)?);
        }
    }
    Ok(done_with(settled))
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
    )
}

fn again(tx: &mut dyn Transaction, erasure: &ErasureRecord, touched: &mut Touched) -> Result<(), StoreError> {
    let ErasureRecord { project_id: project, at, erased } = *erasure;
    if tx.project(project)?.is_none() {
        return Ok(());
    }
    match erased {
        Erased::Project(_) => tx.remove_project(project)?,
        Erased::Tag(tag) => {
            if let Ok(tag) = tags::find(&tx.tags(project)?, tag) {
                tags::remove(tx, project, tag, touched)?;
            }
        }
        Erased::Image(image) => {
            if let Some(image) = tx.image(project, image)? {
                images::remove(tx, project, &image, touched)?;
            }
        }
        Erased::Region(region) => {
            if let Some(mut image) = tx.image_with_region(project, region)? {
                image.regions.retain(|other| other.id != region);
                tx.update_image(project, &image)?;
            }
        }
        Erased::Metadata(image) => {
            if let Some(mut image) = tx.image(project, image)? {
                image.metadata = Metadata::default();
                tx.update_image(project, &image)?;
            }
        }
        Erased::Iteration(iteration) => iterations::remove(tx, project, iteration, at)?,
        Erased::Export(export) => tx.remove_export(project, export)?,
        Erased::Prediction(prediction) => tx.remove_prediction(project, prediction)?,
        _ => {}
    }
    Ok(())
}
