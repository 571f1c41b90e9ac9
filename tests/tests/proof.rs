//! Receipts and the audit log of a data directory: they prove what was erased, and hold no content.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use ocelli::{
    AccountPolicy, Affected, AuditLog, Budget, DataKey, Erased, Error, HoldTarget, Keep, KeyError,
    KeyProvider, Keys, MembershipProof, Metadata, NewProject, Ocelli, OnnxInput, OpenOptions, Plan,
    ProofError, PublicKey, Receipt, RetentionPolicy, RetentionRule, Signature, StoreError, TrainOptions,
    Upload, verify_photo,
};
use ocelli_tests::{Scene, real, unseen};

const SECRETS: [&str; 9] = [
    "projectname-q1",
    "taguniquename-q2",
    "photoname-q3",
    "metadatakey-q4",
    "metadatavalue-q5",
    "iterationname-q6",
    "publication-q7",
    "application-q8",
    "holdreason-q9",
];

fn options() -> OpenOptions {
    OpenOptions::new().keys(Keys::from_random([5; 64]))
}

fn secret() -> Metadata {
    Metadata::new([(SECRETS[3].to_owned(), SECRETS[4].to_owned())].into()).unwrap()
}

/// Everything that can happen to a project happens to one, whose every name and text is a secret.
fn live_through(scene: &Scene) {
    let ocelli = &scene.ocelli;
    let project = ocelli.create_project(NewProject::new(SECRETS[0]).multiclass()).unwrap();
    let tag = project.create_tag(SECRETS[1]).unwrap().id;
    let other = project.create_tag("other").unwrap().id;
    for (kind, tag) in [("fish", tag), ("windmill", other)] {
        let uploads = real(kind, 5)
            .into_iter()
            .map(|bytes| Upload::bytes(bytes).named(SECRETS[2]).metadata(secret()).tag(tag));
        assert!(project.add_images(uploads.collect()).unwrap().is_batch_successful());
    }
    let name = Some(ocelli::Name::new(SECRETS[5]).unwrap());
    let iteration = project.train(&TrainOptions { int8: false, name, ..TrainOptions::default() }).unwrap();
    iteration.publish(SECRETS[6]).unwrap();
    let keep = Keep::by(ocelli::Name::new(SECRETS[7]).unwrap()).with_metadata(secret());
    project.predict_with(SECRETS[6], &unseen("fish"), keep).unwrap();
    iteration.keep_export(OnnxInput::Tensor).unwrap();
    let filter = format!("{} eq '{}'", SECRETS[3], SECRETS[4]).parse::<ocelli::MetadataFilter>().unwrap();
    let target = HoldTarget::Metadata { project_id: None, filter: filter.clone() };
    let hold = ocelli.place_hold(target, SECRETS[8]).unwrap().id;
    let image = project.images(&Default::default()).unwrap()[0].id;
    assert!(project.delete_images(vec![image]).is_err());
    assert_eq!(ocelli.erase_person(&filter, Affected::Keep).unwrap().held.len(), 11);
    ocelli.release_hold(hold).unwrap();
    assert!(project.delete_images(vec![image]).unwrap().status.is_complete());
    project
        .set_retention(RetentionPolicy { training_photos: RetentionRule::days(5), ..Default::default() })
        .unwrap();
    scene.pass_days(5);
    let plan = ocelli.plan(ocelli::Clock::now(&scene.clock)).unwrap();
    assert_eq!(plan.items().len(), 9);
    check_free_of_secrets("the plan", &serde_json::to_vec(&plan).unwrap());
    assert_eq!(serde_json::from_slice::<Plan>(&serde_json::to_vec(&plan).unwrap()).unwrap(), plan);
    assert_eq!(ocelli.execute(&plan, Affected::Unpublish).unwrap().erased, 9);
    assert_eq!(ocelli.erase_person(&filter, Affected::Delete).unwrap().erased.len(), 1);
    assert!(ocelli.erase_project(project.id()).unwrap().status.is_complete());
}

fn check_free_of_secrets(what: &str, bytes: &[u8]) {
    for secret in SECRETS {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in {what}");
    }
}

#[test]
fn receipts_the_audit_log_and_the_log_of_erasures_hold_no_content_and_verify() {
    for scene in [Scene::in_memory_with(options()), Scene::in_directory_with(options())] {
        live_through(&scene);
        let (ocelli, public_key) = (&scene.ocelli, scene.ocelli.public_key().unwrap());
        let operations = ocelli.erasure_operations(0, 1000).unwrap();
        assert!(operations.len() >= 4, "{operations:?}");
        for operation in operations {
            let items = ocelli.erased_items(operation.number).unwrap();
            assert_eq!(items.len() as u64, operation.count);
            check_free_of_secrets("the log of erasures", &serde_json::to_vec(&items).unwrap());
            let receipt = ocelli.receipt(operation.number);
            if items.is_empty() {
                // Everything in it was held.
                let error = receipt.unwrap_err();
                assert!(matches!(error, Error::Proof(ProofError::NothingErased { .. })), "{error}");
                continue;
            }
            let json = receipt.unwrap().to_json().unwrap();
            check_free_of_secrets("a receipt", &json);
            let receipt = Receipt::from_json(&json).unwrap();
            receipt.verify(&public_key).unwrap();
            for (item, index) in items.iter().zip(0..) {
                let proof: MembershipProof = receipt.prove(&items, index).unwrap();
                receipt.verify_member(item, &proof).unwrap();
            }
        }
        let log = ocelli.audit_log().unwrap();
        let text = log.to_text().unwrap();
        check_free_of_secrets("the audit log", text.as_bytes());
        let read = AuditLog::from_text(text.as_bytes()).unwrap();
        read.verify(Some(&public_key), Some(&ocelli.audit_head().unwrap())).unwrap();
        assert_eq!(read, log);
        assert!(log.entries.len() > 20);
        check_free_of_secrets(
            "erasures",
            &serde_json::to_vec(&ocelli.erasures(ocelli::Timestamp::from_millis(0)).unwrap()).unwrap(),
        );
    }
}

#[test]
fn who_kept_salt_and_photo_can_show_which_erasure_took_it() {
    let scene = Scene::in_directory_with(options());
    let project = scene.ocelli.create_project(NewProject::new("shown")).unwrap();
    let image = project.add_image(unseen("fish"), &[]).unwrap().image.id;
    let bytes = project.image_bytes(image).unwrap();
    let item = Erased::Image(image);
    let (salt, commitment) = scene.ocelli.commitment(project.id(), item).unwrap();
    let erasure = project.delete_images(vec![image]).unwrap();
    let items = scene.ocelli.erased_items(erasure.operation.unwrap()).unwrap();
    assert_eq!((items[0].record.erased, items[0].commitment), (item, Some(commitment)));
    verify_photo(&items[0], &salt, &bytes).unwrap();
    verify_photo(&items[0], &salt, &unseen("windmill")).unwrap_err();
    assert!(scene.ocelli.commitment(project.id(), item).is_err(), "the salt went with the photo");
    let receipt = scene.ocelli.receipt(erasure.operation.unwrap()).unwrap();
    let proof = receipt.prove(&items, 0).unwrap();
    receipt.verify_member(&items[0], &proof).unwrap();
}

#[test]
fn without_keys_there_is_no_receipt_and_with_them_later_there_is() {
    let scene = Scene::in_directory();
    let project = scene.ocelli.create_project(NewProject::new("later")).unwrap();
    let operation = scene.ocelli.erase_project(project.id()).unwrap().operation.unwrap();
    assert!(matches!(scene.ocelli.receipt(operation), Err(Error::Store(StoreError::NoKeys(_)))));
    assert!(matches!(scene.ocelli.public_key(), Err(Error::Store(StoreError::NoKeys(_)))));
    let reopened = options().clock(scene.clock.clone()).open(scene.path()).unwrap();
    let receipt = reopened.receipt(operation).unwrap();
    receipt.verify(&reopened.public_key().unwrap()).unwrap();
    assert_eq!(scene.ocelli.receipt(operation).unwrap(), receipt, "one that was made is there for all");
    let another = Keys::from_random([6; 64]);
    let another = another.public_key().unwrap();
    assert!(matches!(receipt.verify(&another), Err(ProofError::WrongKey { .. })));
    assert!(reopened.receipt(operation + 1).is_err());
}

#[test]
fn due_entries_are_replaced_by_a_checkpoint_that_an_old_head_is_still_told_from() {
    for scene in [Scene::in_memory_with(options()), Scene::in_directory_with(options())] {
        let ocelli = &scene.ocelli;
        ocelli.create_project(NewProject::new("old")).unwrap();
        let old = ocelli.audit_head().unwrap();
        scene.pass_days(20);
        ocelli.create_project(NewProject::new("new")).unwrap();
        let audit_entries = RetentionRule::days(10);
        ocelli.set_account_policy(AccountPolicy { audit_entries, ..Default::default() }).unwrap();
        let now = ocelli::Clock::now(&scene.clock);
        let unswept = ocelli.audit_log().unwrap();
        assert!(unswept.entries.iter().all(|chained| chained.entry.at > now.plus_days(-10)));
        let swept = ocelli.sweep(now, Budget::default()).unwrap();
        assert_eq!((swept.audit_entries, swept.audit_needs_keys), (old.seq, false));
        let log = ocelli.audit_log().unwrap();
        assert_eq!(log.checkpoint.as_ref().unwrap().through, old);
        let public_key = ocelli.public_key().unwrap();
        log.verify(Some(&public_key), Some(&old)).unwrap();
        log.verify(Some(&public_key), Some(&ocelli.audit_head().unwrap())).unwrap();
    }
}

#[test]
fn the_log_goes_on_in_whatever_handle_writes_it() {
    let scene = Scene::in_directory_with(options());
    let other = options().clock(scene.clock.clone()).open(scene.path()).unwrap();
    for (ocelli, name) in [(&scene.ocelli, "one"), (&other, "two"), (&scene.ocelli, "three")] {
        ocelli.create_project(NewProject::new(name)).unwrap();
    }
    let reopened = Ocelli::open(scene.path()).unwrap();
    let log = reopened.audit_log().unwrap();
    log.verify(None, Some(&other.audit_head().unwrap())).unwrap();
    assert_eq!(log.entries.len(), 3);
    assert_eq!(log.account, scene.ocelli.account().unwrap().id);
}

/// Keys that everything can be done with but signing.
#[derive(Debug)]
struct Unsigning(Keys);

impl KeyProvider for Unsigning {
    fn wrap(&self, key: &DataKey, nonce: [u8; 24]) -> Result<Vec<u8>, KeyError> {
        self.0.wrap(key, nonce)
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<DataKey, KeyError> {
        self.0.unwrap(wrapped)
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, KeyError> {
        Err(KeyError::Missing { path: "the vault".into() })
    }

    fn public_key(&self) -> Result<PublicKey, KeyError> {
        self.0.public_key()
    }
}

#[test]
fn a_sweep_goes_through_where_the_audit_log_cannot_be_shortened() {
    let with = |options: OpenOptions| {
        let scene = Scene::in_directory_with(options);
        let audit_entries = RetentionRule::days(10);
        scene.ocelli.set_account_policy(AccountPolicy { audit_entries, ..Default::default() }).unwrap();
        let project = scene.ocelli.create_project(NewProject::new("short")).unwrap();
        project.add_image(unseen("fish"), &[]).unwrap();
        let policy = RetentionPolicy { training_photos: RetentionRule::days(5), ..Default::default() };
        project.set_retention(policy).unwrap();
        scene.pass_days(20);
        let swept = scene.ocelli.sweep(ocelli::Clock::now(&scene.clock), Budget::default()).unwrap();
        assert_eq!((swept.erased, swept.audit_entries), (1, 0));
        (swept.audit_needs_keys, swept.audit_failure)
    };
    assert_eq!(with(OpenOptions::new()), (true, None));
    let (needs_keys, failure) = with(OpenOptions::new().keys(Unsigning(Keys::from_random([5; 64]))));
    assert!(!needs_keys && failure.as_ref().unwrap().contains("the vault"), "{failure:?}");
}
