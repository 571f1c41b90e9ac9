use ocelli_core::{AccountId, AuditAction, AuditEvent, Digest};
use ocelli_keys::KeyProvider;
use ocelli_retention::{AuditChain, AuditHead, AuditLog, Checkpoint, ProofError};

use crate::fixture::{self, account, at, chained, entry, keys, log, log_after, public_key};

fn closed(seq: u64) -> ocelli_core::AuditEntry {
    entry(seq, AuditEvent::new(AuditAction::AccountClosed, None))
}

#[track_caller]
fn refused(log: &AuditLog) -> ProofError {
    log.verify(Some(&public_key()), None).unwrap_err()
}

#[test]
fn a_missing_entry_is_found() {
    for missing in 0..log().entries.len() - 1 {
        let mut log = log();
        log.entries.remove(missing);
        let error = refused(&log);
        let expected = missing as u64 + 1;
        assert!(matches!(error, ProofError::Sequence { expected: e, .. } if e == expected), "{error}");
    }
}

#[test]
fn a_repeated_entry_is_found() {
    for repeated in 0..log().entries.len() {
        let mut log = log();
        log.entries.insert(repeated, log.entries[repeated].clone());
        let error = refused(&log);
        assert!(matches!(error, ProofError::Sequence { .. }), "{error}");
    }
}

#[test]
fn exchanged_entries_are_found_even_if_renumbered() {
    for first in 0..log().entries.len() - 1 {
        let mut moved = log();
        moved.entries.swap(first, first + 1);
        assert!(matches!(refused(&moved), ProofError::Sequence { .. }));
        let (one, two) = (moved.entries[first].entry.seq, moved.entries[first + 1].entry.seq);
        moved.entries[first].entry.seq = two;
        moved.entries[first + 1].entry.seq = one;
        let error = refused(&moved);
        assert!(matches!(error, ProofError::Chain { seq } if seq == two), "{error}");
    }
}

#[test]
fn an_inserted_entry_is_found_even_if_those_after_it_are_renumbered() {
    let mut forged = log();
    let mut chain = AuditChain::new(account());
    chain.follow(&forged.entries[0]).unwrap();
    forged.entries.insert(1, chain.append(closed(2)).unwrap());
    assert!(matches!(refused(&forged), ProofError::Sequence { expected: 3, found: 2 }));
    forged.entries[2..].iter_mut().for_each(|chained| chained.entry.seq += 1);
    assert!(matches!(refused(&forged), ProofError::Chain { seq: 3 }));
}

#[test]
fn a_log_written_anew_is_found_by_an_anchored_head() {
    let anchored = log().head();
    let mut chain = AuditChain::new(account());
    let forged =
        |seq| if seq == 5 { closed(seq) } else { entry(seq, fixture::events()[seq as usize - 1].clone()) };
    let entries = (1..=9).map(|seq| chain.append(forged(seq)).unwrap()).collect();
    let forged = AuditLog { entries, ..log() };
    forged.verify(None, None).unwrap();
    let error = forged.verify(None, Some(&anchored)).unwrap_err();
    assert!(matches!(error, ProofError::Anchor { seq: 9, .. }), "{error}");
    // An anchor of before the forgery says nothing about it.
    let before = AuditHead { seq: 4, hash: chained()[3].hash };
    forged.verify(None, Some(&before)).unwrap();
}

#[test]
fn a_log_that_was_cut_off_is_found_by_an_anchored_head() {
    let anchored = log().head();
    for left in 0..log().entries.len() {
        let mut cut = log();
        cut.entries.truncate(left);
        cut.verify(None, None).unwrap();
        let error = cut.verify(None, Some(&anchored)).unwrap_err();
        let last = left as u64;
        assert!(matches!(error, ProofError::Truncated { last: l, anchored: 9 } if l == last), "{error}");
    }
}

#[test]
fn a_log_goes_on_after_a_head_was_anchored() {
    for chained in chained() {
        log().verify(None, Some(&AuditHead { seq: chained.entry.seq, hash: chained.hash })).unwrap();
    }
    let start = AuditChain::new(account()).head();
    log().verify(None, Some(&start)).unwrap();
    let elsewhere = AuditHead { hash: Digest::from_bytes([0; 32]), ..start };
    assert!(matches!(log().verify(None, Some(&elsewhere)), Err(ProofError::Anchor { seq: 0, .. })));
}

#[test]
fn a_log_of_another_account_is_found_at_its_first_entry() {
    let other = AccountId::new(at(0), [1; 10]);
    assert!(matches!(refused(&AuditLog { account: other, ..log() }), ProofError::Chain { seq: 1 }));
    let after = AuditLog { account: other, ..log_after(4) };
    assert!(matches!(refused(&after), ProofError::OtherAccount { .. }));
}

#[test]
fn a_log_may_begin_with_any_checkpoint_and_have_no_entries() {
    for through in 1..=9 {
        let log = log_after(through);
        log.verify(Some(&public_key()), Some(&fixture::log().head())).unwrap();
        assert_eq!(log.head(), fixture::log().head());
    }
}

#[test]
fn entries_that_do_not_follow_the_checkpoint_are_found() {
    let mut later = log_after(4);
    later.checkpoint = log_after(5).checkpoint;
    assert!(matches!(refused(&later), ProofError::Sequence { expected: 6, found: 5 }));
    let mut earlier = log_after(4);
    earlier.checkpoint = None;
    assert!(matches!(refused(&earlier), ProofError::Sequence { expected: 1, found: 5 }));
    let through = AuditHead { seq: 4, hash: Digest::from_bytes([1; 32]) };
    let mut other = log_after(4);
    other.checkpoint = Some(Checkpoint::sign(account(), through, at(1), None, &keys()).unwrap());
    assert!(matches!(refused(&other), ProofError::Chain { seq: 5 }));
}

#[test]
fn a_checkpoint_of_another_key_is_found() {
    let other = fixture::other_keys();
    let mut log = log_after(4);
    let through = log.checkpoint.as_ref().unwrap().through;
    log.checkpoint = Some(Checkpoint::sign(account(), through, at(100), None, &other).unwrap());
    assert!(matches!(refused(&log), ProofError::WrongKey { what: "checkpoint", .. }));
    log.verify(Some(&other.public_key().unwrap()), None).unwrap();
}

#[test]
fn a_head_that_a_checkpoint_replaced_is_no_anchor() {
    let anchored = AuditHead { seq: 3, hash: chained()[2].hash };
    let error = log_after(4).verify(Some(&public_key()), Some(&anchored)).unwrap_err();
    assert!(matches!(error, ProofError::AnchorReplaced { anchored: 3, through: 4 }), "{error}");
}

#[test]
fn checkpoints_follow_one_another() {
    let first = log_after(4).checkpoint.unwrap();
    let sign = |through: usize, previous| {
        let head = log_after(through).checkpoint.unwrap().through;
        Checkpoint::sign(account(), head, at(200), previous, &keys())
    };
    let second = sign(7, Some(&first)).unwrap();
    assert_eq!((first.replaced, second.replaced), (4, 3));
    second.verify(&public_key()).unwrap();
    second.verify_follows(&first).unwrap();
    let error = first.verify_follows(&second).unwrap_err();
    assert!(matches!(error, ProofError::NotFollowing { through: 4, previous: 7 }), "{error}");
    assert!(matches!(sign(4, Some(&first)), Err(ProofError::NothingReplaced { through: 4, previous: 4 })));
    assert!(matches!(sign(3, Some(&first)), Err(ProofError::NothingReplaced { through: 3, previous: 4 })));
    let elsewhere = AccountId::new(at(0), [1; 10]);
    let other = Checkpoint::sign(elsewhere, second.through, at(200), Some(&first), &keys());
    assert!(matches!(other, Err(ProofError::OtherAccount { .. })));
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    let text = log().to_text().unwrap();
    let wrong = text.replacen("\"imagesAdded\"", "\"imagesAddled\"", 1);
    let error = AuditLog::from_text(wrong.as_bytes()).unwrap_err();
    assert!(matches!(error, ProofError::Line { line: 3, .. }), "{error}");
    for cut in ["", "\n", text.trim_end()] {
        assert!(AuditLog::from_text(cut.as_bytes()).is_err(), "{cut:?}");
    }
    let double_spaced = format!("{text}\n");
    assert!(AuditLog::from_text(double_spaced.as_bytes()).is_err());
}
