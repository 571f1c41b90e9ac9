//! What leaves comes back as it was, under new ids.

use std::io::Cursor;

use ocelli::{
    Affected, ArchiveReader, Erased, HoldTarget, IterationStatus, KeyFile, OpenOptions, ReadLimits,
    TrainOptions,
};
use ocelli_tests::{Scene, drawn, in_both, trainable, trained};

use crate::world::{
    assert_same, assert_same_commitments, exported, images, imported, objects, project_exported, stripes,
};

#[test]
fn what_was_exported_comes_back_as_it_was() {
    let scene = Scene::in_directory();
    let stripes = stripes(&scene);
    objects(&scene);
    let hold = scene.ocelli.hold_person("person eq 'Smith'".parse().unwrap(), "asked for").unwrap();
    scene.pass_days(2);
    let (archive, summary) = exported(&scene.ocelli);
    assert!(summary.projects.iter().all(|project| project.problems.is_empty()), "{summary:?}");
    assert_eq!(summary.projects[0].iterations, 3);

    let there = Scene::in_directory();
    there.pass_days(10);
    let import = imported(&there.ocelli, &archive);
    assert_eq!(import.projects.len(), 2);
    assert_eq!((import.account, import.has_audit_log), (Some(scene.ocelli.account().unwrap().id), true));
    assert_eq!((import.holds, import.ignored), (vec![hold], Vec::<String>::new()));
    assert!(there.ocelli.holds().unwrap().is_empty());
    for project in &import.projects {
        assert_eq!(
            (&project.problems[..], project.due, project.erased, project.duplicates),
            (&[][..], 0, 0, 0)
        );
        assert_same(&scene.ocelli, &there.ocelli, project);
        assert_same_commitments(&scene.ocelli, &there.ocelli, project);
    }
    let best = &import.projects[0].iterations[1];
    assert_eq!(best.publication.as_ref().unwrap().name.as_str(), "live");
    assert!(there.ocelli.project(import.projects[0].id).unwrap().published("live").is_err());
    let failed = stripes.iterations().unwrap().pop().unwrap();
    assert!(matches!(failed.status, IterationStatus::Failed { .. }));

    // And from there again.
    let (again, _) = exported(&there.ocelli);
    let third = Scene::in_memory();
    third.pass_days(20);
    let import = imported(&third.ocelli, &again);
    for project in &import.projects {
        assert_same(&there.ocelli, &third.ocelli, project);
        assert_same_commitments(&there.ocelli, &third.ocelli, project);
    }
    let report = there.ocelli.check(&ocelli::CheckOptions::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn an_archive_has_what_other_tools_read() {
    let scene = Scene::in_memory();
    let (project, iteration) = trained(&scene.ocelli);
    assert!(project.delete_images(vec![images(&project)[0].id]).unwrap().status.is_complete());
    let (archive, _) = exported(&scene.ocelli);
    let reader = ArchiveReader::open(Cursor::new(&archive), ReadLimits::default()).unwrap();
    let paths: Vec<&str> = reader.contents().entries.iter().map(|entry| entry.path.as_str()).collect();
    let below = format!("projects/{}", project.id());
    let iteration_below = format!("{below}/iterations/{}", iteration.id());
    for name in ["audit.jsonl", "account.json", "holds.json"] {
        assert!(paths.contains(&name), "{name} is missing in {paths:?}");
    }
    for name in ["annotations.json", "tags.csv", "predictions.csv", "project.json"] {
        assert!(paths.contains(&format!("{below}/{name}").as_str()), "{name} is missing in {paths:?}");
    }
    for name in ["iteration.json", "performance.json", "manifest.json", "model.safetensors"] {
        assert!(
            paths.contains(&format!("{iteration_below}/{name}").as_str()),
            "{name} is missing in {paths:?}"
        );
    }
    assert!(paths.iter().any(|path| path.ends_with("/model.onnx")), "{paths:?}");
    // The archive's ONNX is no export that the project keeps.
    let there = Scene::in_memory();
    let import = imported(&there.ocelli, &archive);
    assert_eq!((import.projects[0].exports, import.projects[0].iterations.len()), (0, 1));
}

#[test]
fn names_that_are_in_use_get_a_number() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let archive = project_exported(&project);
        let names: Vec<String> =
            (0..3).map(|_| imported(&scene.ocelli, &archive).projects[0].name.to_string()).collect();
        assert_eq!(names, ["stripes (1)", "stripes (2)", "stripes (3)"]);
    });
}

#[test]
fn a_project_is_copied_within_a_directory_and_to_another() {
    let scene = Scene::in_directory();
    let project = stripes(&scene);
    let within = scene.ocelli.copy_project(project.id(), &scene.ocelli, None).unwrap();
    assert_eq!(within.name.as_str(), "stripes (1)");
    assert_same(&scene.ocelli, &scene.ocelli, &within);
    let (was, is) = within.ids.images.first_key_value().unwrap();
    let commitment = |project, image| scene.ocelli.commitment(project, Erased::Image(image)).unwrap();
    assert_ne!(commitment(project.id(), *was), commitment(within.id, *is));

    let there = Scene::in_memory();
    there.pass_days(9);
    let beyond = scene.ocelli.copy_project(project.id(), &there.ocelli, Some("moved")).unwrap();
    assert_eq!(beyond.name.as_str(), "moved");
    assert_same(&scene.ocelli, &there.ocelli, &beyond);
    assert_same_commitments(&scene.ocelli, &there.ocelli, &beyond);
    assert!(scene.ocelli.copy_project(beyond.id, &there.ocelli, None).is_err());
}

#[test]
fn what_only_a_calibration_looked_at_is_known_in_a_copy_too() {
    in_both(|scene| {
        // A calibration is of one view.
        let options = TrainOptions { view: Some(ocelli::View::Whole), ..TrainOptions::default() };
        let project = trainable(&scene.ocelli);
        let first = project.train(&options).unwrap();
        let seen = images(&project)[0].clone();
        let tag = seen.tags[0].tag_id;
        project.add_image(drawn(200), &[tag]).unwrap();
        project.untag_images(vec![seen.id], vec![tag]).unwrap();
        let second = project.train(&options).unwrap();
        assert!(second.manifest().unwrap().evaluation.photos.iter().all(|photo| photo.photo != seen.id));
        let copied = scene.ocelli.copy_project(project.id(), &scene.ocelli, None).unwrap();
        let copy = scene.ocelli.project(copied.id).unwrap();
        let erasure = copy.delete_images(vec![copied.ids.images[&seen.id]]).unwrap();
        let told: Vec<_> = erasure.iterations.iter().map(|iteration| iteration.id).collect();
        assert_eq!(told, [copied.ids.iterations[&first.id()], copied.ids.iterations[&second.id()]]);
    });
}

#[test]
fn archives_go_between_encrypted_and_plain_directories() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFile::create(folder.path().join("keys"), [7; 64]).unwrap();
    let sealed = Scene::in_directory_with(OpenOptions::new().keys(keys).encrypted(true));
    let project = stripes(&sealed);
    let (archive, _) = exported(&sealed.ocelli);
    let plain = Scene::in_directory();
    plain.pass_days(5);
    let out = &imported(&plain.ocelli, &archive).projects[0];
    assert_eq!(out.source_id, project.id());
    assert_same(&sealed.ocelli, &plain.ocelli, out);
    let (archive, _) = exported(&plain.ocelli);
    sealed.pass_days(5);
    let back = &imported(&sealed.ocelli, &archive).projects[0];
    assert_eq!(back.name.as_str(), "stripes (1)");
    assert_same(&plain.ocelli, &sealed.ocelli, back);
}

#[test]
fn a_held_photo_is_exported_and_its_hold_stays_behind() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let image = images(&project)[0].id;
    let target = HoldTarget::Image { project_id: project.id(), image_id: image };
    scene.ocelli.place_hold(target, "evidence").unwrap();
    let (archive, summary) = exported(&scene.ocelli);
    assert_eq!(summary.projects[0].images, 12);
    let import = imported(&scene.ocelli, &archive);
    assert_eq!((import.holds.len(), scene.ocelli.holds().unwrap().len()), (1, 1));
    let (copy, image) = (&import.projects[0], import.projects[0].ids.images[&image]);
    let copy = scene.ocelli.project(copy.id).unwrap();
    assert!(copy.delete_images_with(vec![image], Affected::Keep).unwrap().status.is_complete());
}
