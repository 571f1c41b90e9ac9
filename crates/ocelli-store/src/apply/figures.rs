//! Figures that come with a change from elsewhere.

use ocelli_core::{InvalidValue, Manifest, StoredPrediction};

use crate::{Change, StoreError};

/// Refuses figures that no JSON can say: a record with one could be written and never be read again.
pub(super) fn check(change: &Change) -> Result<(), StoreError> {
    match change {
        Change::KeepPrediction { prediction, .. } => of_prediction(prediction),
        Change::CompleteTraining { trained, .. } => of_manifest(&trained.manifest),
        _ => Ok(()),
    }
}

fn of_prediction(kept: &StoredPrediction) -> Result<(), StoreError> {
    probabilities(kept.prediction.predictions.iter().map(|result| result.probability))
}

fn of_manifest(manifest: &Manifest) -> Result<(), StoreError> {
    let int8 = manifest.int8.as_ref().map_or(0.0, |int8| int8.cost.mean_probability_change);
    let figures = [
        ("the strength of the regularisation", manifest.strength),
        ("the balance of the tags", f64::from(manifest.balance)),
        ("what int8 costs", int8),
    ];
    if let Some((name, _)) = figures.into_iter().find(|(_, figure)| !figure.is_finite()) {
        return Err(StoreError::NotFinite(name));
    }
    if manifest.calibration.as_ref().is_some_and(|calibration| !calibration.is_finite()) {
        return Err(StoreError::NotFinite("the calibration of the probabilities"));
    }
    if manifest.fine_tuning.as_ref().is_some_and(|tuning| !tuning.is_finite()) {
        return Err(StoreError::NotFinite("the record of the fine-tuning"));
    }
    let evaluations = std::iter::once(&manifest.evaluation).chain(&manifest.test);
    let photos = evaluations.flat_map(|evaluation| &evaluation.photos);
    probabilities(photos.flat_map(|photo| photo.probabilities.iter().copied()))
}

fn probabilities(mut values: impl Iterator<Item = f32>) -> Result<(), StoreError> {
    match values.find(|value| !value.is_finite()) {
        Some(value) => Err(InvalidValue::Probability { value }.into()),
        None => Ok(()),
    }
}
