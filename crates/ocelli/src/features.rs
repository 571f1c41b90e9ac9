//! The features of photos: from the store where they are kept, else computed and kept.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use ocelli_core::{Evaluation, ImageId, Int8Cost, MeasuredInt8, Precision};
use ocelli_imaging::{PhotoSignature, RgbView};
use ocelli_infer::{CompileOptions, CompiledNetwork};
use ocelli_model::{Calibration, Network};
use ocelli_store::{Change, FeatureKey};
use ocelli_train::{StopToken, TrainError, TrainedHead, TrainingEvent};
use rayon::prelude::*;

use crate::Error;
use crate::stored_photos::StoredPhotos;
use crate::training_views::TrainingViews;

/// Photos whose features are looked up at once.
const LOOKED_UP: usize = 256;
/// Photos whose features are computed before they are stored together.
const COMPUTED: usize = 64;

/// Features in f32 by photo, one view after the other; none for a photo that cannot be read.
pub(crate) type Features = HashMap<ImageId, Option<Vec<f32>>>;

/// Computes what a base model makes of photos: in f32, of one view or several, and in int8 of the first view beside it
/// where the base has a calibration. A photo is decoded once for all.
pub(crate) struct Extraction<'a> {
    photos: &'a StoredPhotos<'a>,
    f32: Extractor,
    int8: Option<Int8>,
    further: Option<FurtherViews>,
    signs: bool,
}

/// Views that only a head's training sees.
struct FurtherViews {
    key: FeatureKey,
    views: TrainingViews,
}

/// A base model in one precision, and what its features are kept under.
struct Extractor {
    key: FeatureKey,
    base: CompiledNetwork,
}

struct Int8 {
    extractor: Extractor,
    /// What the manifest says of the calibration.
    fingerprint: String,
    photos: u32,
}

/// The features that a photo lacked.
struct Computed {
    image: ImageId,
    readable: bool,
    f32: Option<Vec<f32>>,
    int8: Option<Vec<f32>>,
    further: Option<Vec<f32>>,
    signature: Option<Vec<f32>>,
}

impl<'a> Extraction<'a> {
    pub(crate) fn new(photos: &'a StoredPhotos<'a>, base: &Network) -> Result<Self, Error> {
        let fingerprint = base.fingerprint().to_string();
        let int8 =
            base.calibration().map(|calibration| Int8::new(base, &fingerprint, calibration)).transpose()?;
        Ok(Self { photos, f32: Extractor::f32(base)?, int8, further: None, signs: false })
    }

    /// With these views of each photo beside the first.
    pub(crate) fn with_views(mut self, views: TrainingViews) -> Self {
        let key = FeatureKey::f32(format!("{}/{}", self.f32.key.base, views.key()));
        self.further = (views.len() > 0).then_some(FurtherViews { key, views });
        self
    }

    /// Keeps the signature too of each photo that is decoded for its features.
    pub(crate) fn with_signatures(mut self) -> Self {
        self.signs = true;
        self
    }

    /// Views of each photo.
    pub(crate) fn views(&self) -> NonZeroUsize {
        let further = self.further.as_ref().map_or(0, |further| further.views.len());
        NonZeroUsize::MIN.saturating_add(further)
    }

    /// The features of these photos in f32, the first view's first; those in int8 are in the store afterwards. What has
    /// been computed when a stop is asked for stays there too.
    pub(crate) fn features(
        &self,
        images: &[ImageId],
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<Features, Error> {
        let mut features = Features::with_capacity(images.len());
        let mut further_views = HashMap::new();
        let mut lacking = Vec::new();
        for chunk in images.chunks(LOOKED_UP) {
            if stop.is_stopped() {
                return Err(TrainError::Stopped.into());
            }
            let int8 = match &self.int8 {
                Some(int8) => int8.extractor.kept(self.photos, chunk)?,
                None => vec![None; chunk.len()],
            };
            let further = match &self.further {
                Some(further) => further.kept(self, chunk)?,
                None => vec![None; chunk.len()],
            };
            let kept = self.f32.kept(self.photos, chunk)?.into_iter().zip(int8).zip(further);
            for (image, ((f32, int8), further)) in chunk.iter().zip(kept) {
                let lacks = Lack {
                    f32: f32.is_none(),
                    int8: self.int8.is_some() && int8.is_none(),
                    further: self.further.is_some() && further.is_none(),
                };
                if let Some(values) = f32 {
                    features.insert(*image, Some(values));
                }
                further_views.extend(further.map(|values| (*image, values)));
                if lacks.any() {
                    lacking.push((*image, lacks));
                }
            }
        }
        let total = images.len();
        let cached = total - lacking.len();
        let mut done = cached;
        watch(TrainingEvent::Features { done, total, cached });
        for chunk in lacking.chunks(COMPUTED) {
            let compute = |(image, lacks): &(ImageId, Lack)| {
                if stop.is_stopped() { Ok(None) } else { self.compute(*image, *lacks).map(Some) }
            };
            let computed = chunk.par_iter().map(compute).collect::<Result<Vec<Option<Computed>>, Error>>()?;
            let mut computed: Vec<Computed> = computed.into_iter().flatten().collect();
            self.f32.keep(self.photos, &computed, |photo| photo.f32.as_ref())?;
            if let Some(int8) = &self.int8 {
                int8.extractor.keep(self.photos, &computed, |photo| photo.int8.as_ref())?;
            }
            if let Some(further) = &self.further {
                keep(self.photos, &further.key, &computed, |photo| photo.further.as_ref())?;
            }
            let signature = FeatureKey::f32(PhotoSignature::FINGERPRINT);
            keep(self.photos, &signature, &computed, |photo| photo.signature.as_ref())?;
            done += computed.len();
            for photo in &mut computed {
                further_views.extend(photo.further.take().map(|values| (photo.image, values)));
                if let Some(values) = photo.f32.take() {
                    features.insert(photo.image, Some(values));
                } else if !photo.readable {
                    // What is kept of a photo that has become unreadable is as good as it was.
                    features.entry(photo.image).or_insert(None);
                }
            }
            watch(TrainingEvent::Features { done, total, cached });
            if stop.is_stopped() {
                return Err(TrainError::Stopped.into());
            }
        }
        for (image, values) in &mut features {
            let Some(values) = values else { continue };
            match further_views.remove(image) {
                Some(further) => values.extend(further),
                // The photo cannot be read any more: its first view stands for the others.
                None => *values = values.repeat(self.views().get()),
            }
        }
        Ok(features)
    }

    fn compute(&self, image: ImageId, lacks: Lack) -> Result<Computed, Error> {
        let Some(photo) = self.photos.decoded(image)? else {
            return Ok(Computed {
                image,
                readable: false,
                f32: None,
                int8: None,
                further: None,
                signature: None,
            });
        };
        let of = |extractor: Option<&Extractor>| extractor.map(|it| it.compute(photo.view())).transpose();
        let further = self.further.as_ref().filter(|_| lacks.further);
        let further = further.map(|it| it.views.features(&self.f32.base, photo.view()));
        Ok(Computed {
            image,
            readable: true,
            f32: of(Some(&self.f32).filter(|_| lacks.f32))?,
            int8: of(self.int8.as_ref().map(|int8| &int8.extractor).filter(|_| lacks.int8))?,
            further: further.transpose()?,
            signature: self.signs.then(|| PhotoSignature::of(photo.view()).to_values()),
        })
    }

    /// What int8 costs a head: its folds' heads answer to the int8 features of the photos that they did not
    /// see. None where the base has no calibration, or too few photos have features in int8 to tell.
    pub(crate) fn measure_int8(
        &self,
        trained: &TrainedHead,
        stop: &StopToken,
    ) -> Result<Option<MeasuredInt8>, Error> {
        let Some(int8) = &self.int8 else { return Ok(None) };
        let mut photos = Vec::with_capacity(trained.evaluation.photos.len());
        for chunk in trained.evaluation.photos.chunks(LOOKED_UP) {
            if stop.is_stopped() {
                return Err(TrainError::Stopped.into());
            }
            let images: Vec<ImageId> = chunk.iter().map(|photo| photo.photo).collect();
            let features = int8.extractor.kept(self.photos, &images)?;
            let answers = chunk.par_iter().zip(features);
            photos.par_extend(answers.filter_map(|(photo, values)| trained.held_out(photo, &values?)));
        }
        let Evaluation { classification_type, ref tags, .. } = trained.evaluation;
        let evaluation = Evaluation { classification_type, tags: tags.clone(), photos };
        let cost = Int8Cost::between(&trained.evaluation, &evaluation);
        let held_out = trained.evaluation.photos.len();
        if !cost.speaks_for(held_out) {
            tracing::warn!(compared = cost.photos, held_out, "too few photos could be read to measure int8");
            return Ok(None);
        }
        let (calibration, calibration_photos) = (int8.fingerprint.clone(), int8.photos);
        Ok(Some(MeasuredInt8 { calibration, calibration_photos, cost }))
    }
}

/// Which features a photo lacks.
#[derive(Clone, Copy)]
struct Lack {
    f32: bool,
    int8: bool,
    further: bool,
}

impl Lack {
    fn any(self) -> bool {
        self.f32 || self.int8 || self.further
    }
}

impl FurtherViews {
    /// The features that the store keeps of these views, in the photos' order. Those of more views begin with them.
    fn kept(&self, extraction: &Extraction<'_>, images: &[ImageId]) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let photos = extraction.photos;
        let expected = self.views.len() * extraction.f32.base.output_len();
        let mut kept = photos.store().features(photos.project(), &self.key, images)?;
        for features in &mut kept {
            *features = features.take().filter(|values| values.len() >= expected);
            features.iter_mut().for_each(|values| values.truncate(expected));
        }
        Ok(kept)
    }
}

impl Int8 {
    fn new(base: &Network, base_fingerprint: &str, calibration: &Calibration) -> Result<Self, Error> {
        let fingerprint = calibration.fingerprint().to_string();
        let options = CompileOptions { precision: Precision::Int8, ..CompileOptions::default() };
        let extractor = Extractor {
            key: FeatureKey::int8(base_fingerprint, fingerprint.clone()),
            base: CompiledNetwork::compile_with(base, &options)?,
        };
        Ok(Self { extractor, fingerprint, photos: calibration.photos })
    }
}

impl Extractor {
    fn f32(base: &Network) -> Result<Self, Error> {
        Ok(Self {
            key: FeatureKey::f32(base.fingerprint().to_string()),
            base: CompiledNetwork::compile(base)?,
        })
    }

    /// The features that the store keeps of these photos, in this order.
    fn kept(&self, photos: &StoredPhotos<'_>, images: &[ImageId]) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let mut kept = photos.store().features(photos.project(), &self.key, images)?;
        for features in &mut kept {
            if features.as_ref().is_some_and(|values| values.len() != self.base.output_len()) {
                *features = None;
            }
        }
        Ok(kept)
    }

    fn compute(&self, photo: RgbView<'_>) -> Result<Vec<f32>, Error> {
        let mut values = vec![0.0; self.base.output_len()];
        self.base.predict_into(photo, &mut values)?;
        Ok(values)
    }

    fn keep(
        &self,
        photos: &StoredPhotos<'_>,
        computed: &[Computed],
        values: impl Fn(&Computed) -> Option<&Vec<f32>>,
    ) -> Result<(), Error> {
        keep(photos, &self.key, computed, values)
    }
}

fn keep(
    photos: &StoredPhotos<'_>,
    key: &FeatureKey,
    computed: &[Computed],
    values: impl Fn(&Computed) -> Option<&Vec<f32>>,
) -> Result<(), Error> {
    let features: Vec<_> =
        computed.iter().filter_map(|photo| Some((photo.image, values(photo)?.clone()))).collect();
    if !features.is_empty() {
        let (project, key) = (photos.project(), key.clone());
        photos.store().apply(Change::CacheFeatures { project, key, features })?;
    }
    Ok(())
}
