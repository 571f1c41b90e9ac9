//! Any sequence of changes has the same outcomes on the local store as in memory, and leaves the same behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use ocelli_core::*;
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::*;
use ocelli_store_local::LocalStore;
use proptest::prelude::*;

/// Two tags, photos, an iteration and a prediction to begin with.
const SETTING: [Step; 5] =
    [[3, 0, 0, 1, 0], [3, 0, 1, 1, 1], [8, 0, 0, 1, 2], [22, 0, 0, 1, 0], [29, 0, 0, 1, 3]];

/// A kind of change, and what picks its ids, names and values from small pools, so that they meet often.
type Step = [u8; 5];

fn random(pool: u8, pick: u8) -> [u8; 10] {
    [pick % pool; 10]
}

fn project(pick: u8) -> ProjectId {
    ProjectId::new(at(0), random(2, pick))
}

fn tag(pick: u8) -> TagId {
    TagId::new(at(0), random(3, pick))
}

fn image(pick: u8) -> ImageId {
    ImageId::new(at(0), random(4, pick))
}

fn iteration(pick: u8) -> IterationId {
    IterationId::new(at(0), random(2, pick))
}

fn prediction(pick: u8) -> PredictionId {
    PredictionId::new(at(0), random(2, pick))
}

fn export(pick: u8) -> ExportId {
    ExportId::new(at(0), random(3, pick))
}

fn affected(pick: u8) -> Affected {
    [Affected::Keep, Affected::Unpublish, Affected::Delete][usize::from(pick % 3)]
}

fn text(pick: u8) -> Name {
    name(["one", "two", "Iteration 2", "ünï"][usize::from(pick % 4)])
}

fn content(pick: u8) -> Vec<u8> {
    vec![pick % 5; 20]
}

fn region(a: u8, b: u8) -> Region {
    let bounds = BoundingBox::new(f32::from(b % 3) / 7.0, 0.1, 0.3, 1.0 / 3.0).unwrap();
    Region { id: RegionId::new(at(0), random(3, a)), tag_id: tag(b), created: at(1), bounds }
}

/// Mostly of the first two.
fn tags(bits: u8) -> Vec<TagId> {
    let pool = if bits > 240 { 3 } else { 2 };
    (0..pool).filter(|bit| bits >> bit & 1 == 1).map(tag).collect()
}

fn new_image(a: u8, b: u8, c: u8) -> NewImage {
    let image = Image {
        id: image(a),
        created: at(i64::from(a % 3)),
        width: 1 + u32::from(a),
        height: 1 + u32::from(b),
        tags: tags(b).into_iter().map(|tag_id| ImageTag { tag_id, created: at(2) }).collect(),
        regions: if c.is_multiple_of(3) { vec![region(b, c), region(c, a)] } else { Vec::new() },
        metadata: Metadata::default(),
        origin: Origin::Upload { name: None },
    };
    NewImage { image, bytes: content(c), salt: Salt::from_bytes([a; 32]) }
}

fn kept(project_id: ProjectId, a: u8, b: u8, c: u8) -> StoredPrediction {
    let predictions = tags(b).into_iter().map(|tag_id| Prediction {
        probability: f32::from(c) / 255.0,
        tag_id,
        tag_name: text(c),
        tag_type: TagType::Regular,
        bounding_box: None,
    });
    let prediction = ImagePrediction {
        id: prediction(a),
        project_id,
        iteration_id: iteration(b),
        created: at(i64::from(b % 4)),
        predictions: predictions.collect(),
    };
    let entry = [("k".to_owned(), (c % 3).to_string())];
    StoredPrediction {
        prediction,
        metadata: Metadata::new(BTreeMap::from(entry)).unwrap(),
        photo_kept: true,
        publish_name: None,
        application: (c.is_multiple_of(2)).then(|| text(c)),
        width: 1,
        height: 2,
        expires: None,
    }
}

fn change([kind, p, a, b, c]: Step) -> Change {
    let (project, now) = (project(p / 220), at(i64::from(b)));
    match kind % 60 {
        0 if a < 100 => Change::DeleteProject { project, at: now },
        0 | 1 => Change::RestoreProject { project, at: at(i64::from(a)).plus_days(i64::from(b % 40)) },
        2 => {
            let settings = Some(ProjectSettings::default());
            Change::UpdateProject {
                project,
                update: ProjectUpdate { name: Some(text(a)), settings, ..Default::default() },
                at: now,
            }
        }
        3..=5 => {
            let tag_type = if b.is_multiple_of(5) { TagType::Negative } else { TagType::Regular };
            let description = Description::default();
            Change::CreateTag {
                project,
                tag: Tag { id: tag(a), name: text(c), description, tag_type, image_count: 0 },
            }
        }
        6 => {
            let tag_type = Some(if b.is_multiple_of(2) { TagType::Negative } else { TagType::Regular });
            let name = c.is_multiple_of(2).then(|| text(c));
            Change::UpdateTag {
                project,
                tag: tag(a),
                update: TagUpdate { name, tag_type, description: None },
            }
        }
        7 => Change::DeleteTag { project, tag: tag(a), affected: affected(b), at: now },
        8..=12 => Change::AddImages { project, images: vec![new_image(a, b, c), new_image(b, c, a)] },
        13 | 44 => Change::DeleteImages { project, images: vec![image(a)], affected: affected(b), at: now },
        14 | 15 => Change::TagImages { project, tags: vec![(image(a), tag(b)), (image(b), tag(c))], at: now },
        38 => Change::TagImages { project, tags: vec![(image(a), tag(b % 2))], at: now },
        16 => Change::UntagImages { project, images: vec![image(a)], tags: tags(b) },
        17 | 18 => Change::AddRegions { project, regions: vec![(image(a), region(b, c % 2))] },
        19 => Change::DeleteRegions { project, regions: vec![region(a, b).id], at: now },
        20 => {
            let metadata = Metadata::new(BTreeMap::from([("k".to_owned(), c.to_string())])).unwrap();
            Change::SetMetadata { project, image: image(a), metadata, at: now }
        }
        21 => Change::CacheFeatures {
            project,
            key: key(b),
            features: vec![(image(a), vec![f32::from(b) / 3.0; 3])],
        },
        39 => Change::KeepCalibration {
            project,
            base: "base".to_owned(),
            calibration: StoredCalibration { images: vec![image(b), image(c)], ..Scene::calibration(a % 3) },
        },
        40 if a > 250 => Change::EraseProject { project, at: now },
        40 | 41 => {
            let export = Export {
                id: export(a),
                iteration_id: iteration(b),
                platform: ExportPlatform::Onnx,
                flavor: c.is_multiple_of(2).then(|| text(c)),
                created: now,
                files: Vec::new(),
            };
            let files = [(a, c), (b, a)];
            let file = |(named, holding)| NewExportFile { name: text(named), bytes: content(holding) };
            Change::KeepExport { project, export, files: files.map(file).to_vec() }
        }
        42 => Change::DeleteExport { project, export: export(a), at: now },
        43 => {
            let erased = match a % 7 {
                0 => Erased::Tag(tag(b)),
                1 => Erased::Region(region(b, c).id),
                2 => Erased::Metadata(image(b)),
                3 => Erased::Iteration(iteration(b)),
                4 => Erased::Export(export(b)),
                5 => Erased::Prediction(prediction(b)),
                _ => Erased::Image(image(b)),
            };
            let record = ErasureRecord { at: now, project_id: project, erased };
            let affected = affected(c);
            Change::ReapplyErasures { erasures: vec![record, record], affected }
        }
        22 => Change::BeginTraining {
            iteration: NewIteration {
                id: iteration(a),
                project_id: project,
                name: b.is_multiple_of(2).then(|| text(b)),
                created: now,
                domain_id: Domain::GENERAL.id,
                classification_type: ClassificationType::Multilabel,
                training_type: TrainingType::Regular,
                reserved_budget_millis: 0,
                custom_base: None,
            },
        },
        23 | 32..=34 => {
            let mut trained = Box::new(Scene::trained(u64::from(c)));
            let evaluation = &mut trained.manifest.evaluation;
            let of = |(number, pick): (u16, u8)| EvaluatedPhoto {
                photo: image(pick),
                tags: vec![number],
                fold: number,
                probabilities: vec![f32::from(pick) / 7.0, 0.5],
            };
            evaluation.photos = (0_u16..).zip([b, c]).map(of).collect();
            evaluation.photos.dedup_by_key(|photo| photo.photo);
            if c.is_multiple_of(2) {
                let tested = EvaluatedPhoto { fold: 0, ..of((0, a)) };
                trained.manifest.test = Some(Evaluation { photos: vec![tested], ..evaluation.clone() });
            }
            trained.manifest.left_out = vec![(image(p), LeftOut::SeveralTags)];
            Change::CompleteTraining {
                project,
                iteration: iteration(a),
                trained,
                at: now,
                training_millis: 5,
            }
        }
        24 => {
            let interrupted = b.is_multiple_of(2);
            let failure = if interrupted { TrainingFailure::Interrupted } else { TrainingFailure::Stopped };
            Change::FailTraining { project, iteration: iteration(a), failure, at: now }
        }
        58 => Change::KeepCheckpoint {
            project,
            iteration: iteration(a),
            checkpoint: content(b),
            looked_at: (c % 3 > 0).then(|| image(c)).into_iter().collect(),
            tags: (c % 5 == 0).then(|| tag(c)).into_iter().collect(),
        },
        59 => Change::ResumeTraining { project, iteration: iteration(a), at: now },
        25 => Change::RenameIteration { project, iteration: iteration(a), name: text(c), at: now },
        26 | 35..=37 => {
            let overwrite = b.is_multiple_of(2);
            let precision = Precision::ALL[usize::from(p % 2)];
            let publication = Publication { name: text(c), precision };
            Change::Publish { project, iteration: iteration(a), publication, overwrite, at: now }
        }
        27 => Change::Unpublish { project, iteration: iteration(a), at: now },
        28 => Change::DeleteIteration { project, iteration: iteration(a), at: now },
        29 => Change::KeepPrediction {
            prediction: Box::new(kept(project, a, b, c)),
            bytes: content(c),
            salt: Salt::from_bytes([c; 32]),
        },
        46 | 47 => {
            let policy = RetentionPolicy {
                training_photos: rule(a),
                prediction_photos: rule(b),
                prediction_results: rule(c),
                features: rule(a / 5),
                iterations: rule(b / 5),
                exports: rule(c / 5),
            };
            Change::SetRetention { project, policy, at: now }
        }
        48 if a < 60 => Change::LatchDue { at: now },
        48 if a < 70 => Change::CloseAccount { at: now },
        48 | 49 if b < 200 => Change::ReopenAccount { at: now },
        48 | 49 => {
            let deleted_projects = rule(c);
            Change::SetAccountPolicy {
                policy: AccountPolicy { deleted_projects, ..Default::default() },
                at: now,
            }
        }
        50 => {
            let target = match a % 9 {
                0 => HoldTarget::Project { project_id: project },
                1..=3 => HoldTarget::Image { project_id: project, image_id: image(b) },
                4..=5 => HoldTarget::Prediction { project_id: project, prediction_id: prediction(b) },
                _ => {
                    let project_id = (c % 2 == 0).then_some(project);
                    HoldTarget::Metadata { project_id, filter: format!("k eq '{}'", c % 3).parse().unwrap() }
                }
            };
            let reason = Description::new("asked for").unwrap();
            Change::PlaceHold { hold: Hold { id: hold(a), target, reason, placed: now } }
        }
        51 | 52 => Change::ReleaseHold { hold: hold(a), at: now },
        53 => Change::BeginErasure { plan: Some(Digest::from_bytes([a; 32])), at: now },
        54..=56 => {
            let items = [a, b, c, a / 7, b / 7, c / 7].map(|pick| item(project, pick)).to_vec();
            Change::EraseItems { operation: 1 + u64::from(a % 3), items, affected: affected(b), at: now }
        }
        30 => Change::DeletePredictions { project, predictions: vec![prediction(a)], at: now },
        _ => {
            let used = |a, b| UsedPrediction {
                prediction: prediction(a),
                image: image(b),
                tags: tags(c),
                regions: Vec::new(),
            };
            Change::UsePredictions { project, predictions: vec![used(a, b), used(b, c)], at: now }
        }
    }
}

fn hold(pick: u8) -> HoldId {
    HoldId::new(at(0), random(3, pick))
}

/// Mostly such that something is due soon.
fn rule(pick: u8) -> RetentionRule {
    match pick % 8 {
        0 => RetentionRule::NotAtAll,
        1 => RetentionRule::Until { until: at(i64::from(pick)) },
        2..=4 => RetentionRule::For { millis: Period::millis(u64::from(pick)) },
        _ => RetentionRule::Forever,
    }
}

fn item(project_id: ProjectId, pick: u8) -> ItemToErase {
    let (item, class) = match pick % 7 {
        0 => (Erased::Image(image(pick / 7)), DataClass::TrainingPhoto),
        1 => (Erased::Features(image(pick / 7)), DataClass::Features),
        2 => (Erased::Prediction(prediction(pick / 7)), DataClass::PredictionResult),
        3 => (Erased::PredictionPhoto(prediction(pick / 7)), DataClass::PredictionPhoto),
        4 => (Erased::PredictionResult(prediction(pick / 7)), DataClass::PredictionResult),
        5 => (Erased::Iteration(iteration(pick / 7)), DataClass::Iteration),
        _ => (Erased::Export(export(pick / 7)), DataClass::Export),
    };
    let reason = if pick > 128 { ErasureReason::Requested } else { ErasureReason::Due(class) };
    ItemToErase { project_id, item, reason }
}

fn key(pick: u8) -> FeatureKey {
    match pick % 4 {
        3 => FeatureKey::f32("base"),
        number => FeatureKey::int8("base", Scene::calibration(number).fingerprint),
    }
}

/// Everything that questions can tell, as text: values, errors and order.
fn everything(store: &dyn Store) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |answer: &dyn Debug| told.push(format!("{answer:?}"));
    tell(&store.projects(ProjectState::Live));
    tell(&store.projects(ProjectState::DeletedSince(at(9))));
    tell(&store.erasures(at(2)));
    tell(&store.account().map(|account| (account.closed, account.retention)));
    tell(&store.holds());
    for pick in 0..3 {
        let first = store.held(hold(pick), None, 2);
        tell(&first.as_ref().map(|held| store.held(hold(pick), held.last(), 9)));
        tell(&first);
        for project in [project(0), project(1)] {
            tell(&store.held_bytes(hold(pick), project, Erased::Image(image(pick))));
            tell(&store.held_bytes(hold(pick), project, Erased::PredictionPhoto(prediction(pick))));
        }
    }
    let page = store.audit(2, usize::MAX).unwrap();
    tell(&page.entries.iter().map(|(entry, _)| entry).collect::<Vec<_>>());
    for operation in store.operations(0, 100).unwrap() {
        let items = store.erased_items(operation.number).unwrap();
        // What goes with a project goes at once in memory, and is noted as it goes on a disk.
        if !items.iter().any(|item| matches!(item.record.erased, Erased::Project(_))) {
            tell(&(operation, items));
        }
    }
    for class in [DataClass::DeletedProject, DataClass::ClosedAccount] {
        tell(&store.items(&ItemQuery::new(class, None, 9)));
    }
    for project in [project(0), project(1)] {
        tell(&store.project(project));
        tell(&store.tags(project));
        tell(&store.retention(project));
        for class in RetentionPolicy::CLASSES {
            let all = ItemQuery { with_metadata: true, ..ItemQuery::new(*class, Some(project), 2) };
            let first = store.items(&all);
            let last = first.as_ref().ok().and_then(|items| items.last().map(|item| (item.event, item.item)));
            tell(&store.items(&ItemQuery { after: last, take: 9, with_metadata: false, ..all.clone() }));
            tell(&first);
            let filter = Some("k eq '1'".parse().unwrap());
            tell(&store.items(&ItemQuery { metadata: filter, through: Some(at(3)), take: 3, ..all }));
        }
        for pick in 0..3 {
            tell(&store.commitment(project, Erased::Image(image(pick))));
            tell(&store.commitment(project, Erased::Prediction(prediction(pick))));
            tell(&store.trained_on(project, &[image(pick), image(3)]));
        }
        tell(&store.tagged_images(project));
        for order in [Order::Newest, Order::Oldest] {
            tell(&store.images(project, &ImageQuery { order, skip: 1, take: 3, ..Default::default() }));
            let query = PredictionQuery { order, take: 2, ..Default::default() };
            tell(&store.predictions(project, &query));
        }
        for tagging_status in [TaggingStatus::All, TaggingStatus::Tagged, TaggingStatus::Untagged] {
            let filter = ImageFilter { tagging_status, tags: vec![tag(1), tag(2)], metadata: None };
            tell(&store.image_count(project, &ImageFilter { tagging_status, ..ImageFilter::default() }));
            tell(&store.images(project, &ImageQuery { filter, ..Default::default() }));
        }
        let range = |tag_id| ProbabilityRange {
            tag_id,
            min: Threshold::default(),
            max: Threshold::new(1.0).unwrap(),
        };
        let query =
            PredictionQuery { tags: vec![range(tag(1))], end_time: Some(at(3)), ..Default::default() };
        tell(&store.predictions(project, &query));
        for pick in 0..6 {
            tell(&store.images_by_id(project, &[image(pick)]));
            tell(&store.image_bytes(project, image(pick)));
            tell(&store.features(project, &key(pick), &[image(0), image(1), image(2), image(3)]));
            tell(&store.prediction_bytes(project, prediction(pick)));
            tell(&store.iteration(project, iteration(pick)));
            tell(&store.published(project, &text(pick)));
            tell(&store.manifest(project, iteration(pick)));
            tell(&store.model(project, iteration(pick)));
            tell(&store.exports(project, iteration(pick)));
            tell(&store.export_bytes(project, export(pick), &text(pick)));
        }
        tell(&store.calibration(project, "base"));
        tell(&store.iterations(project));
    }
    told
}

fn blobs(directory: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { blobs(&path) } else { 1 }).sum()
}

/// How many files the records of the store refer to, whatever is to be seen of them.
fn files(store: &dyn Store) -> u64 {
    let report = store.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    report.files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_local_store_answers_as_the_store_in_memory(
        steps in proptest::collection::vec(any::<Step>(), 40..160),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let limits = || Limits { images_per_project: 5, tags_per_project: 3, iterations_per_project: 3, ..Limits::default() };
        let clock = Arc::new(ManualClock::new(at(0)));
        let options = || StoreOptions { clock: clock.clone(), ..limits().into() };
        let (memory, mut local) = (MemoryStore::new(options()), LocalStore::open(directory.path(), options()).unwrap());
        for (pick, made) in [(0, 0), (1, 1)] {
            let creation = Change::CreateProject {
                project: Project {
                    id: project(pick),
                    name: text(pick),
                    description: Description::default(),
                    settings: ProjectSettings::default(),
                    created: at(made),
                    last_modified: at(made),
                    deleted: None,
                },
                key: ContentKey::new([pick; 32]),
            };
            memory.apply(creation.clone()).unwrap();
            local.apply(creation).unwrap();
        }
        for (number, step) in SETTING.into_iter().chain(steps).enumerate() {
            clock.set(at(i64::try_from(number).unwrap()));
            let change = change(step);
            let described = format!("{change:?}");
            let expected = memory.apply(change.clone());
            prop_assert_eq!(format!("{:?}", local.apply(change)), format!("{:?}", expected), "{}", described);
            if number % 16 == 15 {
                prop_assert_eq!(everything(&local), everything(&memory), "after {}", described);
            }
        }
        drop(local);
        local = LocalStore::open(directory.path(), options()).unwrap();
        prop_assert_eq!(everything(&local), everything(&memory));
        prop_assert_eq!(blobs(&directory.path().join("blobs")), files(&local));
    }
}
