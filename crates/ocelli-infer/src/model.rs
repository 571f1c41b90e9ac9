use std::path::Path;
use std::sync::{Arc, OnceLock};

use ocelli_core::{Limits, Precision, Prediction, TagId};
use ocelli_imaging::{Augmenter, DecodeLimits, DecodeOptions, HeatMap, RgbView, decode_with};
use ocelli_model::{Label, Network, file};

use rayon::prelude::*;

use crate::{ClassActivation, CompileOptions, CompiledNetwork, InferError, Views, altered};

/// A trained classifier, opened from a model file; no data directory is needed.
///
/// Cloning shares it; it is used from any number of threads at once.
#[derive(Clone, Debug)]
pub struct Model {
    network: Network,
    compiled: CompiledNetwork,
    limits: DecodeLimits,
    decoding: DecodeOptions,
    views: Views,
    /// Compiled when a heat map is first asked for.
    activation: Arc<OnceLock<ClassActivation>>,
}

impl Model {
    /// Opens a model file, to be computed in f32.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is damaged, is of a later version, or holds a base model without labels.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferError> {
        Self::open_with(path, Precision::F32)
    }

    /// Opens a model file, to be computed in a precision. For int8 the file must carry a calibration.
    ///
    /// # Errors
    ///
    /// As [`Model::open`], and if int8 is asked for and there is no calibration.
    pub fn open_with(path: impl AsRef<Path>, precision: Precision) -> Result<Self, InferError> {
        Self::from_network_with(file::open(path)?, &CompileOptions { precision, ..Default::default() })
    }

    /// Reads the content of a model file.
    ///
    /// # Errors
    ///
    /// As [`Model::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InferError> {
        Self::from_network(file::read(bytes)?)
    }

    /// Prepares a network that has labels, in f32.
    ///
    /// # Errors
    ///
    /// If it has none, or an operation that the engine does not compute.
    pub fn from_network(network: Network) -> Result<Self, InferError> {
        Self::from_network_with(network, &CompileOptions::default())
    }

    /// Prepares a network that has labels, as asked.
    ///
    /// # Errors
    ///
    /// As [`Model::from_network`] and [`CompiledNetwork::compile_with`].
    pub fn from_network_with(network: Network, options: &CompileOptions) -> Result<Self, InferError> {
        if network.labels().is_empty() {
            return Err(InferError::NoLabels);
        }
        let compiled = CompiledNetwork::compile_with(&network, options)?;
        let limits = DecodeLimits::prediction(&Limits::default());
        Ok(Self {
            network,
            compiled,
            limits,
            decoding: DecodeOptions::default(),
            views: Views::default(),
            activation: Arc::default(),
        })
    }

    /// The same model, with other limits on the photos that it takes.
    pub fn with_limits(mut self, limits: DecodeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same model, decoding JPEGs of more than twice the size that it needs at a part of their size. That is several
    /// times as fast for photos of many megapixels, and moves probabilities a little: pixels are averaged before they are
    /// resized.
    pub fn with_scaled_decoding(mut self) -> Self {
        let preprocessing = self.compiled.preprocessing();
        self.decoding.scale_to = Some((preprocessing.width, preprocessing.height));
        self
    }

    /// The same model, asked about so many views of each photo. Heat maps stay those of the first.
    pub fn with_views(mut self, views: Views) -> Self {
        self.views = views;
        self
    }

    /// What each output means.
    pub fn labels(&self) -> &[Label] {
        self.network.labels()
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The probability of every label for an encoded photo (JPEG, PNG, BMP, GIF or WebP), best first.
    ///
    /// # Errors
    ///
    /// If the photo cannot be decoded within the limits.
    pub fn predict(&self, bytes: &[u8]) -> Result<Vec<Prediction>, InferError> {
        let photo = decode_with(bytes, &self.limits, &self.decoding)?;
        self.predict_rgb(photo.view())
    }

    /// Asks about several encoded photos, each on one of the threads of the current rayon pool. One that cannot be decoded
    /// is an error in its own place.
    pub fn predict_batch<B: AsRef<[u8]> + Sync>(
        &self,
        photos: &[B],
    ) -> Vec<Result<Vec<Prediction>, InferError>> {
        photos.par_iter().map(|photo| self.predict(photo.as_ref())).collect()
    }

    /// The probability of every label for an upright photo, best first.
    ///
    /// # Errors
    ///
    /// As [`Model::predict_views`].
    pub fn predict_rgb(&self, photo: RgbView<'_>) -> Result<Vec<Prediction>, InferError> {
        self.predict_views(photo, self.views)
    }

    /// As [`Model::predict_rgb`], of so many views of the photo.
    ///
    /// # Errors
    ///
    /// If there is no memory for a view beside the first.
    pub fn predict_views(&self, photo: RgbView<'_>, views: Views) -> Result<Vec<Prediction>, InferError> {
        let mut probabilities = vec![0.0; self.compiled.output_len()];
        self.compiled.predict_into(photo, &mut probabilities)?;
        if !views.further().is_empty() {
            let (mut augmenter, mut answer) = (Augmenter::new(), vec![0.0; probabilities.len()]);
            for view in views.further() {
                let seen = altered(self.compiled.preprocessing(), photo, view, &mut augmenter)?;
                self.compiled.predict_into(seen.view(), &mut answer)?;
                probabilities.iter_mut().zip(&answer).for_each(|(sum, answer)| *sum += answer);
            }
            probabilities.iter_mut().for_each(|sum| *sum /= views.count() as f32);
        }
        let labelled = self.labels().iter().zip(probabilities);
        let mut predictions: Vec<Prediction> = labelled
            .map(|(label, probability)| Prediction {
                probability,
                tag_id: label.tag_id,
                tag_name: label.name.clone(),
                tag_type: label.tag_type,
                bounding_box: None,
            })
            .collect();
        // Stable, so that equal probabilities keep the labels' order.
        predictions.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(predictions)
    }

    /// What of an encoded photo counted for a tag, the most probable one where none is named: a [class activation
    /// map](ClassActivation), computed in f32 whatever the model's precision.
    /// [`overlay`](ocelli_imaging::overlay) lays it over the photo.
    ///
    /// # Errors
    ///
    /// If the photo cannot be decoded within the limits, [`InferError::UnknownTag`] if the model does not give the tag, and
    /// those of [`ClassActivation::compile`].
    pub fn heat_map(&self, bytes: &[u8], tag: Option<TagId>) -> Result<HeatMap, InferError> {
        let photo = decode_with(bytes, &self.limits, &self.decoding)?;
        self.heat_map_rgb(photo.view(), tag)
    }

    /// As [`Model::heat_map`], of an upright photo.
    ///
    /// # Errors
    ///
    /// As [`Model::heat_map`].
    pub fn heat_map_rgb(&self, photo: RgbView<'_>, tag: Option<TagId>) -> Result<HeatMap, InferError> {
        let tag = match tag {
            Some(tag) => tag,
            None => self.predict_rgb(photo)?.first().ok_or(InferError::NoLabels)?.tag_id,
        };
        let place = self.labels().iter().position(|label| label.tag_id == tag);
        self.activation()?.map(photo, place.ok_or(InferError::UnknownTag { tag })?)
    }

    fn activation(&self) -> Result<&ClassActivation, InferError> {
        if let Some(activation) = self.activation.get() {
            return Ok(activation);
        }
        let options = CompileOptions { level: Some(self.compiled.level()), ..CompileOptions::default() };
        let activation = ClassActivation::compile(&self.network, &options)?;
        // Another thread may have been quicker; its map serves as well.
        Ok(self.activation.get_or_init(|| activation))
    }
}
