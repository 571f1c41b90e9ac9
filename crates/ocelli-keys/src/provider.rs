use std::fmt::Debug;
use std::sync::Arc;

use crate::{DataKey, KeyError, PublicKey, Signature};

/// Whoever keeps the keys: [`KeyFile`](crate::KeyFile), or a host's own over a key management service or a
/// hardware security module.
///
/// The wrapping key and the signing key stay with the provider; what passes through is the data key to be
/// wrapped or unwrapped and the message to be signed. Calls may block. A provider that cannot be reached
/// answers with [`KeyError::provider`], one whose key was withdrawn with [`KeyError::Revoked`].
pub trait KeyProvider: Debug + Send + Sync {
    /// The data key, encrypted and authenticated under the wrapping key. `nonce` is 24 random bytes; a provider
    /// that makes its own may ignore them.
    fn wrap(&self, key: &DataKey, nonce: [u8; 24]) -> Result<Vec<u8>, KeyError>;

    /// The data key that [`wrap`](Self::wrap) wrapped. Anything else is refused: [`KeyError::WrongKey`] for what
    /// another key wrapped, [`KeyError::DamagedKey`] for what was changed since.
    fn unwrap(&self, wrapped: &[u8]) -> Result<DataKey, KeyError>;

    /// The Ed25519 signature (RFC 8032) over the message.
    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError>;

    /// The key that verifies what [`sign`](Self::sign) signs.
    fn public_key(&self) -> Result<PublicKey, KeyError>;
}

impl<T: KeyProvider + ?Sized> KeyProvider for Arc<T> {
    fn wrap(&self, key: &DataKey, nonce: [u8; 24]) -> Result<Vec<u8>, KeyError> {
        (**self).wrap(key, nonce)
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<DataKey, KeyError> {
        (**self).unwrap(wrapped)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        (**self).sign(message)
    }

    fn public_key(&self) -> Result<PublicKey, KeyError> {
        (**self).public_key()
    }
}
