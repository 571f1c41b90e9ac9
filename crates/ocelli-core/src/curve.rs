use serde::{Deserialize, Serialize};

use crate::Evaluation;
use crate::metrics::ratio;

/// One point of a tag's precision-recall curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurvePoint {
    /// The photos whose probability is at least this are given the tag.
    pub threshold: f32,
    /// The fraction of them that have it, 0 to 1.
    pub precision: f64,
    /// The fraction of the photos that have it that are among them, 0 to 1.
    pub recall: f64,
}

impl CurvePoint {
    /// At most so many of a curve's points, for drawing it: the first and the last (where two are allowed), and
    /// between them the first to reach each of equally spaced recalls.
    pub fn thinned(points: &[Self], most: usize) -> Vec<Self> {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
        if points.len() <= most {
            return points.to_vec();
        }
        match most {
            0 => Vec::new(),
            1 => vec![*last],
            _ => {
                let steps = most - 1;
                let level =
                    |step: usize| first.recall + (last.recall - first.recall) * step as f64 / steps as f64;
                let mut kept = vec![*first];
                let mut step = 1;
                for point in points.iter().skip(1) {
                    if step < steps && point.recall >= level(step) {
                        kept.push(*point);
                        while step < steps && point.recall >= level(step) {
                            step += 1;
                        }
                    }
                }
                if kept.last() != Some(last) {
                    kept.push(*last);
                }
                kept
            }
        }
    }
}

impl<P> Evaluation<P> {
    /// Precision and recall of a tag at every distinct probability, from high to low, so that recall never falls;
    /// none where no photo has the tag.
    ///
    /// A photo counts as given the tag from the threshold on, in a multiclass evaluation too, where another tag may
    /// be more probable still: this is the curve whose area is the tag's
    /// [average precision](crate::average_precision).
    pub fn precision_recall_curve(&self, tag: u16) -> Vec<CurvePoint> {
        let mut scored: Vec<(f32, bool)> = self.scored(tag).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let positives = scored.iter().filter(|(_, has)| *has).count();
        if positives == 0 {
            return Vec::new();
        }
        let (mut given, mut found) = (0, 0);
        let groups = scored.chunk_by(|a, b| a.0 == b.0);
        let point = |group: &[(f32, bool)]| {
            given += group.len();
            found += group.iter().filter(|(_, has)| *has).count();
            let threshold = group.first()?.0;
            Some(CurvePoint { threshold, precision: ratio(found, given), recall: ratio(found, positives) })
        };
        groups.filter_map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ClassificationType;
    use crate::testing::evaluation;

    fn curve(scored: &[(bool, f32)]) -> (Vec<CurvePoint>, Option<f64>) {
        let photo = |(has, p): &(bool, f32)| (if *has { vec![0] } else { vec![] }, vec![*p]);
        let photos: Vec<_> = scored.iter().map(photo).collect();
        let evaluation = evaluation(ClassificationType::Multilabel, 1, &photos);
        (evaluation.precision_recall_curve(0), evaluation.mean_average_precision())
    }

    #[test]
    fn there_is_a_point_for_every_distinct_probability() {
        let (points, _) = curve(&[(true, 0.9), (false, 0.5), (true, 0.5), (false, 0.1)]);
        let point = |threshold, precision, recall| CurvePoint { threshold, precision, recall };
        assert_eq!(points, [point(0.9, 1.0, 0.5), point(0.5, 2.0 / 3.0, 1.0), point(0.1, 0.5, 1.0)]);
        assert_eq!(curve(&[(false, 0.5)]).0, []);
    }

    proptest! {
        #[test]
        fn its_area_is_the_average_precision(
            scored in proptest::collection::vec((any::<bool>(), 0u8..20), 1..40),
        ) {
            let scored: Vec<_> = scored.into_iter().map(|(has, p)| (has, f32::from(p) / 20.0)).collect();
            let (points, average_precision) = curve(&scored);
            let mut reached = 0.0;
            let area: f64 = points.iter().map(|point| {
                let gained = point.recall - reached;
                reached = point.recall;
                point.precision * gained
            }).sum();
            prop_assert!((area - average_precision.unwrap_or(0.0)).abs() < 1e-9);
            prop_assert!(points.is_sorted_by(|a, b| a.threshold > b.threshold && a.recall <= b.recall));
        }

        #[test]
        fn a_thinned_curve_keeps_its_ends_and_its_order(
            scored in proptest::collection::vec((any::<bool>(), 0.0f32..1.0), 1..60),
            most in 0usize..20,
        ) {
            let (points, _) = curve(&scored);
            let thinned = CurvePoint::thinned(&points, most);
            prop_assert!(thinned.len() <= most);
            prop_assert!(thinned.is_sorted_by(|a, b| a.threshold > b.threshold));
            prop_assert!(thinned.iter().all(|point| points.contains(point)));
            if most > 1 {
                prop_assert_eq!((thinned.first(), thinned.last()), (points.first(), points.last()));
            }
            if points.len() <= most {
                prop_assert_eq!(thinned, points);
            }
        }
    }
}
