//! The audit log: what it says of each change, and what it never says.

use ocelli_core::{
    Affected, AuditAction, AuditEntry, AuditEvent, AuditSubject, Commitment, DataClass, Description, Digest,
    Erased, ErasureReason, ErasureRecord, ErrorCode, HoldTarget, ImageId, Metadata, MetadataFilter, Name,
    Origin, ProjectUpdate, RetentionRule, TagUpdate, TrainingFailure,
};
use ocelli_keys::{canonical_json, chain_hash, chain_start};
use uuid::Uuid;

use super::Make;
use super::control::{TEN_DAYS, about, day, for_ever, on};
use super::scene::{Scene, at, name};
use crate::{Change, FeatureKey, StoreError, StoreOptions, UsedPrediction};

/// What entries say was done, to how many things.
fn actions(entries: &[AuditEntry]) -> Vec<(&AuditAction, usize)> {
    entries.iter().map(|entry| (&entry.event.action, entry.event.subjects.len())).collect()
}

/// The change leaves one entry: of the project, that this was done to these.
fn says(scene: &Scene, change: Change, action: &AuditAction, subjects: &[Uuid]) {
    let (described, (_, entries)) = (format!("{change:?}"), scene.audited(change));
    let subjects = subjects.iter().map(|id| AuditSubject::from(*id));
    let event = AuditEvent::new(action.clone(), Some(scene.project)).with(subjects);
    assert_eq!(entries.iter().map(|entry| &entry.event).collect::<Vec<_>>(), [&event], "{described}");
}

/// The change leaves an entry that tells of what it erased: so many things, the first of its operation.
fn says_erased(scene: &Scene, change: Change, count: u64) {
    let (described, (_, entries)) = (format!("{change:?}"), scene.audited(change));
    let AuditAction::Erased { operation, count: told, digest } = &entries.last().unwrap().event.action else {
        panic!("{described}: {entries:?}")
    };
    let items = scene.store.erased_items(*operation).unwrap();
    assert_eq!(*told, count, "{described}");
    assert_eq!(entries.last().unwrap().event.project_id, Some(scene.project));
    let mut hasher = blake3::Hasher::new();
    // What went with a project may be noted behind that.
    for item in &items[..usize::try_from(count).unwrap()] {
        hasher.update(&canonical_json(item).unwrap()).update(b"\n");
    }
    assert_eq!(*digest, Digest::from_bytes(*hasher.finalize().as_bytes()), "{described}");
}

fn says_nothing(scene: &Scene, change: Change) {
    let (described, (_, entries)) = (format!("{change:?}"), scene.audited(change));
    assert_eq!(entries, [], "{described}");
}

fn used(scene: &Scene, prediction: ocelli_core::PredictionId) -> (ImageId, Change) {
    let image = ImageId::new(at(5), scene.random());
    let used = UsedPrediction { prediction, image, tags: Vec::new(), regions: Vec::new() };
    (image, Change::UsePredictions { project: scene.project, predictions: vec![used], at: at(50) })
}

/// From the account's own beginning on, each entry by its hash to the one before, without a gap.
pub fn the_audit_log_is_a_chain(make: Make) {
    let fresh = make(StoreOptions::default());
    let start = chain_start(fresh.store.account().unwrap().id);
    assert_eq!(fresh.store.audit_head().unwrap(), (0, start));
    assert_eq!(fresh.store.audit(0, 10).unwrap(), crate::AuditPage::default());

    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let _ = scene.erase(scene.deletion_of_images(&[one.image]));
    let mut previous = chain_start(scene.store.account().unwrap().id);
    let page = scene.store.audit(0, 1000).unwrap();
    assert!(page.entries.len() == 8 && page.checkpoint.is_none());
    for (index, (entry, hash)) in page.entries.iter().enumerate() {
        assert_eq!(entry.seq, index as u64 + 1);
        assert_eq!(*hash, chain_hash(&previous, entry).unwrap(), "{entry:?}");
        previous = *hash;
    }
    assert_eq!(scene.store.audit_head().unwrap(), (page.entries.len() as u64, previous));
    let (last, _) = page.entries.last().unwrap();
    assert_eq!(scene.store.audit(last.seq, 10).unwrap().entries, []);
    assert_eq!(scene.store.audit(3, 4).unwrap().entries, page.entries[3..7]);
    assert_eq!(scene.store.audit(3, 0).unwrap().entries, []);
}

/// By the store's clock, whatever the change says.
pub fn entries_have_the_time_of_the_store(make: Make) {
    let scene = Scene::new(make);
    scene.set_clock(on(3, 7));
    let (_, entries) = scene.audited(scene.creation(scene.new_project(), 1));
    assert_eq!(entries[0].at, on(3, 7));
}

/// Of projects, tags, photos and their metadata.
pub fn changes_of_photos_and_tags_leave_their_entries(make: Make) {
    let mut scene = Scene::new(make);
    scene.project = scene.new_project();
    let project = scene.project;
    says(&scene, scene.creation(project, 1), &AuditAction::ProjectCreated, &[]);
    let update = ProjectUpdate { name: Some(name("Bushes")), ..ProjectUpdate::default() };
    says(&scene, Change::UpdateProject { project, update, at: at(1) }, &AuditAction::ProjectUpdated, &[]);
    let tag = scene.new_tag("oak", ocelli_core::TagType::Regular);
    let oak = tag.id;
    says(&scene, Change::CreateTag { project, tag }, &AuditAction::TagCreated, &[oak.as_uuid()]);
    let update = TagUpdate { name: Some(name("ash")), ..TagUpdate::default() };
    says(&scene, Change::UpdateTag { project, tag: oak, update }, &AuditAction::TagUpdated, &[oak.as_uuid()]);

    let known = scene.image(b"known", &[]);
    let bytes = [b"new 1", b"new 2", b"known"];
    let images = bytes.map(|bytes| scene.new_image(bytes, &[oak])).to_vec();
    let subject = |new: &crate::NewImage| AuditSubject {
        id: new.image.id.as_uuid(),
        commitment: Some(ocelli_keys::commit(&new.salt, &new.bytes)),
    };
    let added = images[..2].iter().map(subject).collect::<Vec<_>>();
    let (one, two) = (images[0].image.id, images[1].image.id);
    let (_, entries) = scene.audited(Change::AddImages { project, images });
    assert_eq!(entries[0].event, AuditEvent::new(AuditAction::ImagesAdded, Some(project)).with(added));
    let joined = AuditEvent::new(AuditAction::ImagesTagged, Some(project)).with([known.as_uuid().into()]);
    assert_eq!((&entries[1].event, entries.len()), (&joined, 2));
    let elm = scene.tag("elm");
    let both = [one, two].map(|id| id.as_uuid());
    says(&scene, scene.tagging(&[(one, elm), (two, elm)]), &AuditAction::ImagesTagged, &both);
    let untagging = Change::UntagImages { project, images: vec![one], tags: vec![elm] };
    says(&scene, untagging, &AuditAction::ImagesUntagged, &both[..1]);
    let region = scene.region(elm, 1);
    let id = region.id;
    let drawing = Change::AddRegions { project, regions: vec![(one, region)] };
    says(&scene, drawing, &AuditAction::RegionsAdded, &[id.as_uuid()]);
    says_erased(&scene, scene.deletion_of_regions(&[id]), 1);
    says(&scene, scene.setting_metadata(one, about("ann")), &AuditAction::MetadataSet, &both[..1]);
    let (_, entries) = scene.audited(scene.setting_metadata(one, about("bob")));
    assert!(matches!(
        actions(&entries)[..],
        [(AuditAction::MetadataSet, 1), (AuditAction::Erased { count: 1, .. }, 0)]
    ));
    says_erased(&scene, scene.deletion_of_images(&[one, two]), 2);
    says_erased(&scene, scene.deletion_of_tag(elm), 1);
    says(&scene, scene.deletion(), &AuditAction::ProjectDeleted, &[]);
    says(&scene, Change::RestoreProject { project, at: at(2) }, &AuditAction::ProjectRestored, &[]);
    says_erased(&scene, scene.erasure_of_project(), 1);
}

/// Of iterations, exports and kept predictions.
pub fn changes_of_iterations_and_predictions_leave_their_entries(make: Make) {
    use AuditAction as Did;
    let scene = Scene::new(make);
    let project = scene.project;
    let change = scene.beginning(None);
    let Change::BeginTraining { iteration: new } = &change else { panic!("{change:?}") };
    let (id, uuid) = (new.id, new.id.as_uuid());
    says(&scene, change, &Did::TrainingBegun, &[uuid]);
    says(&scene, scene.completion(id, 1), &Did::TrainingCompleted, &[uuid]);
    let failed = scene.begin(None).id;
    let failing =
        Change::FailTraining { project, iteration: failed, failure: TrainingFailure::Stopped, at: at(1) };
    says(&scene, failing, &Did::TrainingFailed, &[failed.as_uuid()]);
    let resumed = scene.begin(None).id;
    says_nothing(&scene, scene.checkpoint(resumed, b"weights", &[]));
    says(&scene, scene.resumption(resumed), &Did::TrainingResumed, &[resumed.as_uuid()]);
    let renaming = Change::RenameIteration { project, iteration: id, name: name("first"), at: at(1) };
    says(&scene, renaming, &Did::IterationRenamed, &[uuid]);
    says(&scene, scene.publication(id, "live", false), &Did::Published, &[uuid]);
    let unpublishing = Change::Unpublish { project, iteration: id, at: at(1) };
    says(&scene, unpublishing, &Did::Unpublished, &[uuid]);
    let export = scene.new_export(id);
    let keeping = scene.keeping(&export, &[("model.onnx", b"model")]);
    says(&scene, keeping, &Did::ExportKept, &[export.id.as_uuid()]);
    says_erased(&scene, scene.deletion_of_export(export.id), 1);
    scene.export(id, &[("model.onnx", b"model")]);
    says_erased(&scene, scene.deletion_of_iteration(id), 2);

    let committed = |id, item| scene.store.commitment(project, item).ok().map(|(_, of)| (id, of)).unwrap();
    let subject = |(id, of): (Uuid, Commitment)| AuditSubject { id, commitment: Some(of) };
    let answer = scene.answer(0, &[]);
    let kept = answer.prediction.id;
    let (_, entries) = scene.audited(scene.keeping_prediction(&answer, b"a"));
    let of = committed(kept.as_uuid(), Erased::Prediction(kept));
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].event, AuditEvent::new(Did::PredictionKept, Some(project)).with([subject(of)]));
    let (image, using) = used(&scene, kept);
    let (_, entries) = scene.audited(using);
    let moved = AuditEvent::new(Did::PredictionsUsed, Some(project)).with([kept.as_uuid().into()]);
    let added = AuditEvent::new(Did::ImagesAdded, Some(project)).with([subject((image.as_uuid(), of.1))]);
    assert_eq!(entries.iter().map(|entry| &entry.event).collect::<Vec<_>>(), [&moved, &added]);
    let joining = scene.keep(&scene.answer(1, &[]), b"a");
    let (_, entries) = scene.audited(used(&scene, joining).1);
    assert!(matches!(actions(&entries)[..], [(Did::PredictionsUsed, 1), (Did::Erased { count: 1, .. }, 0)]));
    let other = scene.keep(&scene.answer(2, &[]), b"b");
    says_erased(&scene, scene.deletion_of_predictions(&[other]), 1);
    let record = ErasureRecord { at: at(9), project_id: project, erased: Erased::Image(image) };
    let again = Change::ReapplyErasures { erasures: vec![record], affected: Affected::Keep };
    says_erased(&scene, again, 1);
}

/// Of policies, holds, operations and the account.
pub fn changes_of_what_is_kept_leave_their_entries(make: Make) {
    use AuditAction as Did;
    let scene = Scene::new(make);
    let (project, one) = (scene.project, scene.one(0, "ann"));
    let of_account = |change: Change, action: Did, subjects: &[Uuid]| {
        let (described, (_, entries)) = (format!("{change:?}"), scene.audited(change));
        let subjects = subjects.iter().map(|id| AuditSubject::from(*id));
        let expected = AuditEvent::new(action, None).with(subjects);
        assert_eq!(entries.iter().map(|entry| &entry.event).collect::<Vec<_>>(), [&expected], "{described}");
    };
    let policy = for_ever();
    let setting = Change::SetRetention { project, policy: policy.clone(), at: at(1) };
    says(&scene, setting, &Did::RetentionSet { policy }, &[]);
    let policy = ocelli_core::AccountPolicy { deleted_projects: TEN_DAYS, ..Default::default() };
    let setting = Change::SetAccountPolicy { policy: policy.clone(), at: at(1) };
    of_account(setting, Did::AccountPolicySet { policy }, &[]);

    let hold = scene.new_hold(HoldTarget::Image { project_id: project, image_id: one.image });
    let id = hold.id;
    let placed = [id.as_uuid(), one.image.as_uuid()];
    says(&scene, Change::PlaceHold { hold }, &Did::HoldPlaced, &placed);
    of_account(Change::ReleaseHold { hold: id, at: at(1) }, Did::HoldReleased, &[id.as_uuid()]);
    let filter = super::control::who("ann");
    let hold = scene.new_hold(HoldTarget::Metadata { project_id: None, filter });
    let id = hold.id;
    of_account(Change::PlaceHold { hold }, Did::HoldPlaced, &[id.as_uuid()]);

    let plan = Some(Digest::from_bytes([7; 32]));
    let beginning = Change::BeginErasure { plan, at: at(1) };
    of_account(beginning, Did::ErasureBegun { operation: 1, plan }, &[]);
    let items = [(one.item(DataClass::Export), ErasureReason::Requested)];
    says_erased(&scene, scene.erasing(1, &items), 1);
    says_nothing(&scene, scene.erasing(1, &items));
    let held = [
        (Erased::Image(one.image), ErasureReason::Requested),
        (Erased::Iteration(one.iteration), items[0].1),
    ];
    let (_, entries) = scene.audited(scene.erasing(1, &held));
    let refused = AuditEvent::new(Did::ErasureRefused { holds: vec![id] }, Some(project));
    assert_eq!(entries[0].event, refused.with([one.image.as_uuid().into()]));
    assert!(matches!(actions(&entries)[1..], [(Did::Erased { operation: 1, count: 1, .. }, 0)]));
    let operations = scene.store.operations(0, 10).unwrap();
    says_nothing(&scene, Change::CompleteErasures { operations: operations.clone(), at: at(1) });
    let digest = Digest::from_bytes(*blake3::hash(b"{}").as_bytes());
    let keeping = || Change::KeepReceipt {
        operation: 1,
        count: operations[0].count,
        receipt: "{}".to_owned(),
        at: at(1),
    };
    of_account(keeping(), Did::ReceiptMade { operation: 1, digest }, &[]);
    says_nothing(&scene, keeping());
    of_account(Change::CloseAccount { at: at(1) }, Did::AccountClosed, &[]);
    of_account(Change::ReopenAccount { at: at(1) }, Did::AccountReopened, &[]);
    let event = AuditEvent::new(Did::Exported, Some(project)).with([one.image.as_uuid().into()]);
    says(&scene, Change::Audit { event, at: at(1) }, &Did::Exported, &[one.image.as_uuid()]);
}

/// That one lost its name to another, was unpublished by an erasure, or had lost its process.
pub fn what_a_change_does_to_other_iterations_leaves_its_entries(make: Make) {
    let scene = Scene::new(make);
    let tag = scene.tag("oak");
    let image = scene.image(b"a", &[tag]);
    let [first, second] = [1, 2].map(|seed| scene.complete_on(seed, &[(image, tag)]));
    scene.apply(scene.publication(first, "live", false));
    let told = |change, action: AuditAction| -> Vec<Uuid> {
        let (_, entries) = scene.audited(change);
        let found = entries.iter().filter(|entry| entry.event.action == action);
        found.flat_map(|entry| entry.event.subjects.iter().map(|subject| subject.id)).collect()
    };
    let overwritten = told(scene.publication(second, "live", true), AuditAction::Unpublished);
    assert_eq!(overwritten, [first.as_uuid()]);
    let erasing = scene.deletion_of_images_with(&[image], Affected::Unpublish);
    assert_eq!(told(erasing, AuditAction::Unpublished), [second.as_uuid()]);
    let interrupted = scene.begin(None).id;
    assert_eq!(told(scene.beginning(None), AuditAction::TrainingFailed), [interrupted.as_uuid()]);
}

/// For each project, with all that holds keep there.
pub fn what_is_refused_in_steps_leaves_one_entry(make: Make) {
    let scene = Scene::new(make);
    let (one, other) = (scene.one(0, "ann"), scene.one(1, "bob"));
    let holds = [scene.hold_image(one.image), scene.hold_image(other.image)];
    let items = [one.image, other.image].map(|image| (Erased::Image(image), ErasureReason::Requested));
    let operation = scene.begin_erasure();
    let (_, entries) = scene.audited(scene.erasing(operation, &items));
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.event.action, AuditAction::ErasureRefused { holds: holds.into() });
    let subjects: Vec<Uuid> = entry.event.subjects.iter().map(|subject| subject.id).collect();
    assert_eq!(subjects, [one.image.as_uuid(), other.image.as_uuid()]);
}

/// Of what can be computed again, and of what was so before.
pub fn what_changes_nothing_leaves_no_entry(make: Make) {
    let scene = Scene::new(make);
    let (project, one) = (scene.project, scene.one(0, "ann"));
    let elm = scene.tag("elm");
    says_nothing(&scene, scene.caching(one.image));
    says_nothing(&scene, scene.calibrating("base", 1));
    says_nothing(&scene, Change::LatchDue { at: at(1) });
    says_nothing(&scene, scene.setting_metadata(one.image, about("ann")));
    says_nothing(&scene, scene.tagging(&[(one.image, one.tag)]));
    says_nothing(&scene, Change::UntagImages { project, images: vec![one.image], tags: vec![elm] });
    says_nothing(&scene, Change::RestoreProject { project, at: at(1) });
    says_nothing(&scene, Change::ReopenAccount { at: at(1) });
    let duplicate = scene.new_image(b"photo 0 ann", &[one.tag]);
    says_nothing(&scene, Change::AddImages { project, images: vec![duplicate] });
    let refused = scene.new_image(b"new", &[ocelli_core::TagId::new(at(0), [9; 10])]);
    says_nothing(&scene, Change::AddImages { project, images: vec![refused] });
}

/// But for those that a hold refuses.
pub fn failed_changes_leave_no_entry(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    let nobody = ImageId::new(at(0), [0xff; 10]);
    let head = scene.store.audit_head().unwrap();
    scene.refuse(scene.deletion_of_images(&[one.image, nobody]));
    scene.refuse(scene.creation(scene.project, 1));
    scene.refuse(scene.erasing(7, &[]));
    scene.refuse(Change::ReleaseHold { hold: ocelli_core::HoldId::new(at(0), [9; 10]), at: at(1) });
    scene.refuse(scene.completion(one.iteration, 1));
    assert_eq!(scene.store.audit_head().unwrap(), head);
    let hold = scene.hold_image(one.image);
    assert!(matches!(scene.refuse(scene.deletion_of_images(&[one.image])), StoreError::Held { .. }));
    let last = scene.audit().pop().unwrap();
    assert_eq!(
        (last.seq, last.event.action),
        (head.0 + 2, AuditAction::ErasureRefused { holds: vec![hold] })
    );
}

/// Ids and commitments only: no name, no metadata, no expression, no message, no reason.
pub fn the_audit_log_holds_no_content(make: Make) {
    const SECRET: &str = "sesame";
    let mut scene = Scene::new(make);
    scene.project = scene.new_project();
    let project = scene.project;
    let secret = || Name::new(SECRET).unwrap();
    let description = || Description::new(SECRET).unwrap();
    let metadata = Metadata::new([(SECRET.to_owned(), SECRET.to_owned())].into()).unwrap();
    let Change::CreateProject { project: mut new, key } = scene.creation(project, 1) else { return };
    (new.name, new.description) = (secret(), description());
    scene.apply(Change::CreateProject { project: new, key });
    let mut tag = scene.new_tag(SECRET, ocelli_core::TagType::Regular);
    (tag.description, tag.name) = (description(), secret());
    let oak = tag.id;
    scene.apply(Change::CreateTag { project, tag });
    let mut new = scene.new_image(SECRET.as_bytes(), &[oak]);
    new.image.metadata = metadata.clone();
    new.image.origin = Origin::Upload { name: Some(SECRET.to_owned()) };
    let image = new.image.id;
    scene.add(vec![new]).remove(0).unwrap();
    let key = FeatureKey::f32(SECRET);
    scene.apply(Change::CacheFeatures { project, key, features: vec![(image, vec![1.0])] });
    let mut answer = scene.answer(1, &[(oak, 0.5)]);
    (answer.metadata, answer.application, answer.publish_name) = (metadata, Some(secret()), Some(secret()));
    answer.prediction.predictions[0].tag_name = secret();
    let prediction = scene.keep(&answer, SECRET.as_bytes());
    let begun = scene.begin(Some(SECRET)).id;
    let message = SECRET.to_owned();
    let failure = TrainingFailure::Error { code: ErrorCode::ErrorUnknown, message };
    scene.apply(Change::FailTraining { project, iteration: begun, failure, at: at(1) });
    let iteration = scene.complete(1);
    scene.apply(Change::RenameIteration { project, iteration, name: name("sesame 2"), at: at(1) });
    scene.apply(scene.publication(iteration, SECRET, false));
    scene.apply(Change::Unpublish { project, iteration, at: at(1) });
    let mut export = scene.new_export(iteration);
    export.flavor = Some(secret());
    scene.apply(scene.keeping(&export, &[(SECRET, SECRET.as_bytes())]));
    let filter = MetadataFilter::eq(SECRET, SECRET).unwrap();
    let mut hold = scene.new_hold(HoldTarget::Metadata { project_id: Some(project), filter });
    hold.reason = description();
    let id = hold.id;
    scene.apply(Change::PlaceHold { hold });
    scene.refuse(scene.deletion_of_images(&[image]));
    scene.release(id);
    let _ = scene.erase(scene.setting_metadata(image, about(SECRET)));
    let _ = scene.erase(scene.deletion_of_predictions(&[prediction]));
    let _ = scene.erase(scene.deletion_of_images(&[image]));
    let operations = scene.store.operations(0, 10).unwrap();
    scene.apply(Change::CompleteErasures { operations: operations.clone(), at: at(1) });
    scene.apply(Change::KeepReceipt {
        operation: 1,
        count: operations[0].count,
        receipt: SECRET.to_owned(),
        at: at(1),
    });
    let _ = scene.erase(scene.deletion_of_tag(oak));
    let _ = scene.erase(scene.erasure_of_project());
    let entries = scene.audit();
    assert!(entries.len() > 20);
    for entry in entries {
        let json = String::from_utf8(canonical_json(&entry).unwrap()).unwrap();
        assert!(!json.to_lowercase().contains(SECRET), "{json}");
    }
}

fn expiring(through: u64, checkpoint: &str) -> Change {
    Change::ExpireAudit { through, checkpoint: checkpoint.to_owned(), at: at(96) }
}

/// Those at the beginning that are due, and no others; the chain goes on from the last of them.
pub fn due_entries_are_replaced_by_a_checkpoint(make: Make) {
    let scene = Scene::new(make);
    let not_due = |through| {
        let refused = scene.refuse(expiring(through, "early"));
        assert!(matches!(refused, StoreError::AuditNotDue(found) if found == through), "{refused:?}");
    };
    not_due(1);
    scene.set_account_policy(|policy| policy.audit_entries = TEN_DAYS);
    scene.go_to(5);
    scene.tag("oak");
    let all = scene.store.audit(0, 100).unwrap();
    assert_eq!(all.entries.len(), 3);
    scene.set_clock(on(10, -1));
    not_due(2);
    scene.go_to(10);
    for through in [3, 4, 100] {
        not_due(through);
    }
    assert_eq!(scene.store.audit(0, 100).unwrap(), all, "due, they are there until then");
    let (_, entries) = scene.audited(expiring(2, "signed"));
    assert!(matches!(actions(&entries)[..], [(AuditAction::EntriesExpired { through: 2 }, 0)]));
    let page = scene.store.audit(0, 100).unwrap();
    assert_eq!(page.checkpoint.as_deref(), Some("signed"));
    assert_eq!(page.entries.iter().map(|(entry, _)| entry.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(page.entries[0], all.entries[2]);
    assert_eq!(page.entries[1].1, chain_hash(&all.entries[2].1, &page.entries[1].0).unwrap());
    let head = scene.store.audit_head().unwrap();
    assert_eq!(head, (4, page.entries[1].1));
    says_nothing(&scene, expiring(2, "again"));
    assert_eq!(scene.store.audit(0, 100).unwrap(), page, "there is nothing left to replace");

    scene.go_to(20);
    scene.apply(expiring(4, "second"));
    let page = scene.store.audit(0, 100).unwrap();
    assert_eq!((page.checkpoint.as_deref(), page.entries.len()), (Some("second"), 1));
    assert_eq!((page.entries[0].0.seq, page.entries[0].0.at), (5, day(20)));
    assert_eq!(page.entries[0].1, chain_hash(&head.1, &page.entries[0].0).unwrap());
}

/// As of everything else: a longer policy does not make them stay.
pub fn entries_that_were_due_stay_so(make: Make) {
    let scene = Scene::new(make);
    scene.set_account_policy(|policy| policy.audit_entries = TEN_DAYS);
    scene.go_to(10);
    scene.set_account_policy(|policy| policy.audit_entries = RetentionRule::Forever);
    scene.apply(expiring(2, "signed"));
    assert_eq!(scene.audit()[0].seq, 3);
    assert!(matches!(scene.refuse(expiring(3, "more")), StoreError::AuditNotDue(3)));
}
