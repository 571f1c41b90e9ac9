use std::fs;
use std::path::Path;

use ocelli_core::{TagId, TagType, limits};
use serde_json::{Value, json};

use super::*;

const OAK: &str = "8f1c5d0e-3a55-4c8e-9a3b-2b6d1f0a7c11";
const ELM: &str = "1d2c3b4a-0000-4000-8000-00000000e130";
const NONE: &str = "5e3f9b76-1111-4222-8333-444455556666";

fn image_id(n: u32) -> String {
    format!("a0000000-0000-4000-8000-{n:012x}")
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// A tag as `GetTags` gives it.
fn tag(id: &str, name: &str, tag_type: &str) -> Value {
    json!({"id": id, "name": name, "description": null, "type": tag_type, "imageCount": 4})
}

/// A photo as `GetTaggedImages` gives it.
fn image(n: u32, tags: &[(&str, &str)]) -> Value {
    let id = image_id(n);
    let uri = format!("https://store.example.net/i-77/o-{n}?sv=2020-04-08&sig=a%2Fb");
    let tag = |(id, name): &(&str, &str)| json!({"tagId": id, "tagName": name, "created": "2021-03-04T05:06:07.8901234Z"});
    json!({
        "id": id, "created": "2021-03-04T05:06:07.123Z", "width": 900, "height": 600,
        "resizedImageUri": uri, "thumbnailUri": uri, "originalImageUri": uri,
        "tags": tags.iter().map(tag).collect::<Vec<_>>(), "regions": null, "metadata": null, "somethingNew": [1],
    })
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn json(self, name: &str, value: &Value) -> Self {
        self.put(name, serde_json::to_vec_pretty(value).unwrap())
    }

    fn tags(self) -> Self {
        self.json(
            "GetTags.json",
            &json!([tag(OAK, "oak", "Regular"), tag(ELM, "elm", "Regular"), tag(NONE, "none", "Negative")]),
        )
    }

    fn read(&self) -> CustomVisionProject {
        self.read_within(FolderLimits::default())
    }

    fn read_within(&self, limits: FolderLimits) -> CustomVisionProject {
        CustomVisionProject::read(self.0.path(), now(), limits).unwrap()
    }
}

fn only_problem(project: &CustomVisionProject) -> String {
    assert_eq!(project.problems.len(), 1, "{:#?}", project.problems);
    project.problems[0].to_string()
}

#[test]
fn a_project_comes_with_tags_regions_metadata_and_negatives() {
    let mut with_region = image(1, &[]);
    with_region["regions"] = json!([{
        "regionId": "b0000000-0000-4000-8000-000000000001", "tagName": "elm", "created": "2021-03-04T05:06:08Z",
        "tagId": ELM, "left": 0.25, "top": 0.125, "width": 0.5, "height": 0.100_000_024,
    }]);
    with_region["metadata"] = json!({"person": "p-17", "note": "=1+1"});
    let folder = Folder::new()
        .tags()
        .json("GetTaggedImages-1.json", &json!([with_region, image(2, &[(OAK, "oak"), (ELM, "elm")])]))
        .json("GetTaggedImages-2.json", &json!([image(3, &[(NONE, "none")])]))
        .json("GetUntaggedImages.json", &json!([image(4, &[])]))
        .put(&format!("{}.jpg", image_id(1)), "one")
        .put(&format!("photos/{}.PNG", image_id(2).to_uppercase()), "two")
        .put("photos/deep/O-3", "three")
        .put("o-4.jpeg", "four");
    let project = folder.read();
    assert_eq!(project.problems, []);

    let summary = |tag: &Tag| (tag.id.to_string(), tag.name.to_string(), tag.tag_type, tag.image_count);
    let tags: Vec<_> = project.tags.iter().map(summary).collect();
    assert_eq!(
        tags,
        [
            (OAK.to_owned(), "oak".to_owned(), TagType::Regular, 1),
            (ELM.to_owned(), "elm".to_owned(), TagType::Regular, 2),
            (NONE.to_owned(), "none".to_owned(), TagType::Negative, 1),
        ]
    );
    let bytes: Vec<Vec<u8>> =
        project.images.iter().map(|image| project.photo_bytes(image).unwrap()).collect();
    assert_eq!(bytes, [&b"one"[..], b"two", b"three", b"four"]);

    let first = &project.images[0].image;
    assert_eq!((first.id.to_string(), first.width, first.height), (image_id(1), 900, 600));
    assert_eq!(first.created.to_string(), "2021-03-04T05:06:07.123Z");
    assert_eq!(first.metadata.get("person"), Some("p-17"));
    assert_eq!(first.origin.name(), Some(format!("{}.jpg", image_id(1)).as_str()));
    let region = &first.regions[0];
    assert_eq!(region.tag_id.to_string(), ELM);
    let bounds = region.bounds;
    assert_eq!(
        [bounds.left(), bounds.top(), bounds.width(), bounds.height()],
        [0.25, 0.125, 0.5, 0.100_000_024]
    );

    let second = &project.images[1].image;
    let tagged: Vec<_> =
        second.tags.iter().map(|tag| (tag.tag_id.to_string(), tag.created.to_string())).collect();
    let seven_digits = "2021-03-04T05:06:07.890Z".to_owned();
    assert_eq!(tagged, [(OAK.to_owned(), seven_digits.clone()), (ELM.to_owned(), seven_digits)]);
    assert_eq!(project.images[2].image.tags[0].tag_id.to_string(), NONE);
    assert!(project.images[3].image.tags.is_empty());
}

#[test]
fn iterations_are_kept_as_they_were_told() {
    let iteration = json!({
        "id": "c0000000-0000-4000-8000-000000000001", "name": "Iteration 1", "status": "Completed",
        "created": "2020-11-06T16:37:26.2660000Z", "lastModified": "2020-11-06T16:40:00Z",
        "trainedAt": "2020-11-06T16:39:26.266Z", "projectId": OAK, "exportable": true, "exportableTo": ["ONNX"],
        "domainId": "0732100f-1a38-4e49-a514-c9b44c697ab5", "classificationType": "Multiclass",
        "trainingType": "Regular", "reservedBudgetInHours": 0, "trainingTimeInMinutes": 2,
        "publishName": "live", "originalPublishResourceId": null, "customBaseModelInfo": null,
    });
    let project = Folder::new().json("iterations.json", &iteration).read();
    assert_eq!(project.problems, []);
    let [iteration] = &project.iterations[..] else { panic!("{:?}", project.iterations) };
    assert_eq!((iteration.name.as_str(), iteration.status.as_str()), ("Iteration 1", "Completed"));
    assert_eq!(iteration.created, Some("2020-11-06T16:37:26.266Z".parse().unwrap()));
    assert_eq!(iteration.trained_at, Some("2020-11-06T16:39:26.266Z".parse().unwrap()));
    assert_eq!(
        (iteration.publish_name.as_deref(), iteration.training_time_in_minutes),
        (Some("live"), Some(2.0))
    );
    assert_eq!(iteration.classification_type.as_deref(), Some("Multiclass"));
}

#[test]
fn the_same_photo_on_several_pages_is_one_with_all_its_tags() {
    let folder = Folder::new()
        .tags()
        .json("GetImages1.json", &json!([image(1, &[(OAK, "oak")]), image(1, &[(OAK, "oak")])]))
        .json("GetImages2.json", &json!([image(1, &[(ELM, "elm")])]))
        .json("tags.json", &json!([tag(OAK, "oak", "Regular")]))
        .put(&format!("{}.jpg", image_id(1)), "one");
    let project = folder.read();
    assert_eq!(project.problems, []);
    assert_eq!((project.images.len(), project.tags.len()), (1, 3));
    assert_eq!(project.images[0].image.tags.len(), 2);
}

#[test]
fn files_are_known_by_their_form_where_their_names_say_nothing() {
    let value = json!({"Count": 2, "value": [tag(OAK, "oak", "Regular"), tag(ELM, "elm", "Regular")]});
    let text: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(value.to_string().encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let snake = json!({
        "id": image_id(1), "created": "2021-03-04T05:06:07.123456", "width": 9, "height": 6,
        "original_image_uri": "https://x/o-1", "tags": [{"tag_id": OAK, "tag_name": "oak", "created": "2021-03-04T05:06:07"}],
    });
    let folder = Folder::new()
        .put("a.JSON", text)
        .put("b.json", format!("\u{feff}{snake}"))
        .json("c.json", &json!([{"id": OAK, "trainedAt": null, "status": "Training"}]))
        .json("d.json", &json!([{"id": OAK}]))
        .put("o-1.jpg", "one");
    let project = folder.read();
    assert!(only_problem(&project).starts_with(&format!("d.json, record 1 ({OAK}): is neither")));
    assert_eq!((project.tags.len(), project.images.len(), project.iterations.len()), (2, 1, 1));
    assert_eq!(project.images[0].image.tags[0].created.to_string(), "2021-03-04T05:06:07.000Z");
}

#[test]
fn damage_loses_nothing_but_itself() {
    let good = |n| image(n, &[(OAK, "oak")]);
    let mut wrong_box = good(4);
    wrong_box["regions"] = json!([
        {"regionId": ELM, "tagId": OAK, "left": 0.9, "top": 0.0, "width": 0.9, "height": 0.1},
        {"regionId": OAK, "tagId": OAK, "tagName": "oak", "left": 0.1, "top": 0.0, "width": 0.9, "height": 0.1},
    ]);
    wrong_box["metadata"] = json!({"n": 7, "list": [], "long": "x".repeat(limits::MAX_METADATA_VALUE + 1)});
    let mut wrong_date = good(5);
    wrong_date["created"] = json!("yesterday");
    let mut wrong_tag = good(6);
    wrong_tag["tags"][0]["tagId"] = json!("oak");
    let page =
        json!([good(1), {"width": 3}, "text", {"id": "no uuid"}, good(2), wrong_box, wrong_date, wrong_tag]);
    let cut = json!([good(7), good(8)]).to_string();
    let mut folder = Folder::new()
        .tags()
        .json("GetTaggedImages1.json", &page)
        .put("GetTaggedImages2.json", &cut[..cut.len() - 20])
        .put("GetTaggedImages3.json", b"\xff\xfe\x00")
        .put("GetTaggedImages4.json", "")
        .json("GetTaggedImages5.json", &json!({"code": "Unauthorized", "message": "no"}));
    for n in 1..10 {
        folder = folder.put(&format!("{}.jpg", image_id(n)), "x");
    }
    let project = folder.read();
    let ids: Vec<String> = project.images.iter().map(|image| image.image.id.to_string()).collect();
    assert_eq!(ids, [1, 2, 4, 6, 7, 5].map(image_id), "the one without a date is dated now");
    assert_eq!(project.image(ids[5].parse().unwrap()).unwrap().image.created, now());
    let fourth = &project.images[2].image;
    assert_eq!(
        (fourth.regions.len(), fourth.metadata.get("n"), fourth.metadata.entries().len()),
        (1, Some("7"), 1)
    );
    assert!(project.images[3].image.tags.is_empty());

    let problems: Vec<String> = project.problems.iter().map(ToString::to_string).collect();
    let expected = [
        "GetTaggedImages1.json, record 2: cannot be understood: missing field `id`",
        "GetTaggedImages1.json, record 3: cannot be understood",
        "GetTaggedImages1.json, record 4 (no uuid): the id \"no uuid\" of the photo is no UUID",
        &format!("GetTaggedImages1.json, record 6 ({}): the region {ELM} is not usable", image_id(4)),
        "the value of the metadata key \"list\" is no text",
        "the value of the metadata key \"long\" has",
        "\"yesterday\" is no date",
        "the id \"oak\" of the tag is no UUID",
        "GetTaggedImages2.json: is damaged JSON: EOF",
        "GetTaggedImages3.json: is no text",
        "GetTaggedImages4.json: is damaged JSON",
        "GetTaggedImages5.json, record 1: cannot be understood",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{problem:?} should say {expected:?}");
    }
}

#[test]
fn a_photo_that_is_missing_is_named_with_where_it_should_be() {
    let project = Folder::new().tags().json("images.json", &json!([image(1, &[])])).read();
    assert_eq!(project.images[0].file, None);
    let problem = only_problem(&project);
    assert!(problem.contains(&image_id(1)) && problem.contains("\"o-1\""), "{problem}");
    assert!(matches!(project.photo_bytes(&project.images[0]), Err(ArchiveError::NotFound { .. })));
}

#[test]
fn of_several_files_of_one_photo_the_largest_is_taken() {
    let folder = Folder::new()
        .json("images.json", &json!([image(1, &[])]))
        .put(&format!("originals/{}.jpg", image_id(1)), "the larger")
        .put(&format!("thumbnails/{}.jpg", image_id(1)), "small");
    let project = folder.read();
    assert_eq!(project.photo_bytes(&project.images[0]).unwrap(), b"the larger");
    assert!(only_problem(&project).contains("2 files"));
}

#[test]
fn a_tag_that_only_photos_name_is_made_from_that() {
    let folder = Folder::new()
        .json("images.json", &json!([image(1, &[(OAK, "oak"), (ELM, "elm")]), image(2, &[(OAK, "oak")])]))
        .put("o-1.jpg", "x")
        .put("o-2.jpg", "y");
    let project = folder.read();
    let names: Vec<_> = project.tags.iter().map(|tag| (tag.name.as_str(), tag.image_count)).collect();
    assert_eq!(names, [("oak", 2), ("elm", 1)]);
    assert_eq!(project.problems.len(), 2);
}

#[test]
fn tags_that_contradict_are_settled() {
    let folder = Folder::new()
        .json(
            "tags.json",
            &json!([
                tag(OAK, "oak", "Regular"),
                tag(ELM, "oak", "GeneralProduct"),
                tag(NONE, "none", "negative"),
                tag(&image_id(9), "also none", "Negative"),
                tag(&image_id(8), "line\nfeed", "Regular"),
            ]),
        )
        .json("images.json", &json!([image(1, &[(OAK, "oak"), (ELM, "oak"), (NONE, "none")])]))
        .put("o-1.jpg", "x");
    let project = folder.read();
    let tags: Vec<_> = project.tags.iter().map(|tag| (tag.name.as_str(), tag.tag_type)).collect();
    let (regular, negative) = (TagType::Regular, TagType::Negative);
    assert_eq!(tags, [("oak", regular), ("none", negative), ("also none", regular), ("linefeed", regular)]);
    let oak: TagId = OAK.parse().unwrap();
    assert_eq!(project.images[0].image.tags.iter().map(|tag| tag.tag_id).collect::<Vec<_>>(), [oak]);
    assert_eq!(project.problems.len(), 5, "{:#?}", project.problems);
}

#[test]
fn every_limit_is_kept() {
    let folder =
        Folder::new().tags().json("images.json", &json!([image(1, &[])])).put("a/b/o-1.jpg", "photo");
    let limits = FolderLimits::default();
    let problem = |limits| only_problem(&folder.read_within(limits));
    assert!(problem(FolderLimits { photo_bytes: 4, ..limits }).contains("5 bytes"));
    assert!(problem(FolderLimits { depth: 1, ..limits }).contains("not in the folder"));
    let project = folder.read_within(FolderLimits { response_bytes: 10, ..limits });
    assert_eq!(project.problems.len(), 2);
    let error =
        CustomVisionProject::read(folder.0.path(), now(), FolderLimits { files: 3, ..limits }).unwrap_err();
    assert!(matches!(error, ArchiveError::Limit { setting: "files", .. }), "{error}");
    let all_response_bytes = 10;
    let error =
        CustomVisionProject::read(folder.0.path(), now(), FolderLimits { all_response_bytes, ..limits });
    assert!(matches!(error, Err(ArchiveError::Limit { setting: "all_response_bytes", .. })), "{error:?}");
    let missing = folder.0.path().join("missing");
    let error = CustomVisionProject::read(&missing, now(), limits).unwrap_err();
    assert!(matches!(error, ArchiveError::Folder { .. }), "{error}");

    // A photo that has grown since the folder was read.
    let project = folder.read_within(FolderLimits { photo_bytes: 5, ..limits });
    let folder = folder.put("a/b/o-1.jpg", "larger");
    assert!(matches!(project.photo_bytes(&project.images[0]), Err(ArchiveError::Photo { .. })));
    drop(folder);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let outside = Folder::new().tags().put("o-1.jpg", "secret");
    let folder = Folder::new().json("images.json", &json!([image(1, &[])]));
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, folder.0.path().join(name)).unwrap();
    link(&outside.0.path().join("o-1.jpg"), "o-1.jpg");
    link(&outside.0.path().join("GetTags.json"), "GetTags.json");
    link(outside.0.path(), "more");
    link(folder.0.path(), "circle");
    let project = folder.read();
    assert_eq!((project.tags.len(), project.images[0].file.clone()), (0, None));

    // A file that became a link since the folder was read.
    let folder = folder.put("x.txt", "");
    let folder = folder.json("images2.json", &json!([image(2, &[])])).put("o-2.jpg", "photo");
    let project = folder.read();
    let image = project.images.iter().find(|image| image.file.is_some()).unwrap();
    fs::remove_file(folder.0.path().join("o-2.jpg")).unwrap();
    std::os::unix::fs::symlink(outside.0.path().join("o-1.jpg"), folder.0.path().join("o-2.jpg")).unwrap();
    assert!(matches!(project.photo_bytes(image), Err(ArchiveError::Photo { .. })));
}
