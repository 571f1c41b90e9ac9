use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Read, Seek};

use ocelli_core::Digest;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::entry::{Entry, IterationEntry, ProjectEntry};
use crate::metered::{Allowance, Metered};
use crate::{ArchiveError, Contents, FORMAT, ReadLimits, VERSION};

/// What a read reserves at once, whatever an entry claims to hold.
const FIRST_BYTES: u64 = 1 << 20;

/// The entries of a zip file that is not trusted, each read whole and compared with the manifest.
pub(crate) struct Vault<R> {
    zip: ZipArchive<Metered<R>>,
    entries: HashMap<Entry, Listed>,
    limits: ReadLimits,
}

/// An entry as the manifest lists it.
#[derive(Clone, Copy)]
struct Listed {
    /// In the zip file.
    index: usize,
    size: u64,
    sha256: Digest,
}

/// Opens a zip file. Gives its manifest, and the names of entries that are passed over.
pub(crate) fn open<R: Read + Seek>(
    input: R,
    limits: ReadLimits,
) -> Result<(Vault<R>, Contents, Vec<String>), ArchiveError> {
    let allowance = Allowance::new(limits.listing_bytes());
    let opened = ZipArchive::new(Metered::new(input, allowance.clone()));
    if allowance.is_used_up() {
        let what = "the archive's list of entries".to_owned();
        let (size, limit) = (limits.listing_bytes(), limits.listing_bytes());
        return Err(ArchiveError::Limit { what, size, limit, setting: "entries" });
    }
    let zip = opened.map_err(|error| ArchiveError::zip(None, error))?;
    allowance.lift();
    within("the number of entries", zip.len() as u64, limits.entries, "entries")?;
    if zip.has_duplicate_names() {
        return Err(ArchiveError::DuplicateEntry { entry: "one of its entries".to_owned() });
    }
    let mut vault = Vault { zip, entries: HashMap::new(), limits };
    let contents = vault.contents()?;
    let ignored = vault.list(&contents)?;
    Ok((vault, contents, ignored))
}

impl<R: Read + Seek> Vault<R> {
    /// Reads the manifest, the one entry that nothing else vouches for.
    fn contents(&mut self) -> Result<Contents, ArchiveError> {
        let name = Entry::Manifest.to_string();
        let index = self.zip.index_for_name(&name).ok_or_else(|| ArchiveError::MissingEntry {
            entry: name.clone(),
            needed_by: "every reader".to_owned(),
        })?;
        let limits = self.limits;
        let file = file(&mut self.zip, index, &name)?;
        let size = file.size();
        within(&name, size, limits.document_bytes, "document_bytes")?;
        // It lists what the zip file's own list may hold, and is in memory as a whole.
        within(&name, size, limits.listing_bytes(), "entries")?;
        within(&name, size, limits.inflated(file.compressed_size()), "compression_ratio")?;
        let mut reader = Hashed::new(file, size);
        let contents: Result<Contents, _> = serde_json::from_reader(BufReader::new(&mut reader));
        reader.drain().map_err(|error| ArchiveError::reading(&name, error))?;
        let contents =
            contents.map_err(|error| ArchiveError::Json { entry: name, reason: error.to_string() })?;
        if contents.format != FORMAT || !(1..=VERSION).contains(&contents.version) {
            let Contents { format, version, .. } = contents;
            return Err(ArchiveError::Format { format: format.chars().take(64).collect(), version });
        }
        Ok(contents)
    }

    /// Compares the manifest with the zip file's own list, and gives what only one of them has or nobody knows.
    fn list(&mut self, contents: &Contents) -> Result<Vec<String>, ArchiveError> {
        let mut ignored = Vec::new();
        let mut total = 0_u64;
        let mut listed_names = HashSet::from([Entry::Manifest.to_string()]);
        for listed in &contents.entries {
            let name = &listed.path;
            if !listed_names.insert(name.clone()) {
                return Err(ArchiveError::DuplicateEntry { entry: name.clone() });
            }
            let index = self.zip.index_for_name(name).ok_or_else(|| ArchiveError::MissingEntry {
                entry: name.clone(),
                needed_by: Entry::Manifest.to_string(),
            })?;
            let Some(entry) = Entry::parse(name) else {
                ignored.push(name.clone());
                continue;
            };
            let (limit, setting) = limit_of(&entry, &self.limits);
            within(name, listed.size, limit, setting)?;
            total = total.saturating_add(listed.size);
            within("the sum of all entries", total, self.limits.total_bytes, "total_bytes")?;
            let file = self.zip.by_index_data(index).map_err(|error| ArchiveError::zip(Some(name), error))?;
            if file.size() != listed.size {
                let reason = format!("it has {} bytes and should have {}", file.size(), listed.size);
                return Err(ArchiveError::Changed { entry: name.clone(), reason });
            }
            within(name, listed.size, self.limits.inflated(file.compressed_size()), "compression_ratio")?;
            self.entries.insert(entry, Listed { index, size: listed.size, sha256: listed.sha256 });
        }
        for index in 0..self.zip.len() {
            let name = match self.zip.name_for_index(index) {
                Some(Ok(name)) => name.into_owned(),
                _ => format!("entry {index}, whose name is no text"),
            };
            if !listed_names.contains(&name) && !name.ends_with('/') {
                ignored.push(name);
            }
        }
        Ok(ignored)
    }

    /// Every entry that the manifest lists and that this version knows, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.keys()
    }

    /// The same in the order of the zip file.
    pub(crate) fn in_order(&self) -> Vec<Entry> {
        let mut entries: Vec<(usize, &Entry)> =
            self.entries.iter().map(|(entry, listed)| (listed.index, entry)).collect();
        entries.sort_unstable_by_key(|(index, _)| *index);
        entries.into_iter().map(|(_, entry)| entry.clone()).collect()
    }

    pub(crate) fn has(&self, entry: &Entry) -> bool {
        self.entries.contains_key(entry)
    }

    /// The entry's bytes in number, by the manifest.
    pub(crate) fn size(&self, entry: &Entry) -> Option<u64> {
        self.entries.get(entry).map(|listed| listed.size)
    }

    /// The entry's bytes, which are what the manifest says.
    pub(crate) fn bytes(&mut self, entry: &Entry) -> Result<Vec<u8>, ArchiveError> {
        self.read(entry, |reader, size| {
            let mut bytes = Vec::with_capacity(usize::try_from(size.min(FIRST_BYTES)).unwrap_or(0));
            reader.read_to_end(&mut bytes)?;
            Ok(Ok(bytes))
        })
    }

    /// The entry's JSON, if its bytes are what the manifest says.
    pub(crate) fn json<T: DeserializeOwned>(&mut self, entry: &Entry) -> Result<T, ArchiveError> {
        self.read(entry, |reader, _| Ok(serde_json::from_reader(BufReader::new(reader))))
    }

    /// Reads the entry to its end and keeps nothing of it.
    pub(crate) fn check(&mut self, entry: &Entry) -> Result<(), ArchiveError> {
        self.read(entry, |_, _| Ok(Ok(())))
    }

    /// What is made of an entry counts only once all of it was read and found right; else that is the error.
    fn read<T>(
        &mut self,
        entry: &Entry,
        make: impl FnOnce(&mut dyn Read, u64) -> io::Result<serde_json::Result<T>>,
    ) -> Result<T, ArchiveError> {
        let name = entry.to_string();
        let Listed { index, size, sha256 } = *self.entries.get(entry).ok_or_else(|| {
            ArchiveError::MissingEntry { entry: name.clone(), needed_by: "its project".to_owned() }
        })?;
        let mut reader = Hashed::new(file(&mut self.zip, index, &name)?, size);
        let made = make(&mut reader, size).map_err(|error| ArchiveError::reading(&name, error))?;
        let (found_size, found) = reader.drain().map_err(|error| ArchiveError::reading(&name, error))?;
        if found_size != size {
            let reason = format!("it has {found_size} bytes or more and should have {size}");
            return Err(ArchiveError::Changed { entry: name, reason });
        }
        if found != sha256 {
            let reason = format!("its SHA-256 is {found} and should be {sha256}");
            return Err(ArchiveError::Changed { entry: name, reason });
        }
        made.map_err(|error| ArchiveError::Json { entry: name, reason: error.to_string() })
    }
}

fn file<'a, R: Read + Seek>(
    zip: &'a mut ZipArchive<Metered<R>>,
    index: usize,
    name: &str,
) -> Result<ZipFile<'a, Metered<R>>, ArchiveError> {
    zip.by_index(index).map_err(|error| ArchiveError::zip(Some(name), error))
}

fn within(what: &str, size: u64, limit: u64, setting: &'static str) -> Result<(), ArchiveError> {
    if size <= limit {
        return Ok(());
    }
    Err(ArchiveError::Limit { what: what.to_owned(), size, limit, setting })
}

/// How large an entry may be, and the name of that limit.
fn limit_of(entry: &Entry, limits: &ReadLimits) -> (u64, &'static str) {
    use IterationEntry as I;
    use ProjectEntry as P;
    match entry {
        Entry::Manifest
        | Entry::Audit
        | Entry::Project(
            _,
            P::Annotations | P::Tags | P::PredictionsCsv | P::Predictions | P::Iteration(_, I::Manifest),
        ) => (limits.document_bytes, "document_bytes"),
        Entry::Project(_, P::Photo(..) | P::PredictionPhoto(..)) => (limits.photo_bytes, "photo_bytes"),
        Entry::Project(_, P::Iteration(_, I::ModelFile | I::StoredModel | I::ExportFile(..))) => {
            (limits.model_bytes, "model_bytes")
        }
        Entry::Account
        | Entry::Holds
        | Entry::Receipt(_)
        | Entry::Project(_, P::Record | P::Iteration(_, I::Record | I::Performance | I::Export(_))) => {
            (limits.record_bytes, "record_bytes")
        }
    }
}

/// Reads at most one byte more than an entry should have, and hashes what it reads.
struct Hashed<R> {
    inner: io::Take<R>,
    hasher: Sha256,
    read: u64,
}

impl<R: Read> Hashed<R> {
    fn new(inner: R, size: u64) -> Self {
        Self { inner: inner.take(size.saturating_add(1)), hasher: Sha256::new(), read: 0 }
    }

    /// Reads what is left. Gives how much there was in all, and its SHA-256.
    fn drain(mut self) -> io::Result<(u64, Digest)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((self.read, Digest::from_bytes(self.hasher.finalize().into())))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}
