//! Photos, their metadata and their features.

use std::collections::BTreeMap;

use ocelli_core::{
    ErrorCode, Image, ImageCreateStatus, ImageId, InvalidValue, Limits, Metadata, TagId, limits,
};

use super::Make;
use super::scene::{Scene, at};
use crate::{
    Applied, Change, FeatureKey, ImageFilter, ImageQuery, Missing, Order, StoreError, TaggingStatus,
};

fn metadata(value: &str) -> Metadata {
    Metadata::new(BTreeMap::from([("camera".to_owned(), value.to_owned())])).unwrap()
}

fn features_key(base: &str) -> FeatureKey {
    FeatureKey::f32(base)
}

/// Everything that is known about it, and its bytes.
pub fn a_photo_comes_back_as_it_was_added(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let mut new = scene.new_image(b"\x00\xff\xd8 bytes", &[ash, oak, ash]);
    new.image.regions = vec![scene.region(oak, 3), scene.region(ash, 1)];
    new.image.metadata = metadata("\u{0} \"quoted\" ü");
    let added = scene.add(vec![new.clone()]).remove(0).unwrap();
    new.image.tags.truncate(2);
    assert_eq!((&added.image, added.duplicate), (&new.image, false));
    assert_eq!(scene.look(new.image.id), new.image);
    assert_eq!(scene.store.image_bytes(scene.project, new.image.id).unwrap(), new.bytes);
    let empty = scene.image(b"", &[]);
    assert_eq!(scene.store.image_bytes(scene.project, empty).unwrap(), b"");
}

/// By id, whatever order they came in; a region is no tag on the whole.
pub fn all_photos_with_tags_are_listed_with_them(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    assert_eq!(scene.store.tagged_images(scene.project).unwrap(), []);
    let mut drawn_on = scene.new_image(b"b", &[]);
    drawn_on.image.regions = vec![scene.region(oak, 1)];
    let mut batch = vec![scene.new_image(b"a", &[ash, oak]), drawn_on, scene.new_image_at(9, b"c", &[ash])];
    batch.reverse();
    let mut expected = vec![(batch[2].image.id, vec![oak, ash]), (batch[0].image.id, vec![ash])];
    expected.sort();
    scene.add(batch);
    assert_eq!(scene.store.tagged_images(scene.project).unwrap(), expected);
    scene.apply(scene.deletion_of_tag(ash));
    expected.retain_mut(|(_, tags)| {
        tags.retain(|tag| *tag != ash);
        !tags.is_empty()
    });
    assert_eq!(scene.store.tagged_images(scene.project).unwrap(), expected);
}

/// The first one, with the tags and regions of both.
pub fn the_same_bytes_are_one_photo(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let region = scene.region(oak, 1);
    let mut first = scene.new_image(b"a", &[oak]);
    first.image.regions = vec![region.clone()];
    let first = scene.add(vec![first]).remove(0).unwrap().image.id;
    let mut second = scene.new_image_at(7, b"a", &[ash, oak]);
    let fresh = scene.region(ash, 2);
    let same = ocelli_core::Region { id: fresh.id, ..region };
    second.image.regions = vec![same, scene.region(oak, 3)];
    let added = scene.add(vec![second.clone()]).remove(0).unwrap();
    assert!(added.duplicate);
    assert_eq!(added.image, scene.look(first));
    assert_eq!(scene.tags_of(first), [oak, ash]);
    assert_eq!(scene.look(first).regions, [region, second.image.regions[1].clone()]);
    assert_eq!(scene.store.image_count(scene.project, &ImageFilter::default()).unwrap(), 1);
    assert_eq!(scene.store.image_bytes(scene.project, first).unwrap(), b"a");
}

/// Its second entry is a duplicate of the first.
pub fn the_same_bytes_within_a_batch_are_one_photo(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let added = scene.add(vec![scene.new_image(b"a", &[oak]), scene.new_image(b"a", &[ash])]);
    let duplicate: Vec<_> = added.iter().map(|each| each.as_ref().unwrap().duplicate).collect();
    assert_eq!(duplicate, [false, true]);
    let id = added[1].as_ref().unwrap().image.id;
    assert_eq!(scene.tags_of(id), [oak, ash]);
}

/// Each entry tells of its own photo.
pub fn a_bad_photo_does_not_lose_the_others(make: Make) {
    let scene = Scene::new(make);
    let (oak, no_tag) = (scene.tag("oak"), TagId::new(at(0), [9; 10]));
    let batch = vec![
        scene.new_image(b"a", &[oak]),
        scene.new_image(b"b", &[oak, no_tag]),
        scene.new_image(b"c", &[oak]),
    ];
    let bad = batch[1].image.id;
    let added = scene.add(batch);
    assert_eq!(added.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(scene.counts(), [2]);
    assert!(matches!(
        scene.store.image_bytes(scene.project, bad),
        Err(StoreError::NotFound(Missing::Image(_)))
    ));
}

/// In Custom Vision's terms.
pub fn each_refusal_has_its_status(make: Make) {
    let scene = Scene::with_limits(make, Limits { images_per_project: 2, ..Limits::default() });
    let (oak, negative) = (scene.tag("oak"), scene.negative());
    let status = |image| scene.add(vec![image]).remove(0).unwrap_err().status;
    let no_tag = TagId::new(at(0), [9; 10]);
    assert_eq!(status(scene.new_image(b"a", &[no_tag])), ImageCreateStatus::ErrorInvalidTag);
    let both = scene.new_image(b"a", &[oak, negative]);
    assert_eq!(status(both), ImageCreateStatus::ErrorNegativeAndRegularTagOnSameImage);
    let mut crowded = scene.new_image(b"a", &[oak]);
    crowded.image.regions = (0..=limits::MAX_REGIONS_PER_IMAGE).map(|_| scene.region(oak, 1)).collect();
    assert_eq!(status(crowded), ImageCreateStatus::ErrorRegionLimitExceed);
    let first = scene.image(b"a", &[oak]);
    let mut same_id = scene.new_image(b"b", &[]);
    same_id.image.id = first;
    assert_eq!(status(same_id), ImageCreateStatus::ErrorUnknown);
    scene.image(b"b", &[]);
    assert_eq!(status(scene.new_image(b"c", &[])), ImageCreateStatus::ErrorLimitExceed);
    assert!(scene.add(vec![scene.new_image(b"b", &[oak])])[0].as_ref().unwrap().duplicate, "needs no room");
}

/// The whole of it: by photos, and by different tags.
pub fn a_batch_that_is_too_large_is_refused(make: Make) {
    let scene = Scene::new(make);
    let add = |count: u8, tags: &[TagId]| Change::AddImages {
        project: scene.project,
        images: (0..count).map(|i| scene.new_image(&[i], tags)).collect(),
    };
    assert_eq!(scene.refuse(add(65, &[])).code(), ErrorCode::BadRequestExceededBatchSize);
    let tags: Vec<_> = (0..=limits::MAX_TAGS_PER_BATCH).map(|i| scene.tag(&format!("t{i}"))).collect();
    assert_eq!(scene.refuse(add(1, &tags)).code(), ErrorCode::BadRequestExceededBatchSize);
    assert_eq!(scene.store.image_count(scene.project, &ImageFilter::default()).unwrap(), 0);
    let Applied::Images(added) = scene.apply(add(64, &tags[1..])) else { panic!("no entries") };
    assert!(added.iter().all(Result::is_ok));
}

/// By time, then by id, both ways.
pub fn photos_are_paged_in_order(make: Make) {
    let scene = Scene::new(make);
    let batch: Vec<_> = (0..10u8).map(|i| scene.new_image_at(i64::from(i / 3), &[i], &[])).collect();
    let mut expected: Vec<ImageId> = batch.iter().map(|new| new.image.id).collect();
    scene.add(batch.into_iter().rev().collect());
    let page = |order, skip, take| -> Vec<ImageId> {
        let query = ImageQuery { order, skip, take, ..ImageQuery::default() };
        scene.store.images(scene.project, &query).unwrap().iter().map(|image| image.id).collect()
    };
    assert_eq!(page(Order::Oldest, 0, 256), expected);
    assert_eq!(
        [page(Order::Oldest, 0, 4), page(Order::Oldest, 4, 4), page(Order::Oldest, 8, 4)].concat(),
        expected
    );
    expected.reverse();
    assert_eq!(page(Order::Newest, 0, 256), expected);
    assert_eq!(page(Order::Newest, 2, 3), expected[2..5]);
    assert_eq!(page(Order::Newest, 10, 3), []);
    assert_eq!(page(Order::Newest, usize::MAX, 3), []);
    assert_eq!(page(Order::Newest, 0, 0), []);
}

/// A region counts as a tag; several tags widen.
pub fn photos_are_filtered_by_tag_and_tagging(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash, elm) = (scene.tag("oak"), scene.tag("ash"), scene.tag("elm"));
    let (whole, drawn, bare) =
        (scene.image(b"a", &[oak, ash]), scene.image(b"b", &[]), scene.image(b"c", &[]));
    let regions = vec![(drawn, scene.region(elm, 1)), (drawn, scene.region(elm, 2))];
    scene.apply(Change::AddRegions { project: scene.project, regions });
    let cases: [(TaggingStatus, &[TagId], &[ImageId]); 9] = [
        (TaggingStatus::All, &[], &[whole, drawn, bare]),
        (TaggingStatus::Tagged, &[], &[whole, drawn]),
        (TaggingStatus::Untagged, &[], &[bare]),
        (TaggingStatus::All, &[oak], &[whole]),
        (TaggingStatus::All, &[oak, ash], &[whole]),
        (TaggingStatus::All, &[elm], &[drawn]),
        (TaggingStatus::Tagged, &[elm, oak], &[whole, drawn]),
        (TaggingStatus::Untagged, &[oak], &[]),
        (TaggingStatus::All, &[TagId::new(at(0), [9; 10])], &[]),
    ];
    for (tagging_status, tags, expected) in cases {
        let filter = ImageFilter { tagging_status, tags: tags.to_vec(), metadata: None };
        let described = format!("{filter:?}");
        let count = scene.store.image_count(scene.project, &filter).unwrap();
        assert_eq!(count, expected.len() as u64, "{described}");
        let query = ImageQuery { filter, order: Order::Oldest, ..ImageQuery::default() };
        let images = scene.store.images(scene.project, &query).unwrap();
        let ids: Vec<_> = images.iter().map(|image: &Image| image.id).collect();
        assert_eq!(ids, expected, "{described}");
    }
}

/// Beside their tags, and page by page.
pub fn photos_are_filtered_by_metadata(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let mut ids = Vec::new();
    for (number, camera) in ["north", "south", "north", "west", "north", "south"].into_iter().enumerate() {
        let tags: &[TagId] = if number < 3 { &[oak] } else { &[] };
        let mut photo = scene.new_image_at(number as i64, &[number as u8], tags);
        photo.image.metadata = metadata(camera);
        ids.push(photo.image.id);
        scene.add(vec![photo]).remove(0).unwrap();
    }
    let cases: [(&str, &[TagId], &[usize]); 5] = [
        ("camera eq 'north'", &[], &[0, 2, 4]),
        ("camera eq 'north'", &[oak], &[0, 2]),
        ("camera ne 'north'", &[], &[1, 3, 5]),
        ("camera eq 'south' or camera eq 'west'", &[oak], &[1]),
        ("camera eq 'east'", &[], &[]),
    ];
    for (expression, tags, expected) in cases {
        let selected = Some(expression.parse().unwrap());
        let filter = ImageFilter { tags: tags.to_vec(), metadata: selected, ..ImageFilter::default() };
        let count = scene.store.image_count(scene.project, &filter).unwrap();
        assert_eq!(count, expected.len() as u64, "{expression}");
        for skip in 0..=expected.len() {
            let filter = filter.clone();
            let query = ImageQuery { filter, order: Order::Oldest, skip, take: 2 };
            let images = scene.store.images(scene.project, &query).unwrap();
            let found: Vec<_> = images.iter().map(|image: &Image| image.id).collect();
            let page: Vec<_> = expected[skip..].iter().take(2).map(|number| ids[*number]).collect();
            assert_eq!(found, page, "{expression} after {skip}");
        }
    }
}

/// Also twice, and all must exist.
pub fn photos_are_found_by_id_in_the_order_asked(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.image(b"a", &[]), scene.image(b"b", &[]));
    let ask = |ids: &[ImageId]| scene.store.images_by_id(scene.project, ids);
    let found: Vec<_> = ask(&[two, one, two]).unwrap().iter().map(|image| image.id).collect();
    assert_eq!(found, [two, one, two]);
    let nobody = ImageId::new(at(0), [9; 10]);
    assert!(matches!(ask(&[one, nobody]), Err(StoreError::NotFound(Missing::Image(id))) if id == nobody));
}

/// In pages, tags and ids.
pub fn questions_are_limited(make: Make) {
    let scene = Scene::new(make);
    let query = ImageQuery { take: limits::MAX_PAGE + 1, ..ImageQuery::default() };
    assert!(matches!(
        scene.store.images(scene.project, &query),
        Err(StoreError::Invalid(InvalidValue::Page { take: 257 }))
    ));
    let tags = (0..=20).map(|i| TagId::new(at(i), [0; 10])).collect();
    let filter = ImageFilter { tags, ..ImageFilter::default() };
    let refused = scene.store.image_count(scene.project, &filter).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::BadRequestExceededBatchSize);
    let ids = vec![ImageId::new(at(0), [9; 10]); limits::MAX_PAGE + 1];
    let refused = scene.store.images_by_id(scene.project, &ids).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::BadRequestExceededBatchSize);
}

/// And the same bytes can come again, as a new photo.
pub fn deleting_erases_bytes_and_features(make: Make) {
    let scene = Scene::new(make);
    let oak = scene.tag("oak");
    let mut new = scene.new_image(b"a", &[oak]);
    new.image.regions = vec![scene.region(oak, 1)];
    scene.add(vec![new.clone()]);
    let image = new.image.id;
    scene.apply(scene.calibrating("b", 1));
    let keys = [features_key("b"), FeatureKey::int8("b", Scene::calibration(1).fingerprint)];
    for key in keys.clone() {
        let features = vec![(image, vec![1.0])];
        scene.apply(Change::CacheFeatures { project: scene.project, key, features });
    }
    scene.apply(scene.deletion_of_images(&[image, image]));
    assert!(matches!(
        scene.store.image_bytes(scene.project, image),
        Err(StoreError::NotFound(Missing::Image(_)))
    ));
    assert_eq!(scene.counts(), [0]);
    let added = scene.add(vec![new.clone()]).remove(0).unwrap();
    assert_eq!((added.image, added.duplicate), (new.image, false));
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
    for key in keys {
        assert_eq!(scene.store.features(scene.project, &key, &[image]).unwrap(), [None], "{key:?}");
    }
}

/// Where one of them does not exist, or they are too many.
pub fn deleting_is_all_or_nothing(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[]);
    let nobody = ImageId::new(at(0), [9; 10]);

    assert!(matches!(
        scene.refuse(scene.deletion_of_images(&[image, nobody])),
        StoreError::NotFound(Missing::Image(id)) if id == nobody
    ));
    let many = vec![image; limits::MAX_PAGE + 1];
    assert_eq!(scene.refuse(scene.deletion_of_images(&many)).code(), ErrorCode::BadRequestExceededBatchSize);
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a");
}

/// Tags and regions stay.
pub fn metadata_is_replaced(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[scene.tag("oak")]);
    let before = scene.look(image);
    let set = |image, value| Change::SetMetadata {
        project: scene.project,
        image,
        metadata: metadata(value),
        at: at(40),
    };
    for value in ["one", "two"] {
        scene.apply(set(image, value));
    }
    assert_eq!(scene.look(image), Image { metadata: metadata("two"), ..before });
    let nobody = ImageId::new(at(0), [9; 10]);
    let refused = scene.refuse(set(nobody, "x"));
    assert!(matches!(refused, StoreError::NotFound(Missing::Image(_))));
}

/// Bit for bit; photos that have gone are passed over.
pub fn features_are_kept_by_photo_and_key(make: Make) {
    let scene = Scene::new(make);
    let (one, two, nobody) = (scene.image(b"a", &[]), scene.image(b"b", &[]), ImageId::new(at(0), [9; 10]));
    let values = vec![0.1, -0.0, f32::MIN_POSITIVE / 2.0, f32::MAX];
    let cache = |key: &FeatureKey, features| {
        scene.apply(Change::CacheFeatures { project: scene.project, key: key.clone(), features })
    };
    let (key, other) = (features_key("one"), features_key("two"));
    cache(&key, vec![(one, vec![5.0])]);
    cache(&key, vec![(nobody, vec![1.0]), (one, values.clone())]);
    cache(&other, vec![(two, Vec::new())]);
    let found = |key| scene.store.features(scene.project, key, &[two, nobody, one]).unwrap();
    let kept = found(&key).remove(2).unwrap();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&kept), bits(&values));
    assert_eq!(found(&key)[..2], [None, None]);
    assert_eq!(found(&other), [Some(Vec::new()), None, None]);
    assert_eq!(found(&features_key("three")), [None, None, None]);
}

/// One for each base; features of the one before go with it, and no others.
pub fn a_calibration_is_kept_until_another_comes(make: Make) {
    let scene = Scene::new(make);
    let image = scene.image(b"a", &[]);
    let kept = |base| scene.store.calibration(scene.project, base).unwrap();
    assert_eq!(kept("one"), None);
    scene.apply(scene.calibrating("one", 1));
    scene.apply(scene.calibrating("two", 1));
    assert_eq!(kept("one"), Some(Scene::calibration(1)));

    let of = |base| FeatureKey::int8(base, Scene::calibration(1).fingerprint);
    let keys = [features_key("one"), of("one"), of("two")];
    for key in keys.clone() {
        let features = vec![(image, vec![0.5])];
        scene.apply(Change::CacheFeatures { project: scene.project, key, features });
    }
    let has =
        || keys.clone().map(|key| scene.store.features(scene.project, &key, &[image]).unwrap()[0].is_some());
    scene.apply(scene.calibrating("one", 1));
    assert_eq!(has(), [true, true, true], "the same calibration takes nothing away");
    scene.apply(scene.calibrating("one", 2));
    assert_eq!((kept("one"), kept("two")), (Some(Scene::calibration(2)), Some(Scene::calibration(1))));
    assert_eq!(has(), [true, false, true]);
}
