use ocelli_core::{Affected, Erasure, Image, ImageId, Metadata, Region, RegionId, TagId};
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

    /// Erases up to [`MAX_BATCH`](ocelli_core::limits::MAX_BATCH) regions. The photos and the tags stay.
    ///
    /// # Errors
    ///
    /// If one of them is not there, or they are more; then none is erased.
    pub fn delete_regions(&self, regions: Vec<RegionId>) -> Result<Erasure, Error> {
        self.shared.erase(Change::DeleteRegions { project: self.id(), regions, at: self.shared.now() })
    }

    /// Replaces the metadata of a photo, and erases what it was.
    pub fn set_metadata(&self, image: ImageId, metadata: Metadata) -> Result<Erasure, Error> {
        self.shared.erase(Change::SetMetadata { project: self.id(), image, metadata, at: self.shared.now() })
    }

    /// Erases photos. Iterations that were trained on them stay, and the answer tells which.
    ///
    /// # Errors
    ///
    /// As [`delete_images_with`](Self::delete_images_with).
    pub fn delete_images(&self, images: Vec<ImageId>) -> Result<Erasure, Error> {
        self.delete_images_with(images, Affected::Keep)
    }

    /// Erases up to [`MAX_PAGE`](ocelli_core::limits::MAX_PAGE) photos, and does as chosen with the iterations that were
    /// trained on them.
    ///
    /// What goes: the photos' bytes, names, tags, regions, metadata and features; the calibrations that looked at
    /// one of them, with all features that were computed with those; and the photos' entries in the performance
    /// records of iterations, which count them from then on ([`Manifest::erased`](ocelli_core::Manifest::erased)). An
    /// iteration whose model carries a calibration that looked at a photo counts as trained on it.
    ///
    /// What stays: what an iteration that is kept has learnt, as numbers in its model that no photo can be read
    /// from; kept predictions, also of the same bytes; exports that have left the data directory. To train anew on
    /// what is left, see
    #[cfg_attr(feature = "train", doc = "[`retrain_without`](Self::retrain_without).")]
    #[cfg_attr(not(feature = "train"), doc = "`retrain_without`, with the feature `train`.")]
    ///
    /// ```no_run
    /// # fn main() -> Result<(), ocelli::Error> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// # let image = project.images(&Default::default())?[0].id;
    /// let erasure = project.delete_images_with(vec![image], ocelli::Affected::Unpublish)?;
    /// for iteration in &erasure.iterations {
    ///     println!("{} was trained on it: {:?}", iteration.name, iteration.outcome);
    /// }
    /// if !erasure.status.is_complete() {
    ///     ocelli.finish_erasures()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If one of them is not there, or they are more; then none is erased.
    pub fn delete_images_with(&self, images: Vec<ImageId>, affected: Affected) -> Result<Erasure, Error> {
        let at = self.shared.now();
        self.shared.erase(Change::DeleteImages { project: self.id(), images, affected, at })
    }
}
