use std::collections::{BTreeSet, HashSet};

use ocelli_core::{
    Erased, ErrorCode, Image, ImageTag, Limits, Metadata, Origin, PredictionId, ProjectId, StoredPrediction,
    Timestamp, limits,
};

use super::{Identities, batch, batch_tags, done, erased, live, photo, within};
use crate::{Applied, ContentHash, ImageAdded, Missing, StoreError, Transaction, UsedPrediction};

/// The iteration is not looked for: a kept prediction outlives the iteration that made it, which may have been
/// deleted since. It may also be one that goes on giving a tag that has been erased; nothing new is to name that.
pub(super) fn keep(
    tx: &mut dyn Transaction,
    mut kept: StoredPrediction,
    bytes: &[u8],
    contents: &[ContentHash],
) -> Result<Applied, StoreError> {
    let (project, id) = (kept.prediction.project_id, kept.prediction.id);
    live(tx, project)?;
    if tx.prediction(project, id)?.is_some() {
        return Err(StoreError::IdTaken(id.to_string()));
    }
    for result in std::mem::take(&mut kept.prediction.predictions) {
        if !tx.was_erased(project, &Erased::Tag(result.tag_id))? {
            kept.prediction.predictions.push(result);
        }
    }
    let content = Identities::new(tx, project, contents)?.of(0, bytes);
    tx.insert_prediction(&kept, &content)?;
    Ok(Applied::Done)
}

pub(super) fn delete(
    tx: &mut dyn Transaction,
    project: ProjectId,
    predictions: &[PredictionId],
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let (count, limit) = (predictions.len(), limits::MAX_PREDICTIONS_PER_DELETION);
    within("predictions in one deletion", count, limit, ErrorCode::BadRequestPredictionIdsExceededCount)?;
    for id in predictions.iter().collect::<BTreeSet<_>>() {
        tx.prediction(project, *id)?.ok_or(StoreError::NotFound(Missing::Prediction(*id)))?;
        tx.remove_prediction(project, *id)?;
        erased(tx, project, Erased::Prediction(*id), at)?;
    }
    Ok(done())
}

pub(super) fn train_on(
    tx: &mut dyn Transaction,
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
    let mut added = Vec::with_capacity(predictions.len());
    for used in predictions {
        added.push(move_photo(tx, project, &mut intake, used, at)?);
    }
    Ok(Applied::Images(added))
}

/// A photo that is not taken stays with its kept prediction.
fn move_photo(
    tx: &mut dyn Transaction,
    project: ProjectId,
    intake: &mut photo::Intake<'_>,
    used: UsedPrediction,
    at: Timestamp,
) -> Result<ImageAdded, StoreError> {
    let (kept, content) = match find(tx, project, used.prediction, at) {
        Ok(found) => found,
        Err(error) => return photo::entry(Err(error)),
    };
    let image = Image {
        id: used.image,
        created: at,
        width: kept.width,
        height: kept.height,
        tags: used.tags.into_iter().map(|tag_id| ImageTag { tag_id, created: at }).collect(),
        regions: used.regions,
        metadata: Metadata::default(),
        origin: Origin::Prediction { prediction_id: used.prediction },
    };
    let added = intake.add(tx, image, &content)?;
    if let Ok(added) = &added {
        tx.remove_prediction(project, used.prediction)?;
        // A photo of the same bytes does not remember the prediction: this is all that is known of its end.
        if added.duplicate {
            erased(tx, project, Erased::Prediction(used.prediction), at)?;
        }
    }
    Ok(added)
}

/// The prediction, unless it has expired.
fn find(
    tx: &mut dyn Transaction,
    project: ProjectId,
    prediction: PredictionId,
    at: Timestamp,
) -> Result<(StoredPrediction, ContentHash), StoreError> {
    tx.prediction(project, prediction)?
        .filter(|(kept, _)| at < kept.expires)
        .ok_or(StoreError::NotFound(Missing::Prediction(prediction)))
}
