use ocelli_core::{ErasedItem, ErasureOperation, ErasureReason, Salt};
use ocelli_keys::KeyProvider;
use ocelli_retention::{
    Completion, MembershipProof, ProofError, Receipt, ReceiptBody, ReceiptKind, verify_photo,
};
use proptest::prelude::*;

use crate::fixture::{self, account, at, items, keys, operation, public_key, receipt};

const NOTHING: [ErasedItem; 0] = [];

fn body(operation: &ErasureOperation) -> Result<ReceiptBody, ProofError> {
    ReceiptBody::new(account(), operation, items())
}

#[test]
fn a_receipt_counts_its_items_by_kind_and_reason() {
    let body = receipt().body;
    assert_eq!((body.items, body.operation, body.account), (11, 7, account()));
    assert_eq!(body.kind, ReceiptKind::Plan { plan_hash: operation().plan.unwrap() });
    assert_eq!(body.projects, [fixture::project(1), fixture::project(2)]);
    assert_eq!((body.completion.requested(), body.completion.completed()), (at(60), at(61)));
    assert_eq!(body.counts.iter().map(|count| count.count).sum::<u64>(), 11);
    let images = body.counts.iter().find(|count| count.kind == "image").unwrap();
    assert_eq!((images.reason, images.count), (ErasureReason::Requested, 1));
}

#[test]
fn an_erasure_that_is_asked_for_has_no_plan() {
    let receipt = body(&ErasureOperation { plan: None, ..operation() }).unwrap();
    assert_eq!(receipt.kind, ReceiptKind::Erasure);
}

#[test]
fn there_is_no_receipt_for_what_is_pending() {
    let error = body(&ErasureOperation { completed: None, ..operation() }).unwrap_err();
    assert!(matches!(error, ProofError::Pending { operation: 7 }), "{error}");
}

#[test]
fn nothing_is_complete_before_it_was_asked_for() {
    let error = body(&ErasureOperation { completed: Some(at(59)), ..operation() }).unwrap_err();
    assert!(matches!(error, ProofError::Contradiction { field: "completed", .. }), "{error}");
    assert!(Completion::new(at(1), at(1)).is_ok());
    let backward = serde_json::json!({ "requested": at(2), "completed": at(1) });
    assert!(serde_json::from_value::<Completion>(backward).is_err());
    assert!(serde_json::from_value::<Completion>(serde_json::json!({ "requested": at(2) })).is_err());
}

#[test]
fn a_receipt_is_for_all_items_of_its_operation() {
    let error = ReceiptBody::new(account(), &operation(), &items()[1..]).unwrap_err();
    assert!(matches!(error, ProofError::Contradiction { field: "items", .. }), "{error}");
}

#[test]
fn an_erasure_of_nothing_has_a_receipt_and_no_members() {
    let nothing = ErasureOperation { count: 0, ..operation() };
    let body = ReceiptBody::new(account(), &nothing, NOTHING).unwrap();
    assert_eq!(
        body.merkle_root.to_string(),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
    let receipt = Receipt::sign(body, &keys()).unwrap();
    receipt.verify(&public_key()).unwrap();
    let error = receipt.prove(NOTHING, 0).unwrap_err();
    assert!(matches!(error, ProofError::NoSuchItem { index: 0, items: 0 }), "{error}");
}

#[test]
fn a_receipt_of_another_key_is_refused() {
    let other = fixture::other_keys();
    let receipt = Receipt::sign(receipt().body, &other).unwrap();
    receipt.verify(&other.public_key().unwrap()).unwrap();
    let error = receipt.verify(&public_key()).unwrap_err();
    assert!(matches!(error, ProofError::WrongKey { what: "receipt", .. }), "{error}");

    // Naming the right key does not help.
    let posing = Receipt { public_key: public_key(), ..receipt };
    assert!(matches!(posing.verify(&public_key()).unwrap_err(), ProofError::Signature { what: "receipt" }));
}

#[test]
fn counts_that_do_not_add_up_are_refused_even_if_signed() {
    let mut body = receipt().body;
    body.counts[0].count = u64::from(u32::MAX);
    let error = Receipt::sign(body, &keys()).unwrap().verify(&public_key()).unwrap_err();
    assert!(matches!(error, ProofError::Contradiction { field: "counts", .. }), "{error}");
}

#[test]
fn a_receipt_is_read_in_its_one_form_only() {
    let json = String::from_utf8(receipt().to_json().unwrap()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let with = |member: &str, new: serde_json::Value| {
        let mut value = value.clone();
        value[member] = new;
        serde_json::to_string(&value).unwrap()
    };
    let cases = [
        ("spaced", serde_json::to_string_pretty(&value).unwrap()),
        ("ended by a line feed", format!("{json}\n")),
        ("an unknown member", with("zzz", 1.into())),
        ("a member twice", json.replacen('{', "{\"account\":\"x\",", 1)),
        ("an id in upper case", with("account", account().to_string().to_uppercase().into())),
        ("a moment with more digits", with("requested", "2026-05-28T21:26:40.0000Z".into())),
        ("an escape that is not needed", json.replacen("erasure", "\\u0065rasure", 1)),
        ("a number with a fraction", json.replacen("\"items\":11", "\"items\":11.0", 1)),
    ];
    for (case, text) in cases {
        assert_ne!(text, json, "{case}");
        assert!(Receipt::from_json(text.as_bytes()).is_err(), "{case}");
    }
    let error = Receipt::from_json(with("version", 2.into()).as_bytes()).unwrap_err();
    assert!(matches!(error, ProofError::Version { found: 2, supported: 1, .. }), "{error}");
    let error = Receipt::from_json(with("type", "auditCheckpoint".into()).as_bytes()).unwrap_err();
    assert!(matches!(error, ProofError::Malformed { what: "receipt", .. }), "{error}");
}

#[test]
fn a_proof_is_for_one_item_of_one_receipt() {
    let receipt = receipt();
    for (index, item) in (0..).zip(items()) {
        let proof = receipt.prove(items(), index).unwrap();
        receipt.verify_member(&item, &proof).unwrap();
        for (other, stranger) in (0..).zip(items()).filter(|(other, _)| *other != index) {
            let error = receipt.verify_member(&stranger, &proof).unwrap_err();
            assert!(
                matches!(error, ProofError::NotMember { .. }),
                "{other} with the proof of {index}: {error}"
            );
        }
        let mut elsewhere = receipt.clone();
        elsewhere.body.operation = 8;
        let proof = elsewhere.prove(items(), index).unwrap();
        let error = receipt.verify_member(&item, &proof).unwrap_err();
        assert!(matches!(error, ProofError::OtherReceipt { found: 8, expected: 7, .. }), "{error}");
    }
    let error = receipt.prove(items(), 11).unwrap_err();
    assert!(matches!(error, ProofError::NoSuchItem { index: 11, items: 11 }), "{error}");
    let error = receipt.prove(items().into_iter().rev(), 0).unwrap_err();
    assert!(matches!(error, ProofError::OtherItems { .. }), "{error}");
}

#[test]
fn who_kept_a_photo_and_its_salt_can_show_that_it_was_erased() {
    let item = items()[3];
    verify_photo(&item, &fixture::SALT, fixture::PHOTO).unwrap();
    let wrong_salt = verify_photo(&item, &Salt::from_bytes([0; 32]), fixture::PHOTO).unwrap_err();
    assert!(matches!(wrong_salt, ProofError::OtherPhoto));
    let wrong_photo = verify_photo(&item, &fixture::SALT, b"another").unwrap_err();
    assert!(matches!(wrong_photo, ProofError::OtherPhoto));
    assert!(matches!(
        verify_photo(&items()[0], &fixture::SALT, fixture::PHOTO),
        Err(ProofError::NoCommitment)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_member_of_any_receipt_proves_itself_and_a_changed_one_does_not(
        count in 1_usize..200,
        chosen in any::<prop::sample::Index>(),
    ) {
        let of = |number: usize| {
            let mut item = items()[number % 11];
            item.record.at = at(i64::try_from(number).unwrap());
            item
        };
        let all: Vec<_> = (0..count).map(of).collect();
        let operation = ErasureOperation { count: count as u64, ..operation() };
        let receipt = Receipt::sign(ReceiptBody::new(account(), &operation, &all).unwrap(), &keys()).unwrap();
        let index = chosen.index(count);
        let proof = receipt.prove(&all, index as u64).unwrap();
        prop_assert!(receipt.verify_member(&all[index], &proof).is_ok());
        let mut changed = all[index];
        changed.record.at = at(-1);
        prop_assert!(receipt.verify_member(&changed, &proof).is_err());
        let read = MembershipProof::from_json(&proof.to_json().unwrap()).unwrap();
        prop_assert_eq!(read, proof);
    }
}
