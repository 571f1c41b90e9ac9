use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ocelli_core::{
    BoundingBox, ErrorCode, Image, ImageCreateStatus, ImageId, ImageTag, Metadata, Name, Origin, Region,
    RegionId, Salt, TagId, Timestamp, limits,
};
use ocelli_imaging::{DecodeLimits, ImagingError, decode, strip_metadata};
use ocelli_store::{AddedImage, Applied, Change, NewImage, StoreError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::ocelli::Shared;
use crate::{Error, ProjectHandle};

/// Bytes of photos that are read before they are stored together.
const BATCH_BYTES: u64 = 32_000_000;

/// Where a photo's bytes come from.
#[derive(Clone, Debug)]
enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// A region to draw on a photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRegion {
    /// What it shows.
    pub tag_id: TagId,
    /// Where, in the upright photo.
    pub bounds: BoundingBox,
}

/// A photo to add, with what is known about it.
#[derive(Clone, Debug)]
pub struct Upload {
    source: Source,
    name: Option<String>,
    tags: Vec<TagId>,
    regions: Vec<NewRegion>,
    metadata: Metadata,
}

impl Upload {
    /// A photo from its bytes: JPEG, PNG, BMP, GIF or WebP.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Source::Bytes(bytes.into()), None)
    }

    /// A photo from a file, named after it.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self::new(Source::File(path), name)
    }

    fn new(source: Source, name: Option<String>) -> Self {
        Self { source, name, tags: Vec::new(), regions: Vec::new(), metadata: Metadata::default() }
    }

    /// The name that the photo is shown under and reported with; it is cut to [`limits::MAX_NAME`] characters.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Gives the photo a tag.
    pub fn tag(mut self, tag: TagId) -> Self {
        self.tags.push(tag);
        self
    }

    /// Gives the photo tags.
    pub fn tags(mut self, tags: impl IntoIterator<Item = TagId>) -> Self {
        self.tags.extend(tags);
        self
    }

    /// Draws a region on the photo.
    pub fn region(mut self, tag_id: TagId, bounds: BoundingBox) -> Self {
        self.regions.push(NewRegion { tag_id, bounds });
        self
    }

    /// Attaches facts to the photo.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The tags of the photo and of its regions.
    fn tag_ids(&self) -> impl Iterator<Item = TagId> {
        self.tags.iter().copied().chain(self.regions.iter().map(|region| region.tag_id))
    }

    /// Bytes of a file, 0 where they are here already or the file cannot be asked.
    fn bytes_to_read(&self) -> u64 {
        match &self.source {
            Source::Bytes(_) => 0,
            Source::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
        }
    }
}

/// What became of one photo.
#[derive(Debug)]
pub struct UploadResult {
    /// The name that it was given, or its file's.
    pub name: Option<String>,
    /// In Custom Vision's terms.
    pub status: ImageCreateStatus,
    /// The photo as it is in the project now, or what is wrong with it.
    pub image: Result<AddedImage, Error>,
}

/// What became of each photo of an upload, in the order given.
#[derive(Debug, Default)]
pub struct UploadSummary {
    /// One entry a photo.
    pub results: Vec<UploadResult>,
}

impl UploadSummary {
    /// Whether every photo is in the project now.
    pub fn is_batch_successful(&self) -> bool {
        self.results.iter().all(|result| result.status.is_ok())
    }

    /// Photos that are in the project now and were not before.
    pub fn added(&self) -> impl Iterator<Item = &AddedImage> {
        self.results.iter().filter_map(|result| result.image.as_ref().ok()).filter(|added| !added.duplicate)
    }

    /// Photos whose bytes the project had already; their tags and regions joined it.
    pub fn duplicates(&self) -> impl Iterator<Item = &AddedImage> {
        self.results.iter().filter_map(|result| result.image.as_ref().ok()).filter(|added| added.duplicate)
    }

    /// Photos that were refused, with their names and what is wrong.
    pub fn refused(&self) -> impl Iterator<Item = (Option<&str>, &Error)> {
        self.results.iter().filter_map(|result| Some((result.name.as_deref(), result.image.as_ref().err()?)))
    }
}

/// Photos that are stored together.
#[derive(Default)]
struct Batch {
    uploads: Vec<Upload>,
    tags: BTreeSet<TagId>,
    bytes: u64,
}

impl Batch {
    /// Whether the photo keeps the batch within what is stored at once.
    fn has_room(&self, upload: &Upload, tags: &BTreeSet<TagId>) -> bool {
        self.uploads.is_empty()
            || self.uploads.len() < limits::MAX_BATCH
                && self.tags.union(tags).count() <= limits::MAX_TAGS_PER_BATCH
                && self.bytes.saturating_add(upload.bytes_to_read()) <= BATCH_BYTES
    }

    fn add(&mut self, upload: Upload, tags: BTreeSet<TagId>) {
        self.bytes = self.bytes.saturating_add(upload.bytes_to_read());
        self.tags.extend(tags);
        self.uploads.push(upload);
    }
}

/// A photo that has been checked, or what is wrong with it.
struct Checked {
    name: Option<String>,
    image: Result<NewImage, Error>,
}

impl ProjectHandle {
    /// Adds a photo with these tags. Bytes that the project has already join the tags to the photo that has them.
    ///
    /// # Errors
    ///
    /// If the photo is damaged or over a limit, a tag is unknown, or the project is full.
    pub fn add_image(&self, bytes: impl Into<Vec<u8>>, tags: &[TagId]) -> Result<AddedImage, Error> {
        let upload = Upload::bytes(bytes).tags(tags.iter().copied());
        self.add_images(vec![upload])?.results.pop().ok_or_else(unanswered)?.image
    }

    /// Adds up to [`limits::MAX_BATCH`] photos. One that is refused does not keep the others out.
    ///
    /// Photos are checked and decoded on all cores, and stored durably together. Metadata within the files (GPS
    /// above all) is not stored.
    ///
    /// # Errors
    ///
    /// If there are more photos than that, the project is gone, or the store fails.
    pub fn add_images(&self, uploads: Vec<Upload>) -> Result<UploadSummary, Error> {
        if uploads.len() > limits::MAX_BATCH {
            return Err(StoreError::Limit {
                what: "photos in one upload",
                count: uploads.len(),
                limit: limits::MAX_BATCH,
                code: ErrorCode::BadRequestExceededBatchSize,
            }
            .into());
        }
        self.details()?;
        let now = self.shared.now();
        let check = || uploads.into_par_iter().map(|upload| self.shared.check(upload, now)).collect();
        let checked: Vec<Checked> = self.shared.pool.run(check)?;

        let mut results = Vec::with_capacity(checked.len());
        let mut images = Vec::new();
        for Checked { name, image } in checked {
            match image {
                Ok(image) => {
                    images.push((results.len(), image));
                    results.push(UploadResult {
                        name,
                        status: ImageCreateStatus::ErrorUnknown,
                        image: Err(unanswered()),
                    });
                }
                Err(error) => {
                    results.push(UploadResult { name, status: error.image_status(), image: Err(error) });
                }
            }
        }
        if images.is_empty() {
            return Ok(UploadSummary { results });
        }
        let (places, images): (Vec<usize>, Vec<NewImage>) = images.into_iter().unzip();
        if let Applied::Images(answers) = self.apply(Change::AddImages { project: self.id(), images })? {
            for (place, answer) in places.into_iter().zip(answers) {
                let Some(result) = results.get_mut(place) else { continue };
                (result.status, result.image) = answered(answer);
            }
        }
        Ok(UploadSummary { results })
    }

    /// Adds photos, as many as there are, in batches.
    ///
    /// # Errors
    ///
    /// If the project is gone or the store fails; what was stored until then stays.
    pub fn add_files(&self, files: impl IntoIterator<Item = Upload>) -> Result<UploadSummary, Error> {
        let mut summary = UploadSummary::default();
        let mut batch = Batch::default();
        for upload in files {
            let tags: BTreeSet<TagId> = upload.tag_ids().collect();
            if tags.len() > limits::MAX_TAGS_PER_BATCH {
                summary.results.extend(self.add_images(std::mem::take(&mut batch).uploads)?.results);
                summary.results.push(too_many_tags(upload.name, tags.len()));
                continue;
            }
            if !batch.has_room(&upload, &tags) {
                summary.results.extend(self.add_images(std::mem::take(&mut batch).uploads)?.results);
            }
            batch.add(upload, tags);
        }
        summary.results.extend(self.add_images(batch.uploads)?.results);
        Ok(summary)
    }

    /// Adds the photos of a folder that has one sub-folder a tag; tags that the project lacks are made.
    ///
    /// Files whose names begin with a dot are passed over; sub-folders of sub-folders are not entered.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read, has no sub-folders, or one whose name no tag can have; nothing has been stored
    /// then. If a tag cannot be made or the store fails; what was stored until then stays.
    pub fn add_folder(&self, folder: impl AsRef<Path>) -> Result<UploadSummary, Error> {
        let folder = folder.as_ref();
        let tag_folders = entries(folder)?.into_iter().filter(|path| path.is_dir()).map(|path| {
            let name = Name::new(path.file_name().unwrap_or_default().to_string_lossy())?;
            Ok((path, name))
        });
        let tag_folders = tag_folders.collect::<Result<Vec<(PathBuf, Name)>, Error>>()?;
        if tag_folders.is_empty() {
            return Err(Error::NoTagFolders { path: folder.to_owned() });
        }
        let mut tags: Vec<_> = self.tags()?.into_iter().map(|tag| (tag.name, tag.id)).collect();
        let mut summary = UploadSummary::default();
        for (tag_folder, name) in tag_folders {
            let tag = match tags.iter().find(|(other, _)| *other == name) {
                Some((_, tag)) => *tag,
                None => {
                    let tag = self.create_tag(&name)?.id;
                    tags.push((name, tag));
                    tag
                }
            };
            let files = entries(&tag_folder)?.into_iter().filter(|path| path.is_file());
            summary.results.extend(self.add_files(files.map(|path| Upload::file(path).tag(tag)))?.results);
        }
        Ok(summary)
    }
}

impl Shared {
    /// Reads, checks and decodes a photo, and takes its metadata away.
    fn check(&self, upload: Upload, now: Timestamp) -> Checked {
        let name = upload.name.clone();
        Checked { name, image: self.checked(upload, now) }
    }

    fn checked(&self, upload: Upload, now: Timestamp) -> Result<NewImage, Error> {
        let limits = DecodeLimits::training(&self.limits);
        let bytes = match upload.source {
            Source::Bytes(bytes) => bytes,
            Source::File(path) => read_file(&path, limits.bytes)?,
        };
        let photo = decode(&bytes, &limits)?;
        let region = |region: NewRegion| -> Result<Region, Error> {
            let NewRegion { tag_id, bounds } = region;
            Ok(Region { id: RegionId::new(now, self.random()?), tag_id, created: now, bounds })
        };
        let image = Image {
            id: ImageId::new(now, self.random()?),
            created: now,
            width: photo.width(),
            height: photo.height(),
            tags: upload.tags.into_iter().map(|tag_id| ImageTag { tag_id, created: now }).collect(),
            regions: upload.regions.into_iter().map(region).collect::<Result<_, _>>()?,
            metadata: upload.metadata,
            origin: Origin::Upload {
                name: upload.name.map(|name| name.chars().take(limits::MAX_NAME).collect()),
            },
        };
        let salt = Salt::from_bytes(self.random()?);
        Ok(NewImage { image, bytes: strip_metadata(&bytes)?, salt })
    }
}

/// What the store said of one photo, as a batch reports it.
pub(crate) fn answered(answer: ocelli_store::ImageAdded) -> (ImageCreateStatus, Result<AddedImage, Error>) {
    match answer {
        Ok(added) if added.duplicate => (ImageCreateStatus::OkDuplicate, Ok(added)),
        Ok(added) => (ImageCreateStatus::Ok, Ok(added)),
        Err(refusal) => (refusal.status, Err(refusal.error.into())),
    }
}

fn too_many_tags(name: Option<String>, count: usize) -> UploadResult {
    let error = StoreError::Limit {
        what: "tags in one upload",
        count,
        limit: limits::MAX_TAGS_PER_BATCH,
        code: ErrorCode::BadRequestExceededBatchSize,
    };
    UploadResult { name, status: ImageCreateStatus::ErrorTagLimitExceed, image: Err(error.into()) }
}

fn unanswered() -> Error {
    StoreError::Corrupt { detail: "the store did not say what became of the photo".to_owned() }.into()
}

/// The content of a file; no more than the limit is read of one that has more.
fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let read = || {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        file.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes)?;
        Ok((length.max(bytes.len()), bytes))
    };
    match read() {
        Ok((length, bytes)) if bytes.len() > limit => {
            Err(ImagingError::TooManyBytes { bytes: length, limit }.into())
        }
        Ok((_, bytes)) => Ok(bytes),
        Err(source) => Err(Error::File { path: path.to_owned(), source }),
    }
}

/// A folder's entries by name, less hidden ones.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    };
    read().map_err(|source| Error::File { path: folder.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_limit_is_refused_with_its_whole_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("photo");
        std::fs::write(&path, [0; 300]).expect("a file");
        assert_eq!(read_file(&path, 300).expect("within the limit").len(), 300);
        let error = read_file(&path, 100).expect_err("over the limit");
        assert_eq!(error.to_string(), "the photo has 300 bytes, the limit is 100");
        assert_eq!(error.code(), ErrorCode::BadRequestImageSizeBytes);
        assert!(matches!(read_file(folder.path(), 100), Err(Error::File { .. })));
    }
}
