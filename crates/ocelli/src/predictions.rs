use ocelli_core::{Erasure, ImageId, PredictionId, Region, RegionId, StoredPrediction, TagId};
use ocelli_store::{Applied, Change, PredictionPage, PredictionQuery, UsedPrediction};
use serde::{Deserialize, Serialize};

use crate::upload::{NewRegion, UploadResult, UploadSummary, answered};
use crate::{Error, ProjectHandle};

/// A kept prediction whose photo is to be trained on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsePrediction {
    /// The prediction.
    pub prediction: PredictionId,
    /// The tags that the photo gets.
    pub tags: Vec<TagId>,
    /// The regions that it gets.
    pub regions: Vec<NewRegion>,
}

impl ProjectHandle {
    /// A page of the kept predictions. Those that have expired are not there.
    ///
    /// # Errors
    ///
    /// If the page takes more than [`MAX_PAGE`](ocelli_core::limits::MAX_PAGE), or the question combines more than
    /// [`MAX_TAGS_PER_PREDICTION_QUERY`](ocelli_core::limits::MAX_TAGS_PER_PREDICTION_QUERY) tags.
    pub fn predictions(&self, query: &PredictionQuery) -> Result<PredictionPage, Error> {
        Ok(self.shared.store.predictions(self.id(), query)?)
    }

    /// A kept prediction.
    pub fn prediction(&self, id: PredictionId) -> Result<StoredPrediction, Error> {
        Ok(self.shared.store.prediction(self.id(), id)?)
    }

    /// The photo of a kept prediction, less the metadata within.
    pub fn prediction_bytes(&self, id: PredictionId) -> Result<Vec<u8>, Error> {
        Ok(self.shared.store.prediction_bytes(self.id(), id)?)
    }

    /// Erases kept predictions and their photos. A photo to train on that has the same bytes stays. Those that have expired
    /// are not there; a sweep erases them.
    ///
    /// # Errors
    ///
    /// If one of them is not there, or they are more than
    /// [`MAX_PREDICTIONS_PER_DELETION`](ocelli_core::limits::MAX_PREDICTIONS_PER_DELETION); then none is erased.
    pub fn delete_predictions(&self, predictions: Vec<PredictionId>) -> Result<Erasure, Error> {
        let at = self.shared.now();
        self.shared.erase(Change::DeletePredictions { project: self.id(), predictions, at })
    }

    /// Moves the photos of kept predictions to the photos to train on, where they stay. One that is refused does
    /// not keep the others out.
    ///
    /// The answers of those that are moved are erased, which may be pending:
    /// [`Ocelli::finish_erasures`](crate::Ocelli::finish_erasures) tells. Their metadata goes along: a photo of the same
    /// bytes that is there gets what it lacks of it, and the prediction is refused where the two say otherwise
    /// ([`StoreError::MetadataConflict`](ocelli_store::StoreError::MetadataConflict)).
    ///
    /// # Errors
    ///
    /// If a hold keeps one of them, or there are more than [`MAX_BATCH`](ocelli_core::limits::MAX_BATCH), or more different
    /// tags than [`MAX_TAGS_PER_BATCH`](ocelli_core::limits::MAX_TAGS_PER_BATCH); then none is moved.
    pub fn use_predictions(&self, predictions: Vec<UsePrediction>) -> Result<UploadSummary, Error> {
        let at = self.shared.now();
        let region = |NewRegion { tag_id, bounds }| -> Result<Region, Error> {
            Ok(Region { id: RegionId::new(at, self.shared.random()?), tag_id, created: at, bounds })
        };
        let used = |used: UsePrediction| -> Result<UsedPrediction, Error> {
            Ok(UsedPrediction {
                prediction: used.prediction,
                image: ImageId::new(at, self.shared.random()?),
                tags: used.tags,
                regions: used.regions.into_iter().map(region).collect::<Result<_, _>>()?,
            })
        };
        let predictions: Vec<UsedPrediction> = predictions.into_iter().map(used).collect::<Result<_, _>>()?;
        let mut summary = UploadSummary::default();
        if let Applied::Images(answers) =
            self.apply(Change::UsePredictions { project: self.id(), predictions, at })?
        {
            for answer in answers {
                let (status, image) = answered(answer);
                summary.results.push(UploadResult { name: None, status, image });
            }
        }
        Ok(summary)
    }
}
