//! What a hold keeps, due or not: by project, its photos before its kept predictions, by id.

use ocelli_core::{
    Erased, HeldItem, HoldTarget, ImageId, Metadata, MetadataFilter, PredictionId, ProjectId, Timestamp,
};
use ocelli_store::{StoreError, Visibility};

use super::{all, images, predictions, projects};
use crate::columns::id;
use crate::rows::Rows;

/// Photos or kept predictions whose metadata is read at once.
const READ_AT_ONCE: usize = 500;

/// The first so many behind an item.
pub(crate) fn list(
    rows: &Rows<'_>,
    target: &HoldTarget,
    after: Option<(ProjectId, Erased)>,
    take: usize,
) -> Result<Vec<HeldItem>, StoreError> {
    let mut held = Vec::new();
    for project in projects::all_ids(rows)? {
        if !target.concerns(project) || after.is_some_and(|(behind, _)| project < behind) {
            continue;
        }
        // One whose key is missing keeps what it has to itself; of the others a hold on all of them tells.
        if target.project_id().is_none() && matches!(rows.seal(project), Err(StoreError::Key { .. })) {
            continue;
        }
        let behind = after.filter(|(other, _)| *other == project).map(|(_, item)| item);
        if !matches!(behind, Some(Erased::Prediction(_))) {
            held_images(rows, target, project, behind, take, &mut held)?;
        }
        held_predictions(rows, target, project, behind, take, &mut held)?;
        if held.len() >= take {
            break;
        }
    }
    Ok(held)
}

fn held_images(
    rows: &Rows<'_>,
    target: &HoldTarget,
    project: ProjectId,
    behind: Option<Erased>,
    take: usize,
    held: &mut Vec<HeldItem>,
) -> Result<(), StoreError> {
    let only = match target {
        HoldTarget::Image { image_id, .. } => Some(image_id.to_string()),
        HoldTarget::Prediction { .. } => return Ok(()),
        _ => None,
    };
    let mut last = match behind {
        Some(Erased::Image(image)) => image.to_string(),
        _ => String::new(),
    };
    while held.len() < take {
        let page = metadata_behind::<ImageId>(rows, Table::Images, project, &last, only.as_deref())?;
        let Some((end, _)) = page.last() else { return Ok(()) };
        last = end.to_string();
        for (image, metadata) in page {
            if held.len() < take
                && keeps(&metadata, |metadata| target.keeps_image(project, image, metadata))
                && let Some(image) = images::get(rows, project, image)?
            {
                held.push(HeldItem::Image { project, image: Box::new(image) });
            }
        }
    }
    Ok(())
}

fn held_predictions(
    rows: &Rows<'_>,
    target: &HoldTarget,
    project: ProjectId,
    behind: Option<Erased>,
    take: usize,
    held: &mut Vec<HeldItem>,
) -> Result<(), StoreError> {
    let only = match target {
        HoldTarget::Prediction { prediction_id, .. } => Some(prediction_id.to_string()),
        HoldTarget::Image { .. } => return Ok(()),
        _ => None,
    };
    let mut last = match behind {
        Some(Erased::Prediction(id)) => id.to_string(),
        _ => String::new(),
    };
    // When a prediction expires depends on no moment of asking.
    let retention = projects::retention(rows, project)?.unwrap_or_default();
    let visibility = Visibility::new(retention, Timestamp::from_millis(0));
    while held.len() < take {
        let page =
            metadata_behind::<PredictionId>(rows, Table::Predictions, project, &last, only.as_deref())?;
        let Some((end, _)) = page.last() else { return Ok(()) };
        last = end.to_string();
        for (id, metadata) in page {
            if held.len() < take
                && keeps(&metadata, |metadata| target.keeps_prediction(project, id, metadata))
                && let Some((kept, _)) = predictions::get(rows, project, id)?
            {
                held.push(HeldItem::Prediction { prediction: Box::new(visibility.dated(kept)) });
            }
        }
    }
    Ok(())
}

/// A photo or a kept prediction of a project whose metadata the filter selects, if there is one: a photo first.
pub(crate) fn with_metadata(
    rows: &Rows<'_>,
    project: ProjectId,
    filter: &MetadataFilter,
) -> Result<Option<Erased>, StoreError> {
    Ok(match first::<ImageId>(rows, Table::Images, project, filter)? {
        Some(image) => Some(Erased::Image(image)),
        None => first(rows, Table::Predictions, project, filter)?.map(Erased::Prediction),
    })
}

fn first<I: Id>(
    rows: &Rows<'_>,
    table: Table,
    project: ProjectId,
    filter: &MetadataFilter,
) -> Result<Option<I>, StoreError> {
    let mut last = String::new();
    loop {
        let page = metadata_behind::<I>(rows, table, project, &last, None)?;
        let Some((end, _)) = page.last() else { return Ok(None) };
        last = end.to_string();
        let mut page = page.into_iter();
        // One whose metadata is damaged may be what the filter is about.
        if let Some((id, _)) =
            page.find(|(_, metadata)| metadata.as_ref().is_none_or(|it| filter.matches(it)))
        {
            return Ok(Some(id));
        }
    }
}

/// Where it is damaged, the record says so as it is read.
fn keeps(metadata: &Option<Metadata>, keeps: impl Fn(&Metadata) -> bool) -> bool {
    metadata.as_ref().is_none_or(keeps)
}

/// Where there is metadata.
#[derive(Clone, Copy)]
enum Table {
    Images,
    Predictions,
}

/// An id of a photo or of a kept prediction.
trait Id: std::fmt::Display + std::str::FromStr<Err: std::error::Error + Send + Sync + 'static> {}

impl Id for ImageId {}
impl Id for PredictionId {}

/// The metadata of the first photos or kept predictions behind an id, by id, none where it is damaged; or of one only.
fn metadata_behind<I: Id>(
    rows: &Rows<'_>,
    table: Table,
    project: ProjectId,
    behind: &str,
    only: Option<&str>,
) -> Result<Vec<(I, Option<Metadata>)>, StoreError> {
    let table = match table {
        Table::Images => "images",
        Table::Predictions => "predictions",
    };
    let seal = rows.seal(project)?;
    let one = if only.is_some() { "AND id = ?4" } else { "AND ?4 IS NULL" };
    let sql =
        format!("SELECT id, metadata FROM {table} WHERE project = ?1 AND id > ?2 {one} ORDER BY id LIMIT ?3");
    all(rows, &sql, (project.to_string(), behind, READ_AT_ONCE, only), |row| {
        let id: I = id(row, 0)?;
        let metadata = seal.row(table, &id).read_json("metadata", row, 1).ok();
        Ok((id, metadata))
    })
}
