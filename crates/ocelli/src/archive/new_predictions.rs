//! Kept predictions of a new project.

use ocelli_archive::PredictionRecord;
use ocelli_core::{DataClass, Erased, ErrorCode, ImagePrediction, PredictionId, Salt, StoredPrediction};
use ocelli_imaging::DecodeLimits;
use ocelli_store::Change;

use super::importing::Importing;
use super::new_photos::checked;
use crate::Error;

impl Importing<'_> {
    pub(super) fn take_prediction(
        &mut self,
        record: PredictionRecord,
        photo: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let source = record.prediction;
        let source_id = source.prediction.id;
        let (item, shared) = (Erased::Prediction(source_id), self.import.shared);
        let created = source.prediction.created.min(self.now);
        let (mut width, mut height) = (source.width, source.height);
        let bytes = match photo {
            None => Vec::new(),
            Some(photo) => match checked(&photo, &DecodeLimits::prediction(&shared.limits)) {
                Err(error) => {
                    self.left_out(item, &error);
                    return Ok(());
                }
                Ok((bytes, sides)) => {
                    (width, height) = sides;
                    bytes
                }
            },
        };
        if bytes.is_empty()
            && !shared.store.retention(self.project)?.is_due(DataClass::PredictionPhoto, created, self.now)
        {
            let why = "its photo is gone, and by the project's policy it would be there";
            self.left_out_because(item, ErrorCode::BadRequestImageStream, why);
            return Ok(());
        }
        let salt = match record.salt.filter(|_| !self.import.new_salts) {
            Some(salt) => salt,
            None => Salt::from_bytes(shared.random()?),
        };
        if !bytes.is_empty() && self.was_erased(&salt, &bytes) {
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
