//! Several processes on one data directory. The other processes are this program, started again.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ocelli::{
    ErrorCode, IterationStatus, NewProject, Ocelli, ProjectHandle, ProjectId, StopToken, TrainOptions,
    TrainingEvent, TrainingFailure,
};
use ocelli_tests::{Scene, drawn, trainable, trained};

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
