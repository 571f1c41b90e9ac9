//! Every bit of what is kept as proof, flipped once.

use ocelli_retention::{AuditLog, Checkpoint, MembershipProof, ProofError, Receipt};

use crate::fixture;

/// Every text that is the given one with one bit flipped, one byte left out or one byte said twice is refused.
#[track_caller]
fn every_change_is_refused(text: &[u8], check: impl Fn(&[u8]) -> Result<(), ProofError>) {
    check(text).unwrap();
    let refused = |changed: &[u8], at: usize, how: &str| {
        assert!(check(changed).is_err(), "byte {at} of {} {how}", text.len());
    };
    let mut flipped = text.to_vec();
    for at in 0..text.len() {
        for bit in 0..8 {
            flipped[at] ^= 1 << bit;
            refused(&flipped, at, "flipped");
            flipped[at] ^= 1 << bit;
        }
        refused(&[&text[..at], &text[at + 1..]].concat(), at, "left out");
        refused(&[&text[..=at], &text[at..]].concat(), at, "said twice");
    }
}

#[test]
fn every_change_of_a_receipt_is_refused() {
    let key = fixture::public_key();
    every_change_is_refused(&fixture::receipt().to_json().unwrap(), |json| {
        Receipt::from_json(json)?.verify(&key)
    });
}

#[test]
fn every_change_of_a_membership_proof_is_refused() {
    let receipt = fixture::receipt();
    for (index, item) in (0..).zip(fixture::items()) {
        let proof = receipt.prove(fixture::items(), index).unwrap().to_json().unwrap();
        every_change_is_refused(&proof, |json| {
            receipt.verify_member(&item, &MembershipProof::from_json(json)?)
        });
    }
}

#[test]
fn every_change_of_a_checkpoint_is_refused() {
    let key = fixture::public_key();
    let checkpoint = fixture::log_after(4).checkpoint.unwrap().to_json().unwrap();
    every_change_is_refused(&checkpoint, |json| Checkpoint::from_json(json)?.verify(&key));
}

#[test]
fn every_change_of_a_log_is_refused_whether_or_not_a_head_was_anchored() {
    every_change_is_refused(fixture::log().to_text().unwrap().as_bytes(), |text| {
        AuditLog::from_text(text)?.verify(None, None)
    });
}

#[test]
fn every_change_of_a_log_after_a_checkpoint_is_refused_even_without_the_key() {
    every_change_is_refused(fixture::log_after(4).to_text().unwrap().as_bytes(), |text| {
        AuditLog::from_text(text)?.verify(None, None)
    });
}

#[test]
fn every_change_of_a_log_without_entries_is_refused_once_its_head_is_anchored() {
    let mut empty = fixture::log();
    empty.entries.clear();
    let head = empty.head();
    every_change_is_refused(empty.to_text().unwrap().as_bytes(), |text| {
        AuditLog::from_text(text)?.verify(None, Some(&head))
    });
}
