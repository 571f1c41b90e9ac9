//! What the unit tests of this crate share: answers written by hand, and the report on them.

#![allow(clippy::unwrap_used, reason = "what a fixture cannot do is a failure of the test that asked for it")]

use ocelli_core::{
    ClassificationType, Description, Domain, EvaluatedPhoto, Evaluation, ImageId, Iteration, IterationId,
    IterationStatus, Manifest, Name, Project, ProjectId, ProjectSettings, TagId, TagType, Timestamp,
    TrainedTag, TrainingType,
};

use crate::{IterationReport, ReportSource};

const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);

pub(crate) fn image(number: usize) -> ImageId {
    ImageId::new(Timestamp::from_millis(i64::try_from(number).unwrap()), [1; 10])
}

/// Photos of one tag each, of which each is surely given a tag: pairs of the one and the other, as often as said.
pub(crate) fn evaluation(tags: u16, answers: &[(u16, u16, usize)]) -> Evaluation {
    let tag = |number: u16| TrainedTag {
        id: TagId::new(NOW, [u8::try_from(number).unwrap(); 10]),
        name: Name::new(format!("tag {number}")).unwrap(),
        tag_type: TagType::Regular,
    };
    let pairs = answers.iter().flat_map(|(own, given, times)| std::iter::repeat_n((*own, *given), *times));
    let photo = |(number, (own, given)): (usize, (u16, u16))| EvaluatedPhoto {
        photo: image(number),
        tags: vec![own],
        fold: 0,
        probabilities: (0..tags)
            .map(|tag| if tag == given { 0.9 } else { 0.1 / f32::from(tags - 1) })
            .collect(),
    };
    Evaluation {
        classification_type: ClassificationType::Multiclass,
        tags: (0..tags).map(tag).collect(),
        photos: pairs.enumerate().map(photo).collect(),
    }
}

pub(crate) fn manifest(evaluation: Evaluation) -> Manifest {
    Manifest {
        seed: 1,
        base: "base".to_owned(),
        strength: 1.0,
        balance: 0.0,
        folds: 5,
        left_out: Vec::new(),
        evaluation,
        int8: None,
        calibration: None,
        thresholds: Vec::new(),
        fine_tuning: None,
        erased: 0,
        test: None,
        test_erased: 0,
        augmentations: None,
        view_named: false,
    }
}

/// The report on a manifest, compared with another where there is one.
pub(crate) fn report(manifest: &Manifest, earlier: Option<&Manifest>) -> IterationReport {
    let iteration = Iteration {
        id: IterationId::new(NOW, [2; 10]),
        project_id: ProjectId::new(NOW, [3; 10]),
        name: Name::new("Iteration 1").unwrap(),
        status: IterationStatus::Completed { trained_at: NOW, training_millis: 1000 },
        created: NOW,
        last_modified: NOW,
        domain_id: Domain::GENERAL_COMPACT.id,
        classification_type: manifest.evaluation.classification_type,
        training_type: TrainingType::Regular,
        reserved_budget_millis: 0,
        custom_base: None,
        publication: None,
    };
    let project = Project {
        id: iteration.project_id,
        name: Name::new("project").unwrap(),
        description: Description::default(),
        settings: ProjectSettings::default(),
        created: NOW,
        last_modified: NOW,
        deleted: None,
    };
    IterationReport::new(ReportSource {
        made: NOW,
        version: "0.0.0",
        project: &project,
        iteration: &iteration,
        manifest,
        findings: None,
        earlier: earlier.map(|earlier| (&iteration, earlier)),
    })
}
