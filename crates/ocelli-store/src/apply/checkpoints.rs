//! How far a training has come, to go on from.

use ocelli_core::{DataClass, ImageId, IterationId, ProjectId, TagId};

use super::as_of::AsOf;
use super::iterations;
use crate::{Applied, Checkpoint, ContentHash, StoreError};

pub(super) fn keep(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    (content, size): (ContentHash, u64),
    looked_at: &[ImageId],
    tags: &[TagId],
) -> Result<Applied, StoreError> {
    iterations::in_training(tx, project, iteration)?;
    let known = tx.tags(project)?;
    if !tags.iter().all(|tag| known.iter().any(|known| known.id == *tag)) {
        return Ok(Applied::Done);
    }
    let mut oldest_photo = None;
    for image in looked_at {
        let Some(created) = tx.image_created(project, *image)? else { return Ok(Applied::Done) };
        oldest_photo = Some(oldest_photo.map_or(created, |oldest| created.min(oldest)));
    }
    // What is due is what happened up to a moment.
    if let Some(oldest) = oldest_photo
        && !tx.shows(project, DataClass::TrainingPhoto, oldest)?
    {
        return Ok(Applied::Done);
    }
    tx.put_checkpoint(project, &Checkpoint { iteration, content, size, oldest_photo })?;
    Ok(Applied::Done)
}
