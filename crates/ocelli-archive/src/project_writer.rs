use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read, Seek, Write};

use ocelli_core::{
    Export, Image, ImageId, IterationId, IterationPerformance, PredictionId, ProjectId, RegionId, Tag, TagId,
    Threshold,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::coco::{CocoAnnotation, CocoCategory, CocoImage, CocoInfo};
use crate::document::Document;
use crate::entry::{Entry, IterationEntry, ProjectEntry, export_file_names};
use crate::photo_format::extension;
use crate::sink::unwritable;
use crate::{
    ArchiveError, ArchiveWriter, ImageRecord, IterationRecord, ModelFiles, PredictionRecord, ProjectRecord,
    prediction_table,
};

/// `project.json`: the record without its tags, which are the categories of `annotations.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ProjectFile {
    pub(crate) project: ocelli_core::Project,
    #[serde(default)]
    pub(crate) extras: std::collections::BTreeMap<String, Value>,
}

/// `iteration.json`: the record without its manifest, which is a file of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct IterationFile {
    pub(crate) iteration: ocelli_core::Iteration,
    #[serde(default)]
    pub(crate) extras: std::collections::BTreeMap<String, Value>,
}

/// `performance.json`: for people and other tools; it follows from the manifest.
#[derive(Serialize)]
struct PerformanceFile {
    threshold: Threshold,
    performance: IterationPerformance,
}

/// Writes one project of an archive: its photos, predictions, iterations and exports, in any order.
pub struct ProjectWriter<'a, W: Write + Seek> {
    archive: &'a mut ArchiveWriter<W>,
    id: ProjectId,
    name: String,
    tags: Vec<Tag>,
    /// The number of each tag's category.
    categories: HashMap<TagId, usize>,
    image_ids: HashSet<ImageId>,
    region_ids: HashSet<RegionId>,
    prediction_ids: HashSet<PredictionId>,
    iteration_ids: HashSet<IterationId>,
    regions_written: u64,
    images: Document,
    annotations: Document,
    predictions: Document,
    tag_table: csv::Writer<Document>,
    prediction_table: csv::Writer<Document>,
}

impl<'a, W: Write + Seek> ProjectWriter<'a, W> {
    pub(crate) fn begin(
        archive: &'a mut ArchiveWriter<W>,
        record: &ProjectRecord,
    ) -> Result<Self, ArchiveError> {
        let id = record.project.id;
        let mut categories = HashMap::new();
        for (index, tag) in record.tags.iter().enumerate() {
            if categories.insert(tag.id, index).is_some() {
                let entry = annotations_entry(id).to_string();
                return Err(ArchiveError::RepeatedId { entry, what: "tag", id: tag.id.to_string() });
            }
        }
        let tag_table = table(&["image_id", "file_name", "tag_id", "tag_name", "created"])?;
        let prediction_table = table(&prediction_table::COLUMNS)?;
        let file = ProjectFile { project: record.project.clone(), extras: record.extras.clone() };
        archive.sink.json(&Entry::Project(id, ProjectEntry::Record), &file)?;
        archive.projects.push(id);
        archive.unfinished = Some(id);
        Ok(Self {
            archive,
            id,
            name: record.project.name.to_string(),
            tags: record.tags.clone(),
            categories,
            image_ids: HashSet::new(),
            region_ids: HashSet::new(),
            prediction_ids: HashSet::new(),
            iteration_ids: HashSet::new(),
            regions_written: 0,
            images: Document::new(),
            annotations: Document::new(),
            predictions: Document::new(),
            tag_table,
            prediction_table,
        })
    }

    /// A photo to train on. Its tags must be among the project's.
    pub fn image(&mut self, record: &ImageRecord, bytes: &[u8]) -> Result<(), ArchiveError> {
        let image = &record.image;
        self.check(image)?;
        let extension = extension(bytes);
        self.archive.sink.store(&self.entry(ProjectEntry::Photo(image.id, extension)), bytes)?;
        self.image_ids.insert(image.id);
        self.region_ids.extend(image.regions.iter().map(|region| region.id));

        let annotations = annotations_entry(self.id);
        let file_name = format!("{}.{extension}", image.id);
        let number = self.image_ids.len() as u64;
        for image_tag in &image.tags {
            let tag = self.categories.get(&image_tag.tag_id).and_then(|index| self.tags.get(*index));
            let tag_name = tag.map_or("", |tag| tag.name.as_str());
            let row = [
                &image.id.to_string(),
                &file_name,
                &image_tag.tag_id.to_string(),
                tag_name,
                &image_tag.created.to_string(),
            ];
            self.tag_table.write_record(row).map_err(csv_error)?;
        }
        for region in &image.regions {
            let category = self.categories.get(&region.tag_id).map_or(0, |index| *index as u64 + 1);
            self.regions_written += 1;
            let annotation = CocoAnnotation::new(self.regions_written, number, category, image, region);
            self.annotations.add_record(&annotation).map_err(|error| unwritable(&annotations, &error))?;
        }
        self.images
            .add_record(&CocoImage::new(number, file_name, record))
            .map_err(|error| unwritable(&annotations, &error))
    }

    /// A kept prediction, with the bytes of its photo where that is kept.
    pub fn prediction(
        &mut self,
        record: &PredictionRecord,
        photo: Option<&[u8]>,
    ) -> Result<(), ArchiveError> {
        let answer = &record.prediction.prediction;
        let entry = self.entry(ProjectEntry::Predictions);
        self.check_project("prediction", &answer.id, answer.project_id, &entry)?;
        if self.prediction_ids.contains(&answer.id) {
            let id = answer.id.to_string();
            return Err(ArchiveError::RepeatedId { entry: entry.to_string(), what: "prediction", id });
        }
        let kept = prediction_table::keeps_photo(&record.prediction);
        if kept != photo.is_some() {
            return Err(ArchiveError::PredictionPhoto { id: answer.id.to_string(), kept });
        }
        let mut file_name = String::new();
        if let Some(bytes) = photo {
            let extension = extension(bytes);
            file_name = format!("{}.{extension}", answer.id);
            let photo = self.entry(ProjectEntry::PredictionPhoto(answer.id, extension));
            self.archive.sink.store(&photo, bytes)?;
        }
        self.prediction_ids.insert(answer.id);
        for row in prediction_table::rows(&record.prediction, &file_name) {
            self.prediction_table.write_record(&row).map_err(csv_error)?;
        }
        self.predictions.add_record(record).map_err(|error| unwritable(&entry, &error))
    }

    /// An iteration, with the files of its model.
    pub fn iteration(&mut self, record: &IterationRecord, model: ModelFiles<'_>) -> Result<(), ArchiveError> {
        let iteration = &record.iteration;
        let entry = |entry| Entry::Project(self.id, ProjectEntry::Iteration(iteration.id, entry));
        self.check_project("iteration", &iteration.id, iteration.project_id, &entry(IterationEntry::Record))?;
        let file = IterationFile { iteration: iteration.clone(), extras: record.extras.clone() };
        let sink = &mut self.archive.sink;
        sink.json(&entry(IterationEntry::Record), &file)?;
        if let Some(manifest) = &record.manifest {
            let mut document = Document::new();
            let manifest_entry = entry(IterationEntry::Manifest);
            serde_json::to_writer(&mut document, manifest)
                .map_err(|error| unwritable(&manifest_entry, &error))?;
            sink.document(&manifest_entry, document)?;
            let threshold = Threshold::default();
            let performance = manifest.judged_by().performance(threshold);
            sink.json(&entry(IterationEntry::Performance), &PerformanceFile { threshold, performance })?;
        }
        let files = [
            (IterationEntry::ModelFile, model.model_file),
            (IterationEntry::StoredModel, model.stored_model),
        ];
        for (file, bytes) in files {
            if let Some(bytes) = bytes {
                sink.store(&entry(file), bytes)?;
            }
        }
        self.iteration_ids.insert(iteration.id);
        Ok(())
    }

    /// An export of an iteration that was written already, with its files in the order of its record.
    pub fn export(&mut self, export: &Export, files: &[&[u8]]) -> Result<(), ArchiveError> {
        let entry = |entry| Entry::Project(self.id, ProjectEntry::Iteration(export.iteration_id, entry));
        if !self.iteration_ids.contains(&export.iteration_id) {
            return Err(ArchiveError::UnknownReference {
                entry: entry(IterationEntry::Record).to_string(),
                what: "iteration",
                id: export.iteration_id.to_string(),
                by: format!("the export {}", export.id),
            });
        }
        let listed: Vec<u64> = export.files.iter().map(|file| file.size).collect();
        let given: Vec<u64> = files.iter().map(|bytes| bytes.len() as u64).collect();
        if listed != given {
            return Err(ArchiveError::ExportFiles { export: export.id, listed, given });
        }
        self.archive.sink.json(&entry(IterationEntry::Export(export.id)), export)?;
        for (name, bytes) in export_file_names(export).into_iter().zip(files) {
            self.archive.sink.store(&entry(IterationEntry::ExportFile(export.id, name)), bytes)?;
        }
        Ok(())
    }

    /// Completes the project.
    pub fn finish(self) -> Result<(), ArchiveError> {
        let Self {
            archive,
            id,
            name,
            tags,
            images,
            annotations,
            predictions,
            tag_table,
            prediction_table,
            ..
        } = self;
        let entry = |entry| Entry::Project(id, entry);
        let sink = &mut archive.sink;

        let annotations_entry = annotations_entry(id);
        let unwritable = |error: serde_json::Error| unwritable(&annotations_entry, &error);
        let info = serde_json::to_string(&CocoInfo::new(&name, archive.created)).map_err(unwritable)?;
        let mut categories = Document::new();
        for (number, tag) in (1..).zip(&tags) {
            categories.add_record(&CocoCategory::new(number, tag)).map_err(unwritable)?;
        }
        let documents = [categories, images, annotations].map(Document::finish);
        let [categories, images, annotations] = &match documents {
            [Ok(categories), Ok(images), Ok(annotations)] => [categories, images, annotations],
            [Err(error), _, _] | [_, Err(error), _] | [_, _, Err(error)] => {
                return Err(ArchiveError::Output(error));
            }
        };
        let text = |text: String| Cursor::new(text.into_bytes());
        let bytes = text(format!("{{\"info\":{info},\n\"licenses\":[],\n\"categories\":[\n"))
            .chain(categories.read())
            .chain(text("\n],\n\"images\":[\n".to_owned()))
            .chain(images.read())
            .chain(text("\n],\n\"annotations\":[\n".to_owned()))
            .chain(annotations.read())
            .chain(text("\n]}\n".to_owned()));
        sink.assembled(&annotations_entry, &[categories, images, annotations], bytes)?;

        let predictions = predictions.finish().map_err(ArchiveError::Output)?;
        let bytes = text("[\n".to_owned()).chain(predictions.read()).chain(text("\n]\n".to_owned()));
        sink.assembled(&entry(ProjectEntry::Predictions), &[&predictions], bytes)?;

        for (file, rows) in
            [(ProjectEntry::Tags, tag_table), (ProjectEntry::PredictionsCsv, prediction_table)]
        {
            let rows = rows.into_inner().map_err(|error| ArchiveError::Output(error.into_error()))?;
            sink.document(&entry(file), rows)?;
        }
        archive.unfinished = None;
        Ok(())
    }

    fn entry(&self, entry: ProjectEntry) -> Entry {
        Entry::Project(self.id, entry)
    }

    /// Refuses what a reader would refuse.
    fn check(&self, image: &Image) -> Result<(), ArchiveError> {
        let entry = || annotations_entry(self.id).to_string();
        if self.image_ids.contains(&image.id) {
            return Err(ArchiveError::RepeatedId { entry: entry(), what: "photo", id: image.id.to_string() });
        }
        let mut regions = HashSet::new();
        for region in &image.regions {
            if self.region_ids.contains(&region.id) || !regions.insert(region.id) {
                let id = region.id.to_string();
                return Err(ArchiveError::RepeatedId { entry: entry(), what: "region", id });
            }
        }
        let tags = image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|r| r.tag_id));
        for tag in tags {
            if !self.categories.contains_key(&tag) {
                return Err(ArchiveError::UnknownReference {
                    entry: entry(),
                    what: "tag",
                    id: tag.to_string(),
                    by: format!("the photo {}", image.id),
                });
            }
        }
        Ok(())
    }

    fn check_project(
        &self,
        what: &str,
        id: &dyn std::fmt::Display,
        project: ProjectId,
        entry: &Entry,
    ) -> Result<(), ArchiveError> {
        if project == self.id {
            return Ok(());
        }
        Err(ArchiveError::Record {
            entry: entry.to_string(),
            record: format!("the {what} {id}"),
            reason: format!("it is of the project {project}; write it with that, not with {}", self.id),
        })
    }
}

fn annotations_entry(project: ProjectId) -> Entry {
    Entry::Project(project, ProjectEntry::Annotations)
}

/// A table as RFC 4180 has it: commas, quotes only where needed, lines that end in CR LF.
fn table(columns: &[&str]) -> Result<csv::Writer<Document>, ArchiveError> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Document::new());
    table.write_record(columns).map_err(csv_error)?;
    Ok(table)
}

fn csv_error(error: csv::Error) -> ArchiveError {
    ArchiveError::Output(error.into())
}
