//! A step of an erasure of many things.

use std::collections::BTreeMap;

use ocelli_core::{
    Affected, Commitment, DataClass, Erased, ErasedItem, ErasureReason, ErasureRecord, ErrorCode, ExportId,
    HoldId, ImageId, IterationId, PredictionId, Project, ProjectId, Timestamp, limits,
};

use super::affected::{self, Touched};
use super::as_of::AsOf;
use super::audit::{self, Erasing, Refusals};
use super::holds::Holds;
use super::images::ImageRecord;
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
            Some(project) => Step { project, at, reason: item.reason }.erase(tx, item.item)?,
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

/// Why something stays.
enum Stays {
    For(ItemOutcome),
    Failed(StoreError),
}

impl From<ItemOutcome> for Stays {
    fn from(outcome: ItemOutcome) -> Self {
        Self::For(outcome)
    }
}

/// What cannot be opened or read stays, and keeps nothing else from being erased.
impl From<StoreError> for Stays {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Key { .. } => Self::For(ItemOutcome::Locked),
            StoreError::Corrupt { detail } => Self::For(ItemOutcome::Damaged(detail)),
            error => Self::Failed(error),
        }
    }
}

/// What may go, and all that is to be known of it to take it away.
enum Goes {
    Project,
    Image(ImageRecord),
    /// Of a photo, those computed up to a moment, or all.
    Features(ImageId, Option<Timestamp>),
    /// A kept prediction, or a part of one.
    Prediction(Erased, KeptRecord),
    Iteration(IterationId),
    Export(ExportId),
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
    /// Once anything has been taken away, nothing may stay for what goes wrong: the whole step fails, and is undone.
    fn erase(&mut self, tx: &mut AsOf<'_>, item: Erased) -> Result<ItemOutcome, StoreError> {
        match self.look(tx, item) {
            Ok(goes) => self.take(tx, goes).map(|()| ItemOutcome::Erased),
            Err(Stays::For(outcome)) => Ok(outcome),
            Err(Stays::Failed(error)) => Err(error),
        }
    }

    /// Finds out whether something may go. It takes nothing away.
    fn look(&self, tx: &mut AsOf<'_>, item: Erased) -> Result<Goes, Stays> {
        if !matches!(item, Erased::Project(_)) {
            // What becomes of the iterations is asked of it after things have gone.
            tx.visibility(self.id())?;
        }
        let goes = match item {
            Erased::Project(id) if id == self.id() => self.project(tx),
            Erased::Project(_) => Err(ItemOutcome::Gone.into()),
            Erased::Image(image) => self.image(tx, image),
            Erased::Features(image) => self.features(tx, image),
            Erased::Prediction(id) => {
                self.prediction(tx, item, id, &[DataClass::PredictionPhoto, DataClass::PredictionResult])
            }
            Erased::PredictionPhoto(id) => self.prediction(tx, item, id, &[DataClass::PredictionPhoto]),
            Erased::PredictionResult(id) => self.prediction(tx, item, id, &[DataClass::PredictionResult]),
            Erased::Iteration(iteration) => self.iteration(tx, iteration),
            Erased::Export(export) => self.export(tx, export),
            _ => {
                let advice = "erase tags, regions or metadata in steps; delete them";
                Err(StoreError::Unsupported(advice).into())
            }
        }?;
        tx.can_remove(self.id(), &item)?;
        Ok(goes)
    }

    /// Takes away what may go, and remembers that.
    fn take(&mut self, tx: &mut AsOf<'_>, goes: Goes) -> Result<(), StoreError> {
        let project = self.id();
        match goes {
            Goes::Project => {
                projects::remove(tx, project)?;
                self.note(tx, Erased::Project(project), None)
            }
            Goes::Image(record) => {
                images::erase(tx, project, &record, &mut self.project.touched, self.reason, self.at)
            }
            Goes::Features(image, through) => {
                tx.remove_features_of(project, image, through)?;
                self.note(tx, Erased::Features(image), None)
            }
            Goes::Prediction(item, found) => {
                match item {
                    Erased::PredictionPhoto(id) if found.results => {
                        tx.remove_prediction_photo(project, id)?;
                    }
                    Erased::PredictionResult(id) if found.photo => {
                        tx.remove_prediction_results(project, id)?;
                    }
                    _ => tx.remove_prediction(project, found.id)?,
                }
                let commitment = found.commitment.filter(|_| !matches!(item, Erased::PredictionResult(_)));
                self.note(tx, item, commitment)
            }
            Goes::Iteration(id) => iterations::erase(tx, project, id, self.reason, self.at),
            Goes::Export(id) => {
                tx.remove_export(project, id)?;
                self.note(tx, Erased::Export(id), None)
            }
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

    /// Lets go what the reason to erase it holds for still.
    fn is_due(&self, tx: &mut AsOf<'_>, parts: &[(DataClass, Timestamp)]) -> Result<(), Stays> {
        if self.holds_still(tx, parts)? { Ok(()) } else { Err(ItemOutcome::NotDue.into()) }
    }

    fn note(
        &self,
        tx: &mut AsOf<'_>,
        erased: Erased,
        commitment: Option<Commitment>,
    ) -> Result<(), StoreError> {
        let record = ErasureRecord { at: self.at, project_id: self.id(), erased };
        audit::erased(tx, &ErasedItem { record, reason: self.reason, commitment })
    }

    fn project(&self, tx: &mut AsOf<'_>) -> Result<Goes, Stays> {
        self.is_due(tx, &[])?;
        match self.project.holds.in_project(tx)? {
            Some((_, holds)) => Err(ItemOutcome::Held(holds).into()),
            None => Ok(Goes::Project),
        }
    }

    fn image(&self, tx: &mut AsOf<'_>, id: ImageId) -> Result<Goes, Stays> {
        let record = images::record(tx, self.id(), id)?.ok_or(ItemOutcome::Gone)?;
        self.is_due(tx, &[(DataClass::TrainingPhoto, record.created)])?;
        free(self.project.holds.on_record(&record))?;
        Ok(Goes::Image(record))
    }

    fn features(&self, tx: &mut AsOf<'_>, id: ImageId) -> Result<Goes, Stays> {
        let project = self.id();
        let first = tx.features_computed(project, id)?.first().copied().ok_or(ItemOutcome::Gone)?;
        self.is_due(tx, &[(DataClass::Features, first)])?;
        if let Some(record) = images::record(tx, project, id)? {
            free(self.project.holds.on_record(&record))?;
        }
        let through = match self.reason {
            ErasureReason::Due(DataClass::Features) => tx.visibility(project)?.cutoff(DataClass::Features),
            _ => None,
        };
        Ok(Goes::Features(id, through))
    }

    /// A kept prediction, if these parts of it may go.
    fn prediction(
        &self,
        tx: &mut AsOf<'_>,
        item: Erased,
        id: PredictionId,
        parts: &[DataClass],
    ) -> Result<Goes, Stays> {
        let found = predictions::record(tx, self.id(), id)?.ok_or(ItemOutcome::Gone)?;
        let mut there = Vec::new();
        for class in parts {
            if if *class == DataClass::PredictionPhoto { found.photo } else { found.results } {
                there.push((*class, found.created));
            }
        }
        if there.is_empty() {
            return Err(ItemOutcome::Gone.into());
        }
        self.is_due(tx, &there)?;
        free(self.project.holds.on_kept(&found))?;
        Ok(Goes::Prediction(item, found))
    }

    fn iteration(&self, tx: &mut AsOf<'_>, id: IterationId) -> Result<Goes, Stays> {
        let found = tx.records().iteration(self.id(), id)?.ok_or(ItemOutcome::Gone)?;
        self.is_due(tx, &[(DataClass::Iteration, found.created)])?;
        free(self.project.holds.on_project())?;
        Ok(Goes::Iteration(id))
    }

    fn export(&self, tx: &mut AsOf<'_>, id: ExportId) -> Result<Goes, Stays> {
        let found = tx.records().export(self.id(), id)?.ok_or(ItemOutcome::Gone)?;
        self.is_due(tx, &[(DataClass::Export, found.created)])?;
        free(self.project.holds.on_project())?;
        Ok(Goes::Export(id))
    }
}

/// Lets go what nothing holds.
fn free(holds: Vec<HoldId>) -> Result<(), Stays> {
    if holds.is_empty() { Ok(()) } else { Err(ItemOutcome::Held(holds).into()) }
}
