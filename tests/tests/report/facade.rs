//! Reports of iterations that were trained.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use ocelli::{
    Error, Flaw, IterationReport, NewProject, Picture, ProjectHandle, ReportOptions, RetentionPolicy,
    RetentionRule, StopToken, TrainError, TrainOptions, Upload,
};
use ocelli_tests::{Scene, encoded, in_both, label, label_real, real, trained};

/// A real photo in another format.
fn reencoded(photo: &[u8], format: ImageFormat) -> Vec<u8> {
    let pixels = image::load_from_memory(photo).unwrap().to_rgb8();
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn a_report_holds_what_the_iteration_says() {
    in_both(|scene| {
        let (project, first) = trained(&scene.ocelli);
        label(&project, "slanted", 20..26);
        let iteration = project.train(&TrainOptions::default()).unwrap();
        let options = ReportOptions { compare_with: Some(first.id()), ..ReportOptions::default() };
        let report = iteration.report(&options).unwrap();

        let manifest = iteration.manifest().unwrap();
        let thresholds = ocelli::Thresholds::from(&manifest.thresholds);
        let performance = manifest.evaluation.performance(thresholds);
        assert_eq!(report.iteration, iteration.details().unwrap());
        assert_eq!(report.headline.value.unwrap().value, manifest.evaluation.top1().unwrap());
        assert_eq!(report.headline.photos, 18);
        for (tag, figures) in report.tags.iter().zip(&performance.per_tag_performance) {
            assert_eq!((tag.id, &tag.name, tag.photos), (figures.id, &figures.name, 6));
            assert_eq!(tag.recall.unwrap().value, figures.recall);
        }
        assert_eq!(report.comparison.as_ref().unwrap().shared.photos, 12);
        // Drawn photos are smaller than what a network looks at.
        assert_eq!(report.findings.as_ref().unwrap().poor.len(), 18);
        assert!(
            report.photos.len() >= 18
                && report.photos.iter().all(|photo| matches!(photo.picture, Picture::Thumbnail(_)))
        );
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<IterationReport>(&json).unwrap().html(), report.html());
    });
}

#[test]
fn a_report_can_be_had_without_copies_of_photos() {
    let scene = Scene::in_memory();
    let (_, iteration) = trained(&scene.ocelli);
    let report = iteration.report(&ReportOptions { thumbnails: false, ..ReportOptions::default() }).unwrap();
    assert!(!report.photos.is_empty());
    assert!(report.photos.iter().all(|photo| photo.picture == Picture::NotShown));
    assert!(!report.html().contains("data:image"));
}

#[test]
fn photos_that_are_due_are_not_shown() {
    let scene = Scene::in_memory();
    let (project, iteration) = trained(&scene.ocelli);
    let policy = RetentionPolicy {
        training_photos: RetentionRule::days(1),
        ..project.retention().unwrap().policy().clone()
    };
    project.set_retention(policy).unwrap();
    scene.pass_days(2);
    let report = iteration.report(&ReportOptions::default()).unwrap();
    assert!(report.photos.iter().all(|photo| photo.picture == Picture::Erased), "{:?}", report.photos);
    assert!(!report.html().contains("data:image"));
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn damaged_photos_do_not_keep_a_report_from_being_made() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let tag = project.tags().unwrap()[0].id;
    let late = project.add_image(real("fish", 8).remove(7), &[tag]).unwrap();
    for file in files(&scene.path().join("blobs")) {
        std::fs::write(file, b"damaged").unwrap();
    }
    let report = iteration.report(&ReportOptions::default()).unwrap();
    assert_eq!(
        report.findings.unwrap().unreadable,
        [late.image.id],
        "what is known of the others was seen before"
    );
    assert!(!report.photos.is_empty());
    assert!(report.photos.iter().all(|photo| photo.picture == Picture::Unreadable));
}

fn with_repeats(scene: &Scene) -> ProjectHandle {
    let project = scene.ocelli.create_project(NewProject::new("photos").multiclass()).unwrap();
    let fish = label_real(&project, "fish", 6);
    label_real(&project, "windmill", 6);
    let photo = &real("fish", 7)[6];
    let copies = [ImageFormat::Png, ImageFormat::Bmp].map(|format| reencoded(photo, format));
    let night = reencoded(&encoded(0, 200, 200, ImageFormat::Png), ImageFormat::Jpeg);
    let night = image::load_from_memory(&night).unwrap().brighten(-250);
    let mut dark = Cursor::new(Vec::new());
    night.write_to(&mut dark, ImageFormat::Png).unwrap();
    let smaller = image::load_from_memory(photo).unwrap().thumbnail(200, 200);
    let mut small = Cursor::new(Vec::new());
    smaller.write_to(&mut small, ImageFormat::Png).unwrap();
    let uploads = copies.into_iter().chain([dark.into_inner(), small.into_inner()]);
    let added = project.add_files(uploads.map(|bytes| Upload::bytes(bytes).tag(fish))).unwrap();
    assert!(added.is_batch_successful(), "{added:?}");
    project
}

#[test]
fn findings_name_repeated_and_poor_photos() {
    in_both(|scene| {
        let project = with_repeats(scene);
        let iteration = project.train(&TrainOptions::default()).unwrap();
        let findings = iteration.findings().unwrap();
        let [same] = findings.duplicates.as_slice() else { unreachable!("{findings:?}") };
        assert_eq!(same.len(), 2, "{findings:?}");
        let [alike] = findings.near_duplicates.as_slice() else { unreachable!("{findings:?}") };
        assert_eq!(alike.len(), 2);
        assert_eq!(alike.iter().filter(|photo| same.contains(photo)).count(), 1, "one stands for both");
        assert!(findings.poor.iter().any(|poor| poor.flaws.contains(&Flaw::Dark)), "{findings:?}");
        assert_eq!(findings.unreadable, []);
        assert_eq!(iteration.findings().unwrap(), findings, "kept signatures say the same");
    });
}

#[test]
fn looking_can_be_stopped() {
    let scene = Scene::in_memory();
    let (_, iteration) = trained(&scene.ocelli);
    let stop = StopToken::new();
    stop.stop();
    let stopped = |error: Error| matches!(error, Error::Train(TrainError::Stopped));
    assert!(stopped(iteration.findings_until(&stop).unwrap_err()));
    assert!(stopped(iteration.report_until(&ReportOptions::default(), &stop).unwrap_err()));
}
