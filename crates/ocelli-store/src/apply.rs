//! The rules of every store.

mod account;
mod affected;
mod as_of;
mod audit;
mod checkpoints;
mod erasures;
mod exports;
mod figures;
mod holds;
mod images;
mod items;
mod iterations;
mod operations;
mod photo;
mod predictions;
mod projects;
mod regions;
mod retention;
mod tags;

use ocelli_core::{
    AffectedIteration, Commitment, Erased, ErasedItem, Erasure, ErasureReason, ErasureRecord, ErasureStatus,
    ErrorCode, Limits, Project, ProjectId, Timestamp, limits,
};

use crate::{Applied, Change, ContentHash, ContentKey, Missing, StoreError, Transaction, is_live};
use as_of::AsOf;
pub use audit::refusal;

/// Makes a change within a transaction, by the rules that all stores share.
///
/// `contents` are the identities of the change's bytes, in their order ([`Change::contents`]); a store that has
/// computed them to put the bytes in place passes them here, and what is missing is computed. The bytes are the
/// store's affair: before it commits, it makes sure that those which the records refer to will last, and it
/// drops the others. What is due at `now`, the time of the store's clock, is not there for the change.
///
/// An error leaves the transaction half done, so the store must roll it back. Then it appends what
/// [`refusal`] says of the error to the audit log.
pub fn apply(
    transaction: &mut dyn Transaction,
    change: Change,
    contents: &[ContentHash],
    limits: &Limits,
    now: Timestamp,
) -> Result<Applied, StoreError> {
    figures::check(&change)?;
    let mut tx = AsOf::new(transaction, now)?;
    tx.events.extend(audit::event(&change));
    let mut applied = make(&mut tx, change, contents, limits)?;
    let operation = audit::finish(&mut tx)?;
    if let Applied::Erased(erasure) = &mut applied {
        erasure.operation = operation;
    }
    Ok(applied)
}

fn make(
    tx: &mut AsOf<'_>,
    change: Change,
    contents: &[ContentHash],
    limits: &Limits,
) -> Result<Applied, StoreError> {
    match change {
        Change::CreateProject { project, key } => projects::create(tx, project, &key, limits),
        Change::UpdateProject { project, update, at } => projects::update(tx, project, update, at),
        Change::DeleteProject { project, at } => projects::delete(tx, project, at),
        Change::RestoreProject { project, .. } => projects::restore(tx, project, limits),
        Change::EraseProject { project, at } => projects::erase(tx, project, at),
        Change::CreateTag { project, tag } => tags::create(tx, project, &tag, limits),
        Change::UpdateTag { project, tag, update } => tags::update(tx, project, tag, update),
        Change::DeleteTag { project, tag, affected, at } => tags::delete(tx, project, tag, affected, at),
        Change::AddImages { project, images } => images::add(tx, project, images, contents, limits),
        Change::DeleteImages { project, images, affected, at } => {
            images::delete(tx, project, &images, affected, at)
        }
        Change::TagImages { project, tags, at } => tags::give(tx, project, tags, at),
        Change::UntagImages { project, images, tags } => tags::take(tx, project, &images, &tags),
        Change::AddRegions { project, regions } => regions::add(tx, project, regions),
        Change::DeleteRegions { project, regions, at } => regions::delete(tx, project, &regions, at),
        Change::SetMetadata { project, image, metadata, at } => {
            images::set_metadata(tx, project, image, metadata, at)
        }
        Change::CacheFeatures { project, key, features } => {
            images::cache_features(tx, project, &key, &features)
        }
        Change::KeepCalibration { project, base, calibration } => {
            images::keep_calibration(tx, project, base, &calibration)
        }
        Change::BeginTraining { iteration } => iterations::begin(tx, iteration, limits),
        Change::KeepCheckpoint { project, iteration, checkpoint, looked_at, tags } => {
            let bytes = Identities::new(tx, project, contents)?.of(0, &checkpoint);
            let size = checkpoint.len() as u64;
            checkpoints::keep(tx, project, iteration, (bytes, size), &looked_at, &tags)
        }
        Change::ResumeTraining { project, iteration, at } => iterations::resume(tx, project, iteration, at),
        Change::CompleteTraining { project, iteration, trained, at, training_millis } => {
            iterations::complete(tx, project, iteration, *trained, at, training_millis)
        }
        Change::FailTraining { project, iteration, failure, at } => {
            iterations::fail(tx, project, iteration, failure, at)
        }
        Change::RenameIteration { project, iteration, name, at } => {
            iterations::rename(tx, project, iteration, name, at)
        }
        Change::Publish { project, iteration, publication, overwrite, at } => {
            iterations::publish(tx, project, iteration, publication, overwrite, at)
        }
        Change::Unpublish { project, iteration, at } => iterations::unpublish(tx, project, iteration, at),
        Change::DeleteIteration { project, iteration, at } => iterations::delete(tx, project, iteration, at),
        Change::KeepExport { project, export, files } => exports::keep(tx, project, export, &files, contents),
        Change::DeleteExport { project, export, at } => exports::delete(tx, project, export, at),
        Change::KeepPrediction { prediction, bytes, salt } => {
            predictions::keep(tx, *prediction, &bytes, salt, contents)
        }
        Change::DeletePredictions { project, predictions, at } => {
            predictions::delete(tx, project, &predictions, at)
        }
        Change::UsePredictions { project, predictions, at } => {
            predictions::train_on(tx, project, predictions, at, limits)
        }
        Change::SetRetention { project, policy, .. } => retention::set(tx, project, policy),
        Change::SetAccountPolicy { policy, .. } => account::set_policy(tx, policy),
        Change::LatchDue { .. } => retention::latch(tx),
        Change::CloseAccount { at } => account::close(tx, at),
        Change::ReopenAccount { .. } => account::reopen(tx),
        Change::PlaceHold { hold } => holds::place(tx, &hold),
        Change::ReleaseHold { hold, .. } => holds::release(tx, hold),
        Change::BeginErasure { plan, at } => operations::begin(tx, plan, at),
        Change::EraseItems { operation, items, affected, at } => {
            items::erase(tx, operation, &items, affected, at)
        }
        Change::CompleteErasures { operations, at } => operations::complete(tx, &operations, at),
        Change::KeepReceipt { operation, count, receipt, .. } => {
            operations::keep_receipt(tx, operation, count, &receipt)
        }
        Change::ExpireAudit { through, checkpoint, .. } => retention::expire_audit(tx, through, &checkpoint),
        Change::Audit { .. } => Ok(Applied::Done),
        Change::ReapplyErasures { erasures, affected } => erasures::reapply(tx, &erasures, affected),
    }
}

/// The project, if it has not been deleted and the account is open.
fn live(tx: &mut AsOf<'_>, project: ProjectId) -> Result<Project, StoreError> {
    let found = tx.project(project)?;
    found.filter(|found| is_live(found, &tx.account)).ok_or(StoreError::NotFound(Missing::Project(project)))
}

/// The identities of the bytes that a change brings into a project.
struct Identities<'c> {
    key: ContentKey,
    known: &'c [ContentHash],
}

impl<'c> Identities<'c> {
    fn new(tx: &mut AsOf<'_>, project: ProjectId, known: &'c [ContentHash]) -> Result<Self, StoreError> {
        let key = tx.content_key(project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
        Ok(Self { key, known })
    }

    /// That of the change's bytes at this index: as the store has computed it already, else computed now.
    fn of(&self, index: usize, bytes: &[u8]) -> ContentHash {
        self.known.get(index).copied().unwrap_or_else(|| self.key.hash(bytes))
    }
}

/// Refuses more than `limit` of something.
fn within(what: &'static str, count: usize, limit: usize, code: ErrorCode) -> Result<(), StoreError> {
    if count <= limit { Ok(()) } else { Err(StoreError::Limit { what, count, limit, code }) }
}

/// Refuses a batch of photos or regions that is too large.
fn batch(what: &'static str, count: usize) -> Result<(), StoreError> {
    within(what, count, limits::MAX_BATCH, ErrorCode::BadRequestExceededBatchSize)
}

/// Refuses a batch with too many different tags.
fn batch_tags(count: usize) -> Result<(), StoreError> {
    within("tags in one batch", count, limits::MAX_TAGS_PER_BATCH, ErrorCode::BadRequestExceededBatchSize)
}

/// Notes that something was erased on request, which had no bytes that a commitment was to.
fn erased(tx: &mut AsOf<'_>, project_id: ProjectId, erased: Erased, at: Timestamp) -> Result<(), StoreError> {
    erased_photo(tx, project_id, erased, None, at)
}

/// Notes that something was erased on request, with the commitment to its bytes.
fn erased_photo(
    tx: &mut AsOf<'_>,
    project_id: ProjectId,
    erased: Erased,
    commitment: Option<Commitment>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let record = ErasureRecord { at, project_id, erased };
    audit::erased(tx, &ErasedItem { record, reason: ErasureReason::Requested, commitment })
}

/// The answer to an erasure that no iteration was trained on. Whether it is complete is for the store to say.
fn done() -> Applied {
    done_with(Vec::new())
}

/// The answer to an erasure.
fn done_with(iterations: Vec<AffectedIteration>) -> Applied {
    Applied::Erased(Erasure {
        operation: None,
        status: ErasureStatus::Complete,
        iterations,
        refused: Vec::new(),
    })
}
