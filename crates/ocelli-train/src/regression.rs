//! L2-regularised logistic regression, several problems side by side: burn multiplies and optimises, the loss and
//! its gradient are written out.

use burn::module::{Module, Param};
use burn::optim::{GradientsParams, LBFGS, LBFGSConfig, LineSearchFn};
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_core::ClassificationType;

use crate::linear::{log_sigmoid, sigmoid, softmax};
use crate::scaling::Scaling;
use crate::{LabelledPhoto, LinearHead, StopToken, TrainError, TrainingSet};

/// Iterations of L-BFGS between two looks at the progress made.
const ITERATIONS_A_ROUND: usize = 10;
/// Rounds after which a fit ends even if it still makes progress.
const MAX_ROUNDS: usize = 30;
/// A fit ends when a round lowers the objective by less than this fraction of it.
const TOLERANCE: f64 = 1e-4;
/// Pairs of steps and gradients that L-BFGS remembers.
const HISTORY: usize = 10;
/// Rows of features (views of photos) that are multiplied at once.
const ROWS_AT_ONCE: usize = 2048;

/// Fits `problems` heads on the same photos at once, so that one pass over the features serves them all. Problem
/// `n` does not see the photos of fold `n`.
///
/// The features of all views are learned from, each with its share of the photo's weight. They are centred and
/// scaled ([`Scaling`]) on the way, so that a strength of regularisation means the same whatever the base;
/// [`Regression::raw`] undoes it.
///
/// Beside the set itself this holds one block of features and its logits:
/// `4 * ROWS_AT_ONCE * (width + 3 * problems * tags)` bytes, and the heads with their history:
/// `4 * (2 * HISTORY + 6) * problems * tags * width`.
pub(crate) struct Regression<'a> {
    set: &'a TrainingSet,
    /// The fold of each photo; none where one problem sees all.
    fold_of: Option<&'a [u16]>,
    problems: usize,
    tags: usize,
    /// `[problems, tags, 2]`: what a photo counts that has the tag, and one that has not; each problem's photos
    /// have a mean of 1 where tags are balanced.
    weights: Vec<[f32; 2]>,
    scaling: Scaling,
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
    /// Of values, `[width, columns]` and `[columns]`. They lie on a device that follows gradients, since burn's
    /// optimiser takes no others.
    fn new(weights: Vec<f32>, bias: Vec<f32>) -> Self {
        let device = Device::flex().autodiff();
        let columns = bias.len();
        let param = |values| Param::from_tensor(tensor(values, columns, &device));
        Self { weights: param(weights), bias: param(bias) }
    }
}

impl<'a> Regression<'a> {
    /// One problem a fold, which learns from the photos of the other folds.
    pub(crate) fn of_folds(set: &'a TrainingSet, fold_of: &'a [u16], folds: u16, balance: f32) -> Self {
        Self::new(set, Some(fold_of), usize::from(folds), balance)
    }

    /// One problem, which learns from all photos.
    pub(crate) fn of_all(set: &'a TrainingSet, balance: f32) -> Self {
        Self::new(set, None, 1, balance)
    }

    fn new(set: &'a TrainingSet, fold_of: Option<&'a [u16]>, problems: usize, balance: f32) -> Self {
        let tags = set.labels().tags().len();
        let sees = |problem: usize, photo: usize| {
            fold_of.and_then(|folds| folds.get(photo)).is_none_or(|fold| usize::from(*fold) != problem)
        };
        let labels = set.labels();
        let size = [labels.photos().len(), labels.tags().len()];
        let weights = (0..problems).flat_map(|problem| {
            let photos = labels.photos().iter().enumerate();
            let seen = photos.filter(|(n, _)| sees(problem, *n)).map(|(_, photo)| photo.tags.as_slice());
            loss_weights(labels.classification_type(), size, seen, balance)
        });
        Self {
            set,
            fold_of,
            problems,
            tags,
            weights: weights.collect(),
            scaling: Scaling::new(set.rows(), set.width()),
            device: Device::flex(),
        }
    }

    /// Heads that know nothing.
    pub(crate) fn zeros(&self) -> Heads {
        let columns = self.problems * self.tags;
        Heads::new(vec![0.0; self.set.width() * columns], vec![0.0; columns])
    }

    /// One head: the mean of the problems' heads.
    pub(crate) fn mean(&self, heads: &Heads) -> Heads {
        let mean = |values: Vec<f32>| -> Vec<f32> {
            let rows = values.chunks_exact(self.problems * self.tags);
            let tags = rows.flat_map(|row| (0..self.tags).map(move |tag| row.iter().skip(tag)));
            tags.map(|own| own.step_by(self.tags).sum::<f32>() / self.problems as f32).collect()
        };
        Heads::new(mean(inner_values(&heads.weights)), mean(inner_values(&heads.bias)))
    }

    /// Fits the heads at one strength, starting from what they are.
    ///
    /// Minimises, summed over the problems, the mean loss of the photos (cross-entropy; summed over the tags where
    /// each stands for itself; the mean of a photo's views) plus `strength / 2` times the squared L2 norm of the
    /// weights. The bias is free.
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
            let objective = |heads: Heads| self.objective(&heads, strength, stop);
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

    /// The probabilities that each photo's first view gets from the head of the problem that did not see it:
    /// `[photos, tags]`.
    pub(crate) fn held_out(&self, heads: &Heads) -> Vec<f32> {
        let (width, views) = (self.set.width(), self.set.views());
        let columns = self.problems * self.tags;
        let photos = self.set.labels().photos().len();
        let (weights, bias) = self.for_raw_features(heads);
        let mut probabilities = Vec::with_capacity(photos * self.tags);
        let mut first_views = Vec::new();
        let at_once = ROWS_AT_ONCE * views * width;
        for (block, features) in self.set.rows().chunks(at_once).enumerate() {
            first_views.clear();
            features.chunks_exact(views * width).for_each(|photo| first_views.extend(&photo[..width]));
            let logits = values(self.tensor(first_views.clone(), width).matmul(weights.clone()));
            for (n, row) in (block * ROWS_AT_ONCE..).zip(logits.chunks_exact(columns)) {
                let fold = self.fold_of.and_then(|folds| folds.get(n)).map_or(0, |fold| usize::from(*fold));
                let own = fold * self.tags..(fold + 1) * self.tags;
                let logits = row[own.clone()].iter().zip(&bias[own]);
                let mut scores: Vec<f64> = logits.map(|(x, b)| f64::from(*x) + f64::from(*b)).collect();
                match self.set.labels().classification_type() {
                    ClassificationType::Multiclass => softmax(&mut scores),
                    ClassificationType::Multilabel => {
                        scores.iter_mut().for_each(|score| *score = sigmoid(*score));
                    }
                }
                probabilities.extend(scores.into_iter().map(|probability| probability as f32));
            }
        }
        probabilities
    }

    /// Each problem's head for features as they come.
    pub(crate) fn raw(&self, heads: &Heads) -> Vec<LinearHead> {
        let width = self.set.width();
        let columns = self.problems * self.tags;
        let (weights, bias) = self.for_raw_features(heads);
        let weights = values(weights);
        let head = |(problem, bias): (usize, &[f32])| {
            let first = problem * self.tags;
            let of_tag = |tag: usize| weights.iter().skip(first + tag).step_by(columns).copied();
            let mut rows = Vec::with_capacity(self.tags * width);
            (0..self.tags).for_each(|tag| rows.extend(of_tag(tag)));
            LinearHead { weights: rows, bias: bias.to_vec() }
        };
        bias.chunks_exact(self.tags).enumerate().map(head).collect()
    }

    /// Weights `[width, problems * tags]` and bias for features as they come.
    fn for_raw_features(&self, heads: &Heads) -> (Tensor<2>, Vec<f32>) {
        let columns = self.problems * self.tags;
        let mut weights = inner_values(&heads.weights);
        let mut shift = vec![0.0f64; columns];
        let features = self.scaling.centre.iter().zip(&self.scaling.factors);
        for (row, (centre, factor)) in weights.chunks_exact_mut(columns).zip(features) {
            for (weight, shift) in row.iter_mut().zip(&mut shift) {
                *weight *= factor;
                *shift += f64::from(*weight) * f64::from(*centre);
            }
        }
        let bias = inner_values(&heads.bias);
        let bias = bias.iter().zip(shift).map(|(bias, shift)| (f64::from(*bias) - shift) as f32).collect();
        (self.tensor(weights, columns), bias)
    }

    /// The objective and its gradient. Where a stop is asked for, what ends an optimisation at once: nothing
    /// lower, and no slope.
    fn objective(&self, heads: &Heads, strength: f64, stop: &StopToken) -> (f64, GradientsParams) {
        let (width, views) = (self.set.width(), self.set.views());
        let columns = self.problems * self.tags;
        let rows = self.set.labels().photos().len() * views;
        let (weights, bias) = self.for_raw_features(heads);
        let mut loss = 0.0;
        // Of features as they come, and of the bias.
        let mut slope = Tensor::<2>::zeros([width, columns], &self.device);
        let mut bias_slope = vec![0.0f64; columns];
        for (block, features) in self.set.rows().chunks(ROWS_AT_ONCE * width).enumerate() {
            if stop.is_stopped() {
                let mut flat = GradientsParams::new();
                flat.register(heads.weights.id, Tensor::<2>::zeros([width, columns], &self.device));
                flat.register(heads.bias.id, Tensor::<2>::zeros([1, columns], &self.device));
                return (0.0, flat);
            }
            let features = self.tensor(features.to_vec(), width);
            let mut logits = values(features.clone().matmul(weights.clone()));
            for (row, logits) in (block * ROWS_AT_ONCE..).zip(logits.chunks_exact_mut(columns)) {
                loss += self.slope_of_row(row / views, rows, &bias, logits);
                bias_slope.iter_mut().zip(logits).for_each(|(sum, slope)| *sum += f64::from(*slope));
            }
            slope = slope + features.transpose().matmul(self.tensor(logits, columns));
        }
        let mut slope = values(slope);
        let features = self.scaling.centre.iter().zip(&self.scaling.factors);
        let weights = inner_values(&heads.weights);
        let rows = slope.chunks_exact_mut(columns).zip(weights.chunks_exact(columns));
        for ((row, weights), (centre, factor)) in rows.zip(features) {
            for ((slope, weight), bias_slope) in row.iter_mut().zip(weights).zip(&bias_slope) {
                let centred = f64::from(*slope) - f64::from(*centre) * bias_slope;
                *slope = (f64::from(*factor) * centred + strength * f64::from(*weight)) as f32;
            }
        }
        let norm: f64 = weights.iter().map(|weight| f64::from(*weight).powi(2)).sum();
        let bias_slope = bias_slope.into_iter().map(|slope| slope as f32).collect();
        let mut gradients = GradientsParams::new();
        gradients.register(heads.weights.id, self.tensor(slope, columns));
        gradients.register(heads.bias.id, self.tensor(bias_slope, columns));
        (loss + norm * (strength / 2.0), gradients)
    }

    /// The loss of one view of a photo over all problems; its logits, still without the bias, become the slope of
    /// that loss.
    fn slope_of_row(&self, photo: usize, rows: usize, bias: &[f32], logits: &mut [f32]) -> f64 {
        let labels = self.set.labels();
        let Some(LabelledPhoto { tags: own, .. }) = labels.photos().get(photo) else { return 0.0 };
        let fold = self.fold_of.and_then(|folds| folds.get(photo)).map(|fold| usize::from(*fold));
        let mut loss = 0.0;
        let problems = logits.chunks_exact_mut(self.tags).zip(bias.chunks_exact(self.tags));
        let weights = self.weights.chunks_exact(self.tags);
        let mut scores = vec![0.0f64; self.tags];
        for (problem, ((logits, bias), weights)) in problems.zip(weights).enumerate() {
            if fold == Some(problem) {
                logits.fill(0.0);
                continue;
            }
            let sums = logits.iter().zip(bias).map(|(x, b)| f64::from(*x) + f64::from(*b));
            scores.iter_mut().zip(sums).for_each(|(score, sum)| *score = sum);
            match labels.classification_type() {
                ClassificationType::Multiclass => {
                    let tag = own.first().map_or(0, |tag| usize::from(*tag));
                    let counts = f64::from(weights[tag][0]) / rows as f64;
                    softmax(&mut scores);
                    loss -= counts * scores[tag].max(f64::MIN_POSITIVE).ln();
                    scores[tag] -= 1.0;
                    let slopes = logits.iter_mut().zip(&scores);
                    slopes.for_each(|(slope, error)| *slope = (counts * error) as f32);
                }
                ClassificationType::Multilabel => {
                    for (tag, (slope, score)) in (0u16..).zip(logits.iter_mut().zip(&scores)) {
                        let has = own.binary_search(&tag).is_ok();
                        let [with, without] = weights[usize::from(tag)];
                        let counts = f64::from(if has { with } else { without }) / rows as f64;
                        loss -= counts * log_sigmoid(if has { *score } else { -score });
                        *slope = (counts * (sigmoid(*score) - f64::from(u8::from(has)))) as f32;
                    }
                }
            }
        }
        loss
    }

    fn tensor(&self, values: Vec<f32>, columns: usize) -> Tensor<2> {
        tensor(values, columns, &self.device)
    }
}

fn tensor(values: Vec<f32>, columns: usize, device: &Device) -> Tensor<2> {
    let shape = [values.len() / columns.max(1), columns];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// For each tag, what a photo counts that has it, and one that has not: see
/// [`HeadOptions::balance`](crate::HeadOptions::balance). The mean of the weighted losses over all photos is one over those
/// that are seen.
pub(crate) fn loss_weights<'a>(
    classification_type: ClassificationType,
    [photos, tags]: [usize; 2],
    seen: impl Iterator<Item = &'a [u16]>,
    balance: f32,
) -> Vec<[f32; 2]> {
    let mut count = 0.0f32;
    let mut having = vec![0.0f32; tags];
    for own in seen {
        count += 1.0;
        own.iter().for_each(|tag| having[usize::from(*tag)] += 1.0);
    }
    let count = count.max(1.0);
    let mean = photos as f32 / count;
    let share = |fair: f32, has: f32| mean * (fair / has.max(1.0)).powf(balance);
    let weights = having.into_iter().map(|having| match classification_type {
        ClassificationType::Multiclass => {
            let weight = share(count / tags as f32, having);
            [weight, weight]
        }
        ClassificationType::Multilabel => [share(count / 2.0, having), share(count / 2.0, count - having)],
    });
    weights.collect()
}

fn inner_values(param: &Param<Tensor<2>>) -> Vec<f32> {
    values(param.val().inner())
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
