use std::collections::{BTreeSet, HashSet};

use ocelli_core::{
    AuditAction, AuditEvent, AuditSubject, Commitment, DataClass, Erased, ErrorCode, Image, ImageTag, Limits,
    Metadata, Origin, PredictionId, ProjectId, Salt, StoredPrediction, Timestamp, limits,
};

use super::as_of::AsOf;
use super::holds::Holds;
use super::{Identities, batch, batch_tags, done, erased_photo, live, photo, within};
use crate::{Applied, ContentHash, ImageAdded, Missing, PredictionParts, StoreError, UsedPrediction};

/// The iteration is not looked for: a kept prediction outlives the iteration that made it, which may have been
/// deleted since. It may also be one that goes on giving a tag that has been erased; nothing new is to name that.
pub(super) fn keep(
    tx: &mut AsOf<'_>,
    mut kept: StoredPrediction,
    bytes: &[u8],
    salt: Salt,
    contents: &[ContentHash],
) -> Result<Applied, StoreError> {
    let (project, id) = (kept.prediction.project_id, kept.prediction.id);
    live(tx, project)?;
    let event = kept.prediction.created;
    let photo_kept = tx.is_kept(project, DataClass::PredictionPhoto, event);
    if !tx.shows(project, DataClass::PredictionResult, event)? {
        kept.prediction.predictions.clear();
    }
    if tx.records().prediction(project, id)?.is_some() {
        return Err(StoreError::IdTaken(id.to_string()));
    }
    for result in std::mem::take(&mut kept.prediction.predictions) {
        if !tx.was_erased(project, &Erased::Tag(result.tag_id))? {
            kept.prediction.predictions.push(result);
        }
    }
    // One that comes from elsewhere may have lost its photo there.
    kept.photo_kept &= photo_kept.is_ok();
    if kept.prediction.predictions.is_empty() && !kept.photo_kept {
        photo_kept?;
        return Err(StoreError::NotKept(DataClass::PredictionPhoto));
    }
    let content = Identities::new(tx, project, contents)?.of(0, bytes);
    let recorded = kept.photo_kept.then(|| photo::recorded(content, bytes, salt));
    tx.insert_prediction(&kept, recorded.as_ref())?;
    let subject = AuditSubject { id: id.as_uuid(), commitment: recorded.map(|bytes| bytes.commitment) };
    tx.events.push(AuditEvent::new(AuditAction::PredictionKept, Some(project)).with([subject]));
    Ok(Applied::Done)
}

pub(super) fn delete(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    predictions: &[PredictionId],
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let (count, limit) = (predictions.len(), limits::MAX_PREDICTIONS_PER_DELETION);
    within("predictions in one deletion", count, limit, ErrorCode::BadRequestPredictionIdsExceededCount)?;
    let holds = Holds::of(tx, project)?;
    for id in predictions.iter().collect::<BTreeSet<_>>() {
        let found = match record(tx, project, *id)? {
            Some(found) if found.is_seen(tx, project)? => found,
            _ => return Err(StoreError::NotFound(Missing::Prediction(*id))),
        };
        holds.release_kept(&found)?;
        tx.remove_prediction(project, *id)?;
        erased_photo(tx, project, Erased::Prediction(*id), found.commitment, at)?;
    }
    Ok(done())
}

/// What an erasure knows of a kept prediction, due or not.
pub(super) struct KeptRecord {
    pub(super) id: PredictionId,
    pub(super) created: Timestamp,
    /// Whether it has its photo, and whether it has results.
    pub(super) photo: bool,
    pub(super) results: bool,
    /// None where its record is damaged, which keeps nobody from erasing it.
    pub(super) metadata: Option<Metadata>,
    pub(super) commitment: Option<Commitment>,
}

impl KeptRecord {
    /// Whether a part of it is not due.
    fn is_seen(&self, tx: &mut AsOf<'_>, project: ProjectId) -> Result<bool, StoreError> {
        Ok((self.photo && tx.shows(project, DataClass::PredictionPhoto, self.created)?)
            || (self.results && tx.shows(project, DataClass::PredictionResult, self.created)?))
    }
}

/// The record of a kept prediction, if there is one.
pub(super) fn record(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    id: PredictionId,
) -> Result<Option<KeptRecord>, StoreError> {
    let (kept, bytes) = match tx.records().prediction(project, id) {
        Err(StoreError::Corrupt { .. }) => {
            let parts = tx.prediction_parts(project, id)?;
            return Ok(parts.map(|PredictionParts { created, photo, results }| KeptRecord {
                id,
                created,
                photo,
                results,
                metadata: None,
                commitment: None,
            }));
        }
        found => match found? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    Ok(Some(KeptRecord {
        id,
        created: kept.prediction.created,
        photo: kept.photo_kept,
        results: !kept.prediction.predictions.is_empty(),
        metadata: Some(kept.metadata),
        commitment: bytes.map(|bytes| bytes.commitment),
    }))
}

pub(super) fn train_on(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    predictions: Vec<UsedPrediction>,
    at: Timestamp,
    limits: &Limits,
) -> Result<Applied, StoreError> {
    let mut intake = photo::Intake::new(tx, project, limits)?;
    batch("predictions in one batch", predictions.len())?;
    let tags = predictions
        .iter()
        .flat_map(|used| used.tags.iter().copied().chain(used.regions.iter().map(|region| region.tag_id)));
    batch_tags(tags.collect::<HashSet<_>>().len())?;
    let holds = Holds::of(tx, project)?;
    let (mut added, mut moved) = (Vec::with_capacity(predictions.len()), Vec::new());
    for used in predictions {
        let prediction = used.prediction;
        let entry = move_photo(tx, project, &holds, &mut intake, used, at)?;
        if entry.is_ok() {
            moved.push(prediction.as_uuid().into());
        }
        added.push(entry);
    }
    if !moved.is_empty() {
        tx.events.push(AuditEvent::new(AuditAction::PredictionsUsed, Some(project)).with(moved));
    }
    intake.log(tx);
    Ok(Applied::Images(added))
}

/// A photo that is not taken stays with its kept prediction. What any hold keeps is not moved: its results and the names
/// that it was published and asked for under would go.
fn move_photo(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    holds: &Holds,
    intake: &mut photo::Intake<'_>,
    used: UsedPrediction,
    at: Timestamp,
) -> Result<ImageAdded, StoreError> {
    let id = used.prediction;
    let Some((kept, Some(bytes))) = tx.prediction(project, id)? else {
        return photo::entry(Err(StoreError::NotFound(Missing::Prediction(id))));
    };
    holds.release_prediction(id, &kept.metadata)?;
    let image = Image {
        id: used.image,
        created: at,
        width: kept.width,
        height: kept.height,
        tags: used.tags.into_iter().map(|tag_id| ImageTag { tag_id, created: at }).collect(),
        regions: used.regions,
        metadata: kept.metadata,
        origin: Origin::Prediction { prediction_id: id },
    };
    let added = intake.add(tx, image, &bytes)?;
    if let Ok(added) = &added {
        tx.remove_prediction(project, id)?;
        // A photo of the same bytes does not remember the prediction: this is all that is known of its end.
        if added.duplicate {
            erased_photo(tx, project, Erased::Prediction(id), Some(bytes.commitment), at)?;
        }
    }
    Ok(added)
}
