//! Coming from Custom Vision: saved answers of its training API in the service's own form, and photos beside them.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::path::Path;

use ocelli::{
    ClassificationType, CustomVisionOptions, Domain, Erased, ErrorCode, Image, ImageId, ImageQuery, Limits,
    OpenOptions, Order, Origin, ProjectHandle, TagType, Timestamp,
};
use ocelli_tests::{Scene, drawn, in_both, real};

/// The ids of the photos in the fixtures end in their number.
fn id(number: u32) -> ImageId {
    format!("5d1c8f3a-7e55-4b3c-8a70-21c4e0a9{number:04}").parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The saved answers, and a photo for each image: real ones under the tag that they have there.
fn saved(folder: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/custom_vision");
    for name in ["GetTags", "GetTaggedImages", "GetUntaggedImages", "GetIterations"] {
        let name = format!("{name}.json");
        std::fs::copy(fixtures.join(&name), folder.join(&name)).unwrap();
    }
    let (fish, windmills, others) = (real("fish", 4), real("windmill", 2), real("monument", 1));
    let photos = [(1, &fish[0]), (2, &fish[1]), (3, &windmills[0]), (4, &others[0]), (5, &windmills[1])];
    for (number, bytes) in photos.into_iter().chain([(6, &fish[2]), (7, &fish[3])]) {
        std::fs::write(folder.join(format!("{}.jpg", id(number))), bytes).unwrap();
    }
}

fn images(project: &ProjectHandle) -> Vec<Image> {
    project.images(&ImageQuery { order: Order::Oldest, take: 256, ..ImageQuery::default() }).unwrap()
}

#[test]
fn a_saved_project_comes_with_tags_regions_and_metadata() {
    in_both(|scene| {
        let folder = tempfile::tempdir().unwrap();
        saved(folder.path());
        let options =
            CustomVisionOptions { name: Some("ponds".to_owned()), ..CustomVisionOptions::default() };
        let import = scene.ocelli.import_custom_vision(folder.path(), &options).unwrap();
        assert_eq!((&import.problems[..], &import.project.problems[..]), (&[][..], &[][..]));
        assert_eq!((import.project.images, import.project.duplicates), (7, 0));

        let project = scene.ocelli.project(import.project.id).unwrap();
        let details = project.details().unwrap();
        assert_eq!(details.name.as_str(), "ponds");
        assert_eq!(details.settings.domain_id, Domain::GENERAL_COMPACT.id);
        assert_eq!(details.settings.classification_type, ClassificationType::Multiclass);
        let tags = project.tags().unwrap();
        let told: Vec<_> =
            tags.iter().map(|tag| (tag.name.as_str(), tag.tag_type, tag.image_count)).collect();
        assert_eq!(
            told,
            [
                ("fish", TagType::Regular, 3),
                ("windmill", TagType::Regular, 2),
                ("Negative", TagType::Negative, 1)
            ]
        );
        assert_eq!(tags[0].description.as_str(), "Anything with fins");
        assert_eq!(tags[0].id.to_string(), "0b2f7c1e-54a6-4d0e-9d0b-6f1f1a5b7c01");

        let images = images(&project);
        assert_eq!(
            images.iter().map(|image| image.id).collect::<Vec<_>>(),
            (1..8).map(id).collect::<Vec<_>>()
        );
        let first = &images[0];
        assert_eq!(first.created, at("2023-03-09T10:21:30.123Z"));
        assert_eq!(
            (first.tags[0].tag_id, first.tags[0].created),
            (tags[0].id, at("2023-03-09T10:22:00.456Z"))
        );
        let region = &first.regions[0];
        assert_eq!(region.id.to_string(), "77a1d6f4-2f0b-4a39-9a55-90f1b7d40001");
        assert_eq!((region.tag_id, region.bounds.left(), region.bounds.height()), (tags[0].id, 0.125, 0.375));
        assert_eq!(
            (first.metadata.get("person"), first.metadata.get("basin")),
            (Some("visitor 81"), Some("north"))
        );
        assert_eq!(first.origin, Origin::Upload { name: Some(format!("{}.jpg", id(1))) });
        assert_eq!((images[3].tags[0].tag_id, images[3].tags.len()), (tags[2].id, 1));
        assert!(images[6].tags.is_empty() && images[6].metadata.get("basin") == Some("south"));
        // What is said of a person there is found here.
        let found = scene.ocelli.find_person(&"person eq 'visitor 81'".parse().unwrap()).unwrap();
        assert_eq!(found.items.iter().map(|item| item.item).collect::<Vec<_>>(), [Erased::Image(id(1))]);

        let iterations: Vec<_> =
            import.iterations.iter().map(|it| (it.name.as_str(), it.status.as_str())).collect();
        assert_eq!(iterations.len(), 2);
        assert!(iterations.contains(&("Iteration 2", "Completed")));
        assert!(project.iterations().unwrap().is_empty());
    });
}

#[test]
fn photos_go_the_way_of_uploaded_ones() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    // One is no photo, one is not there, and two are the same.
    std::fs::write(folder.path().join(format!("{}.jpg", id(2))), b"%PDF-1.7").unwrap();
    std::fs::remove_file(folder.path().join(format!("{}.jpg", id(3)))).unwrap();
    std::fs::copy(folder.path().join(format!("{}.jpg", id(1))), folder.path().join(format!("{}.jpg", id(6))))
        .unwrap();
    let scene = Scene::in_memory();
    let import = scene.ocelli.import_custom_vision(folder.path(), &CustomVisionOptions::default()).unwrap();
    assert_eq!((import.project.images, import.project.duplicates), (4, 1));
    let [refused] = &import.project.problems[..] else { panic!("{:?}", import.project.problems) };
    assert_eq!((refused.item, refused.code), (Some(Erased::Image(id(2))), ErrorCode::BadRequestImageFormat));
    assert!(import.problems.iter().any(|problem| problem.to_string().contains(&id(3).to_string())));
    assert_eq!(import.project.ids.images[&id(6)], id(1));
    let project = scene.ocelli.project(import.project.id).unwrap();
    let folder_name = folder.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(project.details().unwrap().name.as_str(), folder_name);
    let written = std::fs::read(folder.path().join(format!("{}.jpg", id(5)))).unwrap();
    assert!(project.image_bytes(id(5)).unwrap().len() <= written.len());
}

#[test]
fn several_tags_on_a_photo_make_a_project_multilabel() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let path = folder.path().join("GetTaggedImages.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let second = r#""tags":[{"tagId":"0b2f7c1e-54a6-4d0e-9d0b-6f1f1a5b7c02","tagName":"windmill","created":"2023-03-09T10:22:01.000Z"},"#;
    std::fs::write(&path, text.replacen(r#""tags":["#, second, 1)).unwrap();
    let scene = Scene::in_memory();
    let made = |options: &CustomVisionOptions| {
        let import = scene.ocelli.import_custom_vision(folder.path(), options).unwrap();
        scene.ocelli.project(import.project.id).unwrap().details().unwrap().settings
    };
    let settings = made(&CustomVisionOptions::default());
    assert_eq!(settings.classification_type, ClassificationType::Multilabel);
    let options = CustomVisionOptions {
        classification_type: Some(ClassificationType::Multiclass),
        domain_id: Some(Domain::FOOD.id),
        ..CustomVisionOptions::default()
    };
    let settings = made(&options);
    assert_eq!(
        (settings.classification_type, settings.domain_id),
        (ClassificationType::Multiclass, Domain::FOOD.id)
    );
}

/// A folder whose iterations are these: status, when it was trained, domain and classification type.
fn with_iterations(folder: &Path, iterations: &[(&str, &str, &str)]) {
    let iterations: Vec<_> = iterations
        .iter()
        .enumerate()
        .map(|(number, (trained, domain, classification))| {
            serde_json::json!({
                "id": format!("3f9a2b70-1c64-4f4e-8f3f-5a2f6f1e{number:04}"),
                "name": format!("Iteration {number}"),
                "status": "Completed",
                "created": "2023-03-10T09:00:00.000Z",
                "lastModified": "2023-03-10T09:00:00.000Z",
                "trainedAt": trained,
                "domainId": domain,
                "classificationType": classification,
            })
        })
        .collect();
    std::fs::write(folder.join("GetIterations.json"), serde_json::to_vec(&iterations).unwrap()).unwrap();
}

#[test]
fn the_iteration_that_was_trained_last_says_what_the_project_is() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let [food, landmarks] =
        [Domain::FOOD_COMPACT, Domain::LANDMARKS_COMPACT].map(|domain| domain.id.to_string());
    let scene = Scene::in_memory();
    let settings = || {
        let import =
            scene.ocelli.import_custom_vision(folder.path(), &CustomVisionOptions::default()).unwrap();
        assert!(import.project.problems.is_empty(), "{:?}", import.project.problems);
        let details = scene.ocelli.project(import.project.id).unwrap().details().unwrap();
        (details.settings.domain_id.to_string(), details.settings.classification_type)
    };
    // Whichever place it has in the list.
    let earlier = ("2023-03-11T09:00:00.000Z", food.as_str(), "Multiclass");
    let later = ("2023-03-12T09:00:00.000Z", landmarks.as_str(), "Multilabel");
    for iterations in [[earlier, later], [later, earlier]] {
        with_iterations(folder.path(), &iterations);
        assert_eq!(settings(), (landmarks.clone(), ClassificationType::Multilabel));
    }
    with_iterations(folder.path(), &[("2023-03-10T09:00:00.000Z", &landmarks, "Multilabel"), earlier]);
    assert_eq!(settings(), (food, ClassificationType::Multiclass));
}

#[test]
fn a_domain_that_is_not_known_is_told() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let unknown = "00000000-1111-2222-3333-444444444444";
    let food = Domain::FOOD_COMPACT.id.to_string();
    let scene = Scene::in_memory();
    for (known, expected) in [(None, Domain::GENERAL_COMPACT), (Some(food.as_str()), Domain::FOOD_COMPACT)] {
        let last = ("2023-03-12T09:00:00.000Z", unknown, "Multiclass");
        let earlier = known.map(|domain| ("2023-03-11T09:00:00.000Z", domain, "Multiclass"));
        let iterations: Vec<_> = earlier.into_iter().chain([last]).collect();
        with_iterations(folder.path(), &iterations);
        let import =
            scene.ocelli.import_custom_vision(folder.path(), &CustomVisionOptions::default()).unwrap();
        let [problem] = &import.project.problems[..] else { panic!("{:?}", import.project.problems) };
        assert_eq!((problem.item, problem.code), (None, ErrorCode::BadRequestUnsupportedDomain));
        assert!(problem.message.contains(unknown) && problem.message.contains(expected.name), "{problem}");
        let details = scene.ocelli.project(import.project.id).unwrap().details().unwrap();
        assert_eq!(details.settings.domain_id, expected.id);
        // Who names one is told nothing.
        let options = CustomVisionOptions { domain_id: Some(Domain::FOOD.id), ..Default::default() };
        let import = scene.ocelli.import_custom_vision(folder.path(), &options).unwrap();
        assert!(import.project.problems.is_empty());
    }
}

#[test]
fn metadata_that_a_duplicate_loses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    // The seventh shows another basin than the first, and nobody.
    std::fs::copy(folder.path().join(format!("{}.jpg", id(1))), folder.path().join(format!("{}.jpg", id(7))))
        .unwrap();
    let scene = Scene::in_memory();
    let import = scene.ocelli.import_custom_vision(folder.path(), &CustomVisionOptions::default()).unwrap();
    assert_eq!(import.project.duplicates, 1);
    let [problem] = &import.project.problems[..] else { panic!("{:?}", import.project.problems) };
    assert_eq!(problem.item, Some(Erased::Image(id(7))));
    assert!(problem.message.contains(&id(1).to_string()), "{problem}");
    assert!(problem.message.contains("basin") && !problem.message.contains("person"), "{problem}");
}

#[test]
fn a_folder_that_says_nothing_and_one_that_is_not_there() {
    let scene = Scene::in_memory();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("GetTags.json"), "[{\"id\": \"no uuid\"}, 17, {\"id").unwrap();
    std::fs::write(folder.path().join("stray.png"), drawn(1)).unwrap();
    let import = scene.ocelli.import_custom_vision(folder.path(), &CustomVisionOptions::default()).unwrap();
    assert_eq!((import.project.images, import.project.ids.tags.len()), (0, 0));
    assert!(!import.problems.is_empty());
    let missing = folder.path().join("missing");
    let error = scene.ocelli.import_custom_vision(missing, &CustomVisionOptions::default()).unwrap_err();
    assert!(matches!(error, ocelli::Error::Archive(_)), "{error}");
    assert_eq!(scene.ocelli.projects().unwrap().len(), 1);
}

#[test]
fn a_tag_that_is_refused_leaves_no_project() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let limits = Limits { tags_per_project: 2, ..Limits::default() };
    let scene = Scene::in_memory_with(OpenOptions::new().limits(limits));
    let error =
        scene.ocelli.import_custom_vision(folder.path(), &CustomVisionOptions::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadRequestExceedTagPerProjectLimit);
    assert!(scene.ocelli.projects().unwrap().is_empty());
}
