use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ocelli_core::{
    Export, ExportId, Image, ImageId, Iteration, IterationId, PredictionId, Project, RegionId,
    StoredPrediction, Tag, Timestamp,
};

use crate::{ContentHash, ContentKey, FeatureKey, StoredCalibration, Trained};

/// What one project owns.
#[derive(Clone, Debug)]
pub(super) struct Records {
    pub(super) project: Project,
    pub(super) key: ContentKey,
    /// In the order in which they were created; their counts are not kept.
    pub(super) tags: Vec<Tag>,
    pub(super) images: HashMap<ImageId, Arc<StoredImage>>,
    /// The photos in the order of a listing.
    pub(super) by_time: BTreeSet<(Timestamp, ImageId)>,
    pub(super) by_content: HashMap<ContentHash, ImageId>,
    pub(super) by_region: HashMap<RegionId, ImageId>,
    /// By the fingerprint of the base.
    pub(super) calibrations: BTreeMap<String, Arc<StoredCalibration>>,
    /// In the order in which they began.
    pub(super) iterations: Vec<Iteration>,
    pub(super) trained: HashMap<IterationId, Arc<Trained>>,
    /// In the order in which they were kept.
    pub(super) exports: Vec<Arc<StoredExport>>,
    pub(super) predictions: BTreeMap<PredictionId, Arc<(StoredPrediction, ContentHash)>>,
    pub(super) bytes: HashMap<ContentHash, Arc<[u8]>>,
}

/// A photo and what is kept beside it.
#[derive(Clone, Debug)]
pub(super) struct StoredImage {
    pub(super) image: Image,
    pub(super) content: ContentHash,
    pub(super) features: BTreeMap<FeatureKey, Arc<[f32]>>,
}

/// An export and the identities of its files' bytes, in their order.
#[derive(Clone, Debug)]
pub(super) struct StoredExport {
    pub(super) export: Export,
    pub(super) contents: Vec<ContentHash>,
}

impl Records {
    pub(super) fn new(project: Project, key: ContentKey) -> Self {
        Self {
            project,
            key,
            tags: Vec::new(),
            images: HashMap::new(),
            by_time: BTreeSet::new(),
            by_content: HashMap::new(),
            by_region: HashMap::new(),
            calibrations: BTreeMap::new(),
            iterations: Vec::new(),
            trained: HashMap::new(),
            exports: Vec::new(),
            predictions: BTreeMap::new(),
            bytes: HashMap::new(),
        }
    }

    /// Whether a photo, a kept prediction or an export has these bytes.
    pub(super) fn refers_to(&self, content: &ContentHash) -> bool {
        self.by_content.contains_key(content)
            || self.predictions.values().any(|kept| kept.1 == *content)
            || self.exports.iter().any(|stored| stored.contents.contains(content))
    }

    pub(super) fn export(&self, id: ExportId) -> Option<&StoredExport> {
        self.exports.iter().find(|stored| stored.export.id == id).map(Arc::as_ref)
    }

    pub(super) fn insert_image(&mut self, image: Image, content: ContentHash) {
        self.by_time.insert((image.created, image.id));
        self.by_content.insert(content, image.id);
        self.by_region.extend(image.regions.iter().map(|region| (region.id, image.id)));
        self.images.insert(image.id, Arc::new(StoredImage { image, content, features: BTreeMap::new() }));
    }

    /// Replaces a photo's tags, regions and metadata.
    pub(super) fn update_image(&mut self, image: &Image) {
        if let Some(stored) = self.images.get_mut(&image.id) {
            let stored = Arc::make_mut(stored);
            for region in &stored.image.regions {
                self.by_region.remove(&region.id);
            }
            self.by_region.extend(image.regions.iter().map(|region| (region.id, image.id)));
            stored.image.tags.clone_from(&image.tags);
            stored.image.regions.clone_from(&image.regions);
            stored.image.metadata.clone_from(&image.metadata);
        }
    }

    /// Takes a photo away and says which bytes it had.
    pub(super) fn remove_image(&mut self, image: ImageId) -> Option<ContentHash> {
        let stored = self.images.remove(&image)?;
        self.by_time.remove(&(stored.image.created, image));
        self.by_content.remove(&stored.content);
        for region in &stored.image.regions {
            self.by_region.remove(&region.id);
        }
        Some(stored.content)
    }
}
