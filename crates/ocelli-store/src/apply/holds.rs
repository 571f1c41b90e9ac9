//! What holds keep. Every change that erases or alters asks here first.

use ocelli_core::{
    AuditAction, AuditEvent, Erased, Hold, HoldId, HoldTarget, Image, ImageId, Metadata, PredictionId,
    ProjectId, TagId,
};

use super::as_of::AsOf;
use super::images::ImageRecord;
use super::predictions::KeptRecord;
use super::{images, predictions};
use crate::{Applied, Missing, StoreError};

/// The holds that may keep something of a project.
pub(super) struct Holds {
    project: ProjectId,
    holds: Vec<Hold>,
}

impl Holds {
    pub(super) fn of(tx: &mut AsOf<'_>, project: ProjectId) -> Result<Self, StoreError> {
        let mut holds = tx.holds()?;
        holds.retain(|hold| hold.target.concerns(project));
        Ok(Self { project, holds })
    }

    fn keeping(&self, keeps: impl Fn(&HoldTarget) -> bool) -> Vec<HoldId> {
        self.holds.iter().filter(|hold| keeps(&hold.target)).map(|hold| hold.id).collect()
    }

    pub(super) fn on_image(&self, image: ImageId, metadata: &Metadata) -> Vec<HoldId> {
        self.keeping(|target| target.keeps_image(self.project, image, metadata))
    }

    fn on_prediction(&self, prediction: PredictionId, metadata: &Metadata) -> Vec<HoldId> {
        self.keeping(|target| target.keeps_prediction(self.project, prediction, metadata))
    }

    /// Those on a kept prediction. One that cannot be read is kept as a photo is that cannot.
    pub(super) fn on_kept(&self, record: &KeptRecord) -> Vec<HoldId> {
        match &record.metadata {
            Some(metadata) => self.on_prediction(record.id, metadata),
            None => self.keeping(|target| {
                matches!(target, HoldTarget::Metadata { .. })
                    || target.keeps_prediction(self.project, record.id, &Metadata::default())
            }),
        }
    }

    /// Those on the project as a whole, which alone keep its tags, iterations and exports.
    pub(super) fn on_project(&self) -> Vec<HoldId> {
        self.keeping(|target| target.keeps_project(self.project))
    }

    /// Those that keep anything in the project, and the first thing that is kept.
    pub(super) fn in_project(&self, tx: &mut AsOf<'_>) -> Result<Option<(Erased, Vec<HoldId>)>, StoreError> {
        let (mut first, mut keeping) = (None, Vec::new());
        for hold in &self.holds {
            if let Some(kept) = kept_in(tx, self.project, &hold.target)? {
                first.get_or_insert(kept);
                keeping.push(hold.id);
            }
        }
        Ok(first.map(|first| (first, keeping)))
    }

    /// Refuses to erase or alter a photo that is held.
    pub(super) fn release_image(&self, image: &Image) -> Result<(), StoreError> {
        self.refuse(Erased::Image(image.id), self.on_image(image.id, &image.metadata))
    }

    /// Those on a photo. What a photo that cannot be read is about nobody knows: whatever goes by metadata keeps it.
    pub(super) fn on_record(&self, record: &ImageRecord) -> Vec<HoldId> {
        match &record.image {
            Some(image) => self.on_image(image.id, &image.metadata),
            None => self.keeping(|target| {
                matches!(target, HoldTarget::Metadata { .. })
                    || target.keeps_image(self.project, record.id, &Metadata::default())
            }),
        }
    }

    /// Refuses to erase a photo that is held, be it damaged.
    pub(super) fn release_record(&self, record: &ImageRecord) -> Result<(), StoreError> {
        self.refuse(Erased::Image(record.id), self.on_record(record))
    }

    /// Refuses to erase or alter a kept prediction that is held.
    pub(super) fn release_prediction(&self, id: PredictionId, metadata: &Metadata) -> Result<(), StoreError> {
        self.refuse(Erased::Prediction(id), self.on_prediction(id, metadata))
    }

    /// Refuses to erase a kept prediction that is held, be it damaged.
    pub(super) fn release_kept(&self, record: &KeptRecord) -> Result<(), StoreError> {
        self.refuse(Erased::Prediction(record.id), self.on_kept(record))
    }

    /// Refuses to erase what is of the project as a whole, if that is held.
    pub(super) fn release_part(&self, item: Erased) -> Result<(), StoreError> {
        self.refuse(item, self.on_project())
    }

    /// Refuses to erase the project if anything in it is held.
    pub(super) fn release_project(&self, tx: &mut AsOf<'_>) -> Result<(), StoreError> {
        match self.in_project(tx)? {
            Some((kept, holds)) => self.refuse(kept, holds),
            None => Ok(()),
        }
    }

    /// Refuses to erase a tag that something held has, be it due or not.
    pub(super) fn release_tag(&self, tx: &mut AsOf<'_>, tag: TagId) -> Result<(), StoreError> {
        if self.holds.is_empty() {
            return Ok(());
        }
        self.release_part(Erased::Tag(tag))?;
        for image in tx.records().images_with_tag(self.project, tag)? {
            if let Some(record) = images::record(tx, self.project, image)? {
                self.release_record(&record)?;
            }
        }
        for id in tx.records().predictions_with_tag(self.project, tag)? {
            if let Some(record) = predictions::record(tx, self.project, id)? {
                self.release_kept(&record)?;
            }
        }
        Ok(())
    }

    fn refuse(&self, item: Erased, holds: Vec<HoldId>) -> Result<(), StoreError> {
        if holds.is_empty() {
            return Ok(());
        }
        Err(StoreError::Held { project: self.project, item, holds })
    }
}

/// What a hold keeps in a project, if it keeps anything there: due or not.
fn kept_in(tx: &mut AsOf<'_>, project: ProjectId, target: &HoldTarget) -> Result<Option<Erased>, StoreError> {
    let records = tx.records();
    Ok(match target {
        HoldTarget::Project { .. } => Some(Erased::Project(project)),
        HoldTarget::Image { image_id, .. } => {
            records.image_created(project, *image_id)?.map(|_| Erased::Image(*image_id))
        }
        HoldTarget::Prediction { prediction_id, .. } => {
            predictions::record(tx, project, *prediction_id)?.map(|_| Erased::Prediction(*prediction_id))
        }
        HoldTarget::Metadata { filter, .. } => match records.with_metadata(project, filter) {
            // What cannot be opened it may keep all of.
            Err(StoreError::Key { .. }) => Some(Erased::Project(project)),
            found => found?,
        },
    })
}

/// Ends the holds in a project that is about to be erased. They keep nothing there, or it would not be; their reasons and
/// expressions must not stay behind.
pub(super) fn end_with(tx: &mut AsOf<'_>, project: ProjectId) -> Result<(), StoreError> {
    for hold in tx.holds()? {
        if hold.target.project_id() == Some(project) {
            tx.remove_hold(hold.id)?;
            let event = AuditEvent::new(AuditAction::HoldReleased, Some(project));
            tx.events.push(event.with([hold.id.as_uuid().into()]));
        }
    }
    Ok(())
}

pub(super) fn place(tx: &mut AsOf<'_>, hold: &Hold) -> Result<Applied, StoreError> {
    if tx.has_hold(hold.id)? {
        return Err(StoreError::IdTaken(hold.id.to_string()));
    }
    let (project, missing) = match &hold.target {
        HoldTarget::Project { project_id } => (Some(*project_id), None),
        HoldTarget::Image { project_id, image_id } => {
            let there = tx.has_image(*project_id, *image_id)?;
            (Some(*project_id), (!there).then_some(Missing::Image(*image_id)))
        }
        HoldTarget::Prediction { project_id, prediction_id } => {
            let there = tx.prediction(*project_id, *prediction_id)?.is_some();
            (Some(*project_id), (!there).then_some(Missing::Prediction(*prediction_id)))
        }
        HoldTarget::Metadata { project_id, .. } => (*project_id, None),
    };
    if let Some(project) = project {
        tx.project(project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
    }
    if let Some(missing) = missing {
        return Err(StoreError::NotFound(missing));
    }
    tx.put_hold(hold)?;
    Ok(Applied::Done)
}

pub(super) fn release(tx: &mut AsOf<'_>, hold: HoldId) -> Result<Applied, StoreError> {
    if !tx.has_hold(hold)? {
        return Err(StoreError::NotFound(Missing::Hold(hold)));
    }
    tx.remove_hold(hold)?;
    Ok(Applied::Done)
}
