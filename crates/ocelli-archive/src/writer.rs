use std::io::{Read, Seek, Write};

use ocelli_core::{ProjectId, Timestamp};
use serde_json::Value;
use zip::CompressionMethod;

use crate::entry::{Entry, is_receipt_name};
use crate::sink::Sink;
use crate::{ArchiveError, ProjectRecord, ProjectWriter, Written};

/// Writes an archive: what belongs to no project, and one project after another.
///
/// Photos, models and the audit log go straight to the output. The lists of photos and predictions, which grow while
/// photos are written, are held in memory compressed. After an error the archive is given up: throw away what was
/// written.
pub struct ArchiveWriter<W: Write + Seek> {
    pub(crate) sink: Sink<W>,
    pub(crate) created: Timestamp,
    pub(crate) projects: Vec<ProjectId>,
    /// The project whose writer is at work, or was dropped.
    pub(crate) unfinished: Option<ProjectId>,
}

impl<W: Write + Seek> ArchiveWriter<W> {
    /// Begins an archive, made at this moment. `out` must be empty, and benefits from being buffered.
    pub fn new(out: W, created: Timestamp) -> Self {
        Self { sink: Sink::new(out, created), created, projects: Vec::new(), unfinished: None }
    }

    /// What belongs to no project, in a form of the caller's.
    pub fn account(&mut self, account: &Value) -> Result<(), ArchiveError> {
        self.sink.json(&Entry::Account, account)
    }

    /// The holds, in a form of the caller's.
    pub fn holds(&mut self, holds: &Value) -> Result<(), ArchiveError> {
        self.sink.json(&Entry::Holds, holds)
    }

    /// The audit log, one JSON value a line; its bytes are kept as they are.
    pub fn audit(&mut self, log: impl Read) -> Result<(), ArchiveError> {
        self.sink.copy(&Entry::Audit, CompressionMethod::Deflated, None, log)
    }

    /// A receipt, under a name of 1 to 64 lower-case letters, digits, `-` and `_`; its bytes, which are signed, are
    /// kept as they are.
    pub fn receipt(&mut self, name: &str, receipt: &[u8]) -> Result<(), ArchiveError> {
        if !is_receipt_name(name) {
            return Err(ArchiveError::EntryName { what: "a receipt", name: name.to_owned() });
        }
        self.sink.store(&Entry::Receipt(name.to_owned()), receipt)
    }

    /// Begins a project. Finish it before anything else is written.
    pub fn project(&mut self, record: &ProjectRecord) -> Result<ProjectWriter<'_, W>, ArchiveError> {
        if let Some(unfinished) = self.unfinished {
            return Err(ArchiveError::UnfinishedProject(unfinished));
        }
        ProjectWriter::begin(self, record)
    }

    /// Writes the manifest and completes the archive. Gives back the output, flushed, and what was written.
    pub fn finish(self) -> Result<(W, Written), ArchiveError> {
        if let Some(unfinished) = self.unfinished {
            return Err(ArchiveError::UnfinishedProject(unfinished));
        }
        self.sink.finish(self.created, self.projects)
    }
}
