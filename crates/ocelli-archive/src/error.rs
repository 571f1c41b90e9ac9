use std::io;
use std::path::PathBuf;

use ocelli_core::{ErrorCode, ExportId, ProjectId};

/// Why an archive or a folder could not be written or read, with the entry that is wrong and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The medium that the archive is read from failed.
    #[error("the archive cannot be read: {0}")]
    Input(#[source] io::Error),
    /// The medium that the archive is written to failed.
    #[error("the archive cannot be written: {0}")]
    Output(#[source] io::Error),
    /// A folder that cannot be listed.
    #[error("the folder {path:?} cannot be read: {source}; name a folder that this program may list")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A photo beside a Custom Vision response that cannot be read any more.
    #[error("the photo {path:?} cannot be read: {source}")]
    Photo {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },

    /// Bytes that are no zip file, or one that is damaged where its entries are listed.
    #[error(
        "this is not an archive that can be read ({reason}); it must be a whole zip file as it was written"
    )]
    NotAnArchive {
        /// What is wrong.
        reason: String,
    },
    /// An archive of another kind or of a later version.
    #[error(
        "manifest.json names the format {format:?}, version {version}; this program reads {:?} up to version {}",
        crate::FORMAT,
        crate::VERSION
    )]
    Format {
        /// As found.
        format: String,
        /// As found.
        version: u32,
    },
    /// Something that the archive must hold.
    #[error(
        "the archive lacks {entry}, which {needed_by} needs; it must be a whole archive as it was written"
    )]
    MissingEntry {
        /// The entry.
        entry: String,
        /// What refers to it.
        needed_by: String,
    },
    /// Two entries of one name.
    #[error("the archive holds {entry} twice; each entry must occur once")]
    DuplicateEntry {
        /// The entry.
        entry: String,
    },
    /// More than a limit allows; see [`ReadLimits`](crate::ReadLimits).
    #[error(
        "{what} comes to {size}, and at most {limit} is read; raise `ReadLimits::{setting}` if it is trusted"
    )]
    Limit {
        /// What is too large or too many.
        what: String,
        /// How large it is, at least.
        size: u64,
        /// How large it may be.
        limit: u64,
        /// The limit's name.
        setting: &'static str,
    },
    /// An entry that is not what the manifest says.
    #[error("{entry} is not what manifest.json says: {reason}; it was changed after the archive was written")]
    Changed {
        /// The entry.
        entry: String,
        /// How it differs.
        reason: String,
    },
    /// An entry whose compressed bytes are damaged, or that is compressed in a way that is not read.
    #[error(
        "{entry} is damaged: {reason}; entries are stored or deflated, unencrypted, with a right checksum"
    )]
    Damaged {
        /// The entry.
        entry: String,
        /// What is wrong.
        reason: String,
    },
    /// An entry that is not the JSON that is expected there.
    #[error("{entry} cannot be understood: {reason}")]
    Json {
        /// The entry.
        entry: String,
        /// What is wrong and where.
        reason: String,
    },
    /// A record that contradicts itself or another.
    #[error("{record} in {entry}: {reason}")]
    Record {
        /// The entry.
        entry: String,
        /// Which record of it.
        record: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// An id that occurs twice where each must be its own.
    #[error("{what} {id} occurs twice in {entry}; ids must differ")]
    RepeatedId {
        /// The entry.
        entry: String,
        /// What the id is of.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// An id that refers to nothing.
    #[error("{by} refers to {what} {id}, which {entry} does not hold")]
    UnknownReference {
        /// Where it should be.
        entry: String,
        /// What the id is of.
        what: &'static str,
        /// The id.
        id: String,
        /// What refers to it.
        by: String,
    },
    /// Asked of a reader for something that the archive does not hold.
    #[error("the archive holds no {what} {id}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
        /// Its id or name.
        id: String,
    },

    /// The writer of a project was dropped before it was finished.
    #[error(
        "the project {0} was begun and not finished; call `ProjectWriter::finish`, or throw the archive away"
    )]
    UnfinishedProject(ProjectId),
    /// An entry that a writer was given twice.
    #[error("{entry} is in the archive already; write it once")]
    WrittenTwice {
        /// The entry.
        entry: String,
    },
    /// A name that cannot be part of an entry's name.
    #[error("{name:?} is no name for {what}; use 1 to 64 lower-case letters, digits, `-` and `_`")]
    EntryName {
        /// What is named.
        what: &'static str,
        /// As given.
        name: String,
    },
    /// Files of an export other than its record says.
    #[error(
        "the export {export} lists files of the sizes {listed:?} and was given {given:?}; give them in its order"
    )]
    ExportFiles {
        /// The export.
        export: ExportId,
        /// Bytes of each file by the record.
        listed: Vec<u64>,
        /// Bytes of each file as given.
        given: Vec<u64>,
    },
    /// A photo of a prediction whose record says that none is kept, or the reverse.
    #[error("the prediction {id} {}", if *.kept { "keeps its photo, and none was given" } else { "keeps no photo, and one was given" })]
    PredictionPhoto {
        /// The prediction.
        id: String,
        /// What its record says.
        kept: bool,
    },
    /// A value that JSON cannot hold.
    #[error("{entry} cannot be written as JSON: {reason}")]
    Unwritable {
        /// The entry.
        entry: String,
        /// Why not.
        reason: String,
    },
}

impl ArchiveError {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Input(_) | Self::Folder { .. } | Self::Photo { .. } => {
                ErrorCode::ErrorProjectImportRequestFailed
            }
            Self::Output(_) | Self::Unwritable { .. } => ErrorCode::ErrorProjectExportRequestFailed,
            Self::NotAnArchive { .. }
            | Self::Format { .. }
            | Self::MissingEntry { .. }
            | Self::DuplicateEntry { .. }
            | Self::Changed { .. }
            | Self::Damaged { .. }
            | Self::Json { .. }
            | Self::Record { .. }
            | Self::RepeatedId { .. }
            | Self::UnknownReference { .. } => ErrorCode::BadRequestInvalid,
            Self::Limit { .. } => ErrorCode::BadRequestExceededQuota,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::UnfinishedProject(_)
            | Self::WrittenTwice { .. }
            | Self::EntryName { .. }
            | Self::ExportFiles { .. }
            | Self::PredictionPhoto { .. } => ErrorCode::BadRequest,
        }
    }

    /// What a reader of the entry met: a wrong entry where its content is at fault, else the medium.
    pub(crate) fn reading(entry: &str, error: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        // A failure inside an entry's stream carries its own kind; damage shows as one of these.
        match error.kind() {
            InvalidData | InvalidInput | UnexpectedEof | io::ErrorKind::Other => {
                Self::Damaged { entry: entry.to_owned(), reason: error.to_string() }
            }
            _ => Self::Input(error),
        }
    }

    /// What `zip` refused in an entry or in the list of entries.
    pub(crate) fn zip(entry: Option<&str>, error: zip::result::ZipError) -> Self {
        match (entry, error) {
            (Some(entry), zip::result::ZipError::Io(error)) => Self::reading(entry, error),
            (Some(entry), error) => Self::Damaged { entry: entry.to_owned(), reason: error.to_string() },
            (None, zip::result::ZipError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Self::Input(error)
            }
            (None, error) => Self::NotAnArchive { reason: error.to_string() },
        }
    }
}
