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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{KeyProvider, Keys};

    /// RFC 8032, section 7.1, test 2.
    const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    #[test]
    fn signing_agrees_with_rfc_8032() {
        let mut random = [0; 64];
        base16ct::lower::decode(SEED, &mut random[32..]).unwrap();
        let keys = Keys::from_random(random);
        assert_eq!(keys.public_key().unwrap().to_string(), PUBLIC);
        assert_eq!(keys.sign(&[0x72]).unwrap().to_string(), SIGNATURE);
    }

    #[test]
    fn every_flipped_bit_of_signature_message_and_key_is_refused() {
        let (key, signature): (PublicKey, Signature) = (PUBLIC.parse().unwrap(), SIGNATURE.parse().unwrap());
        key.verify(&[0x72], &signature).unwrap();
        for bit in 0..8 {
            let flip = 1 << bit;
            assert!(matches!(key.verify(&[0x72 ^ flip], &signature), Err(KeyError::Signature { .. })));
            for at in 0..64 {
                let mut bytes = *signature.as_bytes();
                bytes[at] ^= flip;
                let error = key.verify(&[0x72], &Signature::from_bytes(bytes)).unwrap_err();
                assert!(matches!(error, KeyError::Signature { .. }), "byte {at}");
            }
            for at in 0..32 {
                let mut bytes = *key.as_bytes();
                bytes[at] ^= flip;
                let error = PublicKey::from_bytes(bytes).verify(&[0x72], &signature).unwrap_err();
                let expected = matches!(error, KeyError::Signature { .. } | KeyError::PublicKey { .. });
                assert!(expected, "byte {at}: {error}");
            }
        }
    }

    #[test]
    fn a_key_of_small_order_verifies_nothing() {
        // The neutral element, under which the all-but-zero signature fits every message.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        PublicKey::from_bytes(identity).verify(b"any", &Signature::from_bytes(signature)).unwrap_err();
    }

    #[test]
    fn hex_of_another_length_case_or_alphabet_is_refused() {
        for text in ["", "00", &PUBLIC[1..], &PUBLIC.to_uppercase(), &PUBLIC.replace('3', "g"), SIGNATURE] {
            let error = text.parse::<PublicKey>().unwrap_err();
            assert!(matches!(error, KeyError::Hex { what: "public key", digits: 64, .. }), "{text}");
        }
        SIGNATURE[2..].parse::<Signature>().unwrap_err();
    }

    proptest! {
        #[test]
        fn text_and_json_come_back(key: [u8; 32], low: [u8; 32]) {
            let key = PublicKey::from_bytes(key);
            prop_assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
            let json = serde_json::to_string(&key).unwrap();
            prop_assert_eq!(&json, &format!("\"{key}\""));
            prop_assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);

            let mut bytes = [7; 64];
            bytes[..32].copy_from_slice(&low);
            let signature = Signature::from_bytes(bytes);
            let json = serde_json::to_string(&signature).unwrap();
            prop_assert_eq!(serde_json::from_str::<Signature>(&json).unwrap(), signature);
        }
    }
}
