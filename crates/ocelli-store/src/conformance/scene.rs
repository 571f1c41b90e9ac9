//! A store with a project in it, for tests to act on.

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;

use ocelli_core::{
    Affected, BaseIteration, BoundingBox, CalibrationFigures, CalibrationRecord, ClassificationType,
    Description, Domain, Erased, Erasure, ErasureReason, EvaluatedPhoto, Evaluation, Export, ExportId,
    ExportPlatform, FineTuningOptions, FineTuningRecord, FineTuningRound, Image, ImageId, ImagePrediction,
    ImageTag, Int8Cost, Iteration, IterationId, Limits, Manifest, MeasuredInt8, Metadata, Name, Origin,
    Precision, Prediction, PredictionId, ProbabilityCalibration, Project, ProjectId, ProjectSettings,
    Publication, Region, RegionId, Salt, StoredPrediction, Tag, TagId, TagType, Threshold, Timestamp,
    TrainedTag, TrainingType, limits,
};

use super::Make;
use crate::{
    Applied, Change, ContentKey, ImageAdded, ItemOutcome, ItemToErase, ManualClock, NewExportFile, NewImage,
    NewIteration, Store, StoreError, StoreOptions, StoredCalibration, TagSummary, Trained,
};

/// A store, the clock that it goes by, a project in it, and a source of ids.
pub struct Scene {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The project that changes are about.
    pub project: ProjectId,
    clock: Option<Arc<ManualClock>>,
    ids: Cell<u32>,
    _keep: Box<dyn Any>,
}

/// The moment this many milliseconds after the scene's beginning.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_600_000_000_000 + millis)
}

/// A name.
pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

impl Scene {
    /// A fresh store with one project.
    pub fn new(make: Make) -> Self {
        Self::with_limits(make, Limits::default())
    }

    /// A fresh store of these limits with one project.
    pub fn with_limits(make: Make, limits: Limits) -> Self {
        let clock = Arc::new(ManualClock::new(at(0)));
        let fresh = make(StoreOptions { limits, clock: clock.clone(), ..StoreOptions::default() });
        let project = ProjectId::new(at(0), [0; 10]);
        let (clock, ids) = (Some(clock), Cell::new(1));
        let scene = Self { store: fresh.store, project, clock, ids, _keep: fresh.keep };
        scene.apply(scene.creation(project, 0));
        scene
    }

    /// A scene in a project that is there, whose ids begin at a number of their own.
    pub fn over(store: Arc<dyn Store>, project: ProjectId, first_id: u32) -> Self {
        Self { store, project, clock: None, ids: Cell::new(first_id), _keep: Box::new(()) }
    }

    /// Moves the clock of a store that the scene has made; it stands still otherwise, and at 0 in the beginning.
    pub fn set_clock(&self, now: Timestamp) {
        self.clock.as_ref().expect("the clock of a store that the scene has made").set(now);
    }

    /// Random bytes of an id, no two alike.
    pub fn random(&self) -> [u8; 10] {
        let id = self.ids.replace(self.ids.get() + 1);
        let mut random = [0; 10];
        random[6..].copy_from_slice(&id.to_be_bytes());
        random
    }

    /// A salt, no two alike.
    pub fn salt(&self) -> Salt {
        let random = self.random();
        Salt::from_bytes(std::array::from_fn(|i| random.get(i).copied().unwrap_or(1)))
    }

    /// A project that is not in the store yet.
    pub fn new_project(&self) -> ProjectId {
        ProjectId::new(at(0), self.random())
    }

    /// The change that makes a project.
    pub fn creation(&self, id: ProjectId, millis: i64) -> Change {
        let project = Project {
            id,
            name: name("Trees"),
            description: Description::new("in the \u{0} park").unwrap(),
            settings: ProjectSettings::default(),
            created: at(millis),
            last_modified: at(millis),
            deleted: None,
        };
        Change::CreateProject { project, key: ContentKey::new([7; 32]) }
    }

    /// Makes a change that must succeed.
    pub fn apply(&self, change: Change) -> Applied {
        self.store.apply(change).unwrap()
    }

    /// Makes a change that must fail.
    pub fn refuse(&self, change: Change) -> StoreError {
        self.store.apply(change).expect_err("the change should have been refused")
    }

    /// A tag that is not in the store yet.
    pub fn new_tag(&self, text: &str, tag_type: TagType) -> Tag {
        Tag {
            id: TagId::new(at(0), self.random()),
            name: name(text),
            description: Description::default(),
            tag_type,
            image_count: 0,
        }
    }

    /// Creates a regular tag.
    pub fn tag(&self, text: &str) -> TagId {
        self.create(self.new_tag(text, TagType::Regular))
    }

    /// Creates the negative tag.
    pub fn negative(&self) -> TagId {
        self.create(self.new_tag("none of them", TagType::Negative))
    }

    fn create(&self, tag: Tag) -> TagId {
        let id = tag.id;
        self.apply(Change::CreateTag { project: self.project, tag });
        id
    }

    /// A region of a tag in one of some places.
    pub fn region(&self, tag_id: TagId, place: u8) -> Region {
        let bounds = BoundingBox::new(f32::from(place % 16) / 16.0, 0.1, 0.05, 1.0 / 3.0).unwrap();
        Region { id: RegionId::new(at(0), self.random()), tag_id, created: at(5), bounds }
    }

    /// A photo that is not in the store yet.
    pub fn new_image(&self, bytes: &[u8], tags: &[TagId]) -> NewImage {
        self.new_image_at(0, bytes, tags)
    }

    /// A photo of a moment that is not in the store yet.
    pub fn new_image_at(&self, millis: i64, bytes: &[u8], tags: &[TagId]) -> NewImage {
        let created = at(millis);
        let image = Image {
            id: ImageId::new(created, self.random()),
            created,
            width: 640,
            height: 480,
            tags: tags.iter().map(|tag_id| ImageTag { tag_id: *tag_id, created }).collect(),
            regions: Vec::new(),
            metadata: Metadata::default(),
            origin: Origin::Upload { name: Some("../../etc/passwd\u{0}".to_owned()) },
        };
        NewImage { image, bytes: bytes.to_vec(), salt: self.salt() }
    }

    /// Adds photos and gives what became of each.
    pub fn add(&self, images: Vec<NewImage>) -> Vec<ImageAdded> {
        match self.apply(Change::AddImages { project: self.project, images }) {
            Applied::Images(added) => added,
            other => panic!("{other:?}"),
        }
    }

    /// Adds one photo that must be taken.
    pub fn image(&self, bytes: &[u8], tags: &[TagId]) -> ImageId {
        self.add(vec![self.new_image(bytes, tags)]).remove(0).unwrap().image.id
    }

    /// The photo as it is now.
    pub fn look(&self, image: ImageId) -> Image {
        self.store.images_by_id(self.project, &[image]).unwrap().remove(0)
    }

    /// The ids of a photo's tags.
    pub fn tags_of(&self, image: ImageId) -> Vec<TagId> {
        self.look(image).tags.iter().map(|tag| tag.tag_id).collect()
    }

    /// The change that gives tags.
    pub fn tagging(&self, tags: &[(ImageId, TagId)]) -> Change {
        Change::TagImages { project: self.project, tags: tags.to_vec(), at: at(9) }
    }

    /// Gives tags.
    pub fn give(&self, tags: &[(ImageId, TagId)]) -> TagSummary {
        match self.apply(self.tagging(tags)) {
            Applied::Tags(summary) => summary,
            other => panic!("{other:?}"),
        }
    }

    /// How many photos each tag has.
    pub fn counts(&self) -> Vec<u64> {
        self.store.tags(self.project).unwrap().iter().map(|tag| tag.image_count).collect()
    }

    /// The change that begins an iteration.
    pub fn beginning(&self, text: Option<&str>) -> Change {
        let iteration = NewIteration {
            id: IterationId::new(at(0), self.random()),
            project_id: self.project,
            name: text.map(name),
            created: at(10),
            domain_id: Domain::GENERAL_COMPACT.id,
            classification_type: ClassificationType::Multiclass,
            training_type: TrainingType::Advanced,
            reserved_budget_millis: 60_000,
            custom_base: Some(BaseIteration {
                project_id: self.project,
                iteration_id: IterationId::new(at(0), [3; 10]),
            }),
        };
        Change::BeginTraining { iteration }
    }

    /// Begins an iteration.
    pub fn begin(&self, text: Option<&str>) -> Iteration {
        match self.apply(self.beginning(text)) {
            Applied::Iteration(iteration) => *iteration,
            other => panic!("{other:?}"),
        }
    }

    /// The change that keeps a checkpoint, which may have learned from these photos.
    pub fn checkpoint(&self, iteration: IterationId, bytes: &[u8], looked_at: &[ImageId]) -> Change {
        Change::KeepCheckpoint {
            project: self.project,
            iteration,
            checkpoint: bytes.to_vec(),
            looked_at: looked_at.to_vec(),
            tags: Vec::new(),
        }
    }

    /// The change that goes on with a training.
    pub fn resumption(&self, iteration: IterationId) -> Change {
        Change::ResumeTraining { project: self.project, iteration, at: at(22) }
    }

    /// What comes of a training, told apart by its seed.
    pub fn trained(seed: u64) -> Trained {
        let evaluation = Evaluation {
            classification_type: ClassificationType::Multiclass,
            tags: Vec::new(),
            photos: Vec::new(),
        };
        let manifest = Manifest {
            seed,
            base: "0123abcd".to_owned(),
            strength: 0.1 + 0.2,
            balance: 1.0 / 3.0,
            folds: 5,
            left_out: Vec::new(),
            evaluation,
            int8: Some(MeasuredInt8 {
                calibration: "4567cdef".to_owned(),
                calibration_photos: 256,
                cost: Int8Cost { photos: 3, right_f32: 2, right_int8: 1, mean_probability_change: 1.0 / 7.0 },
            }),
            calibration: Some(CalibrationRecord {
                method: ProbabilityCalibration::Temperature { temperature: 1.1 + 0.2 },
                before: CalibrationFigures { expected_calibration_error: 1.0 / 7.0, brier_score: 1.0 / 3.0 },
                after: CalibrationFigures { expected_calibration_error: 1.0 / 9.0, brier_score: 0.1 + 0.2 },
            }),
            thresholds: vec![Threshold::default()],
            fine_tuning: Some(FineTuningRecord {
                cut: "blocks.5".to_owned(),
                options: FineTuningOptions {
                    rounds: Some(12),
                    batch: 16,
                    learning_rate: Some(3e-4),
                    weight_decay: 0.05,
                    label_smoothing: Some(0.1),
                    patience: 4,
                },
                head_loss: 1.0 / 3.0,
                rounds: vec![FineTuningRound {
                    training_loss: 0.1 + 0.2,
                    held_out_loss: 1.0 / 7.0,
                    held_out_top1: 0.9,
                }],
                kept: Some(1),
            }),
            erased: 0,
            test: None,
            test_erased: 0,
            augmentations: None,
            view_named: false,
        };
        Trained { manifest, model: seed.to_le_bytes().to_vec(), looked_at: Vec::new() }
    }

    /// The change that completes an iteration.
    pub fn completion(&self, iteration: IterationId, seed: u64) -> Change {
        self.completion_with(iteration, Self::trained(seed))
    }

    /// The change that completes an iteration with this.
    pub fn completion_with(&self, iteration: IterationId, trained: Trained) -> Change {
        Change::CompleteTraining {
            project: self.project,
            iteration,
            trained: Box::new(trained),
            at: at(20),
            training_millis: 1234,
        }
    }

    /// An iteration that has a model.
    pub fn complete(&self, seed: u64) -> IterationId {
        let iteration = self.begin(None).id;
        self.apply(self.completion(iteration, seed));
        iteration
    }

    /// What comes of a training on these photos, each with its tag.
    pub fn trained_on(seed: u64, photos: &[(ImageId, TagId)]) -> Trained {
        let mut trained = Self::trained(seed);
        let mut ids: Vec<TagId> = photos.iter().map(|(_, tag)| *tag).collect();
        ids.sort_unstable();
        ids.dedup();
        let evaluation = &mut trained.manifest.evaluation;
        for (photo, tag) in photos {
            let index = ids.iter().position(|id| id == tag).unwrap();
            evaluation.photos.push(EvaluatedPhoto {
                photo: *photo,
                tags: vec![u16::try_from(index).unwrap()],
                fold: 1,
                probabilities: vec![1.0 / 3.0; ids.len()],
            });
        }
        let trained_tag = |(number, id)| TrainedTag {
            id,
            name: name(&format!("tag {number}")),
            tag_type: TagType::Regular,
        };
        evaluation.tags = ids.into_iter().enumerate().map(trained_tag).collect();
        trained
    }

    /// The same, tested on these photos besides, all with its first tag.
    pub fn tested_on(mut trained: Trained, photos: &[ImageId]) -> Trained {
        let evaluation = &trained.manifest.evaluation;
        let answer = |photo: &ImageId| EvaluatedPhoto {
            photo: *photo,
            tags: vec![0],
            fold: 0,
            probabilities: vec![1.0 / 7.0; evaluation.tags.len()],
        };
        let photos = photos.iter().map(answer).collect();
        trained.manifest.test = Some(Evaluation { photos, ..evaluation.clone() });
        trained
    }

    /// An iteration that was trained on these photos, each with its tag.
    pub fn complete_on(&self, seed: u64, photos: &[(ImageId, TagId)]) -> IterationId {
        self.complete_with(Self::trained_on(seed, photos))
    }

    /// An iteration of which this came.
    pub fn complete_with(&self, trained: Trained) -> IterationId {
        let iteration = self.begin(None).id;
        self.apply(self.completion_with(iteration, trained));
        iteration
    }

    /// The manifest of an iteration.
    pub fn manifest(&self, iteration: IterationId) -> Manifest {
        self.store.manifest(self.project, iteration).unwrap()
    }

    /// An export that is not in the store yet.
    pub fn new_export(&self, iteration: IterationId) -> Export {
        Export {
            id: ExportId::new(at(0), self.random()),
            iteration_id: iteration,
            platform: ExportPlatform::Onnx,
            flavor: Some(name("pixels")),
            created: at(32),
            files: Vec::new(),
        }
    }

    /// The change that keeps an export of these files.
    pub fn keeping(&self, export: &Export, files: &[(&str, &[u8])]) -> Change {
        let file = |(text, bytes): &(&str, &[u8])| NewExportFile { name: name(text), bytes: bytes.to_vec() };
        Change::KeepExport {
            project: self.project,
            export: export.clone(),
            files: files.iter().map(file).collect(),
        }
    }

    /// Keeps an export of these files.
    pub fn export(&self, iteration: IterationId, files: &[(&str, &[u8])]) -> ExportId {
        let export = self.new_export(iteration);
        self.apply(self.keeping(&export, files));
        export.id
    }

    /// The change that erases an export.
    pub fn deletion_of_export(&self, export: ExportId) -> Change {
        Change::DeleteExport { project: self.project, export, at: at(40) }
    }

    /// Makes a change that must succeed and erase.
    pub fn erase(&self, change: Change) -> Erasure {
        match self.apply(change) {
            Applied::Erased(erasure) => erasure,
            other => panic!("{other:?}"),
        }
    }

    /// Begins an erasure of many steps.
    pub fn begin_erasure(&self) -> u64 {
        match self.apply(Change::BeginErasure { plan: None, at: at(45) }) {
            Applied::Operation(number) => number,
            other => panic!("{other:?}"),
        }
    }

    /// The change that erases things of the project in a step of an erasure, and keeps iterations.
    pub fn erasing(&self, operation: u64, items: &[(Erased, ErasureReason)]) -> Change {
        let project_id = self.project;
        let items = items
            .iter()
            .map(|(item, reason)| ItemToErase { project_id, item: *item, reason: *reason })
            .collect();
        Change::EraseItems { operation, items, affected: Affected::Keep, at: at(46) }
    }

    /// Erases things of the project in an erasure of its own, and says what became of each.
    pub fn erase_items(&self, items: &[(Erased, ErasureReason)]) -> Vec<ItemOutcome> {
        match self.apply(self.erasing(self.begin_erasure(), items)) {
            Applied::Items(erased) => erased.outcomes,
            other => panic!("{other:?}"),
        }
    }

    /// The change that publishes an iteration in f32.
    pub fn publication(&self, iteration: IterationId, text: &str, overwrite: bool) -> Change {
        self.publication_in(Precision::F32, iteration, text, overwrite)
    }

    /// The change that publishes an iteration.
    pub fn publication_in(
        &self,
        precision: Precision,
        iteration: IterationId,
        text: &str,
        overwrite: bool,
    ) -> Change {
        let publication = Publication { name: name(text), precision };
        Change::Publish { project: self.project, iteration, publication, overwrite, at: at(30) }
    }

    /// A calibration, told apart by its number.
    pub fn calibration(number: u8) -> StoredCalibration {
        StoredCalibration {
            fingerprint: format!("calibration {number}"),
            images: Vec::new(),
            training_photos: 1_000 + u64::from(number),
            data: vec![number; 20],
        }
    }

    /// The change that keeps that calibration for a base.
    pub fn calibrating(&self, base: &str, number: u8) -> Change {
        self.calibrating_on(base, number, &[])
    }

    /// The change that keeps that calibration, made by looking at these photos, for a base.
    pub fn calibrating_on(&self, base: &str, number: u8, images: &[ImageId]) -> Change {
        Change::KeepCalibration {
            project: self.project,
            base: base.to_owned(),
            calibration: StoredCalibration { images: images.to_vec(), ..Self::calibration(number) },
        }
    }

    /// The change that erases photos and keeps the iterations that were trained on them.
    pub fn deletion_of_images(&self, images: &[ImageId]) -> Change {
        self.deletion_of_images_with(images, Affected::Keep)
    }

    /// The change that erases photos.
    pub fn deletion_of_images_with(&self, images: &[ImageId], affected: Affected) -> Change {
        Change::DeleteImages { project: self.project, images: images.to_vec(), affected, at: at(40) }
    }

    /// The change that erases a tag and keeps the iterations that were trained on it.
    pub fn deletion_of_tag(&self, tag: TagId) -> Change {
        Change::DeleteTag { project: self.project, tag, affected: Affected::Keep, at: at(40) }
    }

    /// The change that erases regions.
    pub fn deletion_of_regions(&self, regions: &[RegionId]) -> Change {
        Change::DeleteRegions { project: self.project, regions: regions.to_vec(), at: at(40) }
    }

    /// The change that erases an iteration.
    pub fn deletion_of_iteration(&self, iteration: IterationId) -> Change {
        Change::DeleteIteration { project: self.project, iteration, at: at(40) }
    }

    /// The change that deletes the project.
    pub fn deletion(&self) -> Change {
        Change::DeleteProject { project: self.project, at: at(40) }
    }

    /// An answer with these probabilities, told at a moment.
    pub fn answer(&self, millis: i64, probabilities: &[(TagId, f32)]) -> StoredPrediction {
        let predictions = probabilities.iter().map(|(tag_id, probability)| Prediction {
            probability: *probability,
            tag_id: *tag_id,
            tag_name: name("oak"),
            tag_type: TagType::Regular,
            bounding_box: BoundingBox::new(0.25, 0.1, 0.3, 1.0 / 3.0).ok().filter(|_| *probability > 0.5),
        });
        let created = at(millis);
        let prediction = ImagePrediction {
            id: PredictionId::new(created, self.random()),
            project_id: self.project,
            iteration_id: IterationId::new(at(0), [1; 10]),
            created,
            predictions: predictions.collect(),
        };
        StoredPrediction {
            prediction,
            publish_name: Some(name("live")),
            application: None,
            width: 320,
            height: 200,
            metadata: Metadata::default(),
            photo_kept: true,
            expires: Some(created.plus_days(limits::KEPT_PREDICTION_DAYS)),
        }
    }

    /// The change that keeps a prediction.
    pub fn keeping_prediction(&self, prediction: &StoredPrediction, bytes: &[u8]) -> Change {
        Change::KeepPrediction {
            prediction: Box::new(prediction.clone()),
            bytes: bytes.to_vec(),
            salt: self.salt(),
        }
    }

    /// Keeps a prediction.
    pub fn keep(&self, prediction: &StoredPrediction, bytes: &[u8]) -> PredictionId {
        self.apply(self.keeping_prediction(prediction, bytes));
        prediction.prediction.id
    }
}
