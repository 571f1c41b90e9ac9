//! What holds for every log, whatever happened.

use ocelli_core::{AuditAction, AuditEvent, Digest};
use ocelli_retention::{AuditChain, AuditHead, AuditLog, ChainedEntry, Checkpoint};
use proptest::prelude::*;
use uuid::Uuid;

use crate::fixture::{account, at, entry, keys, public_key};

prop_compose! {
    fn event()(
        subjects in prop::collection::vec(any::<u128>(), 0..4),
        action in prop_oneof![
            Just(AuditAction::ImagesAdded),
            Just(AuditAction::AccountClosed),
            (0_u64..1 << 53, 0_u64..1 << 53, any::<[u8; 32]>()).prop_map(|(operation, count, digest)| {
                AuditAction::Erased { operation, count, digest: Digest::from_bytes(digest) }
            }),
        ],
    ) -> AuditEvent {
        AuditEvent::new(action, None).with(subjects.into_iter().map(|id| Uuid::from_u128(id).into()))
    }
}

fn chain(events: Vec<AuditEvent>) -> Vec<ChainedEntry> {
    let mut chain = AuditChain::new(account());
    (1..).zip(events).map(|(seq, event)| chain.append(entry(seq, event)).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_appended_verifies_is_written_and_read_back(events in prop::collection::vec(event(), 0..20)) {
        let log = AuditLog { account: account(), checkpoint: None, entries: chain(events) };
        log.verify(None, Some(&log.head())).unwrap();
        let text = log.to_text().unwrap();
        prop_assert_eq!(text.lines().count(), log.entries.len() + 1);
        prop_assert_eq!(AuditLog::from_text(text.as_bytes()).unwrap(), log);
    }

    #[test]
    fn a_checkpoint_changes_neither_the_head_nor_what_follows(
        events in prop::collection::vec(event(), 1..20),
        through in any::<prop::sample::Index>(),
    ) {
        let mut entries = chain(events);
        let whole = AuditLog { account: account(), checkpoint: None, entries: entries.clone() };
        let through = through.index(entries.len()) + 1;
        let last = &entries[through - 1];
        let head = AuditHead { seq: last.entry.seq, hash: last.hash };
        let checkpoint = Checkpoint::sign(account(), head, at(0), None, &keys()).unwrap();
        let shorter =
            AuditLog { account: account(), checkpoint: Some(checkpoint), entries: entries.split_off(through) };
        prop_assert_eq!(shorter.head(), whole.head());
        shorter.verify(Some(&public_key()), Some(&whole.head())).unwrap();
    }

    #[test]
    fn no_other_event_has_the_same_head(
        events in prop::collection::vec(event(), 1..20),
        other in event(),
        place in any::<prop::sample::Index>(),
    ) {
        let place = place.index(events.len());
        prop_assume!(events[place] != other);
        let mut changed = events.clone();
        changed[place] = other;
        prop_assert_ne!(chain(events).pop(), chain(changed).pop());
    }
}
