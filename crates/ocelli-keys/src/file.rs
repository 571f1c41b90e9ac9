use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{DataKey, KeyError, KeyProvider, Keys, PublicKey, Signature};

const VERSION: u32 = 1;
const TITLE: &str = "ocelli key file ";
/// Longer than any key file.
const MAX_BYTES: u64 = 1024;

/// A [`KeyProvider`] whose keys are in a file that the host names.
///
/// Whoever reads the file can open and sign everything, and whoever loses it opens nothing again: keep it apart from
/// the data and back it up apart from the data's backups. On Unix it is created readable by its owner only.
///
/// It is text of four lines: `ocelli key file 1`, `wrapping` and `signing` with 64 hexadecimal digits each, and
/// `check` with the BLAKE3 hash of the three lines before it, so that damage is noticed rather than used.
pub struct KeyFile {
    path: PathBuf,
    keys: Keys,
}

impl KeyFile {
    /// Creates the file from 64 random bytes; it is on the medium when this returns. Where something is at the path
    /// already it is left alone: [`KeyError::Exists`].
    pub fn create(path: impl Into<PathBuf>, random: [u8; 64]) -> Result<Self, KeyError> {
        let path = path.into();
        let keys = Keys::from_random(random);
        let mut file = match create_new(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(KeyError::Exists { path });
            }
            Err(source) => return Err(KeyError::Io { path, action: "created", source }),
        };
        let written = file
            .write_all(render(&keys).as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_parent(&path));
        match written {
            Ok(()) => Ok(Self { path, keys }),
            Err(source) => {
                drop(file);
                // Without this the next attempt would find half a file; if it fails too, that attempt says so.
                let _ = std::fs::remove_file(&path);
                Err(KeyError::Io { path, action: "written", source })
            }
        }
    }

    /// Reads the keys from the file. One that is missing, damaged or of another version is refused.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let path = path.into();
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
        match File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::Missing { path });
            }
            Err(source) => return Err(KeyError::Io { path, action: "read", source }),
        }
        match parse(&bytes) {
            Ok(keys) => Ok(Self { path, keys }),
            Err(Refusal::Version(found)) => Err(KeyError::FileVersion { path, found, supported: VERSION }),
            Err(Refusal::Damage(what)) => Err(KeyError::DamagedFile { path, what }),
        }
    }

    /// Where the keys are.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl KeyProvider for KeyFile {
    fn wrap(&self, key: &DataKey, nonce: [u8; 24]) -> Result<Vec<u8>, KeyError> {
        self.keys.wrap(key, nonce)
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<DataKey, KeyError> {
        self.keys.unwrap(wrapped)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        self.keys.sign(message)
    }

    fn public_key(&self) -> Result<PublicKey, KeyError> {
        self.keys.public_key()
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the file's name durable. Only Unix has directories that are flushed.
#[cfg(unix)]
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_parent(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Why the text of a key file was refused.
enum Refusal {
    Version(u32),
    Damage(&'static str),
}

fn render(keys: &Keys) -> Zeroizing<String> {
    let (wrapping, signing) = keys.expose().split_at(32);
    let hex = |bytes: &[u8]| Zeroizing::new(base16ct::lower::encode_string(bytes));
    let lines =
        Zeroizing::new(format!("{TITLE}{VERSION}\nwrapping {}\nsigning {}\n", *hex(wrapping), *hex(signing)));
    Zeroizing::new(format!("{}check {}\n", *lines, blake3::hash(lines.as_bytes()).to_hex()))
}

/// The keys of a text that is, to the byte, what [`render`] makes of them.
fn parse(bytes: &[u8]) -> Result<Keys, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Damage("it is empty"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Damage("it is not text"))?;
    let mut lines = text.lines();
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix(TITLE))
        .and_then(|version| version.parse().ok())
        .ok_or(Refusal::Damage("its first line does not say `ocelli key file` and a version"))?;
    if version != VERSION {
        return Err(Refusal::Version(version));
    }
    let mut random = Zeroizing::new([0; 64]);
    let (wrapping, signing) = random.split_at_mut(32);
    for (name, half) in [("wrapping ", wrapping), ("signing ", signing)] {
        lines
            .next()
            .and_then(|line| line.strip_prefix(name))
            .filter(|digits| digits.len() == 2 * half.len())
            .and_then(|digits| base16ct::lower::decode(digits, half).ok())
            .ok_or(Refusal::Damage(
                "its second and third line do not say `wrapping` and `signing` with 64 hexadecimal digits",
            ))?;
    }
    let keys = Keys::from_random(*random);
    if render(&keys).as_bytes() != bytes {
        return Err(Refusal::Damage("its fourth line is not the check of the lines before it"));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use ocelli_core::ErrorCode;
    use tempfile::TempDir;

    use super::*;

    fn created() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        KeyFile::create(&path, std::array::from_fn(|i| i as u8)).unwrap();
        (folder, path)
    }

    fn refused(path: &Path, bytes: &[u8]) -> KeyError {
        std::fs::write(path, bytes).unwrap();
        let error = KeyFile::open(path).unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequestCustomerManagedKeyRevoked);
        error
    }

    #[test]
    fn what_was_wrapped_before_is_unwrapped_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let created = KeyFile::create(&path, [5; 64]).unwrap();
        let wrapped = created.wrap(&DataKey::from_random([2; 32]), [9; 24]).unwrap();
        let opened = KeyFile::open(&path).unwrap();
        assert_eq!(opened.path(), path);
        assert_eq!(opened.unwrap(&wrapped).unwrap().expose(), &[2; 32]);
        let signature = created.sign(b"a receipt").unwrap();
        opened.public_key().unwrap().verify(b"a receipt", &signature).unwrap();
    }

    #[test]
    fn a_file_that_exists_is_left_alone() {
        let (_folder, path) = created();
        let before = std::fs::read(&path).unwrap();
        let error = KeyFile::create(&path, [1; 64]).unwrap_err();
        assert!(matches!(error, KeyError::Exists { .. }));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = created();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = KeyFile::open(folder.path().join("absent")).unwrap_err();
        assert!(matches!(&error, KeyError::Missing { path } if path.ends_with("absent")));
        assert_eq!(error.code(), ErrorCode::BadRequestCustomerManagedKeyRevoked);
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error_of_creation() {
        let folder = tempfile::tempdir().unwrap();
        let error = KeyFile::create(folder.path().join("absent/keys"), [1; 64]).unwrap_err();
        assert!(matches!(error, KeyError::Io { action: "created", .. }));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let (_folder, path) = created();
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            for flip in [0x01, 0x20, 0xff] {
                let mut changed = good.clone();
                changed[at] ^= flip;
                let error = refused(&path, &changed);
                let expected = matches!(error, KeyError::DamagedFile { .. } | KeyError::FileVersion { .. });
                assert!(expected, "byte {at} ^ {flip}: {error}");
            }
        }
    }

    #[test]
    fn every_truncation_and_addition_is_refused() {
        let (_folder, path) = created();
        let good = std::fs::read(&path).unwrap();
        for len in 0..good.len() {
            assert!(matches!(refused(&path, &good[..len]), KeyError::DamagedFile { .. }), "{len}");
        }
        for more in ["\n", "\nmore", "\0"] {
            refused(&path, &[&good, more.as_bytes()].concat());
        }
        refused(&path, &good.repeat(1000));
        let text = String::from_utf8(good).unwrap();
        refused(&path, text.replace('\n', "\r\n").as_bytes());
    }

    #[test]
    fn another_version_is_named() {
        let (_folder, path) = created();
        let error = refused(&path, b"ocelli key file 2\nanything");
        assert!(matches!(error, KeyError::FileVersion { found: 2, supported: 1, .. }));
    }

    #[test]
    fn secrets_do_not_print() {
        let (_folder, path) = created();
        let printed = format!("{:?}", KeyFile::open(&path).unwrap());
        assert!(printed.contains("keys") && !printed.contains("000102"), "{printed}");
    }
}
