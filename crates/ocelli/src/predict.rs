use ocelli_core::{
    ImagePrediction, Iteration, Metadata, Name, Precision, PredictionId, Salt, StoredPrediction,
};
use ocelli_imaging::{DecodeLimits, decode, strip_metadata};
use ocelli_infer::{Model, Views};
use ocelli_store::{Change, Missing, StoreError};
use serde::{Deserialize, Serialize};

use crate::ocelli::Shared;
use crate::{Error, IterationHandle, ProjectHandle};

/// Whether a prediction and its photo are kept.
///
/// Custom Vision keeps both unless told otherwise; here nothing is kept unless asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Keep {
    /// Nothing is kept.
    #[default]
    No,
    /// Both are kept as long as the project's policy says
    /// ([`KEPT_PREDICTION_DAYS`](ocelli_core::limits::KEPT_PREDICTION_DAYS) days by default), to be looked at and
    /// trained on.
    For {
        /// The program that asks, by which kept predictions can be found.
        application: Option<Name>,
        /// Facts about the photo, by which a person's photos can be found, held and erased.
        #[serde(default)]
        metadata: Metadata,
    },
}

impl Keep {
    /// Both are kept.
    pub fn both() -> Self {
        Self::For { application: None, metadata: Metadata::default() }
    }

    /// Both are kept, to be found by the program that asks.
    pub fn by(application: Name) -> Self {
        Self::For { application: Some(application), metadata: Metadata::default() }
    }

    /// Both are kept, with facts about the photo.
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        let application = match self {
            Self::No => None,
            Self::For { application, .. } => application,
        };
        Self::For { application, metadata }
    }
}

impl ProjectHandle {
    /// Asks the iteration that is published under this name about a photo, in the precision of the publication, and
    /// keeps nothing.
    ///
    /// # Errors
    ///
    /// If nothing is published under the name, or the photo is damaged or over a limit.
    pub fn predict(&self, publish_name: impl AsRef<str>, photo: &[u8]) -> Result<ImagePrediction, Error> {
        self.predict_with(publish_name, photo, Keep::No)
    }

    /// Asks the iteration that is published under this name about a photo, and keeps both as asked.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn predict_with(
        &self,
        publish_name: impl AsRef<str>,
        photo: &[u8],
        keep: Keep,
    ) -> Result<ImagePrediction, Error> {
        let name = Name::new(publish_name)?;
        let mut iteration = self.shared.store.published(self.id(), &name)?;
        let model = loop {
            match self.shared.model(&iteration, published_in(&iteration)) {
                // The name went to another iteration, and this one was deleted, since the name was looked up.
                Err(Error::Store(StoreError::NotFound(Missing::Iteration(_)))) => {
                    iteration = self.shared.store.published(self.id(), &name)?;
                }
                model => break model?,
            }
        };
        self.shared.predict(&iteration, (&model, self.views), Some(name), photo, keep)
    }
}

impl IterationHandle {
    /// Asks the iteration about a photo in f32, published or not, and keeps nothing.
    ///
    /// # Errors
    ///
    /// If the iteration has not completed, or the photo is damaged or over a limit.
    pub fn quick_test(&self, photo: &[u8]) -> Result<ImagePrediction, Error> {
        self.quick_test_with(photo, Keep::No)
    }

    /// Asks the iteration about a photo in f32, published or not, and keeps both as asked.
    ///
    /// # Errors
    ///
    /// As [`quick_test`](Self::quick_test).
    pub fn quick_test_with(&self, photo: &[u8], keep: Keep) -> Result<ImagePrediction, Error> {
        self.quick_test_in(Precision::F32, photo, keep)
    }

    /// Asks the iteration about a photo in this precision, whatever it is published in, and keeps both as asked.
    ///
    /// # Errors
    ///
    /// As [`quick_test`](Self::quick_test), and if int8 is asked of an iteration that was trained without it.
    pub fn quick_test_in(
        &self,
        precision: Precision,
        photo: &[u8],
        keep: Keep,
    ) -> Result<ImagePrediction, Error> {
        let iteration = self.details()?;
        let model = self.shared.model(&iteration, precision)?;
        self.shared.predict(&iteration, (&model, self.views), None, photo, keep)
    }
}

/// The precision of the name that the iteration was found under.
fn published_in(iteration: &Iteration) -> Precision {
    iteration.publication.as_ref().map_or(Precision::F32, |publication| publication.precision)
}

impl Shared {
    fn predict(
        &self,
        iteration: &Iteration,
        (model, views): (&Model, Views),
        publish_name: Option<Name>,
        bytes: &[u8],
        keep: Keep,
    ) -> Result<ImagePrediction, Error> {
        let photo = decode(bytes, &DecodeLimits::prediction(&self.limits))?;
        let predictions = model.predict_views(photo.view(), views)?;
        let created = self.now();
        let prediction = ImagePrediction {
            id: PredictionId::new(created, self.random()?),
            project_id: iteration.project_id,
            iteration_id: iteration.id,
            created,
            predictions,
        };
        if let Keep::For { application, metadata } = keep {
            let stored = StoredPrediction {
                prediction: prediction.clone(),
                publish_name,
                application,
                width: photo.width(),
                height: photo.height(),
                metadata,
                photo_kept: true,
                expires: None,
            };
            let (bytes, salt) = (strip_metadata(bytes)?, Salt::from_bytes(self.random()?));
            self.store.apply(Change::KeepPrediction { prediction: Box::new(stored), bytes, salt })?;
        }
        Ok(prediction)
    }
}
