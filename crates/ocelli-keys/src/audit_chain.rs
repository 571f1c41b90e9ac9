use ocelli_core::{AccountId, AuditEntry, Digest};

use crate::{KeyError, canonical_json};

/// What the first entry of an account's audit log is chained to: BLAKE3 of `ocelli audit log ` and the account's id, so
/// that no log passes for that of another account.
pub fn chain_start(account: AccountId) -> Digest {
    Digest::from_bytes(*blake3::hash(format!("ocelli audit log {account}").as_bytes()).as_bytes())
}

/// The hash that chains an entry of the audit log to all before it: BLAKE3 of the previous entry's hash followed by
/// the entry's canonical JSON, `{"at":..,"event":..,"seq":..}`.
pub fn chain_hash(previous: &Digest, entry: &AuditEntry) -> Result<Digest, KeyError> {
    let entry = canonical_json(entry)?;
    let hash = blake3::Hasher::new().update(previous.as_bytes()).update(&entry).finalize();
    Ok(Digest::from_bytes(*hash.as_bytes()))
}

#[cfg(test)]
mod tests {
    use ocelli_core::{AuditAction, AuditEvent, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn entry(seq: u64) -> AuditEntry {
        let event = AuditEvent::new(AuditAction::AccountClosed, None);
        AuditEntry { seq, at: Timestamp::from_millis(1_780_000_000_000), event }
    }

    #[test]
    fn a_link_hashes_the_one_before_and_the_canonical_entry() {
        let previous = Digest::from_bytes([7; 32]);
        let json = concat!(
            r#"{"at":"2026-05-28T20:26:40.000Z","event":{"action":{"kind":"accountClosed"},"#,
            r#""projectId":null,"subjects":[]},"seq":3}"#
        );
        let expected = blake3::hash(&[&[7; 32], json.as_bytes()].concat());
        assert_eq!(chain_hash(&previous, &entry(3)).unwrap().as_bytes(), expected.as_bytes());
        assert_ne!(
            chain_hash(&previous, &entry(3)).unwrap(),
            chain_hash(&Digest::from_bytes([8; 32]), &entry(3)).unwrap()
        );
    }

    #[test]
    fn each_account_has_a_start_of_its_own() {
        let [one, two] = [1, 2].map(|id| chain_start(AccountId::from_uuid(Uuid::from_u128(id))));
        assert_ne!(one, two);
    }
}
