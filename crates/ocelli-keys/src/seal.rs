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
/// further 64 KiB. The chunks are the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: [u8; 24] = [9; 24];
    const CONTEXT: &[u8] = b"photo 1";

    fn sealer() -> Sealer {
        Sealer::new(&DataKey::from_random(std::array::from_fn(|i| i as u8)))
    }

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    fn sealed(len: usize) -> Vec<u8> {
        sealer().seal(NONCE, CONTEXT, &bytes(len)).unwrap()
    }

    fn refused(sealed: &[u8]) -> bool {
        matches!(sealer().open(CONTEXT, sealed), Err(KeyError::Sealed | KeyError::SealedVersion { .. }))
    }

    /// The chunks of what is sealed, each with its tag.
    fn chunks(sealed: &[u8]) -> Vec<&[u8]> {
        sealed[1 + PREFIX..].chunks(CHUNK + TAG).collect()
    }

    fn assembled(sealed: &[u8], chunks: &[&[u8]]) -> Vec<u8> {
        [&sealed[..1 + PREFIX], &chunks.concat()].concat()
    }

    // Both were made with libsodium's XChaCha20-Poly1305 and the reference BLAKE3.
    #[test]
    fn the_format_is_what_other_libraries_make_of_its_description() {
        let short = sealer().seal(NONCE, CONTEXT, b"a hemlock").unwrap();
        let expected = "01efc0b44526ad39da7ae12d395c5c1801ef887b7e2d9dbf5626e6097751f466701d32fb8b2b2505c7d8";
        assert_eq!(base16ct::lower::encode_string(&short), expected);

        let long = sealed(150_000);
        let expected = "aa5ac8426914aa7034a2bd8fb215cd5639955b3ecc5aed7c8f9eb8898535de1c";
        assert_eq!(blake3::hash(&long).to_hex().as_str(), expected);
    }

    #[test]
    fn lengths_around_the_chunk_open_again() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 5 * CHUNK + 77] {
            let sealed = sealed(len);
            assert_eq!(sealed.len(), 17 + len + 16 * len.div_ceil(CHUNK).max(1), "{len}");
            assert_eq!(sealer().open(CONTEXT, &sealed).unwrap(), bytes(len), "{len}");
        }
    }

    #[test]
    fn every_flipped_byte_of_a_short_message_is_refused() {
        let sealed = sealed(300);
        for at in 0..sealed.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = sealed.clone();
                changed[at] ^= flip;
                assert!(refused(&changed), "byte {at} ^ {flip}");
            }
        }
    }

    #[test]
    fn flipped_bytes_of_a_long_message_are_refused() {
        let mut sealed = sealed(2 * CHUNK + 300);
        let seams: Vec<usize> = (0..3).map(|n| 1 + PREFIX + n * (CHUNK + TAG)).collect();
        let near_a_seam = |at: usize| seams.iter().any(|&seam| at.abs_diff(seam) < 20);
        for at in 0..sealed.len() {
            if near_a_seam(at) || at % 997 == 0 {
                sealed[at] ^= 1;
                assert!(refused(&sealed), "byte {at}");
                sealed[at] ^= 1;
            }
        }
        assert!(!refused(&sealed));
    }

    #[test]
    fn every_truncation_of_a_short_message_is_refused() {
        let sealed = sealed(300);
        for len in 0..sealed.len() {
            assert!(refused(&sealed[..len]), "{len}");
        }
    }

    #[test]
    fn truncations_of_a_long_message_are_refused() {
        let sealed = sealed(2 * CHUNK + 300);
        let seam = 1 + PREFIX + CHUNK + TAG;
        for len in (0..sealed.len()).step_by(613).chain(seam - 20..seam + 20) {
            assert!(refused(&sealed[..len]), "{len}");
        }
    }

    #[test]
    fn appended_bytes_are_refused() {
        for len in [0, 300, CHUNK - 1, CHUNK, CHUNK + 1] {
            for more in [1, TAG, CHUNK + TAG] {
                let mut longer = sealed(len);
                longer.resize(longer.len() + more, 0);
                assert!(refused(&longer), "{len} + {more}");
            }
        }
    }

    #[test]
    fn chunks_that_were_swapped_left_out_or_repeated_are_refused() {
        let sealed = sealed(4 * CHUNK);
        let [a, b, c, d] = chunks(&sealed)[..] else { panic!("four chunks") };
        assert!(!refused(&assembled(&sealed, &[a, b, c, d])));
        for order in
            [&[b, a, c, d][..], &[a, c, b, d], &[a, b, d, c], &[a, b, c], &[a, c, d], &[d], &[a, a, b, c, d]]
        {
            assert!(refused(&assembled(&sealed, order)));
        }
    }

    #[test]
    fn a_chunk_of_another_message_is_refused() {
        let one = sealed(3 * CHUNK);
        let two = sealer().seal([8; 24], CONTEXT, &bytes(3 * CHUNK)).unwrap();
        let mixed = [chunks(&one)[0], chunks(&two)[1], chunks(&one)[2]];
        assert!(refused(&assembled(&one, &mixed)));
    }

    #[test]
    fn another_version_is_named() {
        let mut sealed = sealed(3);
        sealed[0] = 2;
        let error = sealer().open(CONTEXT, &sealed).unwrap_err();
        assert!(matches!(error, KeyError::SealedVersion { found: 2, supported: 1 }));
    }

    #[test]
    fn a_repeated_nonce_repeats_no_key_stream() {
        let (one, two) = (sealer().seal(NONCE, CONTEXT, &[0; 64]), sealer().seal(NONCE, CONTEXT, &[1; 64]));
        let (one, two) = (one.unwrap(), two.unwrap());
        let differences: Vec<u8> = one[17..81].iter().zip(&two[17..81]).map(|(a, b)| a ^ b).collect();
        assert_ne!(differences, [1; 64], "the difference of the plain texts shows");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_context_only(
            key: [u8; 32], nonce: [u8; 24], context: Vec<u8>, other: Vec<u8>, plain: Vec<u8>,
        ) {
            let sealer = Sealer::new(&DataKey::from_random(key));
            let sealed = sealer.seal(nonce, &context, &plain).unwrap();
            prop_assert_eq!(sealer.open(&context, &sealed).unwrap(), plain);
            if other != context {
                prop_assert!(matches!(sealer.open(&other, &sealed), Err(KeyError::Sealed)));
            }
        }

        #[test]
        fn another_key_is_refused(key: [u8; 32], other: [u8; 32], plain: Vec<u8>) {
            prop_assume!(key != other);
            let sealed = Sealer::new(&DataKey::from_random(key)).seal(NONCE, CONTEXT, &plain).unwrap();
            let error = Sealer::new(&DataKey::from_random(other)).open(CONTEXT, &sealed).unwrap_err();
            prop_assert!(matches!(error, KeyError::Sealed));
        }

        #[test]
        fn arbitrary_bytes_are_refused(bytes: Vec<u8>) {
            prop_assert!(sealer().open(CONTEXT, &bytes).is_err());
        }
    }
}
