//! Archives and copies: what leaves a data directory comes back as it was, under new ids.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::io::Cursor;

use ocelli::{
    Affected, ArchiveReader, AuditAction, BoundingBox, Budget, Description, Erased, ErrorCode, ExportOptions,
    ExportSummary, HoldTarget, ImageQuery, ImportOptions, ImportSummary, ImportedProject, IterationStatus,
    Keep, KeyFile, Limits, Metadata, MetadataFilter, Name, NewProject, Ocelli, OnnxInput, OpenOptions, Order,
    Origin, Precision, PredictionQuery, ProjectHandle, ReadLimits, RetentionPolicy, RetentionRule, StopToken,
    StoreError, TagType, TrainOptions, Upload, UsePrediction,
};
use ocelli_tests::{Scene, drawn, in_both, label, real, trainable, trained, unseen};

fn facts(entries: &[(&str, &str)]) -> Metadata {
    Metadata::new(entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        .unwrap()
}

/// A multiclass project, trained and published, with kept predictions, a kept export, a policy, an iteration that lost a
/// photo and a tag, and one that failed.
fn stripes(scene: &Scene) -> ProjectHandle {
    let project = trainable(&scene.ocelli);
    let policy = RetentionPolicy {
        prediction_results: RetentionRule::days(100),
        exports: RetentionRule::days(365),
        ..RetentionPolicy::default()
    };
    project.set_retention(policy).unwrap();
    let spare = label(&project, "spare", 20..26);
    scene.pass_millis(5);
    let first = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
    let lost = first.manifest().unwrap().evaluation.photos[0].photo;
    assert!(project.delete_images(vec![lost]).unwrap().status.is_complete());
    assert!(project.delete_tag(spare).unwrap().status.is_complete());
    scene.pass_days(1);
    let second =
        project.train(&TrainOptions { name: Some(Name::new("best").unwrap()), ..TrainOptions::default() });
    let second = second.unwrap();
    assert!(second.manifest().unwrap().int8.is_some());
    scene.pass_days(1);
    second.publish("live").unwrap();
    second.keep_export(OnnxInput::Tensor).unwrap();
    let asker = Keep::by(Name::new("gate").unwrap());
    for number in [40, 41, 42] {
        scene.pass_millis(7);
        let keep = asker.clone().with_metadata(facts(&[("camera", &number.to_string())]));
        project.predict_with("live", &drawn(number), keep).unwrap();
    }
    let used = second.quick_test_with(&drawn(43), Keep::both()).unwrap().id;
    let tags = vec![project.tags().unwrap()[0].id];
    let used = project.use_predictions(vec![UsePrediction { prediction: used, tags, regions: Vec::new() }]);
    assert!(used.unwrap().is_batch_successful());
    scene.pass_millis(9);
    let (stop, again) = (StopToken::new(), TrainOptions { force: true, ..TrainOptions::default() });
    stop.stop();
    assert!(project.train_watched(&again, &stop, &|_| {}).is_err());
    project
}

/// A multilabel project of real photos with a negative tag, regions, metadata, descriptions and a photo of 30 tags.
fn objects(scene: &Scene) -> ProjectHandle {
    let new =
        NewProject::new("objects").multilabel().description("what lies on the table\n= and more, \"quoted\"");
    let project = scene.ocelli.create_project(new).unwrap();
    let meaning = Description::new("a fish, whole").unwrap();
    let fish = project.create_tag_with("fish", meaning, TagType::Regular).unwrap().id;
    let tool = project.create_tag("hand tool").unwrap().id;
    let none = project.create_negative_tag("nothing").unwrap().id;
    let many: Vec<_> = (0..30).map(|n| project.create_tag(format!("tag {n}")).unwrap().id).collect();
    let corner = BoundingBox::new(0.1, 0.2, 1.0 / 3.0, 0.7).unwrap();
    let uploads = real("fish", 5).into_iter().enumerate().map(|(n, bytes)| {
        let upload = Upload::bytes(bytes).named(format!("fish {n}.jpg")).tag(fish).region(fish, corner);
        let upload = if n == 1 {
            upload.tag(tool).region(tool, BoundingBox::new(0.5, 0.5, 0.1, 0.1).unwrap())
        } else {
            upload
        };
        upload.metadata(facts(&[
            ("person", if n < 2 { "O'Neill" } else { "Smith" }),
            ("shelf", &n.to_string()),
        ]))
    });
    assert!(project.add_files(uploads).unwrap().is_batch_successful());
    scene.pass_millis(3);
    let tools = real("hand_tool", 5).into_iter().map(|bytes| Upload::bytes(bytes).tag(tool));
    assert!(project.add_files(tools).unwrap().is_batch_successful());
    let nothing = real("monument", 5).into_iter().map(|bytes| Upload::bytes(bytes).tag(none));
    assert!(project.add_files(nothing).unwrap().is_batch_successful());
    let laden = project.add_image(drawn(77), &many[..18]).unwrap().image.id;
    scene.pass_millis(3);
    project.tag_images(many[18..].iter().map(|tag| (laden, *tag)).collect()).unwrap();
    let boxes = many.iter().map(|tag| (laden, ocelli::NewRegion { tag_id: *tag, bounds: corner }));
    project.add_regions(boxes.collect()).unwrap();
    project.add_image(drawn(78), &[]).unwrap();
    project
}

fn exported(ocelli: &Ocelli) -> (Vec<u8>, ExportSummary) {
    let mut out = Cursor::new(Vec::new());
    let summary = ocelli.export_all(&mut out, ExportOptions::default()).unwrap();
    (out.into_inner(), summary)
}

fn project_exported(project: &ProjectHandle) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    project.export_archive(&mut out, ExportOptions { models: false }).unwrap();
    out.into_inner()
}

fn imported(ocelli: &Ocelli, archive: &[u8]) -> ImportSummary {
    ocelli.import(Cursor::new(archive), &ImportOptions::default()).unwrap()
}

fn images(project: &ProjectHandle) -> Vec<ocelli::Image> {
    let query = ImageQuery { order: Order::Oldest, take: 256, ..ImageQuery::default() };
    project.images(&query).unwrap()
}

fn predictions(project: &ProjectHandle) -> Vec<ocelli::StoredPrediction> {
    let query = PredictionQuery { order: Order::Oldest, take: 256, ..PredictionQuery::default() };
    project.predictions(&query).unwrap().results
}

/// Compares everything that two projects hold, with the ids of the one translated into those of the other.
fn assert_same(one: &Ocelli, other: &Ocelli, imported: &ImportedProject) {
    let ids = &imported.ids;
    let (source, copy) = (one.project(imported.source_id).unwrap(), other.project(imported.id).unwrap());
    let (was, is) = (source.details().unwrap(), copy.details().unwrap());
    assert_eq!((&is.description, is.settings, is.created), (&was.description, was.settings, was.created));
    assert_eq!((is.last_modified, &is.name), (was.last_modified, &imported.name));
    assert_eq!(copy.retention().unwrap().policy(), source.retention().unwrap().policy());

    let mut tags = source.tags().unwrap();
    tags.iter_mut().for_each(|tag| tag.id = ids.tags[&tag.id]);
    assert_eq!(copy.tags().unwrap(), tags);

    let (was, is) = (images(&source), images(&copy));
    assert_eq!(was.len(), is.len());
    assert_eq!(imported.images, is.len() as u64);
    for (mut was, is) in was.into_iter().zip(is) {
        let source_id = was.id;
        was.id = ids.images[&was.id];
        was.tags.iter_mut().for_each(|tag| tag.tag_id = ids.tags[&tag.tag_id]);
        for (was, is) in was.regions.iter_mut().zip(&is.regions) {
            assert_ne!(was.id, is.id);
            (was.id, was.tag_id) = (is.id, ids.tags[&was.tag_id]);
        }
        if let (Origin::Prediction { prediction_id: was }, Origin::Prediction { prediction_id: is }) =
            (&mut was.origin, &is.origin)
        {
            assert_ne!(was, is);
            *was = *is;
        }
        assert_eq!(was, is);
        assert!(source.image_bytes(source_id).unwrap() == copy.image_bytes(is.id).unwrap());
    }

    assert_eq!(imported.iterations.len(), source.iterations().unwrap().len());
    let was = source.iterations().unwrap();
    for (mut was, is) in was.into_iter().zip(copy.iterations().unwrap()) {
        let source_id = was.id;
        (was.id, was.project_id, was.publication) = (ids.iterations[&was.id], imported.id, None);
        assert_eq!(was, is);
        let (one, other) = (source.iteration(source_id).unwrap(), copy.iteration(is.id).unwrap());
        if !was.is_completed() {
            assert!(other.manifest().is_err());
            continue;
        }
        let (mut was, is) = (one.manifest().unwrap(), other.manifest().unwrap());
        was.evaluation.photos.iter_mut().for_each(|photo| photo.photo = ids.images[&photo.photo]);
        was.left_out.iter_mut().for_each(|(image, _)| *image = ids.images[image]);
        for (was, is) in was.evaluation.tags.iter_mut().zip(&is.evaluation.tags) {
            assert_eq!(ids.tags.get(&was.id).copied().unwrap_or(is.id), is.id);
            was.id = is.id;
        }
        assert_eq!(was, is);
        for tag in ["fish", "windmill"] {
            for precision in
                if was.int8.is_some() { &[Precision::F32, Precision::Int8][..] } else { &[Precision::F32] }
            {
                let ask = |iteration: &ocelli::IterationHandle| {
                    let answer = iteration.quick_test_in(*precision, &unseen(tag), Keep::No).unwrap();
                    let bits = answer.predictions.into_iter().map(|p| (p.tag_name, p.probability.to_bits()));
                    bits.collect::<Vec<_>>()
                };
                assert_eq!(ask(&one), ask(&other), "{precision:?}");
            }
        }
        let (was, is) = (one.exports().unwrap(), other.exports().unwrap());
        assert_eq!(was.len(), is.len());
        for (mut was, is) in was.into_iter().zip(is) {
            for file in &was.files {
                let before = source.export_file(was.id, &file.name).unwrap();
                assert!(before == copy.export_file(is.id, &file.name).unwrap());
            }
            (was.id, was.iteration_id) = (ids.exports[&was.id], ids.iterations[&was.iteration_id]);
            assert_eq!(was, is);
        }
    }

    let (was, is) = (predictions(&source), predictions(&copy));
    assert_eq!(was.len(), is.len());
    for (mut was, is) in was.into_iter().zip(is) {
        let source_id = was.prediction.id;
        was.prediction.id = ids.predictions[&source_id];
        was.prediction.project_id = imported.id;
        was.prediction.iteration_id = ids.iterations[&was.prediction.iteration_id];
        was.prediction.predictions.iter_mut().for_each(|result| result.tag_id = ids.tags[&result.tag_id]);
        assert_eq!(was, is);
        if was.photo_kept {
            let before = source.prediction_bytes(source_id).unwrap();
            assert!(before == copy.prediction_bytes(is.prediction.id).unwrap());
        }
    }
}

fn assert_same_commitments(one: &Ocelli, other: &Ocelli, imported: &ImportedProject) {
    for (was, is) in &imported.ids.images {
        let before = one.commitment(imported.source_id, Erased::Image(*was)).unwrap();
        assert_eq!(other.commitment(imported.id, Erased::Image(*is)).unwrap(), before);
    }
    for (was, is) in &imported.ids.predictions {
        let before = one.commitment(imported.source_id, Erased::Prediction(*was)).unwrap();
        assert_eq!(other.commitment(imported.id, Erased::Prediction(*is)).unwrap(), before);
    }
}

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
        let (project, first) = trained(&scene.ocelli);
        let seen = images(&project)[0].clone();
        let tag = seen.tags[0].tag_id;
        project.add_image(drawn(200), &[tag]).unwrap();
        project.untag_images(vec![seen.id], vec![tag]).unwrap();
        let second = project.train(&TrainOptions::default()).unwrap();
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
fn a_person_gets_what_is_kept_about_her_and_nothing_else() {
    in_both(|scene| {
        let project = objects(scene);
        let iteration = project.train(&TrainOptions { int8: false, ..TrainOptions::default() });
        // Thirty tags have one photo each, too few to train: give the project two tags that have enough.
        assert!(iteration.is_err());
        let laden: Vec<_> =
            project.tags().unwrap().into_iter().filter(|tag| tag.name.as_str().starts_with("tag ")).collect();
        for tag in laden {
            assert!(project.delete_tag(tag.id).unwrap().status.is_complete());
        }
        let iteration = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
        let hers = iteration
            .quick_test_with(&drawn(5), Keep::both().with_metadata(facts(&[("person", "O'Neill")])))
            .unwrap();
        iteration.quick_test_with(&drawn(6), Keep::both()).unwrap();
        trainable(&scene.ocelli);

        let filter: MetadataFilter = "person eq 'O''Neill'".parse().unwrap();
        let mut out = Cursor::new(Vec::new());
        let summary = scene.ocelli.export_person(&filter, &mut out).unwrap();
        let [only] = &summary.projects[..] else { panic!("{summary:?}") };
        assert_eq!((only.id, only.images, only.predictions, only.iterations), (project.id(), 2, 1, 1));
        let mut reader = ArchiveReader::open(out, ReadLimits::default()).unwrap();
        reader.verify().unwrap();
        let mut read = reader.project(project.id()).unwrap();
        let tags: Vec<_> = read.record().tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(tags, ["fish", "hand tool", "nothing"], "the answer names all three");
        let found: Vec<_> = read.images().iter().map(|record| record.image.clone()).collect();
        assert!(found.iter().all(|image| filter.matches(&image.metadata)) && found.len() == 2);
        let expected: Vec<_> =
            images(&project).into_iter().filter(|image| filter.matches(&image.metadata)).collect();
        assert_eq!(found, expected);
        assert_eq!(read.predictions().unwrap()[0].prediction.prediction.id, hers.id);
        let record = read.iteration(iteration.id()).unwrap();
        let answered: Vec<_> =
            record.manifest.unwrap().evaluation.photos.iter().map(|photo| photo.photo).collect();
        assert!(answered.iter().all(|photo| found.iter().any(|image| image.id == *photo)));
        assert_eq!(answered.len(), 2);
        assert!(read.stored_model(iteration.id()).unwrap().is_none());
        assert!(read.model_file(iteration.id()).unwrap().is_none());
    });
}

#[test]
fn exports_and_imports_are_in_the_audit_log() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let before = scene.ocelli.audit_log().unwrap().entries.len();
    let archive = project_exported(&project);
    let import = imported(&scene.ocelli, &archive);
    scene.ocelli.export_person(&"person eq 'nobody'".parse().unwrap(), Cursor::new(Vec::new())).unwrap();
    let log = scene.ocelli.audit_log().unwrap();
    log.verify(None, None).unwrap();
    let mut events = log.entries[before..].iter().map(|chained| &chained.entry.event);
    let first = events.next().unwrap();
    assert_eq!((&first.action, first.project_id), (&AuditAction::Exported, Some(project.id())));
    // That it began is in the log too: one that was killed has no end there.
    let begun = events.next().unwrap();
    assert_eq!(
        (&begun.action, begun.project_id),
        (&AuditAction::ProjectCreated, Some(import.projects[0].id))
    );
    let nobody = events.next_back().unwrap();
    assert_eq!((&nobody.action, nobody.project_id, nobody.subjects.len()), (&AuditAction::Exported, None, 0));
    let end = events.next_back().unwrap();
    assert_eq!((&end.action, end.project_id), (&AuditAction::Imported, Some(import.projects[0].id)));
    assert_eq!(end.subjects[0].id, project.id().as_uuid());
}

#[test]
fn a_closed_account_is_not_exported_as_if_it_were_empty() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        scene.ocelli.close_account().unwrap();
        let nobody: MetadataFilter = "person eq 'nobody'".parse().unwrap();
        let before = scene.ocelli.audit_head().unwrap();
        let (mut all, mut person) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
        for refused in [
            scene.ocelli.export_all(&mut all, ExportOptions::default()).unwrap_err(),
            scene.ocelli.export_person(&nobody, &mut person).unwrap_err(),
        ] {
            assert!(matches!(refused, ocelli::Error::Store(StoreError::AccountClosed(_))), "{refused}");
        }
        assert!(all.get_ref().is_empty() && person.get_ref().is_empty());
        assert_eq!(scene.ocelli.audit_head().unwrap(), before);
        scene.ocelli.reopen_account().unwrap();
        assert_eq!(exported(&scene.ocelli).1.projects[0].id, project.id());
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

#[test]
fn what_a_person_does_not_get_is_counted() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("visitors")).unwrap();
        let person = || facts(&[("person", "anna")]);
        let old = Upload::bytes(drawn(1)).metadata(person());
        assert!(project.add_images(vec![old]).unwrap().is_batch_successful());
        let policy =
            RetentionPolicy { training_photos: RetentionRule::days(7), ..RetentionPolicy::default() };
        project.set_retention(policy).unwrap();
        scene.pass_days(7);
        let young = Upload::bytes(drawn(2)).metadata(person());
        assert!(project.add_images(vec![young]).unwrap().is_batch_successful());
        let other = scene.ocelli.create_project(NewProject::new("last year")).unwrap();
        let deleted = Upload::bytes(drawn(3)).metadata(person());
        assert!(other.add_images(vec![deleted]).unwrap().is_batch_successful());
        other.delete().unwrap();

        let filter = "person eq 'anna'".parse().unwrap();
        assert_eq!(scene.ocelli.find_person(&filter).unwrap().items.len(), 3);
        let summary = scene.ocelli.export_person(&filter, Cursor::new(Vec::new())).unwrap();
        assert_eq!((summary.projects.len(), summary.projects[0].images), (1, 1));
        assert_eq!((summary.left_behind, summary.deleted_projects), (2, vec![other.id()]));
    });
}

#[test]
fn what_a_person_gets_is_in_the_audit_log_in_entries_of_bounded_length() {
    let scene = Scene::in_memory();
    let project = scene.ocelli.create_project(NewProject::new("visitors")).unwrap();
    let count = ocelli::limits::MAX_ERASED_AT_ONCE + 1;
    let uploads = (0..count as u32).map(|number| {
        let pixels = number.to_le_bytes().repeat(3);
        let mut png = Cursor::new(Vec::new());
        image::write_buffer_with_format(
            &mut png,
            &pixels,
            2,
            2,
            image::ColorType::Rgb8,
            image::ImageFormat::Png,
        )
        .unwrap();
        Upload::bytes(png.into_inner()).metadata(facts(&[("person", "anna")]))
    });
    assert!(project.add_files(uploads).unwrap().is_batch_successful());
    let before = scene.ocelli.audit_log().unwrap().entries.len();
    let filter = "person eq 'anna'".parse().unwrap();
    let summary = scene.ocelli.export_person(&filter, Cursor::new(Vec::new())).unwrap();
    assert_eq!(summary.projects[0].images as usize, count);
    let log = scene.ocelli.audit_log().unwrap();
    let told: Vec<_> =
        log.entries[before..].iter().map(|chained| chained.entry.event.subjects.len()).collect();
    assert_eq!(told, [count - 1, 1]);
}

/// Where the bytes of an entry lie in an archive that stores it as it is.
fn place_of(archive: &[u8], bytes: &[u8]) -> usize {
    archive.windows(bytes.len()).position(|window| window == bytes).unwrap()
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
    });

    // What a hold keeps cannot be erased again, and is hidden.
    let scene = Scene::in_memory();
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
