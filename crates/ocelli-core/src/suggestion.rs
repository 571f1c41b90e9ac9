use serde::{Deserialize, Serialize};

use crate::{
    ClassificationType, ImageId, InvalidValue, IterationId, Prediction, ProjectId, TagId, Threshold, limits,
};

/// What an iteration suggests for a photo, and how much is to be learnt from confirming or correcting it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// The photo.
    pub image_id: ImageId,
    /// The project.
    pub project_id: ProjectId,
    /// The iteration that answered.
    pub iteration_id: IterationId,
    /// Every tag, the most probable first.
    pub predictions: Vec<Prediction>,
    /// The entropy of the answer in nats ([`entropy`]): the lower, the surer. At most [`greatest_entropy`].
    pub prediction_uncertainty: f32,
    /// How unlike the photo is to all that had tags when the iteration first answered to it: one minus the cosine between
    /// its features and the most similar of theirs, 0 (the same) to 1 (nothing in common).
    pub novelty: f32,
}

/// The order of suggestions. Photos that are equal follow by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SuggestionOrder {
    /// First the photos that teach most: uncertain ones, unlike anything that has tags, and unlike those suggested
    /// before.
    #[default]
    MostUseful,
    /// The surest first: those that are soonest confirmed.
    UncertaintyAscending,
    /// The least sure first.
    UncertaintyDescending,
    /// Those most unlike anything that has tags first.
    Novelty,
}

/// A page of suggestions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SuggestionQuery {
    /// Photos for which at least one of these tags reaches the threshold; any tag where this is empty.
    pub tag_ids: Vec<TagId>,
    /// The least probability; 0 where there is none.
    pub threshold: Option<Threshold>,
    /// The order.
    pub sort_by: SuggestionOrder,
    /// How many to return.
    pub max_count: usize,
    /// Where to go on: what the page before returned, to the same question.
    pub continuation: Option<SuggestionContinuation>,
}

impl Default for SuggestionQuery {
    fn default() -> Self {
        Self {
            tag_ids: Vec::new(),
            threshold: None,
            sort_by: SuggestionOrder::default(),
            max_count: limits::DEFAULT_PAGE,
            continuation: None,
        }
    }
}

impl SuggestionQuery {
    /// Refuses a page that is too long, and a continuation of another order.
    pub fn check(&self) -> Result<(), InvalidValue> {
        if self.max_count > limits::MAX_PAGE {
            return Err(InvalidValue::Page { take: self.max_count });
        }
        let by_rank = self.sort_by == SuggestionOrder::MostUseful;
        match &self.continuation {
            Some(SuggestionContinuation::Beyond { .. }) if !by_rank => Err(InvalidValue::Continuation),
            Some(SuggestionContinuation::After { value, .. }) if by_rank || !value.is_finite() => {
                Err(InvalidValue::Continuation)
            }
            _ => Ok(()),
        }
    }
}

/// Where suggestions go on. Photos that get tags meanwhile drop out and move nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SuggestionContinuation {
    /// After the last of the page, in an order by one value.
    After {
        /// The value that the order is by.
        value: f32,
        /// The photo.
        image_id: ImageId,
    },
    /// Beyond what has been suggested, where each suggestion is to be unlike those before it.
    Beyond {
        /// What has been suggested.
        suggested: Vec<ImageId>,
    },
}

/// A page of suggestions, and where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuggestionPage {
    /// The suggestions, in the order asked for.
    pub results: Vec<Suggestion>,
    /// For the next page; none after the last.
    pub continuation: Option<SuggestionContinuation>,
    /// Photos without tags that cannot be read.
    pub unreadable: Vec<ImageId>,
}

/// The suggestions for some photos.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestions {
    /// The suggestions, in the order of the photos named.
    pub results: Vec<Suggestion>,
    /// Those of the photos that cannot be read.
    pub unreadable: Vec<ImageId>,
}

/// The entropy of an answer in nats: of one choice among the tags where a photo has one tag, of as many choices
/// between yes and no as there are tags where it has any number (Shannon, *A mathematical theory of communication*, 1948).
pub fn entropy(probabilities: &[f32], classification_type: ClassificationType) -> f32 {
    let term = |probability: f64| {
        if probability > 0.0 && probability < 1.0 { -probability * probability.ln() } else { 0.0 }
    };
    let of = |probability: &f32| {
        let probability = f64::from(*probability);
        match classification_type {
            ClassificationType::Multiclass => term(probability),
            ClassificationType::Multilabel => term(probability) + term(1.0 - probability),
        }
    };
    probabilities.iter().map(of).sum::<f64>() as f32
}

/// The entropy of an answer that says nothing: `ln(tags)` where a photo has one tag, `tags * ln(2)` where it has any
/// number.
pub fn greatest_entropy(tags: usize, classification_type: ClassificationType) -> f32 {
    match classification_type {
        ClassificationType::Multiclass => (tags.max(1) as f32).ln(),
        ClassificationType::Multilabel => tags as f32 * std::f32::consts::LN_2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;
    use ClassificationType::{Multiclass, Multilabel};

    #[test]
    fn entropy_is_none_for_a_sure_answer_and_greatest_for_no_answer() {
        assert_eq!(entropy(&[1.0, 0.0, 0.0], Multiclass), 0.0);
        assert_eq!(entropy(&[1.0, 0.0, 1.0], Multilabel), 0.0);
        assert!((entropy(&[0.25; 4], Multiclass) - greatest_entropy(4, Multiclass)).abs() < 1e-6);
        assert!((entropy(&[0.5; 4], Multilabel) - greatest_entropy(4, Multilabel)).abs() < 1e-6);
        assert!((entropy(&[0.9, 0.1], Multiclass) - 0.325_083).abs() < 1e-5);
        assert_eq!((entropy(&[], Multiclass), greatest_entropy(0, Multiclass)), (0.0, 0.0));
        assert_eq!(entropy(&[f32::NAN, 2.0, -1.0], Multilabel), 0.0);
    }

    #[test]
    fn a_continuation_belongs_to_its_order() {
        let image_id = ImageId::new(Timestamp::from_millis(0), [1; 10]);
        let after = |value| Some(SuggestionContinuation::After { value, image_id });
        let beyond = Some(SuggestionContinuation::Beyond { suggested: vec![image_id] });
        let check = |sort_by, continuation: &Option<SuggestionContinuation>| {
            let continuation = continuation.clone();
            SuggestionQuery { sort_by, continuation, ..SuggestionQuery::default() }.check()
        };
        assert_eq!(check(SuggestionOrder::MostUseful, &beyond), Ok(()));
        assert_eq!(check(SuggestionOrder::Novelty, &after(0.5)), Ok(()));
        assert_eq!(check(SuggestionOrder::Novelty, &None), Ok(()));
        assert_eq!(check(SuggestionOrder::MostUseful, &after(0.5)), Err(InvalidValue::Continuation));
        assert_eq!(check(SuggestionOrder::Novelty, &after(f32::NAN)), Err(InvalidValue::Continuation));
        assert_eq!(check(SuggestionOrder::UncertaintyAscending, &beyond), Err(InvalidValue::Continuation));
        let long = SuggestionQuery { max_count: limits::MAX_PAGE + 1, ..SuggestionQuery::default() };
        assert_eq!(long.check(), Err(InvalidValue::Page { take: limits::MAX_PAGE + 1 }));
    }

    proptest! {
        #[test]
        fn entropy_stays_within_its_bounds(scores in prop::collection::vec(0.0..1.0_f32, 1..20)) {
            let sum: f32 = scores.iter().sum::<f32>().max(1e-6);
            let softmax: Vec<f32> = scores.iter().map(|score| score / sum).collect();
            for (values, kind) in [(&softmax, Multiclass), (&scores, Multilabel)] {
                let entropy = entropy(values, kind);
                prop_assert!((0.0..=greatest_entropy(scores.len(), kind) + 1e-4).contains(&entropy));
            }
        }
    }
}
