use ocelli_core::{ClassificationType, ImageId, TrainedTag, limits};
use serde::{Deserialize, Serialize};

use crate::{Lack, TrainError};

/// A photo and the tags that it has, as indices into the trained tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelledPhoto {
    /// The photo.
    pub image: ImageId,
    /// Its tags, in any order; one that is named twice counts once. In a multilabel training there may be none: the
    /// photo shows none of the tags.
    pub tags: Vec<u16>,
}

/// Which photos have which tags, known to be enough to train on.
///
/// There are at least [`limits::MIN_TAGS`] tags, each on at least [`limits::MIN_IMAGES_PER_TAG`] photos; every index is
/// one of a tag; a photo's stand in order, each once; in a multiclass training every photo has exactly one.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    classification_type: ClassificationType,
    tags: Vec<TrainedTag>,
    photos: Vec<LabelledPhoto>,
}

impl Labels {
    /// Checks that tags and photos are enough.
    pub fn new(
        classification_type: ClassificationType,
        tags: Vec<TrainedTag>,
        mut photos: Vec<LabelledPhoto>,
    ) -> Result<Self, TrainError> {
        if tags.len() < limits::MIN_TAGS {
            return Err(TrainError::TooFewTags { tags: tags.len(), classification_type });
        }
        let counts = settle(classification_type, tags.len(), &mut photos)?;
        enough(classification_type, &tags, &counts, limits::MIN_IMAGES_PER_TAG)?;
        Ok(Self { classification_type, tags, photos })
    }

    /// One tag a photo, or any number.
    pub fn classification_type(&self) -> ClassificationType {
        self.classification_type
    }

    /// The tags, in the order of the indices.
    pub fn tags(&self) -> &[TrainedTag] {
        &self.tags
    }

    /// The photos.
    pub fn photos(&self) -> &[LabelledPhoto] {
        &self.photos
    }

    /// Puts photo `order[n]` at place `n`.
    pub(crate) fn reorder(&mut self, order: &[usize]) {
        let mut photos: Vec<_> = std::mem::take(&mut self.photos).into_iter().map(Some).collect();
        self.photos = order.iter().filter_map(|photo| photos.get_mut(*photo)?.take()).collect();
    }
}

/// Puts each photo's tags in order, each once, and counts the photos of each tag.
///
/// # Errors
///
/// If a tag is not one of `tags`, or a photo of a multiclass training has not exactly one.
pub(crate) fn settle(
    classification_type: ClassificationType,
    tags: usize,
    photos: &mut [LabelledPhoto],
) -> Result<Vec<usize>, TrainError> {
    let mut counts = vec![0; tags];
    for LabelledPhoto { image, tags: own } in photos {
        own.sort_unstable();
        own.dedup();
        if classification_type == ClassificationType::Multiclass && own.len() != 1 {
            return Err(TrainError::NotOneTag { image: *image, tags: own.len() });
        }
        for tag in own.iter() {
            match counts.get_mut(usize::from(*tag)) {
                Some(count) => *count += 1,
                None => return Err(TrainError::UnknownTag { image: *image, tag: *tag, tags }),
            }
        }
    }
    Ok(counts)
}

/// Checks that each tag has as many photos as it needs.
pub(crate) fn enough(
    classification_type: ClassificationType,
    tags: &[TrainedTag],
    counts: &[usize],
    needed: usize,
) -> Result<(), TrainError> {
    let lacking = tags.iter().zip(counts).filter(|(_, photos)| **photos < needed);
    let lacks: Vec<Lack> =
        lacking.map(|(tag, photos)| Lack { tag: tag.name.clone(), photos: *photos, needed }).collect();
    if lacks.is_empty() { Ok(()) } else { Err(TrainError::TooFewPhotos { lacks, classification_type }) }
}

/// Tags by these numbers, for tests.
#[cfg(test)]
pub(crate) fn numbered_tags(count: u8) -> Vec<TrainedTag> {
    use ocelli_core::{Name, TagId, TagType, Timestamp};

    let tag = |n: u8| TrainedTag {
        id: TagId::new(Timestamp::from_millis(0), [n; 10]),
        name: Name::new(format!("tag {n}")).unwrap(),
        tag_type: TagType::Regular,
    };
    (0..count).map(tag).collect()
}

#[cfg(test)]
mod tests {
    use ocelli_core::Timestamp;

    use super::numbered_tags as tags;
    use super::*;

    fn photos(tags: &[u16]) -> Vec<LabelledPhoto> {
        let image = ImageId::new(Timestamp::from_millis(0), [0; 10]);
        tags.iter().map(|tag| LabelledPhoto { image, tags: vec![*tag] }).collect()
    }

    #[test]
    fn the_error_says_which_tag_lacks_how_many() {
        let few = photos(&[0, 0, 0, 0, 0, 1, 1]);
        let error = Labels::new(ClassificationType::Multiclass, tags(3), few).unwrap_err();
        let TrainError::TooFewPhotos { lacks, .. } = &error else { panic!("{error}") };
        let lacks: Vec<_> = lacks.iter().map(|lack| (lack.tag.as_str(), lack.photos, lack.needed)).collect();
        assert_eq!(lacks, [("tag 1", 2, 5), ("tag 2", 0, 5)]);
        assert!(error.to_string().contains("\"tag 1\" has 2 of 5 photos and lacks 3"), "{error}");
    }

    #[test]
    fn a_tag_named_twice_counts_once_and_order_means_nothing() {
        let labels = |own: &[u16]| {
            let mut photos = photos(&[0, 0, 0, 0, 1, 1, 1, 1]);
            photos.iter_mut().for_each(|photo| photo.tags = own.to_vec());
            Labels::new(ClassificationType::Multilabel, tags(2), photos)
        };
        assert_eq!(labels(&[1, 0]).unwrap(), labels(&[0, 1, 0]).unwrap());
        let few = Labels::new(
            ClassificationType::Multilabel,
            tags(2),
            photos(&[0, 0, 0, 1, 1, 1])
                .into_iter()
                .map(|photo| LabelledPhoto { tags: photo.tags.repeat(2), ..photo })
                .collect(),
        );
        assert!(matches!(few, Err(TrainError::TooFewPhotos { .. })), "{few:?}");
    }

    #[test]
    fn one_tag_is_not_enough() {
        let error = Labels::new(ClassificationType::Multilabel, tags(1), photos(&[0; 9])).unwrap_err();
        assert_eq!(error.code().as_str(), "BadRequestMultiLabelClassificationTrainingValidationFailed");
    }
}
