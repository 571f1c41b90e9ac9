use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use ocelli_core::{
    Export, ExportId, Image, ImageId, Iteration, IterationId, PredictionId, Project, RegionId, Retention,
    RetentionPolicy, StoredPrediction, Tag, TagId, Timestamp,
};
use uuid::Uuid;

use crate::{Checkpoint, ContentHash, ContentKey, FeatureKey, PhotoBytes, StoredCalibration, Trained};

/// What one project owns.
#[derive(Clone, Debug)]
pub(super) struct Records {
    pub(super) project: Project,
    pub(super) retention: Retention<RetentionPolicy>,
    pub(super) key: ContentKey,
    /// In the order in which they were created; their counts are not kept.
    pub(super) tags: Vec<Tag>,
    pub(super) images: HashMap<ImageId, Arc<StoredImage>>,
    /// The photos in the order of a listing.
    pub(super) by_time: BTreeSet<(Timestamp, ImageId)>,
    pub(super) by_content: BTreeSet<(ContentHash, ImageId)>,
    /// The features by when they were computed.
    pub(super) features_by_time: BTreeSet<(Timestamp, ImageId, FeatureKey)>,
    pub(super) by_region: HashMap<RegionId, ImageId>,
    /// By the fingerprint of the base.
    pub(super) calibrations: BTreeMap<String, Arc<StoredCalibration>>,
    /// In the order in which they began.
    pub(super) iterations: Vec<Iteration>,
    pub(super) trained: HashMap<IterationId, Arc<Trained>>,
    pub(super) checkpoint: Option<Checkpoint>,
    /// In the order in which they were kept.
    pub(super) exports: Vec<Arc<StoredExport>>,
    pub(super) predictions: BTreeMap<PredictionId, Arc<Kept>>,
    /// The kept predictions in the order of a listing.
    pub(super) predictions_by_time: BTreeSet<(Timestamp, PredictionId)>,
    pub(super) bytes: HashMap<ContentHash, Arc<[u8]>>,
}

/// A photo and what is kept beside it.
#[derive(Clone, Debug)]
pub(super) struct StoredImage {
    pub(super) image: Image,
    pub(super) bytes: PhotoBytes,
    /// With the moment at which each was computed.
    pub(super) features: BTreeMap<FeatureKey, (Timestamp, Arc<[f32]>)>,
}

/// A kept prediction, and what is recorded of its photo's bytes, if that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) prediction: StoredPrediction,
    pub(super) bytes: Option<PhotoBytes>,
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
            retention: Retention::default(),
            key,
            tags: Vec::new(),
            images: HashMap::new(),
            by_time: BTreeSet::new(),
            by_content: BTreeSet::new(),
            features_by_time: BTreeSet::new(),
            by_region: HashMap::new(),
            calibrations: BTreeMap::new(),
            iterations: Vec::new(),
            trained: HashMap::new(),
            checkpoint: None,
            exports: Vec::new(),
            predictions: BTreeMap::new(),
            predictions_by_time: BTreeSet::new(),
            bytes: HashMap::new(),
        }
    }

    /// Whether a photo, a kept prediction, an export or a checkpoint has these bytes.
    pub(super) fn refers_to(&self, content: &ContentHash) -> bool {
        self.with_content(content).next().is_some()
            || self.predictions.values().any(|kept| kept.content() == Some(*content))
            || self.exports.iter().any(|stored| stored.contents.contains(content))
            || self.checkpoint.is_some_and(|kept| kept.content == *content)
    }

    /// The photos that were stored after this moment, in the order of a listing; all where there is none.
    pub(super) fn images_after(
        &self,
        after: Option<Timestamp>,
    ) -> impl DoubleEndedIterator<Item = &StoredImage> {
        let last = ImageId::from_uuid(Uuid::max());
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded((after, last)));
        let ids = self.by_time.range((from, Bound::Unbounded));
        ids.filter_map(|(_, id)| self.images.get(id)).map(Arc::as_ref)
    }

    /// The photos that have these bytes.
    pub(super) fn with_content(&self, content: &ContentHash) -> impl Iterator<Item = ImageId> {
        let ids = ImageId::from_uuid(Uuid::nil())..=ImageId::from_uuid(Uuid::max());
        let range = (*content, *ids.start())..=(*content, *ids.end());
        self.by_content.range(range).map(|(_, image)| *image)
    }

    pub(super) fn export(&self, id: ExportId) -> Option<&StoredExport> {
        self.exports.iter().find(|stored| stored.export.id == id).map(Arc::as_ref)
    }

    pub(super) fn insert_image(&mut self, image: Image, bytes: PhotoBytes) {
        self.by_time.insert((image.created, image.id));
        self.by_content.insert((bytes.content, image.id));
        self.by_region.extend(image.regions.iter().map(|region| (region.id, image.id)));
        self.images.insert(image.id, Arc::new(StoredImage { image, bytes, features: BTreeMap::new() }));
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
        self.by_content.remove(&(stored.bytes.content, image));
        for (key, (computed, _)) in &stored.features {
            self.features_by_time.remove(&(*computed, image, key.clone()));
        }
        for region in &stored.image.regions {
            self.by_region.remove(&region.id);
        }
        Some(stored.bytes.content)
    }

    pub(super) fn put_features(
        &mut self,
        image: ImageId,
        key: &FeatureKey,
        features: &[f32],
        computed: Timestamp,
    ) {
        self.retain_features(image, |other, _| other != key);
        if let Some(stored) = self.images.get_mut(&image) {
            Arc::make_mut(stored).features.insert(key.clone(), (computed, features.into()));
            self.features_by_time.insert((computed, image, key.clone()));
        }
    }

    /// Takes away the features of a photo that `stay` does not say stay.
    pub(super) fn retain_features(&mut self, image: ImageId, stay: impl Fn(&FeatureKey, Timestamp) -> bool) {
        let Some(stored) = self.images.get_mut(&image) else { return };
        let all = stored.features.iter();
        let gone: Vec<_> = all
            .filter(|(key, (computed, _))| !stay(key, *computed))
            .map(|(key, (computed, _))| (*computed, image, key.clone()))
            .collect();
        if gone.is_empty() {
            return;
        }
        let features = &mut Arc::make_mut(stored).features;
        for place in gone {
            features.remove(&place.2);
            self.features_by_time.remove(&place);
        }
    }

    pub(super) fn insert_prediction(&mut self, prediction: StoredPrediction, bytes: Option<PhotoBytes>) {
        let (created, id) = (prediction.prediction.created, prediction.prediction.id);
        self.predictions_by_time.insert((created, id));
        self.predictions.insert(id, Arc::new(Kept { prediction, bytes }));
    }

    /// Takes a kept prediction away and says which bytes it had.
    pub(super) fn remove_prediction(&mut self, prediction: PredictionId) -> Option<ContentHash> {
        let kept = self.predictions.remove(&prediction)?;
        self.predictions_by_time.remove(&(kept.prediction.prediction.created, prediction));
        kept.content()
    }
}

impl Kept {
    /// The identity of its photo's bytes.
    pub(super) fn content(&self) -> Option<ContentHash> {
        self.bytes.map(|bytes| bytes.content)
    }

    pub(super) fn has_result_for(&self, tag: TagId) -> bool {
        self.prediction.prediction.predictions.iter().any(|result| result.tag_id == tag)
    }

    pub(super) fn has_results(&self) -> bool {
        !self.prediction.prediction.predictions.is_empty()
    }
}
