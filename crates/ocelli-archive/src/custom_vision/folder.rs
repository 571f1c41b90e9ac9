use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::ArchiveError;

/// How much a folder of saved responses may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FolderLimits {
    /// Files and subfolders (1,000,000).
    pub files: u64,
    /// Subfolders within each other (16); what lies deeper is passed over.
    pub depth: usize,
    /// Bytes of one file of JSON (256 MiB).
    pub response_bytes: u64,
    /// Bytes of all files of JSON together (1 GiB): what they say is in memory as a whole.
    pub all_response_bytes: u64,
    /// Bytes of one photo (64 MiB).
    pub photo_bytes: u64,
}

impl Default for FolderLimits {
    fn default() -> Self {
        Self {
            files: 1_000_000,
            depth: 16,
            response_bytes: 256 << 20,
            all_response_bytes: 1 << 30,
            photo_bytes: 64 << 20,
        }
    }
}

/// What a folder holds: paths from the folder, sorted.
#[derive(Default)]
pub(super) struct Files {
    pub(super) responses: Vec<PathBuf>,
    photos: BTreeMap<PathBuf, u64>,
    /// Photos by their names, and by their names without extension, in lower case.
    by_name: HashMap<String, Vec<PathBuf>>,
}

/// A photo's file, and others that might have been meant.
pub(super) struct Found<'a> {
    pub(super) path: &'a Path,
    pub(super) bytes: u64,
    pub(super) others: usize,
}

impl Files {
    /// The file of this name, or of this name without its extension; the largest, if there are several.
    pub(super) fn photo(&self, name: &str) -> Option<Found<'_>> {
        let paths = self.by_name.get(&name.to_lowercase())?;
        let with_size = paths.iter().filter_map(|path| Some((*self.photos.get(path)?, path)));
        let (bytes, path) = with_size.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        Some(Found { path, bytes, others: paths.len() - 1 })
    }
}

/// Lists the files of a folder and its subfolders. Symbolic links are passed over.
pub(super) fn list(folder: &Path, limits: &FolderLimits) -> Result<Files, ArchiveError> {
    let failed = |path: &Path, source| ArchiveError::Folder { path: path.to_owned(), source };
    let mut files = Files::default();
    let mut seen = 0_u64;
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((below, depth)) = folders.pop() {
        let path = folder.join(&below);
        for entry in fs::read_dir(&path).map_err(|source| failed(&path, source))? {
            let entry = entry.map_err(|source| failed(&path, source))?;
            seen += 1;
            if seen > limits.files {
                let what = format!("the number of files in {folder:?}");
                return Err(ArchiveError::Limit { what, size: seen, limit: limits.files, setting: "files" });
            }
            // Of the entry itself: a link is neither a file nor a folder here.
            let Ok(metadata) = entry.metadata() else { continue };
            let name = below.join(entry.file_name());
            if metadata.is_dir() && depth < limits.depth {
                folders.push((name, depth + 1));
            } else if metadata.is_file() {
                files.add(name, metadata.len());
            }
        }
    }
    files.responses.sort_unstable();
    for paths in files.by_name.values_mut() {
        paths.sort_unstable();
    }
    Ok(files)
}

impl Files {
    fn add(&mut self, path: PathBuf, bytes: u64) {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            self.responses.push(path);
            return;
        }
        let lower = |name: Option<&std::ffi::OsStr>| name.map(|name| name.to_string_lossy().to_lowercase());
        let (name, stem) = (lower(path.file_name()), lower(path.file_stem()));
        let stem = stem.filter(|stem| Some(stem) != name.as_ref());
        for key in name.into_iter().chain(stem) {
            self.by_name.entry(key).or_default().push(path.clone());
        }
        self.photos.insert(path, bytes);
    }
}

/// Reads a file of JSON as text.
pub(super) fn read_response(folder: &Path, file: &Path, limits: &FolderLimits) -> Result<String, Problem> {
    let problem = |what: String, remedy: &str| Problem::new(file.display().to_string(), "", what, remedy);
    let bytes = read_within(&folder.join(file), limits.response_bytes).map_err(|error| {
        problem(format!("cannot be read: {error}"), "nothing of this file was taken over")
    })?;
    decode(bytes).ok_or_else(|| problem("is no text".to_owned(), "save the response as UTF-8"))
}

/// Text in UTF-8, or in UTF-16 with a byte order mark; the mark is taken off.
fn decode(bytes: Vec<u8>) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().copied().map(unit).collect();
        rest.is_empty().then(|| String::from_utf16(&units).ok())?
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    }
}

/// Reads a photo. `file` is one that [`list`] found; that it has become a link since is refused as far as can be seen.
pub(super) fn read_photo(folder: &Path, file: &Path, limit: u64) -> Result<Vec<u8>, ArchiveError> {
    let path = folder.join(file);
    read_within(&path, limit).map_err(|source| ArchiveError::Photo { path, source })
}

fn read_within(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it has more than {limit} bytes, the limit");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_be_utf_16_with_a_mark() {
        let little: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("[é]".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> =
            [0xfe, 0xff].into_iter().chain("[é]".encode_utf16().flat_map(u16::to_be_bytes)).collect();
        for bytes in [little, big, "\u{feff}[é]".into(), "[é]".into()] {
            assert_eq!(decode(bytes).as_deref(), Some("[é]"));
        }
        assert_eq!(decode(vec![0xff, 0xfe, 0x5b]), None);
        assert_eq!(decode(vec![0x5b, 0xff]), None);
    }
}
