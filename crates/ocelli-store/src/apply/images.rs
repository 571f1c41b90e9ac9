use std::collections::{BTreeSet, HashSet};

use ocelli_core::{
    Affected, Commitment, DataClass, Erased, ErasedItem, ErasureReason, ErasureRecord, ErrorCode, Image,
    ImageId, Limits, Metadata, Origin, PredictionId, ProjectId, TagId, Timestamp, limits,
};

use super::affected::{self, Touched};
use super::as_of::AsOf;
use super::holds::Holds;
use super::{Identities, audit, batch, batch_tags, done, done_with, erased, live, photo, within};
use crate::{Applied, ContentHash, FeatureKey, Missing, NewImage, StoreError, StoredCalibration};

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
        let found = match record(tx, project, *image)? {
            Some(found) if tx.shows(project, DataClass::TrainingPhoto, found.created)? => found,
            _ => return Err(StoreError::NotFound(Missing::Image(*image))),
        };
        holds.release_record(&found)?;
        erase(tx, project, &found, &mut touched, ErasureReason::Requested, at)?;
    }
    Ok(done_with(affected::settle(tx, project, &touched, choice, at)?))
}

/// What an erasure knows of a photo, due or not.
pub(super) struct ImageRecord {
    pub(super) id: ImageId,
    pub(super) created: Timestamp,
    /// None where its record is damaged, which keeps nobody from erasing it.
    pub(super) image: Option<Image>,
    /// The kept prediction that it was, as far as that can be told.
    pub(super) prediction: Option<PredictionId>,
}

/// The record of a photo, if there is one.
pub(super) fn record(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    id: ImageId,
) -> Result<Option<ImageRecord>, StoreError> {
    match tx.records().image(project, id) {
        Err(StoreError::Corrupt { .. }) => {
            let Some(created) = tx.image_created(project, id)? else { return Ok(None) };
            let origin = match tx.image_origin(project, id) {
                Err(StoreError::Corrupt { .. }) => None,
                origin => origin?,
            };
            Ok(Some(ImageRecord { id, created, image: None, prediction: origin.and_then(of_prediction) }))
        }
        found => Ok(found?.map(|image| {
            let prediction = of_prediction(image.origin.clone());
            ImageRecord { id, created: image.created, image: Some(image), prediction }
        })),
    }
}

fn of_prediction(origin: Origin) -> Option<PredictionId> {
    match origin {
        Origin::Prediction { prediction_id } => Some(prediction_id),
        _ => None,
    }
}

/// The commitment to a photo's bytes; none where what is recorded of them is damaged.
pub(super) fn commitment(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    image: ImageId,
) -> Result<Option<Commitment>, StoreError> {
    match tx.image_bytes(project, image) {
        Err(StoreError::Corrupt { .. }) => Ok(None),
        found => Ok(found?.map(|bytes| bytes.commitment)),
    }
}

/// Erases a photo, which nothing holds, and remembers that.
pub(super) fn erase(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    record: &ImageRecord,
    touched: &mut Touched,
    reason: ErasureReason,
    at: Timestamp,
) -> Result<(), StoreError> {
    let commitment = commitment(tx, project, record.id)?;
    remove(tx, project, record.id, touched)?;
    let mut note = |erased| {
        let record = ErasureRecord { at, project_id: project, erased };
        audit::erased(tx, &ErasedItem { record, reason, commitment })
    };
    note(Erased::Image(record.id))?;
    // A copy from before the photo was used still has it as the prediction's.
    if let Some(prediction) = record.prediction {
        note(Erased::Prediction(prediction))?;
    }
    Ok(())
}

/// Takes a photo and everything that was derived from it away, and notes which iterations that touches: any training under
/// way may be using it, and have learned from it what its checkpoint holds, whether it still has a tag or has lost it since.
pub(super) fn remove(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    image: ImageId,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    touched.in_training = true;
    for base in tx.calibrations_with_image(project, image)? {
        if let Some(fingerprint) = tx.calibration_fingerprint(project, &base)? {
            tx.remove_features(project, &FeatureKey::int8(&base, fingerprint))?;
        }
        tx.remove_calibration(project, &base)?;
    }
    tx.remove_checkpoint(project)?;
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
    let before = tx.calibration_fingerprint(project, &base)?;
    tx.put_calibration(project, &base, calibration)?;
    if let Some(before) = before.filter(|before| *before != calibration.fingerprint) {
        tx.remove_features(project, &FeatureKey::int8(base, before))?;
    }
    Ok(Applied::Done)
}

/// The tags of a photo and of its regions.
fn tags_of(image: &Image) -> impl Iterator<Item = TagId> {
    image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|region| region.tag_id))
}
