use ocelli_core::{Domain, Erased, ErrorCode, Limits, Project, ProjectId, ProjectUpdate, Timestamp};

use super::as_of::AsOf;
use super::holds::Holds;
use super::{done, erased, holds, live, within};
use crate::{Applied, ContentKey, Missing, StoreError, is_due};

pub(super) fn create(
    tx: &mut AsOf<'_>,
    mut project: Project,
    key: &ContentKey,
    limits: &Limits,
) -> Result<Applied, StoreError> {
    Domain::from_id(project.settings.domain_id).ok_or(StoreError::UnknownDomain)?;
    if let Some(closed) = tx.account.closed {
        return Err(StoreError::AccountClosed(closed));
    }
    if tx.records().project(project.id)?.is_some() {
        return Err(StoreError::IdTaken(project.id.to_string()));
    }
    has_room(tx, limits)?;
    project.deleted = None;
    tx.insert_project(&project, key)?;
    Ok(Applied::Done)
}

pub(super) fn update(
    tx: &mut AsOf<'_>,
    project: ProjectId,
    update: ProjectUpdate,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let mut project = live(tx, project)?;
    if let Some(settings) = update.settings {
        let domain = Domain::from_id(settings.domain_id).ok_or(StoreError::UnknownDomain)?;
        if Domain::from_id(project.settings.domain_id).map(|old| old.domain_type) != Some(domain.domain_type)
        {
            return Err(StoreError::DomainTypeChange);
        }
        project.settings = settings;
    }
    project.name = update.name.unwrap_or(project.name);
    project.description = update.description.unwrap_or(project.description);
    project.last_modified = at;
    tx.update_project(&project)?;
    Ok(Applied::Done)
}

pub(super) fn delete(tx: &mut AsOf<'_>, project: ProjectId, at: Timestamp) -> Result<Applied, StoreError> {
    live(tx, project)?;
    nothing_is_published(tx, project)?;
    tx.put_deleted(project, Some(at))?;
    Ok(Applied::Done)
}

/// Refuses to put a project out of use that answers predictions. One whose key is missing answers none.
pub(super) fn nothing_is_published(tx: &mut AsOf<'_>, project: ProjectId) -> Result<(), StoreError> {
    let iterations = match tx.iterations(project) {
        Err(StoreError::Key { .. }) => return Ok(()),
        iterations => iterations?,
    };
    match iterations.into_iter().find(|iteration| iteration.publication.is_some()) {
        Some(published) => Err(StoreError::Published(published.id)),
        None => Ok(()),
    }
}

/// In use or deleted; whoever trains it meanwhile finds it gone.
pub(super) fn erase(tx: &mut AsOf<'_>, project: ProjectId, at: Timestamp) -> Result<Applied, StoreError> {
    tx.project(project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
    Holds::of(tx, project)?.release_project(tx)?;
    remove(tx, project)?;
    erased(tx, project, Erased::Project(project), at)?;
    Ok(done())
}

/// Takes a project away in which nothing is held.
pub(super) fn remove(tx: &mut AsOf<'_>, project: ProjectId) -> Result<(), StoreError> {
    holds::end_with(tx, project)?;
    tx.remove_project(project)
}

/// Restoring a project that has not been deleted changes nothing.
pub(super) fn restore(tx: &mut AsOf<'_>, project: ProjectId, limits: &Limits) -> Result<Applied, StoreError> {
    if let Some(closed) = tx.account.closed {
        return Err(StoreError::AccountClosed(closed));
    }
    let found = tx.records().project(project)?;
    let mut found = found.ok_or(StoreError::NotFound(Missing::Project(project)))?;
    if found.deleted.is_none() {
        return Ok(tx.unchanged());
    }
    if is_due(&found, &tx.account, tx.now) {
        return Err(StoreError::RestoreExpired(project));
    }
    has_room(tx, limits)?;
    found.deleted = None;
    tx.update_project(&found)?;
    Ok(Applied::Done)
}

/// Refuses one project more than the limit.
fn has_room(tx: &mut AsOf<'_>, limits: &Limits) -> Result<(), StoreError> {
    let count = tx.project_count()? + 1;
    within("projects", count, limits.projects, ErrorCode::BadRequestExceedProjectLimit)
}
