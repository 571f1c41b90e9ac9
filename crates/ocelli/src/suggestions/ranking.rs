//! The order of suggestions.

use std::collections::{BTreeSet, HashSet};

use ocelli_core::{ImageId, SuggestionContinuation, SuggestionOrder, greatest_entropy};
use rayon::prelude::*;

use super::answers::{Answer, Answers, distance};
use crate::Error;

/// Photos among which the most useful are chosen: those most promising before it counts what else is suggested.
const CANDIDATES: usize = 1000;
/// Photos tagged most recently that candidates are compared with.
const RECENTLY_TAGGED: usize = 1000;
/// What a sure answer counts beside an uncertain one. Not nothing: a network can be sure of what it has never seen.
const SURE: f32 = 0.1;

/// A page, and where the next one begins.
type Page = (Vec<Answer>, Option<SuggestionContinuation>);

pub(super) struct Ranking<'a> {
    answers: &'a Answers<'a>,
    max_count: usize,
    greatest: f32,
}

impl<'a> Ranking<'a> {
    pub(super) fn new(answers: &'a Answers<'a>, max_count: usize) -> Self {
        let greatest = greatest_entropy(answers.labels().len(), answers.classification_type);
        Self { answers, max_count, greatest: greatest.max(f32::MIN_POSITIVE) }
    }

    /// One after the other the photo that is most uncertain and most unlike what has tags or was suggested.
    pub(super) fn most_useful(&self, answered: Vec<Answer>, suggested: &[ImageId]) -> Result<Page, Error> {
        let before: HashSet<&ImageId> = suggested.iter().collect();
        let mut candidates: Vec<(f32, Answer)> = answered
            .into_iter()
            .filter(|answer| !before.contains(&answer.image))
            .map(|answer| (self.weight(&answer), answer))
            .collect();
        let promise = |(weight, answer): &(f32, Answer)| weight * answer.novelty;
        candidates.sort_by(|a, b| promise(b).total_cmp(&promise(a)).then(a.1.image.cmp(&b.1.image)));
        let left = candidates.len();
        candidates.truncate(CANDIDATES.max(self.max_count));

        let images: Vec<ImageId> = candidates.iter().map(|(_, answer)| answer.image).collect();
        let directions = self.answers.directions(&images)?;
        let mut distances: Vec<f32> = candidates.iter().map(|(_, answer)| answer.novelty).collect();
        for other in self.to_avoid(suggested)? {
            closer(&mut distances, &directions, &other);
        }
        let mut chosen = Vec::new();
        let mut open: Vec<bool> = vec![true; candidates.len()];
        while chosen.len() < self.max_count {
            let worth = |index: &usize| candidates[*index].0 * distances[*index];
            // The first of equals: they are in the order of their ids, or of their promise.
            let best = (0..candidates.len())
                .filter(|index| open[*index])
                .reduce(|best, next| if worth(&next) > worth(&best) { next } else { best });
            let Some(best) = best else { break };
            open[best] = false;
            chosen.push(candidates[best].1.clone());
            if let Some(direction) = directions[best].clone() {
                closer(&mut distances, &directions, &direction);
            }
        }
        let more = left > chosen.len() && !chosen.is_empty();
        let continuation = more.then(|| {
            let suggested = suggested.iter().copied().chain(chosen.iter().map(|answer| answer.image));
            SuggestionContinuation::Beyond { suggested: suggested.collect() }
        });
        Ok((chosen, continuation))
    }

    /// [`SURE`] to 1 and [`SURE`]: from no entropy to the greatest.
    fn weight(&self, answer: &Answer) -> f32 {
        SURE + answer.uncertainty / self.greatest
    }

    /// The directions of what was suggested before, and of photos that have tags by now. The answers know of those that had tags
    /// when they were computed; to compare with them again changes nothing.
    fn to_avoid(&self, suggested: &[ImageId]) -> Result<Vec<Vec<f32>>, Error> {
        let recently = self.answers.tagged_since()?.into_iter().rev().take(RECENTLY_TAGGED);
        let avoided: BTreeSet<ImageId> = suggested.iter().copied().chain(recently).collect();
        let avoided: Vec<ImageId> = avoided.into_iter().collect();
        Ok(self.answers.directions(&avoided)?.into_iter().flatten().collect())
    }
}

/// At most so many answers by one value, of those that come after this value and photo.
pub(super) fn by_value(
    mut answered: Vec<Answer>,
    order: SuggestionOrder,
    after: Option<(f32, ImageId)>,
    max_count: usize,
) -> Page {
    let value = |answer: &Answer| match order {
        SuggestionOrder::UncertaintyAscending | SuggestionOrder::UncertaintyDescending => answer.uncertainty,
        SuggestionOrder::Novelty | SuggestionOrder::MostUseful => answer.novelty,
    };
    let compare = |a: (f32, ImageId), b: (f32, ImageId)| {
        let by_value = match order {
            SuggestionOrder::UncertaintyAscending => a.0.total_cmp(&b.0),
            _ => b.0.total_cmp(&a.0),
        };
        by_value.then(a.1.cmp(&b.1))
    };
    if let Some(after) = after {
        answered.retain(|answer| compare((value(answer), answer.image), after).is_gt());
    }
    answered.sort_by(|a, b| compare((value(a), a.image), (value(b), b.image)));
    let more = answered.len() > max_count;
    answered.truncate(max_count);
    let last = answered.last().filter(|_| more);
    let continuation =
        last.map(|last| SuggestionContinuation::After { value: value(last), image_id: last.image });
    (answered, continuation)
}

/// Shortens the distances to what lies closer to another photo than to all before.
fn closer(distances: &mut [f32], directions: &[Option<Vec<f32>>], other: &[f32]) {
    distances.par_iter_mut().zip(directions).with_min_len(64).for_each(|(shortest, direction)| {
        if let Some(direction) = direction {
            *shortest = shortest.min(distance(direction, other));
        }
    });
}

#[cfg(test)]
mod tests {
    use ocelli_core::Timestamp;

    use super::*;

    fn answer(number: u8, uncertainty: f32, novelty: f32) -> Answer {
        let image = ImageId::new(Timestamp::from_millis(number.into()), [number; 10]);
        Answer { image, probabilities: vec![1.0], uncertainty, novelty }
    }

    #[test]
    fn pages_by_a_value_are_the_whole_in_order() {
        // Equal values follow by id, across pages too.
        let answers: Vec<Answer> = (0..23)
            .map(|number| answer(number, f32::from(number % 4), f32::from(number % 3) / 3.0))
            .collect();
        for order in [
            SuggestionOrder::UncertaintyAscending,
            SuggestionOrder::UncertaintyDescending,
            SuggestionOrder::Novelty,
        ] {
            let (whole, none) = by_value(answers.clone(), order, None, 100);
            assert_eq!((whole.len(), none), (23, None));
            let keys = whole.iter().map(|answer| match order {
                SuggestionOrder::UncertaintyAscending => answer.uncertainty,
                SuggestionOrder::UncertaintyDescending => -answer.uncertainty,
                _ => -answer.novelty,
            });
            assert!(keys.is_sorted());
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let (page, continuation) = by_value(answers.clone(), order, after, 5);
                paged.extend(page);
                match continuation {
                    Some(SuggestionContinuation::After { value, image_id }) => {
                        after = Some((value, image_id));
                    }
                    _ => break,
                }
            }
            assert_eq!(paged, whole, "{order:?}");
        }
    }

    #[test]
    fn an_empty_page_has_no_continuation() {
        assert_eq!(by_value(vec![answer(1, 0.5, 0.5)], SuggestionOrder::Novelty, None, 0), (vec![], None));
        assert_eq!(by_value(Vec::new(), SuggestionOrder::Novelty, None, 5), (vec![], None));
    }

    #[test]
    fn distances_shorten_to_what_is_closer_only() {
        let directions = [Some(vec![1.0, 0.0]), Some(vec![0.0, 1.0]), None];
        let mut distances = [0.9, 0.2, 0.7];
        closer(&mut distances, &directions, &[1.0, 0.0]);
        assert_eq!(distances, [0.0, 0.2, 0.7]);
    }
}
