//! A step of an erasure of many things.

use std::collections::BTreeMap;

use ocelli_core::{
    Affected, Commitment, DataClass, Erased, ErasedItem, ErasureReason, ErasureRecord, ErrorCode, ExportId,
    ImageId, IterationId, PredictionId, Project, ProjectId, Timestamp, limits,
};

use super::affected::{self, Touched};
use super::as_of::AsOf;
use super::audit::{self, Erasing, Refusals};
use super::holds::Holds;
use super::predictions::KeptRecord;
use super::{images, iterations, predictions, projects, within};
use crate::{Applied, ErasedItems, ItemOutcome, ItemToErase, StoreError};

pub(super) fn erase(
    tx: &mut AsOf<'_>,
    number: u64,
    items: &[ItemToErase],
    choice: Affected,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let code = ErrorCode::BadRequestExceededBatchSize;
    within("things in one step of an erasure", items.len(), limits::MAX_ERASED_AT_ONCE, code)?;
    let operation = tx.operation(number)?.ok_or(StoreError::NoOperation(number))?;
    if tx.has_receipt(number)? {
        return Err(StoreError::NoOperation(number));
    }
    tx.erasing = Some(Erasing::new(operation));
    let mut projects = BTreeMap::new();
    let mut done = ErasedItems::default();
    let mut refusals = Refusals::default();
    for item in items {
        let outcome = match project(tx, &mut projects, item.project_id)? {
            Some(project) => {
                let outcome = Step { project, at, reason: item.reason }.erase(tx, item.item);
                outcome.or_else(unreadable)?
            }
            None => ItemOutcome::Gone,
        };
        match &outcome {
            ItemOutcome::Held(holds) if !matches!(item.reason, ErasureReason::Due(_)) => {
                refusals.note(item.project_id, &item.item, holds);
            }
            ItemOutcome::Erased if matches!(item.item, Erased::Project(_)) => {
                projects.remove(&item.project_id);
            }
            _ => {}
        }
        done.outcomes.push(outcome);
    }
    refusals.log(tx);
    for (id, project) in &projects {
        done.iterations.extend(affected::settle(tx, *id, &project.touched, choice, at)?);
    }
    Ok(Applied::Items(done))
}

/// What cannot be opened or read stays, and keeps nothing else from being erased: it is met before anything is taken away.
fn unreadable(error: StoreError) -> Result<ItemOutcome, StoreError> {
    match error {
        StoreError::Key { .. } => Ok(ItemOutcome::Locked),
        StoreError::Corrupt { detail } => Ok(ItemOutcome::Damaged(detail)),
        error => Err(error),
    }
}

/// A project that something is erased in.
struct InProject {
    project: Project,
    holds: Holds,
    touched: Touched,
}

/// The project, in use or not, due or not, unless it is gone.
fn project<'p>(
    tx: &mut AsOf<'_>,
    projects: &'p mut BTreeMap<ProjectId, InProject>,
    id: ProjectId,
) -> Result<Option<&'p mut InProject>, StoreError> {
    if let std::collections::btree_map::Entry::Vacant(new) = projects.entry(id) {
        let Some(project) = tx.records().project(id)? else { return Ok(None) };
        new.insert(InProject { project, holds: Holds::of(tx, id)?, touched: Touched::default() });
    }
    Ok(projects.get_mut(&id))
}

/// One thing to erase.
struct Step<'p> {
    project: &'p mut InProject,
    at: Timestamp,
    reason: ErasureReason,
}

impl Step<'_> {
    fn erase(&mut self, tx: &mut AsOf<'_>, item: Erased) -> Result<ItemOutcome, StoreError> {
        match item {
            Erased::Project(id) if id == self.id() => self.project(tx),
            Erased::Project(_) => Ok(ItemOutcome::Gone),
            Erased::Image(image) => self.image(tx, image),
            Erased::Features(image) => self.features(tx, image),
            Erased::Prediction(id) => self.prediction(tx, id),
            Erased::PredictionPhoto(id) => self.prediction_photo(tx, id),
            Erased::PredictionResult(id) => self.prediction_result(tx, id),
            Erased::Iteration(iteration) => self.iteration(tx, iteration),
            Erased::Export(export) => self.export(tx, export),
            _ => Err(StoreError::Unsupported("erase tags, regions or metadata in steps; delete them")),
        }
    }

    fn id(&self) -> ProjectId {
        self.project.project.id
    }

    /// Whether the reason to erase something holds still: it was asked for, the whole project is due, or it is due
    /// itself with every class that it has a part of.
    fn holds_still(&self, tx: &mut AsOf<'_>, parts: &[(DataClass, Timestamp)]) -> Result<bool, StoreError> {
        let due = |event: Option<Timestamp>, class| {
            event.is_some_and(|event| tx.account.retention.is_due(class, event, tx.now))
        };
        match self.reason {
            ErasureReason::Requested | ErasureReason::Abandoned => Ok(true),
            ErasureReason::Due(DataClass::DeletedProject) => {
                Ok(due(self.project.project.deleted, DataClass::DeletedProject))
            }
            ErasureReason::Due(DataClass::ClosedAccount) => {
                Ok(due(tx.account.closed, DataClass::ClosedAccount))
            }
            ErasureReason::Due(class) if parts.iter().any(|(part, _)| *part == class) => {
                let visibility = tx.visibility(self.id())?;
                Ok(parts.iter().all(|(class, event)| !visibility.shows(*class, *event)))
            }
            _ => Ok(false),
        }
    }

    fn note(
        &self,
        tx: &mut AsOf<'_>,
        erased: Erased,
        commitment: Option<Commitment>,
    ) -> Result<ItemOutcome, StoreError> {
        let record = ErasureRecord { at: self.at, project_id: self.id(), erased };
        audit::erased(tx, &ErasedItem { record, reason: self.reason, commitment })?;
        Ok(ItemOutcome::Erased)
    }

    fn project(&mut self, tx: &mut AsOf<'_>) -> Result<ItemOutcome, StoreError> {
        if !self.holds_still(tx, &[])? {
            return Ok(ItemOutcome::NotDue);
        }
        if let Some((_, holds)) = self.project.holds.in_project(tx)? {
            return Ok(ItemOutcome::Held(holds));
        }
        projects::remove(tx, self.id())?;
        self.note(tx, Erased::Project(self.id()), None)
    }

    fn image(&mut self, tx: &mut AsOf<'_>, id: ImageId) -> Result<ItemOutcome, StoreError> {
        let project = self.id();
        let Some(record) = images::record(tx, project, id)? else { return Ok(ItemOutcome::Gone) };
        if !self.holds_still(tx, &[(DataClass::TrainingPhoto, record.created)])? {
            return Ok(ItemOutcome::NotDue);
        }
        let holds = self.project.holds.on_record(&record);
        if !holds.is_empty() {
            return Ok(ItemOutcome::Held(holds));
        }
        images::erase(tx, project, &record, &mut self.project.touched, self.reason, self.at)?;
        Ok(ItemOutcome::Erased)
    }

    fn features(&mut self, tx: &mut AsOf<'_>, id: ImageId) -> Result<ItemOutcome, StoreError> {
        let project = self.id();
        let Some(first) = tx.features_computed(project, id)?.first().copied() else {
            return Ok(ItemOutcome::Gone);
        };
        if !self.holds_still(tx, &[(DataClass::Features, first)])? {
            return Ok(ItemOutcome::NotDue);
        }
        let record = images::record(tx, project, id)?;
        let holds = record.map(|record| self.project.holds.on_record(&record)).unwrap_or_default();
        if !holds.is_empty() {
            return Ok(ItemOutcome::Held(holds));
        }
        let through = match self.reason {
            ErasureReason::Due(DataClass::Features) => tx.visibility(project)?.cutoff(DataClass::Features),
            _ => None,
        };
        tx.remove_features_of(project, id, through)?;
        self.note(tx, Erased::Features(id), None)
    }

    /// A kept prediction, if these parts of it may go.
    fn found(
        &self,
        tx: &mut AsOf<'_>,
        id: PredictionId,
        parts: &[DataClass],
    ) -> Result<Result<KeptRecord, ItemOutcome>, StoreError> {
        let Some(found) = predictions::record(tx, self.id(), id)? else {
            return Ok(Err(ItemOutcome::Gone));
        };
        let mut there = Vec::new();
        for class in parts {
            if if *class == DataClass::PredictionPhoto { found.photo } else { found.results } {
                there.push((*class, found.created));
            }
        }
        if there.is_empty() {
            return Ok(Err(ItemOutcome::Gone));
        }
        if !self.holds_still(tx, &there)? {
            return Ok(Err(ItemOutcome::NotDue));
        }
        let holds = self.project.holds.on_kept(&found);
        if !holds.is_empty() {
            return Ok(Err(ItemOutcome::Held(holds)));
        }
        Ok(Ok(found))
    }

    fn prediction(&mut self, tx: &mut AsOf<'_>, id: PredictionId) -> Result<ItemOutcome, StoreError> {
        let parts = [DataClass::PredictionPhoto, DataClass::PredictionResult];
        let found = match self.found(tx, id, &parts)? {
            Ok(found) => found,
            Err(outcome) => return Ok(outcome),
        };
        tx.remove_prediction(self.id(), id)?;
        self.note(tx, Erased::Prediction(id), found.commitment)
    }

    fn prediction_photo(&mut self, tx: &mut AsOf<'_>, id: PredictionId) -> Result<ItemOutcome, StoreError> {
        let found = match self.found(tx, id, &[DataClass::PredictionPhoto])? {
            Ok(found) => found,
            Err(outcome) => return Ok(outcome),
        };
        if found.results {
            tx.remove_prediction_photo(self.id(), id)?;
        } else {
            tx.remove_prediction(self.id(), id)?;
        }
        self.note(tx, Erased::PredictionPhoto(id), found.commitment)
    }

    fn prediction_result(&mut self, tx: &mut AsOf<'_>, id: PredictionId) -> Result<ItemOutcome, StoreError> {
        let found = match self.found(tx, id, &[DataClass::PredictionResult])? {
            Ok(found) => found,
            Err(outcome) => return Ok(outcome),
        };
        if found.photo {
            tx.remove_prediction_results(self.id(), id)?;
        } else {
            tx.remove_prediction(self.id(), id)?;
        }
        self.note(tx, Erased::PredictionResult(id), None)
    }

    fn iteration(&mut self, tx: &mut AsOf<'_>, id: IterationId) -> Result<ItemOutcome, StoreError> {
        let Some(found) = tx.records().iteration(self.id(), id)? else { return Ok(ItemOutcome::Gone) };
        if !self.holds_still(tx, &[(DataClass::Iteration, found.created)])? {
            return Ok(ItemOutcome::NotDue);
        }
        let holds = self.project.holds.on_project();
        if !holds.is_empty() {
            return Ok(ItemOutcome::Held(holds));
        }
        iterations::erase(tx, self.id(), id, self.reason, self.at)?;
        Ok(ItemOutcome::Erased)
    }

    fn export(&mut self, tx: &mut AsOf<'_>, id: ExportId) -> Result<ItemOutcome, StoreError> {
        let Some(found) = tx.records().export(self.id(), id)? else { return Ok(ItemOutcome::Gone) };
        if !self.holds_still(tx, &[(DataClass::Export, found.created)])? {
            return Ok(ItemOutcome::NotDue);
        }
        let holds = self.project.holds.on_project();
        if !holds.is_empty() {
            return Ok(ItemOutcome::Held(holds));
        }
        tx.remove_export(self.id(), id)?;
        self.note(tx, Erased::Export(id), None)
    }
}
