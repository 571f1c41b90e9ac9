//! Trainings through the library's interface: ended by a budget, by a stop and by the process's death; from an earlier
//! iteration, on selected tags, and at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocelli::{
    AdvancedOptions, BaseIteration, Error, EvaluatedOn, FineTuningOptions, ImageId, IterationStatus, Limits,
    Ocelli, OpenOptions, ProjectHandle, ProjectId, StopToken, Store, TrainOptions, Training, TrainingEvent,
    TrainingFailure, TrainingType,
};
use ocelli_store::MemoryStore;
use ocelli_tests::{Scene, label, trainable, trained};

const DIRECTORY: &str = "OCELLI_TEST_DIRECTORY";
const PROJECT: &str = "OCELLI_TEST_PROJECT";
const ROUND_ENDED: &str = "a round has ended";

/// So many rounds that something else ends it.
const ENDLESS: usize = 1_000_000;

fn advanced(rounds: usize, budget: Option<Duration>) -> TrainOptions {
    let fine_tuning = FineTuningOptions { rounds: Some(rounds), patience: ENDLESS, ..Default::default() };
    let training = AdvancedOptions {
        budget,
        cut: Some("block14".to_owned()),
        fine_tuning,
        ..AdvancedOptions::default()
    };
    TrainOptions { training: Training::Advanced(training), int8: false, ..TrainOptions::default() }
}

/// A stop that is asked for when this many rounds have ended.
fn stopping_after(
    project: &ProjectHandle,
    rounds: usize,
    train: impl Fn(&ProjectHandle, &StopToken, &(dyn Fn(TrainingEvent) + Sync)) -> ocelli::IterationHandle,
) -> ocelli::IterationHandle {
    let (stop, ended) = (StopToken::new(), AtomicUsize::new(0));
    train(project, &stop, &|event| {
        if matches!(event, TrainingEvent::RoundEnded { .. })
            && ended.fetch_add(1, Ordering::Relaxed) + 1 >= rounds
        {
            stop.stop();
        }
    })
}

#[test]
fn a_budget_ends_a_training_and_what_it_learned_answers() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    // How much a round and what comes before it take is the machine's affair.
    let budgets = (0..8).map(|doubled| Duration::from_secs(3 << doubled));
    let rounds_within = |budget: Duration| {
        let options = TrainOptions { force: true, ..advanced(ENDLESS, Some(budget)) };
        let iteration = project.train(&options).unwrap();
        let details = iteration.details().unwrap();
        assert_eq!(details.training_type, TrainingType::Advanced);
        assert_eq!(u128::from(details.reserved_budget_millis), budget.as_millis());
        let rounds = iteration.manifest().unwrap().fine_tuning.unwrap().rounds.len();
        assert!(rounds < ENDLESS);
        (rounds > 0).then_some(iteration)
    };
    let iteration = budgets.into_iter().find_map(rounds_within).unwrap();
    iteration.publish("production").unwrap();
    assert_eq!(project.predict("production", &ocelli_tests::drawn(1)).unwrap().predictions.len(), 2);
}

#[test]
fn a_stop_keeps_the_best_so_far() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let options = advanced(ENDLESS, None);
    let iteration = stopping_after(&project, 2, |project, stop, watch| {
        project.train_watched(&options, stop, &watch).unwrap()
    });
    assert!(iteration.details().unwrap().is_completed());
    let manifest = iteration.manifest().unwrap();
    assert_eq!(manifest.fine_tuning.unwrap().rounds.len(), 2);
    assert_eq!(manifest.evaluation.photos.len(), 12);
}

/// A child: trains without end, and says when a round has ended and its checkpoint is kept.
#[test]
fn child_that_fine_tunes() {
    let (Ok(directory), Ok(project)) = (std::env::var(DIRECTORY), std::env::var(PROJECT)) else { return };
    let project = Ocelli::open(directory).unwrap().project(project.parse::<ProjectId>().unwrap()).unwrap();
    let watch = |event: TrainingEvent| {
        // The checkpoint of a round is kept before the next begins.
        if matches!(event, TrainingEvent::FineTuning { round: 2.., .. }) {
            println!("\n{ROUND_ENDED}");
        }
    };
    project.train_watched(&advanced(ENDLESS, None), &StopToken::new(), &watch).unwrap();
}

/// Leaves a training that was killed after its first round.
fn killed(scene: &Scene, project: &ProjectHandle) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child_that_fine_tunes", "--exact", "--nocapture"]);
    command.env(DIRECTORY, scene.path()).env(PROJECT, project.id().to_string());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ended = lines.any(|line| line.unwrap().trim() == ROUND_ENDED);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ended, "the child ended before its training did");
}

#[test]
fn a_killed_training_goes_on_from_its_checkpoint() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    killed(&scene, &project);
    let again = Ocelli::open(scene.path()).unwrap().project(project.id()).unwrap();
    let [interrupted] = again.iterations().unwrap().try_into().unwrap();
    let failure = TrainingFailure::Interrupted;
    assert_eq!(interrupted.status, IterationStatus::Failed { failure });
    let iteration = stopping_after(&again, 1, |project, stop, watch| {
        project.resume_training_watched(interrupted.id, stop, &watch).unwrap()
    });
    assert_eq!(iteration.id(), interrupted.id);
    assert!(iteration.details().unwrap().is_completed());
    let manifest = iteration.manifest().unwrap();
    assert!(!manifest.view_named, "the folds chose the view, before the process was killed");
    let rounds = manifest.fine_tuning.unwrap().rounds.len();
    assert!(rounds >= 2, "{rounds}: the round before the checkpoint counts");
    assert!(matches!(again.resume_training(interrupted.id), Err(Error::NoCheckpoint(_))));
}

#[test]
fn a_killed_training_whose_photos_have_changed_fails_and_says_so() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    killed(&scene, &project);
    let again = Ocelli::open(scene.path()).unwrap().project(project.id()).unwrap();
    label(&again, "slanted", (20..30).step_by(2));
    let [interrupted] = again.iterations().unwrap().try_into().unwrap();
    let error = again.resume_training(interrupted.id).unwrap_err();
    assert!(error.to_string().contains("changed"), "{error}");
    let [failed] = again.iterations().unwrap().try_into().unwrap();
    assert!(matches!(failed.status, IterationStatus::Failed { .. }), "{:?}", failed.status);
    assert!(again.train(&TrainOptions::default()).unwrap().details().unwrap().is_completed());
}

#[test]
fn a_training_starts_from_an_earlier_iteration() {
    let scene = Scene::in_memory();
    let (project, first) = trained(&scene.ocelli);
    let custom_base = BaseIteration { project_id: project.id(), iteration_id: first.id() };
    let other = scene.ocelli.create_project(ocelli::NewProject::new("other").multiclass()).unwrap();
    label(&other, "upright", (40..52).step_by(2));
    label(&other, "level", (41..53).step_by(2));
    let options = TrainOptions { custom_base: Some(custom_base), ..TrainOptions::default() };
    let iteration = other.train(&options).unwrap();
    assert_eq!(iteration.details().unwrap().custom_base, Some(custom_base));
    let again = other.train(&options).unwrap_err();
    assert!(matches!(again, Error::TrainingNotNeeded { .. }), "{again}");
    let _ = first.delete().unwrap();
    iteration.publish("production").unwrap();
    other.predict("production", &ocelli_tests::drawn(1)).unwrap();
    assert!(other.train(&TrainOptions { force: true, ..options }).is_err(), "its base is gone");
}

#[test]
fn what_started_from_adapted_layers_goes_with_the_photos_that_they_learned_from() {
    for in_directory in [false, true] {
        let scene = if in_directory { Scene::in_directory() } else { Scene::in_memory() };
        let project = trainable(&scene.ocelli);
        let first = project.train(&advanced(3, None)).unwrap();
        assert!(first.manifest().unwrap().fine_tuning.unwrap().kept.is_some());
        let from = |iteration: &ocelli::IterationHandle, tags: Vec<ocelli::TagId>| {
            let base = BaseIteration { project_id: project.id(), iteration_id: iteration.id() };
            TrainOptions { custom_base: Some(base), tags, int8: false, ..TrainOptions::default() }
        };
        // Other tags and other photos; then one more step away, whose base has gone.
        let others =
            vec![label(&project, "wide", (40..50).step_by(2)), label(&project, "high", (41..51).step_by(2))];
        let second = project.train(&from(&first, others.clone())).unwrap();
        let third = project.train(&TrainOptions { seed: 9, ..from(&second, others) }).unwrap();
        let _ = second.delete().unwrap();
        let learned = first.manifest().unwrap().evaluation.photos[0].photo;
        let erasure = project.delete_images(vec![learned]).unwrap();
        let told: BTreeSet<_> = erasure.iterations.iter().map(|affected| affected.id).collect();
        assert_eq!(told, BTreeSet::from([first.id(), third.id()]));
        assert_eq!(third.manifest().unwrap().erased, 1);
        let again = project.retrain_without(&erasure, &from(&third, Vec::new()));
        assert!(matches!(again, Err(Error::BaseToReplace(id)) if id == third.id()));
    }
}

#[test]
fn a_checkpoint_goes_with_the_photos_that_its_base_had_learned_from() {
    let store = Arc::new(MemoryStore::new(Limits::default()));
    let project = trainable(&OpenOptions::new().with_store(store.clone()).unwrap());
    let first = project.train(&advanced(3, None)).unwrap();
    let manifest = first.manifest().unwrap();
    assert!(manifest.fine_tuning.unwrap().kept.is_some());
    let learned = manifest.evaluation.photos[0].photo;
    let tags =
        vec![label(&project, "wide", (40..50).step_by(2)), label(&project, "high", (41..51).step_by(2))];
    let custom_base = Some(BaseIteration { project_id: project.id(), iteration_id: first.id() });
    let found = Mutex::new(Vec::new());
    let watch = |event: TrainingEvent| {
        let mut found = found.lock().unwrap();
        if matches!(event, TrainingEvent::FineTuning { round: 2, .. }) && found.is_empty() {
            let iteration = project.iterations().unwrap().pop().unwrap().id;
            let is_kept = || store.checkpoint(project.id(), iteration).unwrap().is_some();
            found.push(is_kept());
            let _ = project.delete_images(vec![learned]).unwrap();
            found.push(is_kept());
        }
    };
    let options = TrainOptions { custom_base, tags, ..advanced(2, None) };
    let second = project.train_watched(&options, &StopToken::new(), &watch).unwrap();
    assert_eq!(found.into_inner().unwrap(), [true, false]);
    assert_eq!(second.manifest().unwrap().erased, 1);
}

#[test]
fn selected_tags_are_trained_and_photos_set_aside_judge() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let third = label(&project, "slanted", (20..32).step_by(2));
    let tags = project.tags().unwrap();
    let chosen: Vec<_> = tags.iter().filter(|tag| tag.id != third).map(|tag| tag.id).collect();
    let own = |tag: ocelli::TagId| -> Vec<ImageId> {
        let query = ocelli::ImageQuery::default();
        let images = project.images(&query).unwrap();
        images
            .iter()
            .filter(|image| image.tags.iter().any(|own| own.tag_id == tag))
            .map(|image| image.id)
            .collect()
    };
    let test_photos: Vec<ImageId> = chosen.iter().map(|tag| own(*tag)[0]).collect();
    let options =
        TrainOptions { tags: chosen.clone(), test_photos: test_photos.clone(), ..TrainOptions::default() };
    let iteration = project.train(&options).unwrap();
    let manifest = iteration.manifest().unwrap();
    let trained: Vec<_> = manifest.evaluation.tags.iter().map(|tag| tag.id).collect();
    assert_eq!(trained, chosen);
    assert_eq!(manifest.evaluation.photos.len(), 10);
    assert_eq!(manifest.evaluated_on(), EvaluatedOn::TestSet);
    let judged: Vec<ImageId> = manifest.judged_by().photos.iter().map(|photo| photo.photo).collect();
    assert!(judged.len() == 2 && test_photos.iter().all(|photo| judged.contains(photo)));
    assert_eq!(
        iteration.performance(None).unwrap(),
        manifest.judged_by().performance(manifest.own_thresholds())
    );
    let stranger = TrainOptions { test_photos: own(third), ..options };
    assert!(matches!(project.train(&stranger), Err(Error::TestPhoto(_))));
}

#[test]
fn one_photo_a_tag_makes_an_instant_model() {
    let scene = Scene::in_memory();
    let project = scene.ocelli.create_project(ocelli::NewProject::new("stripes").multiclass()).unwrap();
    let stop = StopToken::new();
    assert!(project.instant_model(&stop).is_err(), "there are no tags");
    let upright = label(&project, "upright", [0]);
    label(&project, "level", [1]);
    let model = project.instant_model(&stop).unwrap();
    let answer = model.predict(&ocelli_tests::drawn(2)).unwrap();
    assert_eq!(answer[0].tag_id, upright, "{answer:?}");
    assert_eq!(project.iterations().unwrap(), []);
}
