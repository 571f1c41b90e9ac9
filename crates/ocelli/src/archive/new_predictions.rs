//! Kept predictions of a new project.

use ocelli_archive::PredictionRecord;
use ocelli_core::{Erased, ErrorCode, ImagePrediction, PredictionId, StoredPrediction};
use ocelli_imaging::DecodeLimits;
use ocelli_store::Change;

use super::importing::Importing;
use super::new_photos::checked;
use super::problem::TransferProblem;
use crate::Error;

impl Importing<'_> {
    pub(super) fn take_prediction(
        &mut self,
        record: PredictionRecord,
        photo: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let mut source = record.prediction;
        let source_id = source.prediction.id;
        let (item, shared) = (Erased::Prediction(source_id), self.import.shared);
        let created = source.prediction.created.min(self.now);
        let (mut width, mut height) = (source.width, source.height);
        let mut bytes = Vec::new();
        // Either part may have been erased without the other.
        let gone = |item| self.import.erased.has(self.imported.source_id, item);
        if gone(Erased::PredictionResult(source_id)) {
            source.prediction.predictions.clear();
        }
        let photo = photo.filter(|_| !gone(Erased::PredictionPhoto(source_id)));
        if let Some(photo) = photo {
            match checked(&photo, &DecodeLimits::prediction(&shared.limits)) {
                Err(error) => {
                    let (photo, done) =
                        (Erased::PredictionPhoto(source_id), "it was taken without its photo");
                    self.imported.problems.push(TransferProblem::new(photo, &error, done));
                }
                Ok((stripped, sides)) => {
                    (width, height) = sides;
                    bytes = stripped;
                }
            }
        }
        if bytes.is_empty() && source.prediction.predictions.is_empty() {
            let why = "neither its photo nor its results are left";
            self.left_out_because(item, ErrorCode::NotFound, why);
            return Ok(());
        }
        let (salt, known_by) = self.salts(record.salt)?;
        if !bytes.is_empty() && self.import.erased.has_photo(&known_by, &bytes) {
            self.imported.erased += 1;
            return Ok(());
        }
        let mut predictions = source.prediction.predictions;
        for result in &mut predictions {
            result.tag_id = self.tag(result.tag_id)?;
        }
        let id = self.fresh.make(shared, created, PredictionId::new)?;
        let prediction = ImagePrediction {
            id,
            project_id: self.project,
            iteration_id: self.iteration_id(source.prediction.iteration_id)?,
            created,
            predictions,
        };
        let kept = StoredPrediction {
            prediction,
            width,
            height,
            photo_kept: !bytes.is_empty(),
            expires: None,
            ..source
        };
        let change = Change::KeepPrediction { prediction: Box::new(kept), bytes, salt };
        if self.try_apply(item, change)? {
            self.imported.predictions += 1;
            self.imported.ids.predictions.insert(source_id, id);
        }
        Ok(())
    }
}
