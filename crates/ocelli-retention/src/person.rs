//! What is kept about one person or source: whatever a metadata expression selects, wherever it is.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{
    Affected, AffectedIteration, DataClass, Erased, ErasureReason, ErasureStatus, HoldId, IterationId,
    MetadataFilter, ProjectId, Timestamp, limits,
};
use ocelli_store::{Item, ItemOutcome, ItemQuery, ItemToErase, ProjectState, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::affected::AffectedIterations;
use crate::operation::{self, Operations};
use crate::paging::Items;
use crate::survey;

/// Items asked for at once.
const PAGE: usize = 4_096;

/// What a metadata expression selects, in projects in use, deleted or of a closed account, due or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// The photos to train on and the kept predictions, with their metadata and commitments.
    pub items: Vec<Item>,
    /// The iterations whose manifests name one of the photos, by project.
    pub iterations: BTreeMap<ProjectId, BTreeSet<IterationId>>,
    /// What has damaged metadata, so that nobody can tell whether it is selected: photos and kept predictions, by project.
    #[serde(default)]
    pub damaged: Vec<(ProjectId, Erased)>,
    /// The projects that were not looked into, since their keys are missing: nobody can tell what they hold.
    #[serde(default)]
    pub locked: Vec<ProjectId>,
}

/// What came of erasing what a metadata expression selects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "the erasure may be pending, and holds may have refused some of it"]
pub struct PersonErased {
    /// The operation, by which its receipt is found; none where nothing was erased.
    pub operation: Option<u64>,
    /// Further ones: where a receipt of the one before was made while this went on, the rest is another operation.
    #[serde(default)]
    pub more_operations: Vec<u64>,
    /// What was erased.
    pub erased: Vec<(ProjectId, Erased)>,
    /// What holds keep, and which; it is still there.
    pub held: Vec<(ProjectId, Erased, Vec<HoldId>)>,
    /// The iterations that were trained on what was erased.
    pub iterations: Vec<AffectedIteration>,
    /// Whether nothing of what was erased is left.
    pub status: ErasureStatus,
    /// What has damaged metadata, so that nobody can tell whether it is selected, and what is selected and too damaged to be
    /// erased by itself. It is still there; what has damaged metadata can be erased by id.
    #[serde(default)]
    pub damaged: Vec<(ProjectId, Erased)>,
    /// The projects that were not looked into, since their keys are missing: what they hold of the person is still there.
    #[serde(default)]
    pub locked: Vec<ProjectId>,
}

/// Finds what an expression selects.
///
/// # Errors
///
/// If the store cannot be read.
pub fn find_person(store: &dyn Store, filter: &MetadataFilter) -> Result<Findings, StoreError> {
    let mut findings = Findings::default();
    let mut locked: BTreeSet<ProjectId> = store.locked()?.into_iter().collect();
    for project in projects(store)?.difference(&locked.clone()) {
        match find_in(store, *project, filter) {
            Ok((items, iterations)) => {
                for item in items {
                    match item.metadata {
                        Some(_) => findings.items.push(item),
                        None => findings.damaged.push((item.project_id, item.item)),
                    }
                }
                if !iterations.is_empty() {
                    findings.iterations.insert(*project, iterations);
                }
            }
            Err(StoreError::Key { .. }) => {
                locked.insert(*project);
            }
            Err(error) => return Err(error),
        }
    }
    findings.locked = locked.into_iter().collect();
    Ok(findings)
}

fn find_in(
    store: &dyn Store,
    project: ProjectId,
    filter: &MetadataFilter,
) -> Result<(Vec<Item>, BTreeSet<IterationId>), StoreError> {
    let (mut items, mut photos) = (Vec::new(), Vec::new());
    let mut selected = select(store, project, DataClass::TrainingPhoto, filter);
    while let Some(item) = selected.next()? {
        if let Erased::Image(id) = item.item
            && item.metadata.is_some()
        {
            photos.push(id);
        }
        items.push(item);
    }
    items.extend(predictions(store, project, filter)?);
    let mut iterations = BTreeSet::new();
    for photos in photos.chunks(limits::MAX_PAGE) {
        iterations.extend(store.trained_on(project, photos)?);
    }
    Ok((items, iterations))
}

/// Erases what an expression selects: photos with all that belongs to them and their rows in iterations' manifests, and kept
/// predictions. What a hold keeps stays, and is told; the refusal is in the audit log.
///
/// # Errors
///
/// If the store fails. What was erased until then stays erased.
pub fn erase_person(
    store: &dyn Store,
    filter: &MetadataFilter,
    affected: Affected,
    now: &dyn Fn() -> Timestamp,
) -> Result<PersonErased, StoreError> {
    let Findings { items, mut damaged, locked, .. } = find_person(store, filter)?;
    let mut locked: BTreeSet<ProjectId> = locked.into_iter().collect();
    let (mut erased, mut held, mut iterations) = (Vec::new(), Vec::new(), AffectedIterations::default());
    let mut operations = Operations::new(store, None, now);
    for chunk in items.chunks(limits::MAX_PAGE) {
        let step = chunk.iter().map(|found| ItemToErase {
            project_id: found.project_id,
            item: found.item,
            reason: ErasureReason::Requested,
        });
        let done = operations.step(&step.collect::<Vec<_>>(), affected)?;
        for (found, outcome) in chunk.iter().zip(done.outcomes) {
            match outcome {
                ItemOutcome::Erased => erased.push((found.project_id, found.item)),
                ItemOutcome::Held(holds) => held.push((found.project_id, found.item, holds)),
                ItemOutcome::Locked => {
                    locked.insert(found.project_id);
                }
                ItemOutcome::Damaged(_) => damaged.push((found.project_id, found.item)),
                _ => {}
            }
        }
        iterations.extend(done.iterations);
    }
    let status = operation::complete(store, now)?;
    let mut begun = operations.into_numbers();
    Ok(PersonErased {
        operation: begun.next(),
        more_operations: begun.collect(),
        erased,
        held,
        iterations: iterations.into_vec(),
        status,
        damaged,
        locked: locked.into_iter().collect(),
    })
}

/// All projects that are not erased.
fn projects(store: &dyn Store) -> Result<BTreeSet<ProjectId>, StoreError> {
    let live = store.projects(ProjectState::Live)?;
    let mut ids: BTreeSet<ProjectId> = live.into_iter().map(|project| project.id).collect();
    for class in [DataClass::DeletedProject, DataClass::ClosedAccount] {
        ids.extend(survey::whole_projects(store, class)?.into_iter().map(|item| item.project_id));
    }
    Ok(ids)
}

/// The kept predictions of a project that an expression selects, each once, whichever parts of it are kept.
fn predictions(
    store: &dyn Store,
    project: ProjectId,
    filter: &MetadataFilter,
) -> Result<Vec<Item>, StoreError> {
    let mut predictions = BTreeMap::new();
    for class in [DataClass::PredictionPhoto, DataClass::PredictionResult] {
        let mut selected = select(store, project, class, filter);
        while let Some(mut item) = selected.next()? {
            if let Erased::PredictionPhoto(id) | Erased::PredictionResult(id) = item.item {
                item.item = Erased::Prediction(id);
                predictions.entry((item.event, id)).or_insert(item);
            }
        }
    }
    Ok(predictions.into_values().collect())
}

fn select<'a>(
    store: &'a dyn Store,
    project: ProjectId,
    class: DataClass,
    filter: &MetadataFilter,
) -> Items<'a> {
    let query = ItemQuery {
        metadata: Some(filter.clone()),
        with_metadata: true,
        ..ItemQuery::new(class, Some(project), PAGE)
    };
    Items::new(store, query)
}
