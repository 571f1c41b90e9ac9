//! What leaves Ocelli and what comes to it, in formats that other tools read; without any store.
//!
//! - An *archive* is one zip file with everything that some projects hold: [`ArchiveWriter`], [`ArchiveReader`].
//! - [`custom_vision`] reads a folder of what Azure AI Custom Vision's training API answered.
//!
//! ```
//! use std::io::Cursor;
//!
//! use ocelli_archive::{ArchiveReader, ArchiveWriter, ImageRecord, ProjectRecord, ReadLimits};
//! # use ocelli_core::*;
//! # let at = Timestamp::from_millis(1_700_000_000_000);
//! # let project = Project {
//! #     id: ProjectId::new(at, [1; 10]),
//! #     name: Name::new("trees")?,
//! #     description: Description::default(),
//! #     settings: ProjectSettings::default(),
//! #     created: at,
//! #     last_modified: at,
//! #     deleted: None,
//! # };
//! # let image = Image {
//! #     id: ImageId::new(at, [2; 10]),
//! #     created: at,
//! #     width: 2,
//! #     height: 1,
//! #     tags: vec![],
//! #     regions: vec![],
//! #     metadata: Metadata::default(),
//! #     origin: Origin::Upload { name: None },
//! # };
//! # let bytes = b"\xff\xd8\xff a photo";
//! let record = ProjectRecord { project, tags: vec![], extras: Default::default() };
//! let mut archive = ArchiveWriter::new(Cursor::new(Vec::new()), at);
//! let mut writer = archive.project(&record)?;
//! writer.image(&ImageRecord { image, salt: None, commitment: None }, bytes)?;
//! writer.finish()?;
//! let (file, written) = archive.finish()?;
//! println!("keep this to know the archive by: {}", written.manifest_sha256);
//!
//! let mut archive = ArchiveReader::open(file, ReadLimits::default())?;
//! archive.verify()?;
//! let id = archive.projects()[0];
//! let mut project = archive.project(id)?;
//! assert_eq!(project.record(), &record);
//! let image = project.images()[0].image.id;
//! assert_eq!(project.image_bytes(image)?, bytes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What an archive holds
//!
//! | entry | what | form |
//! |---|---|---|
//! | `manifest.json` | [`Contents`]: every other entry with its size and SHA-256 | JSON |
//! | `account.json`, `holds.json` | what belongs to no project | JSON, the caller's |
//! | `audit.jsonl`, `receipts/*.json` | the audit log, receipts | bytes, the caller's |
//! | `projects/<id>/project.json` | the project, and what else the caller keeps with it | JSON |
//! | `.../annotations.json` | photos, tags, regions | [COCO](https://cocodataset.org/#format-data) |
//! | `.../photos/<image id>.jpg` and so on | photos to train on, uncompressed | as they were |
//! | `.../tags.csv` | a row for each tag of each whole photo | CSV |
//! | `.../predictions.csv` | a row for each tag of each kept prediction | CSV |
//! | `.../predictions.json`, `predictions/<prediction id>.jpg` | the same, exactly, and the photos that are kept | JSON, as they were |
//! | `.../iterations/<id>/iteration.json` | an iteration, and what else the caller keeps with it | JSON |
//! | `.../manifest.json`, `performance.json` | what it was trained on and answered; its figures at the default threshold | JSON |
//! | `.../model.safetensors` | its model, self-contained | safetensors |
//! | `.../head.bin` | its own part of the model | the store's |
//! | `.../exports/<id>.json`, `exports/<id>/<file>` | its exports; file names are made safe | JSON, ONNX and so on |
//!
//! **COCO.** The images' `file_name` is from `photos/`: name that folder as the root of the images. Ids are
//! 1, 2, 3 ... as COCO has them; boxes are in pixels. What COCO has no place for, and every exact value, stands under
//! `ocelli` in each record, so that reading gives back what was written, bit for bit. COCO knows no tags of whole photos,
//! and its tools stumble over an annotation without a box: those tags stand under `ocelli` of the image, and in
//! `tags.csv` for whoever trains a classifier.
//!
//! **CSV** is RFC 4180's, in UTF-8 without a mark. A number is the shortest decimal that reads back as the same f32. The
//! texts are exactly those that people wrote: a spreadsheet takes one that begins with `=`, `+`, `-` or `@` for a
//! formula, and no quoting prevents that, so import the columns as text. The tables are for other tools; reading an
//! archive takes nothing from them.
//!
//! # What reading relies on
//!
//! Nothing: [`ArchiveReader`] keeps to [`ReadLimits`], uses no name as a path, reads no entry that the manifest does not
//! list, and gives back nothing whose SHA-256 is not the manifest's. An archive that was changed by accident is refused.
//! One that was changed on purpose, with its manifest, is only told by [`Written::manifest_sha256`]: keep it where an
//! archive's carrier cannot reach, in the audit log for instance. An archive is not encrypted; whoever has it can read it.
//!
//! Photos and models are read one at a time. Records are held in memory while a project is written (compressed) or
//! read.

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
