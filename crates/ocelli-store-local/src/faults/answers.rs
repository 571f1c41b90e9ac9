use std::fmt::Debug;

use ocelli_core::{ExportId, ImageId, IterationId, Name, PredictionId, ProjectId};
use ocelli_store::conformance::scene::at;
use ocelli_store::{
    FeatureKey, ImageFilter, ImageQuery, Order, PredictionQuery, ProjectState, Store, TaggingStatus,
};

/// Everything that was ever given an id in a scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) projects: Vec<ProjectId>,
    pub(super) images: Vec<ImageId>,
    pub(super) iterations: Vec<IterationId>,
    pub(super) predictions: Vec<PredictionId>,
    pub(super) exports: Vec<(ExportId, Name)>,
    pub(super) bases: Vec<String>,
    pub(super) keys: Vec<FeatureKey>,
}

/// Everything that a store answers, in words: values, errors and order.
pub(super) fn everything(store: &dyn Store, world: &World) -> Vec<String> {
    let mut answers = Answers(Vec::new());
    answers.tell("projects", &store.projects(ProjectState::Live));
    answers.tell("deleted projects", &store.projects(ProjectState::DeletedSince(at(0))));
    answers.tell("erasures", &store.erasures(at(0)));
    for &project in &world.projects {
        let there = store.project(project);
        answers.tell("project", &there);
        if there.is_err() {
            continue;
        }
        answers.tell("tags", &store.tags(project));
        answers.tell("tagged images", &store.tagged_images(project));
        let query = ImageQuery { order: Order::Oldest, take: 256, ..Default::default() };
        answers.tell("images", &store.images(project, &query));
        for tagging_status in [TaggingStatus::Tagged, TaggingStatus::Untagged] {
            let filter = ImageFilter { tagging_status, ..ImageFilter::default() };
            answers.tell("number of images", &store.image_count(project, &filter));
        }
        for image in &world.images {
            answers.bytes("image", image, store.image_bytes(project, *image));
        }
        for key in &world.keys {
            answers.tell("features", &store.features(project, key, &world.images));
        }
        for base in &world.bases {
            answers.tell("calibration", &store.calibration(project, base));
        }
        answers.tell("iterations", &store.iterations(project));
        for iteration in &world.iterations {
            answers.tell("manifest", &store.manifest(project, *iteration));
            answers.bytes("model", iteration, store.model(project, *iteration));
            answers.bytes(
                "checkpoint",
                iteration,
                store.checkpoint(project, *iteration).transpose().unwrap_or_else(|| Ok(Vec::new())),
            );
            answers.tell("exports", &store.exports(project, *iteration));
        }
        for (export, file) in &world.exports {
            answers.bytes("export", export, store.export_bytes(project, *export, file));
        }
        let query = PredictionQuery { order: Order::Oldest, ..Default::default() };
        answers.tell("predictions", &store.predictions(project, &query));
        for prediction in &world.predictions {
            answers.bytes("prediction", prediction, store.prediction_bytes(project, *prediction));
        }
    }
    answers.0
}

struct Answers(Vec<String>);

impl Answers {
    fn tell(&mut self, what: &str, answer: &dyn Debug) {
        self.0.push(format!("{what}: {answer:?}"));
    }

    /// Bytes as text, which they are.
    fn bytes(&mut self, what: &str, id: &dyn Debug, answer: Result<Vec<u8>, ocelli_store::StoreError>) {
        let answer = answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.0.push(format!("{what} {id:?}: {answer:?}"));
    }
}

/// In what two states differ, in words.
pub(super) fn difference(found: &[String], expected: &[String]) -> String {
    let differing = found.iter().zip(expected).filter(|(found, expected)| found != expected);
    let words: Vec<String> = differing.map(|(found, expected)| differ(found, expected)).take(3).collect();
    if words.is_empty() {
        format!("{} answers instead of {}", found.len(), expected.len())
    } else {
        words.join("\n")
    }
}

/// Where two answers differ, with a little around it.
fn differ(found: &str, expected: &str) -> String {
    let same = found.chars().zip(expected.chars()).take_while(|(found, expected)| found == expected).count();
    let part = |answer: &str| -> String { answer.chars().skip(same.saturating_sub(60)).take(160).collect() };
    let (what, _) = found.split_once(':').unwrap_or((found, ""));
    format!("{what}: found ..{}.. expected ..{}..", part(found), part(expected))
}
