/// The area under the precision-recall curve of one tag, 0 to 1: the sum over thresholds of precision times the
/// gain in recall, without interpolation. Equal scores form one threshold.
///
/// `scored` holds each photo's probability and whether it has the tag. `None` where no photo has it.
pub fn average_precision(scored: impl IntoIterator<Item = (f32, bool)>) -> Option<f64> {
    let mut scored: Vec<(f32, bool)> = scored.into_iter().collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = scored.iter().filter(|(_, has)| *has).count();
    if positives == 0 {
        return None;
    }
    let (mut seen, mut found, mut area) = (0, 0, 0.0);
    for group in scored.chunk_by(|a, b| a.0 == b.0) {
        let gained = group.iter().filter(|(_, has)| *has).count();
        seen += group.len();
        found += gained;
        area += ratio(found, seen) * ratio(gained, positives);
    }
    Some(area)
}

/// `part / whole`, 0 where the whole is empty.
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The harmonic mean of precision and recall, 0 to 1, from how many photos were given a tag and have it, were given it,
/// and have it; 0 where none were given it and none have it.
pub(crate) fn f1(both: usize, given: usize, actual: usize) -> f64 {
    ratio(2 * both, given + actual)
}

/// Half-way between two numbers, above the lower one and at most the higher one (unless they are equal).
pub(crate) fn midpoint(low: f32, high: f32) -> f32 {
    let middle = low + (high - low) / 2.0;
    if middle > low { middle } else { high }
}

/// The standard deviation of the values (dividing by their number), 0 where there are fewer than two.
pub(crate) fn standard_deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn average_precision_of_known_rankings() {
        type Case = (&'static [(f32, bool)], Option<f64>);
        let cases: [Case; 5] = [
            (&[(0.9, true), (0.8, true), (0.1, false)], Some(1.0)),
            (&[(0.9, false), (0.8, true)], Some(0.5)),
            (&[(0.9, true), (0.8, false), (0.7, true)], Some(0.5 + 0.5 * 2.0 / 3.0)),
            (&[(0.5, true), (0.5, false), (0.5, false), (0.5, false)], Some(0.25)),
            (&[(0.5, false)], None),
        ];
        for (scored, expected) in cases {
            let found = average_precision(scored.iter().copied());
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() < 1e-12, "{scored:?}: {found}");
                }
                _ => assert_eq!(found, expected, "{scored:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn average_precision_depends_on_the_ranking_only(
            scored in proptest::collection::vec((0.0f32..1.0, any::<bool>()), 1..40),
        ) {
            let squeezed = scored.iter().map(|(score, has)| (score * 0.5, *has));
            let (plain, squeezed) = (average_precision(scored.clone()), average_precision(squeezed));
            prop_assert_eq!(plain, squeezed);
            if let Some(area) = plain {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&area));
            }
        }
    }
}
