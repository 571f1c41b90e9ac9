use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{Read, Seek};

use ocelli_core::{Export, ExportId, ImageId, IterationId, Manifest, PredictionId, ProjectId, Tag};

use crate::coco::{CocoAnnotation, CocoCategory, CocoFile, CocoImage};
use crate::entry::{Entry, IterationEntry, ProjectEntry, export_file_names};
use crate::photo_format::EXTENSIONS;
use crate::project_writer::{IterationFile, ProjectFile};
use crate::record_list::RecordList;
use crate::vault::Vault;
use crate::{ArchiveError, ImageRecord, IterationRecord, PredictionRecord, ProjectRecord, prediction_table};

/// Folds of a training, at most; a manifest that names more is refused before anything is counted by fold.
const MAX_FOLDS: u16 = 1000;
/// Files of an export, at most: the names of all are made to find one.
const MAX_EXPORT_FILES: usize = 1000;

/// Reads one project of an archive: its records at once, its photos and models on demand.
pub struct ProjectReader<'a, R> {
    vault: &'a mut Vault<R>,
    id: ProjectId,
    record: ProjectRecord,
    images: Vec<ImageRecord>,
    iterations: &'a Iterations,
}

/// The iterations of a project that entries are of, each with its exports.
pub(crate) type Iterations = BTreeMap<IterationId, BTreeSet<ExportId>>;

impl<'a, R: Read + Seek> ProjectReader<'a, R> {
    pub(crate) fn open(
        vault: &'a mut Vault<R>,
        id: ProjectId,
        iterations: &'a Iterations,
    ) -> Result<Self, ArchiveError> {
        let entry = Entry::Project(id, ProjectEntry::Record);
        let ProjectFile { project, extras } = vault.json(&entry)?;
        if project.id != id {
            return Err(ArchiveError::Record {
                entry: entry.to_string(),
                record: "the project".to_owned(),
                reason: format!("it is {}, and its folder says {id}; they must agree", project.id),
            });
        }
        let annotations = Entry::Project(id, ProjectEntry::Annotations);
        let file: CocoFile = vault.json(&annotations)?;
        let (tags, images) = Joining { entry: annotations.to_string() }.join(file)?;
        for ImageRecord { image, .. } in &images {
            photo_entry(vault, id, |extension| ProjectEntry::Photo(image.id, extension), &image.id)?;
        }
        Ok(Self { vault, id, record: ProjectRecord { project, tags, extras }, images, iterations })
    }

    /// The project and its tags.
    pub fn record(&self) -> &ProjectRecord {
        &self.record
    }

    /// The photos to train on, in the order in which they were written.
    pub fn images(&self) -> &[ImageRecord] {
        &self.images
    }

    /// The bytes of a photo to train on.
    pub fn image_bytes(&mut self, id: ImageId) -> Result<Vec<u8>, ArchiveError> {
        let entry = photo_entry(self.vault, self.id, |extension| ProjectEntry::Photo(id, extension), &id)?;
        self.vault.bytes(&entry)
    }

    /// Reads the kept predictions, in the order in which they were written.
    pub fn predictions(&mut self) -> Result<Vec<PredictionRecord>, ArchiveError> {
        let entry = Entry::Project(self.id, ProjectEntry::Predictions);
        let RecordList(records): RecordList<PredictionRecord> = self.vault.json(&entry)?;
        let mut ids = HashSet::new();
        for record in &records {
            let answer = &record.prediction.prediction;
            let id = answer.id;
            self.check_project(&entry, || format!("the prediction {id}"), answer.project_id)?;
            if !ids.insert(id) {
                let entry = entry.to_string();
                return Err(ArchiveError::RepeatedId { entry, what: "prediction", id: id.to_string() });
            }
            if let Some(result) = answer.predictions.iter().find(|result| !is_probability(result.probability))
            {
                return Err(ArchiveError::Record {
                    entry: entry.to_string(),
                    record: format!("the prediction {id}"),
                    reason: no_probability(result.probability),
                });
            }
            if prediction_table::keeps_photo(&record.prediction) {
                self.prediction_entry(id)?;
            }
        }
        Ok(records)
    }

    /// The bytes of a kept prediction's photo; an error where the archive holds none.
    pub fn prediction_bytes(&mut self, id: PredictionId) -> Result<Vec<u8>, ArchiveError> {
        let entry = self.prediction_entry(id)?;
        self.vault.bytes(&entry)
    }

    /// The iterations, oldest first.
    pub fn iterations(&self) -> Vec<IterationId> {
        self.iterations.keys().copied().collect()
    }

    /// Reads what is known of an iteration.
    pub fn iteration(&mut self, id: IterationId) -> Result<IterationRecord, ArchiveError> {
        let entry = self.iteration_entry(id, IterationEntry::Record);
        if !self.iterations.contains_key(&id) {
            return Err(ArchiveError::NotFound { what: "iteration", id: id.to_string() });
        }
        let IterationFile { iteration, extras } = self.vault.json(&entry)?;
        self.check_project(&entry, || format!("the iteration {id}"), iteration.project_id)?;
        if iteration.id != id {
            return Err(ArchiveError::Record {
                entry: entry.to_string(),
                record: format!("the iteration {}", iteration.id),
                reason: format!("its folder says {id}; they must agree"),
            });
        }
        let entry = self.iteration_entry(id, IterationEntry::Manifest);
        let manifest: Option<Manifest> =
            self.vault.has(&entry).then(|| self.vault.json(&entry)).transpose()?;
        if let Some(manifest) = &manifest {
            check_manifest(manifest, &entry)?;
        }
        Ok(IterationRecord { iteration, manifest, extras })
    }

    /// The self-contained model file of an iteration, if the archive holds it.
    pub fn model_file(&mut self, id: IterationId) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.optional(&self.iteration_entry(id, IterationEntry::ModelFile))
    }

    /// The iteration's own part of the model as its store keeps it, if the archive holds it.
    pub fn stored_model(&mut self, id: IterationId) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.optional(&self.iteration_entry(id, IterationEntry::StoredModel))
    }

    /// Reads the records of an iteration's exports, oldest first.
    pub fn exports(&mut self, iteration: IterationId) -> Result<Vec<Export>, ArchiveError> {
        let ids = self.iterations.get(&iteration).cloned().unwrap_or_default();
        ids.into_iter().map(|id| self.export(iteration, id)).collect()
    }

    /// The bytes of an export's file, by its place in the record.
    pub fn export_file(&mut self, export: &Export, index: usize) -> Result<Vec<u8>, ArchiveError> {
        let name = export_file_names(export).into_iter().nth(index).ok_or_else(|| {
            ArchiveError::NotFound { what: "export file", id: format!("{index} of {}", export.id) }
        })?;
        let file = IterationEntry::ExportFile(export.id, name);
        self.vault.bytes(&self.iteration_entry(export.iteration_id, file))
    }

    pub(crate) fn verify(&mut self) -> Result<(), ArchiveError> {
        self.predictions()?;
        for id in self.iterations() {
            self.iteration(id)?;
            self.exports(id)?;
        }
        Ok(())
    }

    fn export(&mut self, iteration: IterationId, id: ExportId) -> Result<Export, ArchiveError> {
        let entry = self.iteration_entry(iteration, IterationEntry::Export(id));
        let export: Export = self.vault.json(&entry)?;
        if (export.id, export.iteration_id) != (id, iteration) {
            return Err(ArchiveError::Record {
                entry: entry.to_string(),
                record: format!("the export {} of the iteration {}", export.id, export.iteration_id),
                reason: "the entry's name says others; they must agree".to_owned(),
            });
        }
        if export.files.len() > MAX_EXPORT_FILES {
            return Err(ArchiveError::Record {
                entry: entry.to_string(),
                record: format!("the export {id}"),
                reason: format!("it has {} files; at most {MAX_EXPORT_FILES} are read", export.files.len()),
            });
        }
        for (file, name) in export.files.iter().zip(export_file_names(&export)) {
            let file_entry = self.iteration_entry(iteration, IterationEntry::ExportFile(id, name));
            let size = self.vault.size(&file_entry).ok_or_else(|| ArchiveError::MissingEntry {
                entry: file_entry.to_string(),
                needed_by: format!("the export {id}"),
            })?;
            if size != file.size {
                return Err(ArchiveError::Record {
                    entry: entry.to_string(),
                    record: format!("the file {:?}", file.name.as_str()),
                    reason: format!("{file_entry} has {size} bytes and should have {}", file.size),
                });
            }
        }
        Ok(export)
    }

    fn iteration_entry(&self, id: IterationId, entry: IterationEntry) -> Entry {
        Entry::Project(self.id, ProjectEntry::Iteration(id, entry))
    }

    fn prediction_entry(&self, id: PredictionId) -> Result<Entry, ArchiveError> {
        photo_entry(self.vault, self.id, |extension| ProjectEntry::PredictionPhoto(id, extension), &id)
    }

    fn optional(&mut self, entry: &Entry) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.vault.has(entry).then(|| self.vault.bytes(entry)).transpose()
    }

    fn check_project(
        &self,
        entry: &Entry,
        record: impl FnOnce() -> String,
        project: ProjectId,
    ) -> Result<(), ArchiveError> {
        if project == self.id {
            return Ok(());
        }
        Err(ArchiveError::Record {
            entry: entry.to_string(),
            record: record(),
            reason: format!("it is of the project {project} and should be of {}", self.id),
        })
    }
}

/// The one entry that holds a photo, whatever its extension.
fn photo_entry<R: Read + Seek>(
    vault: &Vault<R>,
    project: ProjectId,
    photo: impl Fn(&'static str) -> ProjectEntry,
    id: &dyn std::fmt::Display,
) -> Result<Entry, ArchiveError> {
    let entries = EXTENSIONS.map(|extension| Entry::Project(project, photo(extension)));
    let mut found = entries.into_iter().filter(|entry| vault.has(entry));
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry),
        (None, _) => Err(ArchiveError::MissingEntry {
            entry: Entry::Project(project, photo("*")).to_string(),
            needed_by: format!("the record of {id}"),
        }),
        (Some(entry), Some(_)) => Err(ArchiveError::RepeatedId {
            entry: entry.to_string(),
            what: "the photo",
            id: format!("{id}, under two extensions,"),
        }),
    }
}

/// JSON names numbers that an `f32` cannot hold: they are read as infinite, which no JSON can say again.
fn is_probability(value: f32) -> bool {
    (0.0..=1.0).contains(&value)
}

fn no_probability(value: f32) -> String {
    format!("{value} is not a probability; it must lie between 0 and 1")
}

/// Indices and figures that later arithmetic relies on.
fn check_manifest(manifest: &Manifest, entry: &Entry) -> Result<(), ArchiveError> {
    let wrong = |record: String, reason: String| {
        Err(ArchiveError::Record { entry: entry.to_string(), record, reason })
    };
    if manifest.folds > MAX_FOLDS {
        let reason = format!("it names {} folds; at most {MAX_FOLDS} are read", manifest.folds);
        return wrong("the manifest".to_owned(), reason);
    }
    let int8 = manifest.int8.as_ref().map_or(0.0, |int8| int8.cost.mean_probability_change);
    let figures = [
        ("strength", manifest.strength),
        ("balance", f64::from(manifest.balance)),
        ("mean probability change", int8),
    ];
    if let Some((name, figure)) = figures.into_iter().find(|(_, figure)| !figure.is_finite()) {
        return wrong("the manifest".to_owned(), format!("its {name} is {figure}; it must be finite"));
    }
    let calibration = manifest.calibration.as_ref().is_none_or(|calibration| calibration.is_finite());
    let tuning = manifest.fine_tuning.as_ref().is_none_or(|tuning| tuning.is_finite());
    if !calibration || !tuning {
        let of = if tuning { "calibration" } else { "fine-tuning" };
        let reason = format!("the record of its {of} has a figure that is not finite");
        return wrong("the manifest".to_owned(), reason);
    }
    let evaluated = manifest.evaluation.photos.iter().map(|photo| (photo, &manifest.evaluation.tags));
    let tested = manifest.test.iter().flat_map(|test| test.photos.iter().map(|photo| (photo, &test.tags)));
    for (photo, tags) in evaluated.chain(tested) {
        let tags = tags.len();
        let record = || format!("the photo {}", photo.photo);
        if let Some(tag) = photo.tags.iter().find(|tag| usize::from(**tag) >= tags) {
            return wrong(record(), format!("it has the tag number {tag}, and there are {tags}"));
        }
        if photo.probabilities.len() != tags {
            let found = photo.probabilities.len();
            return wrong(record(), format!("it has {found} probabilities, and there are {tags} tags"));
        }
        if let Some(value) = photo.probabilities.iter().find(|value| !is_probability(**value)) {
            return wrong(record(), no_probability(*value));
        }
        if photo.fold >= manifest.folds.max(1) {
            let reason = format!("it is of fold {}, and there are {}", photo.fold, manifest.folds);
            return wrong(record(), reason);
        }
    }
    Ok(())
}

/// Joins the three lists of `annotations.json`.
struct Joining {
    entry: String,
}

impl Joining {
    fn join(&self, file: CocoFile) -> Result<(Vec<Tag>, Vec<ImageRecord>), ArchiveError> {
        let CocoFile {
            categories: RecordList(categories),
            images: RecordList(images),
            annotations: RecordList(annotations),
        } = file;
        let tags = self.tags(categories)?;
        let mut records = self.images(images)?;
        self.regions(annotations, &tags, &mut records)?;

        let tag_ids: HashSet<_> = tags.iter().map(|(_, tag)| tag.id).collect();
        for ImageRecord { image, .. } in &records.list {
            if let Some(tag) = image.tags.iter().find(|tag| !tag_ids.contains(&tag.tag_id)) {
                return Err(self.unknown("tag", &tag.tag_id, format!("the photo {}", image.id)));
            }
        }
        Ok((tags.into_iter().map(|(_, tag)| tag).collect(), records.list))
    }

    fn tags(&self, categories: Vec<CocoCategory>) -> Result<Vec<(u64, Tag)>, ArchiveError> {
        let (mut numbers, mut ids) = (HashSet::new(), HashSet::new());
        let mut tags = Vec::new();
        for CocoCategory { id, ocelli: tag, .. } in categories {
            self.unrepeated("category", &id, numbers.insert(id))?;
            self.unrepeated("tag", &tag.id, ids.insert(tag.id))?;
            tags.push((id, tag));
        }
        Ok(tags)
    }

    fn images(&self, images: Vec<CocoImage>) -> Result<Numbered, ArchiveError> {
        let mut ids = HashSet::new();
        let mut records = Numbered { places: HashMap::new(), list: Vec::new() };
        for image in images {
            let number = image.id;
            let record = image.into_record();
            let unseen = records.places.insert(number, records.list.len()).is_none();
            self.unrepeated("image", &number, unseen)?;
            self.unrepeated("photo", &record.image.id, ids.insert(record.image.id))?;
            records.list.push(record);
        }
        Ok(records)
    }

    fn regions(
        &self,
        annotations: Vec<CocoAnnotation>,
        tags: &[(u64, Tag)],
        images: &mut Numbered,
    ) -> Result<(), ArchiveError> {
        let tags: HashMap<u64, &Tag> = tags.iter().map(|(number, tag)| (*number, tag)).collect();
        let mut ids = HashSet::new();
        for annotation in annotations {
            let id = annotation.ocelli.id;
            self.unrepeated("region", &id, ids.insert(id))?;
            let (image, category) = (annotation.image_id, annotation.category_id);
            let by = || format!("the region {id}");
            let tag = tags.get(&category).ok_or_else(|| self.unknown("category", &category, by()))?;
            let place = images.places.get(&image).copied();
            let record = place.and_then(|place| images.list.get_mut(place));
            let record = record.ok_or_else(|| self.unknown("image", &image, by()))?;
            record.image.regions.push(annotation.into_region(tag));
        }
        Ok(())
    }

    fn unrepeated(
        &self,
        what: &'static str,
        id: &dyn std::fmt::Display,
        is_new: bool,
    ) -> Result<(), ArchiveError> {
        if is_new {
            return Ok(());
        }
        Err(ArchiveError::RepeatedId { entry: self.entry.clone(), what, id: id.to_string() })
    }

    fn unknown(&self, what: &'static str, id: &dyn std::fmt::Display, by: String) -> ArchiveError {
        ArchiveError::UnknownReference { entry: self.entry.clone(), what, id: id.to_string(), by }
    }
}

/// Photos, and where each number of the file's stands among them.
struct Numbered {
    places: HashMap<u64, usize>,
    list: Vec<ImageRecord>,
}
