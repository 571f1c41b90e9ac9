//! The features of photos: from the store where they are kept, else computed and kept.

use std::collections::HashMap;

use ocelli_core::{ImageId, ProjectId};
use ocelli_imaging::{DecodeLimits, decode};
use ocelli_infer::CompiledNetwork;
use ocelli_model::Network;
use ocelli_store::{Change, FeatureKey, Missing, StoreError};
use ocelli_train::{StopToken, TrainError, TrainingEvent};
use rayon::prelude::*;

use crate::Error;
use crate::ocelli::Shared;

/// Photos whose features are looked up at once.
const LOOKED_UP: usize = 256;
/// Photos whose features are computed before they are stored together.
const COMPUTED: usize = 64;

/// Features by photo; none for a photo that cannot be read.
type Features = HashMap<ImageId, Option<Vec<f32>>>;

/// Computes what a base model makes of photos.
pub(crate) struct Extraction<'a> {
    shared: &'a Shared,
    project: ProjectId,
    key: FeatureKey,
    base: CompiledNetwork,
    limits: DecodeLimits,
}

impl<'a> Extraction<'a> {
    pub(crate) fn new(shared: &'a Shared, project: ProjectId, base: &Network) -> Result<Self, Error> {
        let key = FeatureKey::f32(base.fingerprint());
        let compiled = CompiledNetwork::compile(base)?;
        // What was stored once was within the limits of its time; the bytes alone could be over those of today.
        let limits = DecodeLimits { bytes: usize::MAX, ..DecodeLimits::training(&shared.limits) };
        Ok(Self { shared, project, key, base: compiled, limits })
    }

    /// The features of these photos. What has been computed when a stop is asked for stays in the store.
    pub(crate) fn features(
        &self,
        images: &[ImageId],
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<Features, Error> {
        let mut features = Features::with_capacity(images.len());
        let mut lacking = Vec::new();
        for chunk in images.chunks(LOOKED_UP) {
            if stop.is_stopped() {
                return Err(TrainError::Stopped.into());
            }
            let cached = self.shared.store.features(self.project, &self.key, chunk)?;
            for (image, values) in chunk.iter().zip(cached) {
                match values.filter(|values| values.len() == self.base.output_len()) {
                    Some(values) => drop(features.insert(*image, Some(values))),
                    None => lacking.push(*image),
                }
            }
        }
        let (cached, total) = (features.len(), images.len());
        watch(TrainingEvent::Features { done: cached, total, cached });
        for chunk in lacking.chunks(COMPUTED) {
            let computed: Vec<(ImageId, Option<Vec<f32>>)> = chunk
                .par_iter()
                .map(|image| {
                    if stop.is_stopped() {
                        Ok(None)
                    } else {
                        self.compute(*image).map(|values| Some((*image, values)))
                    }
                })
                .collect::<Result<Vec<_>, Error>>()?
                .into_iter()
                .flatten()
                .collect();
            let keep =
                computed.iter().filter_map(|(image, values)| Some((*image, values.clone()?))).collect();
            self.shared.store.apply(Change::CacheFeatures {
                project: self.project,
                key: self.key.clone(),
                features: keep,
            })?;
            features.extend(computed);
            watch(TrainingEvent::Features { done: features.len(), total, cached });
            if stop.is_stopped() {
                return Err(TrainError::Stopped.into());
            }
        }
        Ok(features)
    }

    /// None for a photo that is gone, damaged or cannot be decoded; an error where the store itself fails.
    fn compute(&self, image: ImageId) -> Result<Option<Vec<f32>>, Error> {
        let bytes = match self.shared.store.image_bytes(self.project, image) {
            Err(StoreError::NotFound(Missing::Image(_)) | StoreError::Corrupt { .. }) => return Ok(None),
            bytes => bytes?,
        };
        let photo = match decode(&bytes, &self.limits) {
            Ok(photo) => photo,
            Err(error) => {
                tracing::warn!(%image, %error, "a stored photo cannot be decoded");
                return Ok(None);
            }
        };
        let mut values = vec![0.0; self.base.output_len()];
        self.base.predict_into(photo.view(), &mut values)?;
        Ok(Some(values))
    }
}
