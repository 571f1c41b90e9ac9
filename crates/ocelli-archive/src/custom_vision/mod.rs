//! Coming from Azure AI Custom Vision: a folder with what its training API answered, and the photos beside it.
//!
//! Save the answers of `GetTags`, `GetTaggedImages`, `GetUntaggedImages` (or `GetImages`) and `GetIterations` as
//! JSON files, as many pages as there are, and download the photos under their ids (`<image id>.jpg`) or under the
//! last part of their address. Then
//!
//! ```no_run
//! # use ocelli_archive::custom_vision::{CustomVisionProject, FolderLimits};
//! # use ocelli_core::Timestamp;
//! let now = Timestamp::from(std::time::SystemTime::now());
//! let project = CustomVisionProject::read("saved".as_ref(), now, FolderLimits::default())?;
//! for problem in &project.problems {
//!     eprintln!("{problem}");
//! }
//! for image in &project.images {
//!     if image.file.is_some() {
//!         let bytes = project.photo_bytes(image)?;
//!         // ... store the photo with image.image.tags, .regions and .metadata
//! #       drop(bytes);
//!     }
//! }
//! # Ok::<(), ocelli_archive::ArchiveError>(())
//! ```
//!
//! # Which files are read
//!
//! Files `*.json` of the folder and its subfolders. What a file holds is told by how its name begins, whatever its case
//! and punctuation: `GetTags` or `tags`; `GetTaggedImages`, `GetUntaggedImages`, `GetImages` or those without `Get`;
//! `GetIterations` or `iterations`; for other names by the form of each record. A file holds an array, one object, or
//! `{"value": [...]}`, in UTF-8, or in UTF-16 with a byte order mark, as Windows PowerShell writes it. Names are taken in
//! `camelCase`, as the service sends them, and in `snake_case`, as its Python client's `as_dict` writes them. Properties
//! that are not known are passed over.
//!
//! Symbolic links are never followed.

mod folder;
mod json;
mod merge;
mod problem;
mod wire;

use std::path::{Path, PathBuf};

use ocelli_core::{Image, ImageId, IterationId, Tag, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ArchiveError;
pub use folder::FolderLimits;
pub use problem::Problem;

/// A project as Custom Vision described it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomVisionProject {
    /// The folder that it was read from.
    pub folder: PathBuf,
    /// The largest photo that is read, in bytes.
    pub photo_bytes: u64,
    /// The tags. Their names differ, and at most one is negative.
    pub tags: Vec<Tag>,
    /// The photos, oldest first. Their tags and regions are of `tags`.
    pub images: Vec<CustomVisionImage>,
    /// The iterations: what is known of them. Their models stay with the service.
    pub iterations: Vec<CustomVisionIteration>,
    /// What was damaged, missing or contradictory. It harmed nothing but what it names.
    pub problems: Vec<Problem>,
}

/// A photo as Custom Vision described it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomVisionImage {
    /// The photo under its id there, with its tags, regions and metadata. Width and height are 0 where they were
    /// not told; its origin's name is its file's.
    pub image: Image,
    /// Its file, from the folder; none where there is no such file, which is among the problems.
    pub file: Option<PathBuf>,
}

/// An iteration as Custom Vision described it: kept to be shown. The texts are the service's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomVisionIteration {
    /// Its id.
    pub id: IterationId,
    /// Its name.
    pub name: String,
    /// `Completed`, `Failed` and so on; no enumeration there.
    pub status: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it last changed.
    pub last_modified: Option<Timestamp>,
    /// When its training ended.
    pub trained_at: Option<Timestamp>,
    /// The domain's id.
    pub domain_id: Option<String>,
    /// `Multiclass` or `Multilabel`.
    pub classification_type: Option<String>,
    /// `Regular` or `Advanced`.
    pub training_type: Option<String>,
    /// What the training took, in minutes.
    pub training_time_in_minutes: Option<f64>,
    /// The name under which it was published.
    pub publish_name: Option<String>,
}

impl CustomVisionProject {
    /// Reads a folder of saved responses. `now` stands in for moments that a record of a photo lacks.
    ///
    /// Fails only where the folder itself cannot be listed or holds more files, or more JSON, than `limits` allows.
    pub fn read(folder: &Path, now: Timestamp, limits: FolderLimits) -> Result<Self, ArchiveError> {
        let files = folder::list(folder, &limits)?;
        let mut merge = merge::Merge::new(now);
        let mut total = 0_u64;
        for file in &files.responses {
            match folder::read_response(folder, file, &limits) {
                Ok(text) => {
                    total = total.saturating_add(text.len() as u64);
                    if total > limits.all_response_bytes {
                        let (what, limit) =
                            (format!("the saved responses in {folder:?}"), limits.all_response_bytes);
                        return Err(ArchiveError::Limit {
                            what,
                            size: total,
                            limit,
                            setting: "all_response_bytes",
                        });
                    }
                    merge.add_file(&file.display().to_string(), &text);
                }
                Err(problem) => merge.add_problem(problem),
            }
        }
        let mut project = merge.finish(&files, &limits);
        project.folder = folder.to_owned();
        project.photo_bytes = limits.photo_bytes;
        Ok(project)
    }

    /// Reads the bytes of a photo: what its file holds now, if it is a file still and within the limit.
    pub fn photo_bytes(&self, image: &CustomVisionImage) -> Result<Vec<u8>, ArchiveError> {
        let not_found = || ArchiveError::NotFound { what: "photo", id: image.image.id.to_string() };
        folder::read_photo(&self.folder, image.file.as_deref().ok_or_else(not_found)?, self.photo_bytes)
    }

    /// The photo of this id.
    pub fn image(&self, id: ImageId) -> Option<&CustomVisionImage> {
        self.images.iter().find(|image| image.image.id == id)
    }
}

#[cfg(test)]
mod tests;
