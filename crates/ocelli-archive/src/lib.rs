//! What leaves Ocelli and what comes to it: archives of projects.
mod coco;
mod contents;
pub mod custom_vision;
mod document;
mod entry;
mod error;
mod metered;
mod output;
mod photo_format;
mod prediction_table;
mod project_reader;
mod project_writer;
mod read_limits;
mod reader;
mod record_list;
mod records;
mod sink;
mod vault;
mod writer;

pub use contents::{Contents, ContentsEntry, FORMAT, VERSION, Written};
pub use error::ArchiveError;
pub use project_reader::ProjectReader;
pub use project_writer::ProjectWriter;
pub use read_limits::ReadLimits;
pub use reader::ArchiveReader;
pub use records::{ImageRecord, IterationRecord, ModelFiles, PredictionRecord, ProjectRecord};
pub use writer::ArchiveWriter;
