use serde::{Deserialize, Serialize};

use crate::{ClassificationType, EvaluatedPhoto, Evaluation, Reliability};

/// The largest number below 1 that an f32 can say: what a probability of 1 is taken for, so that its logit is finite.
const BELOW_ONE: f32 = 1.0 - f32::EPSILON / 2.0;

/// How probabilities are corrected so that they tell the truth: of the answers with probability 0.8, 80 % are right.
///
/// Both methods work on logits, whose order they keep, so that the most probable tag of a photo (temperature) and the
/// order of the photos by a tag's probability (both) stay as they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
#[non_exhaustive]
pub enum ProbabilityCalibration {
    /// All logits are divided by one number (Guo, Pleiss, Sun and Weinberger 2017).
    Temperature {
        /// The number, above 0; 1 changes nothing, more makes answers less sure.
        temperature: f64,
    },
    /// Each tag's logit is multiplied by a slope and moved by an offset (Platt 1999). For multilabel only: in a
    /// multiclass model it would depend on what all logits have in common, which probabilities do not tell.
    Platt {
        /// Each tag's, above 0; 1 where nothing changes.
        slopes: Vec<f64>,
        /// Each tag's; 0 where nothing changes.
        offsets: Vec<f64>,
    },
}

impl ProbabilityCalibration {
    /// What changes nothing.
    pub fn identity(classification_type: ClassificationType, tags: usize) -> Self {
        match classification_type {
            ClassificationType::Multiclass => Self::Temperature { temperature: 1.0 },
            ClassificationType::Multilabel => {
                Self::Platt { slopes: vec![1.0; tags], offsets: vec![0.0; tags] }
            }
        }
    }

    /// Whether it changes nothing.
    pub fn is_identity(&self) -> bool {
        match self {
            Self::Temperature { temperature } => *temperature == 1.0,
            Self::Platt { slopes, offsets } => {
                slopes.iter().all(|slope| *slope == 1.0) && offsets.iter().all(|offset| *offset == 0.0)
            }
        }
    }

    /// Whether all its numbers are finite and keep the order of logits.
    pub fn is_valid(&self) -> bool {
        let scales = |factor: &f64| factor.is_finite() && *factor > 0.0;
        match self {
            Self::Temperature { temperature } => scales(temperature),
            Self::Platt { slopes, offsets } => {
                slopes.len() == offsets.len()
                    && slopes.iter().all(scales)
                    && offsets.iter().all(|offset| offset.is_finite())
            }
        }
    }

    /// Corrects the probabilities of one photo, `[tags]`, as the same correction of its logits would have: in
    /// multiclass the softmax of `ln p / temperature`, in multilabel the sigmoid of `slope * logit(p) + offset` with
    /// `logit(p) = ln(p / (1 - p))`.
    ///
    /// Probabilities that are beyond the calibration's tags stay as they are, and so do all if it
    /// [is not valid](Self::is_valid) or is Platt's for a multiclass photo.
    pub fn apply(&self, classification_type: ClassificationType, probabilities: &mut [f32]) {
        if self.is_identity() || !self.is_valid() {
            return;
        }
        match (self, classification_type) {
            (Self::Temperature { temperature }, ClassificationType::Multiclass) => {
                soften(*temperature, probabilities);
            }
            (Self::Temperature { temperature }, ClassificationType::Multilabel) => {
                probabilities.iter_mut().for_each(|p| *p = moved(*p, 1.0 / temperature, 0.0));
            }
            (Self::Platt { slopes, offsets }, ClassificationType::Multilabel) => {
                for (p, (slope, offset)) in probabilities.iter_mut().zip(slopes.iter().zip(offsets)) {
                    if (*slope, *offset) != (1.0, 0.0) {
                        *p = moved(*p, *slope, *offset);
                    }
                }
            }
            (Self::Platt { .. }, ClassificationType::Multiclass) => {}
        }
    }

    /// The same photos with corrected probabilities.
    pub fn applied<P: Clone>(&self, evaluation: &Evaluation<P>) -> Evaluation<P> {
        let mut corrected = evaluation.clone();
        for EvaluatedPhoto { probabilities, .. } in &mut corrected.photos {
            self.apply(evaluation.classification_type, probabilities);
        }
        corrected
    }
}

fn soften(temperature: f64, probabilities: &mut [f32]) {
    let logits = |p: &f32| f64::from(p.max(f32::MIN_POSITIVE)).ln() / temperature;
    let highest = probabilities.iter().map(logits).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = probabilities.iter().map(|p| (logits(p) - highest).exp()).sum();
    if sum.is_finite() && sum > 0.0 {
        probabilities.iter_mut().for_each(|p| *p = ((logits(p) - highest).exp() / sum) as f32);
    }
}

fn moved(probability: f32, slope: f64, offset: f64) -> f32 {
    let p = f64::from(probability.clamp(f32::MIN_POSITIVE, BELOW_ONE));
    let logit = (p / (1.0 - p)).ln();
    (1.0 / (1.0 + (-(slope * logit + offset)).exp())) as f32
}

/// What a calibration did, measured on photos that it did not learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalibrationRecord {
    /// What was done, learned from all folds.
    pub method: ProbabilityCalibration,
    /// How far the probabilities could be taken at their word before.
    pub before: CalibrationFigures,
    /// How far they can be after, each fold's corrected by what the other folds taught.
    pub after: CalibrationFigures,
}

impl CalibrationRecord {
    /// Whether all its numbers are finite.
    pub fn is_finite(&self) -> bool {
        let figures = [self.before, self.after];
        self.method.is_valid()
            && figures
                .iter()
                .all(|of| of.expected_calibration_error.is_finite() && of.brier_score.is_finite())
    }
}

/// How far probabilities can be taken at their word, in two numbers; [`Reliability`] says what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalibrationFigures {
    /// 0 to 1.
    pub expected_calibration_error: f64,
    /// 0 to 2 in multiclass, 0 to 1 in multilabel.
    pub brier_score: f64,
}

impl From<&Reliability> for CalibrationFigures {
    fn from(reliability: &Reliability) -> Self {
        let Reliability { expected_calibration_error, brier_score, .. } = *reliability;
        Self { expected_calibration_error, brier_score }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn softmax(logits: &[f64]) -> Vec<f32> {
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        logits.iter().map(|logit| (logit.exp() / sum) as f32).collect()
    }

    fn sigmoid(logit: f64) -> f32 {
        (1.0 / (1.0 + (-logit).exp())) as f32
    }

    fn close(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    #[test]
    fn what_is_no_calibration_leaves_probabilities_as_they_are() {
        use ClassificationType::{Multiclass, Multilabel};
        let cases = [
            (ProbabilityCalibration::identity(Multiclass, 3), Multiclass),
            (ProbabilityCalibration::identity(Multilabel, 3), Multilabel),
            (ProbabilityCalibration::Temperature { temperature: 0.0 }, Multiclass),
            (ProbabilityCalibration::Temperature { temperature: f64::NAN }, Multiclass),
            (ProbabilityCalibration::Platt { slopes: vec![-1.0; 3], offsets: vec![0.0; 3] }, Multilabel),
            (ProbabilityCalibration::Platt { slopes: vec![2.0; 3], offsets: vec![0.0; 2] }, Multilabel),
            (ProbabilityCalibration::Platt { slopes: vec![2.0; 3], offsets: vec![1.0; 3] }, Multiclass),
        ];
        for (calibration, kind) in cases {
            let mut probabilities = [0.0, 1.0, 0.1];
            calibration.apply(kind, &mut probabilities);
            assert_eq!(probabilities, [0.0, 1.0, 0.1], "{calibration:?}");
        }
    }

    #[test]
    fn a_calibration_names_its_method() {
        let json = serde_json::to_value(ProbabilityCalibration::Temperature { temperature: 1.5 }).unwrap();
        assert_eq!(json, serde_json::json!({"type": "temperature", "temperature": 1.5}));
    }

    proptest! {
        #[test]
        fn a_temperature_divides_the_logits(
            logits in proptest::collection::vec(-8.0f64..8.0, 1..6),
            temperature in 0.2f64..5.0,
        ) {
            let mut found = softmax(&logits);
            ProbabilityCalibration::Temperature { temperature }.apply(ClassificationType::Multiclass, &mut found);
            let expected = softmax(&logits.iter().map(|logit| logit / temperature).collect::<Vec<_>>());
            prop_assert!(close(&found, &expected), "{found:?} and {expected:?}");
        }

        #[test]
        fn platt_moves_each_tags_logit(
            logits in proptest::collection::vec(-6.0f64..6.0, 2),
            slope in 0.2f64..3.0,
            offset in -3.0f64..3.0,
        ) {
            let mut found: Vec<f32> = logits.iter().map(|logit| sigmoid(*logit)).collect();
            let expected = [sigmoid(slope * logits[0] + offset), found[1]];
            let calibration = ProbabilityCalibration::Platt { slopes: vec![slope, 1.0], offsets: vec![offset, 0.0] };
            calibration.apply(ClassificationType::Multilabel, &mut found);
            prop_assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?} and {expected:?}");
        }

        #[test]
        fn probabilities_stay_probabilities_in_their_order(
            mut probabilities in proptest::collection::vec(0.0f32..=1.0, 2..6),
            factor in 0.01f64..100.0,
            offset in -50.0f64..50.0,
            several in any::<bool>(),
        ) {
            let tags = probabilities.len();
            probabilities.sort_by(f32::total_cmp);
            let (kind, calibration) = if several {
                let (slopes, offsets) = (vec![factor; tags], vec![offset; tags]);
                (ClassificationType::Multilabel, ProbabilityCalibration::Platt { slopes, offsets })
            } else {
                (ClassificationType::Multiclass, ProbabilityCalibration::Temperature { temperature: factor })
            };
            calibration.apply(kind, &mut probabilities);
            prop_assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{probabilities:?}");
            prop_assert!(probabilities.is_sorted(), "{probabilities:?}");
            if !several {
                let sum: f32 = probabilities.iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-4, "{sum}");
            }
        }
    }
}
