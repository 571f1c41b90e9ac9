//! Photos of a new project: checked, decoded and stripped like those that are uploaded, and stored in batches.

use std::collections::BTreeSet;

use ocelli_archive::ImageRecord;
use ocelli_core::{
    Erased, ErrorCode, Image, ImageId, ImageTag, Metadata, Origin, Region, Salt, TagId, limits,
};
use ocelli_imaging::{DecodeLimits, decode, strip_metadata};
use ocelli_store::{Applied, Change, NewImage, StoreError};
use rayon::prelude::*;

use super::importing::{Importing, NewIds};
use super::problem::TransferProblem;
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
    /// The salt that it has where it comes from.
    known_by: Salt,
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
        let source_id = record.image.id;
        let (salt, known_by) = self.salts(record.salt)?;
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
        self.batch.photos.push(Pending { source_id, image, bytes, salt, known_by, rest });
        Ok(())
    }

    /// The salt that a photo gets, and the one by which the log of erasures may know it.
    pub(super) fn salts(&self, had: Option<Salt>) -> Result<(Salt, Salt), Error> {
        let salt = match had.filter(|_| !self.import.new_salts) {
            Some(salt) => salt,
            None => Salt::from_bytes(self.import.shared.random()?),
        };
        Ok((salt, had.unwrap_or(salt)))
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
            let Pending { source_id, mut image, salt, known_by, rest, .. } = pending;
            match checked {
                Err(error) => self.left_out(Erased::Image(source_id), &error),
                Ok((bytes, _)) if self.import.erased.has_photo(&known_by, &bytes) => {
                    self.imported.erased += 1;
                }
                Ok((bytes, (width, height))) => {
                    (image.width, image.height) = (width, height);
                    waiting.push((source_id, rest, image.metadata.clone()));
                    images.push(NewImage { image, bytes, salt });
                }
            }
        }
        if images.is_empty() {
            return Ok(());
        }
        let applied = self.import.shared.store.apply(Change::AddImages { project: self.project, images })?;
        let Applied::Images(answers) = applied else { return Ok(()) };
        for ((source_id, rest, metadata), answer) in waiting.into_iter().zip(answers) {
            match answer {
                Ok(added) => {
                    let id = added.image.id;
                    self.imported.ids.images.insert(source_id, id);
                    *if added.duplicate {
                        &mut self.imported.duplicates
                    } else {
                        &mut self.imported.images
                    } += 1;
                    self.tell_lost_metadata(source_id, &metadata, &added.image);
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

    /// Of photos that are one now, the first one's metadata stays: it would not be found for what the other's said.
    fn tell_lost_metadata(&mut self, source_id: ImageId, metadata: &Metadata, now: &Image) {
        let kept = now.metadata.entries();
        let lost = metadata.entries().iter().filter(|(key, value)| kept.get(*key) != Some(value));
        let lost: Vec<&str> = lost.map(|(key, _)| key.as_str()).collect();
        if !lost.is_empty() {
            let message = format!(
                "another photo, {} here, has the same bytes; it has the tags and regions of both, and of the metadata of \
                 this one it lacks {lost:?}; set what it should say",
                now.id
            );
            let code = ErrorCode::BadRequestOperationNotSupported;
            self.imported.problems.push(TransferProblem::because(Erased::Image(source_id), code, message));
        }
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
