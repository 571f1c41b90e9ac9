//! What comes of a fine-tuning.

use burn::module::Module;
use half::f16;
use ocelli_core::{ClassificationType, Evaluation, FineTuningRound};
use ocelli_model::Tensor;

use super::checkpoint::{Checkpoint, State};
use super::members;
use super::model::Adapted;
use crate::minimum::lowest;
use crate::{LinearHead, TrainError};

/// A base's adapted layers, and the head that goes with them.
#[derive(Clone, Debug)]
pub struct AdaptedLayers {
    /// The tensors that take the place of the base's, by name.
    pub tensors: Vec<(String, Tensor)>,
    /// The head on the adapted features.
    pub head: LinearHead,
    /// What members that were trained without each photo's fold answered to it.
    pub evaluation: Evaluation,
}

/// What came of a fine-tuning.
#[derive(Clone, Debug)]
pub struct FineTuned {
    /// The loss of the photos held out with the head alone, at the best temperature.
    pub head_loss: f64,
    /// What each round brought.
    pub rounds: Vec<FineTuningRound>,
    /// The round whose weights were kept, from 1.
    pub kept: Option<usize>,
    /// The adapted layers, where they answer better than the head alone.
    pub adapted: Option<AdaptedLayers>,
}

/// The best so far.
pub(super) struct Best {
    head_loss: f64,
    rounds: Vec<FineTuningRound>,
    /// The number of rounds at which the best was found.
    found_at: usize,
    loss: f64,
    best: Option<(Adapted, Evaluation)>,
}

impl Best {
    pub(super) fn of_head(evaluation: &Evaluation) -> Self {
        let head_loss = held_out_loss(evaluation);
        Self { head_loss, rounds: Vec::new(), found_at: 0, loss: head_loss, best: None }
    }

    /// Takes the better of what a round brought: what the members of each kind answered.
    pub(super) fn offer(
        &mut self,
        training_loss: f64,
        found: [(Evaluation, Vec<Adapted>); 2],
    ) -> FineTuningRound {
        let [one, other] = found.map(|(held_out, models)| (held_out_loss(&held_out), held_out, models));
        let (loss, held_out, models) = if other.0 < one.0 { other } else { one };
        let round = FineTuningRound {
            training_loss,
            held_out_loss: loss,
            held_out_top1: held_out.top1().unwrap_or(0.0),
        };
        self.rounds.push(round);
        if loss < self.loss {
            self.loss = loss;
            self.found_at = self.rounds.len();
            self.best = members::mean(models).map(|model| (model, held_out));
        }
        round
    }

    /// A checkpoint of it, with the members' weights.
    pub(super) fn to_checkpoint(&self, subject: &str, millis: u64, members: Vec<Vec<f16>>) -> Checkpoint {
        let best = self.best.as_ref().map(|(model, answered)| {
            let answers = answered.photos.iter().flat_map(|photo| photo.probabilities.clone()).collect();
            (members::weights(model), answers)
        });
        let state = State {
            version: State::VERSION,
            subject: subject.to_owned(),
            rounds: self.rounds.clone(),
            found_at: self.found_at,
            loss: self.loss,
            millis,
        };
        Checkpoint { state, members, best }
    }

    /// As a checkpoint tells it; none where that does not fit.
    pub(super) fn from_checkpoint(
        checkpoint: &Checkpoint,
        model: &Adapted,
        evaluation: &Evaluation,
    ) -> Option<Self> {
        let State { rounds, found_at, loss, .. } = &checkpoint.state;
        let best = match &checkpoint.best {
            None => None,
            Some((weights, answers)) => {
                let tags = evaluation.tags.len().max(1);
                if answers.len() != evaluation.photos.len() * tags {
                    return None;
                }
                let mut answered = evaluation.clone();
                for (photo, row) in answered.photos.iter_mut().zip(answers.chunks_exact(tags)) {
                    photo.probabilities = row.to_vec();
                }
                Some((members::with_weights(model.valid(), weights)?, answered))
            }
        };
        let head_loss = held_out_loss(evaluation);
        Some(Self { head_loss, rounds: rounds.clone(), found_at: *found_at, loss: *loss, best })
    }

    /// How many rounds there have been.
    pub(super) fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// Whether the best is so many rounds old.
    pub(super) fn is_stale(&self, patience: usize) -> bool {
        self.rounds.len().saturating_sub(self.found_at) >= patience.max(1)
    }

    pub(super) fn into_outcome(self) -> Result<FineTuned, TrainError> {
        let adapted = self.best.map(|(model, evaluation)| {
            Ok::<_, TrainError>(AdaptedLayers {
                tensors: model.tail.tensors()?,
                head: model.head(),
                evaluation,
            })
        });
        let adapted = adapted.transpose()?;
        let kept = adapted.as_ref().map(|_| self.found_at);
        Ok(FineTuned { head_loss: self.head_loss, rounds: self.rounds, kept, adapted })
    }
}

/// The mean loss at the temperature that makes it lowest (Guo et al., 2017), so that models are compared by what they know,
/// not by how sure they are of it.
fn held_out_loss(evaluation: &Evaluation) -> f64 {
    let at = |logarithm: f64| loss_at(evaluation, logarithm.exp());
    // The loss is convex in one over the temperature, so it has one minimum along its logarithm.
    at(lowest([-3.0, 3.0], 40, at))
}

fn loss_at(evaluation: &Evaluation, temperature: f64) -> f64 {
    let mut sum = 0.0;
    for photo in &evaluation.photos {
        let logit = |p: f32| f64::from(p.max(f32::MIN_POSITIVE)).ln() / temperature;
        sum += match evaluation.classification_type {
            ClassificationType::Multiclass => {
                let total: f64 = photo.probabilities.iter().map(|p| logit(*p).exp()).sum();
                let own = photo.tags.first().and_then(|tag| photo.probabilities.get(usize::from(*tag)));
                total.ln() - own.map_or(0.0, |p| logit(*p))
            }
            ClassificationType::Multilabel => (0u16..)
                .zip(&photo.probabilities)
                .map(|(tag, p)| {
                    let score = logit(*p) - logit(1.0 - *p);
                    let score = if photo.tags.contains(&tag) { score } else { -score };
                    (1.0 + (-score).exp()).ln()
                })
                .sum(),
        };
    }
    sum / evaluation.photos.len().max(1) as f64
}
