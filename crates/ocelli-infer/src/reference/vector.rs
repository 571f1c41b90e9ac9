//! What is computed of vectors.

use ndarray::{Array1, Array2, ArrayView1};

/// `weight . x + bias`.
#[derive(Debug)]
pub(super) struct Dense {
    weight: Array2<f32>,
    bias: Array1<f32>,
}

impl Dense {
    /// `weight` is `[outputs, inputs]`, `bias` is `[outputs]`; none if they do not fit.
    pub(super) fn new(weight: Vec<f32>, bias: Vec<f32>) -> Option<Self> {
        let outputs = bias.len();
        let inputs = weight.len().checked_div(outputs)?;
        let weight = Array2::from_shape_vec((outputs, inputs), weight).ok()?;
        Some(Self { weight, bias: bias.into() })
    }

    pub(super) fn apply(&self, input: &[f32]) -> Option<Vec<f32>> {
        let fits = input.len() == self.weight.ncols();
        fits.then(|| (self.weight.dot(&ArrayView1::from(input)) + &self.bias).to_vec())
    }
}

/// The mean of each of `channels` maps, summed in f64 so that its order does not matter.
pub(super) fn means(maps: &[f32], channels: usize) -> Vec<f32> {
    let len = maps.len() / channels;
    let mean = |map: &[f32]| (map.iter().copied().map(f64::from).sum::<f64>() / len as f64) as f32;
    maps.chunks_exact(len).map(mean).collect()
}

/// Replaces scores by probabilities that sum to 1.
pub(super) fn softmax(scores: &mut [f32]) {
    // Shifted by the largest score, so that no exponential overflows.
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score = (*score - largest).exp());
    let sum: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
}

pub(super) fn sigmoid(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_scores_give_probabilities() {
        let mut scores = [1e30, -1e30, 1e30];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.0, 0.5]);
        assert_eq!([sigmoid(-1e30), sigmoid(0.0), sigmoid(1e30)], [0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_dense_layer_multiplies_and_adds() {
        let dense = Dense::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![0.5, -0.5]).unwrap();
        assert_eq!(dense.apply(&[1.0, 0.0, -1.0]), Some(vec![-1.5, -2.5]));
        assert_eq!(dense.apply(&[1.0, 0.0]), None);
    }
}
