use serde::{Deserialize, Serialize};

use crate::metrics::ratio;
use crate::{ClassificationType, Evaluation};

/// The bins of the reliability diagram.
const BINS: usize = 15;

/// How far probabilities can be taken at their word.
///
/// An *answer* is, in a multiclass evaluation, a photo's most probable tag with its probability, right where the
/// photo has the tag (top-label calibration); in a multilabel one, each pair of photo and tag with the tag's
/// probability, right where the photo has the tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reliability {
    /// The mean over the answers of how far their bin's mean probability lies from the fraction that is right, 0 to
    /// 1 (Guo, Pleiss, Sun and Weinberger 2017, 15 bins of equal width); 0 without photos.
    pub expected_calibration_error: f64,
    /// The mean squared distance of the probabilities from what is true (1 for a tag that the photo has, 0 for
    /// another), 0 without photos (Brier 1950). Multiclass: summed over a photo's tags, 0 to 2. Multilabel: the mean
    /// over all pairs of photo and tag, 0 to 1.
    pub brier_score: f64,
    /// The answers by their probability, from low to high, the empty bins too: the reliability diagram.
    pub bins: Vec<ReliabilityBin>,
}

/// The answers whose probability lies in one range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReliabilityBin {
    /// Where the bin begins; a probability of just this is in the bin before, unless there is none.
    pub low: f64,
    /// Where it ends; a probability of just this is in it.
    pub high: f64,
    /// How many answers there are.
    pub answers: usize,
    /// The mean of their probabilities, 0 where there are none.
    pub mean_probability: f64,
    /// The fraction of them that is right, 0 where there are none.
    pub fraction_right: f64,
}

impl<P> Evaluation<P> {
    /// How far the probabilities can be taken at their word.
    pub fn reliability(&self) -> Reliability {
        let (mut bins, mut squares, mut pairs) = ([Bin::default(); BINS], 0.0, 0_usize);
        for photo in &self.photos {
            let best = photo.best();
            for tag in self.tag_indices() {
                let (probability, has) = (f64::from(photo.probability(tag)), photo.tags.contains(&tag));
                squares += (probability - f64::from(u8::from(has))).powi(2);
                pairs += 1;
                if self.classification_type == ClassificationType::Multilabel || best == Some(tag) {
                    bins[bin_of(probability)].add(probability, has);
                }
            }
        }
        let answers: usize = bins.iter().map(|bin| bin.answers).sum();
        let off: f64 = bins.iter().map(|bin| (bin.sum - bin.right as f64).abs()).sum();
        let scored = match self.classification_type {
            ClassificationType::Multiclass => self.photos.len(),
            ClassificationType::Multilabel => pairs,
        };
        let mean = |sum: f64, count: usize| if count == 0 { 0.0 } else { sum / count as f64 };
        let bins = bins.iter().enumerate().map(|(i, bin)| ReliabilityBin {
            low: i as f64 / BINS as f64,
            high: (i + 1) as f64 / BINS as f64,
            answers: bin.answers,
            mean_probability: mean(bin.sum, bin.answers),
            fraction_right: ratio(bin.right, bin.answers),
        });
        Reliability {
            expected_calibration_error: mean(off, answers),
            brier_score: mean(squares, scored),
            bins: bins.collect(),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Bin {
    answers: usize,
    right: usize,
    sum: f64,
}

impl Bin {
    fn add(&mut self, probability: f64, right: bool) {
        self.answers += 1;
        self.right += usize::from(right);
        self.sum += probability;
    }
}

/// A bin holds its upper end; what is no probability goes to the nearest.
fn bin_of(probability: f64) -> usize {
    ((probability * BINS as f64).ceil() as usize).clamp(1, BINS) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::evaluation;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-7
    }

    #[test]
    fn multiclass_looks_at_the_most_probable_tag() {
        let photos: [(&[u16], [f32; 2]); 4] =
            [(&[0], [0.75, 0.25]), (&[0], [0.75, 0.25]), (&[1], [0.75, 0.25]), (&[1], [0.0, 1.0])];
        let found = evaluation(ClassificationType::Multiclass, 2, &photos).reliability();
        // Three answers at 0.75 of which two are right, and one at 1 which is.
        assert!(close(found.expected_calibration_error, 0.75 * (0.75 - 2.0 / 3.0)), "{found:?}");
        assert!(close(found.brier_score, (2.0 * 0.125 + 1.125) / 4.0), "{found:?}");
        let filled: Vec<_> = found.bins.iter().filter(|bin| bin.answers > 0).collect();
        assert_eq!(filled.iter().map(|bin| bin.answers).collect::<Vec<_>>(), [3, 1]);
        assert!(close(filled[0].low, 11.0 / 15.0) && close(filled[0].high, 12.0 / 15.0));
        assert!(close(filled[0].mean_probability, 0.75) && close(filled[0].fraction_right, 2.0 / 3.0));
    }

    #[test]
    fn multilabel_looks_at_every_pair_of_photo_and_tag() {
        let photos: [(&[u16], [f32; 2]); 2] = [(&[0, 1], [0.75, 0.5]), (&[], [0.25, 0.5])];
        let found = evaluation(ClassificationType::Multilabel, 2, &photos).reliability();
        assert_eq!(found.bins.iter().map(|bin| bin.answers).sum::<usize>(), 4);
        // 0.75 for a tag that is there, 0.25 for one that is not, and one of two at 0.5.
        assert!(close(found.expected_calibration_error, 0.5 / 4.0), "{found:?}");
        assert!(close(found.brier_score, (0.0625 + 0.25 + 0.0625 + 0.25) / 4.0), "{found:?}");
    }

    #[test]
    fn without_photos_there_are_empty_bins_and_no_error() {
        let photos: [(&[u16], &[f32]); 0] = [];
        let found = evaluation(ClassificationType::Multiclass, 2, &photos).reliability();
        assert_eq!((found.expected_calibration_error, found.brier_score, found.bins.len()), (0.0, 0.0, BINS));
    }

    proptest! {
        #[test]
        fn a_bin_holds_what_lies_in_its_range(probability in 0.0f64..=1.0) {
            let bin = bin_of(probability) as f64;
            let slack = 1e-9;
            prop_assert!(probability <= (bin + 1.0) / BINS as f64 + slack);
            prop_assert!(probability >= bin / BINS as f64 - slack);
        }

        /// Each answer's probability is drawn as often right as it says.
        #[test]
        fn probabilities_that_tell_the_truth_have_no_error(tenths in 1usize..10) {
            let probability = tenths as f32 / 10.0;
            let photo = |n: usize| (if n < tenths { vec![0] } else { vec![] }, vec![probability]);
            let photos: Vec<_> = (0..10).map(photo).collect();
            let found = evaluation(ClassificationType::Multilabel, 1, &photos).reliability();
            prop_assert!(found.expected_calibration_error < 1e-6);
        }
    }
}
