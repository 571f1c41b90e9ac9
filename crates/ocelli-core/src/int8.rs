use std::collections::HashMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::{ClassificationType, EvaluatedPhoto, Evaluation, Thresholds, limits};

/// What 8-bit integers cost an iteration, measured on the photos that its folds held out: the same heads answered
/// to the features of both precisions.
///
/// A photo is answered *right* in a multiclass iteration when its most probable tag is the one that it has (top-1),
/// and in a multilabel one when exactly the tags that it has reach a probability of
/// [`limits::DEFAULT_THRESHOLD`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Int8Cost {
    /// Photos that were compared.
    pub photos: usize,
    /// Photos answered right in f32.
    pub right_f32: usize,
    /// Photos answered right in int8.
    pub right_int8: usize,
    /// The mean over photos and tags of how far the probability moved, 0 to 1.
    pub mean_probability_change: f64,
}

impl Int8Cost {
    /// Compares what was answered to the same photos; those that only one evaluation holds are passed over.
    pub fn between<P: Eq + Hash>(f32: &Evaluation<P>, int8: &Evaluation<P>) -> Self {
        let answers: HashMap<&P, &EvaluatedPhoto<P>> =
            int8.photos.iter().map(|photo| (&photo.photo, photo)).collect();
        let (mut cost, mut change, mut values) = (Self::default(), 0.0, 0_usize);
        for photo in &f32.photos {
            let Some(other) = answers.get(&photo.photo) else { continue };
            cost.photos += 1;
            cost.right_f32 += usize::from(f32.is_answered_right(photo));
            cost.right_int8 += usize::from(int8.is_answered_right(other));
            for (before, after) in photo.probabilities.iter().zip(&other.probabilities) {
                change += f64::from((before - after).abs());
                values += 1;
            }
        }
        if values > 0 {
            cost.mean_probability_change = change / values as f64;
        }
        cost
    }

    /// The part of the photos that are answered right in f32 and lost in int8, on balance: 0.01 is one percentage
    /// point. Below 0 where int8 does better; 0 without photos.
    pub fn lost(&self) -> f64 {
        if self.photos == 0 { 0.0 } else { self.lost_photos() / self.photos as f64 }
    }

    /// Whether so little is lost that int8 may be published without insisting: at most the larger of
    /// [`limits::MAX_INT8_LOSS`] of the photos and [`limits::MAX_INT8_LOST_PHOTOS`] photos. Nothing compared shows
    /// nothing.
    pub fn is_small(&self) -> bool {
        let allowed = (limits::MAX_INT8_LOSS * self.photos as f64).max(limits::MAX_INT8_LOST_PHOTOS as f64);
        self.photos > 0 && self.lost_photos() <= allowed
    }

    /// Whether enough of this many held-out photos were compared: at least one, and
    /// [`limits::MIN_INT8_COMPARED`] of them.
    pub fn speaks_for(&self, held_out: usize) -> bool {
        self.photos > 0 && self.photos as f64 >= limits::MIN_INT8_COMPARED * held_out as f64
    }

    fn lost_photos(&self) -> f64 {
        self.right_f32 as f64 - self.right_int8 as f64
    }
}

impl Default for Int8Cost {
    /// Nothing compared.
    fn default() -> Self {
        Self { photos: 0, right_f32: 0, right_int8: 0, mean_probability_change: 0.0 }
    }
}

impl std::fmt::Display for Int8Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { photos, right_f32, right_int8, mean_probability_change } = self;
        write!(
            f,
            "{right_int8} of {photos} held-out photos answered right in int8 and {right_f32} in f32, probabilities \
             {mean_probability_change:.4} apart in the mean"
        )
    }
}

impl<P> Evaluation<P> {
    fn is_answered_right(&self, photo: &EvaluatedPhoto<P>) -> bool {
        match self.classification_type {
            ClassificationType::Multiclass => photo.best_is_right(),
            ClassificationType::Multilabel => self.is_right(photo, &Thresholds::default()),
        }
    }
}

/// An iteration's answers in int8.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredInt8 {
    /// The fingerprint of the calibration that the model carries, in hexadecimal.
    pub calibration: String,
    /// Photos that the calibration was made from.
    pub calibration_photos: u32,
    /// What int8 costs with it.
    pub cost: Int8Cost,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(
        classification_type: ClassificationType,
        photos: &[(u16, &[u16], &[f32])],
    ) -> Evaluation<u16> {
        let photo = |&(photo, tags, probabilities): &(u16, &[u16], &[f32])| EvaluatedPhoto {
            photo,
            tags: tags.to_vec(),
            fold: 0,
            probabilities: probabilities.to_vec(),
        };
        Evaluation { classification_type, tags: Vec::new(), photos: photos.iter().map(photo).collect() }
    }

    #[test]
    fn multiclass_counts_the_most_probable_tag() {
        let before =
            evaluation(ClassificationType::Multiclass, &[(1, &[0], &[0.4, 0.3]), (2, &[1], &[0.2, 0.8])]);
        let after = evaluation(
            ClassificationType::Multiclass,
            &[(3, &[0], &[0.0, 1.0]), (2, &[1], &[0.2, 0.7]), (1, &[0], &[0.3, 0.4])],
        );
        let cost = Int8Cost::between(&before, &after);
        assert_eq!((cost.photos, cost.right_f32, cost.right_int8), (2, 2, 1));
        assert!((cost.mean_probability_change - 0.075).abs() < 1e-6, "{cost:?}");
        assert_eq!(cost.lost(), 0.5);
    }

    #[test]
    fn multilabel_counts_photos_that_get_exactly_their_tags() {
        let before = evaluation(
            ClassificationType::Multilabel,
            &[(1, &[0, 1], &[0.9, 0.6]), (2, &[], &[0.1, 0.4]), (3, &[0], &[0.8, 0.7])],
        );
        let after = evaluation(
            ClassificationType::Multilabel,
            &[(1, &[0, 1], &[0.9, 0.4]), (2, &[], &[0.1, 0.4]), (3, &[0], &[0.8, 0.3])],
        );
        let cost = Int8Cost::between(&before, &after);
        assert_eq!((cost.photos, cost.right_f32, cost.right_int8), (3, 2, 2));
        assert_eq!(cost.lost(), 0.0);
    }

    #[test]
    fn one_point_or_two_photos_may_be_lost() {
        let cases = [
            (30, 2, true),
            (30, 3, false),
            (200, 2, true),
            (200, 3, false),
            (400, 4, true),
            (400, 5, false),
            (1_000, 10, true),
            (1_000, 11, false),
            (0, 0, false),
        ];
        for (photos, lost, small) in cases {
            let right_int8 = photos - lost;
            let cost = Int8Cost { photos, right_f32: photos, right_int8, ..Int8Cost::default() };
            assert_eq!(cost.is_small(), small, "{lost} of {photos}");
        }
        let gained = Int8Cost { photos: 9, right_f32: 1, right_int8: 9, ..Int8Cost::default() };
        assert!(gained.is_small() && gained.lost() < 0.0);
    }

    #[test]
    fn nine_of_ten_photos_must_have_been_compared() {
        for (photos, held_out, enough) in [(10, 10, true), (9, 10, true), (8, 10, false), (0, 0, false)] {
            let cost = Int8Cost { photos, ..Int8Cost::default() };
            assert_eq!(cost.speaks_for(held_out), enough, "{photos} of {held_out}");
        }
    }
}
