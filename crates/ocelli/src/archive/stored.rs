//! A project in a store, as a source of records.

use std::collections::{BTreeMap, HashSet};

use ocelli_archive::{ImageRecord, IterationRecord, PredictionRecord, ProjectRecord};
use ocelli_core::{
    Commitment, Erased, ErrorCode, Image, ImageId, Iteration, IterationId, IterationStatus, MetadataFilter,
    ProjectId, Salt, StoredPrediction, TagId,
};
use serde_json::Value;

use super::destination::{Destination, Models};
use super::listing::{Damaged, is_damage, unless_damaged, unless_gone};
use super::problem::TransferProblem;
use crate::Error;
use crate::ocelli::Shared;

/// The name under which a project's record has its retention policy.
pub(super) const RETENTION: &str = "retention";
/// The name under which an iteration's record has the photos that it was not trained on itself: those that only its int8 calibration
/// looked at, and those that the iteration which it started from was trained on.
pub(super) const CALIBRATED_WITH: &str = "calibratedWith";
/// The name under which an iteration's record has the id of the export that an archive was given of it.
pub(super) const ONNX: &str = "onnx";

/// A project in a store. What is due is not there, and what goes while it is read is passed over.
pub(super) struct StoredProject<'s> {
    pub(super) shared: &'s Shared,
    pub(super) id: ProjectId,
    /// Only photos and kept predictions whose metadata this selects, and of iterations what they know of those.
    pub(super) filter: Option<&'s MetadataFilter>,
    record: ProjectRecord,
    tags: HashSet<TagId>,
}

impl<'s> StoredProject<'s> {
    /// A project that is in use, with all that it has.
    pub(super) fn new(shared: &'s Shared, id: ProjectId) -> Result<Self, Error> {
        let store = &shared.store;
        let (project, tags) = (store.project(id)?, store.tags(id)?);
        let mut extras = BTreeMap::new();
        let policy =
            serde_json::to_value(store.retention(id)?.policy()).map_err(|error| unwritable(&error))?;
        extras.insert(RETENTION.to_owned(), policy);
        let known = tags.iter().map(|tag| tag.id).collect();
        Ok(Self { shared, id, filter: None, record: ProjectRecord { project, tags, extras }, tags: known })
    }

    /// A project with what a filter selects, and of its tags those alone that are on that; none where it selects nothing.
    /// What it selects and cannot be read is not among the items; sending the project tells of it.
    pub(super) fn selected(
        shared: &'s Shared,
        id: ProjectId,
        filter: &'s MetadataFilter,
    ) -> Result<Option<(Self, Vec<Erased>)>, Error> {
        let mut found = Self { filter: Some(filter), ..Self::new(shared, id)? };
        let (mut items, mut tags) = (Vec::new(), HashSet::new());
        let mut damaged = false;
        found.each_image(|image| {
            let Ok(image) = image else {
                damaged = true;
                return Ok(());
            };
            items.push(Erased::Image(image.id));
            tags.extend(image.tags.iter().map(|tag| tag.tag_id));
            tags.extend(image.regions.iter().map(|region| region.tag_id));
            Ok(())
        })?;
        found.each_prediction(|kept| {
            let Ok(kept) = kept else {
                damaged = true;
                return Ok(());
            };
            items.push(Erased::Prediction(kept.prediction.id));
            tags.extend(kept.prediction.predictions.iter().map(|result| result.tag_id));
            Ok(())
        })?;
        if items.is_empty() && !damaged {
            return Ok(None);
        }
        found.record.tags.retain(|tag| tags.contains(&tag.id));
        found.record.extras.clear();
        found.tags = found.record.tags.iter().map(|tag| tag.id).collect();
        Ok(Some((found, items)))
    }

    pub(super) fn record(&self) -> &ProjectRecord {
        &self.record
    }

    /// Gives everything to a destination.
    pub(super) fn send(&self, to: &mut dyn Destination) -> Result<(), Error> {
        let iterations = self.ended_iterations(to)?;
        let evaluated = self.trained_and_more(&iterations)?;
        let (mut sent, mut looked_at) = (HashSet::new(), BTreeMap::new());
        self.each_image(|image| {
            let image = match image {
                Ok(image) => image,
                Err(damaged) => {
                    left_out(damaged, to);
                    return Ok(());
                }
            };
            let id = image.id;
            if !self.send_image(image, to)? {
                return Ok(());
            }
            sent.insert(id);
            if evaluated.values().any(|photos| !photos.contains(&id)) {
                let on_it = unless_gone(self.shared.store.trained_on(self.id, &[id]))?.unwrap_or_default();
                for iteration in on_it {
                    if evaluated.get(&iteration).is_some_and(|photos| !photos.contains(&id)) {
                        looked_at.entry(iteration).or_insert_with(Vec::new).push(id);
                    }
                }
            }
            Ok(())
        })?;
        for iteration in iterations {
            let Some(mut record) = self.iteration_record(iteration, to)? else { continue };
            if let Some(looked_at) = looked_at.remove(&record.iteration.id) {
                let ids = looked_at.into_iter().map(|image| Value::String(image.to_string()));
                record.extras.insert(CALIBRATED_WITH.to_owned(), Value::Array(ids.collect()));
            }
            self.send_iteration(record, &sent, to)?;
        }
        self.each_prediction(|kept| match kept {
            Ok(kept) => self.send_prediction(kept, to),
            Err(damaged) => {
                left_out(damaged, to);
                Ok(())
            }
        })
    }

    /// The completed iterations with the photos that they were trained on. Each may know more: those that its calibration looked
    /// at, and those that an iteration which it came from was trained on.
    fn trained_and_more(
        &self,
        iterations: &[Iteration],
    ) -> Result<BTreeMap<IterationId, HashSet<ImageId>>, Error> {
        let mut trained = BTreeMap::new();
        for iteration in iterations.iter().filter(|each| self.filter.is_none() && each.is_completed()) {
            let manifest = self.shared.store.manifest(self.id, iteration.id);
            // One that is damaged is told of when the iteration is sent.
            let manifest = unless_damaged(Erased::Iteration(iteration.id), manifest)?.and_then(Result::ok);
            if let Some(manifest) = manifest {
                let photos = manifest.evaluation.photos.iter().map(|photo| photo.photo).collect();
                trained.insert(iteration.id, photos);
            }
        }
        Ok(trained)
    }

    /// Whether the photo was there and whole.
    fn send_image(&self, mut image: Image, to: &mut dyn Destination) -> Result<bool, Error> {
        let (store, item) = (&self.shared.store, Erased::Image(image.id));
        let bytes = match unless_damaged(item, store.image_bytes(self.id, image.id))? {
            Some(Ok(bytes)) => bytes,
            Some(Err(damaged)) => {
                left_out(damaged, to);
                return Ok(false);
            }
            None => return Ok(false),
        };
        let Some(proof) = self.proof(item, to)? else { return Ok(false) };
        let (salt, commitment) = proof.unzip();
        // A tag that was made since the project's were listed is not in the record that has been sent.
        image.tags.retain(|tag| self.tags.contains(&tag.tag_id));
        image.regions.retain(|region| self.tags.contains(&region.tag_id));
        to.image(ImageRecord { image, salt, commitment }, bytes)?;
        Ok(true)
    }

    /// The salt of a photo and the commitment to it, as far as they can be read; none where it has gone.
    fn proof(
        &self,
        item: Erased,
        to: &mut dyn Destination,
    ) -> Result<Option<Option<(Salt, Commitment)>>, Error> {
        Ok(unless_damaged(item, self.shared.store.commitment(self.id, item))?.map(|proof| match proof {
            Ok(proof) => Some(proof),
            Err(Damaged { error, .. }) => {
                let done = "it was taken without its salt and commitment";
                to.problem(TransferProblem::new(item, &error.into(), done));
                None
            }
        }))
    }

    /// The iterations whose training has ended.
    fn ended_iterations(&self, to: &mut dyn Destination) -> Result<Vec<Iteration>, Error> {
        let mut ended = Vec::new();
        for iteration in self.iterations()? {
            match iteration {
                Ok(iteration) if iteration.status == IterationStatus::Training => {
                    let why = "its training is under way; it was left out";
                    let code = ErrorCode::BadRequestIterationIsNotTrained;
                    to.problem(TransferProblem::because(Erased::Iteration(iteration.id), code, why));
                }
                Ok(iteration) => ended.push(iteration),
                Err(damaged) => left_out(damaged, to),
            }
        }
        Ok(ended)
    }

    /// An iteration with its manifest, which names every photo: only one is in memory at a time. None where it has gone.
    fn iteration_record(
        &self,
        iteration: Iteration,
        to: &mut dyn Destination,
    ) -> Result<Option<IterationRecord>, Error> {
        let mut manifest = None;
        if iteration.is_completed() {
            let item = Erased::Iteration(iteration.id);
            manifest = match unless_damaged(item, self.shared.store.manifest(self.id, iteration.id))? {
                Some(Ok(manifest)) => Some(manifest),
                Some(Err(Damaged { error, .. })) => {
                    to.problem(TransferProblem::new(
                        item,
                        &error.into(),
                        "it was taken without its manifest",
                    ));
                    None
                }
                None => return Ok(None),
            };
        }
        Ok(Some(IterationRecord { iteration, manifest, extras: BTreeMap::new() }))
    }

    fn send_iteration(
        &self,
        record: IterationRecord,
        sent: &HashSet<ImageId>,
        to: &mut dyn Destination,
    ) -> Result<(), Error> {
        if self.filter.is_some() {
            return self.send_part_of_iteration(record, sent, to);
        }
        let (store, id) = (&self.shared.store, record.iteration.id);
        let mut models = Models::default();
        if record.iteration.is_completed() {
            models.stored = match unless_gone(store.model(self.id, id)) {
                Err(error) if is_damage(&error) => {
                    let done = "it was taken without its model";
                    to.problem(TransferProblem::new(Erased::Iteration(id), &error.into(), done));
                    None
                }
                Ok(None) => return Ok(()),
                model => model?,
            };
        }
        let iteration = record.iteration.clone();
        to.iteration(record, models)?;
        self.send_exports(&iteration, to)
    }

    /// Of an iteration what it answered to the photos that are sent, if it was trained or tested on any.
    fn send_part_of_iteration(
        &self,
        mut record: IterationRecord,
        sent: &HashSet<ImageId>,
        to: &mut dyn Destination,
    ) -> Result<(), Error> {
        let Some(manifest) = &mut record.manifest else { return Ok(()) };
        manifest.evaluation.photos.retain(|photo| sent.contains(&photo.photo));
        manifest.left_out.retain(|(image, _)| sent.contains(image));
        if let Some(test) = &mut manifest.test {
            test.photos.retain(|photo| sent.contains(&photo.photo));
        }
        let tested = manifest.test.iter().any(|test| !test.photos.is_empty());
        if manifest.evaluation.photos.is_empty() && manifest.left_out.is_empty() && !tested {
            return Ok(());
        }
        to.iteration(record, Models::default())
    }

    fn send_exports(&self, iteration: &Iteration, to: &mut dyn Destination) -> Result<(), Error> {
        let store = &self.shared.store;
        let exports =
            match unless_damaged(Erased::Iteration(iteration.id), store.exports(self.id, iteration.id))? {
                Some(Err(Damaged { item, error })) => {
                    to.problem(TransferProblem::new(item, &error.into(), "it was taken without its exports"));
                    return Ok(());
                }
                exports => exports.and_then(Result::ok).unwrap_or_default(),
            };
        for export in exports {
            let mut files = Vec::new();
            for file in &export.files {
                match unless_gone(store.export_bytes(self.id, export.id, &file.name)) {
                    Err(error) if is_damage(&error) => {
                        let item = Erased::Export(export.id);
                        to.problem(TransferProblem::new(item, &error.into(), "it was left out"));
                        break;
                    }
                    Ok(None) => break,
                    bytes => files.extend(bytes?),
                }
            }
            if files.len() == export.files.len() {
                to.export(export, files)?;
            }
        }
        Ok(())
    }

    fn send_prediction(&self, mut kept: StoredPrediction, to: &mut dyn Destination) -> Result<(), Error> {
        let (store, id) = (&self.shared.store, kept.prediction.id);
        let (mut photo, mut proof) = (None, None);
        if kept.photo_kept {
            photo = match unless_gone(store.prediction_bytes(self.id, id)) {
                Err(error) if is_damage(&error) => {
                    let done = "it was taken without its photo";
                    to.problem(TransferProblem::new(Erased::PredictionPhoto(id), &error.into(), done));
                    None
                }
                Ok(None) => return Ok(()),
                bytes => bytes?,
            };
            kept.photo_kept = photo.is_some();
        }
        if photo.is_some() {
            let Some(found) = self.proof(Erased::Prediction(id), to)? else { return Ok(()) };
            proof = found;
        }
        let (salt, commitment) = proof.unzip();
        to.prediction(PredictionRecord { prediction: kept, salt, commitment }, photo)
    }
}

fn left_out(Damaged { item, error }: Damaged, to: &mut dyn Destination) {
    to.problem(TransferProblem::new(item, &error.into(), "it was left out"));
}

pub(super) fn unwritable(error: &serde_json::Error) -> Error {
    ocelli_archive::ArchiveError::Unwritable { entry: "a record".to_owned(), reason: error.to_string() }
        .into()
}
