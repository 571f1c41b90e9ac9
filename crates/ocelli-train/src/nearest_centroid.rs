//! A head from the centroids of the tags: at once, and from one photo a tag.

use std::num::NonZeroUsize;

use ocelli_core::{ClassificationType, TrainedTag, limits};

use crate::labels::{enough, settle};
use crate::linear::{log_sigmoid, softmax};
use crate::minimum::lowest;
use crate::scaling::Scaling;
use crate::training_set::check_finite;
use crate::{LabelledPhoto, LinearHead, TrainError};

/// The sharpness of the probabilities where no photo tells a better one: features have a mean squared length of 1, so
/// that scores lie between about -1 and 1.
const SHARPNESS: f64 = 10.0;
/// How far, as a standard deviation of its logarithm, the sharpness may be expected from [`SHARPNESS`].
const SHARPNESS_SPREAD: f64 = 0.5;
/// Steps of the search for the sharpness; each narrows it to 0.62 of what it was.
const SEARCH_STEPS: usize = 40;

/// A head that asks which tag's centroid a photo is nearest to (by the cosine, both seen from the middle between the
/// tags): an instant model while a photo set is still growing. One photo a tag is enough.
///
/// `features` are row-major `[photos, views, width]`; the first view of a photo is the one that predictions use, and the
/// mean of its views is what it adds to a centroid. In a multilabel training a tag's centroid is seen from that of the
/// photos without the tag, and its probability starts from how frequent the tag is.
///
/// One number, the sharpness of the probabilities, is chosen by what centroids without each photo say of it, as far
/// as a tag has other photos. The time is that of a few passes over the features.
///
/// # Errors
///
/// If there are fewer than two tags, a tag has no photo, a photo has a tag that is not one of `tags` or, in a multiclass
/// training, not exactly one, or the features do not divide into the photos and views or are not finite.
pub fn nearest_centroid(
    classification_type: ClassificationType,
    tags: &[TrainedTag],
    photos: &[LabelledPhoto],
    features: &[f32],
    views: NonZeroUsize,
) -> Result<LinearHead, TrainError> {
    if tags.len() < limits::MIN_TAGS {
        return Err(TrainError::TooFewTags { tags: tags.len(), classification_type });
    }
    let mut photos = photos.to_vec();
    let counts = settle(classification_type, tags.len(), &mut photos)?;
    enough(classification_type, tags, &counts, 1)?;
    let rows = photos.len().saturating_mul(views.get());
    if features.is_empty() || !features.len().is_multiple_of(rows) {
        return Err(TrainError::FeatureCount { features: features.len(), photos: rows });
    }
    let width = features.len() / rows;
    check_finite(features, &photos, views.get() * width)?;

    let scaling = Scaling::new(features, width);
    let seen: Vec<Seen> =
        features.chunks_exact(views.get() * width).map(|photo| Seen::new(photo, &scaling)).collect();
    let centroids = Centroids::new(tags.len(), &photos, &seen);
    let trials: Vec<Trial> = match classification_type {
        ClassificationType::Multiclass => centroids.multiclass_trials(&photos, &seen),
        ClassificationType::Multilabel => centroids.multilabel_trials(&photos, &seen),
    };
    let sharpness = sharpness(&trials);
    let directions = match classification_type {
        ClassificationType::Multiclass => multiclass_directions(&centroids.having),
        ClassificationType::Multilabel => centroids.multilabel_directions(),
    };
    Ok(head(&directions, sharpness, &scaling))
}

/// A photo, scaled.
struct Seen {
    first_view: Vec<f64>,
    mean: Vec<f64>,
}

impl Seen {
    fn new(views: &[f32], scaling: &Scaling) -> Self {
        let width = scaling.centre.len();
        let scaled = |row: &[f32]| -> Vec<f64> {
            let values = row.iter().zip(&scaling.centre).zip(&scaling.factors);
            values.map(|((value, centre), factor)| f64::from((value - centre) * factor)).collect()
        };
        let count = (views.len() / width) as f64;
        let mut mean = vec![0.0; width];
        for view in views.chunks_exact(width) {
            mean.iter_mut().zip(scaled(view)).for_each(|(sum, value)| *sum += value / count);
        }
        Self { first_view: scaled(&views[..width]), mean }
    }
}

/// The mean of some photos.
#[derive(Clone)]
struct Centroid {
    mean: Vec<f64>,
    photos: usize,
}

impl Centroid {
    fn of<'a>(width: usize, photos: impl Iterator<Item = &'a Seen>) -> Self {
        let mut centroid = Self { mean: vec![0.0; width], photos: 0 };
        for photo in photos {
            centroid.photos += 1;
            centroid.mean.iter_mut().zip(&photo.mean).for_each(|(sum, value)| *sum += value);
        }
        let count = centroid.photos.max(1) as f64;
        centroid.mean.iter_mut().for_each(|sum| *sum /= count);
        centroid
    }

    /// The mean of the others; none where there are no others.
    fn without(&self, photo: &Seen) -> Option<Self> {
        let photos = self.photos.checked_sub(1).filter(|others| *others > 0)?;
        let values = self.mean.iter().zip(&photo.mean);
        let mean = values.map(|(mean, value)| (mean * self.photos as f64 - value) / photos as f64).collect();
        Some(Self { mean, photos })
    }
}

/// A tag's score: how far a photo lies from the origin in this direction, in units of the sharpness, and what is added.
struct Direction {
    /// Of length 1, or 0 where there is none.
    unit: Vec<f64>,
    origin: Vec<f64>,
    offset: f64,
}

impl Direction {
    fn new(from: &[f64], to: &[f64], origin: Vec<f64>, offset: f64) -> Self {
        let mut unit: Vec<f64> = to.iter().zip(from).map(|(to, from)| to - from).collect();
        let length = unit.iter().map(|value| value * value).sum::<f64>().sqrt();
        let scale = if length > 1e-9 { 1.0 / length } else { 0.0 };
        unit.iter_mut().for_each(|value| *value *= scale);
        Self { unit, origin, offset }
    }

    fn score(&self, photo: &Seen) -> f64 {
        let values = self.unit.iter().zip(&photo.first_view).zip(&self.origin);
        values.map(|((unit, value), origin)| unit * (value - origin)).sum()
    }
}

/// From the middle between the tags to each of them.
fn multiclass_directions(having: &[Centroid]) -> Vec<Direction> {
    let width = having.first().map_or(0, |centroid| centroid.mean.len());
    let mut middle = vec![0.0; width];
    for centroid in having {
        let share = centroid.mean.iter().map(|value| value / having.len() as f64);
        middle.iter_mut().zip(share).for_each(|(sum, value)| *sum += value);
    }
    having.iter().map(|own| Direction::new(&middle, &own.mean, middle.clone(), 0.0)).collect()
}

/// From the photos without a tag to those with it, seen from half way.
fn multilabel_direction(having: &Centroid, lacking: &Centroid) -> Direction {
    let half_way = having.mean.iter().zip(&lacking.mean).map(|(having, lacking)| (having + lacking) / 2.0);
    let odds = (having.photos as f64 + 0.5) / (lacking.photos as f64 + 0.5);
    if lacking.photos == 0 {
        return Direction::new(&having.mean, &having.mean, having.mean.clone(), odds.ln());
    }
    Direction::new(&lacking.mean, &having.mean, half_way.collect(), odds.ln())
}

/// The centroids of the photos that have each tag and of those that have not.
struct Centroids {
    having: Vec<Centroid>,
    lacking: Vec<Centroid>,
}

/// What centroids without a photo say of it, at a sharpness of 1.
enum Trial {
    /// The score of each tag and which one the photo has.
    OneOf(Vec<f64>, usize),
    /// The score and the offset of one tag and whether the photo has it.
    Either { score: f64, offset: f64, has: bool },
}

impl Centroids {
    fn new(tags: usize, photos: &[LabelledPhoto], seen: &[Seen]) -> Self {
        let width = seen.first().map_or(0, |photo| photo.mean.len());
        let of = |tag: usize, wanted: bool| {
            let own = photos.iter().zip(seen).filter(move |(photo, _)| has(photo, tag) == wanted);
            Centroid::of(width, own.map(|(_, seen)| seen))
        };
        let all = |wanted| (0..tags).map(|tag| of(tag, wanted)).collect();
        Self { having: all(true), lacking: all(false) }
    }

    fn multilabel_directions(&self) -> Vec<Direction> {
        let both = self.having.iter().zip(&self.lacking);
        both.map(|(having, lacking)| multilabel_direction(having, lacking)).collect()
    }

    fn multiclass_trials(&self, photos: &[LabelledPhoto], seen: &[Seen]) -> Vec<Trial> {
        let mut having = self.having.clone();
        let mut trial = |(photo, seen): (&LabelledPhoto, &Seen)| {
            let tag = usize::from(*photo.tags.first()?);
            let without = having.get(tag)?.without(seen)?;
            let with = std::mem::replace(having.get_mut(tag)?, without);
            let scores = multiclass_directions(&having).iter().map(|own| own.score(seen)).collect();
            *having.get_mut(tag)? = with;
            Some(Trial::OneOf(scores, tag))
        };
        photos.iter().zip(seen).filter_map(&mut trial).collect()
    }

    fn multilabel_trials(&self, photos: &[LabelledPhoto], seen: &[Seen]) -> Vec<Trial> {
        let mut trials = Vec::new();
        for (tag, (having, lacking)) in self.having.iter().zip(&self.lacking).enumerate() {
            for (photo, seen) in photos.iter().zip(seen) {
                let has = has(photo, tag);
                let direction = if has {
                    having.without(seen).map(|others| multilabel_direction(&others, lacking))
                } else {
                    lacking.without(seen).map(|others| multilabel_direction(having, &others))
                };
                trials.extend(direction.map(|own| Trial::Either {
                    score: own.score(seen),
                    offset: own.offset,
                    has,
                }));
            }
        }
        trials
    }
}

fn has(photo: &LabelledPhoto, tag: usize) -> bool {
    photo.tags.iter().any(|own| usize::from(*own) == tag)
}

/// The sharpness at which the trials are the least surprising, drawn towards [`SHARPNESS`] as if by a log-normal prior.
fn sharpness(trials: &[Trial]) -> f64 {
    let surprise = |logarithm: f64| {
        let sharpness = logarithm.exp();
        let prior = ((logarithm - SHARPNESS.ln()) / SHARPNESS_SPREAD).powi(2) / 2.0;
        let told = trials.iter().map(|trial| match trial {
            Trial::OneOf(scores, tag) => {
                let mut scores: Vec<f64> = scores.iter().map(|score| sharpness * score).collect();
                softmax(&mut scores);
                -scores.get(*tag).copied().unwrap_or(1.0).max(f64::MIN_POSITIVE).ln()
            }
            Trial::Either { score, offset, has } => {
                let logit = sharpness * score + offset;
                -log_sigmoid(if *has { logit } else { -logit })
            }
        });
        prior + told.sum::<f64>()
    };
    lowest([(SHARPNESS / 100.0).ln(), (SHARPNESS * 100.0).ln()], SEARCH_STEPS, surprise).exp()
}

/// The head for features as they come.
fn head(directions: &[Direction], sharpness: f64, scaling: &Scaling) -> LinearHead {
    let mut weights = Vec::with_capacity(directions.len() * scaling.centre.len());
    let bias = directions.iter().map(|Direction { unit, origin, offset }| {
        let features = scaling.centre.iter().zip(&scaling.factors);
        let mut bias = *offset;
        for ((unit, origin), (centre, factor)) in unit.iter().zip(origin).zip(features) {
            let weight = sharpness * unit;
            bias -= weight * (origin + f64::from(*centre) * f64::from(*factor));
            weights.push((weight * f64::from(*factor)) as f32);
        }
        bias as f32
    });
    let bias = bias.collect();
    LinearHead { weights, bias }
}

#[cfg(test)]
mod tests {
    use ocelli_core::{ImageId, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::labels::numbered_tags as tags;

    const ONE_VIEW: NonZeroUsize = NonZeroUsize::MIN;

    fn photos(tags: &[&[u16]]) -> Vec<LabelledPhoto> {
        let image = ImageId::new(Timestamp::from_millis(0), [0; 10]);
        tags.iter().map(|tags| LabelledPhoto { image, tags: tags.to_vec() }).collect()
    }

    fn most_probable(head: &LinearHead, row: &[f32]) -> usize {
        let probabilities = head.probabilities(ClassificationType::Multiclass, row).unwrap();
        (0..probabilities.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap()
    }

    #[test]
    fn one_photo_a_tag_is_enough() {
        let features = [1.0, 0.1, 0.0, 0.0, 1.0, 0.1, 0.1, 0.0, 1.0];
        let photos = photos(&[&[0], &[1], &[2]]);
        let head =
            nearest_centroid(ClassificationType::Multiclass, &tags(3), &photos, &features, ONE_VIEW).unwrap();
        for (tag, row) in features.chunks_exact(3).enumerate() {
            assert_eq!(most_probable(&head, row), tag);
        }
        let between = head.probabilities(ClassificationType::Multiclass, &[0.4, 0.4, 0.4]).unwrap();
        assert!(between.iter().all(|probability| (0.2..0.5).contains(probability)), "{between:?}");
    }

    #[test]
    fn a_photo_may_have_several_tags() {
        // The first two features are the tags; the third is noise.
        let features = [
            1.0, 0.0, 0.3, 1.1, 0.1, 0.1, 0.9, 0.0, 0.2, 0.0, 1.0, 0.1, 0.1, 0.9, 0.3, 1.0, 1.1, 0.2, 0.0,
            0.1, 0.2, 0.1, 0.0, 0.1,
        ];
        let photos = photos(&[&[0], &[0], &[0], &[1], &[1], &[0, 1], &[], &[]]);
        let head =
            nearest_centroid(ClassificationType::Multilabel, &tags(2), &photos, &features, ONE_VIEW).unwrap();
        for (photo, row) in photos.iter().zip(features.chunks_exact(3)) {
            let probabilities = head.probabilities(ClassificationType::Multilabel, row).unwrap();
            for (tag, probability) in probabilities.iter().enumerate() {
                assert_eq!(*probability > 0.5, has(photo, tag), "{photo:?}: {probabilities:?}");
            }
        }
    }

    /// Photos whose features tell nothing get probabilities that claim little, and clear ones much.
    #[test]
    fn sharpness_follows_what_photos_without_themselves_are_answered() {
        // Between -1/2 and 1/2, without a pattern.
        let noise = |n: usize| {
            let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            (mixed.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let photos = photos(&(0..40).map(|n| if n % 2 == 0 { &[0][..] } else { &[1] }).collect::<Vec<_>>());
        let mean_of_most_probable = |signal: f32| {
            let row =
                |n: usize| (0..8).map(move |i| noise(n * 8 + i) + if i == n % 2 { signal } else { 0.0 });
            let features: Vec<f32> = (0..40).flat_map(row).collect();
            let head =
                nearest_centroid(ClassificationType::Multiclass, &tags(2), &photos, &features, ONE_VIEW);
            let head = head.unwrap();
            let most = features.chunks_exact(8).map(|row| {
                let probabilities = head.probabilities(ClassificationType::Multiclass, row).unwrap();
                probabilities[0].max(probabilities[1])
            });
            most.sum::<f32>() / 40.0
        };
        let (noise, clear) = (mean_of_most_probable(0.0), mean_of_most_probable(2.0));
        assert!(noise < 0.75 && clear > 0.95, "{noise} and {clear}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let of = |tags: &[TrainedTag], photos: &[LabelledPhoto], features: &[f32]| {
            nearest_centroid(ClassificationType::Multiclass, tags, photos, features, ONE_VIEW)
        };
        let two = photos(&[&[0], &[1]]);
        assert!(of(&tags(2), &two, &[1.0, 2.0]).is_ok());
        assert!(matches!(of(&tags(1), &two, &[1.0, 2.0]), Err(TrainError::TooFewTags { .. })));
        assert!(matches!(of(&tags(3), &two, &[1.0, 2.0]), Err(TrainError::TooFewPhotos { .. })));
        assert!(matches!(
            of(&tags(2), &photos(&[&[0, 1], &[1]]), &[1.0; 2]),
            Err(TrainError::NotOneTag { .. })
        ));
        assert!(matches!(of(&tags(2), &two, &[1.0; 3]), Err(TrainError::FeatureCount { .. })));
        assert!(matches!(of(&tags(2), &two, &[]), Err(TrainError::FeatureCount { .. })));
        assert!(matches!(of(&tags(2), &two, &[1.0, f32::NAN]), Err(TrainError::FeatureValue { .. })));
    }

    proptest! {
        #[test]
        fn the_size_of_features_plays_no_part(values in proptest::collection::vec(-1f32..1.0, 48), factor in 0.01f32..100.0) {
            let photos = photos(&[&[0], &[1], &[2], &[0], &[1], &[2]]);
            let scaled: Vec<f32> = values.iter().map(|value| value * factor).collect();
            let of = |features: &[f32]| {
                let views = NonZeroUsize::new(2).unwrap();
                nearest_centroid(ClassificationType::Multiclass, &tags(3), &photos, features, views).unwrap()
            };
            let (head, other) = (of(&values), of(&scaled));
            for (row, scaled) in values.chunks_exact(4).zip(scaled.chunks_exact(4)) {
                let one = head.probabilities(ClassificationType::Multiclass, row).unwrap();
                let two = other.probabilities(ClassificationType::Multiclass, scaled).unwrap();
                for (one, two) in one.iter().zip(two) {
                    prop_assert!((one - two).abs() < 1e-3, "{} and {}", one, two);
                }
            }
        }
    }
}
