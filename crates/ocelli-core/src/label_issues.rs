use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::ratio;
use crate::{ClassificationType, EvaluatedPhoto, Evaluation, ImageId};

/// A photo whose tags look wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelIssue<P = ImageId> {
    /// The photo.
    pub photo: P,
    /// The tags that it has, as indices into the evaluation's tags.
    pub given: Vec<u16>,
    /// What looks wrong.
    pub problem: LabelProblem,
    /// The probability of what the photo is labelled with less that of what is suggested, -1 to 0: the lower, the surer
    /// (the normalised margin of confident learning).
    pub margin: f64,
}

/// What looks wrong about a photo's tags. The tag is an index into the evaluation's tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
#[non_exhaustive]
pub enum LabelProblem {
    /// It looks like a photo of another tag (multiclass).
    OtherTag {
        /// The other tag.
        suggested: u16,
    },
    /// It looks as if it should have a tag more (multilabel).
    MissingTag {
        /// The tag.
        tag: u16,
    },
    /// It looks as if it should not have one of its tags (multilabel).
    SuperfluousTag {
        /// The tag.
        tag: u16,
    },
}

impl LabelProblem {
    /// The tag that it is about.
    pub fn tag(self) -> u16 {
        match self {
            Self::OtherTag { suggested: tag } | Self::MissingTag { tag } | Self::SuperfluousTag { tag } => {
                tag
            }
        }
    }
}

impl<P: Clone> Evaluation<P> {
    /// The photos whose tags look wrong, the surest first: confident learning (Northcutt, Jiang and Chuang 2021).
    ///
    /// The probabilities must come from models that did not see the photo, as the folds' do. A photo is confidently of
    /// a tag when the tag's probability is at least the mean that it has over the photos labelled with it; of several
    /// such tags, the most probable counts. From how many photos labelled with one tag are confidently of another
    /// follows how many of its photos are mistaken for each (pruning by noise rate); that many of them are issues, those
    /// with the lowest margin, and only where the other tag is the most probable one. In a multilabel evaluation each
    /// tag is such a problem of its own, between having and not having it, so that a photo may be an issue for several
    /// tags.
    pub fn label_issues(&self) -> Vec<LabelIssue<P>> {
        let mut issues = match self.classification_type {
            ClassificationType::Multiclass => self.mistaken_tags(),
            ClassificationType::Multilabel => {
                self.tag_indices().flat_map(|tag| self.doubtful_tags(tag)).collect()
            }
        };
        issues.sort_by(|a, b| a.margin.total_cmp(&b.margin));
        issues
    }

    fn mistaken_tags(&self) -> Vec<LabelIssue<P>> {
        let labelled = |photo: &'_ &EvaluatedPhoto<P>| matches!(photo.tags.as_slice(), [tag] if usize::from(*tag) < self.tags.len());
        let photos: Vec<&EvaluatedPhoto<P>> = self.photos.iter().filter(labelled).collect();
        let given: Vec<u16> = photos.iter().filter_map(|photo| photo.tags.first().copied()).collect();
        let probability = |photo: &EvaluatedPhoto<P>, tag| f64::from(photo.probability(tag));
        let issue = |Mistake { photo, suggested, margin }| {
            let problem = LabelProblem::OtherTag { suggested };
            issue(photo, problem, margin)
        };
        mistakes(&photos, &given, self.tags.len(), probability).into_iter().map(issue).collect()
    }

    fn doubtful_tags(&self, tag: u16) -> Vec<LabelIssue<P>> {
        const HAVING: u16 = 1;
        let photos: Vec<&EvaluatedPhoto<P>> = self.photos.iter().collect();
        let given: Vec<u16> = photos.iter().map(|photo| u16::from(photo.tags.contains(&tag))).collect();
        let probability = |photo: &EvaluatedPhoto<P>, class| {
            let having = f64::from(photo.probability(tag));
            if class == HAVING { having } else { 1.0 - having }
        };
        let issue = |Mistake { photo, suggested, margin }| {
            let problem = match suggested {
                HAVING => LabelProblem::MissingTag { tag },
                _ => LabelProblem::SuperfluousTag { tag },
            };
            issue(photo, problem, margin)
        };
        mistakes(&photos, &given, 2, probability).into_iter().map(issue).collect()
    }
}

fn issue<P: Clone>(photo: &EvaluatedPhoto<P>, problem: LabelProblem, margin: f64) -> LabelIssue<P> {
    LabelIssue { photo: photo.photo.clone(), given: photo.tags.clone(), problem, margin }
}

/// A photo that looks as if it were of another class.
struct Mistake<'a, P> {
    photo: &'a EvaluatedPhoto<P>,
    suggested: u16,
    margin: f64,
}

/// Of photos that each have one of so many classes, those that look mistaken for another.
fn mistakes<'a, P>(
    photos: &[&'a EvaluatedPhoto<P>],
    given: &[u16],
    classes: usize,
    probability: impl Fn(&EvaluatedPhoto<P>, u16) -> f64,
) -> Vec<Mistake<'a, P>> {
    let pairs = || photos.iter().copied().zip(given.iter().copied());
    let mut of_class = vec![Mean::default(); classes];
    for (photo, own) in pairs() {
        if let Some(mean) = of_class.get_mut(usize::from(own)) {
            mean.add(probability(photo, own));
        }
    }
    // By the class that a photo is given: how many are confidently of some class, and of which other.
    let mut confident = vec![0_usize; classes];
    let mut others = BTreeMap::<(u16, u16), Others<'a, P>>::new();
    for (photo, own) in pairs() {
        let best = |a: (u16, f64), b: (u16, f64)| if b.1 > a.1 { b } else { a };
        let classes =
            || (0u16..).zip(&of_class).map(|(class, mean)| (class, probability(photo, class), mean));
        let reached =
            classes().filter(|(_, probability, mean)| mean.count > 0 && *probability >= mean.value());
        if let Some((class, _)) = reached.map(|(class, p, _)| (class, p)).reduce(best) {
            if let Some(count) = confident.get_mut(usize::from(own)) {
                *count += 1;
            }
            if class != own {
                others.entry((own, class)).or_default().confident += 1;
            }
        }
        if let Some((suggested, highest)) = classes().map(|(class, p, _)| (class, p)).reduce(best) {
            let margin = probability(photo, own) - highest;
            if margin < 0.0 {
                others.entry((own, suggested)).or_default().candidates.push(Mistake {
                    photo,
                    suggested,
                    margin,
                });
            }
        }
    }
    let pruned = others.into_iter().flat_map(|((own, _), Others { confident: mistaken, mut candidates })| {
        let own = usize::from(own);
        let all = of_class.get(own).map_or(0, |mean| mean.count);
        let confident = confident.get(own).copied().unwrap_or(0);
        let estimate = (ratio(mistaken, confident) * all as f64).round() as usize;
        candidates.sort_by(|a, b| a.margin.total_cmp(&b.margin));
        candidates.truncate(estimate);
        candidates
    });
    pruned.collect()
}

/// Photos given one class that look like another.
struct Others<'a, P> {
    confident: usize,
    candidates: Vec<Mistake<'a, P>>,
}

impl<P> Default for Others<'_, P> {
    fn default() -> Self {
        Self { confident: 0, candidates: Vec::new() }
    }
}

#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evaluation;

    const PHOTOS: usize = 600;
    const TAGS: u8 = 3;

    /// A number between 0 and 1 that looks random and is not.
    fn noise(n: usize) -> f32 {
        let mixed = (n as u64 + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
            .wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed >> 40) as f32 / (1u64 << 24) as f32
    }

    /// One photo in twelve is labelled wrongly.
    fn is_swapped(n: usize) -> bool {
        n % 12 == 5
    }

    /// Of the photos with wrong labels, the fraction that was found; and of the others, the fraction that was flagged.
    fn found(issues: &[LabelIssue<usize>]) -> (f64, f64) {
        let named = |n: &usize| issues.iter().any(|issue| issue.photo == *n);
        let (wrong, right): (Vec<usize>, Vec<usize>) = (0..PHOTOS).partition(|n| is_swapped(*n));
        let part = |of: &[usize]| of.iter().filter(|n| named(n)).count() as f64 / of.len() as f64;
        (part(&wrong), part(&right))
    }

    #[test]
    fn swapped_tags_are_found_and_few_others() {
        let photos: Vec<(Vec<u16>, Vec<f32>)> = (0..PHOTOS)
            .map(|n| {
                let truth = u16::try_from(n % usize::from(TAGS)).unwrap();
                let label = if is_swapped(n) { (truth + 1) % u16::from(TAGS) } else { truth };
                // The model is sure of the truth for some photos, and takes others for something else.
                let sure = 0.3 + 0.65 * noise(n);
                let mut probabilities = vec![(1.0 - sure) / 2.0; usize::from(TAGS)];
                probabilities[usize::from(truth)] = sure;
                (vec![label], probabilities)
            })
            .collect();
        let issues = evaluation(ClassificationType::Multiclass, TAGS, &photos).label_issues();
        let (found, wrongly) = found(&issues);
        assert!(found > 0.7 && wrongly < 0.01, "{found} and {wrongly}");
        assert!(issues.is_sorted_by(|a, b| a.margin <= b.margin));
        let surest = &issues[0];
        let truth = u16::try_from(surest.photo % usize::from(TAGS)).unwrap();
        assert_eq!(surest.problem, LabelProblem::OtherTag { suggested: truth });
        assert!(surest.given != [truth] && (-1.0..0.0).contains(&surest.margin));
    }

    #[test]
    fn a_tag_too_few_and_a_tag_too_many_are_told_apart() {
        let photos: Vec<(Vec<u16>, Vec<f32>)> = (0..PHOTOS)
            .map(|n| {
                let truth = n % 4 == 1;
                let label = truth != is_swapped(n);
                let sure = 0.45 + 0.5 * noise(n);
                (if label { vec![0] } else { vec![] }, vec![if truth { sure } else { 1.0 - sure }])
            })
            .collect();
        let issues = evaluation(ClassificationType::Multilabel, 1, &photos).label_issues();
        let (found, wrongly) = found(&issues);
        assert!(found > 0.7 && wrongly < 0.01, "{found} and {wrongly}");
        for issue in issues {
            let expected = if issue.given.is_empty() {
                LabelProblem::MissingTag { tag: 0 }
            } else {
                LabelProblem::SuperfluousTag { tag: 0 }
            };
            assert_eq!(issue.problem, expected);
        }
    }

    #[test]
    fn answers_that_agree_with_the_tags_are_no_issue() {
        let photos = [([0], [0.6, 0.4]), ([0], [0.9, 0.1]), ([1], [0.4, 0.6]), ([1], [0.45, 0.55])];
        for kind in [ClassificationType::Multiclass, ClassificationType::Multilabel] {
            assert_eq!(evaluation(kind, 2, &photos).label_issues(), []);
        }
        let nothing: [([u16; 1], [f32; 2]); 0] = [];
        assert_eq!(evaluation(ClassificationType::Multilabel, 2, &nothing).label_issues(), []);
    }
}
