//! A small account with one of everything, and the archive of it.

use std::collections::BTreeMap;
use std::io::Cursor;

use ocelli_archive::{
    ArchiveError, ArchiveReader, ArchiveWriter, ImageRecord, IterationRecord, ModelFiles, PredictionRecord,
    ProjectRecord, ReadLimits, Written,
};
use ocelli_core::*;
use serde_json::{Value, json};

/// Everything that an archive can hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) created: Timestamp,
    pub(crate) account: Option<Value>,
    pub(crate) holds: Option<Value>,
    pub(crate) audit: Option<Vec<u8>>,
    pub(crate) receipts: Vec<(String, Vec<u8>)>,
    pub(crate) projects: Vec<ProjectContent>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProjectContent {
    pub(crate) record: ProjectRecord,
    pub(crate) images: Vec<(ImageRecord, Vec<u8>)>,
    pub(crate) predictions: Vec<(PredictionRecord, Option<Vec<u8>>)>,
    pub(crate) iterations: Vec<IterationContent>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IterationContent {
    pub(crate) record: IterationRecord,
    pub(crate) model_file: Option<Vec<u8>>,
    pub(crate) stored_model: Option<Vec<u8>>,
    pub(crate) exports: Vec<(Export, Vec<Vec<u8>>)>,
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn random(n: u8) -> [u8; 10] {
    [n; 10]
}

fn region(n: u8, tag: &Tag, sides: [f32; 4]) -> Region {
    let [left, top, width, height] = sides;
    let bounds = BoundingBox::new(left, top, width, height).unwrap();
    Region { id: RegionId::new(at(n.into()), random(n)), tag_id: tag.id, created: at(n.into()), bounds }
}

/// One project; `n` tells it from others.
pub(crate) fn project(n: u8) -> ProjectContent {
    let project = Project {
        id: ProjectId::new(at(0), random(n)),
        name: name("trees, \"big\" ones"),
        description: Description::new("line one\nline two, =1+1").unwrap(),
        settings: ProjectSettings::default(),
        created: at(0),
        last_modified: at(1),
        deleted: None,
    };
    let tag = |i: u8, text: &str, tag_type| Tag {
        id: TagId::new(at(0), [n, i, 0, 0, 0, 0, 0, 0, 0, 0]),
        name: name(text),
        description: Description::default(),
        tag_type,
        image_count: u64::from(i),
    };
    let tags = vec![
        tag(1, "=cmd|' /C calc'!A0", TagType::Regular),
        tag(2, "oak, \"old\"", TagType::Regular),
        tag(3, "nothing", TagType::Negative),
    ];
    let image = |i: u8, image_tags: &[usize], regions: Vec<Region>, bytes: &[u8]| {
        let image = Image {
            id: ImageId::new(at(10), [n, i, 0, 0, 0, 0, 0, 0, 0, 1]),
            created: at(i64::from(i) * 1000 + 123),
            width: 640,
            height: 427,
            tags: image_tags.iter().map(|t| ImageTag { tag_id: tags[*t].id, created: at(77) }).collect(),
            regions,
            metadata: Metadata::new(BTreeMap::from([("person".into(), "Zoë \u{1f333}".into())])).unwrap(),
            origin: Origin::Upload { name: Some(format!("../{i}.jpg")) },
        };
        let salt = Some(Salt::from_bytes([i; 32]));
        (ImageRecord { image, salt, commitment: Some(Commitment::from_bytes([i + 1; 32])) }, bytes.to_vec())
    };
    let third = 1.0_f32 / 3.0;
    let images = vec![
        image(1, &[1, 0], vec![], b"\xff\xd8\xff one"),
        image(2, &[2], vec![], b"\x89PNG\r\n\x1a\n two"),
        image(
            3,
            &[],
            vec![
                region(n * 10 + 1, &tags[1], [third, 0.1, 0.123_456_79, third]),
                region(n * 10 + 2, &tags[0], [0.0, 0.0, 1.0, 1.0]),
            ],
            b"GIF89a three",
        ),
        image(4, &[], vec![], b"no photo that is known"),
    ];
    let iteration_id = IterationId::new(at(20), random(n));
    let prediction = |i: u8, kept: bool, bounding_box| PredictionRecord {
        prediction: StoredPrediction {
            prediction: ImagePrediction {
                id: PredictionId::new(at(30), [n, i, 0, 0, 0, 0, 0, 0, 0, 2]),
                project_id: project.id,
                iteration_id,
                created: at(31),
                predictions: if i == 3 {
                    vec![]
                } else {
                    let answer = |tag: &Tag, probability| Prediction {
                        probability,
                        tag_id: tag.id,
                        tag_name: tag.name.clone(),
                        tag_type: tag.tag_type,
                        bounding_box,
                    };
                    vec![answer(&tags[0], 0.1_f32 + 0.2), answer(&tags[1], 3.6e-12), answer(&tags[2], third)]
                },
            },
            publish_name: Some(name("live")),
            application: (i == 1).then(|| name("a, b")),
            width: 10,
            height: 20,
            metadata: Metadata::new(BTreeMap::from([("camera".into(), "3".into())])).unwrap(),
            photo_kept: kept,
            expires: (i == 1).then(|| at(99)),
        },
        salt: kept.then(|| Salt::from_bytes([7; 32])),
        commitment: None,
    };
    let predictions = vec![
        (prediction(1, true, BoundingBox::new(0.1, 0.2, third, 0.4).ok()), Some(b"BM kept".to_vec())),
        (prediction(2, false, None), None),
        (prediction(3, true, None), Some(b"RIFF0000WEBPVP8 ".to_vec())),
    ];
    let evaluation = Evaluation {
        classification_type: ClassificationType::Multiclass,
        tags: tags
            .iter()
            .map(|tag| TrainedTag { id: tag.id, name: tag.name.clone(), tag_type: tag.tag_type })
            .collect(),
        photos: vec![EvaluatedPhoto {
            photo: images[0].0.image.id,
            tags: vec![1],
            fold: 1,
            probabilities: vec![0.1, third, 1e-20],
        }],
    };
    let test = Evaluation {
        photos: vec![EvaluatedPhoto {
            photo: images[1].0.image.id,
            tags: vec![0, 2],
            fold: 0,
            probabilities: vec![third, 1.0, 0.0],
        }],
        ..evaluation.clone()
    };
    let iteration = |id, status, publication| Iteration {
        id,
        project_id: project.id,
        name: name("Iteration 1"),
        status,
        created: at(20),
        last_modified: at(21),
        domain_id: Domain::FOOD.id,
        classification_type: ClassificationType::Multiclass,
        training_type: TrainingType::Advanced,
        reserved_budget_millis: 3_600_000,
        custom_base: Some(BaseIteration { project_id: project.id, iteration_id }),
        publication,
    };
    let file = |text: &str, bytes: &[u8]| ExportFile { name: name(text), size: bytes.len() as u64 };
    let exported: [&[u8]; 3] = [b"onnx", b"labels\r\n", b""];
    let export = Export {
        id: ExportId::new(at(40), random(n)),
        iteration_id,
        platform: ExportPlatform::Onnx,
        flavor: Some(name("OnnxFloat16")),
        created: at(40),
        files: vec![
            file("model.onnx", exported[0]),
            file("../../etc/labels", exported[1]),
            file("MODEL.onnx", exported[2]),
        ],
    };
    let completed = IterationStatus::Completed { trained_at: at(22), training_millis: 17 };
    let publication = Some(Publication { name: name("live"), precision: Precision::Int8 });
    let failed = IterationStatus::Failed { failure: TrainingFailure::Stopped };
    let failed_id = IterationId::new(at(25), random(n));
    let iterations = vec![
        IterationContent {
            record: IterationRecord {
                iteration: iteration(iteration_id, completed, publication),
                manifest: Some(Manifest {
                    seed: u64::MAX,
                    base: "ab".repeat(32),
                    strength: 0.1 + 0.2,
                    balance: third,
                    folds: 5,
                    left_out: vec![(images[3].0.image.id, LeftOut::Unreadable)],
                    evaluation,
                    int8: None,
                    calibration: Some(CalibrationRecord {
                        method: ProbabilityCalibration::Platt {
                            slopes: vec![0.1 + 0.2; 3],
                            offsets: vec![f64::MIN_POSITIVE; 3],
                        },
                        before: CalibrationFigures { expected_calibration_error: 0.1, brier_score: 0.7 },
                        after: CalibrationFigures::default(),
                    }),
                    thresholds: vec![Threshold::new(third).unwrap(); 3],
                    fine_tuning: None,
                    erased: 2,
                    test: Some(test),
                    test_erased: 1,
                    augmentations: None,
                    view_named: false,
                }),
                extras: BTreeMap::from([("held".into(), json!(true))]),
            },
            model_file: Some(vec![1, 2, 3]),
            stored_model: Some(vec![4, 5]),
            exports: vec![(export, exported.map(<[u8]>::to_vec).into())],
        },
        IterationContent {
            record: IterationRecord {
                iteration: iteration(failed_id, failed, None),
                manifest: None,
                extras: BTreeMap::new(),
            },
            model_file: None,
            stored_model: None,
            exports: vec![],
        },
    ];
    let extras = BTreeMap::from([("retention".to_owned(), json!({"keptPhotos": {"days": 30}, "x": 0.1}))]);
    ProjectContent { record: ProjectRecord { project, tags, extras }, images, predictions, iterations }
}

pub(crate) fn account() -> Account {
    let empty = ProjectContent { images: vec![], predictions: vec![], iterations: vec![], ..project(2) };
    Account {
        created: at(500),
        account: Some(json!({"policy": {"account": "90 days"}})),
        holds: Some(json!([{"id": 1, "expression": "person eq 'Zoë'"}])),
        audit: Some(b"{\"seq\":0}\n{\"seq\":1}\n".to_vec()),
        receipts: vec![("000-b".into(), b"{ \"signed\" : 1.0 }".to_vec()), ("1_a".into(), b"{}".to_vec())],
        projects: vec![project(1), empty],
    }
}

pub(crate) fn write(account: &Account) -> Result<(Vec<u8>, Written), ArchiveError> {
    let mut archive = ArchiveWriter::new(Cursor::new(Vec::new()), account.created);
    account.account.iter().try_for_each(|value| archive.account(value))?;
    account.holds.iter().try_for_each(|value| archive.holds(value))?;
    account.audit.iter().try_for_each(|log| archive.audit(log.as_slice()))?;
    account.receipts.iter().try_for_each(|(name, receipt)| archive.receipt(name, receipt))?;
    for content in &account.projects {
        let mut project = archive.project(&content.record)?;
        content.images.iter().try_for_each(|(image, bytes)| project.image(image, bytes))?;
        for iteration in &content.iterations {
            let IterationContent { record, model_file, stored_model, exports } = iteration;
            let model =
                ModelFiles { model_file: model_file.as_deref(), stored_model: stored_model.as_deref() };
            project.iteration(record, model)?;
            for (export, files) in exports {
                let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
                project.export(export, &files)?;
            }
        }
        for (prediction, photo) in &content.predictions {
            project.prediction(prediction, photo.as_deref())?;
        }
        project.finish()?;
    }
    let (out, written) = archive.finish()?;
    Ok((out.into_inner(), written))
}

pub(crate) fn read(bytes: &[u8]) -> Result<Account, ArchiveError> {
    read_within(bytes, ReadLimits::default())
}

pub(crate) fn read_within(bytes: &[u8], limits: ReadLimits) -> Result<Account, ArchiveError> {
    let mut archive = ArchiveReader::open(Cursor::new(bytes), limits)?;
    archive.verify()?;
    let mut account = Account {
        created: archive.contents().created,
        account: archive.account()?,
        holds: archive.holds()?,
        audit: archive.audit()?,
        receipts: vec![],
        projects: vec![],
    };
    for name in archive.receipts() {
        let receipt = archive.receipt(&name)?;
        account.receipts.push((name, receipt));
    }
    for id in archive.projects().to_vec() {
        let mut project = archive.project(id)?;
        let mut content = ProjectContent {
            record: project.record().clone(),
            images: vec![],
            predictions: vec![],
            iterations: vec![],
        };
        for image in project.images().to_vec() {
            let bytes = project.image_bytes(image.image.id)?;
            content.images.push((image, bytes));
        }
        for prediction in project.predictions()? {
            let kept = prediction.prediction.photo_kept;
            let id = prediction.prediction.prediction.id;
            let photo = kept.then(|| project.prediction_bytes(id)).transpose()?;
            content.predictions.push((prediction, photo));
        }
        for id in project.iterations() {
            let mut exports = vec![];
            for export in project.exports(id)? {
                let files = (0..export.files.len()).map(|index| project.export_file(&export, index));
                let files = files.collect::<Result<_, _>>()?;
                exports.push((export, files));
            }
            content.iterations.push(IterationContent {
                record: project.iteration(id)?,
                model_file: project.model_file(id)?,
                stored_model: project.stored_model(id)?,
                exports,
            });
        }
        account.projects.push(content);
    }
    Ok(account)
}
