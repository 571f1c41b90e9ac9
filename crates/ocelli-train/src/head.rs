use ocelli_core::{ClassificationType, EvaluatedPhoto, Evaluation};
use serde::{Deserialize, Serialize};

use crate::regression::{Heads, Regression};
use crate::{Labels, LinearHead, StopToken, TrainError, TrainingEvent, TrainingSet, folds};

/// Folds of the cross-validation; each tag has at least this many photos.
const FOLDS: u16 = 5;
/// The strengths that are tried, from strong to weak; each fit starts from the one before.
const STRENGTHS: [f64; 11] = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6];
/// The search ends once so many strengths in a row have done worse than the best.
const PATIENCE: usize = 2;

/// How a head is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeadOptions {
    /// Draws the folds.
    pub seed: u64,
    /// How far the weights of photos make up for unequal numbers of photos a tag, 0 (not at all, the default) to
    /// 1 (fully).
    ///
    /// In a multiclass training a photo of a tag counts `(photos / (tags * photos of the tag)) ^ balance`; in a
    /// multilabel training, for each tag by itself, a photo counts `(photos / (2 * photos that are alike in having
    /// the tag or not)) ^ balance`. A value above 0 raises the recall of rare tags and lowers their precision.
    pub balance: f32,
}

impl Default for HeadOptions {
    fn default() -> Self {
        Self { seed: 0, balance: 0.0 }
    }
}

/// A head, and what is known about how good it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainedHead {
    /// Row-major `[tags, width]`.
    pub weights: Vec<f32>,
    /// `[tags]`
    pub bias: Vec<f32>,
    /// The strength of the L2 regularisation that the folds favoured, for features that are centred, evened out
    /// half way (divided by the root of their standard deviation) and scaled to a mean squared length of 1.
    pub strength: f64,
    /// How many folds there were.
    pub folds: u16,
    /// What heads trained without each photo's fold answered to it, at that strength.
    ///
    /// The strength was chosen on these same folds, which favours the figures a little.
    pub evaluation: Evaluation,
    /// Those heads, by fold.
    pub fold_heads: Vec<LinearHead>,
}

impl TrainedHead {
    /// What the head that was trained without this photo answers to other features of it, as the photo of another
    /// [`Evaluation`]; none where the photo's fold is not one of these, or the features are not as many.
    pub fn held_out(&self, photo: &EvaluatedPhoto, features: &[f32]) -> Option<EvaluatedPhoto> {
        let head = self.fold_heads.get(usize::from(photo.fold))?;
        let probabilities = head.probabilities(self.evaluation.classification_type, features)?;
        Some(EvaluatedPhoto { probabilities, ..photo.clone() })
    }
}

/// Trains a head: chooses the strength by cross-validated loss, then fits on all photos.
///
/// The same set and options give the same bits, on the same machine with the same number of threads.
pub fn train_head(
    set: &TrainingSet,
    options: &HeadOptions,
    stop: &StopToken,
    watch: &dyn Fn(TrainingEvent),
) -> Result<TrainedHead, TrainError> {
    check(options)?;
    let labels = set.labels();
    let fold_of = folds::stratified(set, FOLDS, options.seed);
    let Chosen { strength, held_out, head, fold_heads, .. } =
        choose_strength(set, &fold_of, options, stop, watch)?;
    watch(TrainingEvent::StrengthChosen { strength });

    let all = Regression::of_all(set, options.balance);
    let head = all.fit(head, strength, stop)?;
    let head = all.raw(&head).swap_remove(0);
    Ok(TrainedHead {
        weights: head.weights,
        bias: head.bias,
        strength,
        folds: FOLDS,
        evaluation: evaluation(labels, &fold_of, &held_out),
        fold_heads,
    })
}

/// The mean loss of the photos by the heads of the folds that did not see them, at the best strength: what the features of
/// the set are worth, by the same folds as [`train_head`] draws.
///
/// # Errors
///
/// If the balance is out of range, or a stop is asked for.
pub fn held_out_loss(set: &TrainingSet, options: &HeadOptions, stop: &StopToken) -> Result<f64, TrainError> {
    check(options)?;
    let fold_of = folds::stratified(set, FOLDS, options.seed);
    Ok(choose_strength(set, &fold_of, options, stop, &|_| {})?.loss)
}

fn check(options: &HeadOptions) -> Result<(), TrainError> {
    let (what, value, expected) = ("balance", f64::from(options.balance), "between 0 and 1");
    if (0.0..=1.0).contains(&options.balance) {
        Ok(())
    } else {
        Err(TrainError::Option { what, value, expected })
    }
}

/// What the folds favour.
struct Chosen {
    strength: f64,
    /// The mean loss on the photos held out.
    loss: f64,
    /// `[photos, tags]`: the probabilities that the photos got when they were held out.
    held_out: Vec<f32>,
    /// The mean of the folds' heads, from which the fit on all photos starts.
    head: Heads,
    /// The folds' heads.
    fold_heads: Vec<LinearHead>,
}

/// The strength with the lowest loss on the photos held out.
fn choose_strength(
    set: &TrainingSet,
    fold_of: &[u16],
    options: &HeadOptions,
    stop: &StopToken,
    watch: &dyn Fn(TrainingEvent),
) -> Result<Chosen, TrainError> {
    let labels = set.labels();
    let regression = Regression::of_folds(set, fold_of, FOLDS, options.balance);
    let mut heads = regression.zeros();
    let mut try_strength = |strength| -> Result<Chosen, TrainError> {
        heads = regression.fit(heads.clone(), strength, stop)?;
        let held_out = regression.held_out(&heads);
        let loss = mean_loss(labels, &held_out);
        let held_out_top1 = evaluation(labels, fold_of, &held_out).top1().unwrap_or(0.0);
        watch(TrainingEvent::StrengthTried { strength, held_out_loss: loss, held_out_top1 });
        let fold_heads = regression.raw(&heads);
        Ok(Chosen { strength, loss, held_out, head: regression.mean(&heads), fold_heads })
    };
    let [strongest, weaker @ ..] = STRENGTHS;
    let mut best = try_strength(strongest)?;
    let mut worse = 0;
    for strength in weaker {
        let tried = try_strength(strength)?;
        if tried.loss < best.loss {
            (best, worse) = (tried, 0);
        } else {
            worse += 1;
        }
        if worse == PATIENCE {
            break;
        }
    }
    Ok(best)
}

/// The mean over the photos of the cross-entropy, summed over the tags where each stands for itself.
fn mean_loss(labels: &Labels, probabilities: &[f32]) -> f64 {
    let tags = labels.tags().len();
    let surprise = |probability: f32| -f64::from(probability.max(f32::MIN_POSITIVE)).ln();
    let rows = labels.photos().iter().zip(probabilities.chunks_exact(tags));
    let loss = rows.map(|(photo, row)| match labels.classification_type() {
        ClassificationType::Multiclass => {
            photo.tags.iter().map(|tag| surprise(row[usize::from(*tag)])).sum::<f64>()
        }
        ClassificationType::Multilabel => (0u16..)
            .zip(row)
            .map(|(tag, p)| if photo.tags.contains(&tag) { surprise(*p) } else { surprise(1.0 - *p) })
            .sum(),
    });
    loss.sum::<f64>() / labels.photos().len() as f64
}

fn evaluation(labels: &Labels, fold_of: &[u16], probabilities: &[f32]) -> Evaluation {
    let rows = probabilities.chunks_exact(labels.tags().len());
    let photos = labels.photos().iter().zip(fold_of).zip(rows).map(|((photo, fold), row)| EvaluatedPhoto {
        photo: photo.image,
        tags: photo.tags.clone(),
        fold: *fold,
        probabilities: row.to_vec(),
    });
    Evaluation {
        classification_type: labels.classification_type(),
        tags: labels.tags().to_vec(),
        photos: photos.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Mutex;

    use ocelli_core::{ImageId, Name, TagId, TagType, Timestamp, TrainedTag};

    use super::*;
    use crate::LabelledPhoto;
    use crate::scaling::Scaling;

    const WIDTH: usize = 8;

    /// A number between -1 and 1 that looks random and is not.
    fn noise(n: usize) -> f32 {
        let mixed = (n as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
            .wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn set(classification_type: ClassificationType, counts: [u16; 3]) -> TrainingSet {
        overlapping(classification_type, counts, 1.0)
    }

    /// Photos of three tags: `counts` photos of each, with several tags where the classification type allows it. The
    /// weaker the signal, the more their features overlap.
    fn overlapping(classification_type: ClassificationType, counts: [u16; 3], strength: f32) -> TrainingSet {
        let tag = |n: u8| TrainedTag {
            id: TagId::new(Timestamp::from_millis(0), [n; 10]),
            name: Name::new(format!("{n}")).unwrap(),
            tag_type: TagType::Regular,
        };
        let mut photos = Vec::new();
        let mut features = Vec::new();
        for (tag, count) in (0u16..).zip(counts) {
            for _ in 0..count {
                let n = photos.len();
                let mut tags = vec![tag];
                if classification_type == ClassificationType::Multilabel && n.is_multiple_of(4) {
                    tags.push((tag + 1) % 3);
                }
                let [high, low] = u16::try_from(n).unwrap().to_be_bytes();
                let image = ImageId::new(Timestamp::from_millis(0), [0, 0, 0, 0, 0, 0, 0, 0, high, low]);
                features.extend((0..WIDTH).map(|i| {
                    let signal = if tags.iter().any(|tag| usize::from(*tag) == i) { strength } else { 0.0 };
                    10.0 + 3.0 * (signal + noise(n * WIDTH + i))
                }));
                photos.push(LabelledPhoto { image, tags });
            }
        }
        let labels = Labels::new(classification_type, (0..3).map(tag).collect(), photos).unwrap();
        TrainingSet::new(labels, features).unwrap()
    }

    fn train(set: &TrainingSet, options: &HeadOptions) -> TrainedHead {
        train_head(set, options, &StopToken::new(), &|_| {}).unwrap()
    }

    #[test]
    fn a_head_learns_what_can_be_learned() {
        for (kind, least) in [(ClassificationType::Multiclass, 0.8), (ClassificationType::Multilabel, 0.85)] {
            let trained = train(&set(kind, [40, 40, 40]), &HeadOptions::default());
            let precision = trained.evaluation.mean_average_precision().unwrap();
            assert!(precision > least, "{kind:?}: {precision}");
        }
    }

    /// At the minimum the gradient vanishes; it is computed here in f64 and by hand.
    #[test]
    fn the_fit_ends_at_the_minimum() {
        for kind in [ClassificationType::Multiclass, ClassificationType::Multilabel] {
            // Rows of more than one block.
            let set = with_views(set(kind, [30, 20, 10]), 40);
            let trained = train(&set, &HeadOptions::default());
            let photos = set.labels().photos();
            let Scaling { centre, factors } = Scaling::new(set.rows(), WIDTH);
            let mut gradient = [0.0f64; 3];
            let mut slope = [0.0f64; 3 * WIDTH];
            let rows = set.rows().chunks_exact(WIDTH);
            for (n, row) in rows.enumerate() {
                let photo = &photos[n / set.views()];
                let logits: Vec<f64> = (0..3).map(|tag| logit(&trained, tag, row)).collect();
                let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
                for tag in 0..3 {
                    let probability = match kind {
                        ClassificationType::Multiclass => logits[tag].exp() / total,
                        ClassificationType::Multilabel => 1.0 / (1.0 + (-logits[tag]).exp()),
                    };
                    let has = photo.tags.iter().any(|own| usize::from(*own) == tag);
                    let count = (photos.len() * set.views()) as f64;
                    let error = (probability - f64::from(u8::from(has))) / count;
                    gradient[tag] += error;
                    for i in 0..WIDTH {
                        slope[tag * WIDTH + i] += error * f64::from((row[i] - centre[i]) * factors[i]);
                    }
                }
            }
            for (tag, bias) in gradient.iter().enumerate() {
                assert!(bias.abs() < 2e-3, "{kind:?}: bias of {tag}: {bias}");
                for i in 0..WIDTH {
                    let weight = f64::from(trained.weights[tag * WIDTH + i] / factors[i]);
                    let whole = slope[tag * WIDTH + i] + trained.strength * weight;
                    assert!(whole.abs() < 2e-3, "{kind:?}: weight {i} of {tag}: {whole}");
                }
            }
        }
    }

    fn logit(trained: &TrainedHead, tag: usize, row: &[f32]) -> f64 {
        let weights = &trained.weights[tag * WIDTH..][..WIDTH];
        let sum: f64 = weights.iter().zip(row).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
        sum + f64::from(trained.bias[tag])
    }

    /// The same photos with more views: their features moved a little, each view's otherwise.
    fn with_views(set: TrainingSet, views: usize) -> TrainingSet {
        let moved = |(n, row): (usize, &[f32])| -> Vec<f32> {
            let moves = (0..views).flat_map(|view| (0..WIDTH).map(move |i| (view, i)));
            moves.map(|(view, i)| row[i] + view as f32 * 0.02 * noise(n * 1000 + view * WIDTH + i)).collect()
        };
        let features = set.rows().chunks_exact(WIDTH).enumerate().flat_map(moved).collect();
        let views = NonZeroUsize::new(views).unwrap();
        TrainingSet::with_views(set.labels().clone(), features, views).unwrap()
    }

    #[test]
    fn views_that_are_all_alike_change_nothing() {
        let one = set(ClassificationType::Multiclass, [12, 10, 8]);
        let repeated = one.rows().chunks_exact(WIDTH).flat_map(|row| row.repeat(3)).collect();
        let three =
            TrainingSet::with_views(one.labels().clone(), repeated, NonZeroUsize::new(3).unwrap()).unwrap();
        let (one, three) = (train(&one, &HeadOptions::default()), train(&three, &HeadOptions::default()));
        assert_eq!(one.strength, three.strength);
        for (one, three) in one.evaluation.photos.iter().zip(&three.evaluation.photos) {
            assert_eq!((one.photo, one.fold), (three.photo, three.fold));
            for (one, three) in one.probabilities.iter().zip(&three.probabilities) {
                assert!((one - three).abs() < 1e-2, "{one} and {three}");
            }
        }
    }

    #[test]
    fn better_features_of_the_same_photos_have_a_lower_loss_in_the_same_folds() {
        let options = HeadOptions::default();
        let loss = |set: &TrainingSet| held_out_loss(set, &options, &StopToken::new()).unwrap();
        let clear = overlapping(ClassificationType::Multiclass, [12, 10, 8], 1.0);
        let own = loss(&clear);
        assert_eq!(loss(&clear.with_other_features(clear.rows().to_vec()).unwrap()), own);
        let folds = |set: &TrainingSet| folds::stratified(set, FOLDS, options.seed);
        let noisy: Vec<f32> = clear.rows().iter().enumerate().map(|(n, x)| x + 9.0 * noise(n + 7)).collect();
        let noisy = clear.with_other_features(noisy).unwrap();
        assert_eq!(folds(&noisy), folds(&clear));
        assert!(own < loss(&noisy));
        assert!(clear.with_other_features(vec![0.0; 31]).is_err());
        assert!(clear.with_other_features(vec![f32::NAN; 30]).is_err());
    }

    #[test]
    fn the_folds_heads_answer_again_as_they_answered() {
        for kind in [ClassificationType::Multiclass, ClassificationType::Multilabel] {
            let set = set(kind, [12, 10, 8]);
            let trained = train(&set, &HeadOptions::default());
            assert_eq!(trained.fold_heads.len(), usize::from(trained.folds));
            for (n, photo) in trained.evaluation.photos.iter().enumerate() {
                let again = trained.held_out(photo, set.row(n)).unwrap();
                assert_eq!((again.photo, &again.tags, again.fold), (photo.photo, &photo.tags, photo.fold));
                for (again, first) in again.probabilities.iter().zip(&photo.probabilities) {
                    assert!((again - first).abs() < 1e-4, "{kind:?}: {again} and {first}");
                }
            }
            let photo = &trained.evaluation.photos[0];
            assert!(trained.held_out(photo, &[0.0; WIDTH + 1]).is_none());
            assert!(trained.held_out(&EvaluatedPhoto { fold: 5, ..photo.clone() }, set.row(0)).is_none());
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_another_seed_other_folds() {
        let set = set(ClassificationType::Multiclass, [30, 20, 10]);
        let options = HeadOptions { seed: 7, ..HeadOptions::default() };
        let (first, second) = (train(&set, &options), train(&set, &options));
        assert_eq!(first.weights, second.weights);
        assert_eq!(first.bias, second.bias);
        assert_eq!(first.evaluation, second.evaluation);
        let other = train(&set, &HeadOptions { seed: 8, ..options });
        assert_ne!(first.evaluation, other.evaluation);
    }

    #[test]
    fn balance_makes_up_for_rarity_where_features_tell_nothing() {
        let set = overlapping(ClassificationType::Multiclass, [60, 60, 6], 0.0);
        let rare_probability = |balance| {
            let trained = train(&set, &HeadOptions { balance, ..HeadOptions::default() });
            let rare = trained.evaluation.photos.iter().map(|photo| photo.probabilities[2]);
            rare.sum::<f32>() / set.labels().photos().len() as f32
        };
        let (plain, balanced) = (rare_probability(0.0), rare_probability(1.0));
        assert!(balanced > 1.5 * plain, "{plain} and {balanced}");
    }

    #[test]
    fn a_stopped_training_says_so() {
        let set = set(ClassificationType::Multiclass, [10, 10, 10]);
        let stop = StopToken::new();
        let events = Mutex::new(0);
        let watch = |_| {
            *events.lock().unwrap() += 1;
            stop.stop();
        };
        let stopped = train_head(&set, &HeadOptions::default(), &stop, &watch);
        assert_eq!(stopped.unwrap_err(), TrainError::Stopped);
        assert_eq!(*events.lock().unwrap(), 1);
    }

    #[test]
    fn photos_that_all_look_alike_are_no_reason_to_fail() {
        let labels = set(ClassificationType::Multiclass, [6, 6, 6]).labels().clone();
        let alike = TrainingSet::new(labels, vec![1.0; 18 * WIDTH]).unwrap();
        let trained = train(&alike, &HeadOptions::default());
        assert!(trained.weights.iter().chain(&trained.bias).all(|value| value.is_finite()));
    }

    #[test]
    fn a_balance_outside_its_range_is_refused() {
        let set = set(ClassificationType::Multiclass, [5, 5, 5]);
        for balance in [-0.1, 1.1, f32::NAN] {
            let options = HeadOptions { balance, ..HeadOptions::default() };
            let refused = train_head(&set, &options, &StopToken::new(), &|_| {});
            assert!(matches!(refused, Err(TrainError::Option { .. })), "{balance}");
        }
    }
}
