//! Keys: what an encrypted store and signed receipts need from whoever keeps the keys, a provider that keeps them
//! in a file, and the sealing of bytes.
//!
//! A [`KeyProvider`] holds two secrets that never leave it: a wrapping key, under which each project's [`DataKey`]
//! is kept, and a signing key. [`KeyFile`] is one in a file; a host with a key management service or a security
//! module implements the trait over that. A [`Sealer`] made from a data key encrypts and authenticates bytes.
//!
//! What is hashed and signed has one form everywhere: [`canonical_json`], [`commit`] and [`chain_hash`] are here, below
//! the stores that record them and the proofs that are made of them.
//!
//! There is no randomness here: keys and nonces are made from random bytes that the caller passes in.
//!
//! ```
//! use ocelli_keys::{DataKey, KeyProvider, Keys, Sealer};
//!
//! # fn random<const N: usize>() -> [u8; N] { [7; N] }
//! let provider = Keys::from_random(random());
//! let key = DataKey::from_random(random());
//! let wrapped = provider.wrap(&key, random())?; // to be stored: only the provider can unwrap it
//!
//! let sealer = Sealer::new(&provider.unwrap(&wrapped)?);
//! let sealed = sealer.seal(random(), b"photo 1", b"the photo's bytes")?;
//! assert_eq!(sealer.open(b"photo 1", &sealed)?, b"the photo's bytes");
//! assert!(sealer.open(b"photo 2", &sealed).is_err(), "sealed as another photo's");
//!
//! let signature = provider.sign(b"a receipt")?;
//! provider.public_key()?.verify(b"a receipt", &signature)?;
//! # Ok::<(), ocelli_keys::KeyError>(())
//! ```

mod audit_chain;
mod canonical;
mod commitment;
mod data_key;
mod error;
mod file;
mod keys;
mod provider;
mod seal;
mod signature;

pub use audit_chain::{chain_hash, chain_start};
pub use canonical::canonical_json;
pub use commitment::commit;
pub use data_key::DataKey;
pub use error::KeyError;
pub use file::KeyFile;
pub use keys::Keys;
pub use provider::KeyProvider;
pub use seal::Sealer;
pub use signature::{PublicKey, Signature};
