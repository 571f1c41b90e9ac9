//! One account's erasure and audit log, the same at every run.

use ocelli_core::{
    AccountId, AccountPolicy, AuditAction, AuditEntry, AuditEvent, AuditSubject, DataClass, Digest, Erased,
    ErasedItem, ErasureOperation, ErasureReason, ErasureRecord, ExportId, HoldId, ImageId, IterationId,
    PredictionId, ProjectId, RegionId, RetentionPolicy, RetentionRule, Salt, TagId, Timestamp,
};
use ocelli_keys::{KeyProvider, Keys, PublicKey, commit};
use ocelli_retention::{AuditChain, AuditLog, ChainedEntry, Checkpoint, Receipt, ReceiptBody};

pub(crate) const PHOTO: &[u8] = b"the bytes of a photo";
pub(crate) const SALT: Salt = Salt::from_bytes([0x5a; 32]);

pub(crate) fn keys() -> Keys {
    Keys::from_random(std::array::from_fn(|i| i as u8))
}

pub(crate) fn other_keys() -> Keys {
    Keys::from_random([9; 64])
}

pub(crate) fn public_key() -> PublicKey {
    keys().public_key().unwrap()
}

pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + minutes * 60_000)
}

pub(crate) fn account() -> AccountId {
    AccountId::new(at(0), [0xac; 10])
}

pub(crate) fn project(number: u8) -> ProjectId {
    ProjectId::new(at(1), [number; 10])
}

/// One item of each kind, the photo of this fixture among them at [`PHOTO_INDEX`].
pub(crate) fn items() -> Vec<ErasedItem> {
    let image = ImageId::new(at(2), [1; 10]);
    let prediction = PredictionId::new(at(3), [2; 10]);
    let due = ErasureReason::Due(DataClass::PredictionPhoto);
    let committed = Some(commit(&SALT, PHOTO));
    let one = |project_id, erased, reason, commitment| ErasedItem {
        record: ErasureRecord { at: at(60), project_id, erased },
        reason,
        commitment,
    };
    let asked = ErasureReason::Requested;
    vec![
        one(project(1), Erased::Tag(TagId::new(at(2), [3; 10])), asked, None),
        one(project(1), Erased::Region(RegionId::new(at(2), [4; 10])), asked, None),
        one(project(1), Erased::Metadata(image), asked, None),
        one(project(1), Erased::Image(image), asked, committed),
        one(project(1), Erased::Features(image), asked, None),
        one(project(1), Erased::Iteration(IterationId::new(at(4), [5; 10])), asked, None),
        one(project(1), Erased::Export(ExportId::new(at(5), [6; 10])), asked, None),
        one(project(2), Erased::Prediction(prediction), due, committed),
        one(project(2), Erased::PredictionPhoto(prediction), due, committed),
        one(
            project(2),
            Erased::PredictionResult(prediction),
            ErasureReason::Due(DataClass::PredictionResult),
            None,
        ),
        one(project(2), Erased::Project(project(2)), ErasureReason::Due(DataClass::DeletedProject), None),
    ]
}

pub(crate) const PHOTO_INDEX: u64 = 3;

pub(crate) fn operation() -> ErasureOperation {
    ErasureOperation {
        number: 7,
        begun: at(60),
        plan: Some(Digest::from_bytes([0x91; 32])),
        count: items().len() as u64,
        completed: Some(at(61)),
    }
}

pub(crate) fn receipt() -> Receipt {
    Receipt::sign(ReceiptBody::new(account(), &operation(), items()).unwrap(), &keys()).unwrap()
}

/// An event of each sort.
pub(crate) fn events() -> Vec<AuditEvent> {
    let in_project = Some(project(1));
    let image =
        AuditSubject { id: ImageId::new(at(2), [1; 10]).as_uuid(), commitment: Some(commit(&SALT, PHOTO)) };
    let policy = RetentionPolicy {
        training_photos: RetentionRule::Until { until: at(10_000) },
        features: RetentionRule::NotAtAll,
        ..RetentionPolicy::default()
    };
    let hold = HoldId::new(at(6), [7; 10]);
    let digest = Digest::from_bytes([0x77; 32]);
    vec![
        AuditEvent::new(AuditAction::ProjectCreated, in_project),
        AuditEvent::new(AuditAction::ImagesAdded, in_project).with([image]),
        AuditEvent::new(AuditAction::RetentionSet { policy }, in_project),
        AuditEvent::new(AuditAction::AccountPolicySet { policy: AccountPolicy::default() }, None),
        AuditEvent::new(AuditAction::HoldPlaced, in_project).with([hold.as_uuid().into()]),
        AuditEvent::new(AuditAction::ErasureRefused { holds: vec![hold] }, in_project),
        AuditEvent::new(AuditAction::HoldReleased, in_project).with([hold.as_uuid().into()]),
        AuditEvent::new(AuditAction::Erased { operation: 7, count: 11, digest }, in_project),
        AuditEvent::new(AuditAction::ReceiptMade { operation: 7, digest: receipt().digest().unwrap() }, None),
    ]
}

pub(crate) fn entry(seq: u64, event: AuditEvent) -> AuditEntry {
    AuditEntry { seq, at: at(i64::try_from(seq).unwrap()), event }
}

/// The entries of the whole log, from the first on.
pub(crate) fn chained() -> Vec<ChainedEntry> {
    let mut chain = AuditChain::new(account());
    (1..).zip(events()).map(|(seq, event)| chain.append(entry(seq, event)).unwrap()).collect()
}

pub(crate) fn log() -> AuditLog {
    AuditLog { account: account(), checkpoint: None, entries: chained() }
}

/// The same log after its first entries, up to this one, were replaced.
pub(crate) fn log_after(through: usize) -> AuditLog {
    let mut entries = log();
    entries.entries.truncate(through);
    let checkpoint = Checkpoint::sign(account(), entries.head(), at(100), None, &keys()).unwrap();
    AuditLog { account: account(), checkpoint: Some(checkpoint), entries: chained().split_off(through) }
}
