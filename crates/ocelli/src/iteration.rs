use std::sync::Arc;

use ocelli_core::{
    Comparison, Confusion, Evaluation, Iteration, IterationId, IterationPerformance, Manifest, Name,
    Precision, ProjectId, Publication, Threshold,
};
use ocelli_store::Change;

use crate::ocelli::Shared;
use crate::{Error, ProjectHandle};

/// An iteration of a project. Cloning shares it; any thread may use any clone.
#[derive(Clone, Debug)]
pub struct IterationHandle {
    pub(crate) shared: Arc<Shared>,
    project: ProjectId,
    id: IterationId,
}

impl ProjectHandle {
    /// The iterations, in the order in which they began.
    pub fn iterations(&self) -> Result<Vec<Iteration>, Error> {
        Ok(self.shared.store.iterations(self.id())?)
    }

    /// An iteration.
    pub fn iteration(&self, id: IterationId) -> Result<IterationHandle, Error> {
        self.shared.store.iteration(self.id(), id)?;
        Ok(IterationHandle { shared: self.shared.clone(), project: self.id(), id })
    }

    /// The iteration that answers under this name.
    pub fn published(&self, name: impl AsRef<str>) -> Result<IterationHandle, Error> {
        let iteration = self.shared.store.published(self.id(), &Name::new(name)?)?;
        Ok(IterationHandle { shared: self.shared.clone(), project: self.id(), id: iteration.id })
    }
}

impl IterationHandle {
    /// Identifies the iteration.
    pub fn id(&self) -> IterationId {
        self.id
    }

    /// The iteration as it is now.
    pub fn details(&self) -> Result<Iteration, Error> {
        Ok(self.shared.store.iteration(self.project, self.id)?)
    }

    /// What it was trained on, how, and what its folds answered.
    pub fn manifest(&self) -> Result<Manifest, Error> {
        Ok(self.shared.store.manifest(self.project, self.id)?)
    }

    /// What heads trained without each photo's fold answered to it: the photos behind every figure.
    pub fn evaluation(&self) -> Result<Evaluation, Error> {
        Ok(self.manifest()?.evaluation)
    }

    /// Precision, recall and average precision, for each tag and overall, at a threshold.
    pub fn performance(&self, threshold: Threshold) -> Result<IterationPerformance, Error> {
        Ok(self.evaluation()?.performance(threshold))
    }

    /// Which tags are taken for which, with the photos behind each cell, at a threshold.
    pub fn confusion(&self, threshold: Threshold) -> Result<Confusion, Error> {
        Ok(self.evaluation()?.confusion(threshold))
    }

    /// What changed from an earlier iteration to this one, at a threshold.
    pub fn compare(&self, earlier: &Self, threshold: Threshold) -> Result<Comparison, Error> {
        Ok(self.evaluation()?.compare(&earlier.evaluation()?, threshold))
    }

    /// Gives the iteration another name.
    pub fn rename(&self, name: impl AsRef<str>) -> Result<(), Error> {
        let name = Name::new(name)?;
        self.apply(Change::RenameIteration {
            project: self.project,
            iteration: self.id,
            name,
            at: self.shared.now(),
        })
    }

    /// Lets the iteration answer predictions under a name.
    ///
    /// # Errors
    ///
    /// If it has not completed, or the name is in use.
    pub fn publish(&self, name: impl AsRef<str>) -> Result<(), Error> {
        self.publish_as(name, false)
    }

    /// Lets the iteration answer predictions under a name, in place of the iteration that has it. Predictions
    /// under way finish on the old network; new ones use the new.
    ///
    /// # Errors
    ///
    /// If it has not completed.
    pub fn publish_over(&self, name: impl AsRef<str>) -> Result<(), Error> {
        self.publish_as(name, true)
    }

    fn publish_as(&self, name: impl AsRef<str>, overwrite: bool) -> Result<(), Error> {
        let publication = Publication { name: Name::new(name)?, precision: Precision::F32 };
        let at = self.shared.now();
        self.apply(Change::Publish { project: self.project, iteration: self.id, publication, overwrite, at })
    }

    /// Ends the publication.
    pub fn unpublish(&self) -> Result<(), Error> {
        self.apply(Change::Unpublish { project: self.project, iteration: self.id, at: self.shared.now() })
    }

    /// Erases the iteration, its model and its performance.
    ///
    /// # Errors
    ///
    /// If it is published (unpublish it first) or in training (stop that first).
    pub fn delete(&self) -> Result<(), Error> {
        self.apply(Change::DeleteIteration { project: self.project, iteration: self.id })?;
        self.shared.networks.forget(self.id);
        Ok(())
    }

    /// The model as one self-contained file, to be opened with [`Model::open`](crate::Model::open) without any data
    /// directory.
    pub fn model_file(&self) -> Result<Vec<u8>, Error> {
        let network = self.shared.network(&self.details()?)?;
        Ok(ocelli_model::file::write(&network)?)
    }

    fn apply(&self, change: Change) -> Result<(), Error> {
        self.shared.store.apply(change)?;
        Ok(())
    }
}
