use std::collections::HashMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::{
    EvaluatedPhoto, Evaluation, ImageId, IterationPerformance, Name, TagId, TagPerformance, Thresholds,
};

/// What changed from an earlier model to a later one.
///
/// A photo is *shared* if both evaluations hold it. Each evaluation judges a photo by the tags that it had at the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison<P = ImageId> {
    /// How well the earlier one does, on all its photos.
    pub earlier: IterationPerformance,
    /// How well the later one does, on all its photos.
    pub later: IterationPerformance,
    /// How well both do on the photos that they share, where the difference is the models' alone.
    pub shared: SharedFigures,
    /// The same for each tag, first those of the later one in their order, then those that only the earlier one has.
    pub tags: Vec<TagComparison<P>>,
    /// Shared photos that were given exactly the tags that they have by the later model and not by the earlier.
    pub improved: Vec<P>,
    /// Shared photos that were given exactly the tags that they have by the earlier model and not by the later.
    pub worsened: Vec<P>,
    /// How often chance alone would tell the two models at least as far apart by these photos if they were equally good,
    /// 0 to 1: the exact two-sided test of McNemar (1947). Under 0.05, say, the difference is hardly chance.
    pub p_value: f64,
}

/// How well two models do on the photos that they share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedFigures {
    /// Photos that both evaluations hold.
    pub photos: usize,
    /// Photos that only the earlier one holds.
    pub only_earlier: usize,
    /// Photos that only the later one holds.
    pub only_later: usize,
    /// The earlier model's figures on the shared photos.
    pub earlier: ComparedFigures,
    /// The later model's figures on the shared photos.
    pub later: ComparedFigures,
}

/// How well a model does, in the figures that models are compared by. The terms are defined at [`Evaluation`] and
/// [`Reliability`](crate::Reliability).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedFigures {
    /// 0 to 1; none without photos.
    pub top1: Option<f64>,
    /// 0 to 1.
    pub precision: f64,
    /// 0 to 1.
    pub recall: f64,
    /// 0 to 1.
    pub f1: f64,
    /// 0 to 1; none where no photo has a tag.
    pub mean_average_precision: Option<f64>,
    /// 0 to 1, less is better.
    pub expected_calibration_error: f64,
    /// Less is better.
    pub brier_score: f64,
}

/// What changed for one tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagComparison<P = ImageId> {
    /// The tag.
    pub id: TagId,
    /// Its name, as the later model knows it if it does.
    pub name: Name,
    /// The earlier model on the shared photos; none where it does not know the tag.
    pub earlier: Option<TagPerformance>,
    /// The later model on the shared photos; none where it does not know the tag.
    pub later: Option<TagPerformance>,
    /// Shared photos that the later model is right about as to this tag, and the earlier was not.
    pub improved: Vec<P>,
    /// Shared photos that the earlier model was right about as to this tag, and the later is not.
    pub worsened: Vec<P>,
}

impl<P: Clone + Eq + Hash> Evaluation<P> {
    /// What changed from an earlier evaluation to this one, at one threshold for all tags or one for each of this
    /// evaluation's, which then counts for the same tag of the earlier one too.
    pub fn compare(&self, earlier: &Self, thresholds: impl Into<Thresholds>) -> Comparison<P> {
        let thresholds = thresholds.into();
        let of_earlier = match &thresholds {
            Thresholds::Same(threshold) => Thresholds::Same(*threshold),
            Thresholds::PerTag(_) => {
                let of = |tag: &crate::TrainedTag| match self.index_of(tag.id) {
                    Some(index) => thresholds.of(index),
                    None => crate::Threshold::default(),
                };
                Thresholds::PerTag(earlier.tags.iter().map(of).collect())
            }
        };
        self.compare_at(thresholds, earlier, of_earlier)
    }

    /// What changed from an earlier evaluation to this one, each at thresholds of its own.
    pub fn compare_at(
        &self,
        thresholds: impl Into<Thresholds>,
        earlier: &Self,
        earlier_thresholds: impl Into<Thresholds>,
    ) -> Comparison<P> {
        let (thresholds, earlier_thresholds) = (thresholds.into(), earlier_thresholds.into());
        let before: HashMap<&P, &EvaluatedPhoto<P>> =
            earlier.photos.iter().map(|photo| (&photo.photo, photo)).collect();
        let pairs: Vec<Pair<'_, P>> =
            self.photos.iter().filter_map(|now| Some((*before.get(&now.photo)?, now))).collect();

        let (mut improved, mut worsened) = (Vec::new(), Vec::new());
        for (then, now) in &pairs {
            let was = earlier.is_right(then, &earlier_thresholds);
            match (was, self.is_right(now, &thresholds)) {
                (false, true) => improved.push(now.photo.clone()),
                (true, false) => worsened.push(now.photo.clone()),
                _ => {}
            }
        }
        let then = earlier.of_photos(pairs.iter().map(|(then, _)| *then));
        let now = self.of_photos(pairs.iter().map(|(_, now)| *now));
        let then_performance = then.performance(&earlier_thresholds);
        let now_performance = now.performance(&thresholds);
        let shared = SharedFigures {
            photos: pairs.len(),
            only_earlier: earlier.photos.len().saturating_sub(pairs.len()),
            only_later: self.photos.len() - pairs.len(),
            earlier: then.compared(&then_performance),
            later: now.compared(&now_performance),
        };
        let mut tags: Vec<TagComparison<P>> = Vec::new();
        for (index, tag) in (0u16..).zip(now_performance.per_tag_performance) {
            let other = earlier.index_of(tag.id);
            let sides = other.map(|other| {
                let given = |photo: &EvaluatedPhoto<P>, of: &Self, at: &Thresholds, tag: u16| {
                    photo.given(of.classification_type, at).contains(&tag) == photo.tags.contains(&tag)
                };
                let was = |(then, _): &&Pair<'_, P>| given(then, earlier, &earlier_thresholds, other);
                let is = |(_, now): &&Pair<'_, P>| given(now, self, &thresholds, index);
                let photos = |right: &dyn Fn(&&Pair<'_, P>) -> bool,
                              wrong: &dyn Fn(&&Pair<'_, P>) -> bool| {
                    let changed = pairs.iter().filter(|pair| right(pair) && !wrong(pair));
                    changed.map(|(_, now)| now.photo.clone()).collect::<Vec<P>>()
                };
                (photos(&is, &was), photos(&was, &is))
            });
            let (improved, worsened) = sides.unwrap_or_default();
            let earlier_tag =
                other.and_then(|other| then_performance.per_tag_performance.get(usize::from(other)).cloned());
            let (id, name) = (tag.id, tag.name.clone());
            tags.push(TagComparison { id, name, earlier: earlier_tag, later: Some(tag), improved, worsened });
        }
        for tag in then_performance.per_tag_performance {
            if self.index_of(tag.id).is_none() {
                let (id, name) = (tag.id, tag.name.clone());
                let (improved, worsened) = (Vec::new(), Vec::new());
                tags.push(TagComparison { id, name, earlier: Some(tag), later: None, improved, worsened });
            }
        }
        Comparison {
            earlier: earlier.performance(&earlier_thresholds),
            later: self.performance(&thresholds),
            shared,
            tags,
            p_value: mcnemar(improved.len(), worsened.len()),
            improved,
            worsened,
        }
    }

    fn of_photos<'a>(&self, photos: impl Iterator<Item = &'a EvaluatedPhoto<P>>) -> Self
    where
        P: 'a,
    {
        let photos = photos.cloned().collect();
        Self { classification_type: self.classification_type, tags: self.tags.clone(), photos }
    }

    fn compared(&self, performance: &IterationPerformance) -> ComparedFigures {
        let reliability = self.reliability();
        ComparedFigures {
            top1: self.top1(),
            precision: performance.precision,
            recall: performance.recall,
            f1: performance.f1,
            mean_average_precision: performance.average_precision,
            expected_calibration_error: reliability.expected_calibration_error,
            brier_score: reliability.brier_score,
        }
    }
}

/// One photo as the earlier and the later evaluation have it.
type Pair<'a, P> = (&'a EvaluatedPhoto<P>, &'a EvaluatedPhoto<P>);

impl<P> Evaluation<P> {
    fn index_of(&self, tag: TagId) -> Option<u16> {
        (0u16..).zip(&self.tags).find(|(_, trained)| trained.id == tag).map(|(index, _)| index)
    }
}

/// The exact two-sided p-value of McNemar's test: twice the probability that of so many fair coins at most the smaller
/// number shows heads, at most 1.
fn mcnemar(improved: usize, worsened: usize) -> f64 {
    let (fewer, all) = (improved.min(worsened), improved + worsened);
    if 2 * fewer == all {
        return 1.0;
    }
    // The logarithm of the probability of `heads` heads, from one number of heads to the next.
    let mut log = -(all as f64) * std::f64::consts::LN_2;
    let mut probability = log.exp();
    for heads in 1..=fewer {
        log += ((all - heads + 1) as f64 / heads as f64).ln();
        probability += log.exp();
    }
    (2.0 * probability).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::evaluation;
    use crate::{ClassificationType, Threshold};

    fn earlier() -> Evaluation<usize> {
        let photos = [([0], [0.9, 0.1]), ([0], [0.6, 0.4]), ([0], [0.2, 0.8]), ([1], [0.3, 0.7])];
        evaluation(ClassificationType::Multiclass, 2, &photos)
    }

    #[test]
    fn a_comparison_names_the_photos_that_got_better_and_worse() {
        let earlier = earlier();
        let mut later = earlier.clone();
        later.photos[2].probabilities = vec![0.9, 0.1];
        later.photos[3].probabilities = vec![0.9, 0.1];
        let comparison = later.compare(&earlier, Threshold::default());
        assert_eq!((&comparison.improved, &comparison.worsened), (&vec![2], &vec![3]));
        assert_eq!(comparison.earlier.precision, comparison.later.precision);
        let first = &comparison.tags[0];
        assert_eq!((&first.improved, &first.worsened), (&vec![2], &vec![3]));
        assert_eq!(first.later.as_ref().unwrap().recall, 1.0);
        assert_eq!(comparison.p_value, 1.0);
    }

    #[test]
    fn figures_are_compared_on_the_photos_that_both_hold() {
        let earlier = earlier();
        let mut later = earlier.clone();
        // The photo that was wrong is gone, and one came that is wrong.
        later.photos.remove(2);
        later.photos.push(EvaluatedPhoto { photo: 9, ..earlier.photos[2].clone() });
        let comparison = later.compare(&earlier, Threshold::default());
        let SharedFigures { photos, only_earlier, only_later, .. } = comparison.shared;
        assert_eq!((photos, only_earlier, only_later), (3, 1, 1));
        assert_eq!(comparison.shared.later.top1, Some(1.0));
        assert_eq!(comparison.shared.later, comparison.shared.earlier);
        assert_eq!(comparison.later.precision, 0.75);
    }

    #[test]
    fn tags_are_matched_by_their_ids_and_keep_their_thresholds() {
        let earlier = earlier();
        let mut later = earlier.clone();
        // The same answers with the tags the other way round, and a tag that the earlier one did not know.
        later.tags = vec![earlier.tags[1].clone(), crate::testing::tags(3).remove(2)];
        for photo in &mut later.photos {
            photo.tags = if photo.tags == [1] { vec![0] } else { vec![] };
            photo.probabilities = vec![photo.probabilities[1], 0.0];
        }
        let thresholds = vec![Threshold::new(0.75).unwrap(), Threshold::default()];
        let comparison = later.compare(&earlier, thresholds);
        let sides = |tag: &TagComparison<usize>| (tag.earlier.is_some(), tag.later.is_some());
        let found: Vec<_> = comparison.tags.iter().map(|tag| (tag.id, sides(tag))).collect();
        let [shared, new, old] = [
            (earlier.tags[1].id, (true, true)),
            (later.tags[1].id, (false, true)),
            (earlier.tags[0].id, (true, false)),
        ];
        assert_eq!(found, [shared, new, old]);
        // Neither gives the shared tag to the photo that has it at 0.7.
        let recall = |of: &Option<TagPerformance>| of.as_ref().unwrap().recall;
        assert_eq!((recall(&comparison.tags[0].earlier), recall(&comparison.tags[0].later)), (0.0, 0.0));
        assert!(comparison.tags[0].improved.is_empty() && comparison.tags[0].worsened.is_empty());
    }

    #[test]
    fn the_p_value_is_the_binomial_tail() {
        let cases = [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 0.03125), (1, 7, 0.0703125), (8, 2, 0.109375)];
        for (improved, worsened, expected) in cases {
            let found = mcnemar(improved, worsened);
            assert!((found - expected).abs() < 1e-12, "{improved}, {worsened}: {found}");
        }
    }

    proptest! {
        #[test]
        fn a_p_value_is_a_probability_and_knows_no_direction(a in 0usize..3_000, b in 0usize..3_000) {
            let p = mcnemar(a, b);
            prop_assert!((0.0..=1.0).contains(&p), "{p}");
            prop_assert_eq!(p, mcnemar(b, a));
        }

        #[test]
        fn a_model_is_no_better_than_itself(
            photos in proptest::collection::vec((0u16..3, proptest::collection::vec(0.0f32..1.0, 3)), 0..20),
        ) {
            let photos: Vec<_> = photos.into_iter().map(|(tag, p)| (vec![tag], p)).collect();
            let same = evaluation(ClassificationType::Multilabel, 3, &photos);
            let comparison = same.compare(&same, Threshold::default());
            prop_assert_eq!(comparison.shared.earlier, comparison.shared.later);
            prop_assert!(comparison.improved.is_empty() && comparison.worsened.is_empty());
        }
    }
}
