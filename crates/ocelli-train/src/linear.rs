use ocelli_core::ClassificationType;
use serde::{Deserialize, Serialize};

/// A head for features as they come from the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinearHead {
    /// Row-major `[tags, width]`.
    pub weights: Vec<f32>,
    /// `[tags]`
    pub bias: Vec<f32>,
}

impl LinearHead {
    /// The probability of each tag, `[tags]`; none where the features are not as many as the head weighs.
    pub fn probabilities(
        &self,
        classification_type: ClassificationType,
        features: &[f32],
    ) -> Option<Vec<f32>> {
        if features.is_empty() || self.weights.len() != self.bias.len() * features.len() {
            return None;
        }
        let score = |(row, bias): (&[f32], &f32)| {
            let products =
                row.iter().zip(features).map(|(weight, value)| f64::from(*weight) * f64::from(*value));
            f64::from(*bias) + products.sum::<f64>()
        };
        let mut scores: Vec<f64> =
            self.weights.chunks_exact(features.len()).zip(&self.bias).map(score).collect();
        match classification_type {
            ClassificationType::Multiclass => softmax(&mut scores),
            ClassificationType::Multilabel => scores.iter_mut().for_each(|score| *score = sigmoid(*score)),
        }
        Some(scores.into_iter().map(|probability| probability as f32).collect())
    }
}

/// Scores become `exp(x) / sum(exp(x))`.
pub(crate) fn softmax(scores: &mut [f64]) {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = (*score - highest).exp());
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
}

/// `1 / (1 + exp(-x))`
pub(crate) fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// The logarithm of [`sigmoid`], exact where that is nearly 0.
pub(crate) fn log_sigmoid(score: f64) -> f64 {
    score.min(0.0) - (-score.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_softmax_or_sigmoid_of_the_scores() {
        let head = LinearHead { weights: vec![1.0, 0.0, 0.0, 1.0], bias: vec![0.0, 3.0_f32.ln()] };
        let of = |classification_type| head.probabilities(classification_type, &[2.0, 2.0]).unwrap();
        let multiclass = of(ClassificationType::Multiclass);
        assert!((multiclass[0] - 0.25).abs() < 1e-6 && (multiclass[1] - 0.75).abs() < 1e-6, "{multiclass:?}");
        let multilabel = of(ClassificationType::Multilabel);
        assert!((multilabel[0] - 0.880_797).abs() < 1e-6, "{multilabel:?}");
    }

    #[test]
    fn features_of_another_base_are_refused() {
        let head = LinearHead { weights: vec![1.0; 4], bias: vec![0.0; 2] };
        for features in [&[][..], &[1.0], &[1.0; 3]] {
            assert_eq!(head.probabilities(ClassificationType::Multiclass, features), None);
        }
    }
}
