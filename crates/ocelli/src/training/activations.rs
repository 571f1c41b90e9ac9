//! What the frozen part of a base makes of photos, for the part that is trained.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use half::f16;
use half::slice::HalfFloatSliceExt;
use ocelli_core::{Augmentations, ImageId};
use ocelli_imaging::{AugmentationPolicy, Augmenter, RgbImage};
use ocelli_infer::{CompiledNetwork, altered};
use ocelli_model::{Network, NodeId, Shape};
use ocelli_train::Activations;
use rayon::prelude::*;

use crate::Error;
use crate::stored_photos::StoredPhotos;

/// Views of a photo to learn from that are told apart; later ones are the first again.
const VIEWS: u64 = 16;

/// Activations by photo and view, as far as there is room for them.
struct Kept {
    values: HashMap<(usize, u64), Box<[f16]>>,
    /// Views to learn from, in the order in which they came: the first gives way to a later one.
    order: VecDeque<(usize, u64)>,
    /// Photos and views that there is room for.
    room: usize,
}

impl Kept {
    /// The view of predictions, which each round asks for, stays once it is there, up to half of the room.
    fn keep(&mut self, key: (usize, u64), values: Box<[f16]>) {
        let stays = key.1 == 0;
        if self.values.contains_key(&key) || (stays && self.values.len() - self.order.len() >= self.room / 2)
        {
            return;
        }
        if self.values.len() >= self.room {
            let Some(first) = self.order.pop_front() else { return };
            self.values.remove(&first);
        }
        self.values.insert(key, values);
        if !stays {
            self.order.push_back(key);
        }
    }
}

/// Decodes photos, augments them and runs them through the base up to the cut; keeps what comes of it, in f16, as far as the
/// memory that it was given goes.
///
/// What is held at any time: the kept activations (`2 * height * width * channels` bytes a photo and view, no more than the
/// memory given), and one decoded photo a thread.
pub(crate) struct CutActivations<'a> {
    photos: &'a StoredPhotos<'a>,
    images: Vec<ImageId>,
    frozen: CompiledNetwork,
    /// `[channels, height, width]`
    shape: [usize; 3],
    policy: AugmentationPolicy,
    seed: u64,
    kept: Mutex<Kept>,
}

impl<'a> CutActivations<'a> {
    /// For these photos, which the trainer knows by their places here.
    pub(crate) fn new(
        photos: &'a StoredPhotos<'a>,
        images: Vec<ImageId>,
        (base, cut): (&Network, NodeId),
        (augmentations, seed): (Augmentations, u64),
        memory: u64,
    ) -> Result<Self, Error> {
        let frozen = base.up_to(cut)?;
        let shape = match frozen.output_shape() {
            Shape::Map { channels, height, width } => [channels, height, width],
            Shape::Vector { len } => [len, 1, 1],
        };
        let bytes = 2 * shape.iter().product::<usize>() as u64;
        let room = memory / bytes.max(1);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        Ok(Self {
            photos,
            images,
            frozen: CompiledNetwork::compile(&frozen)?,
            shape,
            policy: AugmentationPolicy::new(augmentations),
            seed,
            kept: Mutex::new(Kept { values: HashMap::new(), order: VecDeque::new(), room }),
        })
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The view that stands for this one.
    fn told_apart(view: u64) -> u64 {
        if view == 0 { 0 } else { 1 + (view - 1) % VIEWS }
    }

    /// Copies what is kept of a photo and view.
    fn kept(&self, key: (usize, u64), out: &mut [f32]) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.values.get(&key) {
            Some(values) => {
                values.convert_to_f32_slice(out);
                true
            }
            None => false,
        }
    }

    /// As f16 says it, whether it is kept or not, so that a view gives the same values whenever it is asked for.
    fn compute(&self, (photo, view): (usize, u64), out: &mut [f32]) -> Result<bool, Error> {
        let Some(image) = self.images.get(photo) else { return Ok(false) };
        let Some(decoded) = self.photos.decoded(*image)? else { return Ok(false) };
        let shown = self.shown(&decoded, photo, view)?;
        let mut map = vec![0.0; self.len()];
        self.frozen.predict_into(shown.as_ref().unwrap_or(&decoded).view(), &mut map)?;
        // From channels first to channels last.
        let [channels, height, width] = self.shape;
        let mut values = vec![f16::ZERO; map.len()];
        for (channel, plane) in map.chunks_exact((height * width).max(1)).enumerate() {
            for (place, value) in plane.iter().enumerate() {
                values[place * channels + channel] = f16::from_f32(*value);
            }
        }
        values.convert_to_f32_slice(out);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.keep((photo, view), values.into_boxed_slice());
        Ok(true)
    }

    /// The augmented photo; none where predictions see it as it is.
    fn shown(&self, decoded: &RgbImage, photo: usize, view: u64) -> Result<Option<RgbImage>, Error> {
        if view == 0 {
            return Ok(None);
        }
        let preprocessing = self.frozen.preprocessing();
        let seed = self.seed ^ (photo as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ view.rotate_left(32);
        let augmentation = self.policy.draw_seeded(seed);
        Ok(Some(altered(preprocessing, decoded.view(), &augmentation, &mut Augmenter::new())?))
    }
}

impl Activations for CutActivations<'_> {
    type Error = Error;

    fn write(&self, wanted: &[(usize, u64)], out: &mut Vec<f32>) -> Result<Vec<bool>, Error> {
        let len = self.len();
        out.clear();
        out.resize(wanted.len() * len, 0.0);
        let mut there = vec![true; wanted.len()];
        let rows = wanted.iter().zip(out.chunks_exact_mut(len.max(1))).zip(&mut there);
        let mut lacking = Vec::new();
        for (((photo, view), row), there) in rows {
            let key = (*photo, Self::told_apart(*view));
            if !self.kept(key, row) {
                lacking.push((key, row, there));
            }
        }
        lacking.into_par_iter().try_for_each(|(key, row, there)| {
            *there = self.compute(key, row)?;
            Ok::<_, Error>(())
        })?;
        Ok(there)
    }
}
