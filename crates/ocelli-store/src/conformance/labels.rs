//! Tags and regions.

use ocelli_core::{Description, ErrorCode, ImageId, Limits, RegionId, TagId, TagType, TagUpdate, limits};

use super::Make;
use super::scene::{Scene, at, name};
use crate::{Change, Missing, StoreError};

fn update(scene: &Scene, tag: TagId, update: TagUpdate) -> Change {
    Change::UpdateTag { project: scene.project, tag, update }
}

/// A photo that has a tag on the whole and on a region counts once.
pub fn tags_keep_their_order_and_are_counted(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash, elm) = (scene.tag("oak"), scene.tag("ash"), scene.tag("elm"));
    let image = scene.image(b"a", &[oak]);
    scene.image(b"b", &[oak, ash]);
    let regions =
        vec![(image, scene.region(oak, 1)), (image, scene.region(elm, 2)), (image, scene.region(elm, 3))];
    scene.apply(Change::AddRegions { project: scene.project, regions });
    let description = Some(Description::new("grey bark").unwrap());
    scene.apply(update(&scene, oak, TagUpdate { description, ..TagUpdate::default() }));
    let tags = scene.store.tags(scene.project).unwrap();
    assert_eq!(tags.iter().map(|tag| tag.id).collect::<Vec<_>>(), [oak, ash, elm]);
    assert_eq!(tags.iter().map(|tag| tag.image_count).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(tags[0].description.as_str(), "grey bark");
    assert_eq!(tags[0].name, "oak");
}

/// Within the project, when created and when renamed.
pub fn tag_names_are_unique(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let again = Change::CreateTag { project: scene.project, tag: scene.new_tag("oak", TagType::Regular) };
    assert!(matches!(scene.refuse(again), StoreError::TagNameTaken(taken) if taken == "oak"));
    let to = |text| TagUpdate { name: Some(name(text)), ..TagUpdate::default() };
    assert!(matches!(scene.refuse(update(&scene, ash, to("oak"))), StoreError::TagNameTaken(_)));
    scene.apply(update(&scene, oak, to("oak")));
    scene.apply(update(&scene, oak, to("beech")));
    scene.apply(update(&scene, ash, to("oak")));
    let nowhere = TagId::new(at(0), [9; 10]);
    assert!(matches!(scene.refuse(update(&scene, nowhere, to("x"))), StoreError::NotFound(Missing::Tag(_))));
}

/// When created and when changed.
pub fn there_is_one_negative_tag(make: Make) {
    let scene = Scene::new(make);
    let (oak, negative) = (scene.tag("oak"), scene.negative());
    let second = Change::CreateTag { project: scene.project, tag: scene.new_tag("no", TagType::Negative) };
    assert!(matches!(scene.refuse(second), StoreError::SecondNegativeTag));
    let to = |tag_type| TagUpdate { tag_type: Some(tag_type), ..TagUpdate::default() };
    assert!(matches!(
        scene.refuse(update(&scene, oak, to(TagType::Negative))),
        StoreError::SecondNegativeTag
    ));
    scene.apply(update(&scene, negative, to(TagType::Negative)));
    scene.apply(update(&scene, negative, to(TagType::Regular)));
    scene.apply(update(&scene, oak, to(TagType::Negative)));
}

/// At what the handle allows.
pub fn the_number_of_tags_is_limited(make: Make) {
    let scene = Scene::with_limits(make, Limits { tags_per_project: 1, ..Limits::default() });
    scene.tag("oak");
    let second = Change::CreateTag { project: scene.project, tag: scene.new_tag("ash", TagType::Regular) };
    assert_eq!(scene.refuse(second).code(), ErrorCode::BadRequestExceedTagPerProjectLimit);
}

/// Neither another tag nor a region beside it.
pub fn a_negative_tag_stands_alone(make: Make) {
    let scene = Scene::new(make);
    let (oak, negative) = (scene.tag("oak"), scene.negative());
    let (tagged, without, drawn) =
        (scene.image(b"a", &[oak]), scene.image(b"b", &[negative]), scene.image(b"c", &[]));
    let draw = |image, tag| Change::AddRegions {
        project: scene.project,
        regions: vec![(image, scene.region(tag, 1))],
    };
    scene.apply(draw(drawn, oak));
    let both = |error| matches!(error, StoreError::NegativeAndRegular(_));
    assert!(both(scene.refuse(scene.tagging(&[(tagged, negative)]))));
    assert!(both(scene.refuse(scene.tagging(&[(without, oak)]))));
    assert!(both(scene.refuse(scene.tagging(&[(drawn, negative)]))));
    assert!(both(scene.refuse(draw(without, oak))));
    assert!(both(scene.refuse(draw(tagged, negative))));
    let refused = scene.add(vec![scene.new_image(b"b", &[oak])]).remove(0).unwrap_err();
    assert!(both(refused.error));
    assert_eq!(scene.tags_of(without), [negative]);
    assert_eq!(scene.tags_of(tagged), [oak]);
}

/// Otherwise photos would have it beside others.
pub fn a_tag_turns_negative_only_where_it_stands_alone(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash, elm) = (scene.tag("oak"), scene.tag("ash"), scene.tag("elm"));
    scene.image(b"a", &[oak]);
    let both = scene.image(b"b", &[oak, ash]);
    let drawn = scene.image(b"c", &[elm]);
    let regions = vec![(drawn, scene.region(elm, 1))];
    scene.apply(Change::AddRegions { project: scene.project, regions });
    let to_negative =
        |tag| update(&scene, tag, TagUpdate { tag_type: Some(TagType::Negative), ..TagUpdate::default() });
    assert!(matches!(scene.refuse(to_negative(oak)), StoreError::NegativeAndRegular(id) if id == both));
    assert!(matches!(scene.refuse(to_negative(elm)), StoreError::NegativeAndRegular(id) if id == drawn));
    scene.apply(Change::UntagImages { project: scene.project, images: vec![both], tags: vec![ash] });
    scene.apply(to_negative(oak));
    assert_eq!(scene.store.tags(scene.project).unwrap()[0].tag_type, TagType::Negative);
}

/// The photos stay.
pub fn deleting_a_tag_takes_it_from_photos_and_regions(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let image = scene.image(b"a", &[oak, ash]);
    let regions = vec![(image, scene.region(oak, 1)), (image, scene.region(ash, 2))];
    let gone = regions[0].1.id;
    scene.apply(Change::AddRegions { project: scene.project, regions });
    let delete = || scene.deletion_of_tag(oak);
    scene.apply(delete());
    assert!(matches!(scene.refuse(delete()), StoreError::NotFound(Missing::Tag(id)) if id == oak));
    let image = scene.look(image);
    assert_eq!(image.tags.iter().map(|tag| tag.tag_id).collect::<Vec<_>>(), [ash]);
    assert_eq!(image.regions.iter().map(|region| region.tag_id).collect::<Vec<_>>(), [ash]);
    let again = scene.deletion_of_regions(&[gone]);
    assert!(matches!(scene.refuse(again), StoreError::NotFound(Missing::Region(_))));
}

/// In the order in which they were given.
pub fn tagging_reports_created_duplicated_and_exceeded(make: Make) {
    let scene = Scene::new(make);
    let tags: Vec<_> = (0..=limits::MAX_TAGS_PER_IMAGE).map(|i| scene.tag(&format!("t{i}"))).collect();
    let image = scene.image(b"a", &tags[..1]);
    let pairs: Vec<_> = tags.iter().rev().map(|tag| (image, *tag)).collect();
    let summary = scene.give(&pairs);
    assert_eq!(summary.created, pairs[..limits::MAX_TAGS_PER_IMAGE - 1]);
    assert_eq!(summary.exceeded, [(image, tags[1])]);
    assert_eq!(summary.duplicated, [(image, tags[0])]);
    let now = scene.look(image);
    assert_eq!(now.tags.len(), limits::MAX_TAGS_PER_IMAGE);
    assert_eq!((now.tags[0].tag_id, now.tags[0].created), (tags[0], at(0)));
    assert_eq!((now.tags[1].tag_id, now.tags[1].created), (tags[100], at(9)));
}

/// An unknown tag or photo leaves the others as they were.
pub fn tagging_does_all_or_nothing(make: Make) {
    let scene = Scene::new(make);
    let (oak, image) = (scene.tag("oak"), scene.image(b"a", &[]));
    let (no_tag, no_image) = (TagId::new(at(0), [9; 10]), ImageId::new(at(0), [9; 10]));
    let refused = scene.refuse(scene.tagging(&[(image, oak), (image, no_tag)]));
    assert!(matches!(refused, StoreError::NotFound(Missing::Tag(id)) if id == no_tag));
    let refused = scene.refuse(scene.tagging(&[(image, oak), (no_image, oak)]));
    assert!(matches!(refused, StoreError::NotFound(Missing::Image(id)) if id == no_image));
    assert_eq!(scene.tags_of(image), []);
}

/// But not over photos and tags that do not exist.
pub fn untagging_passes_over_what_is_not_there(make: Make) {
    let scene = Scene::new(make);
    let (oak, ash) = (scene.tag("oak"), scene.tag("ash"));
    let (one, two) = (scene.image(b"a", &[oak, ash]), scene.image(b"b", &[ash]));
    let take = |images: &[ImageId], tags: &[TagId]| Change::UntagImages {
        project: scene.project,
        images: images.to_vec(),
        tags: tags.to_vec(),
    };
    scene.apply(take(&[one, two], &[oak]));
    assert_eq!((scene.tags_of(one), scene.tags_of(two)), (vec![ash], vec![ash]));
    let no_image = ImageId::new(at(0), [9; 10]);
    assert!(matches!(scene.refuse(take(&[one, no_image], &[ash])), StoreError::NotFound(Missing::Image(_))));
    let no_tag = TagId::new(at(0), [9; 10]);
    assert!(matches!(scene.refuse(take(&[one], &[no_tag])), StoreError::NotFound(Missing::Tag(_))));
    assert_eq!(scene.tags_of(one), [ash]);
    let many = vec![one; limits::MAX_BATCH + 1];
    assert_eq!(scene.refuse(take(&many, &[ash])).code(), ErrorCode::BadRequestExceededBatchSize);
}

/// They come back as they were drawn.
pub fn regions_are_drawn_and_taken_away(make: Make) {
    let scene = Scene::new(make);
    let (oak, image) = (scene.tag("oak"), scene.image(b"a", &[]));
    let regions = [scene.region(oak, 3), scene.region(oak, 1)];
    let drawn = regions.iter().map(|region| (image, region.clone())).collect();
    scene.apply(Change::AddRegions { project: scene.project, regions: drawn });
    assert_eq!(scene.look(image).regions, regions);
    scene.apply(scene.deletion_of_regions(&[regions[0].id]));
    assert_eq!(scene.look(image).regions, regions[1..]);
}

/// An unknown photo, tag or region, or an id in use, leaves all as it was.
pub fn regions_are_drawn_all_or_none(make: Make) {
    let scene = Scene::new(make);
    let (oak, image) = (scene.tag("oak"), scene.image(b"a", &[]));
    let good = || (image, scene.region(oak, 1));
    let add = |regions| Change::AddRegions { project: scene.project, regions };
    let (no_image, no_tag) = (ImageId::new(at(0), [9; 10]), TagId::new(at(0), [9; 10]));
    let refused = scene.refuse(add(vec![good(), (no_image, scene.region(oak, 2))]));
    assert!(matches!(refused, StoreError::NotFound(Missing::Image(_))));
    let refused = scene.refuse(add(vec![good(), (image, scene.region(no_tag, 2))]));
    assert!(matches!(refused, StoreError::NotFound(Missing::Tag(_))));
    let twice = good();
    assert!(matches!(scene.refuse(add(vec![twice.clone(), twice])), StoreError::IdTaken(_)));
    assert_eq!(scene.look(image).regions, []);
    let kept = good();
    scene.apply(add(vec![kept.clone()]));
    assert!(matches!(scene.refuse(add(vec![good(), kept.clone()])), StoreError::IdTaken(_)));
    let no_region = RegionId::new(at(0), [9; 10]);
    let delete = scene.deletion_of_regions(&[kept.1.id, no_region]);
    assert!(matches!(scene.refuse(delete), StoreError::NotFound(Missing::Region(id)) if id == no_region));
    assert_eq!(scene.look(image).regions, [kept.1]);
}

/// With the codes of Custom Vision.
pub fn regions_are_limited_per_photo_and_batch(make: Make) {
    let scene = Scene::new(make);
    let (oak, image) = (scene.tag("oak"), scene.image(b"a", &[]));
    let draw = |count| Change::AddRegions {
        project: scene.project,
        regions: (0..count).map(|_| (image, scene.region(oak, 1))).collect(),
    };
    assert_eq!(scene.refuse(draw(limits::MAX_BATCH + 1)).code(), ErrorCode::BadRequestExceededBatchSize);
    for _ in 0..limits::MAX_REGIONS_PER_IMAGE / 60 {
        scene.apply(draw(60));
    }
    assert_eq!(scene.refuse(draw(1)).code(), ErrorCode::BadRequestImageRegions);
    assert_eq!(scene.look(image).regions.len(), limits::MAX_REGIONS_PER_IMAGE);
}
