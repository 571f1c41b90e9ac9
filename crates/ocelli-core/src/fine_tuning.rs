use serde::{Deserialize, Serialize};

/// Photos from which on a fine-tuning uses its full learning rate and label smoothing.
const MANY_PHOTOS: f64 = 2000.0;
/// The learning rate for many photos.
const RATE_OF_MANY: f64 = 3e-4;
/// The label smoothing for many photos.
const SMOOTHING_OF_MANY: f64 = 0.1;
/// What the rounds of a fine-tuning show together, in photos.
const SHOWN: usize = 14_500;
/// The fewest and the most rounds that are chosen.
const ROUNDS: [usize; 2] = [6, 20];

/// How a base model's last stages are adapted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FineTuningOptions {
    /// How often each photo is learned from, at most; at least 1. With none, the fewer photos there are the more often, from
    /// 6 to 20 times.
    pub rounds: Option<usize>,
    /// Photos a step, 1 to 1024.
    pub batch: usize,
    /// The highest learning rate, above 0. With none, 0.0003 for 2000 photos or more, and for fewer as much less as
    /// their number to the power of 0.75.
    pub learning_rate: Option<f64>,
    /// How much of itself a weight loses a step, times the learning rate; 0 to 10.
    pub weight_decay: f64,
    /// The part of a multiclass target that goes to all tags alike, 0 to 1 (Szegedy et al., 2016). With none, 0.1 for 2000
    /// photos or more, and for fewer in proportion.
    pub label_smoothing: Option<f32>,
    /// Rounds without a lower loss on the photos held out after which it ends; at least 1. The last rounds, at a low rate,
    /// often bring the most.
    pub patience: usize,
}

impl Default for FineTuningOptions {
    fn default() -> Self {
        Self {
            rounds: None,
            batch: 16,
            learning_rate: None,
            weight_decay: 0.05,
            label_smoothing: None,
            patience: 10,
        }
    }
}

impl FineTuningOptions {
    /// With what is left open chosen for so many photos.
    #[must_use]
    pub fn settled(&self, photos: usize) -> Self {
        let rounds = || (SHOWN / photos.max(1)).clamp(ROUNDS[0], ROUNDS[1]);
        let part = (photos as f64 / MANY_PHOTOS).min(1.0);
        let rate = || RATE_OF_MANY * part.powf(0.75);
        let smoothing = || (SMOOTHING_OF_MANY * part) as f32;
        Self {
            rounds: Some(self.rounds.unwrap_or_else(rounds)),
            learning_rate: Some(self.learning_rate.unwrap_or_else(rate)),
            label_smoothing: Some(self.label_smoothing.unwrap_or_else(smoothing)),
            ..self.clone()
        }
    }
}

/// What a round of a fine-tuning brought.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FineTuningRound {
    /// The mean loss of the photos that were learned from, augmented as they were.
    pub training_loss: f64,
    /// The mean loss of the photos held out, at the temperature that makes it lowest.
    pub held_out_loss: f64,
    /// The fraction of the photos held out whose most probable tag is one that they have.
    pub held_out_top1: f64,
}

/// How a base model was adapted, and whether that was worth it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FineTuningRecord {
    /// The node of the base after which layers were adapted.
    pub cut: String,
    /// How, nothing left open.
    pub options: FineTuningOptions,
    /// The loss of the photos held out with the head alone, at the temperature that makes it lowest.
    pub head_loss: f64,
    /// What each round brought.
    pub rounds: Vec<FineTuningRound>,
    /// The round whose weights were kept, from 1; none where the head alone answered better.
    pub kept: Option<usize>,
}

impl FineTuningRecord {
    /// Whether JSON can say all of its figures.
    pub fn is_finite(&self) -> bool {
        let FineTuningOptions { learning_rate, weight_decay, label_smoothing, .. } = self.options;
        let rate = learning_rate.unwrap_or_default();
        let options = [self.head_loss, rate, weight_decay, f64::from(label_smoothing.unwrap_or_default())];
        let of = |round: &FineTuningRound| [round.training_loss, round.held_out_loss, round.held_out_top1];
        options.into_iter().chain(self.rounds.iter().flat_map(of)).all(f64::is_finite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_kept_and_what_is_open_is_chosen() {
        let named = FineTuningOptions {
            rounds: Some(3),
            learning_rate: Some(0.01),
            label_smoothing: Some(0.2),
            ..FineTuningOptions::default()
        };
        assert_eq!(named.settled(5), named);
        let of = |photos| FineTuningOptions::default().settled(photos);
        for photos in [0, 1, 20, 500, 5_000, usize::MAX] {
            let settled = of(photos);
            assert!(settled.rounds.is_some_and(|rounds| (6..=20).contains(&rounds)));
            assert!(settled.learning_rate.is_some_and(|rate| (0.0..=3e-4).contains(&rate)));
            assert_eq!(settled.settled(photos), settled);
        }
        assert!(of(100).learning_rate < of(1_000).learning_rate);
        assert!(of(100).rounds > of(1_000).rounds);
        assert!(of(100).label_smoothing < of(1_000).label_smoothing);
    }
}
