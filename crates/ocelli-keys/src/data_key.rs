use std::fmt;

use zeroize::Zeroizing;

use crate::KeyError;

/// A 256-bit key that data is sealed with. It is wiped from memory when dropped, and does not print itself.
///
/// ```
/// let key = ocelli_keys::DataKey::from_random([7; 32]);
/// assert_eq!(format!("{key:?}"), "DataKey(..)");
/// ```
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A new key from 32 random bytes.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(random))
    }

    /// The secret itself, for a provider that wraps it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A key as a provider unwrapped it: exactly 32 bytes.
impl TryFrom<&[u8]> for DataKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(KeyError::KeyLength { bytes: bytes.len() });
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_bytes() {
        for bytes in [0, 31, 33] {
            let error = DataKey::try_from(vec![1; bytes].as_slice()).unwrap_err();
            assert!(matches!(error, KeyError::KeyLength { bytes: found } if found == bytes));
        }
        assert_eq!(DataKey::try_from([1; 32].as_slice()).unwrap().expose(), &[1; 32]);
    }
}
