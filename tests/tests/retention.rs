//! What is due is seen by no question before any sweep, and gone after one, in a data directory with real photos.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use ocelli::{
    Affected, AffectedOutcome, Budget, CheckOptions, DataClass, Erased, Error, ErrorCode, ImageFilter,
    IterationHandle, Keep, Ocelli, OnnxInput, OpenOptions, ProjectHandle, RetentionError, RetentionPolicy,
    RetentionRule, SweepOptions, TrainOptions,
};
use ocelli_tests::{Scene, in_both, label_real, real, unseen};

fn code<T>(result: Result<T, Error>) -> ErrorCode {
    result.err().expect("the call was to be refused").code()
}

/// A project trained on real photos, published, asked, exported.
struct Used {
    project: ProjectHandle,
    iteration: IterationHandle,
}

fn used(scene: &Scene) -> Used {
    let project = scene.ocelli.create_project(ocelli::NewProject::new("kinds").multiclass()).unwrap();
    label_real(&project, "fish", 5);
    label_real(&project, "windmill", 5);
    let iteration = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
    iteration.publish("production").unwrap();
    Used { project, iteration }
}

fn set(project: &ProjectHandle, change: impl FnOnce(&mut RetentionPolicy)) {
    let mut policy = project.retention().unwrap().policy().clone();
    change(&mut policy);
    project.set_retention(policy).unwrap();
}

fn sweep(scene: &Scene) -> ocelli::Swept {
    let now = ocelli::Clock::now(&scene.clock);
    scene.ocelli.sweep(now, Budget::default()).unwrap()
}

/// How many files hold bytes of photos, models and exports.
fn files(ocelli: &Ocelli) -> u64 {
    let report = ocelli.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    report.files
}

#[test]
fn due_photos_are_seen_by_no_question_and_gone_after_a_sweep() {
    in_both(|scene| {
        let Used { project, iteration } = used(scene);
        scene.pass_days(1);
        let young = project.add_image(unseen("fish"), &[]).unwrap().image.id;
        let old: Vec<_> = iteration.evaluation().unwrap().photos.iter().map(|each| each.photo).collect();
        assert_eq!(old.len(), 10);
        set(&project, |policy| policy.training_photos = RetentionRule::days(7));
        scene.pass_days(6);

        let listed: Vec<_> = project.images(&Default::default()).unwrap().iter().map(|it| it.id).collect();
        assert_eq!(listed, [young]);
        assert_eq!(project.image_count(&ImageFilter::default()).unwrap(), 1);
        assert!(project.tags().unwrap().iter().all(|tag| tag.image_count == 0));
        let tag = project.tags().unwrap()[0].id;
        for image in &old {
            assert_eq!(code(project.images_by_id(&[*image])), ErrorCode::NotFoundImage);
            assert_eq!(code(project.image_bytes(*image)), ErrorCode::NotFoundImage);
            assert_eq!(code(project.set_metadata(*image, Default::default())), ErrorCode::NotFoundImage);
            assert_eq!(code(project.tag_images(vec![(*image, tag)])), ErrorCode::NotFoundImage);
            assert_eq!(code(project.delete_images(vec![*image])), ErrorCode::NotFoundImage);
        }
        assert!(project.train(&TrainOptions { force: true, ..TrainOptions::default() }).is_err());

        let before = files(&scene.ocelli);
        let plan = scene.ocelli.plan(ocelli::Clock::now(&scene.clock)).unwrap();
        assert_eq!(plan.counts()[&DataClass::TrainingPhoto].items, 10);
        let photos = real("fish", 5).into_iter().chain(real("windmill", 5));
        assert_eq!(plan.bytes(), stored(scene, photos));
        let swept = scene.ocelli.execute(&plan, Affected::Keep).unwrap();
        assert_eq!((swept.erased, swept.more), (10, false));
        assert!(swept.status.is_complete());
        assert_eq!(swept.iterations[0].id, iteration.id());
        assert_eq!(files(&scene.ocelli), before - 10);
        assert_eq!(iteration.manifest().unwrap().erased, 10);
        project.predict("production", &unseen("fish")).unwrap();
        assert_eq!(project.image_bytes(young).unwrap().len() as u64, stored(scene, [unseen("fish")]));
    });
}

/// How many bytes are stored of these photos.
fn stored(scene: &Scene, photos: impl IntoIterator<Item = Vec<u8>>) -> u64 {
    let other = scene.ocelli.create_project(ocelli::NewProject::new("other")).unwrap();
    let added = photos.into_iter().map(|bytes| other.add_image(bytes, &[]).unwrap().image.id);
    let size = added.map(|id| other.image_bytes(id).unwrap().len() as u64).sum();
    assert!(scene.ocelli.erase_project(other.id()).unwrap().status.is_complete());
    size
}

#[test]
fn the_same_photo_may_come_again_when_it_was_due() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(ocelli::NewProject::new("again")).unwrap();
        let first = project.add_image(unseen("fish"), &[]).unwrap().image.id;
        set(&project, |policy| policy.training_photos = RetentionRule::days(7));
        scene.pass_days(7);
        let again = project.add_image(unseen("fish"), &[]).unwrap();
        assert!(!again.duplicate && again.image.id != first);
        assert_eq!(project.image_count(&ImageFilter::default()).unwrap(), 1);
        assert_eq!(sweep(scene).erased, 0, "the due one went when its bytes came");
        assert_eq!(files(&scene.ocelli), 1);
    });
}

#[test]
fn a_due_published_iteration_stops_answering() {
    in_both(|scene| {
        let Used { project, iteration } = used(scene);
        let export = iteration.keep_export(OnnxInput::Photo).unwrap().id;
        set(&project, |policy| policy.iterations = RetentionRule::days(10));
        scene.pass_days(9);
        project.predict("production", &unseen("fish")).unwrap();
        scene.pass_days(1);
        assert!(project.predict("production", &unseen("fish")).is_err());
        assert!(project.published("production").is_err());
        assert!(project.iterations().unwrap().is_empty());
        for refused in [
            iteration.details().err(),
            iteration.manifest().err(),
            iteration.exports().err(),
            iteration.quick_test(&unseen("fish")).err(),
            iteration.model_file().err(),
            iteration.publish("again").err(),
            project.export_file(export, "model.onnx").err(),
        ] {
            let code = refused.unwrap().code();
            assert!(matches!(code, ErrorCode::NotFoundIteration | ErrorCode::NotFound), "{code:?}");
        }
        // The name is free for the next.
        let next = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
        next.publish("production").unwrap();
        project.predict("production", &unseen("fish")).unwrap();
        let swept = sweep(scene);
        let mut erased: Vec<_> = swept
            .operations
            .iter()
            .flat_map(|operation| scene.ocelli.erased_items(*operation).unwrap())
            .map(|item| item.record.erased)
            .collect();
        erased.retain(|erased| !matches!(erased, Erased::Export(_)));
        assert_eq!(erased, [Erased::Iteration(iteration.id())]);
        assert_eq!(project.published("production").unwrap().id(), next.id());
        assert_eq!(code(project.export_file(export, "model.onnx")), ErrorCode::NotFound);
    });
}

#[test]
fn due_exports_and_features_are_not_there() {
    in_both(|scene| {
        let Used { project, iteration } = used(scene);
        let export = iteration.keep_export(OnnxInput::Tensor).unwrap().id;
        set(&project, |policy| {
            policy.exports = RetentionRule::days(1);
            policy.features = RetentionRule::days(1);
        });
        scene.pass_days(1);
        assert!(iteration.exports().unwrap().is_empty());
        assert_eq!(code(project.export_file(export, "model.onnx")), ErrorCode::NotFound);
        let before = files(&scene.ocelli);
        let plan = scene.ocelli.plan(ocelli::Clock::now(&scene.clock)).unwrap();
        let counts = plan.counts();
        assert_eq!((counts[&DataClass::Export].items, counts[&DataClass::Features].items), (1, 10));
        assert_eq!(sweep(scene).erased, 11);
        assert!(files(&scene.ocelli) < before);
        // A training computes features that are not there anew.
        let cached = std::sync::atomic::AtomicUsize::new(0);
        let watch = |event: ocelli::TrainingEvent| {
            if let ocelli::TrainingEvent::Features { cached: found, .. } = event {
                cached.fetch_max(found, std::sync::atomic::Ordering::Relaxed);
            }
        };
        let options = TrainOptions { force: true, int8: false, ..TrainOptions::default() };
        project.train_watched(&options, &Default::default(), &watch).unwrap();
        assert_eq!(cached.into_inner(), 0);
    });
}

#[test]
fn the_parts_of_a_kept_prediction_go_one_by_one() {
    in_both(|scene| {
        let Used { project, .. } = used(scene);
        let id = project.predict_with("production", &unseen("fish"), Keep::both()).unwrap().id;
        set(&project, |policy| {
            policy.prediction_photos = RetentionRule::days(2);
            policy.prediction_results = RetentionRule::days(4);
        });
        scene.pass_days(2);
        let kept = project.prediction(id).unwrap();
        assert!(!kept.photo_kept && !kept.prediction.predictions.is_empty());
        assert!(project.prediction_bytes(id).is_err());
        assert_eq!(sweep(scene).erased, 1);
        assert_eq!(project.prediction(id).unwrap(), kept);
        scene.pass_days(2);
        assert!(project.prediction(id).is_err());
        assert!(project.predictions(&Default::default()).unwrap().results.is_empty());
        assert_eq!(sweep(scene).erased, 1);
        assert!(scene.ocelli.why(project.id(), Erased::Prediction(id)).is_err());
    });
}

#[test]
fn what_a_policy_does_not_keep_at_all_is_refused() {
    in_both(|scene| {
        let Used { project, .. } = used(scene);
        set(&project, |policy| {
            policy.prediction_photos = RetentionRule::NotAtAll;
            policy.prediction_results = RetentionRule::NotAtAll;
            policy.training_photos = RetentionRule::NotAtAll;
        });
        assert!(project.predict_with("production", &unseen("fish"), Keep::both()).is_err());
        assert!(project.add_image(unseen("fish"), &[]).is_err());
        project.predict("production", &unseen("fish")).unwrap();
        assert_eq!(project.image_count(&ImageFilter::default()).unwrap(), 0);
    });
}

#[test]
fn no_policy_brings_anything_back() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(ocelli::NewProject::new("longer")).unwrap();
        let image = project.add_image(unseen("fish"), &[]).unwrap().image.id;
        set(&project, |policy| policy.training_photos = RetentionRule::days(7));
        scene.pass_days(7);
        for rule in [RetentionRule::days(1000), RetentionRule::Forever] {
            set(&project, |policy| policy.training_photos = rule);
            assert_eq!(code(project.image_bytes(image)), ErrorCode::NotFoundImage);
        }
        assert_eq!(sweep(scene).erased, 1);
    });
}

#[test]
fn why_tells_before_and_after() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(ocelli::NewProject::new("why")).unwrap();
        let image = project.add_image(unseen("fish"), &[]).unwrap().image;
        let item = Erased::Image(image.id);
        set(&project, |policy| policy.training_photos = RetentionRule::days(7));
        let why = scene.ocelli.why(project.id(), item).unwrap();
        assert_eq!(why.rules[0].rule, RetentionRule::days(7));
        assert_eq!((why.rules[0].event, why.due()), (image.created, Some(image.created.plus_days(7))));
        scene.pass_days(8);
        assert_eq!(scene.ocelli.why(project.id(), item).unwrap(), why, "it is here until it is swept");
        assert_eq!(sweep(scene).erased, 1);
        assert!(scene.ocelli.why(project.id(), item).is_err());
    });
}

#[test]
fn a_deleted_project_is_restored_until_it_is_due_and_swept_then() {
    in_both(|scene| {
        let Used { project, iteration } = used(scene);
        iteration.unpublish().unwrap();
        project.delete().unwrap();
        scene.pass_days(29);
        assert_eq!(scene.ocelli.deleted_projects().unwrap().len(), 1);
        assert!(scene.ocelli.plan(ocelli::Clock::now(&scene.clock)).unwrap().is_empty());
        scene.ocelli.restore_project(project.id()).unwrap();
        project.delete().unwrap();
        scene.pass_days(30);
        assert!(scene.ocelli.deleted_projects().unwrap().is_empty());
        assert!(scene.ocelli.restore_project(project.id()).is_err());
        assert_eq!(sweep(scene).erased, 1);
        assert_eq!(files(&scene.ocelli), 0);
    });
}

#[test]
fn a_closed_account_is_reopened_until_it_is_due_and_swept_then() {
    in_both(|scene| {
        let Used { project, iteration } = used(scene);
        assert!(scene.ocelli.close_account().is_err(), "something is published");
        iteration.unpublish().unwrap();
        scene.ocelli.close_account().unwrap();
        assert!(scene.ocelli.projects().unwrap().is_empty());
        assert_eq!(code(project.details()), ErrorCode::NotFoundProject);
        scene.pass_days(89);
        scene.ocelli.reopen_account().unwrap();
        assert_eq!(project.images(&Default::default()).unwrap().len(), 10);
        scene.ocelli.close_account().unwrap();
        scene.pass_days(90);
        assert!(scene.ocelli.reopen_account().is_err());
        assert_eq!(sweep(scene).erased, 1);
        assert_eq!(files(&scene.ocelli), 0);
    });
}

#[test]
fn another_handle_goes_on_with_what_a_sweep_left() {
    let scene = Scene::in_directory();
    let Used { project, .. } = used(&scene);
    set(&project, |policy| policy.training_photos = RetentionRule::days(1));
    scene.pass_days(1);
    let now = ocelli::Clock::now(&scene.clock);
    let options = SweepOptions { affected: Affected::Unpublish, budget: Budget { items: 4, time: None } };
    let swept = scene.ocelli.sweep(now, options).unwrap();
    assert_eq!((swept.erased, swept.more), (4, true));
    assert_eq!(swept.iterations[0].outcome, AffectedOutcome::Unpublished);
    assert!(project.predict("production", &unseen("fish")).is_err());

    let reopened = OpenOptions::new().clock(scene.clock.clone()).open(scene.path()).unwrap();
    let project = reopened.project(project.id()).unwrap();
    assert_eq!(project.image_count(&ImageFilter::default()).unwrap(), 0);
    let swept = reopened.sweep(now, options).unwrap();
    assert_eq!((swept.erased, swept.more), (4, true));
    let swept = reopened.sweep(now, options).unwrap();
    assert_eq!((swept.erased, swept.more), (2, false));
    assert_eq!(files(&reopened), 0);
}

#[test]
fn a_plan_is_for_the_account_that_it_was_made_in() {
    let planned = || {
        let scene = Scene::in_memory();
        let project = scene.ocelli.create_project(ocelli::NewProject::new("planned")).unwrap();
        project.add_image(unseen("fish"), &[]).unwrap();
        set(&project, |policy| policy.training_photos = RetentionRule::days(1));
        scene.pass_days(1);
        let plan = scene.ocelli.plan(ocelli::Clock::now(&scene.clock)).unwrap();
        (scene, plan)
    };
    let ((one, plan), (other, _)) = (planned(), planned());
    assert_eq!(plan.account(), one.ocelli.account().unwrap().id);
    let before = other.ocelli.audit_head().unwrap();
    let refused = other.ocelli.execute(&plan, Affected::Keep).unwrap_err();
    assert!(
        matches!(refused, Error::Retention(RetentionError::OtherAccount { found, .. }) if found == plan.account()),
        "{refused}"
    );
    assert_eq!(code::<()>(Err(refused)), ErrorCode::BadRequestInvalidIds);
    assert_eq!(other.ocelli.audit_head().unwrap(), before);
    assert_eq!(one.ocelli.execute(&plan, Affected::Keep).unwrap().erased, 1);
    // All that it lists is gone: there is nothing to prove.
    let again = one.ocelli.execute(&plan, Affected::Keep).unwrap();
    assert_eq!((again.erased, again.passed_over, again.operations.len()), (0, 1, 0));
}
