//! Photos on their way in: batches, damaged files, folders, metadata, orientation.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::path::Path;

use image::ImageFormat;
use ocelli::{
    Error, ErrorCode, ImageCreateStatus, ImageFilter, Keep, Limits, NewProject, OpenOptions, ProjectHandle,
    TagId, TrainOptions, Upload,
};
use ocelli_tests::{Scene, drawn, encoded, in_both, real_files, trained};

fn project(scene: &Scene) -> ProjectHandle {
    scene.ocelli.create_project(NewProject::new("uploads")).unwrap()
}

const FORMATS: [(ImageFormat, &str); 5] = [
    (ImageFormat::Jpeg, "JPEG"),
    (ImageFormat::Png, "PNG"),
    (ImageFormat::Bmp, "BMP"),
    (ImageFormat::Gif, "GIF"),
    (ImageFormat::WebP, "WebP"),
];

#[test]
fn every_format_is_taken() {
    in_both(|scene| {
        let project = project(scene);
        for (format, name) in FORMATS {
            let image = project.add_image(encoded(1, 40, 30, format), &[]).expect(name).image;
            assert_eq!((image.width, image.height), (40, 30), "{name}");
        }
    });
}

#[test]
fn bad_photos_in_a_full_batch_lose_none_of_the_others_and_name_their_causes() {
    in_both(|scene| {
        let project = project(scene);
        let mut bad: Vec<(String, Vec<u8>, ImageCreateStatus, String)> = Vec::new();
        for (format, name) in FORMATS {
            let whole = encoded(200, 64, 64, format);
            let half = whole[..whole.len() / 2].to_vec();
            bad.push((format!("half.{name}"), half, ImageCreateStatus::ErrorImageFormat, name.to_owned()));
        }
        let mut large = drawn(201);
        large.resize(6_000_001, 0);
        bad.push(("large".into(), large, ImageCreateStatus::ErrorImageSize, "6000000".into()));
        let text = b"this is no photo".to_vec();
        bad.push(("text".into(), text, ImageCreateStatus::ErrorImageFormat, "must be JPEG".into()));
        let thin = encoded(202, 400, 4, ImageFormat::Png);
        bad.push(("thin".into(), thin, ImageCreateStatus::ErrorImageDimensions, "25:1".into()));

        // Every eighth of 64 is bad.
        let mut uploads = Vec::new();
        for (index, (name, bytes, ..)) in (0u8..).zip(&bad) {
            uploads.extend((0..7).map(|number| Upload::bytes(drawn(index * 7 + number)).named("good")));
            uploads.push(Upload::bytes(bytes.clone()).named(name));
        }
        assert_eq!(uploads.len(), 64);
        let summary = project.add_images(uploads).unwrap();
        assert_eq!(summary.added().count(), 56);
        assert!(!summary.is_batch_successful());
        assert_eq!(project.image_count(&ImageFilter::default()).unwrap(), 56);
        for (result, (name, _, status, cause)) in summary.results.iter().skip(7).step_by(8).zip(&bad) {
            assert_eq!((result.name.as_deref(), result.status), (Some(name.as_str()), *status));
            let error = result.image.as_ref().unwrap_err().to_string();
            assert!(error.contains(cause), "{name}: {error}");
        }
    });
}

#[test]
fn more_than_64_photos_at_once_are_refused_whole() {
    in_both(|scene| {
        let project = project(scene);
        let uploads = |count: u8| (0..count).map(|number| Upload::bytes(drawn(number))).collect();
        let error = project.add_images(uploads(65)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequestExceededBatchSize);
        assert_eq!(project.image_count(&ImageFilter::default()).unwrap(), 0);
        assert!(project.add_images(uploads(64)).unwrap().is_batch_successful());
    });
}

fn tags_of(project: &ProjectHandle) -> Vec<Vec<TagId>> {
    let images = project.images(&Default::default()).unwrap();
    images.iter().map(|image| image.tags.iter().map(|tag| tag.tag_id).collect()).collect()
}

#[test]
fn the_same_bytes_twice_are_one_photo_with_the_tags_of_both() {
    in_both(|scene| {
        let project = project(scene);
        let (one, two) = (project.create_tag("one").unwrap().id, project.create_tag("two").unwrap().id);
        let first = project.add_image(drawn(1), &[one]).unwrap();
        let summary = project.add_images(vec![Upload::bytes(drawn(1)).tag(two)]).unwrap();
        assert_eq!(summary.results[0].status, ImageCreateStatus::OkDuplicate);
        assert!(summary.is_batch_successful());
        assert_eq!(summary.duplicates().next().unwrap().image.id, first.image.id);
        assert_eq!(tags_of(&project), [[one, two]]);
    });
}

#[test]
fn the_same_bytes_twice_in_one_batch_are_one_photo() {
    in_both(|scene| {
        let project = project(scene);
        let (one, two) = (project.create_tag("one").unwrap().id, project.create_tag("two").unwrap().id);
        let uploads = vec![Upload::bytes(drawn(1)).tag(one), Upload::bytes(drawn(1)).tag(two)];
        let summary = project.add_images(uploads).unwrap();
        assert_eq!((summary.added().count(), summary.duplicates().count()), (1, 1));
        assert_eq!(tags_of(&project), [[one, two]]);
    });
}

#[test]
fn threads_that_upload_the_same_photos_at_once_make_each_one_photo() {
    in_both(|scene| {
        let project = project(scene);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let uploads = (0..16).map(|number| Upload::bytes(drawn(number))).collect();
                    assert!(project.add_images(uploads).unwrap().is_batch_successful());
                });
            }
        });
        let images = project.images(&Default::default()).unwrap();
        assert_eq!(images.len(), 16);
        for image in images {
            project.image_bytes(image.id).unwrap();
        }
    });
}

#[test]
fn a_photo_with_an_unknown_tag_is_refused_alone() {
    in_both(|scene| {
        let project = project(scene);
        let deleted = project.create_tag("deleted").unwrap().id;
        assert!(project.delete_tag(deleted).unwrap().status.is_complete());
        let uploads = vec![Upload::bytes(drawn(1)).tag(deleted), Upload::bytes(drawn(2))];
        let statuses: Vec<_> =
            project.add_images(uploads).unwrap().results.iter().map(|each| each.status).collect();
        assert_eq!(statuses, [ImageCreateStatus::ErrorInvalidTag, ImageCreateStatus::Ok]);
    });
}

#[test]
fn a_full_project_takes_what_fits() {
    let limits = Limits { images_per_project: 2, ..Limits::default() };
    let scene = Scene::in_directory_with(OpenOptions::new().limits(limits));
    let project = project(&scene);
    let uploads = (0..3).map(|number| Upload::bytes(drawn(number))).collect();
    let statuses: Vec<_> =
        project.add_images(uploads).unwrap().results.iter().map(|each| each.status).collect();
    assert_eq!(statuses, [ImageCreateStatus::Ok, ImageCreateStatus::Ok, ImageCreateStatus::ErrorLimitExceed]);
}

#[test]
fn a_folder_has_one_sub_folder_a_tag() {
    in_both(|scene| {
        let project = project(scene);
        let fish = project.create_tag("fish").unwrap().id;
        let folder = tempfile::tempdir().unwrap();
        for tag in ["fish", "monument"] {
            std::fs::create_dir(folder.path().join(tag)).unwrap();
            for file in &real_files(tag)[..2] {
                std::fs::copy(file, folder.path().join(tag).join(file.file_name().unwrap())).unwrap();
            }
        }
        std::fs::write(folder.path().join("fish/notes.txt"), "not a photo").unwrap();
        std::fs::write(folder.path().join("fish/.hidden"), "passed over").unwrap();
        let summary = project.add_folder(folder.path()).unwrap();
        let refused: Vec<_> = summary.refused().map(|(name, _)| name.unwrap().to_owned()).collect();
        assert_eq!(refused, ["notes.txt"]);
        let tags = project.tags().unwrap();
        let counts: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.image_count)).collect();
        assert_eq!(counts, [("fish", 2), ("monument", 2)]);
        assert_eq!(tags[0].id, fish, "a tag that was there is used");
    });
}

#[test]
fn a_folder_without_sub_folders_is_refused() {
    let scene = Scene::in_memory();
    let folder = tempfile::tempdir().unwrap();
    let error = project(&scene).add_folder(folder.path()).unwrap_err();
    assert!(matches!(error, Error::NoTagFolders { .. }), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_an_entry_of_its_own() {
    in_both(|scene| {
        let project = project(scene);
        let missing = Upload::file("no/such/photo.jpg");
        let summary = project.add_files([missing, Upload::bytes(drawn(1))]).unwrap();
        let statuses: Vec<_> = summary.results.iter().map(|each| each.status).collect();
        assert_eq!(statuses, [ImageCreateStatus::ErrorSource, ImageCreateStatus::Ok]);
        assert_eq!(summary.results[0].name.as_deref(), Some("photo.jpg"));
    });
}

const PLACE: &[u8] = b"48.8584N 2.2945E";

/// A JPEG of 40 x 20 stored pixels that stands upright after a quarter turn, with a place in its GPS block.
fn turned_photo_with_place(number: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let place = u32::try_from(PLACE.len()).unwrap();
    // Directory 0 at 8: orientation 6, and where the GPS directory is; that one at 38; the text after it at 56.
    tiff.extend([2, 0]);
    tiff.extend(entry(0x0112, 3, 1, 6));
    tiff.extend(entry(0x8825, 4, 1, 38));
    tiff.extend([0; 4]);
    tiff.extend([1, 0]);
    tiff.extend(entry(0x001c, 7, place, 56));
    tiff.extend([0; 4]);
    tiff.extend(PLACE);
    let body = [b"Exif\0\0", tiff.as_slice()].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    let plain = encoded(number, 40, 20, ImageFormat::Jpeg);
    [&plain[..2], &[0xff, 0xe1], &length, &body, &plain[2..]].concat()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The files of a folder and of those within that contain these bytes, and how many files there are.
fn search(folder: &Path, part: &[u8]) -> (Vec<String>, usize) {
    let (mut hits, mut files) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let (inner, count) = search(&path, part);
            hits.extend(inner);
            files += count;
        } else {
            files += 1;
            if contains(&std::fs::read(&path).unwrap(), part) {
                hits.push(path.display().to_string());
            }
        }
    }
    (hits, files)
}

#[test]
fn the_place_of_a_photo_is_nowhere_in_the_data_directory() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let photo = turned_photo_with_place(90);
    assert!(contains(&photo, PLACE));
    let image = project.add_image(photo, &[]).unwrap().image.id;
    assert!(!contains(&project.image_bytes(image).unwrap(), PLACE));
    let keep = Keep::both();
    let kept = iteration.quick_test_with(&turned_photo_with_place(91), keep).unwrap().id;
    assert!(!contains(&project.prediction_bytes(kept).unwrap(), PLACE));
    let (hits, files) = search(scene.path(), PLACE);
    assert!(hits.is_empty(), "{hits:?}");
    assert!(files > 14, "{files} files were searched");
}

#[test]
fn sizes_are_those_of_the_upright_photo() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let image = project.add_image(turned_photo_with_place(90), &[]).unwrap().image;
        assert_eq!((image.width, image.height), (20, 40));
        let keep = Keep::both();
        let kept = iteration.quick_test_with(&turned_photo_with_place(91), keep).unwrap().id;
        let kept = project.prediction(kept).unwrap();
        assert_eq!((kept.width, kept.height), (20, 40));
    });
}

#[test]
fn a_stored_photo_is_seen_upright_too() {
    let scene = Scene::in_memory();
    let (project, iteration) = trained(&scene.ocelli);
    let image = project.add_image(turned_photo_with_place(90), &[]).unwrap().image.id;
    let stored = iteration.quick_test(&project.image_bytes(image).unwrap()).unwrap().predictions;
    let given = iteration.quick_test(&turned_photo_with_place(90)).unwrap().predictions;
    let lying = iteration.quick_test(&encoded(90, 40, 20, ImageFormat::Jpeg)).unwrap().predictions;
    assert_eq!(stored, given);
    assert_ne!(stored, lying);
}

#[test]
fn a_photo_to_predict_may_have_4_megabytes() {
    let scene = Scene::in_memory();
    let (_, iteration) = trained(&scene.ocelli);
    let mut photo = drawn(90);
    photo.resize(4_000_001, 0);
    assert_eq!(iteration.quick_test(&photo).unwrap_err().code(), ErrorCode::BadRequestImageSizeBytes);
}

#[test]
fn limits_on_bytes_can_be_set() {
    let limits = Limits { train_bytes: 100, ..Limits::default() };
    let scene = Scene::in_memory_with(OpenOptions::new().limits(limits));
    let project = project(&scene);
    assert_eq!(project.add_image(drawn(90), &[]).unwrap_err().code(), ErrorCode::BadRequestImageSizeBytes);
    assert!(project.train(&TrainOptions::default()).is_err());
}
