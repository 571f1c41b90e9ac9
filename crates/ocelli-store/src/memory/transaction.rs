use std::collections::HashSet;
use std::sync::Arc;

use ocelli_core::{
    Erased, ErasureRecord, Export, ExportId, Image, ImageId, Iteration, IterationId, PredictionId, Project,
    ProjectId, RegionId, StoredPrediction, Tag, TagId,
};

use super::State;
use super::records::{Records, StoredExport};
use crate::{
    ContentHash, ContentKey, FeatureKey, Missing, StoreError, StoredCalibration, Trained, Transaction,
};

/// A change of a copy of the state.
pub(super) struct MemoryTransaction {
    state: State,
    /// Bytes that came or lost a record, which stay only if a record refers to them in the end.
    loose: HashSet<(ProjectId, ContentHash)>,
}

impl MemoryTransaction {
    pub(super) fn new(state: State) -> Self {
        Self { state, loose: HashSet::new() }
    }

    /// Puts bytes in place, for the records that will refer to them.
    pub(super) fn stage<'b>(
        &mut self,
        project: ProjectId,
        photos: impl IntoIterator<Item = (ContentHash, &'b [u8])>,
    ) {
        if let Some(records) = self.state.projects.get_mut(&project) {
            let records = Arc::make_mut(records);
            for (content, bytes) in photos {
                records.bytes.entry(content).or_insert_with(|| bytes.into());
                self.loose.insert((project, content));
            }
        }
    }

    /// The state after the change, less the bytes that nothing refers to.
    pub(super) fn finish(mut self) -> State {
        for (project, content) in self.loose {
            if let Some(records) = self.state.projects.get_mut(&project)
                && !records.refers_to(&content)
            {
                Arc::make_mut(records).bytes.remove(&content);
            }
        }
        self.state
    }

    fn records(&self, project: ProjectId) -> Option<&Records> {
        self.state.projects.get(&project).map(Arc::as_ref)
    }

    fn records_mut(&mut self, project: ProjectId) -> Result<&mut Records, StoreError> {
        let records = self.state.projects.get_mut(&project);
        records.map(Arc::make_mut).ok_or(StoreError::NotFound(Missing::Project(project)))
    }

    /// Takes the exports that `gone` says are gone away.
    fn remove_exports(
        &mut self,
        project: ProjectId,
        gone: impl Fn(&Export) -> bool,
    ) -> Result<(), StoreError> {
        let (removed, kept) = std::mem::take(&mut self.records_mut(project)?.exports)
            .into_iter()
            .partition(|s| gone(&s.export));
        self.records_mut(project)?.exports = kept;
        let removed: Vec<Arc<StoredExport>> = removed;
        self.loose.extend(removed.iter().flat_map(|s| s.contents.iter().map(|content| (project, *content))));
        Ok(())
    }

    fn find_image(&self, project: ProjectId, image: Option<&ImageId>) -> Option<Image> {
        self.records(project)?.images.get(image?).map(|stored| stored.image.clone())
    }
}

impl Transaction for MemoryTransaction {
    fn project_count(&mut self) -> Result<usize, StoreError> {
        Ok(self.state.projects.values().filter(|records| records.project.deleted.is_none()).count())
    }

    fn project(&mut self, project: ProjectId) -> Result<Option<Project>, StoreError> {
        Ok(self.records(project).map(|records| records.project.clone()))
    }

    fn content_key(&mut self, project: ProjectId) -> Result<Option<ContentKey>, StoreError> {
        Ok(self.records(project).map(|records| records.key.clone()))
    }

    fn insert_project(&mut self, project: &Project, key: &ContentKey) -> Result<(), StoreError> {
        self.state.projects.insert(project.id, Arc::new(Records::new(project.clone(), key.clone())));
        Ok(())
    }

    fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        self.records_mut(project.id)?.project = project.clone();
        Ok(())
    }

    fn remove_project(&mut self, project: ProjectId) -> Result<(), StoreError> {
        self.state.projects.remove(&project);
        Ok(())
    }

    fn tags(&mut self, project: ProjectId) -> Result<Vec<Tag>, StoreError> {
        Ok(self.records(project).map(|records| records.tags.clone()).unwrap_or_default())
    }

    fn put_tag(&mut self, project: ProjectId, tag: &Tag) -> Result<(), StoreError> {
        let tags = &mut self.records_mut(project)?.tags;
        match tags.iter_mut().find(|other| other.id == tag.id) {
            Some(other) => *other = tag.clone(),
            None => tags.push(tag.clone()),
        }
        Ok(())
    }

    fn remove_tag(&mut self, project: ProjectId, tag: TagId) -> Result<(), StoreError> {
        let having = self.images_with_tag(project, tag)?;
        let records = self.records_mut(project)?;
        records.tags.retain(|other| other.id != tag);
        for image in having {
            if let Some(mut image) = records.images.get(&image).map(|stored| stored.image.clone()) {
                image.tags.retain(|had| had.tag_id != tag);
                image.regions.retain(|region| region.tag_id != tag);
                records.update_image(&image);
            }
        }
        for kept in records.predictions.values_mut() {
            if kept.0.prediction.predictions.iter().any(|result| result.tag_id == tag) {
                Arc::make_mut(kept).0.prediction.predictions.retain(|result| result.tag_id != tag);
            }
        }
        Ok(())
    }

    fn images_with_tag(&mut self, project: ProjectId, tag: TagId) -> Result<Vec<ImageId>, StoreError> {
        let has = |image: &Image| {
            image.tags.iter().any(|had| had.tag_id == tag)
                || image.regions.iter().any(|region| region.tag_id == tag)
        };
        let images = self.records(project).into_iter().flat_map(|records| records.images.values());
        let having = images.filter(|stored| has(&stored.image));
        let mut ids: Vec<ImageId> = having.map(|stored| stored.image.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    fn image_count(&mut self, project: ProjectId) -> Result<usize, StoreError> {
        Ok(self.records(project).map_or(0, |records| records.images.len()))
    }

    fn has_image(&mut self, project: ProjectId, image: ImageId) -> Result<bool, StoreError> {
        Ok(self.records(project).is_some_and(|records| records.images.contains_key(&image)))
    }

    fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError> {
        Ok(self.find_image(project, Some(&image)))
    }

    fn image_with_content(
        &mut self,
        project: ProjectId,
        content: &ContentHash,
    ) -> Result<Option<Image>, StoreError> {
        let image = self.records(project).and_then(|records| records.by_content.get(content));
        Ok(self.find_image(project, image))
    }

    fn image_with_region(
        &mut self,
        project: ProjectId,
        region: RegionId,
    ) -> Result<Option<Image>, StoreError> {
        let image = self.records(project).and_then(|records| records.by_region.get(&region));
        Ok(self.find_image(project, image))
    }

    fn insert_image(
        &mut self,
        project: ProjectId,
        image: &Image,
        content: &ContentHash,
    ) -> Result<(), StoreError> {
        self.records_mut(project)?.insert_image(image.clone(), *content);
        Ok(())
    }

    fn update_image(&mut self, project: ProjectId, image: &Image) -> Result<(), StoreError> {
        self.records_mut(project)?.update_image(image);
        Ok(())
    }

    fn remove_image(&mut self, project: ProjectId, image: ImageId) -> Result<(), StoreError> {
        if let Some(content) = self.records_mut(project)?.remove_image(image) {
            self.loose.insert((project, content));
        }
        Ok(())
    }

    fn put_features(
        &mut self,
        project: ProjectId,
        image: ImageId,
        key: &FeatureKey,
        features: &[f32],
    ) -> Result<(), StoreError> {
        if let Some(stored) = self.records_mut(project)?.images.get_mut(&image) {
            Arc::make_mut(stored).features.insert(key.clone(), features.into());
        }
        Ok(())
    }

    fn remove_features(&mut self, project: ProjectId, key: &FeatureKey) -> Result<(), StoreError> {
        for stored in self.records_mut(project)?.images.values_mut() {
            if stored.features.contains_key(key) {
                Arc::make_mut(stored).features.remove(key);
            }
        }
        Ok(())
    }

    fn calibration(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<StoredCalibration>, StoreError> {
        let records = self.records(project);
        Ok(records.and_then(|records| records.calibrations.get(base)).map(|found| found.as_ref().clone()))
    }

    fn calibrations_with_image(
        &mut self,
        project: ProjectId,
        image: ImageId,
    ) -> Result<Vec<String>, StoreError> {
        let calibrations = self.records(project).into_iter().flat_map(|records| &records.calibrations);
        let looked = calibrations.filter(|(_, calibration)| calibration.images.contains(&image));
        Ok(looked.map(|(base, _)| base.clone()).collect())
    }

    fn remove_calibration(&mut self, project: ProjectId, base: &str) -> Result<(), StoreError> {
        self.records_mut(project)?.calibrations.remove(base);
        Ok(())
    }

    fn put_calibration(
        &mut self,
        project: ProjectId,
        base: &str,
        calibration: &StoredCalibration,
    ) -> Result<(), StoreError> {
        let calibrations = &mut self.records_mut(project)?.calibrations;
        calibrations.insert(base.to_owned(), Arc::new(calibration.clone()));
        Ok(())
    }

    fn iterations(&mut self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        Ok(self.records(project).map(|records| records.iterations.clone()).unwrap_or_default())
    }

    fn put_iteration(&mut self, iteration: &Iteration) -> Result<(), StoreError> {
        let iterations = &mut self.records_mut(iteration.project_id)?.iterations;
        match iterations.iter_mut().find(|other| other.id == iteration.id) {
            Some(other) => *other = iteration.clone(),
            None => iterations.push(iteration.clone()),
        }
        Ok(())
    }

    fn insert_trained(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
        trained: &Trained,
    ) -> Result<(), StoreError> {
        self.records_mut(project)?.trained.insert(iteration, Arc::new(trained.clone()));
        Ok(())
    }

    fn iterations_with_tag(
        &mut self,
        project: ProjectId,
        tag: TagId,
    ) -> Result<Vec<IterationId>, StoreError> {
        let trained = self.records(project).into_iter().flat_map(|records| &records.trained);
        let on_it =
            trained.filter(|(_, trained)| trained.manifest.evaluation.tags.iter().any(|had| had.id == tag));
        Ok(on_it.map(|(iteration, _)| *iteration).collect())
    }

    fn forget_image(&mut self, project: ProjectId, image: ImageId) -> Result<Vec<IterationId>, StoreError> {
        let mut trained_on_it = Vec::new();
        for (iteration, trained) in &mut self.records_mut(project)?.trained {
            let manifest = &trained.manifest;
            let evaluated = manifest.evaluation.photos.iter().any(|photo| photo.photo == image);
            let used = evaluated || trained.looked_at.contains(&image);
            if used || manifest.left_out.iter().any(|(left_out, _)| *left_out == image) {
                let trained = Arc::make_mut(trained);
                trained.looked_at.retain(|looked_at| *looked_at != image);
                let manifest = &mut trained.manifest;
                manifest.evaluation.photos.retain(|photo| photo.photo != image);
                manifest.left_out.retain(|(left_out, _)| *left_out != image);
                manifest.erased = manifest.erased.saturating_add(u32::from(used));
            }
            if used {
                trained_on_it.push(*iteration);
            }
        }
        Ok(trained_on_it)
    }

    fn remove_iteration(&mut self, project: ProjectId, iteration: IterationId) -> Result<(), StoreError> {
        self.remove_exports(project, |export| export.iteration_id == iteration)?;
        let records = self.records_mut(project)?;
        records.iterations.retain(|other| other.id != iteration);
        records.trained.remove(&iteration);
        Ok(())
    }

    fn exports(&mut self, project: ProjectId) -> Result<Vec<Export>, StoreError> {
        let stored = self.records(project).into_iter().flat_map(|records| &records.exports);
        Ok(stored.map(|stored| stored.export.clone()).collect())
    }

    fn insert_export(
        &mut self,
        project: ProjectId,
        export: &Export,
        contents: &[ContentHash],
    ) -> Result<(), StoreError> {
        let stored = StoredExport { export: export.clone(), contents: contents.to_vec() };
        self.records_mut(project)?.exports.push(Arc::new(stored));
        Ok(())
    }

    fn remove_export(&mut self, project: ProjectId, export: ExportId) -> Result<(), StoreError> {
        self.remove_exports(project, |other| other.id == export)
    }

    fn prediction(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<(StoredPrediction, ContentHash)>, StoreError> {
        let records = self.records(project);
        Ok(records.and_then(|records| records.predictions.get(&prediction)).map(|kept| kept.as_ref().clone()))
    }

    fn insert_prediction(
        &mut self,
        prediction: &StoredPrediction,
        content: &ContentHash,
    ) -> Result<(), StoreError> {
        let (project, id) = (prediction.prediction.project_id, prediction.prediction.id);
        self.records_mut(project)?.predictions.insert(id, Arc::new((prediction.clone(), *content)));
        Ok(())
    }

    fn remove_prediction(&mut self, project: ProjectId, prediction: PredictionId) -> Result<(), StoreError> {
        if let Some(kept) = self.records_mut(project)?.predictions.remove(&prediction) {
            self.loose.insert((project, kept.1));
        }
        Ok(())
    }

    fn knows_erasure(&mut self, erasure: &ErasureRecord) -> Result<bool, StoreError> {
        Ok(self.state.erasures.knows(erasure))
    }

    fn was_erased(&mut self, project: ProjectId, erased: &Erased) -> Result<bool, StoreError> {
        Ok(self.state.erasures.was_erased(project, erased))
    }

    fn record_erasure(&mut self, erasure: &ErasureRecord) -> Result<(), StoreError> {
        if !self.state.erasures.knows(erasure) {
            Arc::make_mut(&mut self.state.erasures).record(*erasure);
        }
        Ok(())
    }
}
