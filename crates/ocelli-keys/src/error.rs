use std::error::Error;
use std::io;
use std::path::PathBuf;

use ocelli_core::ErrorCode;

/// What can go wrong with keys and with what is sealed or signed under them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no key file at the path.
    #[error(
        "there is no key file {}; name the file that the keys were created in, or restore it from a backup",
        path.display()
    )]
    Missing {
        /// The path that was opened.
        path: PathBuf,
    },
    /// Something is at the path already, and is left as it is.
    #[error("{} exists already; open it, or create the key file under another name", path.display())]
    Exists {
        /// The path that was to be created.
        path: PathBuf,
    },
    /// The key file is not what was written into it.
    #[error("the key file {} is damaged: {what}; restore it from a backup", path.display())]
    DamagedFile {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        what: &'static str,
    },
    /// The key file is of another version.
    #[error(
        "the key file {} has version {found}; this version of Ocelli reads version {supported}",
        path.display()
    )]
    FileVersion {
        /// The key file.
        path: PathBuf,
        /// The version that the file names.
        found: u32,
        /// The version that can be read.
        supported: u32,
    },
    /// The key file could not be read or written.
    #[error("the key file {} could not be {action}: {source}", path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// What was tried: "read", "created", "written".
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A data key that another wrapping key wrapped.
    #[error(
        "the data key was wrapped by the key {wrapped_by}, and this is the key {this}; \
         use the key provider that the data was encrypted with"
    )]
    WrongKey {
        /// The fingerprint of the wrapping key that is needed.
        wrapped_by: String,
        /// The fingerprint of the wrapping key that was used.
        this: String,
    },
    /// A wrapped data key that is not what the provider returned.
    #[error("the wrapped data key is damaged; restore the data directory from a backup")]
    DamagedKey,
    /// The provider's key was revoked, disabled or destroyed.
    #[error("the key was revoked; have its keeper enable it again, or erase the data that it protects")]
    Revoked,
    /// A data key of another length.
    #[error("a data key has {bytes} bytes; it needs 32")]
    KeyLength {
        /// How many there are.
        bytes: usize,
    },
    /// Sealed data that does not open.
    #[error(
        "the sealed data does not open: it was changed, cut or moved, or was sealed with another key; \
         open it as what it was sealed as, with the key that it was sealed with"
    )]
    Sealed,
    /// Sealed data of another version.
    #[error("the data was sealed in version {found}; this version of Ocelli opens version {supported}")]
    SealedVersion {
        /// The version that the data names.
        found: u8,
        /// The version that can be opened.
        supported: u8,
    },
    /// A signature that does not belong to the message and the key.
    #[error(
        "the signature does not match; the message was changed since, or was signed with another key \
         than {public_key}"
    )]
    Signature {
        /// The key that the signature was held against, in hex.
        public_key: String,
    },
    /// Bytes that are no Ed25519 public key.
    #[error("{public_key} is not an Ed25519 public key; use the one that the key provider names")]
    PublicKey {
        /// The bytes in hex.
        public_key: String,
    },
    /// A text that is not the hex form of what it should be.
    #[error(
        "a {what} is written as {digits} hexadecimal digits in lower case; this text has {chars} characters"
    )]
    Hex {
        /// What was expected: "public key" or "signature".
        what: &'static str,
        /// How many digits it has.
        digits: usize,
        /// How many characters were given.
        chars: usize,
    },
    /// A value that has no canonical JSON.
    #[error("the value cannot be written as canonical JSON: {reason}; use text, and integers up to 2^53 - 1")]
    Canonical {
        /// Why not.
        reason: String,
    },
    /// A host's own provider failed.
    #[error("the key provider failed: {0}")]
    Provider(#[source] Box<dyn Error + Send + Sync>),
}

impl KeyError {
    /// The failure of a host's own provider, from its error or a message.
    pub fn provider(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Provider(error.into())
    }

    /// The Custom Vision code for this error. Every key that is lost, wrong or withdrawn is
    /// [`ErrorCode::BadRequestCustomerManagedKeyRevoked`]: the data is out of reach until the key is back.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Missing { .. }
            | Self::DamagedFile { .. }
            | Self::FileVersion { .. }
            | Self::WrongKey { .. }
            | Self::DamagedKey
            | Self::Revoked => ErrorCode::BadRequestCustomerManagedKeyRevoked,
            Self::Exists { .. } => ErrorCode::Conflict,
            Self::KeyLength { .. }
            | Self::Signature { .. }
            | Self::PublicKey { .. }
            | Self::Hex { .. }
            | Self::Canonical { .. } => ErrorCode::BadRequestInvalid,
            Self::Sealed | Self::SealedVersion { .. } => ErrorCode::ErrorInvalid,
            Self::Io { .. } | Self::Provider(_) => ErrorCode::ErrorUnknown,
        }
    }
}
