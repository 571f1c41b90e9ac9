use ocelli_core::{Image, ImageId, Metadata, Region, RegionId, TagId};
use ocelli_store::{Applied, Change, ImageFilter, ImageQuery, TagSummary};

use crate::upload::NewRegion;
use crate::{Error, ProjectHandle};

impl ProjectHandle {
    /// A page of the photos.
    pub fn images(&self, query: &ImageQuery) -> Result<Vec<Image>, Error> {
        Ok(self.shared.store.images(self.id(), query)?)
    }

    /// How many photos the filter lets through.
    pub fn image_count(&self, filter: &ImageFilter) -> Result<u64, Error> {
        Ok(self.shared.store.image_count(self.id(), filter)?)
    }

    /// These photos, in this order. All must exist.
    pub fn images_by_id(&self, images: &[ImageId]) -> Result<Vec<Image>, Error> {
        Ok(self.shared.store.images_by_id(self.id(), images)?)
    }

    /// A photo's bytes: as they were uploaded, less the metadata within.
    pub fn image_bytes(&self, image: ImageId) -> Result<Vec<u8>, Error> {
        Ok(self.shared.store.image_bytes(self.id(), image)?)
    }

    /// Gives tags to photos, and says which were new, which the photo had, and for which it has no room.
    pub fn tag_images(&self, tags: Vec<(ImageId, TagId)>) -> Result<TagSummary, Error> {
        let at = self.shared.now();
        match self.apply(Change::TagImages { project: self.id(), tags, at })? {
            Applied::Tags(summary) => Ok(summary),
            _ => Ok(TagSummary::default()),
        }
    }

    /// Takes each of these tags from each of these photos.
    pub fn untag_images(&self, images: Vec<ImageId>, tags: Vec<TagId>) -> Result<(), Error> {
        self.apply(Change::UntagImages { project: self.id(), images, tags })?;
        Ok(())
    }

    /// Draws regions on photos: all or none.
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

    /// Takes regions away.
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
    /// stay.
    pub fn delete_images(&self, images: Vec<ImageId>) -> Result<(), Error> {
        self.apply(Change::DeleteImages { project: self.id(), images })?;
        Ok(())
    }
}
