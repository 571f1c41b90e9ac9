use serde::{Deserialize, Serialize};

use crate::metrics::ratio;
use crate::{EvaluatedPhoto, Evaluation};

/// The quantile of the normal distribution that leaves 2.5 % on each side.
const Z: f64 = 1.959_963_984_540_054;

/// Where the true value of a fraction lies with 95 % confidence, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Default for Interval {
    /// All fractions: nothing is known.
    fn default() -> Self {
        Self { low: 0.0, high: 1.0 }
    }
}

impl Interval {
    /// The score interval (Wilson 1927) of `part` of `whole` independent photos at 95 %; all fractions where there
    /// is none. It stays within 0 to 1 and is usable from the first photo on.
    pub fn wilson(part: usize, whole: usize) -> Self {
        if whole == 0 {
            return Self::default();
        }
        let (part, count) = (part.min(whole), whole as f64);
        let fraction = part as f64 / count;
        let spread = Z * Z / count;
        let centre = (fraction + spread / 2.0) / (1.0 + spread);
        let half = Z / (1.0 + spread) * (fraction * (1.0 - fraction) / count + spread / (4.0 * count)).sqrt();
        // At the ends the formula gives 0 and 1 up to rounding.
        let low = if part == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if part == whole { 1.0 } else { (centre + half).min(1.0) };
        Self { low, high }
    }
}

impl<P> Evaluation<P> {
    /// Where [`top1`](Self::top1) lies with 95 % confidence ([`Interval::wilson`]).
    pub fn top1_interval(&self) -> Interval {
        let right = |photo: &&EvaluatedPhoto<P>| photo.best_is_right();
        Interval::wilson(self.photos.iter().filter(right).count(), self.photos.len())
    }

    /// Where [`mean_average_precision`](Self::mean_average_precision) lies with 95 % confidence: the percentile bootstrap
    /// (Efron 1979) over `resamples` draws of as many photos, with replacement; 1,000 are usual. The same seed gives the
    /// same interval. None where no photo has a tag, or nothing is drawn.
    pub fn mean_average_precision_interval(&self, seed: u64, resamples: usize) -> Option<Interval> {
        let rankings: Vec<Ranking> = self.tag_indices().map(|tag| Ranking::new(self.scored(tag))).collect();
        let mut draws = Draws(seed);
        let mut means = Vec::new();
        for _ in 0..resamples {
            let mut times = vec![0_usize; self.photos.len()];
            for _ in 0..self.photos.len() {
                if let Some(count) = times.get_mut(draws.below(self.photos.len())) {
                    *count += 1;
                }
            }
            let areas: Vec<f64> = rankings.iter().filter_map(|ranking| ranking.area(&times)).collect();
            if !areas.is_empty() {
                means.push(areas.iter().sum::<f64>() / areas.len() as f64);
            }
        }
        means.sort_by(f64::total_cmp);
        let at = |fraction: f64| means.get((fraction * (means.len() as f64 - 1.0)).round() as usize).copied();
        Some(Interval { low: at(0.025)?, high: at(0.975)? })
    }
}

/// The photos by a tag's probability, from high to low: their indices, whether they have the tag, and whether the next
/// one's probability is another.
struct Ranking(Vec<(usize, bool, bool)>);

impl Ranking {
    fn new(scored: impl Iterator<Item = (f32, bool)>) -> Self {
        let mut scored: Vec<(usize, (f32, bool))> = scored.enumerate().collect();
        scored.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
        let next = scored.iter().skip(1).map(|(_, (score, _))| Some(*score)).chain([None]);
        let photos = scored.iter().zip(next);
        Self(photos.map(|((i, (score, has)), next)| (*i, *has, next != Some(*score))).collect())
    }

    /// The [average precision](crate::average_precision) where each photo is there so many times.
    fn area(&self, times: &[usize]) -> Option<f64> {
        let times = |i: usize| times.get(i).copied().unwrap_or(0);
        let positives: usize = self.0.iter().filter(|(_, has, _)| *has).map(|(i, ..)| times(*i)).sum();
        if positives == 0 {
            return None;
        }
        let (mut seen, mut found, mut gained, mut area) = (0, 0, 0, 0.0);
        for (i, has, ends) in &self.0 {
            seen += times(*i);
            gained += if *has { times(*i) } else { 0 };
            if *ends {
                found += gained;
                area += ratio(found, seen) * ratio(gained, positives);
                gained = 0;
            }
        }
        Some(area)
    }
}

/// Numbers that look random and follow from a seed (splitmix64, Steele, Lea and Flood 2014).
struct Draws(u64);

impl Draws {
    /// A number below the bound, 0 where that is 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = u128::from(mixed ^ (mixed >> 31));
        // The high half of a product spreads 64 bits evenly over the bound.
        ((drawn * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ClassificationType;
    use crate::testing::evaluation;

    /// The bounds of table I in Newcombe, "Two-sided confidence intervals for the single proportion" (1998),
    /// method 3.
    #[test]
    fn the_interval_is_the_published_one() {
        let cases = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
            (29, 29, 0.8830, 1.0),
        ];
        for (part, whole, low, high) in cases {
            let found = Interval::wilson(part, whole);
            let close = |a: f64, b: f64| (a - b).abs() < 1e-4;
            assert!(close(found.low, low) && close(found.high, high), "{part} of {whole}: {found:?}");
        }
        assert_eq!(Interval::wilson(0, 0), Interval::default());
    }

    /// Photos of two tags with so much noise that some are ranked wrongly.
    fn noisy(photos: usize) -> Evaluation<usize> {
        let mut draws = Draws(7);
        let photo = |n: usize| {
            let p = (draws.below(1_000) as f32 / 1_000.0 + (n % 2) as f32) / 2.0;
            let p = if n.is_multiple_of(5) { 1.0 - p } else { p };
            ([u16::from(n.is_multiple_of(2))], [p, 1.0 - p])
        };
        evaluation(ClassificationType::Multiclass, 2, &(0..photos).map(photo).collect::<Vec<_>>())
    }

    #[test]
    fn the_bootstrap_interval_holds_the_mean_average_precision_and_narrows_with_more_photos() {
        let width = |photos: usize| {
            let evaluation = noisy(photos);
            let interval = evaluation.mean_average_precision_interval(1, 400).unwrap();
            let mean = evaluation.mean_average_precision().unwrap();
            assert!(interval.low < mean && mean < interval.high, "{mean} in {interval:?}");
            interval.high - interval.low
        };
        let (few, many) = (width(40), width(640));
        // A sixteenth of the photos is four times the width, roughly.
        assert!((2.0..8.0).contains(&(few / many)), "{few} and {many}");
    }

    #[test]
    fn a_seed_gives_one_interval_and_nothing_gives_none() {
        let evaluation = noisy(40);
        let of = |seed| evaluation.mean_average_precision_interval(seed, 100);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_eq!(evaluation.mean_average_precision_interval(1, 0), None);
        assert_eq!(noisy(0).mean_average_precision_interval(1, 100), None);
    }

    proptest! {
        #[test]
        fn with_every_photo_once_the_area_is_the_average_precision(
            scored in proptest::collection::vec((0u8..10, any::<bool>()), 0..30),
        ) {
            let scored: Vec<_> = scored.into_iter().map(|(p, has)| (f32::from(p) / 10.0, has)).collect();
            let found = Ranking::new(scored.iter().copied()).area(&vec![1; scored.len()]);
            prop_assert_eq!(found, crate::average_precision(scored));
        }

        #[test]
        fn the_interval_holds_the_fraction_and_narrows_with_more_photos(part in 0usize..50, more in 0usize..50) {
            let whole = part + more;
            prop_assume!(whole > 0);
            let fraction = part as f64 / whole as f64;
            let (few, many) = (Interval::wilson(part, whole), Interval::wilson(4 * part, 4 * whole));
            for interval in [few, many] {
                prop_assert!(0.0 <= interval.low && interval.low <= fraction);
                prop_assert!(fraction <= interval.high && interval.high <= 1.0);
            }
            prop_assert!(many.high - many.low < few.high - few.low);
        }
    }
}
