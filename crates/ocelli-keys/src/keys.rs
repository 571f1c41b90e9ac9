use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::{DataKey, KeyError, KeyProvider, PublicKey, Sealer, Signature};

/// What a wrapped data key is sealed as.
const CONTEXT: &[u8] = b"ocelli data key";
const FINGERPRINT: usize = 8;

/// A provider whose keys are in memory: what a [`KeyFile`](crate::KeyFile) holds, and enough for a host that keeps
/// the secret somewhere else, such as the keychain of the operating system.
///
/// A wrapped key is the wrapping key's fingerprint (8 bytes) followed by the sealed data key, see [`Sealer`].
/// The secrets are wiped from memory when dropped.
#[derive(Clone)]
pub struct Keys {
    random: Zeroizing<[u8; 64]>,
    fingerprint: [u8; FINGERPRINT],
    sealer: Sealer,
    signing: SigningKey,
}

impl Keys {
    /// Keys from 64 random bytes: the wrapping key (32) and the seed of the signing key (32). The same bytes are
    /// always the same keys.
    pub fn from_random(random: [u8; 64]) -> Self {
        let random = Zeroizing::new(random);
        let (mut wrapping, mut seed) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        wrapping.copy_from_slice(&random[..32]);
        seed.copy_from_slice(&random[32..]);
        let digest = blake3::derive_key("ocelli 2026 fingerprint of a wrapping key", &*wrapping);
        let mut fingerprint = [0; FINGERPRINT];
        fingerprint.copy_from_slice(&digest[..FINGERPRINT]);
        let sealer = Sealer::new(&DataKey::from_random(*wrapping));
        Self { random, fingerprint, sealer, signing: SigningKey::from_bytes(&seed) }
    }

    pub(crate) fn expose(&self) -> &[u8; 64] {
        &self.random
    }
}

impl KeyProvider for Keys {
    fn wrap(&self, key: &DataKey, nonce: [u8; 24]) -> Result<Vec<u8>, KeyError> {
        let sealed = self.sealer.seal(nonce, CONTEXT, key.expose())?;
        Ok([&self.fingerprint, sealed.as_slice()].concat())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<DataKey, KeyError> {
        let (fingerprint, sealed) = wrapped.split_at_checked(FINGERPRINT).ok_or(KeyError::DamagedKey)?;
        if fingerprint != self.fingerprint {
            return Err(KeyError::WrongKey {
                wrapped_by: base16ct::lower::encode_string(fingerprint),
                this: base16ct::lower::encode_string(&self.fingerprint),
            });
        }
        let key = self.sealer.open(CONTEXT, sealed).map(Zeroizing::new).map_err(|error| match error {
            KeyError::Sealed => KeyError::DamagedKey,
            other => other,
        })?;
        DataKey::try_from(key.as_slice())
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        Ok(Signature::from_bytes(self.signing.sign(message).to_bytes()))
    }

    fn public_key(&self) -> Result<PublicKey, KeyError> {
        Ok(PublicKey::from_bytes(self.signing.verifying_key().to_bytes()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ocelli_core::ErrorCode;

    use super::*;

    fn keys(byte: u8) -> Keys {
        Keys::from_random([byte; 64])
    }

    // Made with libsodium's XChaCha20-Poly1305 and the reference BLAKE3.
    #[test]
    fn a_wrapped_key_is_what_other_libraries_make_of_its_description() {
        let wrapped = keys(1).wrap(&DataKey::from_random([2; 32]), [9; 24]).unwrap();
        let expected = "905b99d05203d41901737529f1aca170540d9260c2162547af0a9e911168851acae5aa32884bf84da\
                        e5da45bddfa1ea7f92323d71ff66e375dcabf0b1a7755f344e28df323d2cee15a";
        assert_eq!(base16ct::lower::encode_string(&wrapped), expected);
    }

    #[test]
    fn a_wrapped_key_comes_back_through_a_shared_provider() {
        let provider: Arc<dyn KeyProvider> = Arc::new(Arc::new(keys(1)));
        let wrapped = provider.wrap(&DataKey::from_random([2; 32]), [9; 24]).unwrap();
        assert_eq!(provider.unwrap(&wrapped).unwrap().expose(), &[2; 32]);
    }

    #[test]
    fn another_wrapping_key_is_named() {
        let wrapped = keys(1).wrap(&DataKey::from_random([2; 32]), [9; 24]).unwrap();
        let error = keys(3).unwrap(&wrapped).unwrap_err();
        assert!(matches!(&error, KeyError::WrongKey { wrapped_by, .. } if wrapped_by == "905b99d05203d419"));
        assert_eq!(error.code(), ErrorCode::BadRequestCustomerManagedKeyRevoked);
    }

    #[test]
    fn every_flipped_byte_and_truncation_of_a_wrapped_key_is_refused() {
        let wrapped = keys(1).wrap(&DataKey::from_random([2; 32]), [9; 24]).unwrap();
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            keys(1).unwrap(&changed).unwrap_err();
            keys(1).unwrap(&wrapped[..at]).unwrap_err();
        }
    }

    #[test]
    fn a_changed_wrapped_key_is_called_damaged() {
        let mut wrapped = keys(1).wrap(&DataKey::from_random([2; 32]), [9; 24]).unwrap();
        wrapped[40] ^= 1;
        assert!(matches!(keys(1).unwrap(&wrapped), Err(KeyError::DamagedKey)));
        assert!(matches!(keys(1).unwrap(&[]), Err(KeyError::DamagedKey)));
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", keys(1)), "Keys(..)");
    }
}
