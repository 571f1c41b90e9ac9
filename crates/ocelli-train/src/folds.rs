//! Which photos are held out together.

use crate::TrainingSet;

/// The fold of each photo, below `folds`; the photos of a group share theirs.
///
/// Folds are stratified by iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011), group by group: those of
/// the rarest tag are dealt out first, the largest ahead, each to the fold that lacks that tag most. Ties fall to the
/// fold that has the fewest photos, then to the first. Which of equally large groups is dealt first depends on the
/// seed and the photos' keys alone.
pub(crate) fn stratified(set: &TrainingSet, folds: u16, seed: u64) -> Vec<u16> {
    let groups = groups(set, seed);
    let mut remaining = vec![0usize; set.labels().tags().len()];
    for tag in groups.iter().flat_map(|group| &group.tags) {
        remaining[usize::from(*tag)] += 1;
    }
    let mut dealt = Dealt {
        by_tag: vec![vec![0; remaining.len()]; usize::from(folds)],
        photos: vec![0; usize::from(folds)],
    };
    let mut fold_of = vec![None; groups.len()];
    while let Some(rarest) = rarest(&remaining) {
        for (group, fold) in groups.iter().zip(&mut fold_of) {
            if fold.is_none() && group.tags.iter().any(|tag| usize::from(*tag) == rarest) {
                *fold = Some(dealt.deal(group, Some(rarest)));
                group.tags.iter().for_each(|tag| remaining[usize::from(*tag)] -= 1);
            }
        }
    }
    let mut of_photo = vec![0; set.labels().photos().len()];
    for (group, fold) in groups.iter().zip(fold_of) {
        let fold = fold.unwrap_or_else(|| dealt.deal(group, None));
        group.photos.iter().for_each(|photo| of_photo[*photo] = fold);
    }
    of_photo
}

/// Photos that share a fold.
#[derive(Default)]
struct Group {
    photos: Vec<usize>,
    /// The tags of the photos one after the other.
    tags: Vec<u16>,
}

/// The groups of photos in the order in which they are dealt. A group with more than half of a tag's photos is taken apart:
/// what is learned without it would hardly know the tag.
fn groups(set: &TrainingSet, seed: u64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    groups.resize_with(set.groups().len(), Group::default);
    for (n, (photo, group)) in set.labels().photos().iter().zip(set.groups()).enumerate() {
        groups[*group].photos.push(n);
        groups[*group].tags.extend(&photo.tags);
    }
    groups.retain(|group| !group.photos.is_empty());
    let mut of_tag = vec![0; set.labels().tags().len()];
    groups.iter().flat_map(|group| &group.tags).for_each(|tag| of_tag[usize::from(*tag)] += 1);
    let too_large = |group: &mut Group| {
        let of = |tag: u16| group.tags.iter().filter(|own| **own == tag).count();
        group.photos.len() > 1 && group.tags.iter().any(|tag| 2 * of(*tag) > of_tag[usize::from(*tag)])
    };
    let apart: Vec<Group> = groups.extract_if(.., too_large).collect();
    groups.extend(
        apart
            .into_iter()
            .flat_map(|group| group.photos)
            .map(|photo| Group { photos: vec![photo], tags: set.labels().photos()[photo].tags.clone() }),
    );
    groups.sort_by_cached_key(|group| {
        let first = group.photos.first().map(|photo| shuffled(seed, &set.keys()[*photo]));
        (std::cmp::Reverse(group.photos.len()), first)
    });
    groups
}

fn shuffled(seed: u64, key: &blake3::Hash) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(key.as_bytes());
    *hasher.finalize().as_bytes()
}

fn rarest(remaining: &[usize]) -> Option<usize> {
    (0..remaining.len()).filter(|tag| remaining[*tag] > 0).min_by_key(|tag| remaining[*tag])
}

/// What each fold has got.
struct Dealt {
    by_tag: Vec<Vec<usize>>,
    photos: Vec<usize>,
}

impl Dealt {
    fn deal(&mut self, group: &Group, rarest: Option<usize>) -> u16 {
        let has = |fold: &usize| rarest.map_or(0, |tag| self.by_tag[*fold][tag]);
        let fold = (0..self.photos.len()).min_by_key(|fold| (has(fold), self.photos[*fold])).unwrap_or(0);
        self.photos[fold] += group.photos.len();
        group.tags.iter().for_each(|tag| self.by_tag[fold][usize::from(*tag)] += 1);
        u16::try_from(fold).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::{ClassificationType, ImageId, Name, TagId, TagType, Timestamp, TrainedTag};
    use proptest::prelude::*;

    use super::*;
    use crate::{LabelledPhoto, Labels};

    fn image(n: u16) -> ImageId {
        let [high, low] = n.to_be_bytes();
        ImageId::new(Timestamp::from_millis(0), [0, 0, 0, 0, 0, 0, 0, 0, high, low])
    }

    /// One feature a photo: its number.
    fn set(classification_type: ClassificationType, photos: Vec<LabelledPhoto>) -> TrainingSet {
        let tag = |n: u8| TrainedTag {
            id: TagId::new(Timestamp::from_millis(0), [n; 10]),
            name: Name::new(format!("{n}")).unwrap(),
            tag_type: TagType::Regular,
        };
        let labels = Labels::new(classification_type, (0..3).map(tag).collect(), photos).unwrap();
        let features = labels.photos().iter().map(|photo| number(photo.image).into()).collect();
        TrainingSet::new(labels, features).unwrap()
    }

    fn number(image: ImageId) -> u16 {
        let bytes = *image.as_uuid().as_bytes();
        u16::from_be_bytes([bytes[14], bytes[15]])
    }

    proptest! {
        #[test]
        fn each_fold_gets_its_share_of_each_tag(counts in proptest::array::uniform3(5usize..40), seed in any::<u64>()) {
            let tags = (0u16..3).flat_map(|tag| std::iter::repeat_n(tag, counts[usize::from(tag)]));
            let photos = (0u16..).zip(tags).map(|(n, tag)| LabelledPhoto { image: image(n), tags: vec![tag] });
            let set = set(ClassificationType::Multiclass, photos.collect());
            let folds = stratified(&set, 5, seed);
            for (tag, count) in (0u16..).zip(counts) {
                for fold in 0..5u16 {
                    let dealt = set.labels().photos().iter().zip(&folds)
                        .filter(|(photo, of)| photo.tags == [tag] && **of == fold).count();
                    prop_assert!(dealt == count / 5 || dealt == count / 5 + 1, "{dealt} of {count}");
                }
            }
        }

        #[test]
        fn folds_do_not_depend_on_the_order_of_photos(seed in any::<u64>()) {
            let photos: Vec<_> = (0..30).map(|n| LabelledPhoto { image: image(n), tags: vec![n % 3] }).collect();
            let reversed: Vec<_> = photos.iter().rev().cloned().collect();
            let folds = |photos| {
                let set = set(ClassificationType::Multiclass, photos);
                let folds = stratified(&set, 5, seed);
                set.labels().photos().iter().map(|photo| photo.image).zip(folds).collect::<Vec<_>>()
            };
            prop_assert_eq!(folds(photos), folds(reversed));
        }
    }

    #[test]
    fn a_group_with_most_of_a_tag_is_taken_apart() {
        let photos = (0..30u16).map(|n| LabelledPhoto { image: image(n), tags: vec![n / 10] });
        let set = set(ClassificationType::Multiclass, photos.collect());
        let set = set.with_groups(|photo| match number(photo) {
            0..10 => Some(0),
            10..15 => Some(1),
            _ => None,
        });
        let folds = stratified(&set, 5, 1);
        let of = |from: u16, to: u16| {
            let own = set.labels().photos().iter().zip(&folds);
            let own = own.filter(|(photo, _)| (from..to).contains(&number(photo.image)));
            own.map(|(_, fold)| *fold).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(of(0, 10), 5);
        assert_eq!(of(10, 15), 1);
    }

    #[test]
    fn the_photos_of_a_group_share_a_fold_and_tags_stay_spread() {
        let photos = (0..90).map(|n| LabelledPhoto { image: image(n), tags: vec![n % 3] }).collect();
        let set = set(ClassificationType::Multiclass, photos);
        let set = set.with_groups(|photo| (number(photo) < 60).then(|| u32::from(number(photo) / 4)));
        let folds = stratified(&set, 5, 3);
        let mut fold_of = [None; 15];
        let mut dealt = [[0; 3]; 5];
        for (photo, fold) in set.labels().photos().iter().zip(&folds) {
            let number = number(photo.image);
            dealt[usize::from(*fold)][usize::from(number % 3)] += 1;
            if number < 60 {
                assert_eq!(*fold_of[usize::from(number / 4)].get_or_insert(*fold), *fold, "{number}");
            }
        }
        assert!(dealt.as_flattened().iter().all(|photos| (4..=8).contains(photos)), "{dealt:?}");
    }

    #[test]
    fn photos_without_tags_are_dealt_out_too() {
        let tags = |n: u16| if n < 21 { vec![n % 3] } else { Vec::new() };
        let photos = (0..31).map(|n| LabelledPhoto { image: image(n), tags: tags(n) }).collect();
        let folds = stratified(&set(ClassificationType::Multilabel, photos), 5, 1);
        for fold in 0..5 {
            let size = folds.iter().filter(|of| **of == fold).count();
            assert!((6..=7).contains(&size), "fold {fold} has {size} photos");
        }
    }
}
