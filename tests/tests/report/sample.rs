//! Reports about iterations that were never trained: what they answered is drawn.

use image::ImageFormat;
use ocelli::{
    CalibrationFigures, CalibrationRecord, ClassificationType, Description, Domain, EvaluatedPhoto,
    Evaluation, FineTuningOptions, FineTuningRecord, FineTuningRound, ImageId, Iteration, IterationId,
    IterationStatus, LeftOut, Manifest, Name, ProbabilityCalibration, Project, ProjectId, ProjectSettings,
    Random, TagId, TagType, Timestamp, TrainedTag, TrainingType,
};
use ocelli_report::{Flaw, IterationReport, PhotoFindings, Picture, PoorPhoto, ReportSource, Thumbnail};
use ocelli_tests::{SeededRandom, encoded};

/// Photos of each tag.
const PHOTOS: usize = 30;

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + millis)
}

/// Answers to thirty photos a tag, of which about every eighth is taken for the tag after its own.
fn evaluation(names: &[&str], classification_type: ClassificationType, seed: u64) -> Evaluation {
    let random = SeededRandom::new(seed);
    let noise = || {
        let mut byte = [0];
        random.fill(&mut byte).unwrap();
        f32::from(byte[0]) / 255.0
    };
    let tag = |(place, name): (u8, &&str)| TrainedTag {
        id: TagId::new(moment(0), [place; 10]),
        name: Name::new(name).unwrap(),
        tag_type: TagType::Regular,
    };
    let photo = |number: usize| {
        let own = number / PHOTOS;
        let seen = if noise() < 0.12 { (own + 1) % names.len() } else { own };
        let logit = |tag: usize| 2.0 * noise() + if tag == seen { 2.0 } else { 0.0 };
        let logits: Vec<f32> = (0..names.len()).map(logit).collect();
        let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
        let probability = |logit: &f32| match classification_type {
            ClassificationType::Multiclass => logit.exp() / sum,
            ClassificationType::Multilabel => 1.0 / (1.0 + (2.0 - logit).exp()),
        };
        EvaluatedPhoto {
            photo: ImageId::new(moment(i64::try_from(number).unwrap()), [7; 10]),
            tags: vec![u16::try_from(own).unwrap()],
            fold: u16::try_from(number % 5).unwrap(),
            probabilities: logits.iter().map(probability).collect(),
        }
    };
    Evaluation {
        classification_type,
        tags: (0..).zip(names).map(tag).collect(),
        photos: (0..names.len() * PHOTOS).map(photo).collect(),
    }
}

fn iteration(number: u8, evaluation: &Evaluation) -> Iteration {
    Iteration {
        id: IterationId::new(moment(0), [number; 10]),
        project_id: ProjectId::new(moment(0), [1; 10]),
        name: Name::new(format!("Iteration {number}")).unwrap(),
        status: IterationStatus::Completed { trained_at: moment(0), training_millis: 48_300 },
        created: moment(0),
        last_modified: moment(0),
        domain_id: Domain::GENERAL_COMPACT.id,
        classification_type: evaluation.classification_type,
        training_type: TrainingType::Advanced,
        reserved_budget_millis: 600_000,
        custom_base: None,
        publication: None,
    }
}

fn manifest(evaluation: Evaluation) -> Manifest {
    let round = |number: i32| FineTuningRound {
        training_loss: 0.8_f64.powi(number),
        held_out_loss: 0.3 + 0.7_f64.powi(number),
        held_out_top1: 1.0 - 0.4 * 0.6_f64.powi(number),
    };
    Manifest {
        seed: 7,
        base: "9f1c2d07b3a4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e".to_owned(),
        strength: 0.01,
        balance: 0.5,
        folds: 5,
        left_out: vec![(ImageId::new(moment(-1), [9; 10]), LeftOut::SeveralTags)],
        thresholds: evaluation.best_thresholds(),
        calibration: Some(CalibrationRecord {
            method: ProbabilityCalibration::identity(evaluation.classification_type, evaluation.tags.len()),
            before: CalibrationFigures { expected_calibration_error: 0.123, brier_score: 0.456 },
            after: CalibrationFigures { expected_calibration_error: 0.034, brier_score: 0.345 },
        }),
        fine_tuning: Some(FineTuningRecord {
            cut: "blocks.12".to_owned(),
            options: FineTuningOptions::default().settled(100),
            head_loss: 0.9,
            rounds: (1..=6).map(round).collect(),
            kept: Some(5),
        }),
        evaluation,
        int8: None,
        erased: 2,
        test: None,
        test_erased: 0,
        augmentations: None,
        view_named: false,
    }
}

/// A report with everything that one can have, about tags with these names.
pub(crate) fn report(names: &[&str], classification_type: ClassificationType) -> IterationReport {
    let (mut manifest, before) =
        [1, 2].map(|seed| manifest(evaluation(names, classification_type, seed))).into();
    if let Some(record) = &mut manifest.calibration {
        record.method = match classification_type {
            ClassificationType::Multiclass => ProbabilityCalibration::Temperature { temperature: 1.5 },
            ClassificationType::Multilabel => ProbabilityCalibration::Platt {
                slopes: vec![0.8; names.len()],
                offsets: vec![0.1; names.len()],
            },
        };
    }
    let (now, then) = (iteration(2, &manifest.evaluation), iteration(1, &before.evaluation));
    let project = Project {
        id: now.project_id,
        name: Name::new("Trees & <b>shrubs</b>").unwrap(),
        description: Description::new("What stands by the road?").unwrap(),
        settings: ProjectSettings::default(),
        created: moment(0),
        last_modified: moment(0),
        deleted: None,
    };
    let mut report = IterationReport::new(ReportSource {
        made: moment(1000),
        version: "0.0.0",
        project: &project,
        iteration: &now,
        manifest: &manifest,
        findings: Some(findings(&manifest.evaluation)),
        earlier: Some((&then, &before)),
    });
    for (number, photo) in (0u8..).zip(&mut report.photos) {
        let jpeg = encoded(number, 48, 32, ImageFormat::Jpeg);
        photo.name = Some(format!("{number} \"<img src=x onerror=alert(1)>\".jpg"));
        photo.picture = match number {
            0 => Picture::Erased,
            1 => Picture::Unreadable,
            _ => Picture::Thumbnail(Thumbnail::from_jpeg(&jpeg)),
        };
    }
    report
}

fn findings(evaluation: &Evaluation) -> PhotoFindings {
    let id = |place: usize| evaluation.photos[place].photo;
    PhotoFindings {
        label_issues: evaluation.label_issues(),
        duplicates: vec![vec![id(1), id(2)]],
        near_duplicates: vec![vec![id(3), id(4), id(5)]],
        unreadable: vec![ImageId::new(moment(-2), [9; 10])],
        poor: vec![PoorPhoto { photo: id(6), flaws: vec![Flaw::Dark, Flaw::Blurred] }],
    }
}
