use std::collections::{BTreeSet, HashSet};

use ocelli_core::{
    Affected, Erased, ErrorCode, Image, ImageId, Limits, Metadata, Origin, ProjectId, TagId, Timestamp,
    limits,
};

use super::affected::{self, Touched};
use super::{Identities, batch, batch_tags, done, done_with, erased, live, photo, within};
use crate::{Applied, ContentHash, FeatureKey, NewImage, StoreError, StoredCalibration, Transaction};

pub(super) fn add(
    tx: &mut dyn Transaction,
    project: ProjectId,
    images: Vec<NewImage>,
    contents: &[ContentHash],
    limits: &Limits,
) -> Result<Applied, StoreError> {
    let mut intake = photo::Intake::new(tx, project, limits)?;
    batch("photos in one batch", images.len())?;
    batch_tags(images.iter().flat_map(|new| tags_of(&new.image)).collect::<HashSet<_>>().len())?;
    let identities = Identities::new(tx, project, contents)?;
    let mut added = Vec::with_capacity(images.len());
    for (index, new) in images.into_iter().enumerate() {
        added.push(intake.add(tx, new.image, &identities.of(index, &new.bytes))?);
    }
    Ok(Applied::Images(added))
}

pub(super) fn delete(
    tx: &mut dyn Transaction,
    project: ProjectId,
    images: &[ImageId],
    choice: Affected,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let code = ErrorCode::BadRequestExceededBatchSize;
    within("photos in one deletion", images.len(), limits::MAX_PAGE, code)?;
    let mut touched = Touched::default();
    for image in images.iter().collect::<BTreeSet<_>>() {
        let found = photo::find(tx, project, *image)?;
        remove(tx, project, &found, &mut touched)?;
        erased(tx, project, Erased::Image(*image), at)?;
        // A copy from before the photo was used still has it as the prediction's.
        if let Origin::Prediction { prediction_id } = found.origin {
            erased(tx, project, Erased::Prediction(prediction_id), at)?;
        }
    }
    Ok(done_with(affected::settle(tx, project, &touched, choice, at)?))
}

/// Takes a photo and everything that was derived from it away, and notes which iterations that touches: any training under
/// way may be using it, whether it still has a tag or has lost it since.
pub(super) fn remove(
    tx: &mut dyn Transaction,
    project: ProjectId,
    image: &Image,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    touched.in_training = true;
    let image = image.id;
    for base in tx.calibrations_with_image(project, image)? {
        if let Some(calibration) = tx.calibration(project, &base)? {
            tx.remove_features(project, &FeatureKey::int8(&base, calibration.fingerprint))?;
        }
        tx.remove_calibration(project, &base)?;
    }
    tx.remove_image(project, image)?;
    touched.trained.extend(tx.forget_image(project, image)?);
    Ok(())
}

pub(super) fn set_metadata(
    tx: &mut dyn Transaction,
    project: ProjectId,
    image: ImageId,
    metadata: Metadata,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let mut image = photo::find(tx, project, image)?;
    let before = std::mem::replace(&mut image.metadata, metadata);
    if before == image.metadata {
        return Ok(done());
    }
    tx.update_image(project, &image)?;
    if before != Metadata::default() {
        erased(tx, project, Erased::Metadata(image.id), at)?;
    }
    Ok(done())
}

pub(super) fn cache_features(
    tx: &mut dyn Transaction,
    project: ProjectId,
    key: &FeatureKey,
    features: &[(ImageId, Vec<f32>)],
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    if let Some(fingerprint) = &key.calibration
        && tx.calibration(project, &key.base)?.is_none_or(|kept| kept.fingerprint != *fingerprint)
    {
        return Ok(Applied::Done);
    }
    for (image, values) in features {
        if tx.has_image(project, *image)? {
            tx.put_features(project, *image, key, values)?;
        }
    }
    Ok(Applied::Done)
}

pub(super) fn keep_calibration(
    tx: &mut dyn Transaction,
    project: ProjectId,
    base: String,
    calibration: &StoredCalibration,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    for image in &calibration.images {
        if !tx.has_image(project, *image)? {
            return Ok(Applied::Done);
        }
    }
    let before = tx.calibration(project, &base)?;
    tx.put_calibration(project, &base, calibration)?;
    if let Some(before) = before.filter(|before| before.fingerprint != calibration.fingerprint) {
        tx.remove_features(project, &FeatureKey::int8(base, before.fingerprint))?;
    }
    Ok(Applied::Done)
}

/// The tags of a photo and of its regions.
fn tags_of(image: &Image) -> impl Iterator<Item = TagId> {
    image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|region| region.tag_id))
}
