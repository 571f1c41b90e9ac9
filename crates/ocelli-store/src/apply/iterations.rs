use std::collections::BTreeSet;

use ocelli_core::{
    AuditAction, DataClass, Erased, ErasedItem, ErasureReason, ErasureRecord, ErrorCode, Iteration,
    IterationId, IterationStatus, Limits, Name, ProjectId, Publication, Timestamp, TrainingFailure,
};

use super::as_of::AsOf;
use super::holds::Holds;
use super::{audit, done, live, within};
use crate::{Applied, Missing, NewIteration, StoreError, Trained};

/// What the names of iterations begin with unless they are given one; a number follows.
const DEFAULT_NAME: &str = "Iteration";
/// In place of a message that names a tag that has been erased.
const NAMED_ERASED_TAG: &str = "the training failed; the message named a tag that has been erased";

pub(super) fn begin(tx: &mut AsOf<'_>, new: NewIteration, limits: &Limits) -> Result<Applied, StoreError> {
    live(tx, new.project_id)?;
    tx.is_kept(new.project_id, DataClass::Iteration, new.created)?;
    let iterations = tx.iterations(new.project_id)?;
    if tx.has_iteration(new.project_id, new.id)? {
        return Err(StoreError::IdTaken(new.id.to_string()));
    }
    let (count, limit) = (iterations.len() + 1, limits.iterations_per_project);
    within("iterations in the project", count, limit, ErrorCode::BadRequestExceedIterationPerProjectLimit)?;
    let name = match new.name {
        Some(name) => name,
        None => default_name(&iterations)?,
    };
    is_free(&iterations, new.id, &name)?;
    interrupt(tx, iterations, new.created)?;
    tx.remove_checkpoint(new.project_id)?;
    let iteration = Iteration {
        id: new.id,
        project_id: new.project_id,
        name,
        status: IterationStatus::Training,
        created: new.created,
        last_modified: new.created,
        domain_id: new.domain_id,
        classification_type: new.classification_type,
        training_type: new.training_type,
        reserved_budget_millis: new.reserved_budget_millis,
        custom_base: new.custom_base,
        publication: None,
    };
    tx.put_iteration(&iteration)?;
    Ok(Applied::Iteration(Box::new(iteration)))
}

/// Ends what is in training among these without a model: whoever holds the lock knows that its process is gone.
fn interrupt(tx: &mut AsOf<'_>, iterations: Vec<Iteration>, at: Timestamp) -> Result<(), StoreError> {
    for mut other in iterations.into_iter().filter(|other| other.status == IterationStatus::Training) {
        other.status = IterationStatus::Failed { failure: TrainingFailure::Interrupted };
        other.last_modified = at;
        tx.events.push(audit::of_iteration(AuditAction::TrainingFailed, &other));
        tx.put_iteration(&other)?;
    }
    Ok(())
}

pub(super) fn resume(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let (mut found, others) = find(tx, project, iteration)?;
    // What ended otherwise has none.
    if tx.checkpoint(project)?.is_none_or(|kept| kept.iteration != iteration) {
        return Err(StoreError::NoCheckpoint(iteration));
    }
    interrupt(tx, others, at)?;
    found.status = IterationStatus::Training;
    put(tx, found, at)
}

pub(super) fn complete(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    mut trained: Trained,
    at: Timestamp,
    training_millis: u64,
) -> Result<Applied, StoreError> {
    let mut found = in_training(tx, project, iteration)?;
    let manifest = &trained.manifest;
    let tested = manifest.test.iter().flat_map(|test| &test.tags);
    for tag in manifest.evaluation.tags.iter().chain(tested) {
        if tx.was_erased(project, &Erased::Tag(tag.id))? {
            return Err(StoreError::NotFound(Missing::Tag(tag.id)));
        }
    }
    found.status = IterationStatus::Completed { trained_at: at, training_millis };
    forget_erased(tx, project, &mut trained)?;
    tx.insert_trained(project, iteration, &trained)?;
    tx.remove_checkpoint(project)?;
    put(tx, found, at)
}

/// Takes photos that have been erased while the training went on out of what came of it, and counts those that it was
/// trained on or calibrated with, and those that it was tested on.
fn forget_erased(tx: &mut AsOf<'_>, project: ProjectId, trained: &mut Trained) -> Result<(), StoreError> {
    let (manifest, mut gone) = (&mut trained.manifest, BTreeSet::new());
    for photo in std::mem::take(&mut manifest.evaluation.photos) {
        if tx.has_image(project, photo.photo)? {
            manifest.evaluation.photos.push(photo);
        } else {
            gone.insert(photo.photo);
        }
    }
    for image in std::mem::take(&mut trained.looked_at) {
        if tx.has_image(project, image)? {
            trained.looked_at.push(image);
        } else {
            gone.insert(image);
        }
    }
    manifest.erased = manifest.erased.saturating_add(u32::try_from(gone.len()).unwrap_or(u32::MAX));
    if let Some(test) = &mut manifest.test {
        let before = test.photos.len();
        for photo in std::mem::take(&mut test.photos) {
            if tx.has_image(project, photo.photo)? {
                test.photos.push(photo);
            }
        }
        let gone = u32::try_from(before - test.photos.len()).unwrap_or(u32::MAX);
        manifest.test_erased = manifest.test_erased.saturating_add(gone);
    }
    for (image, why) in std::mem::take(&mut manifest.left_out) {
        if tx.has_image(project, image)? {
            manifest.left_out.push((image, why));
        }
    }
    Ok(())
}

pub(super) fn fail(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    failure: TrainingFailure,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let mut found = in_training(tx, project, iteration)?;
    if failure != TrainingFailure::Interrupted {
        tx.remove_checkpoint(project)?;
    }
    found.status = IterationStatus::Failed { failure };
    put(tx, found, at)
}

pub(super) fn rename(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    name: Name,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let (mut found, others) = find(tx, project, iteration)?;
    is_free(&others, iteration, &name)?;
    found.name = name;
    put(tx, found, at)
}

pub(super) fn publish(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    publication: Publication,
    overwrite: bool,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let (mut found, others) = find(tx, project, iteration)?;
    if !found.is_completed() {
        return Err(StoreError::NotCompleted(iteration));
    }
    let named = |other: &Iteration| other.id != iteration && other.publish_name() == Some(&publication.name);
    if !overwrite && others.iter().any(named) {
        return Err(StoreError::PublishNameTaken(publication.name));
    }
    // One that is due gives its name up too.
    for mut other in tx.records().iterations(project)?.into_iter().filter(named) {
        other.publication = None;
        tx.events.push(audit::of_iteration(AuditAction::Unpublished, &other));
        put(tx, other, at)?;
    }
    found.publication = Some(publication);
    put(tx, found, at)
}

pub(super) fn unpublish(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let (mut found, _) = find(tx, project, iteration)?;
    if found.publication.take().is_none() {
        return Err(StoreError::NotPublished(iteration));
    }
    put(tx, found, at)
}

pub(super) fn delete(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    live(tx, project)?;
    let found =
        tx.iteration(project, iteration)?.ok_or(StoreError::NotFound(Missing::Iteration(iteration)))?;
    if found.publication.is_some() {
        return Err(StoreError::Published(iteration));
    }
    if found.status == IterationStatus::Training {
        return Err(StoreError::TrainingInProgress);
    }
    Holds::of(tx, project)?.release_part(Erased::Iteration(iteration))?;
    erase(tx, project, iteration, ErasureReason::Requested, at)?;
    Ok(done())
}

/// Takes a tag's name, as it is and as errors quote it, out of what is said of trainings that failed.
pub(super) fn forget_name(tx: &mut AsOf<'_>, project: ProjectId, name: &Name) -> Result<(), StoreError> {
    let quoted = format!("{:?}", name.as_str());
    for mut iteration in tx.records().iterations(project)? {
        if let IterationStatus::Failed { failure: TrainingFailure::Error { message, .. } } =
            &mut iteration.status
            && (message.contains(name.as_str()) || message.contains(&quoted))
        {
            NAMED_ERASED_TAG.clone_into(message);
            tx.put_iteration(&iteration)?;
        }
    }
    Ok(())
}

/// Takes an iteration away, and remembers that and that its exports went with it.
pub(super) fn erase(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
    reason: ErasureReason,
    at: Timestamp,
) -> Result<(), StoreError> {
    let exports = tx.export_ids(project, iteration)?;
    let exports = exports.into_iter().map(|(export, _)| Erased::Export(export));
    let gone = exports.chain([Erased::Iteration(iteration)]);
    for erased in gone {
        let record = ErasureRecord { at, project_id: project, erased };
        audit::erased(tx, &ErasedItem { record, reason, commitment: None })?;
    }
    tx.remove_iteration(project, iteration)
}

/// The iteration, and the project's others.
pub(super) fn find(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
) -> Result<(Iteration, Vec<Iteration>), StoreError> {
    live(tx, project)?;
    let mut iterations = tx.iterations(project)?;
    let index = iterations
        .iter()
        .position(|other| other.id == iteration)
        .ok_or(StoreError::NotFound(Missing::Iteration(iteration)))?;
    let found = iterations.remove(index);
    Ok((found, iterations))
}

pub(super) fn in_training(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    iteration: IterationId,
) -> Result<Iteration, StoreError> {
    let (found, _) = find(tx, project, iteration)?;
    if found.status == IterationStatus::Training {
        Ok(found)
    } else {
        Err(StoreError::NotTraining(iteration))
    }
}

/// Writes a changed iteration and answers with it.
pub(super) fn put(tx: &mut AsOf<'_>, mut iteration: Iteration, at: Timestamp) -> Result<Applied, StoreError> {
    iteration.last_modified = at;
    tx.put_iteration(&iteration)?;
    Ok(Applied::Iteration(Box::new(iteration)))
}

fn is_free(iterations: &[Iteration], iteration: IterationId, name: &Name) -> Result<(), StoreError> {
    if iterations.iter().any(|other| other.id != iteration && other.name == *name) {
        return Err(StoreError::IterationNameTaken(name.clone()));
    }
    Ok(())
}

/// `Iteration N`, where N is above the number of iterations and above the number in any of their names.
fn default_name(iterations: &[Iteration]) -> Result<Name, StoreError> {
    let number =
        |name: &Name| -> Option<u32> { name.as_str().strip_prefix(DEFAULT_NAME)?.trim().parse().ok() };
    let named = iterations.iter().filter_map(|other| number(&other.name)).max().unwrap_or(0);
    let mut next = u64::from(named).max(iterations.len() as u64) + 1;
    loop {
        let name = Name::new(format!("{DEFAULT_NAME} {next}"))?;
        if iterations.iter().all(|other| other.name != name) {
            return Ok(name);
        }
        next += 1;
    }
}
