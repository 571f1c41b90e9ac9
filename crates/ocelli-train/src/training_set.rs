use std::collections::HashMap;
use std::num::NonZeroUsize;

use ocelli_core::ImageId;

use crate::{LabelledPhoto, Labels, TrainError};

/// Labels and the features of their photos.
///
/// Photos stand in an order that follows from their features and tags alone, and so do the folds that they fall
/// into: neither the ids of photos nor the order in which they came plays a part in a training.
///
/// A photo may have several views: the features of the photo as predictions see it come first, then those of the
/// photo mirrored, cropped or otherwise altered. A head learns from all of them, as if each were a part of a photo;
/// what it is worth is measured on the first.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    labels: Labels,
    /// The identity of each photo: its features and tags.
    keys: Vec<blake3::Hash>,
    /// The group of each photo: the index of its first photo in this order.
    groups: Vec<usize>,
    /// `[photos, views, width]`
    features: Vec<f32>,
    views: usize,
    width: usize,
}

impl TrainingSet {
    /// Adds features of one view: row-major `[photos, width]` in the order of the labels' photos, all finite.
    ///
    /// # Errors
    ///
    /// If they do not divide into the photos, or one is not finite.
    pub fn new(labels: Labels, features: Vec<f32>) -> Result<Self, TrainError> {
        Self::with_views(labels, features, NonZeroUsize::MIN)
    }

    /// Adds features of several views: row-major `[photos, views, width]` in the order of the labels' photos, all
    /// finite; the first view of each photo is the one that predictions use.
    ///
    /// # Errors
    ///
    /// If they do not divide into the photos and views, or one is not finite.
    pub fn with_views(
        mut labels: Labels,
        mut features: Vec<f32>,
        views: NonZeroUsize,
    ) -> Result<Self, TrainError> {
        let (photos, views) = (labels.photos().len(), views.get());
        let rows = photos.saturating_mul(views);
        if features.is_empty() || !features.len().is_multiple_of(rows) {
            return Err(TrainError::FeatureCount { features: features.len(), photos: rows });
        }
        let width = features.len() / rows;
        check_finite(&features, labels.photos(), views * width)?;
        let photo_rows = features.chunks_exact(views * width);
        let mut order: Vec<(blake3::Hash, usize)> = photo_rows
            .zip(labels.photos())
            .map(|(row, photo)| key(&row[..width], &photo.tags))
            .zip(0..)
            .collect();
        order.sort_by_key(|(key, photo)| (*key.as_bytes(), labels.photos()[*photo].image));
        let (keys, order): (Vec<_>, Vec<_>) = order.into_iter().unzip();
        labels.reorder(&order);
        reorder_rows(&mut features, views * width, &order);
        Ok(Self { labels, keys, groups: (0..photos).collect(), features, views, width })
    }

    /// Keeps photos of one group in one fold, so that near-duplicates do not lie on both sides. A photo that has no
    /// group stands for itself. What a group is called plays no part.
    #[must_use]
    pub fn with_groups(mut self, group_of: impl Fn(ImageId) -> Option<u32>) -> Self {
        let mut first = HashMap::new();
        self.groups = (0..)
            .zip(self.labels.photos())
            .map(|(n, photo)| group_of(photo.image).map_or(n, |group| *first.entry(group).or_insert(n)))
            .collect();
        self
    }

    /// The same photos with other features of as many views, row-major `[photos, views, width]` in the order of this set's labels,
    /// all finite. They fall into the same folds.
    ///
    /// # Errors
    ///
    /// If the features do not divide into the photos and views, or one is not finite.
    pub fn with_other_features(&self, features: Vec<f32>) -> Result<Self, TrainError> {
        let rows = self.labels.photos().len().saturating_mul(self.views);
        if features.is_empty() || !features.len().is_multiple_of(rows) {
            return Err(TrainError::FeatureCount { features: features.len(), photos: rows });
        }
        let width = features.len() / rows;
        check_finite(&features, self.labels.photos(), self.views * width)?;
        let (labels, keys, groups) = (self.labels.clone(), self.keys.clone(), self.groups.clone());
        Ok(Self { labels, keys, groups, features, views: self.views, width })
    }

    /// The labels, their photos in this set's order.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Features of one view of one photo.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Views of each photo.
    pub fn views(&self) -> usize {
        self.views
    }

    /// The identity of each photo.
    pub(crate) fn keys(&self) -> &[blake3::Hash] {
        &self.keys
    }

    /// The group of each photo; all its photos have the same number, which is below that of photos.
    pub(crate) fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// The features of the first view of the photo with this index.
    #[cfg(test)]
    pub(crate) fn row(&self, photo: usize) -> &[f32] {
        &self.features[photo * self.views * self.width..][..self.width]
    }

    /// The features of all views of all photos, `[photos, views, width]`.
    pub(crate) fn rows(&self) -> &[f32] {
        &self.features
    }
}

pub(crate) fn check_finite(
    features: &[f32],
    photos: &[LabelledPhoto],
    values: usize,
) -> Result<(), TrainError> {
    let mut rows = features.chunks_exact(values.max(1)).zip(photos);
    match rows.find(|(row, _)| !row.iter().all(|value| value.is_finite())) {
        Some((_, photo)) => Err(TrainError::FeatureValue { image: photo.image }),
        None => Ok(()),
    }
}

/// Puts row `order[n]` at place `n`, along the cycles of the permutation, so that no second copy is held.
fn reorder_rows(values: &mut [f32], width: usize, order: &[usize]) {
    let mut placed = vec![false; order.len()];
    let mut carried = vec![0.0; width];
    for start in 0..order.len() {
        if placed[start] {
            continue;
        }
        carried.copy_from_slice(&values[start * width..][..width]);
        let mut place = start;
        while order[place] != start {
            let from = order[place];
            values.copy_within(from * width..(from + 1) * width, place * width);
            placed[place] = true;
            place = from;
        }
        values[place * width..][..width].copy_from_slice(&carried);
        placed[place] = true;
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
    use ocelli_core::{ClassificationType, Name, TagId, TagType, Timestamp, TrainedTag};
    use proptest::prelude::*;

    use super::*;

    fn labels(photos: u8) -> Labels {
        let tag = |n: u8| TrainedTag {
            id: TagId::new(Timestamp::from_millis(0), [n; 10]),
            name: Name::new(format!("tag {n}")).unwrap(),
            tag_type: TagType::Regular,
        };
        let photo = |n: u8| LabelledPhoto { image: image(n), tags: vec![u16::from(n % 2)] };
        let photos = (0..photos).map(photo).collect();
        Labels::new(ClassificationType::Multiclass, vec![tag(0), tag(1)], photos).unwrap()
    }

    fn image(n: u8) -> ImageId {
        ImageId::new(Timestamp::from_millis(0), [n; 10])
    }

    #[test]
    fn features_must_fit_the_photos_and_be_finite() {
        for features in [vec![], vec![0.0; 19], vec![f32::NAN; 20]] {
            assert!(TrainingSet::new(labels(10), features).is_err());
        }
        assert_eq!(TrainingSet::new(labels(10), vec![0.0; 20]).unwrap().width(), 2);
        let three = NonZeroUsize::new(3).unwrap();
        assert!(TrainingSet::with_views(labels(10), vec![0.0; 20], three).is_err());
        let set = TrainingSet::with_views(labels(10), vec![0.0; 60], three).unwrap();
        assert_eq!((set.width(), set.views()), (2, 3));
    }

    #[test]
    fn groups_are_numbered_by_their_photos_and_not_by_their_names() {
        let features = |n: u8| [f32::from(n), 0.0];
        let set = TrainingSet::new(labels(10), (0..10).flat_map(features).collect()).unwrap();
        let named = |names: [u32; 3]| {
            set.clone().with_groups(move |photo| {
                (0..9).find(|n| image(*n) == photo).map(|n| names[usize::from(n) / 3])
            })
        };
        let groups = named([7, 3, 9]).groups().to_vec();
        assert_eq!(groups, named([1, 0, 5]).groups());
        for (n, group) in groups.iter().enumerate() {
            let number = |photo: usize| set.row(photo)[0] as usize / 3;
            assert!(*group <= n && number(n) == number(*group), "{groups:?}");
        }
        assert_eq!(groups.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    }

    proptest! {
        #[test]
        fn rows_follow_their_photos(values in proptest::collection::vec(-1e6f32..1e6, 60)) {
            let set = TrainingSet::with_views(labels(10), values.clone(), NonZeroUsize::new(3).unwrap()).unwrap();
            let rows = set.rows().chunks_exact(6);
            for (row, photo) in rows.zip(set.labels().photos()) {
                let n = (0u8..10).find(|n| image(*n) == photo.image).unwrap();
                prop_assert_eq!(row, &values[usize::from(n) * 6..][..6]);
            }
        }
    }
}
