//! Evaluations to test with.

use crate::{ClassificationType, EvaluatedPhoto, Evaluation, Name, TagId, TagType, Timestamp, TrainedTag};

pub(crate) fn tags(count: u8) -> Vec<TrainedTag> {
    let tag = |i: u8| TrainedTag {
        id: TagId::new(Timestamp::from_millis(0), [i; 10]),
        name: Name::new(format!("tag {i}")).unwrap(),
        tag_type: TagType::Regular,
    };
    (0..count).map(tag).collect()
}

/// The photos are named by their places, have these tags and probabilities, and lie in folds 0 and 1 by turns.
pub(crate) fn evaluation<T: AsRef<[u16]>, V: AsRef<[f32]>>(
    classification_type: ClassificationType,
    tag_count: u8,
    photos: &[(T, V)],
) -> Evaluation<usize> {
    let photo = |(photo, (tags, probabilities)): (usize, &(T, V))| EvaluatedPhoto {
        photo,
        tags: tags.as_ref().to_vec(),
        fold: u16::try_from(photo % 2).unwrap(),
        probabilities: probabilities.as_ref().to_vec(),
    };
    Evaluation {
        classification_type,
        tags: tags(tag_count),
        photos: photos.iter().enumerate().map(photo).collect(),
    }
}
