//! The records as the rules see them: without what is due.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::{Deref, DerefMut};

use ocelli_core::{
    Account, AuditEvent, DataClass, Export, ExportId, Image, ImageId, Iteration, IterationId, PredictionId,
    Project, ProjectId, RegionId, StoredPrediction, Timestamp,
};

use super::audit::Erasing;
use crate::{
    Applied, Checkpoint, PhotoBytes, StoreError, StoredCalibration, Transaction, Visibility, is_due,
};

/// A transaction at a moment. What is due is not there for the questions that it answers itself; everything else is
/// the transaction's, and [`AsOf::records`] has what is due too.
pub(super) struct AsOf<'t> {
    tx: &'t mut dyn Transaction,
    pub(super) now: Timestamp,
    pub(super) account: Account,
    visibility: HashMap<ProjectId, Visibility>,
    /// The operation that the change erases in, once it has erased something.
    pub(super) erasing: Option<Erasing>,
    /// What the audit log is to say of the change.
    pub(super) events: Vec<AuditEvent>,
}

impl<'t> Deref for AsOf<'t> {
    type Target = dyn Transaction + 't;

    fn deref(&self) -> &Self::Target {
        self.tx
    }
}

impl DerefMut for AsOf<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.tx
    }
}

impl<'t> AsOf<'t> {
    pub(super) fn new(tx: &'t mut dyn Transaction, now: Timestamp) -> Result<Self, StoreError> {
        let account = tx.account()?;
        let visibility = HashMap::new();
        Ok(Self { tx, now, account, visibility, erasing: None, events: Vec::new() })
    }

    /// The records with what is due among them.
    pub(super) fn records(&mut self) -> &mut dyn Transaction {
        self.tx
    }

    /// What of a project is to be seen.
    pub(super) fn visibility(&mut self, project: ProjectId) -> Result<&Visibility, StoreError> {
        match self.visibility.entry(project) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let retention = self.tx.retention(project)?.unwrap_or_default();
                Ok(new.insert(Visibility::new(retention, self.now)))
            }
        }
    }

    /// The answer to a change that found nothing to do, which the audit log does not speak of.
    pub(super) fn unchanged(&mut self) -> Applied {
        self.events.clear();
        Applied::Done
    }

    /// Whether what happened at this moment is to be seen.
    pub(super) fn shows(
        &mut self,
        project: ProjectId,
        class: DataClass,
        event: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.visibility(project)?.shows(class, event))
    }

    /// Refuses to keep what would be due at once.
    pub(super) fn is_kept(
        &mut self,
        project: ProjectId,
        class: DataClass,
        event: Timestamp,
    ) -> Result<(), StoreError> {
        if self.shows(project, class, event)? { Ok(()) } else { Err(StoreError::NotKept(class)) }
    }

    /// A project, deleted or of a closed account or not, that is not due.
    pub(super) fn project(&mut self, project: ProjectId) -> Result<Option<Project>, StoreError> {
        let found = self.tx.project(project)?;
        Ok(found.filter(|found| !is_due(found, &self.account, self.now)))
    }

    pub(super) fn image_count(&mut self, project: ProjectId) -> Result<usize, StoreError> {
        let after = self.visibility(project)?.cutoff(DataClass::TrainingPhoto);
        self.tx.image_count(project, after)
    }

    pub(super) fn has_image(&mut self, project: ProjectId, image: ImageId) -> Result<bool, StoreError> {
        match self.tx.image_created(project, image)? {
            Some(created) => self.shows(project, DataClass::TrainingPhoto, created),
            None => Ok(false),
        }
    }

    /// A calibration goes unseen with the first due photo that it looked at.
    pub(super) fn calibration(
        &mut self,
        project: ProjectId,
        base: &str,
    ) -> Result<Option<StoredCalibration>, StoreError> {
        let Some(found) = self.tx.calibration(project, base)? else { return Ok(None) };
        for image in &found.images {
            if !self.has_image(project, *image)? {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// A checkpoint goes unseen with the first due photo that it may have learned from.
    pub(super) fn checkpoint(&mut self, project: ProjectId) -> Result<Option<Checkpoint>, StoreError> {
        let found = self.tx.checkpoint(project)?;
        let visibility = self.visibility(project)?;
        Ok(found.filter(|found| visibility.checkpoint(found)))
    }

    pub(super) fn image(&mut self, project: ProjectId, image: ImageId) -> Result<Option<Image>, StoreError> {
        let found = self.tx.image(project, image)?;
        self.shown(project, found)
    }

    pub(super) fn image_with_region(
        &mut self,
        project: ProjectId,
        region: RegionId,
    ) -> Result<Option<Image>, StoreError> {
        let found = self.tx.image_with_region(project, region)?;
        self.shown(project, found)
    }

    fn shown(&mut self, project: ProjectId, found: Option<Image>) -> Result<Option<Image>, StoreError> {
        let visibility = self.visibility(project)?;
        Ok(found.filter(|image| visibility.shows(DataClass::TrainingPhoto, image.created)))
    }

    pub(super) fn iterations(&mut self, project: ProjectId) -> Result<Vec<Iteration>, StoreError> {
        let mut iterations = self.tx.iterations(project)?;
        let visibility = self.visibility(project)?;
        iterations.retain(|iteration| visibility.shows(DataClass::Iteration, iteration.created));
        Ok(iterations)
    }

    /// An iteration, be others damaged.
    pub(super) fn iteration(
        &mut self,
        project: ProjectId,
        iteration: IterationId,
    ) -> Result<Option<Iteration>, StoreError> {
        let found = self.tx.iteration(project, iteration)?;
        let visibility = self.visibility(project)?;
        Ok(found.filter(|found| visibility.shows(DataClass::Iteration, found.created)))
    }

    /// An export goes unseen with its iteration.
    pub(super) fn exports(&mut self, project: ProjectId) -> Result<Vec<Export>, StoreError> {
        let iterations = self.iterations(project)?;
        let mut exports = self.tx.exports(project)?;
        let visibility = self.visibility(project)?;
        exports.retain(|export| {
            visibility.shows(DataClass::Export, export.created)
                && iterations.iter().any(|iteration| iteration.id == export.iteration_id)
        });
        Ok(exports)
    }

    /// Whether there is an iteration of this id, due or not.
    pub(super) fn has_iteration(&mut self, project: ProjectId, id: IterationId) -> Result<bool, StoreError> {
        Ok(self.tx.iteration_ids(project)?.iter().any(|(other, _)| *other == id))
    }

    /// Whether there is an export of this id, due or not.
    pub(super) fn has_export(&mut self, project: ProjectId, id: ExportId) -> Result<bool, StoreError> {
        Ok(self.tx.export(project, id)?.is_some())
    }

    /// What is to be seen of a kept prediction, and of the bytes of its photo.
    pub(super) fn prediction(
        &mut self,
        project: ProjectId,
        prediction: PredictionId,
    ) -> Result<Option<(StoredPrediction, Option<PhotoBytes>)>, StoreError> {
        let Some((kept, bytes)) = self.tx.prediction(project, prediction)? else { return Ok(None) };
        let shown = self.visibility(project)?.prediction(kept);
        Ok(shown.map(|kept| {
            let bytes = bytes.filter(|_| kept.photo_kept);
            (kept, bytes)
        }))
    }
}
