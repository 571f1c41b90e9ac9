use serde::{Deserialize, Serialize};

use crate::metrics::{f1, midpoint};
use crate::{ClassificationType, Evaluation, Threshold};

/// From which probability on each tag counts as given: one threshold for all tags, or one a tag.
///
/// Made from a [`Threshold`], or from a list of them in the order of the trained tags. An empty list means the
/// default for all tags. In JSON it is a number or a list of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Thresholds {
    /// The same for all tags.
    Same(Threshold),
    /// One a tag, in the order of the trained tags; a tag beyond the end has the default.
    PerTag(Vec<Threshold>),
}

impl Thresholds {
    /// The threshold of the tag with this index.
    pub fn of(&self, tag: u16) -> Threshold {
        match self {
            Self::Same(threshold) => *threshold,
            Self::PerTag(thresholds) => thresholds.get(usize::from(tag)).copied().unwrap_or_default(),
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::Same(Threshold::default())
    }
}

impl From<Threshold> for Thresholds {
    fn from(threshold: Threshold) -> Self {
        Self::Same(threshold)
    }
}

impl From<Vec<Threshold>> for Thresholds {
    fn from(thresholds: Vec<Threshold>) -> Self {
        Self::PerTag(thresholds)
    }
}

impl From<&[Threshold]> for Thresholds {
    fn from(thresholds: &[Threshold]) -> Self {
        Self::PerTag(thresholds.to_vec())
    }
}

impl From<&Vec<Threshold>> for Thresholds {
    fn from(thresholds: &Vec<Threshold>) -> Self {
        Self::PerTag(thresholds.clone())
    }
}

/// Where thresholds may be left out, one may be given for all tags.
impl From<Threshold> for Option<Thresholds> {
    fn from(threshold: Threshold) -> Self {
        Some(Thresholds::Same(threshold))
    }
}

impl From<&Self> for Thresholds {
    fn from(thresholds: &Self) -> Self {
        thresholds.clone()
    }
}

impl<P> Evaluation<P> {
    /// The threshold of each tag, in their order, at which its F1 is highest on these photos.
    ///
    /// It lies half-way between the lowest probability that is to count and the highest that is not (or 0), so that
    /// it also serves photos that lie between the two. Where several do equally well it is the one nearest to the
    /// default. A tag has the default where no photo has it, or where no threshold gives it to a photo that has it.
    ///
    /// What is chosen on photos looks a little better on them than on others, the more so the fewer have the tag.
    pub fn best_thresholds(&self) -> Vec<Threshold> {
        self.tag_indices().map(|tag| self.best_threshold(tag)).collect()
    }

    fn best_threshold(&self, tag: u16) -> Threshold {
        // In a multiclass evaluation a threshold decides about the photos whose most probable tag it is.
        let decides = |photo: &&crate::EvaluatedPhoto<P>| match self.classification_type {
            ClassificationType::Multiclass => photo.best() == Some(tag),
            ClassificationType::Multilabel => true,
        };
        let actual = self.photos.iter().filter(|photo| photo.tags.contains(&tag)).count();
        let mut scored: Vec<(f32, bool)> = self
            .photos
            .iter()
            .filter(decides)
            .map(|photo| (photo.probability(tag), photo.tags.contains(&tag)))
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut given, mut both) = (0, 0);
        let mut best: Option<(f64, f32)> = None;
        let mut groups = scored.chunk_by(|a, b| a.0 == b.0).peekable();
        while let Some(group) = groups.next() {
            given += group.len();
            both += group.iter().filter(|(_, has)| *has).count();
            let next = groups.peek().and_then(|group| group.first()).map_or(0.0, |(score, _)| *score);
            let threshold = group.first().map_or(0.0, |(score, _)| midpoint(next, *score));
            let off = |threshold: f32| (threshold - Threshold::default().value()).abs();
            let figure = f1(both, given, actual);
            if both > 0
                && best.is_none_or(|(highest, at)| {
                    figure > highest || (figure == highest && off(threshold) < off(at))
                })
            {
                best = Some((figure, threshold));
            }
        }
        best.and_then(|(_, threshold)| Threshold::new(threshold).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::evaluation;

    #[test]
    fn the_best_threshold_lies_half_way_between_what_counts_and_what_does_not() {
        let cases: [(&[(bool, f32)], f32); 6] = [
            (&[(true, 0.9), (true, 0.5), (false, 0.25), (false, 0.1)], 0.375),
            // One wrong photo is worth the right one behind it: 4/5 beats 2/3.
            (&[(true, 0.75), (false, 0.5), (true, 0.25), (false, 0.125)], 0.1875),
            (&[(true, 0.25), (true, 0.125)], 0.0625),
            // Only a threshold of 0 counts a probability of 0.
            (&[(true, 0.0)], 0.0),
            (&[(false, 0.9), (false, 0.1)], 0.5),
            (&[], 0.5),
        ];
        for (photos, expected) in cases {
            let photos: Vec<(Vec<u16>, Vec<f32>)> =
                photos.iter().map(|(has, p)| (if *has { vec![0] } else { vec![] }, vec![*p])).collect();
            let found = evaluation(ClassificationType::Multilabel, 1, &photos).best_thresholds();
            assert_eq!(found, [Threshold::new(expected).unwrap()], "{photos:?}");
        }
    }

    #[test]
    fn in_multiclass_the_threshold_decides_about_the_most_probable_tag_only() {
        let photos = [
            (vec![0], vec![0.9, 0.1]),
            (vec![1], vec![0.6, 0.4]),
            (vec![1], vec![0.2, 0.8]),
            // Has the first tag, which no threshold can give it.
            (vec![0], vec![0.3, 0.7]),
        ];
        let evaluation = evaluation(ClassificationType::Multiclass, 2, &photos);
        let best = evaluation.best_thresholds();
        assert_eq!(best, [Threshold::new(0.75).unwrap(); 2]);
        let at_best = evaluation.performance(&best);
        assert!(at_best.f1 > evaluation.performance(Threshold::default()).f1);
    }

    #[test]
    fn one_threshold_for_all_is_a_number_and_one_a_tag_a_list() {
        for (json, at_1) in [("0.25", 0.25), ("[0.75,0.25]", 0.25), ("[0.75]", 0.5), ("[]", 0.5)] {
            let thresholds: Thresholds = serde_json::from_str(json).unwrap();
            assert_eq!(thresholds.of(1).value(), at_1, "{json}");
            assert_eq!(serde_json::to_string(&thresholds).unwrap(), json);
        }
        assert!(serde_json::from_str::<Thresholds>("[1.5]").is_err());
    }

    proptest! {
        #[test]
        fn no_threshold_does_better_than_the_best(
            photos in proptest::collection::vec((0u16..3, proptest::collection::vec(0.0f32..1.0, 3)), 1..25),
            other in 0.0f32..1.0,
            several in any::<bool>(),
        ) {
            let kind = if several { ClassificationType::Multilabel } else { ClassificationType::Multiclass };
            let photos: Vec<_> = photos.into_iter().map(|(tag, p)| (vec![tag], p)).collect();
            let evaluation = evaluation(kind, 3, &photos);
            let best = evaluation.performance(evaluation.best_thresholds());
            let other = evaluation.performance(Threshold::new(other).unwrap());
            for (best, other) in best.per_tag_performance.iter().zip(&other.per_tag_performance) {
                prop_assert!(best.f1 >= other.f1 - 1e-12, "{best:?} and {other:?}");
            }
        }
    }
}
