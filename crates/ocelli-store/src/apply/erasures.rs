//! Erasing again what a copy that is older than the erasures still has.

use ocelli_core::{Erased, ErasureRecord, Metadata};

use super::{done, images, iterations};
use crate::{Applied, StoreError, Transaction};

/// What is not there is passed over, and so is what the store has done already: metadata that was written since must not
/// go again. No rule of use stands in the way, such as that an iteration is published.
pub(super) fn reapply(tx: &mut dyn Transaction, erasures: &[ErasureRecord]) -> Result<Applied, StoreError> {
    for erasure in erasures {
        if !tx.knows_erasure(erasure)? {
            again(tx, erasure)?;
            tx.record_erasure(erasure)?;
        }
    }
    Ok(done())
}

fn again(tx: &mut dyn Transaction, erasure: &ErasureRecord) -> Result<(), StoreError> {
    let ErasureRecord { project_id: project, at, erased } = *erasure;
    if tx.project(project)?.is_none() {
        return Ok(());
    }
    match erased {
        Erased::Project(_) => tx.remove_project(project)?,
        Erased::Tag(tag) => tx.remove_tag(project, tag)?,
        Erased::Image(image) => {
            images::remove(tx, project, image)?;
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
        // A kind that a later version knows and this one does not.
        _ => {}
    }
    Ok(())
}
