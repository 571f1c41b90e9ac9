//! What holds for one photo, whichever change touches it.

use std::collections::HashSet;

use ocelli_core::{ErrorCode, Image, ImageId, Limits, ProjectId, Region, Tag, TagId, limits};

use super::{live, tags, within};
use crate::{AddedImage, ContentHash, ImageAdded, Missing, Refusal, StoreError, Transaction};

/// The photo, which must exist.
pub(super) fn find(
    tx: &mut dyn Transaction,
    project: ProjectId,
    image: ImageId,
) -> Result<Image, StoreError> {
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

/// Refuses regions whose ids are in use, by another region of the project or by each other.
pub(super) fn check_region_ids<'r>(
    tx: &mut dyn Transaction,
    project: ProjectId,
    regions: impl IntoIterator<Item = &'r Region>,
) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    for region in regions {
        if !seen.insert(region.id) || tx.image_with_region(project, region.id)?.is_some() {
            return Err(StoreError::IdTaken(region.id.to_string()));
        }
    }
    Ok(())
}

/// The project that a batch of photos goes into, as it fills.
pub(super) struct Intake<'l> {
    project: ProjectId,
    tags: Vec<Tag>,
    images: usize,
    limits: &'l Limits,
}

impl<'l> Intake<'l> {
    pub(super) fn new(
        tx: &mut dyn Transaction,
        project: ProjectId,
        limits: &'l Limits,
    ) -> Result<Self, StoreError> {
        live(tx, project)?;
        Ok(Self { project, tags: tx.tags(project)?, images: tx.image_count(project)?, limits })
    }

    /// Takes one photo in. What is wrong with the photo is its own entry, so that the others go on; what is wrong
    /// with the store ends the batch.
    pub(super) fn add(
        &mut self,
        tx: &mut dyn Transaction,
        image: Image,
        content: &ContentHash,
    ) -> Result<ImageAdded, StoreError> {
        entry(self.try_add(tx, image, content))
    }

    fn try_add(
        &mut self,
        tx: &mut dyn Transaction,
        mut image: Image,
        content: &ContentHash,
    ) -> Result<AddedImage, StoreError> {
        let mut seen = HashSet::new();
        image.tags.retain(|tag| seen.insert(tag.tag_id));
        let used =
            image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|region| region.tag_id));
        for tag in used {
            tags::find(&self.tags, tag)?;
        }
        if let Some(known) = tx.image_with_content(self.project, content)? {
            return self.merge(tx, known, image);
        }
        if tx.image(self.project, image.id)?.is_some() {
            return Err(StoreError::IdTaken(image.id.to_string()));
        }
        self.check(tx, &image, &image.regions)?;
        let (count, limit) = (self.images + 1, self.limits.images_per_project);
        within("photos in the project", count, limit, ErrorCode::BadRequestImageExceededCount)?;
        tx.insert_image(self.project, &image, content)?;
        self.images = count;
        Ok(AddedImage { image, duplicate: false })
    }

    /// Gives the tags and regions of `new` to a photo of the same bytes. A region that is there already, with the
    /// same tag and bounds, is not drawn twice.
    fn merge(
        &self,
        tx: &mut dyn Transaction,
        mut known: Image,
        new: Image,
    ) -> Result<AddedImage, StoreError> {
        let (had_tags, had_regions) = (known.tags.len(), known.regions.len());
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
        if known.tags.len() > had_tags || known.regions.len() > had_regions {
            self.check(tx, &known, known.regions.get(had_regions..).unwrap_or_default())?;
            tx.update_image(self.project, &known)?;
        }
        Ok(AddedImage { image: known, duplicate: true })
    }

    fn check(
        &self,
        tx: &mut dyn Transaction,
        image: &Image,
        new_regions: &[Region],
    ) -> Result<(), StoreError> {
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
