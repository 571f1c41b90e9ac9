//! Iterations of a new project, with what came of their training, and their exports.

use std::collections::HashSet;

use ocelli_archive::IterationRecord;
use ocelli_core::{
    BaseIteration, Domain, Erased, ErrorCode, Export, ExportId, ImageId, Iteration, IterationId,
    IterationStatus, Manifest, TrainingFailure,
};
use ocelli_store::{Change, NewExportFile, NewIteration, Trained};
use serde_json::Value;

use super::destination::Models;
use super::importing::Importing;
use super::relabel;
use super::stored::CALIBRATED_WITH;
use super::summary::ImportedIteration;
use crate::Error;

/// How an iteration ended.
enum Ending {
    Completed { trained: Box<Trained>, millis: u64 },
    Failed(TrainingFailure),
}

impl Importing<'_> {
    pub(super) fn take_iteration(&mut self, record: IterationRecord, models: &Models) -> Result<(), Error> {
        let (source, item) = (&record.iteration, Erased::Iteration(record.iteration.id));
        if Domain::from_id(source.domain_id).is_none() {
            self.left_out(item, &ocelli_store::StoreError::UnknownDomain.into());
            return Ok(());
        }
        let (ending, at) = match &source.status {
            // Nobody goes on with it here.
            IterationStatus::Training => (Ending::Failed(TrainingFailure::Interrupted), source.last_modified),
            IterationStatus::Failed { failure } => (Ending::Failed(failure.clone()), source.last_modified),
            IterationStatus::Completed { trained_at, training_millis } => {
                let Some(trained) = self.trained(&record, models)? else { return Ok(()) };
                (Ending::Completed { trained: Box::new(trained), millis: *training_millis }, *trained_at)
            }
        };
        self.begin_and_end(record.iteration, ending, at)
    }

    fn begin_and_end(
        &mut self,
        source: Iteration,
        ending: Ending,
        at: ocelli_core::Timestamp,
    ) -> Result<(), Error> {
        let (shared, project, now) = (self.import.shared, self.project, self.now);
        if self.lock.is_none() {
            self.lock = Some(shared.store.lock_training(project)?);
        }
        let created = source.created.min(now);
        let iteration = self.fresh.make(shared, created, IterationId::new)?;
        let new = NewIteration {
            id: iteration,
            project_id: project,
            name: Some(source.name.clone()),
            created,
            domain_id: source.domain_id,
            classification_type: source.classification_type,
            training_type: source.training_type,
            reserved_budget_millis: source.reserved_budget_millis,
            custom_base: self.renumbered_base(&source),
        };
        if !self.try_apply(Erased::Iteration(source.id), Change::BeginTraining { iteration: new })? {
            return Ok(());
        }
        let at = at.min(now);
        shared.store.apply(match ending {
            Ending::Completed { trained, millis } => {
                Change::CompleteTraining { project, iteration, trained, at, training_millis: millis }
            }
            Ending::Failed(failure) => Change::FailTraining { project, iteration, failure, at },
        })?;
        let modified = source.last_modified.min(now);
        if modified != at {
            // Its name is what it was; the moment is what this sets.
            let name = source.name.clone();
            shared.store.apply(Change::RenameIteration { project, iteration, name, at: modified })?;
        }
        self.imported.ids.iterations.insert(source.id, iteration);
        self.imported.iterations.push(ImportedIteration {
            source_id: source.id,
            id: iteration,
            name: source.name,
            publication: source.publication,
        });
        Ok(())
    }

    /// What came of the training, under the ids that things have here; none where it cannot be had, which is a problem
    /// then.
    fn trained(&mut self, record: &IterationRecord, models: &Models) -> Result<Option<Trained>, Error> {
        let item = Erased::Iteration(record.iteration.id);
        let Some(manifest) = &record.manifest else {
            let why = "it has a model and no manifest";
            self.left_out_because(item, ErrorCode::BadRequestIterationIsNotTrained, why);
            return Ok(None);
        };
        let model = match relabel::read(&self.import.shared.bases, &record.iteration, models) {
            Ok(model) => model,
            Err(error) => {
                self.left_out(item, &error);
                return Ok(None);
            }
        };
        if !model.tags().eq(manifest.evaluation.tags.iter().map(|tag| tag.id)) {
            let why = "its model gives other tags than its manifest names";
            self.left_out_because(item, ErrorCode::BadRequestIterationValidationFailed, why);
            return Ok(None);
        }
        let looked_at = looked_at(record);
        let manifest = self.renumbered_manifest(manifest.clone(), &looked_at)?;
        let tags = manifest.evaluation.tags.iter().map(|tag| tag.id);
        let model = match model.with_tags(tags) {
            Ok(model) => model,
            Err(error) => {
                self.left_out(item, &error);
                return Ok(None);
            }
        };
        let looked_at = looked_at.iter().filter_map(|image| self.imported.ids.images.get(image)).copied();
        Ok(Some(Trained { manifest, model, looked_at: looked_at.collect() }))
    }

    /// The iteration that one started from, if it came along: it began before. What is elsewhere has no id that means
    /// anything here.
    fn renumbered_base(&self, source: &Iteration) -> Option<BaseIteration> {
        let base = source.custom_base.filter(|base| base.project_id == source.project_id)?;
        let iteration_id = *self.imported.ids.iterations.get(&base.iteration_id)?;
        Some(BaseIteration { project_id: self.project, iteration_id })
    }

    /// Photos that have not come along count as erased.
    fn renumbered_manifest(
        &mut self,
        mut manifest: Manifest,
        looked_at: &[ImageId],
    ) -> Result<Manifest, Error> {
        let tested = manifest.test.iter_mut().flat_map(|test| &mut test.tags);
        for tag in manifest.evaluation.tags.iter_mut().chain(tested) {
            tag.id = self.tag(tag.id)?;
        }
        let images = &self.imported.ids.images;
        let mut gone: HashSet<ImageId> =
            looked_at.iter().filter(|image| !images.contains_key(image)).copied().collect();
        let mut seen = HashSet::new();
        manifest.evaluation.photos.retain_mut(|photo| match images.get(&photo.photo) {
            // Of two photos that are one now, the first speaks for both.
            Some(id) if seen.insert(*id) => {
                photo.photo = *id;
                true
            }
            Some(_) => false,
            None => {
                gone.insert(photo.photo);
                false
            }
        });
        let gone = u32::try_from(gone.len()).unwrap_or(u32::MAX);
        manifest.erased = manifest.erased.saturating_add(gone);
        if let Some(test) = &mut manifest.test {
            let (mut tested, mut gone) = (HashSet::new(), 0_u32);
            test.photos.retain_mut(|photo| match images.get(&photo.photo) {
                Some(id) => {
                    photo.photo = *id;
                    tested.insert(*id)
                }
                None => {
                    gone = gone.saturating_add(1);
                    false
                }
            });
            manifest.test_erased = manifest.test_erased.saturating_add(gone);
        }
        manifest.left_out.retain_mut(|(image, _)| match images.get(image) {
            Some(id) if seen.insert(*id) => {
                *image = *id;
                true
            }
            _ => false,
        });
        Ok(manifest)
    }

    pub(super) fn take_export(&mut self, source: Export, files: Vec<Vec<u8>>) -> Result<(), Error> {
        let Some(iteration_id) = self.imported.ids.iterations.get(&source.iteration_id).copied() else {
            let why = "its iteration was left out";
            self.left_out_because(Erased::Export(source.id), ErrorCode::NotFoundIteration, why);
            return Ok(());
        };
        let created = source.created.min(self.now);
        let id = self.fresh.make(self.import.shared, created, ExportId::new)?;
        let names = source.files.iter().map(|file| file.name.clone());
        let files = names.zip(files).map(|(name, bytes)| NewExportFile { name, bytes }).collect();
        let (source_id, export) = (source.id, Export { id, iteration_id, created, ..source });
        let change = Change::KeepExport { project: self.project, export, files };
        if self.try_apply(Erased::Export(source_id), change)? {
            self.imported.exports += 1;
            self.imported.ids.exports.insert(source_id, id);
        }
        Ok(())
    }
}

/// The photos that it knows beside those that it was trained on, as far as the record says.
fn looked_at(record: &IterationRecord) -> Vec<ImageId> {
    let listed = record.extras.get(CALIBRATED_WITH).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use ocelli_archive::{ArchiveReader, ReadLimits};

    use super::super::erased_here::ErasedHere;
    use super::super::importing::{Import, NewIds};
    use super::*;
    use crate::archive::Destination;
    use crate::{ExportOptions, NewProject, OpenOptions, TrainOptions};

    /// Its base is another one, which this build has or has not: what is stored of the model does not go with it.
    #[test]
    fn an_iteration_that_brought_all_of_its_model_along_answers_without_its_base() {
        let ocelli = OpenOptions::new().in_memory().unwrap();
        let project = ocelli.create_project(NewProject::new("compact").multiclass()).unwrap();
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos/train");
        let mut photo = Vec::new();
        for tag in ["fish", "windmill"] {
            let id = project.create_tag(tag).unwrap().id;
            for file in std::fs::read_dir(photos.join(tag)).unwrap().take(5) {
                photo = std::fs::read(file.unwrap().path()).unwrap();
                project.add_image(photo.clone(), &[id]).unwrap();
            }
        }
        let trained = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
        let mut archive = Cursor::new(Vec::new());
        project.export_archive(&mut archive, ExportOptions::default()).unwrap();

        let mut reader = ArchiveReader::open(archive, ReadLimits::default()).unwrap();
        let mut from = reader.project(project.id()).unwrap();
        let mut iteration = from.iteration(trained.id()).unwrap();
        iteration.iteration.domain_id = Domain::GENERAL.id;
        let models = Models {
            stored: from.stored_model(trained.id()).unwrap(),
            file: from.model_file(trained.id()).unwrap(),
        };
        assert!(models.stored.is_some() && models.file.is_some());
        let (record, erased) = (from.record().clone(), ErasedHere::default());
        let import = Import {
            shared: &ocelli.shared,
            name: None,
            ids: NewIds::Fresh,
            new_salts: true,
            erased: &erased,
        };
        let imported = import.run(&record, |to| to.iteration(iteration, models)).unwrap();
        assert!(imported.problems.is_empty(), "{:?}", imported.problems);

        let copy = ocelli.project(imported.id).unwrap().iteration(imported.iterations[0].id).unwrap();
        let (was, is) = (trained.quick_test(&photo).unwrap(), copy.quick_test(&photo).unwrap());
        for (was, is) in was.predictions.iter().zip(&is.predictions) {
            assert_eq!((&was.tag_name, was.probability.to_bits()), (&is.tag_name, is.probability.to_bits()));
        }
    }
}
