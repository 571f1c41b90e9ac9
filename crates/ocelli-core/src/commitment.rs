//! What is known of a photo that is gone: that a commitment was to its bytes.

use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// Declares 32 bytes, written as 64 hexadecimal digits.
macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
            #[serde(try_from = "String", into = "String")]
            pub struct $name([u8; 32]);

            impl $name {
                /// Takes the bytes.
                pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                    Self(bytes)
                }

                /// The bytes.
                pub const fn as_bytes(&self) -> &[u8; 32] {
                    &self.0
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
                }
            }

            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    write!(f, "{}({self})", stringify!($name))
                }
            }

            impl std::str::FromStr for $name {
                type Err = InvalidValue;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    from_hex(text).map(Self).ok_or(InvalidValue::Digest { what: $what })
                }
            }

            impl TryFrom<String> for $name {
                type Error = InvalidValue;

                fn try_from(text: String) -> Result<Self, Self::Error> {
                    text.parse()
                }
            }

            impl From<$name> for String {
                fn from(digest: $name) -> Self {
                    digest.to_string()
                }
            }
        )*
    };
}

digests! {
    /// Random bytes that a commitment is made with. They go with the photo; from then on nobody can tell whether the
    /// commitment was to a photo that he guesses.
    Salt, "salt";
    /// A commitment to a photo: BLAKE3 of its salt followed by its bytes. Who has both can show that it was to them.
    Commitment, "commitment";
    /// A hash of something that is known to whoever compares it.
    Digest, "digest";
}

/// The bytes that 64 lower-case hexadecimal digits write.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if digits.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    for (byte, [high, low]) in bytes.iter_mut().zip(digits) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_in_one_way_only() {
        let digest = Digest::from_bytes(std::array::from_fn(|i| i as u8 * 7));
        let text = digest.to_string();
        assert_eq!(text.parse::<Digest>().unwrap(), digest);
        for wrong in
            [text.to_uppercase(), text[1..].to_owned(), format!("{text}0"), text.replacen('0', "g", 1)]
        {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
