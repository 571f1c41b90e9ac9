//! A new project, as a destination of records.

use std::collections::{BTreeMap, HashSet};

use ocelli_archive::{ImageRecord, IterationRecord, PredictionRecord, ProjectRecord};
use ocelli_core::{
    Affected, AuditAction, AuditEvent, Erased, ErasureReason, ErrorCode, Export, IterationId, Name,
    PredictionId, Project, ProjectId, RegionId, RetentionPolicy, Tag, TagId, Timestamp, limits,
};
use ocelli_store::{
    Applied, Change, ContentKey, ItemOutcome, ItemToErase, ProjectState, StoreError, TrainingLock,
};

use super::destination::{Destination, Models};
use super::erased_here::ErasedHere;
use super::fresh_ids::FreshIds;
use super::new_photos::Batch;
use super::problem::TransferProblem;
use super::stored::RETENTION;
use super::summary::{ImportedIds, ImportedProject};
use crate::Error;
use crate::ocelli::Shared;

/// How a project is taken over.
#[derive(Debug)]
pub(crate) struct Import<'s> {
    pub(crate) shared: &'s Shared,
    /// Its name in place of the record's.
    pub(crate) name: Option<Name>,
    pub(crate) ids: NewIds,
    /// Whether its photos get new salts, so that its commitments are not those of the project that it was made from.
    pub(crate) new_salts: bool,
    /// What is not to come back.
    pub(crate) erased: &'s ErasedHere,
}

/// The ids that things get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewIds {
    /// New ones.
    Fresh,
    /// Tags, photos and regions keep theirs.
    Kept,
}

impl Import<'_> {
    /// Makes a project of a record, has it filled, and says so in the audit log. Where that fails, nothing of it is left.
    pub(crate) fn run(
        self,
        record: &ProjectRecord,
        fill: impl FnOnce(&mut Importing<'_>) -> Result<(), Error>,
    ) -> Result<ImportedProject, Error> {
        let mut importing = Importing::begin(self, record)?;
        let filled =
            importing.settle(record).and_then(|()| fill(&mut importing)).and_then(|()| importing.finish());
        let (shared, id) = (importing.import.shared, importing.project);
        match filled {
            Ok(()) => Ok(importing.imported),
            Err(error) => {
                drop(importing);
                abandon(shared, id);
                Err(error)
            }
        }
    }
}

/// Takes a project away that was not completed. What a hold keeps is hidden at least.
pub(crate) fn abandon(shared: &Shared, project: ProjectId) {
    let gone = take_away(shared, project);
    shared.networks.forget_project(project);
    match gone {
        Ok(Some(ItemOutcome::Erased | ItemOutcome::Held(_) | ItemOutcome::Gone)) => {}
        Ok(outcome) => {
            tracing::warn!(%project, ?outcome, "a project whose import failed could not be taken away");
        }
        Err(error) => {
            tracing::warn!(%project, %error, "a project whose import failed could not be taken away");
        }
    }
}

/// Nobody asked for it to go, so that another import may bring what it had: it is erased for a reason of its own.
fn take_away(shared: &Shared, project: ProjectId) -> Result<Option<ItemOutcome>, StoreError> {
    let (store, now) = (&*shared.store, || shared.now());
    let begun = store.apply(Change::BeginErasure { plan: None, at: now() })?;
    let Applied::Operation(operation) = begun else { return Ok(None) };
    let reason = ErasureReason::Abandoned;
    let items = vec![ItemToErase { project_id: project, item: Erased::Project(project), reason }];
    let step = Change::EraseItems { operation, items, affected: Affected::Keep, at: now() };
    let Applied::Items(mut done) = store.apply(step)? else { return Ok(None) };
    let outcome = done.outcomes.pop();
    match &outcome {
        Some(ItemOutcome::Erased) => {
            ocelli_retention::complete(store, &now)?;
        }
        Some(ItemOutcome::Held(_)) => {
            store.apply(Change::DeleteProject { project, at: now() })?;
        }
        _ => {}
    }
    Ok(outcome)
}

/// A project that is being filled.
pub(crate) struct Importing<'s> {
    pub(super) import: Import<'s>,
    pub(super) project: ProjectId,
    pub(super) now: Timestamp,
    pub(super) fresh: FreshIds,
    pub(super) imported: ImportedProject,
    pub(super) batch: Batch,
    /// Tags that only iterations and kept predictions name still.
    former_tags: BTreeMap<TagId, TagId>,
    /// Predictions that only photos name still, and iterations that only kept predictions do.
    former_predictions: BTreeMap<PredictionId, PredictionId>,
    former_iterations: BTreeMap<IterationId, IterationId>,
    /// Held from the first iteration on: iterations are begun and completed.
    pub(super) lock: Option<TrainingLock>,
}

impl<'s> Importing<'s> {
    fn begin(import: Import<'s>, record: &ProjectRecord) -> Result<Self, Error> {
        let shared = import.shared;
        let now = shared.now();
        let id = ProjectId::new(now, shared.random()?);
        let wished = import.name.as_ref().unwrap_or(&record.project.name);
        let project = Project {
            id,
            name: free_name(shared, wished)?,
            created: record.project.created.min(now),
            last_modified: record.project.last_modified.min(now),
            deleted: None,
            ..record.project.clone()
        };
        let imported = ImportedProject {
            source_id: record.project.id,
            id,
            name: project.name.clone(),
            images: 0,
            duplicates: 0,
            predictions: 0,
            exports: 0,
            iterations: Vec::new(),
            due: 0,
            erased: 0,
            problems: Vec::new(),
            ids: ImportedIds::default(),
        };
        let key = ContentKey::new(shared.random()?);
        shared.store.apply(Change::CreateProject { project, key })?;
        Ok(Self {
            import,
            project: id,
            now,
            fresh: FreshIds::default(),
            imported,
            batch: Batch::default(),
            former_tags: Default::default(),
            former_predictions: Default::default(),
            former_iterations: Default::default(),
            lock: None,
        })
    }

    /// The project's policy and tags, which everything else counts on.
    fn settle(&mut self, record: &ProjectRecord) -> Result<(), Error> {
        let project = self.project;
        if let Some(policy) = record.extras.get(RETENTION) {
            match serde_json::from_value::<RetentionPolicy>(policy.clone()) {
                Ok(policy) if policy == RetentionPolicy::default() => {}
                Ok(policy) => {
                    self.import.shared.store.apply(Change::SetRetention { project, policy, at: self.now })?;
                }
                Err(error) => {
                    let entry = format!("the retention policy of the project {}", record.project.id);
                    return Err(
                        ocelli_archive::ArchiveError::Json { entry, reason: error.to_string() }.into()
                    );
                }
            }
        }
        for tag in &record.tags {
            let id = match self.import.ids {
                NewIds::Fresh => self.fresh.make(self.import.shared, self.now, TagId::new)?,
                NewIds::Kept => tag.id,
            };
            self.imported.ids.tags.insert(tag.id, id);
            let tag = Tag { id, ..tag.clone() };
            self.import.shared.store.apply(Change::CreateTag { project, tag })?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.store_photos()?;
        self.lock = None;
        let source = self.imported.source_id.as_uuid().into();
        let event = AuditEvent::new(AuditAction::Imported, Some(self.project)).with([source]);
        self.import.shared.store.apply(Change::Audit { event, at: self.import.shared.now() })?;
        Ok(())
    }

    /// Makes a change. What it refuses is a problem of one thing, and only what fails altogether is an error.
    pub(super) fn try_apply(&mut self, item: Erased, change: Change) -> Result<bool, Error> {
        match self.import.shared.store.apply(change) {
            Ok(_) => Ok(true),
            Err(error) => self.refused(item, error).map(|()| false),
        }
    }

    pub(super) fn refused(&mut self, item: Erased, error: StoreError) -> Result<(), Error> {
        match error {
            StoreError::NotKept(_) => self.imported.due += 1,
            error if ends_all(&error) || matches!(error, StoreError::NotFound(_)) => return Err(error.into()),
            error => self.left_out(item, &error.into()),
        }
        Ok(())
    }

    /// Whether something was erased here by the id that it had. It is counted.
    fn was_erased(&mut self, item: Erased) -> bool {
        let erased = self.import.erased.has(self.imported.source_id, item);
        self.imported.erased += u64::from(erased);
        erased
    }

    pub(super) fn left_out(&mut self, item: Erased, error: &Error) {
        self.imported.problems.push(TransferProblem::new(item, error, "it was left out"));
    }

    pub(super) fn left_out_because(&mut self, item: Erased, code: ErrorCode, why: &str) {
        let problem = TransferProblem::because(item, code, format!("{why}; it was left out"));
        self.imported.problems.push(problem);
    }

    /// The id of a tag here, be it one that the project has or one that it had.
    pub(super) fn tag(&mut self, tag: TagId) -> Result<TagId, Error> {
        if let Some(known) = self.imported.ids.tags.get(&tag).or_else(|| self.former_tags.get(&tag)) {
            return Ok(*known);
        }
        let id = self.fresh.make(self.import.shared, self.now, TagId::new)?;
        self.former_tags.insert(tag, id);
        Ok(id)
    }

    pub(super) fn prediction_id(&mut self, id: PredictionId, at: Timestamp) -> Result<PredictionId, Error> {
        if let Some(known) = self.former_predictions.get(&id) {
            return Ok(*known);
        }
        let new = self.fresh.make(self.import.shared, at, PredictionId::new)?;
        self.former_predictions.insert(id, new);
        Ok(new)
    }

    pub(super) fn iteration_id(&mut self, id: IterationId) -> Result<IterationId, Error> {
        if let Some(known) = self.imported.ids.iterations.get(&id).or_else(|| self.former_iterations.get(&id))
        {
            return Ok(*known);
        }
        let new = self.fresh.make(self.import.shared, self.now, IterationId::new)?;
        self.former_iterations.insert(id, new);
        Ok(new)
    }

    pub(super) fn region_id(&mut self, id: RegionId, at: Timestamp) -> Result<RegionId, Error> {
        match self.import.ids {
            NewIds::Fresh => self.fresh.make(self.import.shared, at, RegionId::new),
            NewIds::Kept => Ok(id),
        }
    }
}

impl Destination for Importing<'_> {
    fn image(&mut self, record: ImageRecord, bytes: Vec<u8>) -> Result<(), Error> {
        if self.was_erased(Erased::Image(record.image.id)) {
            return Ok(());
        }
        self.take_photo(record, bytes)
    }

    fn iteration(&mut self, record: IterationRecord, models: Models) -> Result<(), Error> {
        // Manifests name photos by the ids that they have here.
        self.store_photos()?;
        if self.was_erased(Erased::Iteration(record.iteration.id)) {
            return Ok(());
        }
        self.take_iteration(record, &models)
    }

    fn export(&mut self, export: Export, files: Vec<Vec<u8>>) -> Result<(), Error> {
        if self.was_erased(Erased::Export(export.id)) {
            return Ok(());
        }
        self.take_export(export, files)
    }

    fn prediction(&mut self, record: PredictionRecord, photo: Option<Vec<u8>>) -> Result<(), Error> {
        if self.was_erased(Erased::Prediction(record.prediction.prediction.id)) {
            return Ok(());
        }
        self.take_prediction(record, photo)
    }

    fn problem(&mut self, problem: TransferProblem) {
        self.imported.problems.push(problem);
    }
}

/// Whether an error is not the matter of one thing: everything that comes after would meet it too.
fn ends_all(error: &StoreError) -> bool {
    error.is_of_the_store()
        || matches!(
            error,
            StoreError::Key { .. }
                | StoreError::AccountKey(_)
                | StoreError::NoKeys(_)
                | StoreError::AccountClosed(_)
                | StoreError::AccountDue(_)
        )
}

/// The name, or the name with the first number that makes it one that no project has: `NAME (1)`.
fn free_name(shared: &Shared, wished: &Name) -> Result<Name, Error> {
    let taken: HashSet<Name> =
        shared.store.projects(ProjectState::Live)?.into_iter().map(|project| project.name).collect();
    let mut name = wished.clone();
    let mut number = 0_u64;
    while taken.contains(&name) {
        number += 1;
        let suffix = format!(" ({number})");
        let kept = limits::MAX_NAME.saturating_sub(suffix.len());
        let stem: String = wished.as_str().chars().take(kept).collect();
        name = Name::new(format!("{}{suffix}", stem.trim_end()))?;
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use ocelli_core::InvalidValue;
    use ocelli_store::Missing;

    use super::*;
    use crate::OpenOptions;

    #[test]
    fn what_everything_would_meet_ends_an_import_and_what_is_wrong_with_one_thing_does_not() {
        let now = Timestamp::from_millis(0);
        let project = ProjectId::new(now, [1; 10]);
        let key = || ocelli_keys::KeyError::Missing { path: "keys".into() };
        let ocelli = OpenOptions::new().in_memory().unwrap();
        let erased = ErasedHere::default();
        let record = ProjectRecord {
            project: Project {
                id: project,
                name: Name::new("imported").unwrap(),
                description: Default::default(),
                settings: Default::default(),
                created: now,
                last_modified: now,
                deleted: None,
            },
            tags: Vec::new(),
            extras: BTreeMap::new(),
        };
        let import = Import {
            shared: &ocelli.shared,
            name: None,
            ids: NewIds::Fresh,
            new_salts: false,
            erased: &erased,
        };
        let mut importing = Importing::begin(import, &record).unwrap();
        let item = Erased::Prediction(PredictionId::new(now, [2; 10]));
        for error in [
            StoreError::Key { project, source: key() },
            StoreError::AccountKey(key()),
            StoreError::NoKeys("sealing"),
            StoreError::AccountClosed(now),
            StoreError::AccountDue(now),
            StoreError::NotFound(Missing::Project(project)),
        ] {
            assert!(importing.refused(item, error).is_err());
        }
        assert_eq!((importing.imported.problems.len(), importing.imported.due), (0, 0));
        for error in [StoreError::Invalid(InvalidValue::EmptyName), StoreError::IdTaken("1".to_owned())] {
            importing.refused(item, error).unwrap();
        }
        importing.refused(item, StoreError::NotKept(ocelli_core::DataClass::PredictionPhoto)).unwrap();
        assert_eq!((importing.imported.problems.len(), importing.imported.due), (2, 1));
    }
}
