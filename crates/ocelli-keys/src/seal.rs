use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::{DataKey, KeyError};

const VERSION: u8 = 1;
const PREFIX: usize = 16;
const TAG: usize = 16;
/// Bytes of plain text in each chunk but the last.
const CHUNK: usize = 64 * 1024;

/// Encrypts and authenticates bytes of any length under one [`DataKey`].
///
/// What is sealed is the version (1 byte, at present 1), a prefix (16 bytes) and the chunks: 64 KiB of plain text
/// each, the last one shorter, each followed by its tag (16 bytes). So sealing adds 33 bytes, and 16 more for each
/// 64 KiB. The chunks are the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-
/// Encryption and its Nonce-Reuse Misuse-Resistance, 2015) over XChaCha20-Poly1305: the nonce of each is the prefix,
/// the chunk's number (7 bytes, big-endian) and whether it is the last (1 byte), so that a chunk that was changed,
/// left out, moved or cut off does not open. The context is authenticated with every chunk and not stored.
///
/// The prefix is a BLAKE3 keyed hash of the caller's nonce, the context and the plain text. While the caller's nonces
/// are random it is as good as random; should they ever repeat, all that shows is whether the same bytes were sealed
/// twice in the same context.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    prefix_key: Zeroizing<[u8; 32]>,
}

impl Sealer {
    /// A sealer whose two keys are derived from the data key.
    pub fn new(key: &DataKey) -> Self {
        let sealing =
            Zeroizing::new(blake3::derive_key("ocelli 2026 sealing: XChaCha20-Poly1305", key.expose()));
        let prefix =
            Zeroizing::new(blake3::derive_key("ocelli 2026 sealing: prefix of the nonces", key.expose()));
        Self { cipher: XChaCha20Poly1305::new((&*sealing).into()), prefix_key: prefix }
    }

    /// The plain text, sealed as what the context says that it is: for instance the project, the record and the column.
    /// `nonce` is 24 random bytes.
    pub fn seal(&self, nonce: [u8; 24], context: &[u8], plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let prefix = self.prefix(&nonce, context, plain);
        let chunks = plain.len().div_ceil(CHUNK).max(1);
        let mut sealed = Vec::with_capacity(1 + PREFIX + plain.len() + chunks * TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&prefix);
        let associated = associated(context);
        for index in 0..chunks {
            let start = index * CHUNK;
            let end = plain.len().min(start + CHUNK);
            let nonce = chunk_nonce(&prefix, index, index + 1 == chunks);
            let at = sealed.len();
            sealed.extend_from_slice(&plain[start..end]);
            let tag = self
                .cipher
                .encrypt_inout_detached(&nonce, &associated, (&mut sealed[at..]).into())
                .map_err(|_| KeyError::Sealed)?;
            sealed.extend_from_slice(&tag);
        }
        Ok(sealed)
    }

    /// The plain text of what was sealed with the same key in the same context; anything else is refused with
    /// [`KeyError::Sealed`], or with [`KeyError::SealedVersion`] where the version is another.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (&version, rest) = sealed.split_first().ok_or(KeyError::Sealed)?;
        if version != VERSION {
            return Err(KeyError::SealedVersion { found: version, supported: VERSION });
        }
        let (prefix, body) = rest.split_first_chunk::<PREFIX>().ok_or(KeyError::Sealed)?;
        let chunks = body.len().div_ceil(CHUNK + TAG).max(1);
        let mut plain = Vec::with_capacity(body.len().saturating_sub(chunks * TAG));
        let associated = associated(context);
        for index in 0..chunks {
            let start = index * (CHUNK + TAG);
            let chunk = &body[start..body.len().min(start + CHUNK + TAG)];
            let (text, tag) = chunk.split_last_chunk::<TAG>().ok_or(KeyError::Sealed)?;
            let nonce = chunk_nonce(prefix, index, index + 1 == chunks);
            let at = plain.len();
            plain.extend_from_slice(text);
            self.cipher
                .decrypt_inout_detached(&nonce, &associated, (&mut plain[at..]).into(), &Tag::from(*tag))
                .map_err(|_| KeyError::Sealed)?;
        }
        Ok(plain)
    }

    fn prefix(&self, nonce: &[u8; 24], context: &[u8], plain: &[u8]) -> [u8; PREFIX] {
        let mut hasher = blake3::Hasher::new_keyed(&self.prefix_key);
        hasher.update(nonce).update(&(context.len() as u64).to_le_bytes()).update(context).update(plain);
        let mut prefix = [0; PREFIX];
        hasher.finalize_xof().fill(&mut prefix);
        prefix
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

fn associated(context: &[u8]) -> Vec<u8> {
    [&[VERSION], context].concat()
}

/// Seven bytes number more chunks than memory can hold.
fn chunk_nonce(prefix: &[u8; PREFIX], index: usize, last: bool) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..PREFIX].copy_from_slice(prefix);
    nonce[PREFIX..].copy_from_slice(&((index as u64) << 8 | u64::from(last)).to_be_bytes());
    nonce.into()
}
