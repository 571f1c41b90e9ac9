//! A directory with a project that has markers in all its parts, encrypted or not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ocelli_core::{
    Description, Erased, ErrorCode, Export, ExportId, ImageId, IterationId, Metadata, Origin, PredictionId,
    ProjectId, ProjectUpdate, TagId, TagUpdate, TrainingFailure,
};
use ocelli_keys::Keys;
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::{Change, FeatureKey, ManualClock, StoreError, StoreOptions};
use ocelli_store_local::LocalStore;

use crate::marks::mark;

/// Options whose keys are made from this byte.
pub(crate) fn keys(secret: u8) -> StoreOptions {
    let keys = Arc::new(Keys::from_random([secret; 64]));
    StoreOptions { keys: Some(keys), ..without_keys() }
}

/// On the scene's clock.
pub(crate) fn without_keys() -> StoreOptions {
    StoreOptions { clock: Arc::new(ManualClock::new(at(200))), ..StoreOptions::default() }
}

pub(crate) fn encrypting() -> StoreOptions {
    StoreOptions { encrypt: true, ..keys(1) }
}

pub(crate) fn project() -> ProjectId {
    ProjectId::new(at(0), [0; 10])
}

pub(crate) fn open(folder: &Path, options: StoreOptions) -> Scene {
    Scene::over(Arc::new(LocalStore::open(folder, options).unwrap()), project(), 1000)
}

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) images: [ImageId; 2],
    pub(crate) tag: TagId,
    pub(crate) iteration: IterationId,
    pub(crate) export: Export,
    pub(crate) prediction: PredictionId,
}

/// How many markers a world has.
pub(crate) const MARKS: u32 = 24;

/// The features that say a marker if their bytes are read.
fn features(number: u32) -> Vec<f32> {
    let text = mark(number) + "--";
    text.as_bytes().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn metadata(key: u32, value: u32) -> Metadata {
    Metadata::new(BTreeMap::from([(mark(key), mark(value))])).unwrap()
}

pub(crate) fn feature_key() -> FeatureKey {
    FeatureKey::f32("base")
}

impl World {
    pub(crate) fn new(options: StoreOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = open(folder.path(), options);
        scene.apply(scene.creation(scene.project, 0));
        let description = Some(Description::new(mark(1)).unwrap());
        let update = ProjectUpdate { name: Some(name(&mark(0))), description, settings: None };
        scene.apply(Change::UpdateProject { project: scene.project, update, at: at(1) });
        let tag = scene.tag(&mark(2));
        let description = Some(Description::new(mark(3)).unwrap());
        let update = TagUpdate { description, ..TagUpdate::default() };
        scene.apply(Change::UpdateTag { project: scene.project, tag, update });
        let images = [4, 5].map(|number| {
            let mut new = scene.new_image(mark(number).repeat(50).as_bytes(), &[tag]);
            new.image.origin = Origin::Upload { name: Some(mark(6)) };
            new.image.metadata = metadata(7, 8);
            scene.add(vec![new]).remove(0).unwrap().image.id
        });
        let values = images.iter().map(|image| (*image, features(9))).collect();
        scene.apply(Change::CacheFeatures { project: scene.project, key: feature_key(), features: values });
        if let Change::KeepCalibration { project, base, mut calibration } =
            scene.calibrating_on("base", 1, &images)
        {
            calibration.data = mark(10).into_bytes();
            scene.apply(Change::KeepCalibration { project, base, calibration });
        }
        let failed = scene.begin(Some(&mark(11))).id;
        let failure = TrainingFailure::Error { code: ErrorCode::ErrorUnknown, message: mark(12) };
        scene.apply(Change::FailTraining { project: scene.project, iteration: failed, failure, at: at(15) });
        let iteration = Self::iteration(&scene, &images, tag);
        scene.apply(scene.publication(iteration, &mark(13), false));
        let mut export = scene.new_export(iteration);
        export.flavor = Some(name(&mark(14)));
        scene.apply(scene.keeping(&export, &[(&mark(15), mark(16).as_bytes()), ("b", b"second")]));
        let mut answer = scene.answer(33, &[(tag, 0.75)]);
        answer.application = Some(name(&mark(17)));
        answer.publish_name = Some(name(&mark(18)));
        answer.prediction.predictions[0].tag_name = name(&mark(19));
        answer.metadata = metadata(20, 21);
        let prediction = scene.keep(&answer, mark(22).as_bytes());
        Self { scene, folder, images, tag, iteration, export, prediction }
    }

    fn iteration(scene: &Scene, images: &[ImageId], tag: TagId) -> IterationId {
        let photos: Vec<_> = images.iter().map(|image| (*image, tag)).collect();
        let mut trained = Scene::trained_on(3, &photos);
        trained.manifest.evaluation.tags[0].name = name(&mark(23));
        trained.manifest.evaluation.photos[0].probabilities = features(9);
        trained.model = mark(16).repeat(9000).into_bytes();
        scene.complete_with(trained)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Closes the store, changes the database by other means, and opens it with these options.
    pub(crate) fn tampered(self, options: StoreOptions, sql: &[&str]) -> Self {
        self.reopened(options, |folder| {
            let database = rusqlite::Connection::open(folder.join("ocelli.sqlite")).unwrap();
            for statement in sql {
                assert!(database.execute(statement, ()).unwrap() > 0, "{statement}");
            }
        })
    }

    /// Closes the store, does something to its files, and opens it with these options.
    pub(crate) fn reopened(self, options: StoreOptions, change: impl FnOnce(&Path)) -> Self {
        let Self { scene, folder, images, tag, iteration, export, prediction } = self;
        drop(scene);
        change(folder.path());
        let scene = open(folder.path(), options);
        Self { scene, folder, images, tag, iteration, export, prediction }
    }

    /// Asks everything that there is to ask of the project, each question by its name.
    pub(crate) fn ask_all(&self) -> Vec<(&'static str, Result<(), StoreError>)> {
        let (store, project) = (&self.scene.store, self.scene.project);
        let [image, _] = self.images;
        let file = name(&mark(15));
        let export: ExportId = self.export.id;
        vec![
            ("project", store.project(project).map(drop)),
            ("tags", store.tags(project).map(drop)),
            ("images", store.images(project, &Default::default()).map(drop)),
            ("images_by_id", store.images_by_id(project, &self.images).map(drop)),
            ("image_bytes", store.image_bytes(project, image).map(drop)),
            ("commitment", store.commitment(project, Erased::Image(image)).map(drop)),
            ("features", store.features(project, &feature_key(), &self.images).map(drop)),
            ("calibration", store.calibration(project, "base").map(drop)),
            ("iterations", store.iterations(project).map(drop)),
            ("iteration", store.iteration(project, self.iteration).map(drop)),
            ("published", store.published(project, &name(&mark(13))).map(drop)),
            ("manifest", store.manifest(project, self.iteration).map(drop)),
            ("model", store.model(project, self.iteration).map(drop)),
            ("exports", store.exports(project, self.iteration).map(drop)),
            ("export_bytes", store.export_bytes(project, export, &file).map(drop)),
            ("predictions", store.predictions(project, &Default::default()).map(drop)),
            ("prediction", store.prediction(project, self.prediction).map(drop)),
            ("prediction_bytes", store.prediction_bytes(project, self.prediction).map(drop)),
        ]
    }
}
