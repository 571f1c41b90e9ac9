use serde::{Deserialize, Serialize};

/// How a base model's last stages are adapted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FineTuningOptions {
    /// How often each photo is learned from, at most; at least 1.
    pub rounds: usize,
    /// Photos a step; at least 1.
    pub batch: usize,
    /// The highest learning rate, above 0.
    pub learning_rate: f64,
    /// How much of itself a weight loses a step, times the learning rate; 0 to 10.
    pub weight_decay: f64,
    /// The part of a multiclass target that goes to all tags alike, 0 to 1 (Szegedy et al., 2016).
    pub label_smoothing: f32,
    /// Rounds without a lower loss on the photos held out after which it ends; at least 1.
    pub patience: usize,
}

impl Default for FineTuningOptions {
    fn default() -> Self {
        Self {
            rounds: 12,
            batch: 16,
            learning_rate: 3e-4,
            weight_decay: 0.05,
            label_smoothing: 0.1,
            patience: 4,
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
    /// How.
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
        let options = [self.head_loss, learning_rate, weight_decay, f64::from(label_smoothing)];
        let of = |round: &FineTuningRound| [round.training_loss, round.held_out_loss, round.held_out_top1];
        options.into_iter().chain(self.rounds.iter().flat_map(of)).all(f64::is_finite)
    }
}
