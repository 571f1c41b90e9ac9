//! The base's last stages, adapted together with the head.

use std::time::Duration;

use ocelli_core::{FineTuningRecord, ImageId, TagId};
use ocelli_model::Network;
use ocelli_store::Change;
use ocelli_train::{
    AdaptedLayers, Checkpoints, Cut, FineTuned, FineTuning, HeadOptions, StopToken, TimeLimit, TrainedHead,
    TrainingEvent, cuts, fine_tune,
};

use super::activations::CutActivations;
use super::learning::Start;
use super::options::AdvancedOptions;
use crate::Error;
use crate::stored_photos::StoredPhotos;

/// The part of a budget that is left for what follows the fine-tuning: calibration, int8, storing.
const LEFT_FOR_REST: f64 = 0.02;

/// The time between two checkpoints at least.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
/// Fewer photos than these adapt less of the base, so that they are not learned by heart.
const FEW_PHOTOS: usize = 500;
/// The part of the base's multiplications that is adapted to few photos, at most.
const SHARE_OF_FEW: f64 = 0.4;
/// The part of the base's multiplications that is adapted to many photos, at most.
const SHARE_OF_MANY: f64 = 0.7;

/// What a fine-tuning needs.
pub(super) struct Adapting<'a> {
    pub(super) start: &'a Start<'a>,
    pub(super) advanced: &'a AdvancedOptions,
    pub(super) photos: &'a StoredPhotos<'a>,
    pub(super) head_options: &'a HeadOptions,
    /// The tags that are trained.
    pub(super) tags: Vec<TagId>,
}

impl Adapting<'_> {
    /// How it went, and the adapted layers where they answer better than the head alone.
    pub(super) fn adapt(
        &self,
        quick: &TrainedHead,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<(FineTuningRecord, Option<AdaptedLayers>), Error> {
        let Self { start, advanced, photos, head_options, .. } = *self;
        let base = start.base;
        let options = &advanced.fine_tuning.settled(quick.evaluation.photos.len());
        let cut = self.cut(base, quick.evaluation.photos.len())?;
        let images: Vec<ImageId> = quick.evaluation.photos.iter().map(|photo| photo.photo).collect();
        let augmentations = start.project.settings.augmentations;
        let activations = CutActivations::new(
            photos,
            images.clone(),
            (base, cut.node),
            (augmentations, start.options.seed),
            advanced.activation_memory,
        )?;
        let time = advanced
            .budget
            .map(|budget| TimeLimit { from: start.began, limit: budget.mul_f64(1.0 - LEFT_FOR_REST) });
        let keep = |bytes: Vec<u8>| self.keep(bytes, &images);
        let checkpoints = Checkpoints { from: start.checkpoint, every: CHECKPOINT_EVERY, keep: &keep };
        let how = FineTuning { options, head: head_options, time, checkpoints: Some(checkpoints) };
        let tuned = fine_tune((base, cut.node), quick, &activations, &how, advanced.device, stop, watch)?;
        let FineTuned { head_loss, rounds, kept, adapted } = tuned;
        let record = FineTuningRecord { cut: cut.name, options: options.clone(), head_loss, rounds, kept };
        Ok((record, adapted))
    }

    /// A checkpoint that cannot be kept is no reason to stop.
    fn keep(&self, bytes: Vec<u8>, images: &[ImageId]) {
        let Start { options, iteration, .. } = *self.start;
        let kept = super::checkpoint::wrap(options, &bytes).and_then(|checkpoint| {
            let (project, looked_at, tags) = (self.photos.project(), images.to_vec(), self.tags.clone());
            let change = Change::KeepCheckpoint { project, iteration, checkpoint, looked_at, tags };
            Ok(self.photos.store().apply(change)?)
        });
        if let Err(error) = kept {
            tracing::warn!(%iteration, %error, "a checkpoint of a training could not be kept");
        }
    }

    /// The cut that was asked for, or the one for so many photos.
    fn cut(&self, base: &Network, photos: usize) -> Result<Cut, Error> {
        let cuts = cuts(base);
        let known = || cuts.iter().map(|cut| cut.name.clone()).collect();
        let found = match &self.advanced.cut {
            Some(name) => cuts.iter().find(|cut| cut.name == *name),
            None => {
                let share = if photos < FEW_PHOTOS { SHARE_OF_FEW } else { SHARE_OF_MANY };
                let limit = (base.multiply_adds() as f64 * share) as u64;
                cuts.iter().find(|cut| cut.multiply_adds <= limit).or(cuts.last())
            }
        };
        let name = self.advanced.cut.clone().unwrap_or_default();
        found.cloned().ok_or_else(|| Error::UnknownCut { name, known: known() })
    }
}
