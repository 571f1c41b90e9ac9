//! The forms as they are written today. Who keeps a receipt must be able to have it verified in ten years: these files
//! never change.

use ocelli_core::ErasedItem;
use ocelli_keys::canonical_json;
use ocelli_retention::{AuditLog, Checkpoint, MembershipProof, Receipt};

use crate::fixture;

const RECEIPT: &[u8] = include_bytes!("golden/receipt.json");
const ITEMS: &str = include_str!("golden/items.jsonl");
const PROOF: &[u8] = include_bytes!("golden/membership-proof.json");
const LOG: &[u8] = include_bytes!("golden/audit-log.jsonl");
const LOG_AFTER_CHECKPOINT: &[u8] = include_bytes!("golden/audit-log-after-checkpoint.jsonl");
const CHECKPOINT: &[u8] = include_bytes!("golden/checkpoint.json");

#[track_caller]
fn same(written: &[u8], golden: &[u8]) {
    assert_eq!(String::from_utf8_lossy(written), String::from_utf8_lossy(golden));
}

#[test]
fn a_receipt_is_written_and_read_as_ever() {
    same(&fixture::receipt().to_json().unwrap(), RECEIPT);
    let receipt = Receipt::from_json(RECEIPT).unwrap();
    assert_eq!(receipt, fixture::receipt());
    receipt.verify(&fixture::public_key()).unwrap();
}

/// Each line is what one leaf of the receipt's Merkle tree is the hash of.
#[test]
fn an_erased_item_is_written_and_read_as_ever() {
    let lines: Vec<_> = ITEMS.lines().collect();
    let items = fixture::items();
    assert_eq!(lines.len(), items.len());
    for (item, line) in items.iter().zip(lines) {
        same(&canonical_json(item).unwrap(), line.as_bytes());
        assert_eq!(serde_json::from_str::<ErasedItem>(line).unwrap(), *item);
    }
}

#[test]
fn a_membership_proof_is_written_and_read_as_ever() {
    let receipt = fixture::receipt();
    let items = fixture::items();
    let proof = receipt.prove(&items, fixture::PHOTO_INDEX).unwrap();
    same(&proof.to_json().unwrap(), PROOF);
    let read = MembershipProof::from_json(PROOF).unwrap();
    receipt.verify_member(&items[usize::try_from(fixture::PHOTO_INDEX).unwrap()], &read).unwrap();
}

#[test]
fn an_audit_log_is_written_and_read_as_ever() {
    same(fixture::log().to_text().unwrap().as_bytes(), LOG);
    let log = AuditLog::from_text(LOG).unwrap();
    assert_eq!(log, fixture::log());
    log.verify(None, Some(&fixture::log().head())).unwrap();

    same(fixture::log_after(4).to_text().unwrap().as_bytes(), LOG_AFTER_CHECKPOINT);
    let log = AuditLog::from_text(LOG_AFTER_CHECKPOINT).unwrap();
    assert_eq!(log, fixture::log_after(4));
    log.verify(Some(&fixture::public_key()), Some(&fixture::log().head())).unwrap();
}

#[test]
fn a_checkpoint_is_written_and_read_as_ever() {
    let first = fixture::log_after(4).checkpoint.unwrap();
    let later = fixture::log_after(7).checkpoint.unwrap().through;
    let second =
        Checkpoint::sign(fixture::account(), later, fixture::at(200), Some(&first), &fixture::keys())
            .unwrap();
    same(&second.to_json().unwrap(), CHECKPOINT);
    let read = Checkpoint::from_json(CHECKPOINT).unwrap();
    assert_eq!(read, second);
    read.verify(&fixture::public_key()).unwrap();
    read.verify_follows(&first).unwrap();
}
