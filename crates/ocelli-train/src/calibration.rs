use std::collections::BTreeSet;

use ocelli_core::{
    CalibrationFigures, CalibrationRecord, ClassificationType, EvaluatedPhoto, Evaluation,
    ProbabilityCalibration,
};

use crate::LinearHead;

/// A temperature is not learned from fewer photos.
const MIN_PHOTOS: usize = 20;
/// A tag's slope and offset are not learned from fewer photos that have it, or that have it not.
const MIN_PHOTOS_EACH: usize = 10;
/// Temperatures lie between its inverse and this.
const MAX_TEMPERATURE: f64 = 10.0;
/// Slopes lie between its inverse and this, as temperatures do.
const MAX_SLOPE: f64 = 10.0;
/// Steps of Newton's method; it is done after far fewer.
const STEPS: usize = 100;
/// Parts that learn from one another where photos have no folds.
const PARTS: u16 = 5;
/// Probabilities are taken to lie so far from 0 and 1, as f32 says them.
const TINIEST: f64 = f32::MIN_POSITIVE as f64;
const BELOW_ONE: f64 = 1.0 - f32::EPSILON as f64 / 2.0;

/// How the probabilities of an evaluation are to be corrected, learned from answers to photos that the model did not
/// see, such as the folds': a temperature for multiclass (Guo, Pleiss, Sun and Weinberger 2017), and a slope and an
/// offset a tag for multilabel (Platt 1999, with his smoothed targets, by the method of Lin, Lin and Weng 2007).
///
/// Nothing is changed (for a tag, in multilabel) where there are too few photos to learn from (20; or 10 with and 10
/// without the tag), or where what each fold's photos are corrected by, learned from the other folds, does not make
/// their loss lower.
pub fn fit_calibration<P>(evaluation: &Evaluation<P>) -> ProbabilityCalibration {
    let photos: Vec<&EvaluatedPhoto<P>> = evaluation.photos.iter().collect();
    fit(evaluation.classification_type, evaluation.tags.len(), &photos)
}

/// The same evaluation with each fold's probabilities corrected by what [`fit_calibration`] learns from the others', so
/// that its figures are on photos that neither the model nor the correction saw. Where all photos are in one fold, five
/// parts are made of them.
pub fn calibrated<P: Clone>(evaluation: &Evaluation<P>) -> Evaluation<P> {
    let photos: Vec<&EvaluatedPhoto<P>> = evaluation.photos.iter().collect();
    let parts = parts(&photos);
    let mut corrected = evaluation.clone();
    for part in parts.iter().collect::<BTreeSet<_>>() {
        let others: Vec<_> =
            photos.iter().zip(&parts).filter(|(_, of)| *of != part).map(|(p, _)| *p).collect();
        let calibration = fit(evaluation.classification_type, evaluation.tags.len(), &others);
        for (photo, of) in corrected.photos.iter_mut().zip(&parts) {
            if of == part {
                calibration.apply(evaluation.classification_type, &mut photo.probabilities);
            }
        }
    }
    corrected
}

/// What [`fit_calibration`] learns, and what it is worth by the folds ([`calibrated`]).
pub fn calibrate<P: Clone>(evaluation: &Evaluation<P>) -> CalibrationRecord {
    CalibrationRecord {
        method: fit_calibration(evaluation),
        before: CalibrationFigures::from(&evaluation.reliability()),
        after: CalibrationFigures::from(&calibrated(evaluation).reliability()),
    }
}

impl LinearHead {
    /// A head whose probabilities are this one's corrected, up to rounding: the temperature, or the slopes and offsets,
    /// go into the weights and biases. The calibration must be one for the head's classification type and tags; one that
    /// [is not valid](ProbabilityCalibration::is_valid) changes nothing.
    pub fn calibrated(&self, calibration: &ProbabilityCalibration) -> Self {
        let mut head = self.clone();
        let tags = head.bias.len();
        if tags == 0 || !calibration.is_valid() || calibration.is_identity() {
            return head;
        }
        let width = head.weights.len() / tags;
        let scaled = |value: &mut f32, slope: f64, offset: f64| {
            *value = (f64::from(*value) * slope + offset) as f32;
        };
        match calibration {
            ProbabilityCalibration::Temperature { temperature } => {
                let values = head.weights.iter_mut().chain(&mut head.bias);
                values.for_each(|value| scaled(value, 1.0 / temperature, 0.0));
            }
            ProbabilityCalibration::Platt { slopes, offsets } => {
                let rows = head.weights.chunks_exact_mut(width.max(1)).zip(&mut head.bias);
                for ((row, bias), (slope, offset)) in rows.zip(slopes.iter().zip(offsets)) {
                    row.iter_mut().for_each(|weight| scaled(weight, *slope, 0.0));
                    scaled(bias, *slope, *offset);
                }
            }
            _ => {}
        }
        head
    }
}

/// The part of the photos that each belongs to: its fold, where there are several.
fn parts<P>(photos: &[&EvaluatedPhoto<P>]) -> Vec<u16> {
    let folds: BTreeSet<u16> = photos.iter().map(|photo| photo.fold).collect();
    match folds.len() {
        0 | 1 => (0..PARTS).cycle().take(photos.len()).collect(),
        _ => photos.iter().map(|photo| photo.fold).collect(),
    }
}

fn fit<P>(kind: ClassificationType, tags: usize, photos: &[&EvaluatedPhoto<P>]) -> ProbabilityCalibration {
    let parts = parts(photos);
    match kind {
        ClassificationType::Multiclass => {
            let choice = |(photo, part): (&&EvaluatedPhoto<P>, &u16)| match photo.tags.as_slice() {
                [tag] => Some((*part, Choice::of(&photo.probabilities, *tag)?)),
                _ => None,
            };
            let answers: Vec<(u16, Choice)> = photos.iter().zip(&parts).filter_map(choice).collect();
            ProbabilityCalibration::Temperature { temperature: unless_no_better(&answers, 1.0) }
        }
        ClassificationType::Multilabel => {
            let of_tag = |tag: u16| {
                let answer = |(photo, part): (&&EvaluatedPhoto<P>, &u16)| {
                    let probability = photo.probabilities.get(usize::from(tag))?;
                    Some((*part, Verdict::of(*probability, photo.tags.contains(&tag))))
                };
                let answers: Vec<(u16, Verdict)> = photos.iter().zip(&parts).filter_map(answer).collect();
                unless_no_better(&answers, Line { slope: 1.0, offset: 0.0 })
            };
            let lines: Vec<Line> = (0u16..).take(tags).map(of_tag).collect();
            ProbabilityCalibration::Platt {
                slopes: lines.iter().map(|line| line.slope).collect(),
                offsets: lines.iter().map(|line| line.offset).collect(),
            }
        }
    }
}

/// An answer that a correction of kind `C` can be learned from.
trait Answer<C>: Sized {
    /// None where there are too few, or nothing is to be learned.
    fn fit(answers: &[&Self]) -> Option<C>;

    /// The cross-entropy after a correction.
    fn loss(&self, correction: C) -> f64;
}

/// What all answers teach, unless what the other parts teach about each part does not make its loss lower.
fn unless_no_better<A: Answer<C>, C: Copy>(answers: &[(u16, A)], identity: C) -> C {
    let (mut before, mut after) = (0.0, 0.0);
    for part in answers.iter().map(|(part, _)| *part).collect::<BTreeSet<u16>>() {
        let (own, others): (Vec<_>, Vec<_>) = answers.iter().partition(|(of, _)| *of == part);
        let others: Vec<&A> = others.into_iter().map(|(_, answer)| answer).collect();
        let correction = A::fit(&others).unwrap_or(identity);
        before += own.iter().map(|(_, answer)| answer.loss(identity)).sum::<f64>();
        after += own.iter().map(|(_, answer)| answer.loss(correction)).sum::<f64>();
    }
    let all: Vec<&A> = answers.iter().map(|(_, answer)| answer).collect();
    if after < before { A::fit(&all).unwrap_or(identity) } else { identity }
}

/// One photo's logits, and the one of its tag.
struct Choice {
    logits: Vec<f64>,
    right: usize,
}

impl Choice {
    fn of(probabilities: &[f32], tag: u16) -> Option<Self> {
        let logits: Vec<f64> = probabilities.iter().map(|p| f64::from(*p).max(TINIEST).ln()).collect();
        let right = usize::from(tag);
        (right < logits.len()).then_some(Self { logits, right })
    }

    /// The logarithm of the sum of the powers, the mean and the variance of the logits, at an inverse temperature.
    fn moments(&self, inverse: f64) -> (f64, f64, f64) {
        let highest = self.logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for logit in &self.logits {
            let power = (inverse * (logit - highest)).exp();
            sum += power;
            first += power * (logit - highest);
            second += power * (logit - highest).powi(2);
        }
        let mean = first / sum;
        (inverse * highest + sum.ln(), highest + mean, (second / sum - mean * mean).max(0.0))
    }

    fn right_logit(&self) -> f64 {
        self.logits.get(self.right).copied().unwrap_or(0.0)
    }
}

impl Answer<f64> for Choice {
    /// The temperature with the lowest loss. The loss is convex in the inverse of the temperature; Newton's method is
    /// kept within what is known to hold the minimum. So that photos that are all right do not ask for a temperature of
    /// 0, targets are smoothed as Platt's are: one in as many photos, and two, has another tag.
    fn fit(answers: &[&Self]) -> Option<f64> {
        let tags = answers.iter().map(|answer| answer.logits.len()).max()?;
        if answers.len() < MIN_PHOTOS || tags < 2 {
            return None;
        }
        let off = 1.0 / (answers.len() as f64 + 2.0);
        let targets: Vec<f64> = answers
            .iter()
            .map(|answer| {
                let others = answer.logits.iter().sum::<f64>() - answer.right_logit();
                (1.0 - off) * answer.right_logit() + off * others / (tags as f64 - 1.0)
            })
            .collect();
        let (mut low, mut high, mut inverse) = (1.0 / MAX_TEMPERATURE, MAX_TEMPERATURE, 1.0_f64);
        for _ in 0..STEPS {
            let (mut slope, mut curvature) = (0.0, 0.0);
            for (answer, target) in answers.iter().zip(&targets) {
                let (_, mean, variance) = answer.moments(inverse);
                slope += mean - target;
                curvature += variance;
            }
            if slope > 0.0 {
                high = inverse;
            } else {
                low = inverse;
            }
            let step = inverse - slope / curvature;
            let next = if low < step && step < high { step } else { f64::midpoint(low, high) };
            let moved = (next - inverse).abs();
            inverse = next;
            if moved < 1e-9 {
                break;
            }
        }
        Some(1.0 / inverse)
    }

    fn loss(&self, temperature: f64) -> f64 {
        self.moments(1.0 / temperature).0 - self.right_logit() / temperature
    }
}

/// A tag's logit for one photo, and whether the photo has the tag.
#[derive(Clone, Copy)]
struct Verdict {
    logit: f64,
    has: bool,
}

/// What a logit is multiplied by, and what is added then.
#[derive(Clone, Copy)]
struct Line {
    slope: f64,
    offset: f64,
}

impl Verdict {
    fn of(probability: f32, has: bool) -> Self {
        let p = f64::from(probability).clamp(TINIEST, BELOW_ONE);
        Self { logit: (p / (1.0 - p)).ln(), has }
    }

    /// The cross-entropy with a target between 0 and 1.
    fn entropy(self, line: Line, target: f64) -> f64 {
        let score = line.slope * self.logit + line.offset;
        score.max(0.0) + (-score.abs()).exp().ln_1p() - target * score
    }
}

impl Answer<Line> for Verdict {
    /// Newton's method with backtracking. None where the probabilities tell nothing, or the opposite.
    fn fit(answers: &[&Self]) -> Option<Line> {
        let having = answers.iter().filter(|answer| answer.has).count();
        let lacking = answers.len() - having;
        if having.min(lacking) < MIN_PHOTOS_EACH {
            return None;
        }
        let (high, low) = ((having as f64 + 1.0) / (having as f64 + 2.0), 1.0 / (lacking as f64 + 2.0));
        let target = |answer: &Self| if answer.has { high } else { low };
        let loss =
            |line: Line| answers.iter().map(|answer| answer.entropy(line, target(answer))).sum::<f64>();
        let mut line = Line { slope: 1.0, offset: 0.0 };
        let mut now = loss(line);
        for _ in 0..STEPS {
            // The gradient, and the Hessian with a little on its diagonal.
            let (mut by_slope, mut by_offset) = (0.0, 0.0);
            let (mut slopes, mut both, mut offsets) = (1e-12, 0.0, 1e-12);
            for answer in answers {
                let p = 1.0 / (1.0 + (-(line.slope * answer.logit + line.offset)).exp());
                let (error, weight) = (p - target(answer), p * (1.0 - p));
                by_slope += error * answer.logit;
                by_offset += error;
                slopes += weight * answer.logit * answer.logit;
                both += weight * answer.logit;
                offsets += weight;
            }
            if by_slope.abs().max(by_offset.abs()) < 1e-7 * answers.len() as f64 {
                break;
            }
            let determinant = slopes * offsets - both * both;
            let slope_step = -(offsets * by_slope - both * by_offset) / determinant;
            let offset_step = -(slopes * by_offset - both * by_slope) / determinant;
            let downhill = by_slope * slope_step + by_offset * offset_step;
            let mut size = 1.0;
            let next = loop {
                let tried =
                    Line { slope: line.slope + size * slope_step, offset: line.offset + size * offset_step };
                let then = loss(tried);
                if then < now + 1e-4 * size * downhill {
                    break Some((tried, then));
                }
                size /= 2.0;
                if size < 1e-10 {
                    break None;
                }
            };
            let Some(better) = next else { break };
            (line, now) = better;
        }
        let usable = (1.0 / MAX_SLOPE..=MAX_SLOPE).contains(&line.slope) && line.offset.is_finite();
        usable.then_some(line)
    }

    fn loss(&self, line: Line) -> f64 {
        self.entropy(line, f64::from(u8::from(self.has)))
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::{Name, TagId, TagType, Timestamp, TrainedTag};
    use proptest::prelude::*;

    use super::*;

    /// A number between 0 and 1 that looks random and is not (splitmix64).
    fn noise(n: usize) -> f64 {
        let mut mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn sigmoid(logit: f64) -> f64 {
        1.0 / (1.0 + (-logit).exp())
    }

    fn evaluation(
        kind: ClassificationType,
        tags: u8,
        photos: Vec<(Vec<u16>, Vec<f32>)>,
    ) -> Evaluation<usize> {
        let tag = |n: u8| TrainedTag {
            id: TagId::new(Timestamp::from_millis(0), [n; 10]),
            name: Name::new(format!("{n}")).unwrap(),
            tag_type: TagType::Regular,
        };
        let photo = |(photo, (tags, probabilities)): (usize, _)| EvaluatedPhoto {
            photo,
            tags,
            fold: u16::try_from(photo % 5).unwrap(),
            probabilities,
        };
        Evaluation {
            classification_type: kind,
            tags: (0..tags).map(tag).collect(),
            photos: photos.into_iter().enumerate().map(photo).collect(),
        }
    }

    /// Photos whose tags are drawn from the softmax of some logits, and that are answered with the softmax of the logits
    /// times `sureness`.
    fn multiclass(photos: usize, sureness: f64) -> Evaluation<usize> {
        let softmax = |logits: [f64; 3]| {
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            logits.map(|logit| logit.exp() / sum)
        };
        let photo = |n: usize| {
            let logits = [0, 1, 2].map(|tag| 6.0 * noise(4 * n + tag) - 3.0);
            let (draw, truth) = (noise(4 * n + 3), softmax(logits));
            let tag = if draw < truth[0] {
                0
            } else if draw < truth[0] + truth[1] {
                1
            } else {
                2
            };
            (vec![tag], softmax(logits.map(|logit| logit * sureness)).map(|p| p as f32).to_vec())
        };
        evaluation(ClassificationType::Multiclass, 3, (0..photos).map(photo).collect())
    }

    /// Photos that have each of two tags as often as some logits say, and that are answered with other logits.
    fn multilabel(photos: usize, answered: impl Fn(f64) -> f64) -> Evaluation<usize> {
        let photo = |n: usize| {
            let logits = [0, 1].map(|tag| 8.0 * noise(4 * n + tag) - 4.0);
            let has = |tag: &u16| {
                let tag = usize::from(*tag);
                noise(4 * n + 2 + tag) < sigmoid(logits[tag])
            };
            ([0, 1].into_iter().filter(has).collect(), logits.map(|l| sigmoid(answered(l)) as f32).to_vec())
        };
        evaluation(ClassificationType::Multilabel, 2, (0..photos).map(photo).collect())
    }

    fn temperature(evaluation: &Evaluation<usize>) -> f64 {
        match fit_calibration(evaluation) {
            ProbabilityCalibration::Temperature { temperature } => temperature,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_temperature_is_how_much_too_sure_the_answers_are() {
        for sureness in [0.5, 3.0] {
            let found = temperature(&multiclass(4_000, sureness));
            assert!((found / sureness - 1.0).abs() < 0.1, "{sureness}: {found}");
        }
    }

    #[test]
    fn slopes_and_offsets_undo_what_was_done_to_the_logits() {
        let evaluation = multilabel(6_000, |logit| 2.0 * logit + 1.0);
        let ProbabilityCalibration::Platt { slopes, offsets } = fit_calibration(&evaluation) else {
            panic!("not Platt's");
        };
        for (slope, offset) in slopes.iter().zip(&offsets) {
            assert!((slope - 0.5).abs() < 0.05 && (offset + 0.5).abs() < 0.1, "{slope} and {offset}");
        }
    }

    #[test]
    fn answers_that_were_too_sure_can_be_taken_at_their_word_afterwards() {
        for evaluation in [multiclass(4_000, 3.0), multilabel(4_000, |logit| 3.0 * logit + 1.0)] {
            let CalibrationRecord { method, before, after } = calibrate(&evaluation);
            assert!(!method.is_identity());
            assert!(before.expected_calibration_error > 0.08, "{before:?}");
            assert!(after.expected_calibration_error < 0.03, "{after:?}");
            assert!(after.brier_score < before.brier_score);
        }
    }

    #[test]
    fn what_photos_are_corrected_by_does_not_come_from_their_own_fold() {
        let evaluation = multiclass(500, 3.0);
        let corrected = calibrated(&evaluation);
        let mut others = evaluation.clone();
        others.photos.retain(|photo| photo.fold != 3);
        let expected = fit_calibration(&others).applied(&evaluation);
        let of_fold = |evaluation: &Evaluation<usize>| {
            evaluation.photos.iter().filter(|photo| photo.fold == 3).cloned().collect::<Vec<_>>()
        };
        assert_eq!(of_fold(&corrected), of_fold(&expected));
        assert_ne!(of_fold(&corrected), of_fold(&fit_calibration(&evaluation).applied(&evaluation)));
    }

    #[test]
    fn too_few_photos_change_nothing() {
        for photos in [0, 1, 12] {
            for evaluation in [multiclass(photos, 3.0), multilabel(photos, |logit| 3.0 * logit)] {
                assert!(fit_calibration(&evaluation).is_identity());
                assert_eq!(calibrated(&evaluation), evaluation);
            }
        }
    }

    #[test]
    fn answers_that_are_never_wrong_keep_a_finite_temperature() {
        let photo = |n: usize| {
            (vec![u16::from(n % 2 == 1)], if n % 2 == 1 { vec![0.2, 0.8] } else { vec![0.8, 0.2] })
        };
        let evaluation = evaluation(ClassificationType::Multiclass, 2, (0..100).map(photo).collect());
        let found = temperature(&evaluation);
        assert!(found > 0.15 && found < 0.5, "{found}");
    }

    /// Where the answers say the opposite of the truth, a slope would have to be negative, and the order would turn.
    #[test]
    fn answers_that_tell_the_opposite_are_left_alone() {
        let evaluation = multilabel(500, |logit| -logit);
        assert!(fit_calibration(&evaluation).is_identity());
    }

    #[test]
    fn one_fold_is_as_good_as_several() {
        let mut evaluation = multiclass(4_000, 3.0);
        evaluation.photos.iter_mut().for_each(|photo| photo.fold = 0);
        let after = calibrate(&evaluation);
        assert!(after.after.expected_calibration_error < after.before.expected_calibration_error / 2.0);
    }

    proptest! {
        #[test]
        fn a_calibrated_head_answers_what_its_answers_are_corrected_to(
            weights in proptest::collection::vec(-2.0f32..2.0, 6),
            bias in proptest::collection::vec(-1.0f32..1.0, 3),
            features in proptest::collection::vec(-1.0f32..1.0, 2),
            slopes in proptest::collection::vec(0.2f64..4.0, 3),
            offsets in proptest::collection::vec(-2.0f64..2.0, 3),
        ) {
            let head = LinearHead { weights, bias };
            let temperature = ProbabilityCalibration::Temperature { temperature: slopes[0] };
            let platt = ProbabilityCalibration::Platt { slopes, offsets };
            let cases =
                [(ClassificationType::Multiclass, temperature), (ClassificationType::Multilabel, platt)];
            for (kind, calibration) in cases {
                let mut corrected = head.probabilities(kind, &features).unwrap();
                calibration.apply(kind, &mut corrected);
                let found = head.calibrated(&calibration).probabilities(kind, &features).unwrap();
                for (found, corrected) in found.iter().zip(&corrected) {
                    prop_assert!((found - corrected).abs() < 1e-4, "{kind:?}: {found} and {corrected}");
                }
            }
        }

        #[test]
        fn nothing_to_correct_leaves_the_head_alone(weights in proptest::collection::vec(any::<f32>(), 6)) {
            let head = LinearHead { weights, bias: vec![0.5; 3] };
            for kind in [ClassificationType::Multiclass, ClassificationType::Multilabel] {
                let same = head.calibrated(&ProbabilityCalibration::identity(kind, 3));
                prop_assert_eq!(format!("{same:?}"), format!("{head:?}"));
            }
        }

        #[test]
        fn whatever_the_answers_they_stay_probabilities_in_their_order(
            photos in proptest::collection::vec((0u16..2, proptest::collection::vec(0.0f32..=1.0, 2)), 20..60),
            several in any::<bool>(),
        ) {
            let kind = if several { ClassificationType::Multilabel } else { ClassificationType::Multiclass };
            let photos: Vec<_> = photos.into_iter().map(|(tag, p)| (vec![tag], p)).collect();
            let before = evaluation(kind, 2, photos);
            let calibration = fit_calibration(&before);
            prop_assert!(calibration.is_valid());
            let after = calibration.applied(&before);
            for (before, after) in before.photos.iter().zip(&after.photos) {
                prop_assert!(after.probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
                if !several {
                    let order = |p: &[f32]| p[0] <= p[1];
                    prop_assert!(order(&before.probabilities) == order(&after.probabilities)
                        || (after.probabilities[0] - after.probabilities[1]).abs() < 1e-6);
                }
            }
            for tag in 0..if several { 2 } else { 0 } {
                let of = |evaluation: &Evaluation<usize>| {
                    evaluation.photos.iter().map(|photo| photo.probabilities[tag]).collect::<Vec<_>>()
                };
                let mut pairs: Vec<_> = of(&before).into_iter().zip(of(&after)).collect();
                pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
                prop_assert!(pairs.is_sorted_by(|a, b| a.1 <= b.1));
            }
        }
    }
}
