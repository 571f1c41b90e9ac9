//! Photos of a new project: checked, decoded and stripped like those that are uploaded, and stored in batches.

use std::collections::BTreeSet;

use ocelli_archive::ImageRecord;
use ocelli_core::{Erased, Image, ImageId, ImageTag, Origin, Region, Salt, TagId, limits};
use ocelli_imaging::{DecodeLimits, decode, strip_metadata};
use ocelli_keys::commit;
use ocelli_store::{Applied, Change, NewImage, StoreError};
use rayon::prelude::*;

use super::importing::{Importing, NewIds};
use crate::Error;

/// Bytes of photos that are stored together.
const BATCH_BYTES: usize = 32_000_000;

/// Photos that wait to be stored together.
#[derive(Default)]
pub(super) struct Batch {
    photos: Vec<Pending>,
    tags: BTreeSet<TagId>,
    bytes: usize,
}

struct Pending {
    source_id: ImageId,
    image: Image,
    bytes: Vec<u8>,
    salt: Salt,
    rest: Rest,
}

/// What a photo has beyond the tags that one batch may name. It follows when the photo is stored.
#[derive(Default)]
struct Rest {
    tags: Vec<ImageTag>,
    regions: Vec<Region>,
}

impl Batch {
    fn has_room(&self, bytes: usize, tags: &BTreeSet<TagId>) -> bool {
        self.photos.is_empty()
            || self.photos.len() < limits::MAX_BATCH
                && self.tags.union(tags).count() <= limits::MAX_TAGS_PER_BATCH
                && self.bytes.saturating_add(bytes) <= BATCH_BYTES
    }
}

impl Importing<'_> {
    pub(super) fn take_photo(&mut self, record: ImageRecord, bytes: Vec<u8>) -> Result<(), Error> {
        let (source_id, salt) = (record.image.id, record.salt);
        let salt = match salt.filter(|_| !self.import.new_salts) {
            Some(salt) => salt,
            None => Salt::from_bytes(self.import.shared.random()?),
        };
        let mut image = self.renumbered(record.image)?;
        let mut tags: BTreeSet<TagId> = tags_of(&image).collect();
        let rest = if tags.len() > limits::MAX_TAGS_PER_BATCH {
            cut(&mut image, &mut tags)
        } else {
            Rest::default()
        };
        if !self.batch.has_room(bytes.len(), &tags) {
            self.store_photos()?;
        }
        self.batch.bytes = self.batch.bytes.saturating_add(bytes.len());
        self.batch.tags.extend(tags);
        self.batch.photos.push(Pending { source_id, image, bytes, salt, rest });
        Ok(())
    }

    /// The photo under the ids that things have here. A moment that is yet to come is now: it would outlast the policy.
    fn renumbered(&mut self, image: Image) -> Result<Image, Error> {
        let (shared, now) = (self.import.shared, self.now);
        let created = image.created.min(now);
        let id = match self.import.ids {
            NewIds::Fresh => self.fresh.make(shared, created, ImageId::new)?,
            NewIds::Kept => image.id,
        };
        let mut tags = Vec::with_capacity(image.tags.len());
        for tag in image.tags {
            tags.push(ImageTag { tag_id: self.tag(tag.tag_id)?, created: tag.created.min(now) });
        }
        let mut regions = Vec::with_capacity(image.regions.len());
        for region in image.regions {
            let created = region.created.min(now);
            let (id, tag_id) = (self.region_id(region.id, created)?, self.tag(region.tag_id)?);
            regions.push(Region { id, tag_id, created, bounds: region.bounds });
        }
        let origin = match image.origin {
            Origin::Prediction { prediction_id } => {
                Origin::Prediction { prediction_id: self.prediction_id(prediction_id, created)? }
            }
            Origin::Upload { name } => {
                Origin::Upload { name: name.map(|name| name.chars().take(limits::MAX_NAME).collect()) }
            }
        };
        Ok(Image { id, created, tags, regions, origin, ..image })
    }

    /// Stores the photos that wait.
    pub(super) fn store_photos(&mut self) -> Result<(), Error> {
        let Batch { photos, .. } = std::mem::take(&mut self.batch);
        let limits = DecodeLimits::training(&self.import.shared.limits);
        let check = |pending: Pending| {
            let checked = checked(&pending.bytes, &limits);
            (pending, checked)
        };
        let run = || -> Vec<_> { photos.into_par_iter().map(check).collect() };
        let (mut waiting, mut images) = (Vec::new(), Vec::new());
        for (pending, checked) in self.import.shared.pool.run(run)? {
            let Pending { source_id, mut image, salt, rest, .. } = pending;
            match checked {
                Err(error) => self.left_out(Erased::Image(source_id), &error),
                Ok((bytes, _)) if self.was_erased(&salt, &bytes) => self.imported.erased += 1,
                Ok((bytes, (width, height))) => {
                    (image.width, image.height) = (width, height);
                    waiting.push((source_id, rest));
                    images.push(NewImage { image, bytes, salt });
                }
            }
        }
        if images.is_empty() {
            return Ok(());
        }
        let applied = self.import.shared.store.apply(Change::AddImages { project: self.project, images })?;
        let Applied::Images(answers) = applied else { return Ok(()) };
        for ((source_id, rest), answer) in waiting.into_iter().zip(answers) {
            match answer {
                Ok(added) => {
                    let id = added.image.id;
                    self.imported.ids.images.insert(source_id, id);
                    *if added.duplicate {
                        &mut self.imported.duplicates
                    } else {
                        &mut self.imported.images
                    } += 1;
                    self.give_rest(source_id, id, rest)?;
                }
                // What one photo lacks is no reason to end the import.
                Err(refusal) => match refusal.error {
                    error @ StoreError::NotFound(_) => self.left_out(Erased::Image(source_id), &error.into()),
                    error => self.refused(Erased::Image(source_id), error)?,
                },
            }
        }
        Ok(())
    }

    pub(super) fn was_erased(&self, salt: &Salt, bytes: &[u8]) -> bool {
        !self.import.erased.is_empty() && self.import.erased.contains(&commit(salt, bytes))
    }

    fn give_rest(&mut self, source_id: ImageId, id: ImageId, rest: Rest) -> Result<(), Error> {
        let (project, item) = (self.project, Erased::Image(source_id));
        for same_moment in rest.tags.chunk_by(|one, other| one.created == other.created) {
            let Some(first) = same_moment.first() else { continue };
            let tags = same_moment.iter().map(|tag| (id, tag.tag_id)).collect();
            self.try_apply(item, Change::TagImages { project, tags, at: first.created })?;
        }
        for regions in rest.regions.chunks(limits::MAX_TAGS_PER_BATCH) {
            let regions = regions.iter().map(|region| (id, region.clone())).collect();
            self.try_apply(item, Change::AddRegions { project, regions })?;
        }
        Ok(())
    }
}

/// The photo less its metadata, and its sides.
pub(super) fn checked(bytes: &[u8], limits: &DecodeLimits) -> Result<(Vec<u8>, (u32, u32)), Error> {
    let photo = decode(bytes, limits)?;
    Ok((strip_metadata(bytes)?, (photo.width(), photo.height())))
}

fn tags_of(image: &Image) -> impl Iterator<Item = TagId> {
    image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|region| region.tag_id))
}

/// Leaves the photo as many of its tags as one batch may name, and none of its regions.
fn cut(image: &mut Image, tags: &mut BTreeSet<TagId>) -> Rest {
    let first = limits::MAX_TAGS_PER_BATCH.min(image.tags.len());
    let rest = Rest { tags: image.tags.split_off(first), regions: std::mem::take(&mut image.regions) };
    *tags = tags_of(image).collect();
    rest
}
