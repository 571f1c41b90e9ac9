//! What is due, and what was erased, neither leaves nor comes back.

use std::io::Cursor;

use ocelli::{
    ArchiveReader, Budget, Erased, ImportOptions, Keep, OnnxInput, ReadLimits, RetentionPolicy,
    RetentionRule, TrainOptions,
};
use ocelli_archive::{ArchiveWriter, ModelFiles};
use ocelli_tests::{Scene, drawn, in_both, trainable, trained};

use crate::world::{assert_same, exported, images, imported, predictions, project_exported};

#[test]
fn what_is_due_neither_leaves_nor_comes() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.quick_test_with(&drawn(90), Keep::both()).unwrap();
        scene.pass_days(29);
        iteration.quick_test_with(&drawn(91), Keep::both()).unwrap();
        let fresh = project_exported(&project);
        scene.pass_days(2);
        let old = project_exported(&project);
        // The directory that takes it is two days later than the archive with both.
        let import = imported(&scene.ocelli, &fresh);
        assert_eq!((import.projects[0].predictions, import.projects[0].due), (1, 1));
        let import = imported(&scene.ocelli, &old);
        assert_eq!((import.projects[0].predictions, import.projects[0].due), (1, 0));
        // Its time goes on counting.
        scene.pass_days(28);
        let copy = scene.ocelli.project(import.projects[0].id).unwrap();
        assert!(predictions(&copy).is_empty());
    });
}

#[test]
fn results_come_along_when_their_photos_are_due() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let policy = RetentionPolicy {
            prediction_photos: RetentionRule::days(7),
            prediction_results: RetentionRule::days(100),
            ..RetentionPolicy::default()
        };
        project.set_retention(policy).unwrap();
        iteration.quick_test_with(&drawn(90), Keep::both()).unwrap();
        scene.pass_days(8);
        iteration.quick_test_with(&drawn(91), Keep::both()).unwrap();
        let copied = scene.ocelli.copy_project(project.id(), &scene.ocelli, None).unwrap();
        assert_eq!((&copied.problems[..], copied.predictions), (&[][..], 2));
        assert_same(&scene.ocelli, &scene.ocelli, &copied);
        let kept: Vec<bool> = predictions(&scene.ocelli.project(copied.id).unwrap())
            .iter()
            .map(|kept| kept.photo_kept)
            .collect();
        assert_eq!(kept, [false, true]);
        assert!(scene.ocelli.check(&ocelli::CheckOptions::default()).unwrap().is_sound());
    });
}

#[test]
fn results_whose_photo_was_due_under_an_earlier_policy_come_along() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let keep_photos = |rule| {
            let policy = RetentionPolicy {
                prediction_photos: rule,
                prediction_results: RetentionRule::Forever,
                ..RetentionPolicy::default()
            };
            project.set_retention(policy).unwrap();
        };
        keep_photos(RetentionRule::days(7));
        iteration.quick_test_with(&drawn(90), Keep::both()).unwrap();
        scene.pass_days(8);
        keep_photos(RetentionRule::Forever);
        assert!(!predictions(&project)[0].photo_kept, "a longer policy brings nothing back");
        let archive = project_exported(&project);
        let there = Scene::in_memory();
        there.pass_days(9);
        let import = &imported(&there.ocelli, &archive).projects[0];
        assert_eq!((&import.problems[..], import.predictions, import.due), (&[][..], 1, 0));
        assert_same(&scene.ocelli, &there.ocelli, import);
        let copy = there.ocelli.project(import.id).unwrap();
        assert!(!predictions(&copy)[0].photo_kept);
    });
}

#[test]
fn what_was_erased_does_not_come_back_by_an_old_archive() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let archive = project_exported(&project);
        let gone = images(&project)[3].id;
        assert!(project.delete_images(vec![gone]).unwrap().status.is_complete());
        let import = &imported(&scene.ocelli, &archive).projects[0];
        assert_eq!((import.images, import.erased), (11, 1));
        assert!(!import.ids.images.contains_key(&gone));
        let options = ImportOptions { erased: true, ..ImportOptions::default() };
        let import = scene.ocelli.import(Cursor::new(&archive), &options).unwrap();
        assert_eq!((import.projects[0].images, import.projects[0].erased), (12, 0));
    });
}

#[test]
fn what_was_only_due_may_come_back_and_what_was_asked_for_may_not() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let archive = project_exported(&project);
        let asked_for = images(&project)[0].id;
        assert!(project.delete_images(vec![asked_for]).unwrap().status.is_complete());
        project
            .set_retention(RetentionPolicy {
                training_photos: RetentionRule::days(7),
                ..RetentionPolicy::default()
            })
            .unwrap();
        scene.pass_days(7);
        let swept = scene.ocelli.sweep(ocelli::Clock::now(&scene.clock), Budget::default()).unwrap();
        assert_eq!(swept.erased, 11);
        // The policy that comes along with the archive keeps photos for ever.
        let import = &imported(&scene.ocelli, &archive).projects[0];
        assert_eq!((import.images, import.erased, import.due), (11, 1, 0));
    });
}

#[test]
fn an_archive_of_this_directory_comes_with_new_salts() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    let gone = images(&project)[5].id;
    let (all, one) = (exported(&scene.ocelli).0, project_exported(&project));
    assert!(project.delete_images(vec![gone]).unwrap().status.is_complete());
    // The first says whose it is; the project that the second is of is still here.
    for archive in [&all, &one] {
        let import = &imported(&scene.ocelli, archive).projects[0];
        assert_eq!((import.images, import.erased), (11, 1), "the old salts tell what was erased");
        for (was, is) in &import.ids.images {
            let (salt, commitment) = scene.ocelli.commitment(project.id(), Erased::Image(*was)).unwrap();
            let (new_salt, new) = scene.ocelli.commitment(import.id, Erased::Image(*is)).unwrap();
            assert!(salt != new_salt && commitment != new);
        }
    }
    // What went with the project was asked for as well; who wants it back says so. The first archive alone is known to be
    // from here now.
    assert!(scene.ocelli.erase_project(project.id()).unwrap().status.is_complete());
    let import = &imported(&scene.ocelli, &one).projects[0];
    assert_eq!((import.images, import.erased), (0, 12));
    let salts = |archive: &[u8]| -> Vec<_> {
        let options = ImportOptions { erased: true, ..ImportOptions::default() };
        let import = scene.ocelli.import(Cursor::new(archive), &options).unwrap().projects.remove(0);
        assert_eq!((import.images, import.erased), (12, 0));
        let salt = |image| scene.ocelli.commitment(import.id, Erased::Image(image)).unwrap().0;
        import.ids.images.values().map(|image| salt(*image)).collect()
    };
    assert_ne!(salts(&all), salts(&all));
    assert_eq!(salts(&one), salts(&one));
}

/// An archive that says nothing of salts has no commitments that the log could have: the ids tell.
#[test]
fn what_was_erased_is_known_by_its_id_as_well() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    let spare = project.train(&TrainOptions { force: true, int8: false, ..TrainOptions::default() }).unwrap();
    let export = iteration.keep_export(OnnxInput::Tensor).unwrap();
    iteration.keep_export(OnnxInput::Photo).unwrap();
    let asked = [90, 91].map(|number| iteration.quick_test_with(&drawn(number), Keep::both()).unwrap().id);
    let archive = without_salts(&project_exported(&project));
    let gone = images(&project)[3].id;
    assert!(project.delete_images(vec![gone]).unwrap().status.is_complete());
    assert!(project.delete_predictions(vec![asked[0]]).unwrap().status.is_complete());
    assert!(spare.delete().unwrap().status.is_complete());
    assert!(project.delete_export(export.id).unwrap().status.is_complete());
    let import = &imported(&scene.ocelli, &archive).projects[0];
    assert_eq!((import.images, import.predictions, import.iterations.len(), import.exports), (11, 1, 1, 1));
    assert_eq!((import.erased, &import.problems[..]), (4, &[][..]));
    assert!(!import.ids.images.contains_key(&gone) && import.ids.predictions.contains_key(&asked[1]));

    assert!(scene.ocelli.erase_project(project.id()).unwrap().status.is_complete());
    let import = &imported(&scene.ocelli, &archive).projects[0];
    assert_eq!((import.images, import.predictions, import.iterations.len(), import.exports), (0, 0, 0, 0));
    assert_eq!((import.erased, &import.problems[..]), (12 + 2 + 2 + 2, &[][..]));
    // Elsewhere nobody asked for anything.
    let import = &imported(&Scene::in_memory().ocelli, &archive).projects[0];
    assert_eq!((import.images, import.predictions, import.iterations.len(), import.erased), (12, 2, 2, 0));
}

/// The archive, written again without salts and commitments.
fn without_salts(archive: &[u8]) -> Vec<u8> {
    let mut from = ArchiveReader::open(Cursor::new(archive), ReadLimits::default()).unwrap();
    let mut to = ArchiveWriter::new(Cursor::new(Vec::new()), from.contents().created);
    for id in from.projects().to_vec() {
        let mut project = from.project(id).unwrap();
        let mut writer = to.project(project.record()).unwrap();
        for mut record in project.images().to_vec() {
            let bytes = project.image_bytes(record.image.id).unwrap();
            (record.salt, record.commitment) = (None, None);
            writer.image(&record, &bytes).unwrap();
        }
        for id in project.iterations() {
            let stored = project.stored_model(id).unwrap();
            let files = ModelFiles { model_file: None, stored_model: stored.as_deref() };
            writer.iteration(&project.iteration(id).unwrap(), files).unwrap();
            for export in project.exports(id).unwrap() {
                let files = (0..export.files.len()).map(|index| project.export_file(&export, index).unwrap());
                let files: Vec<Vec<u8>> = files.collect();
                let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
                writer.export(&export, &files).unwrap();
            }
        }
        for mut record in project.predictions().unwrap() {
            let bytes = project.prediction_bytes(record.prediction.prediction.id).unwrap();
            (record.salt, record.commitment) = (None, None);
            writer.prediction(&record, Some(&bytes)).unwrap();
        }
        writer.finish().unwrap();
    }
    to.finish().unwrap().0.into_inner()
}
