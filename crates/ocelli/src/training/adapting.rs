//! The base's last stages, adapted together with the head.

use std::collections::BTreeSet;
use std::time::Duration;

use ocelli_core::{FineTuningRecord, ImageId, TagId};
use ocelli_model::Network;
use ocelli_store::Change;
use ocelli_train::{
    AdaptedLayers, Checkpoints, Cut, FineTuned, FineTuning, HeadOptions, StopToken, TimeLimit, TrainedHead,
    TrainingEvent, check_fine_tuning, cuts, fine_tune,
};

use super::activations::CutActivations;
use super::checkpoint;
use super::learning::Start;
use super::options::AdvancedOptions;
use crate::Error;
use crate::stored_photos::StoredPhotos;

/// The part of a budget that is left for the temperature, the file and its storing.
const LEFT_FOR_REST: f64 = 0.02;

/// The time between two checkpoints at least.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
/// The part of the base's multiplications that is adapted, at most. Folds of small sets favour no less of it than those of
/// large ones, at a rate that is lower.
const ADAPTED_SHARE: f64 = 0.7;

/// What a fine-tuning needs.
pub(super) struct Adapting<'a> {
    pub(super) start: &'a Start<'a>,
    /// What is frozen or adapted, of the view that is trained on.
    pub(super) base: &'a Network,
    pub(super) advanced: &'a AdvancedOptions,
    pub(super) photos: &'a StoredPhotos<'a>,
    pub(super) head_options: &'a HeadOptions,
    /// The tags that are trained.
    pub(super) tags: Vec<TagId>,
    /// Photos that the base has learned from before.
    pub(super) known: &'a [ImageId],
    /// Photos that are to be answered after it, for int8 and a test.
    pub(super) answers_after: usize,
}

impl Adapting<'_> {
    /// How it went, and the adapted layers where they answer better than the head alone.
    pub(super) fn adapt(
        &self,
        quick: &TrainedHead,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<(FineTuningRecord, Option<AdaptedLayers>), Error> {
        let Self { start, base, advanced, photos, head_options, .. } = *self;
        let options = &advanced.fine_tuning.settled(quick.evaluation.photos.len());
        let cut = cut(advanced, base)?;
        let images: Vec<ImageId> = quick.evaluation.photos.iter().map(|photo| photo.photo).collect();
        let augmentations = start.project.settings.augmentations;
        let activations = CutActivations::new(
            photos,
            images.clone(),
            (base, cut.node),
            (augmentations, start.options.seed),
            advanced.activation_memory,
        )?;
        let time = advanced.budget.map(|budget| TimeLimit {
            from: start.began,
            limit: budget.mul_f64(1.0 - LEFT_FOR_REST),
            answers_after: self.answers_after,
        });
        let keep = |bytes: Vec<u8>| self.keep(bytes, &images);
        let checkpoints = Checkpoints {
            from: start.taken_up.map(|taken_up| taken_up.bytes),
            every: CHECKPOINT_EVERY,
            keep: &keep,
        };
        let how = FineTuning { options, head: head_options, time, checkpoints: Some(checkpoints) };
        let tuned = fine_tune((base, cut.node), quick, &activations, &how, advanced.device, stop, watch)?;
        let FineTuned { head_loss, rounds, kept, adapted } = tuned;
        let record = FineTuningRecord { cut: cut.name, options: options.clone(), head_loss, rounds, kept };
        Ok((record, adapted))
    }

    /// A checkpoint that cannot be kept is no reason to stop.
    fn keep(&self, bytes: Vec<u8>, images: &[ImageId]) {
        let Start { options, iteration, .. } = *self.start;
        let view = self.base.preprocessing().view;
        let kept = checkpoint::wrap(options, view, &bytes).and_then(|checkpoint| {
            let (project, tags) = (self.photos.project(), self.tags.clone());
            let looked_at: BTreeSet<ImageId> = images.iter().chain(self.known).copied().collect();
            let looked_at = looked_at.into_iter().collect();
            let change = Change::KeepCheckpoint { project, iteration, checkpoint, looked_at, tags };
            Ok(self.photos.store().apply(change)?)
        });
        if let Err(error) = kept {
            tracing::warn!(%iteration, %error, "a checkpoint of a training could not be kept");
        }
    }
}

/// The cut that was asked for, or else the first that leaves so much of the base to adapt.
fn cut(advanced: &AdvancedOptions, base: &Network) -> Result<Cut, Error> {
    let cuts = cuts(base);
    let known = || cuts.iter().map(|cut| cut.name.clone()).collect();
    let found = match &advanced.cut {
        Some(name) => cuts.iter().find(|cut| cut.name == *name),
        None => {
            let limit = (base.multiply_adds() as f64 * ADAPTED_SHARE) as u64;
            cuts.iter().find(|cut| cut.multiply_adds <= limit).or(cuts.last())
        }
    };
    let name = advanced.cut.clone().unwrap_or_default();
    found.cloned().ok_or_else(|| Error::UnknownCut { name, known: known() })
}

/// Refuses options that could only fail after the quick training.
pub(super) fn check(advanced: &AdvancedOptions, base: &Network) -> Result<(), Error> {
    check_fine_tuning(&advanced.fine_tuning)?;
    advanced.device.check()?;
    cut(advanced, base).map(drop)
}
