//! What is left where something goes wrong at an awkward moment.

#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ocelli::{
    Account, CheckOptions, CheckReport, Commitment, Digest, Erased, ErasedItem, ErasureOperation,
    ErasureRecord, ErasureStatus, Export, ExportId, HeldItem, Hold, HoldId, Image, ImageFilter, ImageId,
    ImageQuery, Item, Iteration, IterationId, IterationStatus, Limits, Manifest, Name, NewProject, Ocelli,
    OpenOptions, PredictionId, PredictionPage, PredictionQuery, Project, ProjectHandle, ProjectId, Retention,
    RetentionPolicy, Salt, StopToken, Store, StoreError, StoredPrediction, Tag, TagId, Timestamp,
    TrainOptions, TrainingEvent, TrainingFailure, Upload,
};
use ocelli_store::{
    Applied, AuditPage, Change, FeatureKey, ItemQuery, MemoryStore, ProjectState, StoredCalibration,
    TrainingLock,
};

fn photos_of(tag: &str) -> Vec<PathBuf> {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos/train");
    let mut files: Vec<_> =
        std::fs::read_dir(photos.join(tag)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn project() -> ProjectHandle {
    project_in(&OpenOptions::new().in_memory().unwrap())
}

/// A project with five real photos of each of two tags.
fn project_in(ocelli: &Ocelli) -> ProjectHandle {
    let project = ocelli.create_project(NewProject::new("failures").multiclass()).unwrap();
    for name in ["fish", "windmill"] {
        let tag = project.create_tag(name).unwrap().id;
        let uploads = photos_of(name).into_iter().take(5).map(|file| Upload::file(file).tag(tag));
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

/// Every file below a folder, in the order of their paths.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

#[test]
fn int8_is_measured_where_nine_of_ten_photos_can_still_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let project = project_in(&Ocelli::open(folder.path()).unwrap());
    // The features in f32 are kept, so those photos stay in the training.
    project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
    let blobs = files_below(&folder.path().join("blobs"));
    assert_eq!(blobs.len(), 10);
    for (damaged, compared) in [(2, None), (1, Some(9))] {
        let bytes = blobs.iter().take(damaged).map(|blob| std::fs::read(blob).unwrap());
        let bytes: Vec<Vec<u8>> = bytes.collect();
        blobs.iter().take(damaged).for_each(|blob| std::fs::write(blob, "damaged").unwrap());
        let iteration = project.train(&TrainOptions { force: true, ..TrainOptions::default() }).unwrap();
        let manifest = iteration.manifest().unwrap();
        assert_eq!(manifest.evaluation.photos.len(), 10);
        assert_eq!(manifest.int8.map(|int8| int8.cost.photos), compared, "{damaged} damaged");
        blobs.iter().zip(bytes).for_each(|(blob, bytes)| std::fs::write(blob, bytes).unwrap());
    }
}

#[cfg(unix)]
#[test]
fn a_folder_whose_name_no_tag_can_have_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["fish", "z\u{1}"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::fs::copy(&photos_of("fish")[0], folder.path().join("fish/one.webp")).unwrap();
    let ocelli = OpenOptions::new().in_memory().unwrap();
    let project = ocelli.create_project(NewProject::new("folder")).unwrap();
    assert!(project.add_folder(folder.path()).is_err());
    assert_eq!(project.tags().unwrap(), []);
    assert_eq!(project.image_count(&ImageFilter::default()).unwrap(), 0);
}

/// A store in which a name goes to another iteration, and the one that had it is deleted, just after the name was
/// looked up.
#[derive(Debug)]
struct Takeover {
    inner: MemoryStore,
    next: Mutex<Option<IterationId>>,
}

macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
            self.inner.$name($($argument),*)
        })*
    };
}

impl Store for Takeover {
    forward! {
        apply(change: Change) -> Applied;
        projects(state: ProjectState) -> Vec<Project>;
        project(project: ProjectId) -> Project;
        tags(project: ProjectId) -> Vec<Tag>;
        images(project: ProjectId, query: &ImageQuery) -> Vec<Image>;
        image_count(project: ProjectId, filter: &ImageFilter) -> u64;
        images_by_id(project: ProjectId, images: &[ImageId]) -> Vec<Image>;
        tagged_images(project: ProjectId) -> Vec<(ImageId, Vec<TagId>)>;
        image_bytes(project: ProjectId, image: ImageId) -> Vec<u8>;
        features(project: ProjectId, key: &FeatureKey, images: &[ImageId]) -> Vec<Option<Vec<f32>>>;
        calibration(project: ProjectId, base: &str) -> Option<StoredCalibration>;
        iterations(project: ProjectId) -> Vec<Iteration>;
        iteration(project: ProjectId, iteration: IterationId) -> Iteration;
        manifest(project: ProjectId, iteration: IterationId) -> Manifest;
        model(project: ProjectId, iteration: IterationId) -> Vec<u8>;
        checkpoint(project: ProjectId, iteration: IterationId) -> Option<Vec<u8>>;
        predictions(project: ProjectId, query: &PredictionQuery) -> PredictionPage;
        prediction(project: ProjectId, prediction: PredictionId) -> StoredPrediction;
        prediction_bytes(project: ProjectId, prediction: PredictionId) -> Vec<u8>;
        exports(project: ProjectId, iteration: IterationId) -> Vec<Export>;
        export_bytes(project: ProjectId, export: ExportId, file: &Name) -> Vec<u8>;
        account() -> Account;
        retention(project: ProjectId) -> Retention<RetentionPolicy>;
        holds() -> Vec<Hold>;
        items(query: &ItemQuery) -> Vec<Item>;
        held(hold: HoldId, after: Option<&HeldItem>, take: usize) -> Vec<HeldItem>;
        held_bytes(hold: HoldId, project: ProjectId, item: Erased) -> Vec<u8>;
        commitment(project: ProjectId, item: Erased) -> (Salt, Commitment);
        trained_on(project: ProjectId, images: &[ImageId]) -> Vec<IterationId>;
        audit(after: u64, take: usize) -> AuditPage;
        audit_head() -> (u64, Digest);
        operations(after: u64, take: usize) -> Vec<ErasureOperation>;
        erased_items(operation: u64) -> Vec<ErasedItem>;
        receipt(operation: u64) -> Option<String>;
        erasures(since: Timestamp) -> Vec<ErasureRecord>;
        finish_erasures() -> ErasureStatus;
        check(options: &CheckOptions) -> CheckReport;
        snapshot(to: &Path) -> ();
        lock_training(project: ProjectId) -> TrainingLock;
    }

    fn published(&self, project: ProjectId, name: &Name) -> Result<Iteration, StoreError> {
        let found = self.inner.published(project, name)?;
        if let Some(iteration) = self.next.lock().unwrap().take() {
            let (publication, at) = (found.publication.clone().unwrap(), found.created);
            self.inner.apply(Change::Publish { project, iteration, publication, overwrite: true, at })?;
            self.inner.apply(Change::DeleteIteration { project, iteration: found.id, at })?;
        }
        Ok(found)
    }
}

#[test]
fn a_name_answers_while_it_goes_to_another_iteration_and_the_old_one_is_deleted() {
    let store = Arc::new(Takeover { inner: MemoryStore::new(Limits::default()), next: Mutex::default() });
    let project = project_in(&OpenOptions::new().with_store(store.clone()).unwrap());
    let old = project.train(&TrainOptions::default()).unwrap();
    let new = project.train(&TrainOptions { force: true, ..TrainOptions::default() }).unwrap();
    old.publish("live").unwrap();
    *store.next.lock().unwrap() = Some(new.id());
    let photo = std::fs::read(&photos_of("fish")[9]).unwrap();
    assert_eq!(project.predict("live", &photo).unwrap().iteration_id, new.id());
}

#[test]
fn a_data_directory_that_is_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("not a folder");
    std::fs::write(&file, b"hello").unwrap();
    let message = Ocelli::open(&file).unwrap_err().to_string();
    assert!(message.contains("not a folder"), "{message}");
    assert_eq!(std::fs::read(&file).unwrap(), b"hello");
}

#[test]
fn photos_of_more_tags_than_one_upload_takes_are_all_stored() {
    let project = OpenOptions::new().in_memory().unwrap().create_project(NewProject::new("tags")).unwrap();
    let files = photos_of("fish").into_iter().chain(photos_of("windmill")).take(22);
    let uploads = files.enumerate().map(|(n, file)| {
        let tag = project.create_tag(format!("tag {n}")).unwrap();
        Upload::file(file).tag(tag.id)
    });
    let summary = project.add_files(uploads).unwrap();
    assert!(summary.is_batch_successful());
    assert_eq!(summary.added().count(), 22);
}
