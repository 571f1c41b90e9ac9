//! What the audit log says of a change, and the operation that an erasing change belongs to.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_core::{
    AuditAction, AuditEntry, AuditEvent, AuditSubject, Digest, Erased, ErasedItem, ErasureOperation, HoldId,
    HoldTarget, Iteration, ProjectId, Timestamp,
};
use ocelli_keys::{canonical_json, chain_hash, chain_start};
use uuid::Uuid;

use super::as_of::AsOf;
use crate::{Change, StoreError};

/// The operation that a change erases in, and what it has erased so far.
pub(super) struct Erasing {
    pub(super) operation: ErasureOperation,
    /// How many things this change erased.
    count: u64,
    /// Of their canonical JSON, each followed by a line feed.
    hasher: blake3::Hasher,
    /// The project that all of them were of, if they were of one.
    project_id: Option<ProjectId>,
}

impl Erasing {
    pub(super) fn new(operation: ErasureOperation) -> Self {
        Self { operation, count: 0, hasher: blake3::Hasher::new(), project_id: None }
    }

    fn note(&mut self, item: &ErasedItem) -> Result<(), StoreError> {
        let json = canonical_json(item).map_err(StoreError::NotAuditable)?;
        self.hasher.update(&json).update(b"\n");
        let project = item.record.project_id;
        self.project_id = match self.project_id {
            None if self.count == 0 => Some(project),
            other => other.filter(|other| *other == project),
        };
        self.count += 1;
        Ok(())
    }

    fn event(&self) -> AuditEvent {
        let action = AuditAction::Erased {
            operation: self.operation.number,
            count: self.count,
            digest: Digest::from_bytes(*self.hasher.finalize().as_bytes()),
        };
        AuditEvent::new(action, self.project_id)
    }
}

/// Begins an operation.
pub(super) fn begin(
    tx: &mut AsOf<'_>,
    plan: Option<Digest>,
    at: Timestamp,
) -> Result<ErasureOperation, StoreError> {
    let number = tx.last_operation()? + 1;
    let operation = ErasureOperation { number, begun: at, plan, count: 0, completed: None };
    tx.put_operation(&operation)?;
    Ok(operation)
}

/// Notes that something was erased, in the operation that the change has begun, or begins with it.
pub(super) fn erased(tx: &mut AsOf<'_>, item: &ErasedItem) -> Result<(), StoreError> {
    let mut item = *item;
    // The same thing may be erased twice while a clock stands still, such as metadata: each has a moment of its own.
    while tx.knows_erasure(&item.record)? {
        let next = Timestamp::from_millis(item.record.at.as_millis() + 1);
        if next == item.record.at {
            // The last moment that there is.
            return Ok(());
        }
        item.record.at = next;
    }
    let mut erasing = match tx.erasing.take() {
        Some(erasing) => erasing,
        None => Erasing::new(begin(tx, None, item.record.at)?),
    };
    // Whatever comes of it, what was erased before counts.
    let recorded = tx.record_erasure(erasing.operation.number, &item).and_then(|()| erasing.note(&item));
    tx.erasing = Some(erasing);
    recorded
}

/// Writes what the change has erased to its operation, and what it did to the audit log.
pub(super) fn finish(tx: &mut AsOf<'_>) -> Result<Option<u64>, StoreError> {
    let mut number = None;
    if let Some(mut erasing) = tx.erasing.take()
        && erasing.count > 0
    {
        erasing.operation.count += erasing.count;
        erasing.operation.completed = None;
        tx.put_operation(&erasing.operation)?;
        number = Some(erasing.operation.number);
        let event = erasing.event();
        tx.events.push(event);
    }
    for event in std::mem::take(&mut tx.events) {
        append(tx, event)?;
    }
    Ok(number)
}

fn append(tx: &mut AsOf<'_>, event: AuditEvent) -> Result<(), StoreError> {
    let (last, hash) = match tx.audit_head()? {
        Some(head) => head,
        None => (0, chain_start(tx.account.id)),
    };
    let entry = AuditEntry { seq: last + 1, at: tx.now, event };
    let hash = chain_hash(&hash, &entry).map_err(StoreError::NotAuditable)?;
    tx.append_audit(&entry, &hash)
}

/// What the audit log says of a change that does what it asks for. What is erased is added as it goes, and the changes
/// that may do a part of what they ask for say themselves what they did.
pub(super) fn event(change: &Change) -> Option<AuditEvent> {
    use AuditAction as Did;
    let of = |action, project: &ProjectId| AuditEvent::new(action, Some(*project));
    let to = |action, project: &ProjectId, id: Uuid| of(action, project).with([AuditSubject::from(id)]);
    Some(match change {
        Change::CreateProject { project, .. } => of(Did::ProjectCreated, &project.id),
        Change::UpdateProject { project, .. } => of(Did::ProjectUpdated, project),
        Change::DeleteProject { project, .. } => of(Did::ProjectDeleted, project),
        Change::RestoreProject { project, .. } => of(Did::ProjectRestored, project),
        Change::CreateTag { project, tag } => to(Did::TagCreated, project, tag.id.as_uuid()),
        Change::UpdateTag { project, tag, .. } => to(Did::TagUpdated, project, tag.as_uuid()),
        Change::UntagImages { project, images, .. } => {
            of(Did::ImagesUntagged, project).with(images.iter().map(|image| image.as_uuid().into()))
        }
        Change::AddRegions { project, regions } => {
            of(Did::RegionsAdded, project).with(regions.iter().map(|(_, region)| region.id.as_uuid().into()))
        }
        Change::SetMetadata { project, image, .. } => to(Did::MetadataSet, project, image.as_uuid()),
        Change::BeginTraining { iteration } => {
            to(Did::TrainingBegun, &iteration.project_id, iteration.id.as_uuid())
        }
        Change::ResumeTraining { project, iteration, .. } => {
            to(Did::TrainingResumed, project, iteration.as_uuid())
        }
        Change::CompleteTraining { project, iteration, .. } => {
            to(Did::TrainingCompleted, project, iteration.as_uuid())
        }
        Change::FailTraining { project, iteration, .. } => {
            to(Did::TrainingFailed, project, iteration.as_uuid())
        }
        Change::RenameIteration { project, iteration, .. } => {
            to(Did::IterationRenamed, project, iteration.as_uuid())
        }
        Change::Publish { project, iteration, .. } => to(Did::Published, project, iteration.as_uuid()),
        Change::Unpublish { project, iteration, .. } => to(Did::Unpublished, project, iteration.as_uuid()),
        Change::KeepExport { project, export, .. } => to(Did::ExportKept, project, export.id.as_uuid()),
        Change::SetRetention { project, policy, .. } => {
            of(Did::RetentionSet { policy: policy.clone() }, project)
        }
        Change::SetAccountPolicy { policy, .. } => {
            AuditEvent::new(Did::AccountPolicySet { policy: policy.clone() }, None)
        }
        Change::CloseAccount { .. } => AuditEvent::new(Did::AccountClosed, None),
        Change::ReopenAccount { .. } => AuditEvent::new(Did::AccountReopened, None),
        Change::PlaceHold { hold } => {
            let (project, on) = target(&hold.target);
            let subjects = [Some(hold.id.as_uuid()), on].into_iter().flatten().map(AuditSubject::from);
            AuditEvent::new(Did::HoldPlaced, project).with(subjects)
        }
        Change::ReleaseHold { hold, .. } => {
            AuditEvent::new(Did::HoldReleased, None).with([hold.as_uuid().into()])
        }
        Change::KeepReceipt { operation, receipt, .. } => {
            let digest = Digest::from_bytes(*blake3::hash(receipt.as_bytes()).as_bytes());
            AuditEvent::new(Did::ReceiptMade { operation: *operation, digest }, None)
        }
        Change::ExpireAudit { through, .. } => {
            AuditEvent::new(Did::EntriesExpired { through: *through }, None)
        }
        Change::Audit { event, .. } => event.clone(),
        Change::AddImages { .. }
        | Change::TagImages { .. }
        | Change::KeepPrediction { .. }
        | Change::UsePredictions { .. }
        | Change::BeginErasure { .. } => return None,
        Change::EraseProject { .. }
        | Change::DeleteTag { .. }
        | Change::DeleteImages { .. }
        | Change::DeleteRegions { .. }
        | Change::DeleteIteration { .. }
        | Change::DeleteExport { .. }
        | Change::DeletePredictions { .. }
        | Change::EraseItems { .. }
        | Change::ReapplyErasures { .. } => return None,
        // They keep what can be computed again, or say again what the log says already.
        Change::CacheFeatures { .. }
        | Change::KeepCalibration { .. }
        | Change::KeepCheckpoint { .. }
        | Change::LatchDue { .. }
        | Change::CompleteErasures { .. } => return None,
    })
}

/// That something became of an iteration which the change did not name.
pub(super) fn of_iteration(action: AuditAction, iteration: &Iteration) -> AuditEvent {
    AuditEvent::new(action, Some(iteration.project_id)).with([iteration.id.as_uuid().into()])
}

/// The project of a hold, and the photo or prediction that it is on.
fn target(target: &HoldTarget) -> (Option<ProjectId>, Option<Uuid>) {
    match target {
        HoldTarget::Project { project_id } => (Some(*project_id), None),
        HoldTarget::Image { project_id, image_id } => (Some(*project_id), Some(image_id.as_uuid())),
        HoldTarget::Prediction { project_id, prediction_id } => {
            (Some(*project_id), Some(prediction_id.as_uuid()))
        }
        HoldTarget::Metadata { project_id, .. } => (*project_id, None),
    }
}

/// What the audit log is to say of a change that was refused since holds keep what it would have erased; none where it
/// was refused for another reason. The store appends it with [`Change::Audit`], in a transaction after the one that
/// lost nothing.
pub fn refusal(error: &StoreError) -> Option<AuditEvent> {
    match error {
        StoreError::Held { project, item, holds } => Some(refused(*project, *item, holds.clone())),
        _ => None,
    }
}

/// That holds kept this from being erased.
fn refused(project: ProjectId, item: Erased, holds: Vec<HoldId>) -> AuditEvent {
    AuditEvent::new(AuditAction::ErasureRefused { holds }, Some(project)).with(subject(&item).map(Into::into))
}

/// What holds kept from being erased in a change that erased what it could, by project.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<ProjectId, (BTreeSet<Uuid>, BTreeSet<HoldId>)>);

impl Refusals {
    pub(super) fn note(&mut self, project: ProjectId, item: &Erased, holds: &[HoldId]) {
        let (items, all) = self.0.entry(project).or_default();
        items.extend(subject(item));
        all.extend(holds);
    }

    /// Tells the audit log, in one entry for each project.
    pub(super) fn log(self, tx: &mut AsOf<'_>) {
        for (project, (items, holds)) in self.0 {
            let action = AuditAction::ErasureRefused { holds: holds.into_iter().collect() };
            let subjects = items.into_iter().map(AuditSubject::from);
            tx.events.push(AuditEvent::new(action, Some(project)).with(subjects));
        }
    }
}

/// The id of what was erased or was to be; none where a later version knows more kinds.
fn subject(item: &Erased) -> Option<Uuid> {
    Some(match item {
        Erased::Project(id) => id.as_uuid(),
        Erased::Tag(id) => id.as_uuid(),
        Erased::Image(id) | Erased::Metadata(id) | Erased::Features(id) => id.as_uuid(),
        Erased::Region(id) => id.as_uuid(),
        Erased::Iteration(id) => id.as_uuid(),
        Erased::Export(id) => id.as_uuid(),
        Erased::Prediction(id) | Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => id.as_uuid(),
        _ => return None,
    })
}
