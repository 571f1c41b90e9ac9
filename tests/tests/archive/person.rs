//! What a person gets, and what the audit log says of exports.

use std::io::Cursor;

use ocelli::{
    ArchiveReader, AuditAction, ExportOptions, Keep, MetadataFilter, NewProject, ReadLimits, RetentionPolicy,
    RetentionRule, StoreError, TrainOptions, Upload,
};
use ocelli_tests::{Scene, drawn, in_both, trainable};

use crate::world::{exported, facts, images, imported, objects, project_exported};

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
