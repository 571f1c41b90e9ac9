use serde::{Deserialize, Serialize};

use crate::metrics::{average_precision, f1, ratio, standard_deviation};
use crate::{ClassificationType, ImageId, Interval, Name, TagId, Thresholds, TrainedTag};

/// What a model answered to photos whose tags are known, from which every figure about it is computed.
///
/// A tag counts as *given* to a photo
/// - in a multiclass evaluation, when it is the photo's most probable tag and its probability reaches the
///   tag's threshold;
/// - in a multilabel evaluation, when its probability reaches the tag's threshold.
///
/// From that follow, for one tag, *precision* (of the photos that were given the tag, the fraction that have it;
/// 0 where none was given it), *recall* (of the photos that have the tag, the fraction that were given it; 0 where
/// none has it), *F1* (their harmonic mean) and *average precision* ([`average_precision`], which no threshold enters). Overall precision,
/// recall and F1 count all pairs of photo and tag alike (micro average); overall average precision is the mean over the
/// tags that some photo has. A standard deviation is over the folds. An interval says where precision or recall lie
/// with 95 % confidence ([`Interval::wilson`]), which takes the counted pairs to be independent; several tags of one
/// photo are not quite that.
///
/// `P` names a photo: its id, or whatever the caller uses for photos outside a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation<P = ImageId> {
    /// One tag a photo, or any number.
    pub classification_type: ClassificationType,
    /// The tags, in the order of the probabilities.
    pub tags: Vec<TrainedTag>,
    /// The photos and what was answered.
    pub photos: Vec<EvaluatedPhoto<P>>,
}

/// One photo of an [`Evaluation`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluatedPhoto<P = ImageId> {
    /// Which photo.
    pub photo: P,
    /// The tags it has, as indices into the evaluation's tags.
    pub tags: Vec<u16>,
    /// The fold that it was held out in; 0 where there are no folds.
    pub fold: u16,
    /// The probability of each of the evaluation's tags, 0 to 1.
    pub probabilities: Vec<f32>,
}

/// How well an iteration does, at given thresholds. The terms are defined at [`Evaluation`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IterationPerformance {
    /// One entry a tag, in the order of the evaluation's tags.
    pub per_tag_performance: Vec<TagPerformance>,
    /// 0 to 1.
    pub precision: f64,
    /// Over the folds.
    pub precision_std_deviation: f64,
    /// 0 to 1.
    pub recall: f64,
    /// Over the folds.
    pub recall_std_deviation: f64,
    /// 0 to 1.
    #[serde(default)]
    pub f1: f64,
    /// Where the precision lies.
    #[serde(default)]
    pub precision_interval: Interval,
    /// Where the recall lies.
    #[serde(default)]
    pub recall_interval: Interval,
    /// The mean over the tags, 0 to 1; none where no photo has a tag.
    pub average_precision: Option<f64>,
}

/// How well an iteration does for one tag, at its threshold. The terms are defined at [`Evaluation`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagPerformance {
    /// The tag.
    pub id: TagId,
    /// Its name.
    pub name: Name,
    /// 0 to 1.
    pub precision: f64,
    /// Over the folds.
    pub precision_std_deviation: f64,
    /// 0 to 1.
    pub recall: f64,
    /// Over the folds.
    pub recall_std_deviation: f64,
    /// 0 to 1.
    #[serde(default)]
    pub f1: f64,
    /// Where the precision lies.
    #[serde(default)]
    pub precision_interval: Interval,
    /// Where the recall lies.
    #[serde(default)]
    pub recall_interval: Interval,
    /// 0 to 1; none where no photo has the tag.
    pub average_precision: Option<f64>,
    /// Photos that have the tag.
    pub photos: usize,
}

/// Which tags are taken for which, with the photos behind each cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confusion<P = ImageId> {
    /// The tags that rows and columns are about.
    pub tags: Vec<TrainedTag>,
    /// The cells that hold a photo, by actual and then given tag; none sorts last.
    pub cells: Vec<Cell<P>>,
}

/// One cell of a [`Confusion`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell<P = ImageId> {
    /// The tag that the photos have, as an index into the tags; none for photos that were given a tag too many.
    pub actual: Option<u16>,
    /// The tag that they were given instead (or the same); none where they were given none in its place.
    pub given: Option<u16>,
    /// The photos.
    pub photos: Vec<P>,
}

/// Counts behind precision and recall.
#[derive(Clone, Copy, Default)]
struct Counts {
    given: usize,
    actual: usize,
    both: usize,
}

impl Counts {
    fn precision(self) -> f64 {
        ratio(self.both, self.given)
    }

    fn recall(self) -> f64 {
        ratio(self.both, self.actual)
    }

    fn f1(self) -> f64 {
        f1(self.both, self.given, self.actual)
    }

    fn precision_interval(self) -> Interval {
        Interval::wilson(self.both, self.given)
    }

    fn recall_interval(self) -> Interval {
        Interval::wilson(self.both, self.actual)
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.given += other.given;
        self.actual += other.actual;
        self.both += other.both;
    }
}

impl<P> EvaluatedPhoto<P> {
    /// The most probable tag, the first of equals; none where there are no tags.
    pub fn best(&self) -> Option<u16> {
        let mut best: Option<(u16, f32)> = None;
        for (tag, probability) in (0u16..).zip(&self.probabilities) {
            if best.is_none_or(|(_, highest)| *probability > highest) {
                best = Some((tag, *probability));
            }
        }
        best.map(|(tag, _)| tag)
    }

    /// Whether the most probable tag is one that the photo has.
    pub(crate) fn best_is_right(&self) -> bool {
        self.best().is_some_and(|tag| self.tags.contains(&tag))
    }

    pub(crate) fn probability(&self, tag: u16) -> f32 {
        self.probabilities.get(usize::from(tag)).copied().unwrap_or(0.0)
    }

    /// The tags that it is given, in their order.
    pub fn given(&self, classification_type: ClassificationType, thresholds: &Thresholds) -> Vec<u16> {
        let reaches = |tag: &u16| self.probability(*tag) >= thresholds.of(*tag).value();
        match classification_type {
            ClassificationType::Multiclass => self.best().filter(reaches).into_iter().collect(),
            ClassificationType::Multilabel => {
                (0u16..).take(self.probabilities.len()).filter(reaches).collect()
            }
        }
    }
}

impl<P> Evaluation<P> {
    /// The fraction of photos whose most probable tag is one that they have, 0 to 1; none without photos.
    pub fn top1(&self) -> Option<f64> {
        let right = |photo: &&EvaluatedPhoto<P>| photo.best_is_right();
        (!self.photos.is_empty()).then(|| ratio(self.photos.iter().filter(right).count(), self.photos.len()))
    }

    /// The mean over the tags of their average precision, 0 to 1; none where no photo has a tag.
    pub fn mean_average_precision(&self) -> Option<f64> {
        let areas: Vec<f64> = self.tag_indices().filter_map(|tag| self.tag_average_precision(tag)).collect();
        (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
    }

    /// Precision, recall, F1 and average precision, for each tag and overall, at one threshold for all tags or one a
    /// tag.
    pub fn performance(&self, thresholds: impl Into<Thresholds>) -> IterationPerformance {
        let thresholds = thresholds.into();
        let folds = self.photos.iter().map(|photo| usize::from(photo.fold) + 1).max().unwrap_or(0);
        let mut counts = vec![vec![Counts::default(); folds]; self.tags.len()];
        for photo in &self.photos {
            let given = photo.given(self.classification_type, &thresholds);
            for (tag, counts) in (0u16..).zip(&mut counts) {
                let (given, actual) = (given.contains(&tag), photo.tags.contains(&tag));
                counts[usize::from(photo.fold)] += Counts {
                    given: usize::from(given),
                    actual: usize::from(actual),
                    both: usize::from(given && actual),
                };
            }
        }
        let mut overall = vec![Counts::default(); folds];
        for counts in &counts {
            for (sum, part) in overall.iter_mut().zip(counts) {
                *sum += *part;
            }
        }
        let overall = Figures::of(&overall);
        let per_tag = (0u16..).zip(self.tags.iter().zip(&counts)).map(|(index, (tag, counts))| {
            let figures = Figures::of(counts);
            TagPerformance {
                id: tag.id,
                name: tag.name.clone(),
                precision: figures.total.precision(),
                precision_std_deviation: figures.precision_deviation,
                recall: figures.total.recall(),
                recall_std_deviation: figures.recall_deviation,
                f1: figures.total.f1(),
                precision_interval: figures.total.precision_interval(),
                recall_interval: figures.total.recall_interval(),
                average_precision: self.tag_average_precision(index),
                photos: figures.total.actual,
            }
        });
        IterationPerformance {
            per_tag_performance: per_tag.collect(),
            precision: overall.total.precision(),
            precision_std_deviation: overall.precision_deviation,
            recall: overall.total.recall(),
            recall_std_deviation: overall.recall_deviation,
            f1: overall.total.f1(),
            precision_interval: overall.total.precision_interval(),
            recall_interval: overall.total.recall_interval(),
            average_precision: self.mean_average_precision(),
        }
    }

    /// Whether a photo is given exactly the tags that it has.
    pub(crate) fn is_right(&self, photo: &EvaluatedPhoto<P>, thresholds: &Thresholds) -> bool {
        let given = photo.given(self.classification_type, thresholds);
        given.len() == photo.tags.len() && given.iter().all(|tag| photo.tags.contains(tag))
    }

    pub(crate) fn tag_indices(&self) -> impl Iterator<Item = u16> + use<P> {
        (0u16..).take(self.tags.len())
    }

    fn tag_average_precision(&self, tag: u16) -> Option<f64> {
        average_precision(self.scored(tag))
    }

    /// Each photo's probability of a tag, and whether it has it.
    pub(crate) fn scored(&self, tag: u16) -> impl Iterator<Item = (f32, bool)> {
        self.photos.iter().map(move |photo| (photo.probability(tag), photo.tags.contains(&tag)))
    }
}

impl<P: Clone> Evaluation<P> {
    /// Which tags are taken for which.
    ///
    /// A tag that a photo has and was given stands in its own row and column. A tag that it has and was not given
    /// stands in the columns of the tags that it was given wrongly, or in none's. A tag given wrongly to a photo
    /// that misses none stands in none's row.
    pub fn confusion(&self, thresholds: impl Into<Thresholds>) -> Confusion<P> {
        let thresholds = thresholds.into();
        let mut cells = std::collections::BTreeMap::<_, Vec<P>>::new();
        // `None` sorts last: the flag comes first in the key.
        let key = |tag: Option<u16>| (tag.is_none(), tag);
        for photo in &self.photos {
            let given = photo.given(self.classification_type, &thresholds);
            let mut put = |actual: Option<u16>, given: Option<u16>| {
                cells.entry((key(actual), key(given))).or_default().push(photo.photo.clone());
            };
            let missed: Vec<u16> = photo.tags.iter().copied().filter(|tag| !given.contains(tag)).collect();
            let wrong: Vec<u16> = given.iter().copied().filter(|tag| !photo.tags.contains(tag)).collect();
            photo.tags.iter().filter(|tag| given.contains(tag)).for_each(|tag| put(Some(*tag), Some(*tag)));
            for tag in &missed {
                if wrong.is_empty() {
                    put(Some(*tag), None);
                }
                wrong.iter().for_each(|other| put(Some(*tag), Some(*other)));
            }
            if missed.is_empty() {
                wrong.iter().for_each(|tag| put(None, Some(*tag)));
            }
        }
        let cells = cells
            .into_iter()
            .map(|(((_, actual), (_, given)), photos)| Cell { actual, given, photos })
            .collect();
        Confusion { tags: self.tags.clone(), cells }
    }
}

impl<P> Confusion<P> {
    /// The photos that have the tag `actual` and were given the tag `given`.
    pub fn photos(&self, actual: Option<u16>, given: Option<u16>) -> &[P] {
        self.cells
            .iter()
            .find(|cell| cell.actual == actual && cell.given == given)
            .map_or(&[], |cell| cell.photos.as_slice())
    }
}

/// Counts of all folds, and how much the folds differ.
struct Figures {
    total: Counts,
    precision_deviation: f64,
    recall_deviation: f64,
}

impl Figures {
    /// A fold that gave a tag to no photo has no precision, and one without photos of it no recall; neither
    /// enters the deviation.
    fn of(folds: &[Counts]) -> Self {
        let mut total = Counts::default();
        folds.iter().for_each(|counts| total += *counts);
        let precisions: Vec<f64> = folds.iter().filter(|c| c.given > 0).map(|c| c.precision()).collect();
        let recalls: Vec<f64> = folds.iter().filter(|c| c.actual > 0).map(|c| c.recall()).collect();
        Self {
            total,
            precision_deviation: standard_deviation(&precisions),
            recall_deviation: standard_deviation(&recalls),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Threshold;
    use crate::testing::{evaluation, tags};

    fn multiclass() -> Evaluation<usize> {
        evaluation(
            ClassificationType::Multiclass,
            2,
            &[([0], [0.9, 0.1]), ([0], [0.6, 0.4]), ([0], [0.2, 0.8]), ([1], [0.3, 0.7])],
        )
    }

    #[test]
    fn multiclass_gives_the_best_tag_if_it_reaches_the_threshold() {
        let at = |value| multiclass().performance(Threshold::new(value).unwrap());
        let performance = at(0.5);
        assert_eq!((performance.precision, performance.recall), (0.75, 0.75));
        let first = &performance.per_tag_performance[0];
        assert_eq!((first.precision, first.recall, first.photos), (1.0, 2.0 / 3.0, 3));
        assert_eq!((first.f1, first.recall_interval), (0.8, Interval::wilson(2, 3)));
        let performance = at(0.75);
        assert_eq!((performance.precision, performance.recall), (0.5, 0.25));
        assert_eq!(multiclass().top1(), Some(0.75));
    }

    #[test]
    fn multilabel_gives_every_tag_that_reaches_the_threshold() {
        let evaluation =
            evaluation(ClassificationType::Multilabel, 2, &[(vec![0, 1], [0.9, 0.8]), (vec![], [0.1, 0.6])]);
        let performance = evaluation.performance(Threshold::default());
        assert_eq!((performance.precision, performance.recall), (2.0 / 3.0, 1.0));
        assert_eq!(performance.average_precision, Some(1.0));
    }

    #[test]
    fn confusion_lists_the_photos_behind_each_cell() {
        let confusion = multiclass().confusion(Threshold::new(0.65).unwrap());
        assert_eq!(confusion.photos(Some(0), Some(0)), [0]);
        assert_eq!(confusion.photos(Some(0), None), [1]);
        assert_eq!(confusion.photos(Some(0), Some(1)), [2]);
        assert_eq!(confusion.photos(Some(1), Some(1)), [3]);
        assert_eq!(confusion.photos(Some(1), Some(0)), [0usize; 0]);
    }

    #[test]
    fn deviations_are_over_the_folds() {
        let performance = multiclass().performance(Threshold::default());
        // Fold 0 holds photos 0 and 2 (one right of two), fold 1 photos 1 and 3 (both right).
        assert_eq!(performance.precision_std_deviation, 0.25);
    }

    #[test]
    fn an_evaluation_without_photos_has_no_figures_and_does_not_fail() {
        let empty = evaluation::<[u16; 0], [f32; 0]>(ClassificationType::Multiclass, 2, &[]);
        assert_eq!(empty.top1(), None);
        assert_eq!(empty.performance(Threshold::default()).average_precision, None);
    }

    proptest! {
        #[test]
        fn in_a_multiclass_confusion_every_photo_stands_once(
            photos in proptest::collection::vec((0u16..3, proptest::collection::vec(0.0f32..1.0, 3)), 0..30),
            threshold in 0.0f32..1.0,
        ) {
            let evaluation = Evaluation {
                classification_type: ClassificationType::Multiclass,
                tags: tags(3),
                photos: photos.iter().enumerate().map(|(photo, (tag, probabilities))| EvaluatedPhoto {
                    photo, tags: vec![*tag], fold: 0, probabilities: probabilities.clone(),
                }).collect(),
            };
            let confusion = evaluation.confusion(Threshold::new(threshold).unwrap());
            let mut seen: Vec<usize> = confusion.cells.iter().flat_map(|cell| cell.photos.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..photos.len()).collect::<Vec<_>>());
        }
    }
}
