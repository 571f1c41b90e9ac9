//! What is left where something goes wrong at an awkward moment.

#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ocelli::{
    IterationStatus, NewProject, OpenOptions, ProjectHandle, StopToken, TrainOptions, TrainingEvent,
    TrainingFailure, Upload,
};

/// A project in memory with five real photos of each of two tags.
fn project() -> ProjectHandle {
    let ocelli = OpenOptions::new().in_memory().unwrap();
    let project = ocelli.create_project(NewProject::new("failures").multiclass()).unwrap();
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos/train");
    for name in ["fish", "windmill"] {
        let tag = project.create_tag(name).unwrap().id;
        let mut files: Vec<_> =
            std::fs::read_dir(photos.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let uploads = files.into_iter().take(5).map(|file| Upload::file(file).tag(tag));
        assert!(project.add_files(uploads).unwrap().is_batch_successful());
    }
    project
}

#[test]
fn a_panic_during_training_leaves_the_iteration_failed_with_its_reason() {
    let project = project();
    let watch = |event| {
        if let TrainingEvent::StrengthTried { .. } = event {
            panic!("on purpose");
        }
    };
    let train = || project.train_watched(&TrainOptions::default(), &StopToken::new(), &watch);
    assert!(catch_unwind(AssertUnwindSafe(train)).is_err());
    let [iteration] = &project.iterations().unwrap()[..] else { panic!("there should be one iteration") };
    let IterationStatus::Failed { failure: TrainingFailure::Error { message, .. } } = &iteration.status
    else {
        panic!("{:?}", iteration.status)
    };
    assert_eq!(message, "the training panicked");
    project.train(&TrainOptions::default()).unwrap();
}

#[test]
fn a_training_on_kept_features_stops_before_it_reads_them() {
    let project = project();
    project.train(&TrainOptions::default()).unwrap();
    let (stop, options) = (StopToken::new(), TrainOptions { force: true, ..TrainOptions::default() });
    stop.stop();
    let watch = |event| assert!(matches!(event, TrainingEvent::Started { .. }), "{event:?}");
    assert!(project.train_watched(&options, &stop, &watch).is_err());
    let failure = TrainingFailure::Stopped;
    assert_eq!(project.iterations().unwrap()[1].status, IterationStatus::Failed { failure });
}
