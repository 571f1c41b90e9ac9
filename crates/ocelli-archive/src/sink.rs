use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

use ocelli_core::{Digest, ProjectId, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::document::{Document, FinishedDocument};
use crate::entry::Entry;
use crate::output::{Abandon, Output};
use crate::{ArchiveError, Contents, ContentsEntry, FORMAT, VERSION, Written};

/// Above this an entry is announced as one that may pass 4 GiB.
const LARGE: u64 = u32::MAX as u64 - (1 << 20);

/// The zip file under way, with what its manifest will say.
pub(crate) struct Sink<W: Write + Seek> {
    /// None once it is finished.
    zip: Option<ZipWriter<Output<W>>>,
    abandon: Abandon,
    options: SimpleFileOptions,
    entries: BTreeMap<String, (u64, Digest)>,
}

impl<W: Write + Seek> Sink<W> {
    pub(crate) fn new(out: W, created: Timestamp) -> Self {
        let abandon = Abandon::default();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip_time(created).unwrap_or_default())
            .unix_permissions(0o644);
        let zip = Some(ZipWriter::new(Output::new(out, abandon.clone())));
        Self { zip, abandon, options, entries: BTreeMap::new() }
    }

    /// Writes bytes as they are.
    pub(crate) fn store(&mut self, entry: &Entry, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.copy(entry, CompressionMethod::Stored, Some(bytes.len() as u64), bytes)
    }

    /// Writes a JSON document, indented.
    pub(crate) fn json(&mut self, entry: &Entry, value: &impl Serialize) -> Result<(), ArchiveError> {
        let mut document = Document::new();
        serde_json::to_writer_pretty(&mut document, value).map_err(|error| unwritable(entry, &error))?;
        self.document(entry, document)
    }

    pub(crate) fn document(&mut self, entry: &Entry, document: Document) -> Result<(), ArchiveError> {
        let document = document.finish().map_err(ArchiveError::Output)?;
        self.assembled(entry, &[&document], document.read())
    }

    /// Writes what is read from `bytes`, which holds `documents` and little else.
    pub(crate) fn assembled(
        &mut self,
        entry: &Entry,
        documents: &[&FinishedDocument],
        bytes: impl Read,
    ) -> Result<(), ArchiveError> {
        let deflated = documents.iter().all(|document| document.is_worth_deflating());
        let method = if deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        self.copy(entry, method, Some(documents.iter().map(|document| document.size()).sum()), bytes)
    }

    /// Writes what is read from `bytes`, about `size` of them where that is known.
    pub(crate) fn copy(
        &mut self,
        entry: &Entry,
        method: CompressionMethod,
        size: Option<u64>,
        bytes: impl Read,
    ) -> Result<(), ArchiveError> {
        let path = entry.to_string();
        if self.entries.contains_key(&path) {
            return Err(ArchiveError::WrittenTwice { entry: path });
        }
        let options =
            self.options.compression_method(method).large_file(size.is_none_or(|size| size >= LARGE));
        let Some(zip) = self.zip.as_mut() else { return Err(ArchiveError::Output(abandoned())) };
        let written = zip
            .start_file(path.as_str(), options)
            .map_err(|error| ArchiveError::Output(error.into()))
            .and_then(|()| hash_copy(bytes, zip).map_err(ArchiveError::Output));
        match written {
            Ok(written) => {
                self.entries.insert(path, written);
                Ok(())
            }
            Err(error) => {
                // What is there cannot be completed any more.
                self.abandon();
                Err(error)
            }
        }
    }

    /// Writes the manifest and completes the zip file.
    pub(crate) fn finish(
        mut self,
        created: Timestamp,
        projects: Vec<ProjectId>,
    ) -> Result<(W, Written), ArchiveError> {
        let entries = std::mem::take(&mut self.entries);
        let entries = entries.into_iter().map(|(path, (size, sha256))| ContentsEntry { path, size, sha256 });
        let entries: Vec<ContentsEntry> = entries.collect();
        let (count, bytes) = (entries.len() as u64, entries.iter().map(|entry| entry.size).sum::<u64>());
        let contents = Contents { format: FORMAT.to_owned(), version: VERSION, created, projects, entries };
        self.json(&Entry::Manifest, &contents)?;
        let (size, manifest_sha256) = self
            .entries
            .get(&Entry::Manifest.to_string())
            .copied()
            .ok_or_else(|| ArchiveError::Output(abandoned()))?;
        let zip = self.zip.take().ok_or_else(|| ArchiveError::Output(abandoned()))?;
        let mut output = zip.finish().map_err(|error| ArchiveError::Output(error.into()))?;
        output.flush().map_err(ArchiveError::Output)?;
        Ok((output.into_inner(), Written { entries: count + 1, bytes: bytes + size, manifest_sha256 }))
    }

    fn abandon(&mut self) {
        self.abandon.now();
        self.zip = None;
    }
}

impl<W: Write + Seek> Drop for Sink<W> {
    fn drop(&mut self) {
        self.abandon();
    }
}

pub(crate) fn unwritable(entry: &Entry, error: &dyn std::error::Error) -> ArchiveError {
    ArchiveError::Unwritable { entry: entry.to_string(), reason: error.to_string() }
}

fn abandoned() -> io::Error {
    io::Error::other("an earlier write failed, and the archive was given up")
}

/// Copies everything and tells how much it was and its SHA-256.
fn hash_copy(mut from: impl Read, to: &mut impl Write) -> io::Result<(u64, Digest)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(read);
        to.write_all(read)?;
        size += read.len() as u64;
    }
    Ok((size, Digest::from_bytes(hasher.finalize().into())))
}

/// The moment as zip files write it, in UTC; none before 1980 and after 2107.
fn zip_time(at: Timestamp) -> Option<DateTime> {
    let text = at.to_string();
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
    let small = |range| u8::try_from(number(range)?).ok();
    DateTime::from_date_and_time(
        number(0..4)?,
        small(5..7)?,
        small(8..10)?,
        small(11..13)?,
        small(14..16)?,
        small(17..19)?,
    )
    .ok()
}
