use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::KeyError;

/// Declares a fixed number of public bytes that are written as lower-case hex.
macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// From its bytes.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&base16ct::lower::encode_string(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                let mut bytes = [0; $bytes];
                match base16ct::lower::decode(text, &mut bytes) {
                    Ok(decoded) if decoded.len() == $bytes => Ok(Self(bytes)),
                    _ => Err(KeyError::Hex { what: $what, digits: 2 * $bytes, chars: text.chars().count() }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

hex_bytes! {
    /// An Ed25519 public key (32 bytes, RFC 8032), in text and in serde as 64 lower-case hexadecimal digits.
    PublicKey, 32, "public key"
}

hex_bytes! {
    /// An Ed25519 signature (64 bytes, RFC 8032), in text and in serde as 128 lower-case hexadecimal digits.
    Signature, 64, "signature"
}

impl PublicKey {
    /// Checks that the signature over the message was made with this key's secret half.
    ///
    /// Strictly: of the signatures on which implementations of Ed25519 disagree (public keys and points of small
    /// order, non-canonical encodings; Chalkias, Garillot, Nikolaenko, 2020) none is accepted, so that a valid
    /// signature means one key and one message.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let key = VerifyingKey::from_bytes(&self.0)
            .map_err(|_| KeyError::PublicKey { public_key: self.to_string() })?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(message, &signature)
            .map_err(|_| KeyError::Signature { public_key: self.to_string() })
    }
}
