//! Pictures for people: where a network looked, and what training makes of a photo.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use ocelli::{
    Augmentations, Error, HeatMap, InferError, NewProject, ProjectSettings, ProjectUpdate, TrainOptions,
};
use ocelli_imaging::{Area, DecodeLimits, RgbImage, decode, resize_into};
use ocelli_tests::{Scene, label_real, real, real_files};

fn read(png: &[u8]) -> RgbImage {
    decode(png, &DecodeLimits::default()).unwrap()
}

#[test]
fn a_heat_map_adds_up_and_is_drawn() {
    let scene = Scene::in_memory();
    let project = scene.ocelli.create_project(NewProject::new("seen").multiclass()).unwrap();
    let tags = ["fish", "windmill"].map(|kind| label_real(&project, kind, 6));
    let iteration = project.train(&TrainOptions::default()).unwrap();
    let photo = std::fs::read(&real_files("fish")[8]).unwrap();

    let maps: Vec<HeatMap> = tags.iter().map(|tag| iteration.heat_map(&photo, Some(*tag)).unwrap()).collect();
    assert!(maps.iter().all(|map| (map.columns, map.rows, map.values.len()) == (7, 7, 49)));
    // Softmax of two: the logarithm of the odds is the difference of the scores, up to the tags' biases.
    let mean = |map: &HeatMap| map.values.iter().map(|value| f64::from(*value)).sum::<f64>() / 49.0;
    let difference = |photo: &[u8]| {
        let maps = tags.map(|tag| iteration.heat_map(photo, Some(tag)).unwrap());
        mean(&maps[0]) - mean(&maps[1])
    };
    let odds = |photo: &[u8]| {
        let predictions = iteration.quick_test(photo).unwrap().predictions;
        let of = |tag| predictions.iter().find(|one| one.tag_id == tag).unwrap().probability;
        f64::from(of(tags[0]) / of(tags[1])).ln()
    };
    let other = std::fs::read(&real_files("windmill")[8]).unwrap();
    let biases = [&photo, &other].map(|photo| odds(photo) - difference(photo));
    assert!((biases[0] - biases[1]).abs() < 1e-2, "{biases:?}");
    assert!((difference(&photo) - difference(&other)).abs() > 0.1);

    let best = iteration.quick_test(&photo).unwrap().best().unwrap().tag_id;
    assert_eq!(iteration.heat_map(&photo, None).unwrap(), iteration.heat_map(&photo, Some(best)).unwrap());
    let (shown, whole) = (read(&iteration.heat_map_png(&photo, None).unwrap()), read(&photo));
    assert_eq!((shown.width(), shown.height()), (whole.width(), whole.height()));
    assert_ne!(shown, whole);

    let unknown = project.create_tag("made since").unwrap().id;
    let refused = iteration.heat_map_png(&photo, Some(unknown)).unwrap_err();
    assert!(matches!(refused, Error::Infer(InferError::UnknownTag { tag }) if tag == unknown));
    assert!(iteration.heat_map(b"no photo", None).is_err());
}

#[test]
fn a_preview_shows_the_projects_augmentations() {
    let scene = Scene::in_memory();
    let project = scene.ocelli.create_project(NewProject::new("seen")).unwrap();
    let photo = &real("monument", 1)[0];
    let preview = project.preview_augmentations(photo, 6, 4).unwrap();
    assert_eq!(preview.len(), 6);
    for (index, picture) in preview.iter().enumerate() {
        let picture = read(picture);
        assert_eq!((picture.width(), picture.height()), (224, 224));
        assert!(preview[..index].iter().all(|other| read(other) != picture), "{index} is drawn twice");
    }
    assert_eq!(project.preview_augmentations(photo, 3, 4).unwrap(), preview[..3]);
    assert_ne!(project.preview_augmentations(photo, 3, 400).unwrap(), preview[..3]);
    assert!(project.preview_augmentations(photo, 0, 4).unwrap().is_empty());
    assert!(project.preview_augmentations(photo, 65, 4).is_err());
    assert!(project.preview_augmentations(b"no photo", 1, 4).is_err());

    let added = project.add_files([ocelli::Upload::bytes(photo.clone())]).unwrap();
    let image = added.results[0].image.as_ref().unwrap().image.id;
    assert_eq!(project.preview_augmentations_of(image, 3, 4).unwrap(), preview[..3]);

    // All switched off: each picture is the photo as a prediction would see it.
    let off: Augmentations = serde_json::from_value(serde_json::json!({
        "rotation": false, "scaling": false, "translation": false, "horizontal flip": false,
        "equalize": false, "solarize": false, "padtosquare": false,
    }))
    .unwrap();
    let settings = ProjectSettings { augmentations: off, ..project.details().unwrap().settings };
    project.update(ProjectUpdate { settings: Some(settings), ..Default::default() }).unwrap();
    let whole = read(photo);
    let mut plain = vec![0.0; 224 * 224 * 3];
    resize_into(whole.view(), Area::whole(&whole.view()), 224, 224, &mut plain).unwrap();
    let plain: Vec<u8> = plain.into_iter().map(|value| (value + 0.5) as u8).collect();
    for picture in project.preview_augmentations(photo, 4, 4).unwrap() {
        assert_eq!(read(&picture).pixels(), plain);
    }
}
