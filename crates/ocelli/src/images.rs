use ocelli_core::{Image, ImageId, Metadata, Region, RegionId, TagId};
use ocelli_store::{Applied, Change, ImageFilter, ImageQuery, TagSummary};

use crate::upload::NewRegion;
use crate::{Error, ProjectHandle};

impl ProjectHandle {
    /// A page of the photos.
    ///
    /// # Errors
    ///
    /// If the page takes more than [`MAX_PAGE`](ocelli_core::limits::MAX_PAGE), or the filter names more than
    /// [`MAX_TAGS_PER_BATCH`](ocelli_core::limits::MAX_TAGS_PER_BATCH) tags.
    pub fn images(&self, query: &ImageQuery) -> Result<Vec<Image>, Error> {
        Ok(self.shared.store.images(self.id(), query)?)
    }

    /// How many photos the filter lets through.
    pub fn image_count(&self, filter: &ImageFilter) -> Result<u64, Error> {
        Ok(self.shared.store.image_count(self.id(), filter)?)
    }

    /// These photos, in this order: up to [`MAX_PAGE`](ocelli_core::limits::MAX_PAGE). All must exist.
    pub fn images_by_id(&self, images: &[ImageId]) -> Result<Vec<Image>, Error> {
        Ok(self.shared.store.images_by_id(self.id(), images)?)
    }

    /// A photo's bytes: as they were uploaded, less the metadata within.
    pub fn image_bytes(&self, image: ImageId) -> Result<Vec<u8>, Error> {
        Ok(self.shared.store.image_bytes(self.id(), image)?)
    }

    /// Gives tags to photos, and says which were new, which the photo had, and for which it has no room.
    ///
    /// # Errors
    ///
    /// If a photo or a tag is not there, or a photo would have the negative tag beside another; then none is given.
    pub fn tag_images(&self, tags: Vec<(ImageId, TagId)>) -> Result<TagSummary, Error> {
        let at = self.shared.now();
        match self.apply(Change::TagImages { project: self.id(), tags, at })? {
            Applied::Tags(summary) => Ok(summary),
            _ => Ok(TagSummary::default()),
        }
    }

    /// Takes each of these tags from each of these photos. All must exist; a tag that a photo does not have is
    /// passed over.
    ///
    /// # Errors
    ///
    /// If there are more photos than [`MAX_BATCH`](ocelli_core::limits::MAX_BATCH), more tags than
    /// [`MAX_TAGS_PER_BATCH`](ocelli_core::limits::MAX_TAGS_PER_BATCH), or one of them is not there.
    pub fn untag_images(&self, images: Vec<ImageId>, tags: Vec<TagId>) -> Result<(), Error> {
        self.apply(Change::UntagImages { project: self.id(), images, tags })?;
        Ok(())
    }

    /// Draws up to [`MAX_BATCH`](ocelli_core::limits::MAX_BATCH) regions on photos: all or none.
    pub fn add_regions(&self, regions: Vec<(ImageId, NewRegion)>) -> Result<Vec<Region>, Error> {
        let created = self.shared.now();
        let region = |(image, NewRegion { tag_id, bounds })| {
            let id = RegionId::new(created, self.shared.random()?);
            Ok((image, Region { id, tag_id, created, bounds }))
        };
        let regions = regions.into_iter().map(region).collect::<Result<Vec<(ImageId, Region)>, Error>>()?;
        let drawn = regions.iter().map(|(_, region)| region.clone()).collect();
        self.apply(Change::AddRegions { project: self.id(), regions })?;
        Ok(drawn)
    }

    /// Takes up to [`MAX_BATCH`](ocelli_core::limits::MAX_BATCH) regions away. All must exist.
    pub fn delete_regions(&self, regions: Vec<RegionId>) -> Result<(), Error> {
        self.apply(Change::DeleteRegions { project: self.id(), regions })?;
        Ok(())
    }

    /// Replaces the metadata of a photo.
    pub fn set_metadata(&self, image: ImageId, metadata: Metadata) -> Result<(), Error> {
        self.apply(Change::SetMetadata { project: self.id(), image, metadata })?;
        Ok(())
    }

    /// Erases photos, with their bytes, tags, regions, metadata and features. Iterations that were trained on them
    /// stay. Up to [`MAX_PAGE`](ocelli_core::limits::MAX_PAGE); all must exist.
    pub fn delete_images(&self, images: Vec<ImageId>) -> Result<(), Error> {
        self.apply(Change::DeleteImages { project: self.id(), images })?;
        Ok(())
    }
}
