//! How a state that is older than erasures catches up with them.

use ocelli_core::{
    Affected, AffectedOutcome, AuditAction, Erased, ErasureRecord, ImageId, IterationId, Metadata,
    PredictionId, ProjectId, RegionId, TagId,
};

use super::Make;
use super::erasures::{
    erase_everything, erasing_project, everything, full, is_erased, log, metadata, outcomes, setting,
};
use super::scene::{Scene, at};
use crate::{Change, CheckOptions, ImageQuery, Missing, PredictionQuery, StoreError, UsedPrediction};

fn reapplying(erasures: Vec<ErasureRecord>, affected: Affected) -> Change {
    Change::ReapplyErasures { erasures, affected }
}

/// Everything that the project has, in words.
fn described(scene: &Scene) -> String {
    let (store, project) = (&scene.store, scene.project);
    let iterations = store.iterations(project).unwrap();
    let of_each = |iteration: &ocelli_core::Iteration| {
        (scene.manifest(iteration.id), store.exports(project, iteration.id).unwrap())
    };
    let images = store.images(project, &ImageQuery::default()).unwrap();
    let answers = store.predictions(project, &PredictionQuery::default()).unwrap().results;
    let each: Vec<_> = iterations.iter().map(of_each).collect();
    format!("{:#?} {images:#?} {iterations:#?} {each:#?} {answers:#?}", store.tags(project).unwrap())
}

/// And nothing else: it is then as if all had been erased there, but for what was written since.
pub fn an_older_state_loses_what_was_erased(make: Make) {
    let (scene, of) = everything(make);
    let (older, _) = everything(make);
    assert_eq!(described(&scene), described(&older), "both begin alike");
    erase_everything(&scene, &of);
    let _ = older.erase(reapplying(log(&scene), Affected::Keep));
    assert_eq!(log(&older), log(&scene));
    let _ = scene.erase(setting(&scene, of.images[1], Metadata::default()));
    assert_eq!(described(&older), described(&scene));
    let report = older.store.check(&CheckOptions::default()).unwrap();
    assert_eq!((report.unowned, report.is_sound()), (0, true));
}

/// In use there, with whatever it has published.
pub fn an_older_state_loses_a_project(make: Make) {
    let ((scene, beside), (older, _)) = (full(make), full(make));
    let _ = scene.erase(erasing_project(&scene));
    let _ = older.erase(reapplying(log(&scene), Affected::Keep));
    is_erased(&older, beside);
}

/// Be the photo new or one that the project had.
pub fn an_older_state_loses_a_prediction_whose_photo_was_erased(make: Make) {
    for known in [false, true] {
        let older = Scene::new(make);
        let scene = Scene::new(make);
        let answer = older.answer(0, &[]);
        for each in [&older, &scene] {
            each.keep(&answer, b"a");
        }
        if known {
            scene.image(b"a", &[]);
        }
        let used = UsedPrediction {
            prediction: answer.prediction.id,
            image: ImageId::new(at(2), [3; 10]),
            tags: Vec::new(),
            regions: Vec::new(),
        };
        scene.apply(Change::UsePredictions { project: scene.project, predictions: vec![used], at: at(5) });
        let image = scene.store.images(scene.project, &ImageQuery::default()).unwrap()[0].id;
        let _ = scene.erase(scene.deletion_of_images(&[image]));
        let _ = older.erase(reapplying(log(&scene), Affected::Keep));
        let found = older.store.prediction_bytes(older.project, answer.prediction.id);
        assert!(matches!(found, Err(StoreError::NotFound(Missing::Prediction(_)))), "known: {known}");
    }
}

/// What was written since it was done stays.
pub fn reapplying_is_done_once(make: Make) {
    let ((scene, of), (older, _)) = (everything(make), everything(make));
    erase_everything(&scene, &of);
    let again = || reapplying(log(&scene), Affected::Keep);
    for store in [&older, &scene] {
        let _ = store.erase(again());
        store.apply(setting(store, of.images[1], metadata("since")));
        let (before, records) = (described(store), log(store));
        let _ = store.erase(again());
        assert_eq!((described(store), log(store)), (before, records));
    }
    assert_eq!(scene.look(of.images[1]).metadata, metadata("since"));
}

/// In each project, and those that were erased themselves are not told of.
pub fn reapplying_does_with_iterations_as_chosen(make: Make) {
    use AffectedOutcome::{Deleted, InTraining, Kept, Unpublished};
    for (choice, expected) in [
        (Affected::Keep, [Kept, InTraining]),
        (Affected::Unpublish, [Unpublished, InTraining]),
        (Affected::Delete, [Deleted, Deleted]),
    ] {
        let mut scene = Scene::new(make);
        let mut projects = [scene.project, scene.new_project()];
        projects.sort_unstable();
        let other = *projects.iter().find(|project| **project != scene.project).unwrap();
        scene.apply(scene.creation(other, 1));
        let (mut erasures, mut told) = (Vec::new(), Vec::new());
        for (project, whole_tag) in projects.into_iter().zip([false, true]) {
            scene.project = project;
            let tag = scene.tag("oak");
            let image = scene.image(b"a", &[tag]);
            let [published, gone] = [1, 2].map(|seed| scene.complete_on(seed, &[(image, tag)]));
            scene.apply(scene.publication(published, "live", false));
            let training = scene.begin(None).id;
            let erased = if whole_tag { Erased::Tag(tag) } else { Erased::Image(image) };
            for (millis, erased) in [(50, erased), (51, Erased::Iteration(gone))] {
                erasures.push(ErasureRecord { at: at(millis), project_id: project, erased });
            }
            told.extend([published, training].into_iter().zip(expected).map(|(id, it)| (project, id, it)));
        }
        let erasure = scene.erase(reapplying(erasures.clone(), choice));
        let each = erasure.iterations.iter().map(|each| (each.project_id, each.id, each.outcome));
        assert_eq!(each.collect::<Vec<_>>(), told);
        let left: usize = projects.map(|project| scene.store.iterations(project).unwrap().len()).iter().sum();
        assert_eq!(left, if choice == Affected::Delete { 0 } else { 4 });
        assert_eq!(outcomes(&scene.erase(reapplying(erasures, choice))), [], "they are known now");
    }
}

/// Unknown projects and ids, and more erasures than any batch.
pub fn reapplying_passes_over_what_is_not_there(make: Make) {
    let (scene, of) = everything(make);
    let before = described(&scene);
    let random = [9; 10];
    let unknown = [
        Erased::Tag(TagId::new(at(0), random)),
        Erased::Image(ImageId::new(at(0), random)),
        Erased::Region(RegionId::new(at(0), random)),
        Erased::Metadata(ImageId::new(at(0), random)),
        Erased::Iteration(IterationId::new(at(0), random)),
        Erased::Export(ocelli_core::ExportId::new(at(0), random)),
        Erased::Prediction(PredictionId::new(at(0), random)),
    ];
    let here = unknown.map(|erased| ErasureRecord { at: at(3), project_id: scene.project, erased });
    let elsewhere = ProjectId::new(at(0), random);
    let nowhere = [Erased::Project(elsewhere), Erased::Image(of.images[0]), Erased::Tag(of.tag)]
        .map(|erased| ErasureRecord { at: at(3), project_id: elsewhere, erased });
    let many = (0..1000).map(|millis| ErasureRecord {
        at: at(millis),
        project_id: scene.project,
        erased: Erased::Image(ImageId::new(at(millis), random)),
    });
    let erasures: Vec<_> = here.into_iter().chain(nowhere).chain(many).collect();
    assert_eq!(outcomes(&scene.erase(reapplying(erasures, Affected::Keep))), []);
    assert_eq!(described(&scene), before);
}

/// The others go, and what stays is told, and in one entry of the audit log.
pub fn what_is_held_keeps_nothing_else_from_going_again(make: Make) {
    let scene = Scene::new(make);
    let [held, also_held, other] = [b"a", b"b", b"c"].map(|bytes| scene.image(bytes, &[]));
    let holds = [held, also_held].map(|image| scene.hold_image(image));
    let record =
        |image| ErasureRecord { at: at(50), project_id: scene.project, erased: Erased::Image(image) };
    let before = scene.audit().len();
    let told = scene.erase(reapplying([held, other, also_held].map(record).into(), Affected::Keep));
    assert_eq!(told.refused, [held, also_held].map(record));
    assert_eq!(log(&scene), [record(other)]);
    assert_eq!(scene.store.images_by_id(scene.project, &[held, also_held]).unwrap().len(), 2);
    let entries = scene.audit();
    let refusals: Vec<_> = entries[before..]
        .iter()
        .filter(|entry| entry.event.action == AuditAction::ErasureRefused { holds: holds.into() })
        .collect();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].event.subjects.len(), 2);
    // What was refused is not taken for done.
    holds.into_iter().for_each(|hold| scene.release(hold));
    let told = scene.erase(reapplying(vec![record(held)], Affected::Keep));
    assert_eq!((told.refused, log(&scene).len()), (Vec::new(), 2));
}
