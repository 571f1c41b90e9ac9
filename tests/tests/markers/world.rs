//! A directory with markers in it, and neighbours of them that come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ocelli::{
    BoundingBox, Erasure, ErasureStatus, ImageId, ManualClock, Metadata, Name, NewProject, Ocelli,
    OpenOptions, Origin, ProjectHandle, TagId,
};
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::{Change, FeatureKey, NewImage};
use ocelli_store_local::LocalStore;
use ocelli_tests::Markers;
use tempfile::TempDir;

/// A data directory that two handles have open: one as an application has it, one below it.
pub(crate) struct World {
    pub(crate) ocelli: Ocelli,
    pub(crate) project: ProjectHandle,
    /// The other handle.
    pub(crate) below: Scene,
    pub(crate) markers: Markers,
    pub(crate) neighbours: Vec<ImageId>,
    /// The tags of neighbours.
    pub(crate) tags: Vec<TagId>,
    pub(crate) directory: TempDir,
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

    /// A photo of random pixels, without compression: BMP of 24 bits.
    pub(crate) fn photo(&mut self, what: &str) -> Vec<u8> {
        const SIDE: u32 = 16;
        let pixels = self.bytes(what, (3 * SIDE * SIDE) as usize);
        let mut bytes = b"BM".to_vec();
        for value in [54 + 3 * SIDE * SIDE, 0, 54, 40, SIDE, SIDE, 1 | 24 << 16, 0, 0, 0, 0, 0, 0] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(&pixels);
        bytes
    }

    pub(crate) fn metadata(&mut self) -> Metadata {
        let (key, value) = (self.text("metadata key"), self.text("metadata value"));
        Metadata::new(BTreeMap::from([(key, value)])).unwrap()
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = ManualClock::new(at(1_000_000));
        let ocelli = OpenOptions::new().clock(clock).open(directory.path()).unwrap();
        let project = ocelli.create_project(NewProject::new("among others")).unwrap();
        let store = LocalStore::open(directory.path(), Default::default()).unwrap();
        let below = Scene::over(Arc::new(store), project.id(), 1);
        let tags = (0..12).map(|number| below.tag(&format!("tag {number}"))).collect();
        let (markers, neighbours) = (Markers::new(seed), Vec::new());
        Self { ocelli, project, below, markers, neighbours, tags, directory }
    }

    pub(crate) fn plant(&mut self, kind: &'static str) -> (Planting<'_>, &Scene, &ProjectHandle) {
        (Planting { kind, markers: &mut self.markers, planted: BTreeSet::new() }, &self.below, &self.project)
    }

    /// A photo of any age with random bytes, names, tags and metadata.
    fn neighbour(&self) -> NewImage {
        let random = &self.markers;
        let tags = [self.tags[random.below(6)], self.tags[6 + random.below(6)]];
        let bytes = random.random(64);
        let mut new =
            self.below.new_image_at(random.below(1_000_000) as i64, &bytes, &tags[random.below(2)..]);
        let text =
            |count| String::from_utf8(random.random(count).iter().map(|b| b'A' + b % 26).collect()).unwrap();
        new.image.id = ImageId::new(new.image.created, random.random(10).try_into().unwrap());
        new.image.origin = Origin::Upload { name: Some(text(random.below(200) + 1)) };
        new.image.metadata =
            Metadata::new(BTreeMap::from([(text(20), text(random.below(300) + 1))])).unwrap();
        new.image.regions = vec![self.below.region(tags[0], random.below(16) as u8)];
        new
    }

    /// Neighbours come, with features and kept predictions, and as many go, at random.
    pub(crate) fn churn(&mut self, come: usize, go: usize) {
        let project = self.project.id();
        for batch in vec![(); come].chunks(50) {
            let images: Vec<NewImage> = batch.iter().map(|()| self.neighbour()).collect();
            let ids: Vec<ImageId> = images.iter().map(|new| new.image.id).collect();
            self.below.add(images).into_iter().for_each(|added| drop(added.unwrap()));
            let features = ids.iter().map(|id| (*id, vec![0.5; 40 + self.markers.below(1500)])).collect();
            self.below.apply(Change::CacheFeatures { project, key: FeatureKey::f32("base"), features });
            for _ in 0..batch.len() / 10 {
                let tag = self.tags[self.markers.below(12)];
                let answer =
                    self.below.answer(self.markers.below(1_000_000) as i64, &[(tag, 0.5), (tag, 0.25)]);
                self.below.keep(&answer, &self.markers.random(64));
            }
            self.neighbours.extend(ids);
        }
        let mut gone = Vec::new();
        for _ in 0..go.min(self.neighbours.len()) {
            gone.push(self.neighbours.swap_remove(self.markers.below(self.neighbours.len())));
        }
        for batch in gone.chunks(25) {
            self.below.apply(self.below.deletion_of_images(batch));
        }
    }

    /// Whether exactly these markers are in the directory.
    pub(crate) fn check(&self, expected: &BTreeSet<String>, when: &str) {
        let found = self.markers.found(self.directory.path());
        let left: BTreeMap<_, _> = found.iter().filter(|(what, _)| !expected.contains(*what)).collect();
        assert!(left.is_empty(), "{when}, there are left: {left:#?}");
        let missing: Vec<_> = expected.iter().filter(|what| !found.contains_key(*what)).collect();
        assert!(missing.is_empty(), "{when}, what was not erased is not found: {missing:#?}");
    }
}

pub(crate) fn complete(erasure: Erasure) {
    assert_eq!(erasure.status, ErasureStatus::Complete);
}
