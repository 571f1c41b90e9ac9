//! What an iteration suggests for photos without tags (Custom Vision's Smart Labeler).

mod answers;
mod ranking;

use std::collections::BTreeMap;

use ocelli_core::{
    ErrorCode, ImageId, Suggestion, SuggestionContinuation, SuggestionOrder, SuggestionPage, SuggestionQuery,
    Suggestions, TagId, Threshold, limits,
};
use ocelli_infer::InferError;
use ocelli_model::Label;
use ocelli_store::{ImageFilter, ImageQuery, Order, StoreError, TaggingStatus};

use self::answers::{Answer, Answers};
use self::ranking::{Ranking, by_value};
use crate::{Error, IterationHandle};

impl IterationHandle {
    /// Suggests tags for these photos, whether they have tags or not. To confirm a suggestion is to give the photo the tag
    /// ([`tag_images`](crate::ProjectHandle::tag_images)).
    ///
    /// Answers are computed once for a photo and kept with its features, as long as those are kept. A photo that cannot be read
    /// is named in the answer and keeps no other from being suggested for.
    ///
    /// # Errors
    ///
    /// If the iteration has not completed, a photo is not there, or there are more than
    /// [`MAX_SUGGESTED`](limits::MAX_SUGGESTED), which [`Limits`](ocelli_core::Limits) may set.
    pub fn suggest(&self, images: &[ImageId]) -> Result<Suggestions, Error> {
        check_limit("photos to suggest tags for", images.len(), self.shared.limits.suggested)?;
        for page in images.chunks(limits::MAX_PAGE) {
            self.shared.store.images_by_id(self.project, page)?;
        }
        let answers = Answers::new(self)?;
        let answered = self.shared.pool.run(|| answers.of(images))??;
        let mut suggestions = Suggestions::default();
        for (image, answer) in images.iter().zip(answered) {
            match answer {
                Some(answer) => suggestions.results.push(self.suggestion(&answers, answer)),
                None => suggestions.unreadable.push(*image),
            }
        }
        Ok(suggestions)
    }

    /// A page of suggestions for the project's photos without tags.
    ///
    /// The first question computes what the iteration answers to all of them and keeps it; later ones read it, so that paging is
    /// quick. Photos that get tags or are erased meanwhile drop out of the pages to come.
    ///
    /// [`MostUseful`](SuggestionOrder::MostUseful) takes, one after the other, the photo that has the most of uncertainty times
    /// distance: its entropy as a part of the greatest, and how far its features are from those of all photos that have tags
    /// and of all that were suggested before it (uncertainty sampling, Lewis and Gale, 1994, with the core-set selection of Sener
    /// and Savarese, *Active learning for convolutional neural networks*, 2018). So a page is not filled with many photos
    /// of the same.
    ///
    /// ```no_run
    /// use ocelli::SuggestionQuery;
    ///
    /// # fn main() -> Result<(), ocelli::Error> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// # let iteration = project.iteration(project.iterations()?[0].id)?;
    /// let page = iteration.suggestions(&SuggestionQuery { max_count: 20, ..Default::default() })?;
    /// for suggestion in &page.results {
    ///     // Shown to a person, who confirms the first tag:
    ///     let tag = suggestion.predictions[0].tag_id;
    ///     project.tag_images(vec![(suggestion.image_id, tag)])?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the iteration has not completed or does not give one of the tags, the page takes more than
    /// [`MAX_PAGE`](limits::MAX_PAGE), there are more tags than [`MAX_TAGS_PER_BATCH`](limits::MAX_TAGS_PER_BATCH), or the
    /// continuation is of another order.
    pub fn suggestions(&self, query: &SuggestionQuery) -> Result<SuggestionPage, Error> {
        query.check()?;
        let answers = Answers::new(self)?;
        let places = places(answers.labels(), &query.tag_ids)?;
        let threshold = query.threshold.map_or(0.0, Threshold::value);
        let (mut answered, unreadable) = self.untagged_answers(&answers)?;
        answered.retain(|answer| places.iter().any(|place| answer.probabilities[*place] >= threshold));
        let (page, continuation) = match (query.sort_by, &query.continuation) {
            (SuggestionOrder::MostUseful, continuation) => {
                let suggested = match continuation {
                    Some(SuggestionContinuation::Beyond { suggested }) => suggested.as_slice(),
                    _ => &[],
                };
                let ranking = Ranking::new(&answers, query.max_count);
                self.shared.pool.run(|| ranking.most_useful(answered, suggested))??
            }
            (order, continuation) => {
                let after = match continuation {
                    Some(SuggestionContinuation::After { value, image_id }) => Some((*value, *image_id)),
                    _ => None,
                };
                by_value(answered, order, after, query.max_count)
            }
        };
        let results = page.into_iter().map(|answer| self.suggestion(&answers, answer)).collect();
        Ok(SuggestionPage { results, continuation, unreadable })
    }

    /// For each of these tags, all that the iteration gives where none is named, for how many of the project's photos without
    /// tags its probability reaches the threshold.
    ///
    /// # Errors
    ///
    /// As [`suggestions`](Self::suggestions).
    pub fn suggestion_counts(
        &self,
        tag_ids: &[TagId],
        threshold: Threshold,
    ) -> Result<BTreeMap<TagId, u64>, Error> {
        let answers = Answers::new(self)?;
        let places = places(answers.labels(), tag_ids)?;
        let (answered, _) = self.untagged_answers(&answers)?;
        let count = |place: &usize| {
            let reaches = |answer: &&Answer| answer.probabilities[*place] >= threshold.value();
            answered.iter().filter(reaches).count() as u64
        };
        Ok(places.iter().map(|place| (answers.labels()[*place].tag_id, count(place))).collect())
    }

    /// What is answered to all photos without tags, and those that cannot be read.
    fn untagged_answers(&self, answers: &Answers<'_>) -> Result<(Vec<Answer>, Vec<ImageId>), Error> {
        let untagged = self.untagged()?;
        let answered = self.shared.pool.run(|| answers.of(&untagged))??;
        let unreadable = untagged.iter().zip(&answered);
        let unreadable = unreadable.filter(|(_, answer)| answer.is_none()).map(|(image, _)| *image).collect();
        Ok((answered.into_iter().flatten().collect(), unreadable))
    }

    fn untagged(&self) -> Result<Vec<ImageId>, Error> {
        let filter = ImageFilter { tagging_status: TaggingStatus::Untagged, ..ImageFilter::default() };
        let mut query = ImageQuery { filter, order: Order::Oldest, skip: 0, take: limits::MAX_PAGE };
        let mut untagged: Vec<ImageId> = Vec::new();
        loop {
            let page = self.shared.store.images(self.project, &query)?;
            let is_last = page.len() < query.take;
            untagged.extend(page.into_iter().map(|image| image.id));
            if is_last {
                // A photo that lost its place to another that was tagged or erased in between is asked about once.
                untagged.sort_unstable();
                untagged.dedup();
                return Ok(untagged);
            }
            query.skip += query.take;
        }
    }

    fn suggestion(&self, answers: &Answers<'_>, answer: Answer) -> Suggestion {
        Suggestion {
            image_id: answer.image,
            project_id: self.project,
            iteration_id: self.id(),
            predictions: answers.predictions(&answer.probabilities),
            prediction_uncertainty: answer.uncertainty,
            novelty: answer.novelty,
        }
    }
}

/// Where these tags stand among the labels; all labels where none is named.
fn places(labels: &[Label], tags: &[TagId]) -> Result<Vec<usize>, Error> {
    check_limit("tags in one filter", tags.len(), limits::MAX_TAGS_PER_BATCH)?;
    if tags.is_empty() {
        return Ok((0..labels.len()).collect());
    }
    let place = |tag: &TagId| {
        let unknown = InferError::UnknownTag { tag: *tag };
        Ok(labels.iter().position(|label| label.tag_id == *tag).ok_or(unknown)?)
    };
    tags.iter().map(place).collect()
}

fn check_limit(what: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    let code = ErrorCode::BadRequestExceededBatchSize;
    if count > limit { Err(StoreError::Limit { what, count, limit, code }.into()) } else { Ok(()) }
}
