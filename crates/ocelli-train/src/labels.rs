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
        let mut counts = vec![0; tags.len()];
        for LabelledPhoto { image, tags: own } in &mut photos {
            own.sort_unstable();
            own.dedup();
            if classification_type == ClassificationType::Multiclass && own.len() != 1 {
                return Err(TrainError::NotOneTag { image: *image, tags: own.len() });
            }
            for tag in own.iter() {
                match counts.get_mut(usize::from(*tag)) {
                    Some(count) => *count += 1,
                    None => {
                        return Err(TrainError::UnknownTag { image: *image, tag: *tag, tags: tags.len() });
                    }
                }
            }
        }
        let needed = limits::MIN_IMAGES_PER_TAG;
        let lacks: Vec<Lack> = tags
            .iter()
            .zip(counts)
            .filter(|(_, photos)| *photos < needed)
            .map(|(tag, photos)| Lack { tag: tag.name.clone(), photos, needed })
            .collect();
        if !lacks.is_empty() {
            return Err(TrainError::TooFewPhotos { lacks, classification_type });
        }
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
}

/// Labels and the features of their photos.
///
/// Photos stand in an order that follows from their features and tags alone, and so do the folds that they fall
/// into: neither the ids of photos nor the order in which they came plays a part in a training.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    labels: Labels,
    /// The identity of each photo: its features and tags.
    keys: Vec<blake3::Hash>,
    features: Vec<f32>,
    width: usize,
}

impl TrainingSet {
    /// Adds features: row-major `[photos, width]` in the order of the labels' photos, all finite.
    pub fn new(mut labels: Labels, features: Vec<f32>) -> Result<Self, TrainError> {
        let photos = labels.photos.len();
        if features.is_empty() || !features.len().is_multiple_of(photos) {
            return Err(TrainError::FeatureCount { features: features.len(), photos });
        }
        let width = features.len() / photos;
        for (row, photo) in features.chunks_exact(width).zip(&labels.photos) {
            if !row.iter().all(|value| value.is_finite()) {
                return Err(TrainError::FeatureValue { image: photo.image });
            }
        }
        let mut rows: Vec<_> = features
            .chunks_exact(width)
            .zip(std::mem::take(&mut labels.photos))
            .map(|(row, photo)| (key(row, &photo.tags), row, photo))
            .collect();
        rows.sort_by_key(|(key, _, photo)| (*key.as_bytes(), photo.image));
        let keys = rows.iter().map(|(key, ..)| *key).collect();
        let features = rows.iter().flat_map(|(_, row, _)| *row).copied().collect();
        labels.photos = rows.into_iter().map(|(.., photo)| photo).collect();
        Ok(Self { labels, keys, features, width })
    }

    /// The labels, their photos in this set's order.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Features of one photo.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The identity of each photo.
    pub(crate) fn keys(&self) -> &[blake3::Hash] {
        &self.keys
    }

    /// The features of the photo with this index.
    pub(crate) fn row(&self, photo: usize) -> &[f32] {
        &self.features[photo * self.width..][..self.width]
    }
}

fn key(features: &[f32], tags: &[u16]) -> blake3::Hash {
    // In one piece: number by number takes several times as long.
    let mut bytes = Vec::with_capacity(4 * features.len() + 2 * tags.len());
    features.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    tags.iter().for_each(|tag| bytes.extend_from_slice(&tag.to_le_bytes()));
    blake3::hash(&bytes)
}

#[cfg(test)]
mod tests {
    use ocelli_core::{Name, TagId, TagType, Timestamp};

    use super::*;

    fn tags(count: u8) -> Vec<TrainedTag> {
        let tag = |n: u8| TrainedTag {
            id: TagId::new(Timestamp::from_millis(0), [n; 10]),
            name: Name::new(format!("tag {n}")).unwrap(),
            tag_type: TagType::Regular,
        };
        (0..count).map(tag).collect()
    }

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

    #[test]
    fn features_must_fit_the_photos_and_be_finite() {
        let labels =
            Labels::new(ClassificationType::Multiclass, tags(2), photos(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 1]));
        let labels = labels.unwrap();
        for features in [vec![], vec![0.0; 19], vec![f32::NAN; 20]] {
            assert!(TrainingSet::new(labels.clone(), features).is_err());
        }
        assert_eq!(TrainingSet::new(labels, vec![0.0; 20]).unwrap().width(), 2);
    }
}
