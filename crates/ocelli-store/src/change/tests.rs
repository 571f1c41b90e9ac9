use ocelli_core::{AuditAction, Description, HoldTarget, TagType};

use super::*;
use crate::conformance::Fresh;
use crate::conformance::scene::{Scene, at, name};
use crate::{FeatureKey, MemoryStore, StoreOptions};

/// Whether the change adds and takes nothing away, and its number among all kinds: a new kind does not compile here.
fn kind(change: &Change) -> (usize, bool) {
    match change {
        Change::CreateProject { .. } => (0, true),
        Change::UpdateProject { .. } => (1, false),
        Change::DeleteProject { .. } => (2, true),
        Change::RestoreProject { .. } => (3, true),
        Change::EraseProject { .. } => (4, false),
        Change::CreateTag { .. } => (5, true),
        Change::UpdateTag { .. } => (6, false),
        Change::DeleteTag { .. } => (7, false),
        Change::AddImages { .. } => (8, true),
        Change::DeleteImages { .. } => (9, false),
        Change::TagImages { .. } => (10, true),
        Change::UntagImages { .. } => (11, false),
        Change::AddRegions { .. } => (12, true),
        Change::DeleteRegions { .. } => (13, false),
        Change::SetMetadata { .. } => (14, false),
        Change::CacheFeatures { .. } => (15, true),
        Change::KeepCalibration { .. } => (16, false),
        Change::BeginTraining { .. } => (17, true),
        Change::CompleteTraining { .. } => (18, true),
        Change::FailTraining { .. } => (19, true),
        Change::RenameIteration { .. } => (20, false),
        Change::Publish { .. } => (21, false),
        Change::Unpublish { .. } => (22, false),
        Change::DeleteIteration { .. } => (23, false),
        Change::KeepExport { .. } => (24, true),
        Change::DeleteExport { .. } => (25, false),
        Change::KeepPrediction { .. } => (26, true),
        Change::DeletePredictions { .. } => (27, false),
        Change::UsePredictions { .. } => (28, false),
        Change::ReapplyErasures { .. } => (29, false),
        Change::SetRetention { .. } => (30, true),
        Change::SetAccountPolicy { .. } => (31, true),
        Change::LatchDue { .. } => (32, true),
        Change::CloseAccount { .. } => (33, true),
        Change::ReopenAccount { .. } => (34, true),
        Change::PlaceHold { .. } => (35, true),
        Change::ReleaseHold { .. } => (36, false),
        Change::BeginErasure { .. } => (37, true),
        Change::EraseItems { .. } => (38, false),
        Change::CompleteErasures { .. } => (39, true),
        Change::KeepReceipt { .. } => (40, true),
        Change::ExpireAudit { .. } => (41, false),
        Change::Audit { .. } => (42, true),
        Change::KeepCheckpoint { .. } => (43, true),
        Change::ResumeTraining { .. } => (44, true),
    }
}

#[test]
fn every_kind_is_known_to_take_something_away_or_not() {
    let make = |options: StoreOptions| Fresh {
        store: std::sync::Arc::new(MemoryStore::new(options)),
        keep: Box::new(()),
    };
    let scene = Scene::new(make);
    let (project, at) = (scene.project, at(1));
    let (tag, image) = (TagId::new(at, [1; 10]), ImageId::new(at, [1; 10]));
    let (iteration, export) = (IterationId::new(at, [1; 10]), ExportId::new(at, [1; 10]));
    let metadata = Metadata::default();
    let changes = [
        scene.creation(project, 1),
        Change::UpdateProject { project, update: ProjectUpdate::default(), at },
        Change::DeleteProject { project, at },
        Change::RestoreProject { project, at },
        Change::EraseProject { project, at },
        Change::CreateTag { project, tag: scene.new_tag("oak", TagType::Regular) },
        Change::UpdateTag { project, tag, update: TagUpdate::default() },
        scene.deletion_of_tag(tag),
        Change::AddImages { project, images: Vec::new() },
        scene.deletion_of_images(&[image]),
        scene.tagging(&[]),
        Change::UntagImages { project, images: Vec::new(), tags: Vec::new() },
        Change::AddRegions { project, regions: Vec::new() },
        scene.deletion_of_regions(&[]),
        Change::SetMetadata { project, image, metadata, at },
        Change::CacheFeatures { project, key: FeatureKey::f32("base"), features: Vec::new() },
        scene.calibrating("base", 1),
        scene.beginning(None),
        scene.completion(iteration, 1),
        Change::FailTraining { project, iteration, failure: TrainingFailure::Stopped, at },
        Change::RenameIteration { project, iteration, name: name("first"), at },
        scene.publication(iteration, "live", false),
        Change::Unpublish { project, iteration, at },
        scene.deletion_of_iteration(iteration),
        scene.keeping(&scene.new_export(iteration), &[]),
        scene.deletion_of_export(export),
        scene.keeping_prediction(&scene.answer(1, &[]), b""),
        Change::DeletePredictions { project, predictions: Vec::new(), at },
        Change::UsePredictions { project, predictions: Vec::new(), at },
        Change::ReapplyErasures { erasures: Vec::new(), affected: Affected::Keep },
        Change::SetRetention { project, policy: RetentionPolicy::default(), at },
        Change::SetAccountPolicy { policy: AccountPolicy::default(), at },
        Change::LatchDue { at },
        Change::CloseAccount { at },
        Change::ReopenAccount { at },
        Change::PlaceHold {
            hold: Hold {
                id: HoldId::new(at, [1; 10]),
                target: HoldTarget::Project { project_id: project },
                reason: Description::default(),
                placed: at,
            },
        },
        Change::ReleaseHold { hold: HoldId::new(at, [1; 10]), at },
        Change::BeginErasure { plan: None, at },
        Change::EraseItems { operation: 1, items: Vec::new(), affected: Affected::Keep, at },
        Change::CompleteErasures { operations: Vec::new(), at },
        Change::KeepReceipt { operation: 1, count: 1, receipt: String::new(), at },
        Change::ExpireAudit { through: 1, checkpoint: String::new(), at },
        Change::Audit { event: AuditEvent::new(AuditAction::Exported, None), at },
        scene.checkpoint(iteration, b"weights", &[]),
        Change::ResumeTraining { project, iteration, at },
    ];
    for (number, change) in changes.iter().enumerate() {
        assert_eq!((number, change.only_adds()), kind(change), "{change:?}");
        // Those that a sweep makes which only add: latching, beginning, completing, keeping the receipt.
        let of_erasing = !change.only_adds() || [32, 37, 39, 40].contains(&number);
        assert_eq!(change.is_of_erasing(), of_erasing, "{change:?}");
    }
}
