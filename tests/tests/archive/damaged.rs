//! Archives that are damaged, cut off, or more than the directory takes.

use std::io::Cursor;

use ocelli::{Erased, ErrorCode, ImportOptions, Keep, Limits, OpenOptions};
use ocelli_tests::{Scene, drawn, in_both, trainable, trained};

use crate::world::{exported, facts, images, imported, objects, place_of, predictions, project_exported};

#[test]
fn a_kept_prediction_whose_photo_is_damaged_keeps_its_results() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let kept = iteration.quick_test_with(&drawn(90), Keep::both()).unwrap();
        let mut archive = project_exported(&project);
        let at = place_of(&archive, &project.prediction_bytes(kept.id).unwrap());
        archive[at + 40] ^= 1;
        let import = &imported(&scene.ocelli, &archive).projects[0];
        let [problem] = &import.problems[..] else { panic!("{:?}", import.problems) };
        assert_eq!(problem.item, Some(Erased::PredictionPhoto(kept.id)));
        assert_eq!(import.predictions, 1);
        let copy = scene.ocelli.project(import.id).unwrap();
        let [came] = &predictions(&copy)[..] else { panic!("one was kept") };
        assert!(!came.photo_kept && copy.prediction_bytes(came.prediction.id).is_err());
        let answers = |results: &[ocelli::Prediction]| -> Vec<_> {
            results.iter().map(|result| (result.tag_name.clone(), result.probability.to_bits())).collect()
        };
        assert_eq!(answers(&came.prediction.predictions), answers(&kept.predictions));
        assert!(scene.ocelli.check(&ocelli::CheckOptions::default()).unwrap().is_sound());
    });
}

#[test]
fn a_damaged_photo_stays_out_alone() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let mut archive = project_exported(&project);
        let damaged = images(&project)[2].id;
        let at = place_of(&archive, &project.image_bytes(damaged).unwrap());
        archive[at + 40] ^= 1;
        let import = &imported(&scene.ocelli, &archive).projects[0];
        assert_eq!((import.images, import.problems.len()), (11, 1));
        assert_eq!(import.problems[0].item, Some(Erased::Image(damaged)));
        // Who wants all or nothing gets nothing.
        let before = scene.ocelli.projects().unwrap();
        let options = ImportOptions { whole: true, ..ImportOptions::default() };
        let error = scene.ocelli.import(Cursor::new(&archive), &options).unwrap_err();
        assert!(matches!(error, ocelli::Error::Archive(_)), "{error}");
        assert_eq!(scene.ocelli.projects().unwrap(), before);
    });
}

#[test]
fn a_failed_import_leaves_no_project_and_loses_nothing() {
    let source = Scene::in_memory();
    let first = trainable(&source.ocelli);
    // Projects are written in the order of their making.
    source.pass_millis(1);
    let second = objects(&source);
    let (mut archive, _) = exported(&source.ocelli);
    let whole = archive.clone();
    let name = format!("projects/{}/predictions.json", second.id());
    // Its bytes lie behind its name; the second project's records are read when the first one has been made.
    let at = place_of(&archive, name.as_bytes()) + name.len();
    archive[at + 1] ^= 0xff;
    archive[at + 2] ^= 0xff;
    in_both(|scene| {
        let own = trainable(&scene.ocelli);
        let (projects, photos) = (scene.ocelli.projects().unwrap(), images(&own));
        let error = scene.ocelli.import(Cursor::new(&archive), &ImportOptions::default()).unwrap_err();
        assert!(matches!(error, ocelli::Error::Archive(_)), "{error}");
        assert_eq!(scene.ocelli.projects().unwrap(), projects);
        assert_eq!(images(&own), photos);
        assert!(scene.ocelli.finish_erasures().unwrap().is_complete());
        for cut in [0, 1, archive.len() / 2, archive.len() - 1] {
            assert!(scene.ocelli.import(Cursor::new(&archive[..cut]), &ImportOptions::default()).is_err());
        }
        assert_eq!(scene.ocelli.projects().unwrap(), projects);
        // Nobody asked for its photos to go: they come when the archive is whole.
        let import = imported(&scene.ocelli, &whole);
        let came: Vec<_> = import.projects.iter().map(|each| (each.images, each.erased)).collect();
        assert_eq!(came, [(12, 0), (images(&second).len() as u64, 0)]);
    });

    // What a hold keeps cannot be erased again, and is hidden.
    let scene = Scene::in_directory();
    let person = first.set_metadata(images(&first)[0].id, facts(&[("person", "held")])).unwrap();
    assert!(person.status.is_complete());
    let (mut archive, _) = exported(&source.ocelli);
    let at = place_of(&archive, name.as_bytes()) + name.len();
    archive[at + 1] ^= 0xff;
    scene.ocelli.hold_person("person eq 'held'".parse().unwrap(), "evidence").unwrap();
    assert!(scene.ocelli.import(Cursor::new(&archive), &ImportOptions::default()).is_err());
    assert!(scene.ocelli.projects().unwrap().is_empty());
    assert_eq!(scene.ocelli.deleted_projects().unwrap().len(), 1);
}

#[test]
fn imports_keep_to_the_limits_of_the_directory() {
    let source = Scene::in_memory();
    let project = trainable(&source.ocelli);
    let archive = project_exported(&project);
    let with = |limits| Scene::in_memory_with(OpenOptions::new().limits(limits));
    let few = with(Limits { images_per_project: 10, ..Limits::default() });
    let import = &imported(&few.ocelli, &archive).projects[0];
    assert_eq!((import.images, import.problems.len()), (10, 2));
    assert_eq!(import.problems[0].code, ErrorCode::BadRequestImageExceededCount);
    let small = with(Limits { train_bytes: 10, ..Limits::default() });
    let import = &imported(&small.ocelli, &archive).projects[0];
    assert_eq!((import.images, import.problems.len()), (0, 12));
    assert!(import.problems.iter().all(|problem| problem.code == ErrorCode::BadRequestImageSizeBytes));
    let untagged = with(Limits { tags_per_project: 1, ..Limits::default() });
    let error = untagged.ocelli.import(Cursor::new(&archive), &ImportOptions::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadRequestExceedTagPerProjectLimit);
    assert!(untagged.ocelli.projects().unwrap().is_empty());
}
