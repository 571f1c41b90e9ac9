use std::time::{Duration, Instant};

use ocelli_core::FineTuningOptions;

use crate::{HeadOptions, TrainError};

/// Photos a step at most: their activations are in memory together.
const MAX_BATCH: usize = 1024;

/// How a base is fine-tuned.
#[derive(Clone, Debug)]
pub struct FineTuning<'a> {
    /// Learning rate, rounds and the like.
    pub options: &'a FineTuningOptions,
    /// The options of the head that it starts from: their seed draws the order of photos, and their balance weighs them.
    pub head: &'a HeadOptions,
    /// How long it may take; none for all its rounds.
    pub time: Option<TimeLimit>,
    /// How far it comes is told between rounds.
    pub checkpoints: Option<Checkpoints<'a>>,
}

/// Checkpoints of a fine-tuning: opaque bytes, 2 a parameter and member and 4 a parameter.
#[derive(Clone, Copy)]
pub struct Checkpoints<'a> {
    /// The one to go on from; none to begin.
    pub from: Option<&'a [u8]>,
    /// The time between two of them at least; the first comes after the first round.
    pub every: Duration,
    /// Keeps one, in place of the one before.
    pub keep: &'a (dyn Fn(Vec<u8>) + Sync),
}

impl std::fmt::Debug for Checkpoints<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.from.map(<[u8]>::len);
        f.debug_struct("Checkpoints")
            .field("from", &bytes)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// The time that a fine-tuning may take, counted from a moment.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit {
    /// When it began to count.
    pub from: Instant,
    /// How long it may take.
    pub limit: Duration,
    /// Photos that are still to be answered within it after the fine-tuning, each about as costly as here.
    pub answers_after: usize,
}

/// Whether the options are within their bounds.
///
/// # Errors
///
/// [`TrainError::Option`] names the one that is not.
pub fn check_fine_tuning(options: &FineTuningOptions) -> Result<(), TrainError> {
    let check = |what, value: f64, right: bool, expected| {
        if right { Ok(()) } else { Err(TrainError::Option { what, value, expected }) }
    };
    let rounds = options.rounds.unwrap_or(1);
    check("rounds", rounds as f64, rounds > 0, "at least 1")?;
    check("batch", options.batch as f64, (1..=MAX_BATCH).contains(&options.batch), "1 to 1024")?;
    let rate = options.learning_rate.unwrap_or(1.0);
    check("learningRate", rate, rate.is_finite() && rate > 0.0, "above 0")?;
    let decay = options.weight_decay;
    check("weightDecay", decay, (0.0..=10.0).contains(&decay), "between 0 and 10")?;
    let smoothing = f64::from(options.label_smoothing.unwrap_or_default());
    check("labelSmoothing", smoothing, (0.0..=1.0).contains(&smoothing), "between 0 and 1")?;
    check("patience", options.patience as f64, options.patience > 0, "at least 1")
}
