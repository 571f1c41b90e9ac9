use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{
    Affected, AuditAction, AuditEvent, Erased, ErrorCode, Image, ImageId, ImageTag, Limits, Name, ProjectId,
    Tag, TagId, TagType, TagUpdate, Timestamp, limits,
};

use super::affected::{self, Touched};
use super::as_of::AsOf;
use super::holds::Holds;
use super::{batch, batch_tags, done_with, erased, iterations, live, photo, within};
use crate::{Applied, Missing, StoreError, TagSummary};

pub(super) fn create(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    tag: &Tag,
    limits: &Limits,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let tags = tx.tags(project)?;
    if tags.iter().any(|other| other.id == tag.id) {
        return Err(StoreError::IdTaken(tag.id.to_string()));
    }
    is_free(&tags, tag.id, &tag.name)?;
    if tag.tag_type == TagType::Negative {
        is_only_negative(&tags, tag.id)?;
    }
    let (count, limit) = (tags.len() + 1, limits.tags_per_project);
    within("tags in the project", count, limit, ErrorCode::BadRequestExceedTagPerProjectLimit)?;
    tx.put_tag(project, tag)?;
    Ok(Applied::Done)
}

pub(super) fn update(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    tag: TagId,
    update: TagUpdate,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let tags = tx.tags(project)?;
    let mut found = find(&tags, tag)?.clone();
    if let Some(name) = update.name {
        is_free(&tags, tag, &name)?;
        if name != found.name {
            iterations::forget_name(tx, project, &found.name)?;
        }
        found.name = name;
    }
    found.description = update.description.unwrap_or(found.description);
    if update.tag_type == Some(TagType::Negative) && found.tag_type != TagType::Negative {
        is_only_negative(&tags, tag)?;
        for image in tx.images_with_tag(project, tag)? {
            if let Some(image) = tx.image(project, image)? {
                photo::check_negative(&image, Some(tag))?;
            }
        }
    }
    found.tag_type = update.tag_type.unwrap_or(found.tag_type);
    tx.put_tag(project, &found)?;
    Ok(Applied::Done)
}

pub(super) fn delete(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    tag: TagId,
    choice: Affected,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let found = find(&tx.tags(project)?, tag)?.clone();
    Holds::of(tx, project)?.release_tag(tx, tag)?;
    let mut touched = Touched::default();
    remove(tx, project, &found, &mut touched)?;
    erased(tx, project, Erased::Tag(tag), at)?;
    Ok(done_with(affected::settle(tx, project, &touched, choice, at)?))
}

/// Takes a tag and its name away, and notes which iterations that touches: any training under way may know the tag, and
/// its checkpoint too.
pub(super) fn remove(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    tag: &Tag,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    touched.in_training = true;
    touched.trained.extend(tx.iterations_with_tag(project, tag.id)?);
    iterations::forget_name(tx, project, &tag.name)?;
    tx.remove_checkpoint(project)?;
    tx.remove_tag(project, tag.id)
}

/// Gives tags to photos. A tag that a photo has no room for is reported; the negative tag beside another is an error
/// of the whole.
pub(super) fn give(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    pairs: Vec<(ImageId, TagId)>,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let tags = tx.tags(project)?;
    let mut images: BTreeMap<ImageId, Image> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    let mut summary = TagSummary::default();
    for (id, tag) in pairs {
        find(&tags, tag)?;
        let image = match images.entry(id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(photo::find(tx, project, id)?),
        };
        if image.tags.iter().any(|had| had.tag_id == tag) {
            summary.duplicated.push((id, tag));
        } else if image.tags.len() >= limits::MAX_TAGS_PER_IMAGE {
            summary.exceeded.push((id, tag));
        } else {
            image.tags.push(ImageTag { tag_id: tag, created: at });
            changed.insert(id);
            summary.created.push((id, tag));
        }
    }
    let negative = negative(&tags);
    for image in images.values().filter(|image| changed.contains(&image.id)) {
        photo::check_negative(image, negative)?;
        tx.update_image(project, image)?;
    }
    if !changed.is_empty() {
        let subjects = changed.into_iter().map(|image| image.as_uuid().into());
        tx.events.push(AuditEvent::new(AuditAction::ImagesTagged, Some(project)).with(subjects));
    }
    Ok(Applied::Tags(summary))
}

pub(super) fn take(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    images: &[ImageId],
    tags: &[TagId],
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    batch("photos in one batch", images.len())?;
    batch_tags(tags.len())?;
    let known = tx.tags(project)?;
    for tag in tags {
        find(&known, *tag)?;
    }
    let (holds, mut changed) = (Holds::of(tx, project)?, false);
    for image in images {
        let mut image = photo::find(tx, project, *image)?;
        let had = image.tags.len();
        image.tags.retain(|tag| !tags.contains(&tag.tag_id));
        if image.tags.len() < had {
            holds.release_image(&image)?;
            tx.update_image(project, &image)?;
            changed = true;
        }
    }
    Ok(if changed { Applied::Done } else { tx.unchanged() })
}

/// The tag, if it is one of these.
pub(super) fn find(tags: &[Tag], id: TagId) -> Result<&Tag, StoreError> {
    tags.iter().find(|tag| tag.id == id).ok_or(StoreError::NotFound(Missing::Tag(id)))
}

/// The negative tag among these.
pub(super) fn negative(tags: &[Tag]) -> Option<TagId> {
    tags.iter().find(|tag| tag.tag_type == TagType::Negative).map(|tag| tag.id)
}

fn is_free(tags: &[Tag], tag: TagId, name: &Name) -> Result<(), StoreError> {
    if tags.iter().any(|other| other.id != tag && other.name == *name) {
        return Err(StoreError::TagNameTaken(name.clone()));
    }
    Ok(())
}

fn is_only_negative(tags: &[Tag], tag: TagId) -> Result<(), StoreError> {
    if negative(tags).is_some_and(|other| other != tag) {
        return Err(StoreError::SecondNegativeTag);
    }
    Ok(())
}
