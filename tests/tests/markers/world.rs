//! A directory with markers in it, and neighbours of them that come and go.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ocelli::{
    BoundingBox, Erasure, ErasureStatus, ImageId, Keys, ManualClock, Metadata, Name, NewProject, Ocelli,
    OpenOptions, Origin, PredictionId, ProjectHandle, TagId, Upload,
};
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::{Change, FeatureKey, NewImage, StoreOptions};
use ocelli_store_local::LocalStore;
use ocelli_tests::Markers;
use tempfile::TempDir;

use crate::sealed::Sealed;

/// What an encrypted project keeps in the clear of all that is planted, by what the names of markers end with.
const IN_THE_CLEAR: [&str; 3] = [": region", ": bounds", ": fingerprint"];

/// A data directory that two handles have open: one as an application has it, one below it.
pub(crate) struct World {
    pub(crate) ocelli: Ocelli,
    clock: Arc<ManualClock>,
    pub(crate) project: ProjectHandle,
    /// The other handle.
    pub(crate) below: Scene,
    pub(crate) markers: Markers,
    /// What has to be in the directory; of all other markers there must be nothing.
    pub(crate) expected: BTreeSet<String>,
    photos: Vec<(ImageId, Vec<String>)>,
    kept: Vec<(PredictionId, String)>,
    /// The tags of neighbours.
    pub(crate) tags: Vec<TagId>,
    pub(crate) directory: TempDir,
    /// What was sealed at the last check, where the directory is encrypted.
    sealed: Option<RefCell<Sealed>>,
}

/// Erases what some markers are in.
pub(crate) type Erasing = Box<dyn FnOnce(&World)>;

/// What is planted together and goes together.
pub(crate) struct Case {
    pub(crate) markers: BTreeSet<String>,
    pub(crate) erase: Erasing,
}

/// The markers of one case.
pub(crate) struct Planting<'w> {
    kind: &'static str,
    pub(crate) markers: &'w mut Markers,
    pub(crate) planted: BTreeSet<String>,
}

/// Bytes of the pixels of a photo of 16 x 16.
const PIXELS: usize = 3 * 16 * 16;

/// A photo without compression: BMP of 24 bits.
fn bmp(pixels: &[u8]) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for value in [54 + PIXELS as u32, 0, 54, 40, 16, 16, 1 | 24 << 16, 0, 0, 0, 0, 0, 0] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(pixels);
    bytes
}

impl Planting<'_> {
    /// What is planted goes by this.
    pub(crate) fn case(self, erase: impl FnOnce(&World) + 'static) -> Case {
        Case { markers: self.planted, erase: Box::new(erase) }
    }

    fn named(&mut self, what: &str) -> String {
        let what = format!("{}: {what}", self.kind);
        self.planted.insert(what.clone());
        what
    }

    pub(crate) fn text(&mut self, what: &str) -> String {
        let what = self.named(what);
        self.markers.text(what)
    }

    pub(crate) fn name(&mut self, what: &str) -> Name {
        name(&self.text(what))
    }

    pub(crate) fn bytes(&mut self, what: &str, count: usize) -> Vec<u8> {
        let what = self.named(what);
        self.markers.bytes(what, count)
    }

    pub(crate) fn floats(&mut self, what: &str, count: usize) -> Vec<f32> {
        let what = self.named(what);
        self.markers.floats(what, count)
    }

    /// Bytes that were not drawn for this.
    pub(crate) fn add(&mut self, what: &str, bytes: Vec<u8>) {
        let what = self.named(what);
        self.markers.add(what, bytes);
    }

    /// A box that is searched for as the database writes it.
    pub(crate) fn bounds(&mut self, what: &str) -> BoundingBox {
        let what = self.named(what);
        let sides: Vec<f32> = self
            .markers
            .random(8)
            .chunks(2)
            .map(|bytes| (f32::from(bytes[0]) * 256.0 + f32::from(bytes[1]) + 1.0) / 131_073.0)
            .collect();
        let bounds = BoundingBox::new(sides[0], sides[1], sides[2], sides[3]).unwrap();
        let [left, top, width, height] = [bounds.left(), bounds.top(), bounds.width(), bounds.height()]
            .map(|side| f64::from(side).to_be_bytes());
        self.markers.add(what, [left, top, width, height].concat());
        bounds
    }

    /// A photo of random pixels.
    pub(crate) fn photo(&mut self, what: &str) -> Vec<u8> {
        bmp(&self.bytes(what, PIXELS))
    }

    pub(crate) fn metadata(&mut self) -> Metadata {
        let (key, value) = (self.text("metadata key"), self.text("metadata value"));
        Metadata::new(BTreeMap::from([(key, value)])).unwrap()
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, false)
    }

    /// One whose projects are all encrypted.
    pub(crate) fn encrypted(seed: u64) -> Self {
        Self::with(seed, true)
    }

    fn with(seed: u64, encrypted: bool) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new(at(1_000_000)));
        let options = options(encrypted).clock(clock.clone());
        let ocelli = options.open(directory.path()).unwrap();
        let project = ocelli.create_project(NewProject::new("among others")).unwrap();
        let mut options =
            StoreOptions { clock: clock.clone(), encrypt: encrypted, ..StoreOptions::default() };
        if encrypted {
            options.keys = Some(Arc::new(keys()));
        }
        let store = LocalStore::open(directory.path(), options).unwrap();
        let below = Scene::over(Arc::new(store), project.id(), 1);
        let tags = (0..12).map(|number| below.tag(&format!("tag {number}"))).collect();
        Self {
            ocelli,
            clock,
            project,
            below,
            markers: Markers::new(seed),
            expected: BTreeSet::new(),
            photos: Vec::new(),
            kept: Vec::new(),
            tags,
            directory,
            sealed: encrypted.then(RefCell::default),
        }
    }

    /// Holds a plain directory to what an encrypted one promises, which it cannot keep.
    pub(crate) fn taken_for_encrypted(mut self) -> Self {
        self.sealed = Some(RefCell::default());
        self
    }

    /// A third handle on the directory.
    pub(crate) fn open_again(&self) -> Ocelli {
        options(self.sealed.is_some()).open(self.directory.path()).unwrap()
    }

    pub(crate) fn plant(&mut self, kind: &'static str) -> (Planting<'_>, &Scene, &ProjectHandle) {
        (Planting { kind, markers: &mut self.markers, planted: BTreeSet::new() }, &self.below, &self.project)
    }

    /// Some neighbours, which will go.
    pub(crate) fn neighbours(&self, count: usize) -> Vec<ImageId> {
        self.photos.iter().map(|(image, _)| *image).take(count).collect()
    }

    /// Letters that are no marker, so that records differ in length.
    fn filler(&self, limit: usize) -> String {
        self.markers
            .random(self.markers.below(limit))
            .iter()
            .map(|byte| char::from(b'A' + byte % 26))
            .collect()
    }

    /// A moment within the last thousand seconds: neighbours come anywhere between those that are there.
    fn any_time(&self) -> i64 {
        self.markers.below(1_000_000) as i64
    }

    /// A photo of any age, and its markers.
    fn photo(&mut self) -> (NewImage, Vec<String>) {
        let marks =
            ["bytes", "name", "metadata"].map(|what| format!("neighbour {}: {what}", self.markers.count()));
        let bytes = self.markers.bytes(marks[0].clone(), 64);
        let texts = [self.markers.text(marks[1].clone()), self.markers.text(marks[2].clone())];
        let [name, value] = texts.map(|text| text + &self.filler(200));
        let random = &self.markers;
        let tags = [self.tags[random.below(6)], self.tags[6 + random.below(6)]];
        let mut new = self.below.new_image_at(self.any_time(), &bytes, &tags[random.below(2)..]);
        new.image.id = ImageId::new(new.image.created, random.random(10).try_into().unwrap());
        new.image.origin = Origin::Upload { name: Some(name) };
        new.image.metadata = Metadata::new(BTreeMap::from([("key".to_owned(), value)])).unwrap();
        new.image.regions = vec![self.below.region(tags[0], random.below(16) as u8)];
        (new, marks.to_vec())
    }

    /// Photos come, with features.
    fn add_photos(&mut self, count: usize) {
        let (images, marks): (Vec<_>, Vec<_>) = (0..count).map(|_| self.photo()).unzip();
        let ids: Vec<ImageId> = images.iter().map(|new| new.image.id).collect();
        self.below.add(images).into_iter().for_each(|added| drop(added.unwrap()));
        let mut features = Vec::new();
        for (id, mut marks) in ids.into_iter().zip(marks) {
            let mark = format!("neighbour {}: features", self.markers.count());
            let mut values = self.markers.floats(mark.clone(), 16);
            values.resize(40 + self.markers.below(1500), 0.5);
            marks.push(mark);
            features.push((id, values));
            self.expected.extend(marks.clone());
            self.photos.push((id, marks));
        }
        let (project, key) = (self.project.id(), FeatureKey::f32("base"));
        self.below.apply(Change::CacheFeatures { project, key, features });
    }

    fn keep_prediction(&mut self) {
        let mark = format!("neighbour {}: application", self.markers.count());
        let tag = self.tags[self.markers.below(12)];
        let mut answer = self.below.answer(self.any_time(), &[(tag, 0.5), (tag, 0.25)]);
        let random = self.markers.random(10).try_into().unwrap();
        answer.prediction.id = PredictionId::new(answer.prediction.created, random);
        answer.application = Some(name(&(self.markers.text(mark.clone()) + &self.filler(150))));
        let id = self.below.keep(&answer, &self.markers.random(64));
        self.expected.insert(mark.clone());
        self.kept.push((id, mark));
    }

    /// Neighbours come, and as many go, at random.
    pub(crate) fn churn(&mut self, come: usize, go: usize) {
        for batch in vec![(); come].chunks(50) {
            self.add_photos(batch.len());
            (0..batch.len() / 5).for_each(|_| self.keep_prediction());
        }
        for batch in vec![(); go.min(self.photos.len())].chunks(5) {
            let mut gone = Vec::new();
            for () in batch {
                let (image, marks) = self.photos.swap_remove(self.markers.below(self.photos.len()));
                self.expected.retain(|mark| !marks.contains(mark));
                gone.push(image);
            }
            complete(self.below.erase(self.below.deletion_of_images(&gone)));
        }
        for _ in 0..(go / 10).min(self.kept.len()) {
            let (prediction, mark) = self.kept.swap_remove(self.markers.below(self.kept.len()));
            self.expected.remove(&mark);
            let (project, predictions) = (self.project.id(), vec![prediction]);
            let at = at(1_000_000);
            complete(self.below.erase(Change::DeletePredictions { project, predictions, at }));
        }
    }

    /// Photos and tags come through the application's handle and nothing goes, so that pages that it has in memory are
    /// written and the log is not emptied.
    pub(crate) fn add(&mut self) {
        for _ in 0..4 {
            self.clock.set(at(self.any_time()));
            let upload = Upload::bytes(bmp(&self.markers.random(PIXELS))).named(self.filler(200));
            let upload = upload.tag(self.tags[self.markers.below(12)]);
            assert!(self.project.add_images(vec![upload]).unwrap().is_batch_successful());
        }
        self.clock.set(at(1_000_000));
        self.project.create_tag(format!("tag {}", self.markers.count())).unwrap();
    }

    /// Whether a marker is to be read in the files of the directory for as long as it was not erased.
    pub(crate) fn is_in_the_clear(&self, what: &str) -> bool {
        self.sealed.is_none() || IN_THE_CLEAR.iter().any(|end| what.ends_with(end))
    }

    /// Whether exactly the markers that are expected are in the directory, where it is encrypted none but those in the
    /// clear; and nothing of what was sealed at the last check and is not any more. Says how many such values there were.
    pub(crate) fn check(&self, when: &str) -> usize {
        let found = self.markers.found(self.directory.path());
        let may_be = |what: &String| self.expected.contains(what) && self.is_in_the_clear(what);
        let left: BTreeMap<_, _> = found.iter().filter(|(what, _)| !may_be(what)).collect();
        assert!(left.is_empty(), "{when}, there are left: {left:#?}");
        let must_be = self.expected.iter().filter(|what| self.is_in_the_clear(what));
        let missing: Vec<_> = must_be.filter(|what| !found.contains_key(*what)).collect();
        assert!(missing.is_empty(), "{when}, what was not erased is not found: {missing:#?}");
        let Some(sealed) = &self.sealed else { return 0 };
        let now = Sealed::of(self.directory.path());
        let sealed_and_expected = self.expected.iter().filter(|what| !self.is_in_the_clear(what)).count();
        assert!(now.count() >= sealed_and_expected / 2, "{when}, hardly anything is sealed");
        let gone = now.check_gone(&sealed.borrow(), self.directory.path(), when);
        *sealed.borrow_mut() = now;
        gone
    }
}

/// Keys of the directory, which the same bytes make again.
fn keys() -> Keys {
    Keys::from_random([0x5a; 64])
}

fn options(encrypted: bool) -> OpenOptions {
    let options = OpenOptions::new();
    if encrypted { options.keys(keys()).encrypted(true) } else { options }
}

pub(crate) fn complete(erasure: Erasure) {
    assert_eq!(erasure.status, ErasureStatus::Complete);
}
