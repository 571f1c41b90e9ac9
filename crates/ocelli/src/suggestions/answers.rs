//! What an iteration answers to photos: computed once, and kept with their features.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use ocelli_core::{ClassificationType, ImageId, IterationId, Precision, Prediction, entropy};
use ocelli_infer::{CompiledNetwork, LinearHead, Model, dot_product};
use ocelli_model::{Label, Network};
use ocelli_store::{Change, FeatureKey};
use rayon::prelude::*;

use crate::stored_photos::StoredPhotos;
use crate::{Error, IterationHandle};

/// Photos whose answers are looked up at once.
const LOOKED_UP: usize = 256;
/// Photos whose features are computed before they are stored together.
const COMPUTED: usize = 64;
/// Photos with tags that a photo is compared with, at most; of more, as many evenly spaced ones.
const COMPARED: usize = 4096;

/// One photo's answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) image: ImageId,
    /// In the order of the network's labels.
    pub(super) probabilities: Vec<f32>,
    pub(super) uncertainty: f32,
    pub(super) novelty: f32,
}

/// An iteration's network in two parts: what computes features, and the head.
///
/// Features are kept under the fingerprint of the part that computes them. Where an iteration has not adapted its base that is
/// the base itself, and trainings and suggestions share them.
pub(super) struct Answers<'a> {
    photos: StoredPhotos<'a>,
    iteration: IterationId,
    model: Arc<Model>,
    head: LinearHead,
    backbone: Network,
    compiled: OnceLock<CompiledNetwork>,
    feature_key: FeatureKey,
    answer_key: FeatureKey,
    pub(super) classification_type: ClassificationType,
}

impl<'a> Answers<'a> {
    pub(super) fn new(iteration: &'a IterationHandle) -> Result<Self, Error> {
        let details = iteration.details()?;
        let model = iteration.shared.model(&details, Precision::F32)?;
        let head = LinearHead::of(model.network())?;
        let backbone = model.network().up_to(head.features())?;
        Ok(Self {
            photos: StoredPhotos::new(&iteration.shared, iteration.project),
            iteration: details.id,
            head,
            feature_key: FeatureKey::f32(backbone.fingerprint().to_string()),
            // Values and their order; another version of this code that changes them takes another number.
            answer_key: FeatureKey::f32(format!("suggestions 1 of iteration {}", details.id)),
            backbone,
            compiled: OnceLock::new(),
            classification_type: details.classification_type,
            model,
        })
    }

    pub(super) fn labels(&self) -> &[Label] {
        self.model.labels()
    }

    /// Every tag with its probability, the most probable first.
    pub(super) fn predictions(&self, probabilities: &[f32]) -> Vec<Prediction> {
        let prediction = |(label, probability): (&Label, &f32)| Prediction {
            probability: *probability,
            tag_id: label.tag_id,
            tag_name: label.name.clone(),
            tag_type: label.tag_type,
            bounding_box: None,
        };
        let mut predictions: Vec<Prediction> =
            self.labels().iter().zip(probabilities).map(prediction).collect();
        predictions.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        predictions
    }

    /// What is answered to these photos, in this order; none to one that cannot be read.
    pub(super) fn of(&self, images: &[ImageId]) -> Result<Vec<Option<Answer>>, Error> {
        let mut answers = Vec::with_capacity(images.len());
        for chunk in images.chunks(LOOKED_UP) {
            let kept = self.photos.store().features(self.photos.project(), &self.answer_key, chunk)?;
            answers.extend(chunk.iter().zip(kept).map(|(image, values)| self.answer_of(*image, &values?)));
        }
        let lacking: Vec<usize> = (0..images.len()).filter(|&index| answers[index].is_none()).collect();
        if lacking.is_empty() {
            return Ok(answers);
        }
        let tagged = self.tagged()?;
        for chunk in lacking.chunks(COMPUTED) {
            let asked: Vec<ImageId> = chunk.iter().map(|&index| images[index]).collect();
            let features = self.features(&asked)?;
            let computed = asked.par_iter().zip(features).map(|(image, features)| {
                features.map(|features| self.answer(*image, &features, &tagged)).transpose()
            });
            let computed = computed.collect::<Result<Vec<Option<Answer>>, Error>>()?;
            let values =
                |answer: &Answer| (answer.image, [&[answer.novelty], &*answer.probabilities].concat());
            self.keep(&self.answer_key, computed.iter().flatten().map(values).collect())?;
            chunk.iter().zip(computed).for_each(|(&index, answer)| answers[index] = answer);
        }
        Ok(answers)
    }

    /// The answer that was kept as these values; none where they are another network's or damaged.
    fn answer_of(&self, image: ImageId, values: &[f32]) -> Option<Answer> {
        let (novelty, probabilities) = values.split_first()?;
        let sound = probabilities.len() == self.labels().len()
            && values.iter().all(|value| (0.0..=1.0).contains(value));
        sound.then(|| self.assembled(image, probabilities.to_vec(), *novelty))
    }

    fn answer(&self, image: ImageId, features: &[f32], tagged: &[Vec<f32>]) -> Result<Answer, Error> {
        let direction = direction(features);
        let novelty = tagged.iter().map(|other| distance(&direction, other)).fold(1.0, f32::min);
        Ok(self.assembled(image, self.head.probabilities(features)?, novelty))
    }

    fn assembled(&self, image: ImageId, probabilities: Vec<f32>, novelty: f32) -> Answer {
        let uncertainty = entropy(&probabilities, self.classification_type);
        Answer { image, probabilities, uncertainty, novelty }
    }

    /// The directions of the features of the photos that have tags now.
    fn tagged(&self) -> Result<Vec<Vec<f32>>, Error> {
        let tagged = self.photos.store().tagged_images(self.photos.project())?;
        let step = tagged.len().div_ceil(COMPARED).max(1);
        let compared: Vec<ImageId> = tagged.iter().step_by(step).map(|(image, _)| *image).collect();
        Ok(self.directions(&compared)?.into_iter().flatten().collect())
    }

    /// The photos that have tags now and that the iteration is not known to have been trained on, by id.
    pub(super) fn tagged_since(&self) -> Result<Vec<ImageId>, Error> {
        let (store, project) = (self.photos.store(), self.photos.project());
        let manifest = store.manifest(project, self.iteration)?;
        let trained: HashSet<ImageId> = manifest.evaluation.photos.iter().map(|photo| photo.photo).collect();
        let tagged = store.tagged_images(project)?.into_iter().map(|(image, _)| image);
        Ok(tagged.filter(|image| !trained.contains(image)).collect())
    }

    /// The directions of photos' features, of length 1; none for a photo that cannot be read.
    pub(super) fn directions(&self, images: &[ImageId]) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let mut directions = Vec::with_capacity(images.len());
        for chunk in images.chunks(COMPUTED) {
            let features = self.features(chunk)?;
            directions.extend(features.into_iter().map(|features| Some(direction(&features?))));
        }
        Ok(directions)
    }

    /// The features of photos, kept or computed and kept; none for a photo that cannot be read.
    fn features(&self, images: &[ImageId]) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let mut features = self.photos.store().features(self.photos.project(), &self.feature_key, images)?;
        for kept in &mut features {
            if kept.as_ref().is_some_and(|values| values.len() != self.backbone.output_len()) {
                *kept = None;
            }
        }
        if features.iter().all(Option::is_some) {
            return Ok(features);
        }
        let backbone = self.compiled()?;
        let compute = |(image, kept): (&ImageId, &mut Option<Vec<f32>>)| -> Result<_, Error> {
            if kept.is_some() {
                return Ok(None);
            }
            let Some(photo) = self.photos.decoded(*image)? else { return Ok(None) };
            let mut values = vec![0.0; backbone.output_len()];
            backbone.predict_into(photo.view(), &mut values)?;
            *kept = Some(values.clone());
            Ok(Some((*image, values)))
        };
        let computed = images.par_iter().zip(features.par_iter_mut()).map(compute);
        let computed = computed.collect::<Result<Vec<_>, Error>>()?;
        self.keep(&self.feature_key, computed.into_iter().flatten().collect())?;
        Ok(features)
    }

    fn compiled(&self) -> Result<&CompiledNetwork, Error> {
        if let Some(compiled) = self.compiled.get() {
            return Ok(compiled);
        }
        let compiled = CompiledNetwork::compile(&self.backbone)?;
        Ok(self.compiled.get_or_init(|| compiled))
    }

    fn keep(&self, key: &FeatureKey, features: Vec<(ImageId, Vec<f32>)>) -> Result<(), Error> {
        if !features.is_empty() {
            let (project, key) = (self.photos.project(), key.clone());
            self.photos.store().apply(Change::CacheFeatures { project, key, features })?;
        }
        Ok(())
    }
}

/// Features scaled to length 1; all zeros stay so.
fn direction(features: &[f32]) -> Vec<f32> {
    let length = dot_product(features, features).sqrt().max(f32::MIN_POSITIVE);
    features.iter().map(|value| value / length).collect()
}

/// One minus the cosine, 0 to 1: features are means of what a rectifier put out, which is never negative.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f32 {
    (1.0 - dot_product(a, b)).clamp(0.0, 1.0)
}
