use std::collections::HashSet;
use std::sync::Arc;

use ocelli_core::{
    Account, AuditEntry, Digest, Erased, ErasedItem, ErasureOperation, ErasureRecord, Export, ExportId, Hold,
    HoldId, Image, ImageId, Iteration, IterationId, MetadataFilter, PredictionId, Project, ProjectId,
    RegionId, Retention, RetentionPolicy, StoredPrediction, Tag, TagId, Timestamp,
};

use super::State;
use super::records::{Records, StoredExport};
use crate::{
    Checkpoint, ContentHash, ContentKey, FeatureKey, Missing, PhotoBytes, StoreError, StoredCalibration,
    Trained, Transaction,
};

/// A change of a copy of the state.
pub(super) struct MemoryTransaction {
    state: State,
    /// Bytes that came or lost a record, which stay only if a record refers to them in the end.
    loose: HashSet<(ProjectId, ContentHash)>,
    /// What the audit log is to say. It is not copied for it.
    audited: Vec<(AuditEntry, Digest)>,
}

impl MemoryTransaction {
    pub(super) fn new(state: State) -> Self {
        Self { state, loose: HashSet::new(), audited: Vec::new() }
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

    /// The state after the change, less the bytes that nothing refers to, and what the audit log is to say.
    pub(super) fn finish(mut self) -> (State, Vec<(AuditEntry, Digest)>) {
        for (project, content) in self.loose {
            if let Some(records) = self.state.projects.get_mut(&project)
                && !records.refers_to(&content)
            {
                Arc::make_mut(records).bytes.remove(&content);
            }
        }
        (self.state, self.audited)
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
    fn account(&mut self) -> Result<Account, StoreError> {
        self.state.account().cloned()
    }

    fn put_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.state.account = Some(account.clone());
        Ok(())
    }

    fn retention(&mut self, project: ProjectId) -> Result<Option<Retention<RetentionPolicy>>, StoreError> {
        Ok(self.records(project).map(|records| records.retention.clone()))
    }

    fn put_retention(
        &mut self,
        project: ProjectId,
        retention: &Retention<RetentionPolicy>,
    ) -> Result<(), StoreError> {
        self.records_mut(project)?.retention = retention.clone();
        Ok(())
    }

    fn holds(&mut self) -> Result<Vec<Hold>, StoreError> {
        Ok(self.state.holds.clone())
    }

    fn put_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        self.state.holds.push(hold.clone());
        Ok(())
    }

    fn remove_hold(&mut self, hold: HoldId) -> Result<(), StoreError> {
        self.state.holds.retain(|other| other.id != hold);
        Ok(())
    }

    fn with_metadata(
        &mut self,
        project: ProjectId,
        filter: &MetadataFilter,
    ) -> Result<Option<Erased>, StoreError> {
        let Some(records) = self.records(project) else { return Ok(None) };
        let image = records.images.values().find(|stored| filter.matches(&stored.image.metadata));
        let mut predictions = records.predictions.iter();
        Ok(image.map(|stored| Erased::Image(stored.image.id)).or_else(|| {
            let kept = predictions.find(|(_, kept)| filter.matches(&kept.prediction.metadata));
            kept.map(|(id, _)| Erased::Prediction(*id))
        }))
    }

    fn project_ids(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        Ok(self.state.projects.keys().copied().collect())
    }

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
        let mut empty = Vec::new();
        for (id, kept) in &mut records.predictions {
            if kept.has_result_for(tag) {
                let kept = Arc::make_mut(kept);
                kept.prediction.prediction.predictions.retain(|result| result.tag_id != tag);
                if !kept.has_results() && kept.bytes.is_none() {
                    empty.push(*id);
                }
            }
        }
        for id in empty {
            records.remove_prediction(id);
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

    fn predictions_with_tag(
        &mut self,
        project: ProjectId,
        tag: TagId,
    ) -> Result<Vec<PredictionId>, StoreError> {
        let kept = self.records(project).into_iter().flat_map(|records| &records.predictions);
        Ok(kept.filter(|(_, kept)| kept.has_result_for(tag)).map(|(id, _)| *id).collect())
    }

    fn image_count(&mut self, project: ProjectId, after: Option<Timestamp>) -> Result<usize, StoreError> {
        let Some(records) = self.records(project) else { return Ok(0) };
        Ok(match after {
            None => records.images.len(),
            Some(after) => records.images_after(Some(after)).count(),
        })
    }

    fn image_created(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Timestamp>, StoreError> {
        let stored = self.records(project).and_then(|records| records.images.get(&image));
        Ok(stored.map(|stored| stored.image.created))
    }

    fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError> {
        Ok(self.find_image(project, Some(&image)))
    }

    fn image_bytes(&mut self, project: ProjectId, image: ImageId) -> Result<Option<PhotoBytes>, StoreError> {
        let stored = self.records(project).and_then(|records| records.images.get(&image));
        Ok(stored.map(|stored| stored.bytes))
    }

    fn images_with_content(
        &mut self,
        project: ProjectId,
        content: &ContentHash,
    ) -> Result<Vec<ImageId>, StoreError> {
        let records = self.records(project).into_iter();
        Ok(records.flat_map(|records| records.with_content(content)).collect())
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
        bytes: &PhotoBytes,
    ) -> Result<(), StoreError> {
        self.records_mut(project)?.insert_image(image.clone(), *bytes);
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
        computed: Timestamp,
    ) -> Result<(), StoreError> {
        self.records_mut(project)?.put_features(image, key, features, computed);
        Ok(())
    }

    fn features_computed(
        &mut self,
        project: ProjectId,
        image: ImageId,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let stored = self.records(project).and_then(|records| records.images.get(&image));
        let features = stored.into_iter().flat_map(|stored| stored.features.values());
        let mut moments: Vec<Timestamp> = features.map(|(computed, _)| *computed).collect();
        moments.sort_unstable();
        Ok(moments)
    }

    fn remove_features_of(
        &mut self,
        project: ProjectId,
        image: ImageId,
        through: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let stays = |_: &FeatureKey, computed| through.is_some_and(|through| computed > through);
        self.records_mut(project)?.retain_features(image, stays);
        Ok(())
    }

    fn remove_features(&mut self, project: ProjectId, key: &FeatureKey) -> Result<(), StoreError> {
        let records = self.records_mut(project)?;
        for image in records.images.keys().copied().collect::<Vec<_>>() {
            records.retain_features(image, |other, _| other != key);
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
            let mut tests = manifest.test.iter().flat_map(|test| &test.photos);
            let tested = tests.any(|photo| photo.photo == image);
            if used || tested || manifest.left_out.iter().any(|(left_out, _)| *left_out == image) {
                let trained = Arc::make_mut(trained);
                trained.looked_at.retain(|looked_at| *looked_at != image);
                let manifest = &mut trained.manifest;
                manifest.evaluation.photos.retain(|photo| photo.photo != image);
                manifest.left_out.retain(|(left_out, _)| *left_out != image);
                manifest.erased = manifest.erased.saturating_add(u32::from(used));
                if let Some(test) = &mut manifest.test {
                    test.photos.retain(|photo| photo.photo != image);
                    manifest.test_erased = manifest.test_erased.saturating_add(u32::from(tested));
                }
            }
            if used {
                trained_on_it.push(*iteration);
            }
        }
        Ok(trained_on_it)
    }

    fn checkpoint(&mut self, project: ProjectId) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.records(project).and_then(|records| records.checkpoint))
    }

    fn put_checkpoint(&mut self, project: ProjectId, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.remove_checkpoint(project)?;
        self.records_mut(project)?.checkpoint = Some(*checkpoint);
        Ok(())
    }

    fn remove_checkpoint(&mut self, project: ProjectId) -> Result<(), StoreError> {
        if let Some(kept) = self.checkpoint(project)? {
            self.records_mut(project)?.checkpoint = None;
            self.loose.insert((project, kept.content));
        }
        Ok(())
    }

    fn remove_iteration(&mut self, project: ProjectId, iteration: IterationId) -> Result<(), StoreError> {
        if self.checkpoint(project)?.is_some_and(|kept| kept.iteration == iteration) {
            self.remove_checkpoint(project)?;
        }
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
    ) -> Result<Option<(StoredPrediction, Option<PhotoBytes>)>, StoreError> {
        let kept = self.records(project).and_then(|records| records.predictions.get(&prediction));
        Ok(kept.map(|kept| (kept.prediction.clone(), kept.bytes)))
    }

    fn insert_prediction(
        &mut self,
        prediction: &StoredPrediction,
        bytes: Option<&PhotoBytes>,
    ) -> Result<(), StoreError> {
        let records = self.records_mut(prediction.prediction.project_id)?;
        records.insert_prediction(prediction.clone(), bytes.copied());
        Ok(())
    }

    fn remove_prediction(&mut self, project: ProjectId, prediction: PredictionId) -> Result<(), StoreError> {
        if let Some(content) = self.records_mut(project)?.remove_prediction(prediction) {
            self.loose.insert((project, content));
        }
        Ok(())
    }

    fn remove_prediction_photo(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<(), StoreError> {
        if let Some(kept) = self.records_mut(project)?.predictions.get_mut(&prediction) {
            let kept = Arc::make_mut(kept);
            kept.prediction.photo_kept = false;
            if let Some(bytes) = kept.bytes.take() {
                self.loose.insert((project, bytes.content));
            }
        }
        Ok(())
    }

    fn remove_prediction_results(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<(), StoreError> {
        if let Some(kept) = self.records_mut(project)?.predictions.get_mut(&prediction) {
            Arc::make_mut(kept).prediction.prediction.predictions.clear();
        }
        Ok(())
    }

    fn knows_erasure(&mut self, erasure: &ErasureRecord) -> Result<bool, StoreError> {
        Ok(self.state.erasures.knows(erasure))
    }

    fn was_erased(&mut self, project: ProjectId, erased: &Erased) -> Result<bool, StoreError> {
        Ok(self.state.erasures.was_erased(project, erased))
    }

    fn record_erasure(&mut self, operation: u64, erased: &ErasedItem) -> Result<(), StoreError> {
        if !self.state.erasures.knows(&erased.record) {
            Arc::make_mut(&mut self.state.erasures).record(operation, *erased);
        }
        Ok(())
    }

    fn last_operation(&mut self) -> Result<u64, StoreError> {
        Ok(self.state.erasures.operations.last_key_value().map_or(0, |(number, _)| *number))
    }

    fn operation(&mut self, number: u64) -> Result<Option<ErasureOperation>, StoreError> {
        Ok(self.state.erasures.operations.get(&number).cloned())
    }

    fn put_operation(&mut self, operation: &ErasureOperation) -> Result<(), StoreError> {
        let erasures = Arc::make_mut(&mut self.state.erasures);
        erasures.operations.insert(operation.number, operation.clone());
        Ok(())
    }

    fn has_receipt(&mut self, operation: u64) -> Result<bool, StoreError> {
        Ok(self.state.erasures.receipts.contains_key(&operation))
    }

    fn keep_receipt(&mut self, operation: u64, receipt: &str) -> Result<(), StoreError> {
        Arc::make_mut(&mut self.state.erasures).receipts.insert(operation, receipt.to_owned());
        Ok(())
    }

    fn audit_head(&mut self) -> Result<Option<(u64, Digest)>, StoreError> {
        let last = self.audited.last().map(|(entry, hash)| (entry.seq, *hash));
        Ok(last.or(self.state.audit.head))
    }

    fn append_audit(&mut self, entry: &AuditEntry, hash: &Digest) -> Result<(), StoreError> {
        self.audited.push((entry.clone(), *hash));
        Ok(())
    }

    fn latest_audit(&mut self, through: u64) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state.audit.latest(through))
    }

    fn expire_audit(&mut self, through: u64, checkpoint: &str) -> Result<(), StoreError> {
        Arc::make_mut(&mut self.state.audit).expire(through, checkpoint);
        Ok(())
    }
}
