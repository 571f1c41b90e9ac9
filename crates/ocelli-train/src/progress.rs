use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ocelli_core::Int8Cost;
use ocelli_model::View;
use serde::{Deserialize, Serialize};

/// Asks a training to stop. Clones ask the same training.
#[derive(Clone, Debug, Default)]
pub struct StopToken(Arc<AtomicBool>);

impl StopToken {
    /// A token that has not been used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the training to stop; it ends within a second.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the training has been asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a training tells while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "event")]
#[non_exhaustive]
pub enum TrainingEvent {
    /// The photos have been counted and are enough.
    Started {
        /// Photos that take part.
        photos: usize,
        /// Tags that are trained.
        tags: usize,
        /// Photos with tags that do not take part.
        left_out: usize,
    },
    /// So many photos have been looked at to calibrate the base for int8. Told only where a calibration is made.
    Calibration {
        /// Photos that have been looked at.
        done: usize,
        /// Photos that were drawn for it.
        total: usize,
    },
    /// Features are there for so many photos. Where views are compared, in a pass for each.
    Features {
        /// Photos whose features are there.
        done: usize,
        /// Photos in all.
        total: usize,
        /// Photos whose features were there before this pass.
        cached: usize,
    },
    /// The folds' heads have been fitted to the features of one view of the photos, to choose between views.
    ViewTried {
        /// The part of the photos that the network saw.
        view: View,
        /// The mean loss on the photos held out, at the best strength of regularisation.
        held_out_loss: f64,
    },
    /// The folds' heads have been fitted at one strength of regularisation.
    StrengthTried {
        /// The strength.
        strength: f64,
        /// The mean loss on the photos held out.
        held_out_loss: f64,
        /// The fraction of the photos held out whose most probable tag is one that they have.
        held_out_top1: f64,
    },
    /// The strength has been chosen and the head is being fitted on all photos.
    StrengthChosen {
        /// The strength.
        strength: f64,
    },
    /// A step of each member of a fine-tuning has been made.
    FineTuning {
        /// The round, from 1.
        round: usize,
        /// Rounds that there will be at most.
        rounds: usize,
        /// Photos that the members have learnt from in this round, counted once a member.
        done: usize,
        /// As many as that will be.
        total: usize,
        /// The mean loss in this round so far.
        loss: f64,
        /// Photos a second, counted once a member.
        photos_per_second: f64,
        /// Seconds that the fine-tuning will still take, if it goes on as it went and does not end early.
        seconds_left: f64,
    },
    /// A round of a fine-tuning has ended, and the photos held out have been answered.
    RoundEnded {
        /// The round, from 1.
        round: usize,
        /// Rounds that there will be at most.
        rounds: usize,
        /// The mean loss of the photos that were learnt from.
        training_loss: f64,
        /// The mean loss of the photos held out, at the best temperature.
        held_out_loss: f64,
        /// The fraction of the photos held out whose most probable tag is one that they have.
        held_out_top1: f64,
    },
    /// What int8 costs has been measured on the photos held out.
    Int8Measured {
        /// The cost.
        cost: Int8Cost,
    },
    /// The iteration has been stored.
    Completed {
        /// What the training took, in milliseconds.
        training_millis: u64,
    },
}
