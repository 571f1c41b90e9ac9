use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{Erased, Image, ImageId, ProjectId, Region, RegionId, Timestamp};

use super::as_of::AsOf;
use super::holds::Holds;
use super::{batch, done, erased, live, photo, tags};
use crate::{Applied, Missing, StoreError};

pub(super) fn add(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    regions: Vec<(ImageId, Region)>,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    batch("regions in one batch", regions.len())?;
    let tags = tx.tags(project)?;
    photo::check_region_ids(tx, project, regions.iter().map(|(_, region)| region))?;
    let mut images: BTreeMap<ImageId, Image> = BTreeMap::new();
    for (id, region) in regions {
        tags::find(&tags, region.tag_id)?;
        match images.get_mut(&id) {
            Some(image) => image.regions.push(region),
            None => {
                let mut image = photo::find(tx, project, id)?;
                image.regions.push(region);
                images.insert(id, image);
            }
        }
    }
    let negative = tags::negative(&tags);
    for image in images.values() {
        photo::check_numbers(image)?;
        photo::check_negative(image, negative)?;
        tx.update_image(project, image)?;
    }
    Ok(Applied::Done)
}

pub(super) fn delete(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    regions: &[RegionId],
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    batch("regions in one batch", regions.len())?;
    let mut images: BTreeMap<ImageId, Image> = BTreeMap::new();
    for id in regions {
        let image = tx.image_with_region(project, *id)?.ok_or(StoreError::NotFound(Missing::Region(*id)))?;
        images.entry(image.id).or_insert(image).regions.retain(|region| region.id != *id);
    }
    let holds = Holds::of(tx, project)?;
    for image in images.values() {
        holds.release_image(image)?;
        tx.update_image(project, image)?;
    }
    for id in regions.iter().collect::<BTreeSet<_>>() {
        erased(tx, project, Erased::Region(*id), at)?;
    }
    Ok(done())
}
