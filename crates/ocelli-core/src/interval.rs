use serde::{Deserialize, Serialize};

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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
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
