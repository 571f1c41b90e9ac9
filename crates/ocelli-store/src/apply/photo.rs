//! What holds for one photo, whichever change touches it.

use std::collections::HashSet;

use ocelli_core::{
    AuditAction, AuditEvent, AuditSubject, DataClass, ErasureReason, ErrorCode, Image, ImageId, Limits,
    Metadata, Origin, ProjectId, Region, Salt, Tag, TagId, limits,
};
use ocelli_keys::commit;

use super::affected::Touched;
use super::as_of::AsOf;
use super::holds::Holds;
use super::{images, live, tags, within};
use crate::{AddedImage, ContentHash, ImageAdded, Missing, PhotoBytes, Refusal, StoreError};

/// The photo, which must exist.
pub(super) fn find(tx: &mut AsOf<'_>, project: ProjectId, image: ImageId) -> Result<Image, StoreError> {
    tx.image(project, image)?.ok_or(StoreError::NotFound(Missing::Image(image)))
}

/// Refuses the negative tag beside another. A region counts as a regular tag, whatever its own is.
pub(super) fn check_negative(image: &Image, negative: Option<TagId>) -> Result<(), StoreError> {
    let Some(negative) = negative else {
        return Ok(());
    };
    let has_negative = image.tags.iter().any(|tag| tag.tag_id == negative)
        || image.regions.iter().any(|region| region.tag_id == negative);
    let has_regular = image.tags.iter().any(|tag| tag.tag_id != negative) || !image.regions.is_empty();
    if has_negative && has_regular { Err(StoreError::NegativeAndRegular(image.id)) } else { Ok(()) }
}

/// Refuses more tags or regions than a photo may have.
pub(super) fn check_numbers(image: &Image) -> Result<(), StoreError> {
    let (tags, regions) = (image.tags.len(), image.regions.len());
    let tag_limit = limits::MAX_TAGS_PER_IMAGE;
    within("tags on one photo", tags, tag_limit, ErrorCode::BadRequestExceedTagPerImageLimit)?;
    let region_limit = limits::MAX_REGIONS_PER_IMAGE;
    within("regions on one photo", regions, region_limit, ErrorCode::BadRequestImageRegions)
}

/// Refuses regions whose ids are in use, by another region of the project, due or not, or by each other.
pub(super) fn check_region_ids<'r>(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    regions: impl IntoIterator<Item = &'r Region>,
) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    for region in regions {
        if !seen.insert(region.id) || tx.records().image_with_region(project, region.id)?.is_some() {
            return Err(StoreError::IdTaken(region.id.to_string()));
        }
    }
    Ok(())
}

/// What is recorded of a photo's bytes.
pub(super) fn recorded(content: ContentHash, bytes: &[u8], salt: Salt) -> PhotoBytes {
    PhotoBytes { content, size: bytes.len() as u64, salt, commitment: commit(&salt, bytes) }
}

/// The project that a batch of photos goes into, as it fills.
pub(super) struct Intake<'l> {
    project: ProjectId,
    tags: Vec<Tag>,
    images: usize,
    limits: &'l Limits,
    /// Read once something that is there is to go or change.
    holds: Option<Holds>,
    /// Those that were stored.
    added: Vec<AuditSubject>,
    /// Those that were there and got tags or regions.
    joined: Vec<AuditSubject>,
}

impl<'l> Intake<'l> {
    pub(super) fn new(tx: &mut AsOf<'_>, project: ProjectId, limits: &'l Limits) -> Result<Self, StoreError> {
        live(tx, project)?;
        let (tags, images) = (tx.tags(project)?, tx.image_count(project)?);
        Ok(Self { project, tags, images, limits, holds: None, added: Vec::new(), joined: Vec::new() })
    }

    fn holds(&mut self, tx: &mut AsOf<'_>) -> Result<&Holds, StoreError> {
        match &mut self.holds {
            Some(holds) => Ok(holds),
            none => Ok(none.insert(Holds::of(tx, self.project)?)),
        }
    }

    /// Tells the audit log which photos were stored, and which got tags and regions.
    pub(super) fn log(self, tx: &mut AsOf<'_>) {
        for (action, subjects) in
            [(AuditAction::ImagesAdded, self.added), (AuditAction::ImagesTagged, self.joined)]
        {
            if !subjects.is_empty() {
                tx.events.push(AuditEvent::new(action, Some(self.project)).with(subjects));
            }
        }
    }

    /// Takes one photo in. What is wrong with the photo is its own entry, so that the others go on; what is wrong
    /// with the store ends the batch.
    pub(super) fn add(
        &mut self,
        tx: &mut AsOf<'_>,
        image: Image,
        bytes: &PhotoBytes,
    ) -> Result<ImageAdded, StoreError> {
        entry(self.try_add(tx, image, bytes))
    }

    fn try_add(
        &mut self,
        tx: &mut AsOf<'_>,
        mut image: Image,
        bytes: &PhotoBytes,
    ) -> Result<AddedImage, StoreError> {
        let mut seen = HashSet::new();
        image.tags.retain(|tag| seen.insert(tag.tag_id));
        let used =
            image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|region| region.tag_id));
        for tag in used {
            tags::find(&self.tags, tag)?;
        }
        let mut due = Vec::new();
        for known in tx.images_with_content(self.project, &bytes.content)? {
            match tx.image(self.project, known)? {
                Some(known) => return self.merge(tx, known, image),
                None => due.push(known),
            }
        }
        tx.is_kept(self.project, DataClass::TrainingPhoto, image.created)?;
        if tx.image_created(self.project, image.id)?.is_some() {
            return Err(StoreError::IdTaken(image.id.to_string()));
        }
        self.check(tx, &image, &image.regions)?;
        let (count, limit) = (self.images + 1, self.limits.images_per_project);
        within("photos in the project", count, limit, ErrorCode::BadRequestImageExceededCount)?;
        self.erase_due(tx, &due)?;
        tx.insert_image(self.project, &image, bytes)?;
        self.images = count;
        self.added.push(AuditSubject { id: image.id.as_uuid(), commitment: Some(bytes.commitment) });
        Ok(AddedImage { image, duplicate: false })
    }

    /// Erases photos of the same bytes that are due, so that the bytes are not kept on for them. What is held stays
    /// beside the new one.
    fn erase_due(&mut self, tx: &mut AsOf<'_>, due: &[ImageId]) -> Result<(), StoreError> {
        for id in due {
            let Some(record) = images::record(tx, self.project, *id)? else { continue };
            if self.holds(tx)?.on_record(&record).is_empty() {
                let reason = ErasureReason::Due(DataClass::TrainingPhoto);
                let (at, mut touched) = (tx.now, Touched::default());
                images::erase(tx, self.project, &record, &mut touched, reason, at)?;
            }
        }
        Ok(())
    }

    /// Gives the tags and regions of `new` to a photo of the same bytes. A region that is there already, with the
    /// same tag and bounds, is not drawn twice. Of a kept prediction, which goes with this, the metadata joins too.
    fn merge(&mut self, tx: &mut AsOf<'_>, mut known: Image, new: Image) -> Result<AddedImage, StoreError> {
        let (had_tags, had_regions) = (known.tags.len(), known.regions.len());
        let described = match new.origin {
            Origin::Prediction { .. } => self.describe(tx, &mut known, &new.metadata)?,
            _ => false,
        };
        for tag in new.tags {
            if known.tags.iter().all(|had| had.tag_id != tag.tag_id) {
                known.tags.push(tag);
            }
        }
        for region in new.regions {
            let same = |had: &Region| had.tag_id == region.tag_id && had.bounds == region.bounds;
            if !known.regions.iter().any(same) {
                known.regions.push(region);
            }
        }
        let joined = known.tags.len() > had_tags || known.regions.len() > had_regions;
        if joined || described {
            self.check(tx, &known, known.regions.get(had_regions..).unwrap_or_default())?;
            tx.update_image(self.project, &known)?;
        }
        if joined {
            self.joined.push(known.id.as_uuid().into());
        }
        if described {
            let event = AuditEvent::new(AuditAction::MetadataSet, Some(self.project));
            tx.events.push(event.with([known.id.as_uuid().into()]));
        }
        Ok(AddedImage { image: known, duplicate: true })
    }

    /// Adds metadata that a photo does not have, and says whether there was any. Two values for one key are a conflict:
    /// with either of them gone, the photo would not be found for what it shows.
    fn describe(
        &mut self,
        tx: &mut AsOf<'_>,
        known: &mut Image,
        more: &Metadata,
    ) -> Result<bool, StoreError> {
        let mut all = known.metadata.entries().clone();
        for (key, value) in more.entries() {
            let had = all.entry(key.clone()).or_insert_with(|| value.clone());
            if had != value {
                return Err(StoreError::MetadataConflict { image: known.id, key: key.clone() });
            }
        }
        if all.len() == known.metadata.entries().len() {
            return Ok(false);
        }
        self.holds(tx)?.release_image(known)?;
        known.metadata = Metadata::new(all)?;
        Ok(true)
    }

    fn check(&self, tx: &mut AsOf<'_>, image: &Image, new_regions: &[Region]) -> Result<(), StoreError> {
        check_numbers(image)?;
        check_negative(image, tags::negative(&self.tags))?;
        check_region_ids(tx, self.project, new_regions)
    }
}

/// The entry of one photo of a batch; an error of the store itself is no photo's and ends the batch.
pub(super) fn entry(added: Result<AddedImage, StoreError>) -> Result<ImageAdded, StoreError> {
    match added {
        Ok(added) => Ok(Ok(added)),
        Err(error) if error.is_of_the_store() => Err(error),
        Err(error) => Ok(Err(Refusal { status: error.image_status(), error })),
    }
}
