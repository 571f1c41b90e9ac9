use ocelli_core::{Commitment, Salt};

/// The commitment to a photo: BLAKE3 of the salt followed by the bytes.
///
/// Who kept both can show that the commitment is to this photo; who has the commitment alone learns nothing.
///
/// ```
/// use ocelli_core::Salt;
/// use ocelli_keys::commit;
///
/// let salt = Salt::from_bytes([7; 32]);
/// assert_eq!(commit(&salt, b"a photo"), commit(&salt, b"a photo"));
/// assert_ne!(commit(&salt, b"a photo"), commit(&salt, b"another"));
/// assert_ne!(commit(&salt, b"a photo"), commit(&Salt::from_bytes([8; 32]), b"a photo"));
/// ```
pub fn commit(salt: &Salt, bytes: &[u8]) -> Commitment {
    let hash = blake3::Hasher::new().update(salt.as_bytes()).update(bytes).finalize();
    Commitment::from_bytes(*hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_is_the_hash_of_salt_and_bytes() {
        let salt = Salt::from_bytes([7; 32]);
        let both = [&[7; 32], b"a photo".as_slice()].concat();
        assert_eq!(commit(&salt, b"a photo").as_bytes(), blake3::hash(&both).as_bytes());
    }
}
