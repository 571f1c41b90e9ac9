//! Several processes on one data directory. The other processes are this program, started again.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ocelli::{
    CheckOptions, Continuation, ErasureStatus, Error, ErrorCode, ImageQuery, IterationStatus, Keep, Metadata,
    Missing, Name, NewProject, Ocelli, PredictionQuery, ProjectHandle, ProjectId, Random, StopToken,
    StoreError, TagId, TrainOptions, TrainingEvent, TrainingFailure, Upload,
};
use ocelli_tests::{Markers, Scene, SeededRandom, drawn, trainable, trained};

const DIRECTORY: &str = "OCELLI_TEST_DIRECTORY";
const PROJECT: &str = "OCELLI_TEST_PROJECT";
const IN_TRAINING: &str = "now in training";

/// The project that the parent named; none where this is not a child.
fn parents_project() -> Option<ProjectHandle> {
    let (directory, project) = (std::env::var(DIRECTORY).ok()?, std::env::var(PROJECT).ok()?);
    let ocelli = Ocelli::open(directory).unwrap();
    Some(ocelli.project(project.parse::<ProjectId>().unwrap()).unwrap())
}

/// A child: trains, says so, and goes on when its standard input ends.
#[test]
fn child_that_trains() {
    let Some(project) = parents_project() else { return };
    let watch = |event: TrainingEvent| {
        if matches!(event, TrainingEvent::StrengthChosen { .. }) {
            println!("\n{IN_TRAINING}");
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        }
    };
    project.train_watched(&TrainOptions::default(), &StopToken::new(), &watch).unwrap();
}

/// A child: publishes the only iteration.
#[test]
fn child_that_publishes() {
    let Some(project) = parents_project() else { return };
    let iteration = project.iterations().unwrap()[0].id;
    project.iteration(iteration).unwrap().publish("production").unwrap();
}

/// A child: deletes the project.
#[test]
fn child_that_deletes() {
    let Some(project) = parents_project() else { return };
    project.delete().unwrap();
}

/// A child: uploads photos, every second of which the parent uploads too.
#[test]
fn child_that_uploads() {
    let Some(project) = parents_project() else { return };
    upload(&project, (0..40).step_by(2));
}

fn upload(project: &ProjectHandle, numbers: impl Iterator<Item = u8>) {
    for number in numbers {
        project.add_image(drawn(number), &[]).unwrap();
    }
}

fn child(test: &str, directory: &Path, project: &ProjectHandle) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    command.env(DIRECTORY, directory).env(PROJECT, project.id().to_string());
    command
}

/// A child in the middle of a training. It is killed if the test ends before it.
struct Trainer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Trainer {
    fn start(scene: &Scene, project: &ProjectHandle) -> Self {
        let mut command = child("child_that_trains", scene.path(), project);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != IN_TRAINING {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended before it trained");
        }
        Self { child, input, output }
    }

    fn finish(mut self) {
        self.input = None;
        self.output.read_to_end(&mut Vec::new()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn only_status(project: &ProjectHandle) -> IterationStatus {
    let mut iterations = project.iterations().unwrap();
    assert_eq!(iterations.len(), 1);
    iterations.remove(0).status
}

#[test]
fn a_training_beside_one_of_another_process_is_refused() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    let trainer = Trainer::start(&scene, &project);
    let options = TrainOptions { force: true, ..TrainOptions::default() };
    let error = project.train(&options).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadRequestTrainingAlreadyInProgress);
    trainer.finish();
}

#[test]
fn opening_leaves_a_living_training_alone() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    let trainer = Trainer::start(&scene, &project);
    let again = Ocelli::open(scene.path()).unwrap().project(project.id()).unwrap();
    assert_eq!(only_status(&again), IterationStatus::Training);
    trainer.finish();
    assert!(matches!(only_status(&again), IterationStatus::Completed { .. }));
}

#[test]
fn a_training_whose_process_was_killed_has_failed_at_the_next_opening() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    Trainer::start(&scene, &project).kill();
    assert_eq!(only_status(&project), IterationStatus::Training);
    let again = Ocelli::open(scene.path()).unwrap().project(project.id()).unwrap();
    assert_eq!(only_status(&again), IterationStatus::Failed { failure: TrainingFailure::Interrupted });
}

#[test]
fn a_killed_training_is_replaced_by_the_next_without_opening_again() {
    let scene = Scene::in_directory();
    let project = trainable(&scene.ocelli);
    Trainer::start(&scene, &project).kill();
    project.train(&TrainOptions::default()).unwrap();
    let failed = &project.iterations().unwrap()[0];
    assert_eq!(failed.status, IterationStatus::Failed { failure: TrainingFailure::Interrupted });
}

#[test]
fn a_publication_in_one_process_holds_for_the_next_call_in_another() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    assert!(project.predict("production", &drawn(90)).is_err());
    assert!(child("child_that_publishes", scene.path(), &project).output().unwrap().status.success());
    assert_eq!(project.predict("production", &drawn(90)).unwrap().iteration_id, iteration.id());
}

#[test]
fn a_project_deleted_in_one_process_is_gone_for_the_next_call_in_another() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    iteration.quick_test(&drawn(90)).unwrap();
    assert!(child("child_that_deletes", scene.path(), &project).output().unwrap().status.success());
    assert_eq!(iteration.quick_test(&drawn(90)).unwrap_err().code(), ErrorCode::NotFoundProject);
}

#[test]
fn processes_that_upload_the_same_photos_at_once_make_each_one_photo() {
    let scene = Scene::in_directory();
    let project = scene.ocelli.create_project(NewProject::new("shared")).unwrap();
    let mut other =
        child("child_that_uploads", scene.path(), &project).stdout(Stdio::null()).spawn().unwrap();
    upload(&project, 0..40);
    assert!(other.wait().unwrap().success());
    let images = project.images(&Default::default()).unwrap();
    assert_eq!(images.len(), 40);
    for image in images {
        project.image_bytes(image.id).unwrap();
    }
}

/// A text that is nowhere else, and that its number can be read from.
fn text(number: u64) -> String {
    let mut bytes = [0; 40];
    SeededRandom::new(number).fill(&mut bytes).unwrap();
    format!("{number:06} {}", bytes.map(|byte| char::from(b'a' + byte % 26)).iter().collect::<String>())
}

/// A photo of nothing, unlike any other.
fn noise(number: u64) -> Vec<u8> {
    let mut pixels = vec![0; 32 * 32 * 3];
    SeededRandom::new(1_000_000 + number).fill(&mut pixels).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    let photo = image::RgbImage::from_raw(32, 32, pixels).unwrap();
    photo.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The photo of this number with its text in its name and its metadata.
fn upload_of(number: u64) -> Upload {
    let metadata = Metadata::new([(text(number), text(number))].into()).unwrap();
    Upload::bytes(noise(number)).named(text(number)).metadata(metadata)
}

/// What is erased, by the text that it has; none where it has none.
fn is_doomed(text: &str) -> Option<bool> {
    Some(text.get(..6)?.parse::<u64>().ok()?.is_multiple_of(3))
}

/// Whether this child's input has ended.
fn stopped() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    std::thread::spawn(move || {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        stop.store(true, Ordering::Relaxed);
    });
    stopped
}

fn tag_named(project: &ProjectHandle, name: &str) -> TagId {
    project.tags().unwrap().into_iter().find(|tag| tag.name == name).unwrap().id
}

/// A child: trains twice. A training that a tag is taken from is refused its end, and is begun again.
#[test]
fn child_that_trains_twice() {
    let Some(project) = parents_project() else { return };
    let (mut seed, mut refused) = (1, 0);
    while seed <= 2 {
        match project.train(&TrainOptions { seed, force: true, ..TrainOptions::default() }) {
            Ok(_) => seed += 1,
            Err(Error::Store(StoreError::NotFound(Missing::Tag(_)))) if refused < 3 => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A child: predicts, keeps what was answered, and uploads, until its input ends; then says how far it came.
#[test]
fn child_that_predicts_and_uploads() {
    let Some(project) = parents_project() else { return };
    let (stopped, level, mut number) = (stopped(), tag_named(&project, "level"), 1000);
    while !stopped.load(Ordering::Relaxed) {
        let keep = Keep::by(Name::new(text(number)).unwrap());
        project.predict_with("production", &noise(number), keep).unwrap();
        let added = project.add_images(vec![upload_of(number + 1).tag(level)]).unwrap();
        assert!(added.is_batch_successful(), "{added:?}");
        number += 2;
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("\nup to {number}");
}

/// A child: erases every third photo and kept prediction, and the tags that have a marker for a name, until its input
/// ends and nothing of them is left.
#[test]
fn child_that_erases() {
    let Some(project) = parents_project() else { return };
    let stopped = stopped();
    loop {
        let last = stopped.load(Ordering::Relaxed);
        erase_images(&project);
        erase_predictions(&project);
        let tag = project.tags().unwrap().into_iter().find(|tag| is_doomed(tag.name.as_str()) == Some(true));
        if let Some(tag) = tag {
            let _ = project.delete_tag(tag.id).unwrap();
        } else if last {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("\ndone");
}

fn erase_images(project: &ProjectHandle) {
    let mut doomed = Vec::new();
    for skip in (0..).step_by(256) {
        let page = project.images(&ImageQuery { skip, take: 256, ..ImageQuery::default() }).unwrap();
        let name = |image: &ocelli::Image| image.origin.name().and_then(is_doomed);
        doomed.extend(page.iter().filter(|image| name(image) == Some(true)).map(|image| image.id));
        if page.len() < 256 {
            break;
        }
    }
    for some in doomed.chunks(3) {
        let erasure = project.delete_images(some.to_vec()).unwrap();
        assert!(erasure.iterations.iter().all(|iteration| iteration.publication.is_none()));
    }
}

fn erase_predictions(project: &ProjectHandle) {
    let (mut doomed, mut continuation) = (Vec::new(), None::<Continuation>);
    loop {
        let query = PredictionQuery { take: 256, continuation, ..PredictionQuery::default() };
        let page = project.predictions(&query).unwrap();
        let name = |kept: &ocelli::StoredPrediction| is_doomed(kept.application.as_ref()?.as_str());
        doomed.extend(
            page.results.iter().filter(|kept| name(kept) == Some(true)).map(|kept| kept.prediction.id),
        );
        continuation = page.continuation;
        if continuation.is_none() {
            break;
        }
    }
    for some in doomed.chunks(2) {
        let _ = project.delete_predictions(some.to_vec()).unwrap();
    }
}

#[test]
fn three_processes_train_predict_upload_and_erase_at_once() {
    let scene = Scene::in_directory();
    let (project, iteration) = trained(&scene.ocelli);
    iteration.publish("production").unwrap();
    let upright = tag_named(&project, "upright");
    assert!(
        project
            .add_files((0..40).map(|number| upload_of(number).tag(upright)))
            .unwrap()
            .is_batch_successful()
    );
    let doomed_tags = [300, 303, 306].map(text);
    for (name, photos) in doomed_tags.iter().zip([100_u64, 120, 140]) {
        let tag = project.create_tag(name).unwrap().id;
        let photos = (photos..photos + 18).filter(|number| number % 3 != 0);
        assert!(
            project.add_files(photos.map(|number| upload_of(number).tag(tag))).unwrap().is_batch_successful()
        );
    }
    let start = |test| {
        let mut command = child(test, scene.path(), &project);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Dropping its input tells a child to end.
    let end = |child: Child| {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    let (trainer, predictor, eraser) = (
        start("child_that_trains_twice"),
        start("child_that_predicts_and_uploads"),
        start("child_that_erases"),
    );
    end(trainer);
    let said = end(predictor);
    end(eraser);
    let up_to = said.lines().find_map(|line| line.strip_prefix("up to ")?.parse::<u64>().ok()).unwrap();
    assert!(up_to > 1000, "there was something to do beside the training: {up_to}");

    assert_eq!(scene.ocelli.finish_erasures().unwrap(), ErasureStatus::Complete);
    let trained = project.iterations().unwrap();
    let completed = trained.iter().filter(|it| matches!(it.status, IterationStatus::Completed { .. }));
    assert_eq!(completed.count(), 3, "{trained:?}");
    assert!(trained.iter().all(|it| it.status != IterationStatus::Training), "{trained:?}");
    let report = scene.ocelli.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound() && report.unowned == 0, "{report:?}");

    let mut markers = Markers::new(0);
    let (mut erased, mut kept) = (BTreeSet::new(), BTreeSet::new());
    let labelled = (100..158).filter(|number| number % 20 < 18 && number % 3 != 0);
    for number in (0..40).chain(labelled).chain(1000..up_to) {
        // All PNG files begin and end alike.
        let (name, bytes) = (format!("text {number}"), noise(number));
        let photo = format!("photo {number}");
        markers.add(&name, text(number).into_bytes());
        markers.add(&photo, bytes[64..bytes.len() - 20].to_vec());
        if number % 3 == 0 { &mut erased } else { &mut kept }.extend([name, photo]);
    }
    let found = markers.found(scene.path());
    let remains: Vec<_> = found.iter().filter(|(what, _)| erased.contains(*what)).collect();
    assert!(remains.is_empty(), "{remains:?}");
    assert!(kept.iter().all(|what| found.contains_key(what)));
    eprintln!(
        "{} markers of what was erased were searched for, and {} found of what stays",
        erased.len(),
        kept.len()
    );

    // Iterations that were trained on an erased tag keep its name as long as they stay.
    let mut names = Markers::new(0);
    doomed_tags.iter().for_each(|name| names.add(name.clone(), name.clone().into_bytes()));
    for iteration in trained.iter().filter(|iteration| iteration.publication.is_none()) {
        let _ = project.iteration(iteration.id).unwrap().delete().unwrap();
    }
    assert!(names.found(scene.path()).is_empty(), "{:?}", names.found(scene.path()));
    project.predict("production", &drawn(90)).unwrap();
}
