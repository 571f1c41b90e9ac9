//! L2-regularised logistic regression in burn, several problems side by side.

use burn::module::{Module, Param};
use burn::optim::{GradientsParams, LBFGS, LBFGSConfig, LineSearchFn};
use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_core::ClassificationType;

use crate::{LinearHead, StopToken, TrainError, TrainingSet};

/// Iterations of L-BFGS between two looks at the stop token and the progress made.
const ITERATIONS_A_ROUND: usize = 10;
/// Rounds after which a fit ends even if it still makes progress.
const MAX_ROUNDS: usize = 30;
/// A fit ends when a round lowers the objective by less than this fraction of it.
const TOLERANCE: f64 = 1e-4;
/// Pairs of steps and gradients that L-BFGS remembers.
const HISTORY: usize = 10;

/// Fits `problems` heads on the same photos at once, so that one pass over the features serves them all. The
/// problems differ in which photos they see.
///
/// Features are centred and scaled by one number, so that a strength of regularisation means the same whatever the
/// base; [`Regression::raw`] undoes both.
pub(crate) struct Regression {
    classification_type: ClassificationType,
    problems: usize,
    tags: usize,
    /// `[photos, width]`, centred and scaled.
    features: Tensor<2>,
    /// `[photos, 1, tags]`: 1 where the photo has the tag.
    targets: Tensor<3>,
    /// `[photos, problems, tags]`: what each term of the loss counts; each problem's photos have a mean of 1.
    weights: Tensor<3>,
    centre: Vec<f32>,
    scale: f32,
    device: Device,
}

/// The heads of all problems.
#[derive(Module, Debug)]
pub(crate) struct Heads {
    /// `[width, problems * tags]`
    weights: Param<Tensor<2>>,
    /// `[1, problems * tags]`
    bias: Param<Tensor<2>>,
}

impl Heads {
    fn new(weights: Tensor<2>, bias: Tensor<2>) -> Self {
        Self { weights: Param::from_tensor(weights), bias: Param::from_tensor(bias) }
    }
}

impl Regression {
    /// `seen[problem]` says of each photo whether the problem may learn from it.
    pub(crate) fn new(set: &TrainingSet, seen: &[Vec<bool>], balance: f32) -> Self {
        let device = Device::flex().autodiff();
        let labels = set.labels();
        let (photos, tags, width) = (labels.photos().len(), labels.tags().len(), set.width());
        let (centre, scale) = centre_and_scale(set);
        let mut features = Vec::with_capacity(photos * width);
        for photo in 0..photos {
            features.extend(set.row(photo).iter().zip(&centre).map(|(value, mean)| (value - mean) * scale));
        }
        let mut targets = vec![0.0f32; photos * tags];
        for (photo, row) in labels.photos().iter().zip(targets.chunks_exact_mut(tags)) {
            photo.tags.iter().for_each(|tag| row[usize::from(*tag)] = 1.0);
        }
        let weights = loss_weights(labels.classification_type(), &targets, tags, seen, balance);
        let tensor = |values, shape: [usize; 3]| Tensor::from_data(TensorData::new(values, shape), &device);
        Self {
            classification_type: labels.classification_type(),
            problems: seen.len(),
            tags,
            features: Tensor::from_data(TensorData::new(features, [photos, width]), &device),
            targets: tensor(targets, [photos, 1, tags]),
            weights: tensor(weights, [photos, seen.len(), tags]),
            centre,
            scale,
            device,
        }
    }

    /// Heads that know nothing.
    pub(crate) fn zeros(&self) -> Heads {
        let columns = self.problems * self.tags;
        Heads::new(
            Tensor::zeros([self.centre.len(), columns], &self.device),
            Tensor::zeros([1, columns], &self.device),
        )
    }

    /// One head: the mean of the problems' heads.
    pub(crate) fn mean(&self, heads: &Heads) -> Heads {
        let mean = |tensor: Tensor<2>| {
            let [rows, _] = tensor.dims();
            let mean = tensor.inner().reshape([rows, self.problems, self.tags]).mean_dim(1);
            Tensor::from_data(mean.reshape([rows, self.tags]).into_data(), &self.device)
        };
        Heads::new(mean(heads.weights.val()), mean(heads.bias.val()))
    }

    /// Fits the heads at one strength, starting from what they are.
    ///
    /// Minimises, summed over the problems, the mean loss of the photos (cross-entropy; summed over the tags where
    /// each stands for itself) plus `strength / 2` times the squared L2 norm of the weights. The bias is free.
    pub(crate) fn fit(&self, mut heads: Heads, strength: f64, stop: &StopToken) -> Result<Heads, TrainError> {
        let mut optimizer: LBFGS = LBFGSConfig::new()
            .with_max_iter(ITERATIONS_A_ROUND)
            .with_history_size(HISTORY)
            .with_tolerance_grad(1e-6)
            .with_tolerance_change(1e-7)
            .with_line_search_fn(LineSearchFn::StrongWolfe)
            .init();
        let mut before = f64::INFINITY;
        for _ in 0..MAX_ROUNDS {
            let objective = |heads: Heads| {
                if stop.is_stopped() {
                    return already_minimal(&heads);
                }
                let objective = self.objective(&heads, strength);
                let gradients = GradientsParams::from_grads(objective.backward(), &heads);
                (objective.into_scalar::<f64>(), gradients)
            };
            let (fitted, after) = optimizer.step(1.0, heads, objective);
            if stop.is_stopped() {
                return Err(TrainError::Stopped);
            }
            heads = fitted;
            if before - after <= TOLERANCE * after.abs() {
                break;
            }
            before = after;
        }
        Ok(heads)
    }

    /// The probabilities that each problem's head gives each photo: `[photos, problems, tags]`.
    pub(crate) fn probabilities(&self, heads: &Heads) -> Vec<f32> {
        let logits = self.logits(heads);
        let probabilities = match self.classification_type {
            ClassificationType::Multiclass => softmax(logits, 2),
            ClassificationType::Multilabel => sigmoid(logits),
        };
        values(probabilities)
    }

    /// Each problem's head for features as they come.
    pub(crate) fn raw(&self, heads: &Heads) -> Vec<LinearHead> {
        let width = self.centre.len();
        let columns = self.problems * self.tags;
        let (scaled, biases) = (values(heads.weights.val()), values(heads.bias.val()));
        let head = |(problem, bias): (usize, &[f32])| {
            let mut weights = Vec::with_capacity(self.tags * width);
            let mut bias = bias.to_vec();
            for (tag, bias) in bias.iter_mut().enumerate() {
                let column = scaled.iter().skip(problem * self.tags + tag).step_by(columns);
                weights.extend(column.map(|weight| weight * self.scale));
                let row = &weights[tag * width..];
                let products = row.iter().zip(&self.centre).map(|(w, c)| f64::from(*w) * f64::from(*c));
                *bias -= products.sum::<f64>() as f32;
            }
            LinearHead { weights, bias }
        };
        biases.chunks_exact(self.tags).enumerate().map(head).collect()
    }

    fn logits(&self, heads: &Heads) -> Tensor<3> {
        let logits = self.features.clone().matmul(heads.weights.val()) + heads.bias.val();
        let photos = logits.dims()[0];
        logits.reshape([photos, self.problems, self.tags])
    }

    fn objective(&self, heads: &Heads, strength: f64) -> Tensor<1> {
        let logits = self.logits(heads);
        let photos = logits.dims()[0];
        let targets = self.targets.clone();
        let likelihood = match self.classification_type {
            ClassificationType::Multiclass => log_softmax(logits, 2) * targets,
            ClassificationType::Multilabel => {
                let absent = -targets.clone() + 1.0;
                log_sigmoid(logits.clone()) * targets + log_sigmoid(-logits) * absent
            }
        };
        let loss = -(likelihood * self.weights.clone()).sum() / photos as f64;
        loss + heads.weights.val().powi_scalar(2).sum() * (strength / 2.0)
    }
}

/// What ends an optimisation at the next evaluation: nothing lower, and no slope.
fn already_minimal(heads: &Heads) -> (f64, GradientsParams) {
    let mut gradients = GradientsParams::new();
    gradients.register(heads.weights.id, heads.weights.val().inner().zeros_like());
    gradients.register(heads.bias.id, heads.bias.val().inner().zeros_like());
    (0.0, gradients)
}

/// The mean of the photos' features, and one over their root mean squared distance from it.
fn centre_and_scale(set: &TrainingSet) -> (Vec<f32>, f32) {
    let photos = set.labels().photos().len();
    let mut sums = vec![0.0f64; set.width()];
    for photo in 0..photos {
        sums.iter_mut().zip(set.row(photo)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let centre: Vec<f32> = sums.iter().map(|sum| (sum / photos as f64) as f32).collect();
    let squares: f64 = (0..photos)
        .flat_map(|photo| set.row(photo).iter().zip(&centre))
        .map(|(value, mean)| f64::from(value - mean).powi(2))
        .sum();
    let distance = (squares / photos as f64).sqrt();
    (centre, if distance > 0.0 { (1.0 / distance) as f32 } else { 1.0 })
}

/// `[photos, problems, tags]`: see [`HeadOptions::balance`](crate::HeadOptions::balance) for how tags are weighed.
fn loss_weights(
    classification_type: ClassificationType,
    targets: &[f32],
    tags: usize,
    seen: &[Vec<bool>],
    balance: f32,
) -> Vec<f32> {
    let (photos, problems) = (targets.len() / tags, seen.len());
    let mut weights = vec![0.0; photos * problems * tags];
    for (problem, seen) in seen.iter().enumerate() {
        let rows = || targets.chunks_exact(tags).zip(seen).filter(|(_, seen)| **seen).map(|(row, _)| row);
        let count = rows().count().max(1) as f32;
        let mut having = vec![0.0f32; tags];
        rows().for_each(|row| having.iter_mut().zip(row).for_each(|(sum, has)| *sum += has));
        let share = |fair: f32, has: f32| (fair / has.max(1.0)).powf(balance);
        let weight = |tag: usize, has: bool| match classification_type {
            ClassificationType::Multiclass => share(count / tags as f32, having[tag]),
            ClassificationType::Multilabel if has => share(count / 2.0, having[tag]),
            ClassificationType::Multilabel => share(count / 2.0, count - having[tag]),
        };
        // The mean over the photos that the problem sees becomes the mean over all photos.
        let mean = photos as f32 / count;
        for (photo, row) in targets.chunks_exact(tags).enumerate().filter(|(photo, _)| seen[*photo]) {
            let start = (photo * problems + problem) * tags;
            for (tag, has) in row.iter().enumerate() {
                weights[start + tag] = mean * weight(tag, *has > 0.5);
            }
        }
    }
    weights
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
