//! What there is, due or not.

use std::collections::BTreeSet;
use std::ops::Bound;

use ocelli_core::{
    DataClass, Erased, HeldItem, Hold, HoldId, ImageId, Metadata, PredictionId, ProjectId, Timestamp,
};

use uuid::Uuid;

use super::State;
use super::records::{Kept, Records, StoredImage};
use crate::{FeatureKey, Item, ItemQuery, Missing, StoreError, Visibility};

impl State {
    pub(super) fn items(&self, query: &ItemQuery) -> Result<Vec<Item>, StoreError> {
        if let DataClass::DeletedProject | DataClass::ClosedAccount = query.class {
            return self.whole_projects(query);
        }
        let project = query
            .project_id
            .ok_or(StoreError::Unsupported("list items of this class of all projects; name one"))?;
        let records = self.projects.get(&project).ok_or(StoreError::NotFound(Missing::Project(project)))?;
        Ok(records.items(project, query))
    }

    fn whole_projects(&self, query: &ItemQuery) -> Result<Vec<Item>, StoreError> {
        let closed = self.account()?.closed;
        let event = |records: &Records| match query.class {
            DataClass::ClosedAccount => closed,
            _ => records.project.deleted,
        };
        let mut items: Vec<Item> = self
            .projects
            .iter()
            .filter(|(id, _)| query.project_id.is_none_or(|project| project == **id))
            .filter_map(|(id, records)| Some(item(*id, event(records)?, Erased::Project(*id), 0)))
            .collect();
        items.sort_unstable_by_key(|item| (item.event, item.item));
        Ok(items.into_iter().filter(|item| query.wants(item)).take(query.take).collect())
    }

    fn hold(&self, hold: HoldId) -> Result<&Hold, StoreError> {
        self.holds.iter().find(|other| other.id == hold).ok_or(StoreError::NotFound(Missing::Hold(hold)))
    }

    pub(super) fn held(
        &self,
        hold: HoldId,
        after: Option<&HeldItem>,
        take: usize,
    ) -> Result<Vec<HeldItem>, StoreError> {
        let target = &self.hold(hold)?.target;
        let after = after.map(place);
        let mut held = Vec::new();
        for (project, records) in self.projects.iter().filter(|(id, _)| target.concerns(**id)) {
            let images = records.images.values().map(|stored| &stored.image);
            let images = images.filter(|image| target.keeps_image(*project, image.id, &image.metadata));
            held.extend(
                images.map(|image| HeldItem::Image { project: *project, image: Box::new(image.clone()) }),
            );
            // No moment is asked for: when a prediction expires depends on none.
            let visibility = Visibility::new(records.retention.clone(), Timestamp::from_millis(0));
            let kept = records.predictions.iter().map(|(id, kept)| (id, &kept.prediction));
            let kept = kept.filter(|(id, kept)| target.keeps_prediction(*project, **id, &kept.metadata));
            held.extend(kept.map(|(_, kept)| HeldItem::Prediction {
                prediction: Box::new(visibility.dated(kept.clone())),
            }));
        }
        held.sort_by_key(place);
        Ok(held.into_iter().filter(|item| after.is_none_or(|after| place(item) > after)).take(take).collect())
    }

    pub(super) fn held_bytes(
        &self,
        hold: HoldId,
        project: ProjectId,
        item: Erased,
    ) -> Result<Vec<u8>, StoreError> {
        let target = &self.hold(hold)?.target;
        let records = self.projects.get(&project).ok_or(StoreError::NotFound(Missing::Project(project)))?;
        let (content, missing) = match item {
            Erased::Image(id) => {
                let stored = records.images.get(&id);
                let held = stored.filter(|stored| target.keeps_image(project, id, &stored.image.metadata));
                (held.map(|stored| stored.bytes.content), Missing::Image(id))
            }
            Erased::Prediction(id) | Erased::PredictionPhoto(id) => {
                let kept = records.predictions.get(&id);
                let held =
                    kept.filter(|kept| target.keeps_prediction(project, id, &kept.prediction.metadata));
                (held.and_then(|kept| kept.content()), Missing::Prediction(id))
            }
            _ => return Err(StoreError::Unsupported("give the bytes of what has no photo")),
        };
        records.bytes_of(&content.ok_or(StoreError::NotFound(missing))?)
    }
}

/// Where it comes in the listing of what a hold keeps: by project, photos first, by id.
fn place(item: &HeldItem) -> (ProjectId, Erased) {
    match item {
        HeldItem::Image { project, image } => (*project, Erased::Image(image.id)),
        HeldItem::Prediction { prediction } => {
            (prediction.prediction.project_id, Erased::Prediction(prediction.prediction.id))
        }
    }
}

fn item(project_id: ProjectId, event: Timestamp, item: Erased, bytes: u64) -> Item {
    Item { project_id, item, event, bytes, metadata: None, commitment: None }
}

impl ItemQuery {
    /// Whether an item is one that the question is about, whatever its metadata says.
    fn wants(&self, item: &Item) -> bool {
        self.item.is_none_or(|only| only == item.item)
            && self.through.is_none_or(|through| item.event <= through)
            && self.after.is_none_or(|after| (item.event, item.item) > after)
    }

    fn wants_metadata(&self, metadata: &Metadata) -> bool {
        self.metadata.as_ref().is_none_or(|filter| filter.matches(metadata))
    }
}

impl Records {
    fn items(&self, project: ProjectId, query: &ItemQuery) -> Vec<Item> {
        let events: Box<dyn Iterator<Item = Item> + '_> = match query.class {
            DataClass::TrainingPhoto => {
                let places = between(&self.by_time, ImageId::from_uuid(Uuid::nil()), query);
                Box::new(places.filter_map(|(_, id)| photo(project, query, self.images.get(id)?)))
            }
            DataClass::PredictionPhoto | DataClass::PredictionResult => {
                let places = between(&self.predictions_by_time, PredictionId::from_uuid(Uuid::nil()), query);
                Box::new(places.filter_map(|(_, id)| kept(project, query, *id, self.predictions.get(id)?)))
            }
            DataClass::Features if query.metadata.is_none() => Box::new(self.features(project, query)),
            DataClass::Iteration if query.metadata.is_none() => {
                let all = self.iterations.iter();
                Box::new(all.map(move |it| item(project, it.created, Erased::Iteration(it.id), 0)))
            }
            DataClass::Export if query.metadata.is_none() => {
                let all = self.exports.iter().map(|stored| &stored.export);
                Box::new(all.map(move |export| {
                    let bytes = export.files.iter().map(|file| file.size).sum();
                    item(project, export.created, Erased::Export(export.id), bytes)
                }))
            }
            _ => Box::new(std::iter::empty()),
        };
        let wanted = events.filter(|item| query.wants(item));
        // These are in the order in which they began and were kept, and few.
        if let DataClass::Iteration | DataClass::Export = query.class {
            let mut items: Vec<Item> = wanted.collect();
            items.sort_unstable_by_key(|item| (item.event, item.item));
            items.truncate(query.take);
            return items;
        }
        wanted.take(query.take).collect()
    }

    /// One item for each photo and moment.
    fn features(&self, project: ProjectId, query: &ItemQuery) -> impl Iterator<Item = Item> {
        let (mut last, through) = (None, query.through);
        let first = |(event, _)| (event, ImageId::from_uuid(Uuid::nil()), FeatureKey::f32(""));
        let from = query.after.map_or(Bound::Unbounded, |after| Bound::Included(first(after)));
        let all = self.features_by_time.range((from, Bound::Unbounded)).map(|(at, image, _)| (*at, *image));
        let all = all.take_while(move |(at, _)| through.is_none_or(|through| *at <= through));
        all.filter(move |place| last.replace(*place) != Some(*place)).map(move |(at, image)| {
            let stored = self.images.get(&image).filter(|_| query.with_metadata);
            let metadata = stored.map(|stored| stored.image.metadata.clone());
            Item { metadata, ..item(project, at, Erased::Features(image), 0) }
        })
    }
}

/// The places of a listing from where the question begins to where it ends. `first` is the lowest of all ids.
fn between<'r, I: Ord + Copy>(
    places: &'r BTreeSet<(Timestamp, I)>,
    first: I,
    query: &ItemQuery,
) -> impl Iterator<Item = &'r (Timestamp, I)> + use<'r, I> {
    let through = query.through;
    let from = query.after.map_or(Bound::Unbounded, |(event, _)| Bound::Included((event, first)));
    let rest = places.range((from, Bound::Unbounded));
    rest.take_while(move |(event, _)| through.is_none_or(|through| *event <= through))
}

fn photo(project: ProjectId, query: &ItemQuery, stored: &StoredImage) -> Option<Item> {
    let image = &stored.image;
    if !query.wants_metadata(&image.metadata) {
        return None;
    }
    let mut item = item(project, image.created, Erased::Image(image.id), stored.bytes.size);
    if query.with_metadata {
        item.metadata = Some(image.metadata.clone());
        item.commitment = Some(stored.bytes.commitment);
    }
    Some(item)
}

fn kept(project: ProjectId, query: &ItemQuery, id: PredictionId, kept: &Kept) -> Option<Item> {
    if !query.wants_metadata(&kept.prediction.metadata) {
        return None;
    }
    let (part, bytes) = match query.class {
        DataClass::PredictionPhoto => (Erased::PredictionPhoto(id), Some(kept.bytes?)),
        _ if kept.has_results() => (Erased::PredictionResult(id), None),
        _ => return None,
    };
    let size = bytes.map_or(0, |bytes| bytes.size);
    let mut item = item(project, kept.prediction.prediction.created, part, size);
    if query.with_metadata {
        item.metadata = Some(kept.prediction.metadata.clone());
        item.commitment = bytes.map(|bytes| bytes.commitment);
    }
    Some(item)
}
