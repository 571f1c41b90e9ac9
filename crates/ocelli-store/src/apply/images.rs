use std::collections::{BTreeSet, HashSet};

use ocelli_core::{ErrorCode, Image, ImageId, Limits, Metadata, ProjectId, TagId, limits};

use super::{batch, batch_tags, live, photo, within};
use crate::{
    Applied, ContentHash, FeatureKey, Missing, NewImage, StoreError, StoredCalibration, Transaction,
};

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
    let key = tx.content_key(project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
    let mut added = Vec::with_capacity(images.len());
    for (index, new) in images.into_iter().enumerate() {
        let content = contents.get(index).copied().unwrap_or_else(|| key.hash(&new.bytes));
        added.push(intake.add(tx, new.image, &content)?);
    }
    Ok(Applied::Images(added))
}

pub(super) fn delete(
    tx: &mut dyn Transaction,
    project: ProjectId,
    images: &[ImageId],
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let code = ErrorCode::BadRequestExceededBatchSize;
    within("photos in one deletion", images.len(), limits::MAX_PAGE, code)?;
    for image in images.iter().collect::<BTreeSet<_>>() {
        photo::find(tx, project, *image)?;
        tx.remove_image(project, *image)?;
    }
    Ok(Applied::Done)
}

pub(super) fn set_metadata(
    tx: &mut dyn Transaction,
    project: ProjectId,
    image: ImageId,
    metadata: Metadata,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let mut image = photo::find(tx, project, image)?;
    image.metadata = metadata;
    tx.update_image(project, &image)?;
    Ok(Applied::Done)
}

pub(super) fn cache_features(
    tx: &mut dyn Transaction,
    project: ProjectId,
    key: &FeatureKey,
    features: &[(ImageId, Vec<f32>)],
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    for (image, values) in features {
        if tx.image(project, *image)?.is_some() {
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
