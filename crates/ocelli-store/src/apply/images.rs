use std::collections::{BTreeSet, HashSet};

use ocelli_core::{
    Affected, DataClass, Erased, ErasedItem, ErasureReason, ErasureRecord, ErrorCode, Image, ImageId, Limits,
    Metadata, Origin, ProjectId, TagId, Timestamp, limits,
};

use super::affected::{self, Touched};
use super::as_of::AsOf;
use super::holds::Holds;
use super::{Identities, audit, batch, batch_tags, done, done_with, erased, live, photo, within};
use crate::{Applied, ContentHash, FeatureKey, NewImage, StoreError, StoredCalibration};

pub(super) fn add(
    tx: &mut AsOf<'_>,
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
        let bytes = photo::recorded(identities.of(index, &new.bytes), &new.bytes, new.salt);
        added.push(intake.add(tx, new.image, &bytes)?);
    }
    intake.log(tx);
    Ok(Applied::Images(added))
}

pub(super) fn delete(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    images: &[ImageId],
    choice: Affected,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let code = ErrorCode::BadRequestExceededBatchSize;
    within("photos in one deletion", images.len(), limits::MAX_PAGE, code)?;
    let (holds, mut touched) = (Holds::of(tx, project)?, Touched::default());
    for image in images.iter().collect::<BTreeSet<_>>() {
        let found = photo::find(tx, project, *image)?;
        holds.release_image(&found)?;
        erase(tx, project, &found, &mut touched, ErasureReason::Requested, at)?;
    }
    Ok(done_with(affected::settle(tx, project, &touched, choice, at)?))
}

/// Erases a photo, which nothing holds, and remembers that.
pub(super) fn erase(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    image: &Image,
    touched: &mut Touched,
    reason: ErasureReason,
    at: Timestamp,
) -> Result<(), StoreError> {
    let commitment = tx.image_bytes(project, image.id)?.map(|bytes| bytes.commitment);
    remove(tx, project, image, touched)?;
    let mut note = |erased| {
        let record = ErasureRecord { at, project_id: project, erased };
        audit::erased(tx, &ErasedItem { record, reason, commitment })
    };
    note(Erased::Image(image.id))?;
    // A copy from before the photo was used still has it as the prediction's.
    if let Origin::Prediction { prediction_id } = image.origin {
        note(Erased::Prediction(prediction_id))?;
    }
    Ok(())
}

/// Takes a photo and everything that was derived from it away, and notes which iterations that touches: any training under
/// way may be using it, whether it still has a tag or has lost it since.
pub(super) fn remove(
    tx: &mut AsOf<'_>,
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
    tx: &mut AsOf<'_>,
    project: ProjectId,
    image: ImageId,
    metadata: Metadata,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let mut image = photo::find(tx, project, image)?;
    if metadata == image.metadata {
        tx.unchanged();
        return Ok(done());
    }
    Holds::of(tx, project)?.release_image(&image)?;
    let before = std::mem::replace(&mut image.metadata, metadata);
    tx.update_image(project, &image)?;
    if before != Metadata::default() {
        erased(tx, project, Erased::Metadata(image.id), at)?;
    }
    Ok(done())
}

pub(super) fn cache_features(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    key: &FeatureKey,
    features: &[(ImageId, Vec<f32>)],
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let now = tx.now;
    if !tx.shows(project, DataClass::Features, now)? {
        return Ok(Applied::Done);
    }
    if let Some(fingerprint) = &key.calibration
        && tx.calibration(project, &key.base)?.is_none_or(|kept| kept.fingerprint != *fingerprint)
    {
        return Ok(Applied::Done);
    }
    for (image, values) in features {
        if tx.has_image(project, *image)? {
            tx.put_features(project, *image, key, values, now)?;
        }
    }
    Ok(Applied::Done)
}

pub(super) fn keep_calibration(
    tx: &mut AsOf<'_>,
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
