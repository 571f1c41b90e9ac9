//! What is held stays, whatever falls due and whoever asks.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use ocelli::{
    Affected, AuditAction, Budget, Erased, Error, ErrorCode, HeldItem, HoldId, HoldTarget, ImageId, Keep,
    Metadata, NewProject, Ocelli, ProjectHandle, RetentionPolicy, RetentionRule, StoreError, Upload,
    UsePrediction,
};
use ocelli_tests::{Scene, in_both, real, trained, unseen};

fn about(person: &str) -> Metadata {
    Metadata::new([("person".to_owned(), person.to_owned())].into()).unwrap()
}

fn photo(project: &ProjectHandle, bytes: Vec<u8>, person: &str) -> ImageId {
    let added = project.add_images(vec![Upload::bytes(bytes).metadata(about(person))]).unwrap();
    added.results.into_iter().next().unwrap().image.unwrap().image.id
}

fn hold(ocelli: &Ocelli, project: &ProjectHandle, image_id: ImageId) -> HoldId {
    let target = HoldTarget::Image { project_id: project.id(), image_id };
    ocelli.place_hold(target, "a dispute").unwrap().id
}

fn expire(scene: &Scene, project: &ProjectHandle) {
    let training_photos = RetentionRule::days(1);
    project.set_retention(RetentionPolicy { training_photos, ..Default::default() }).unwrap();
    scene.pass_days(40);
}

fn refused<T>(result: Result<T, Error>, hold: HoldId) {
    let error = result.err().expect("a hold refuses this");
    assert!(matches!(&error, Error::Store(StoreError::Held { holds, .. }) if holds == &[hold]), "{error:?}");
    assert_eq!(error.code(), ErrorCode::BadRequestOperationNotSupported);
}

fn refusals(ocelli: &Ocelli) -> usize {
    let log = ocelli.audit_log().unwrap();
    let is_refusal = |action: &AuditAction| matches!(action, AuditAction::ErasureRefused { .. });
    log.entries.iter().filter(|chained| is_refusal(&chained.entry.event.action)).count()
}

#[test]
fn every_erasure_of_what_is_held_is_refused_and_recorded() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let image = photo(&project, unseen("fish"), "anna");
        let id = hold(&scene.ocelli, &project, image);
        refused(project.delete_images(vec![image]), id);
        refused(project.set_metadata(image, Metadata::default()), id);
        refused(scene.ocelli.erase_project(project.id()), id);
        assert_eq!(refusals(&scene.ocelli), 3);
        let bytes = project.image_bytes(image).unwrap();
        assert_eq!(project.images_by_id(&[image]).unwrap()[0].metadata, about("anna"));

        let whole = HoldTarget::Project { project_id: project.id() };
        let whole = scene.ocelli.place_hold(whole, "an inspection").unwrap().id;
        refused(iteration.delete(), whole);
        scene.ocelli.release_hold(whole).unwrap();
        assert!(iteration.delete().unwrap().status.is_complete());

        scene.ocelli.release_hold(id).unwrap();
        assert_eq!(project.image_bytes(image).unwrap(), bytes);
        assert!(project.delete_images(vec![image]).unwrap().status.is_complete());
        scene.ocelli.audit_log().unwrap().verify(None, None).unwrap();
    });
}

#[test]
fn what_is_held_past_its_due_date_is_seen_through_the_hold_alone() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("evidence")).unwrap();
        let bytes = real("fish", 2);
        let kept = photo(&project, bytes[0].clone(), "anna");
        let gone = photo(&project, bytes[1].clone(), "berta");
        let stored = project.image_bytes(kept).unwrap();
        let id = hold(&scene.ocelli, &project, kept);
        expire(scene, &project);
        assert!(project.images(&Default::default()).unwrap().is_empty());
        assert!(project.image_bytes(kept).is_err());
        let plan = scene.ocelli.plan(ocelli::Clock::now(&scene.clock)).unwrap();
        let planned: Vec<_> = plan.items().iter().map(|due| due.item).collect();
        assert_eq!((planned, plan.held()), (vec![Erased::Image(gone)], 1));
        assert_eq!(scene.ocelli.execute(&plan, Affected::Keep).unwrap().erased, 1);

        let held = scene.ocelli.held(id).unwrap();
        assert!(matches!(&held[..], [HeldItem::Image { image, .. }] if image.id == kept));
        assert_eq!(scene.ocelli.held_bytes(id, project.id(), Erased::Image(kept)).unwrap(), stored);
        assert!(scene.ocelli.held_bytes(id, project.id(), Erased::Image(gone)).is_err());
        let why = scene.ocelli.why(project.id(), Erased::Image(kept)).unwrap();
        assert_eq!((why.holds.as_slice(), why.is_held()), ([id].as_slice(), true));

        scene.ocelli.release_hold(id).unwrap();
        assert!(scene.ocelli.held(id).is_err());
        assert!(project.image_bytes(kept).is_err(), "released, it is due at once");
        let now = ocelli::Clock::now(&scene.clock);
        assert_eq!(scene.ocelli.sweep(now, Budget::default()).unwrap().erased, 1);
    });
}

#[test]
fn a_hold_on_a_person_keeps_what_comes_later_too() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let hold = scene.ocelli.hold_person("person eq 'anna'".parse().unwrap(), "a request").unwrap();
        assert!(scene.ocelli.held(hold.id).unwrap().is_empty());
        let image = photo(&project, unseen("fish"), "anna");
        let keep = Keep::both().with_metadata(about("anna"));
        let prediction = iteration.quick_test_with(&unseen("windmill"), keep).unwrap().id;
        let other = iteration.quick_test_with(&unseen("windmill"), Keep::both()).unwrap().id;
        assert_eq!(scene.ocelli.held(hold.id).unwrap().len(), 2);
        refused(project.delete_predictions(vec![prediction]), hold.id);
        assert!(project.delete_predictions(vec![other]).unwrap().status.is_complete());

        // As a photo to train on it would lose what was answered to it, and who asked.
        let used = || vec![UsePrediction { prediction, tags: Vec::new(), regions: Vec::new() }];
        let before = project.prediction(prediction).unwrap();
        refused(project.use_predictions(used()), hold.id);
        assert_eq!(project.prediction(prediction).unwrap(), before);
        refused(project.delete_images(vec![image]), hold.id);
        assert_eq!(scene.ocelli.held(hold.id).unwrap().len(), 2);

        // Released, it takes its metadata along, by which a later hold finds it.
        scene.ocelli.release_hold(hold.id).unwrap();
        let summary = project.use_predictions(used()).unwrap();
        let moved = summary.added().next().unwrap().image.id;
        assert_eq!(project.images_by_id(&[moved]).unwrap()[0].metadata, about("anna"));
        let hold = scene.ocelli.hold_person("person eq 'anna'".parse().unwrap(), "again").unwrap();
        refused(project.delete_images(vec![moved]), hold.id);
    });
}

#[test]
fn holds_last_when_the_directory_is_opened_again() {
    let scene = Scene::in_directory();
    let project = scene.ocelli.create_project(NewProject::new("lasting")).unwrap();
    let image = photo(&project, unseen("fish"), "anna");
    let id = hold(&scene.ocelli, &project, image);
    let reopened = Ocelli::open(scene.path()).unwrap();
    assert_eq!(reopened.holds().unwrap(), scene.ocelli.holds().unwrap());
    refused(reopened.project(project.id()).unwrap().delete_images(vec![image]), id);
    reopened.release_hold(id).unwrap();
    assert!(project.delete_images(vec![image]).unwrap().status.is_complete());
}

#[test]
fn what_is_not_there_cannot_be_held() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("nothing")).unwrap();
        let image = photo(&project, unseen("fish"), "anna");
        expire(scene, &project);
        let target = HoldTarget::Image { project_id: project.id(), image_id: image };
        assert!(scene.ocelli.place_hold(target, "too late").is_err());
    });
}
