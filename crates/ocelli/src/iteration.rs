use std::sync::Arc;

use ocelli_core::{
    Comparison, Confusion, Erasure, Evaluation, Iteration, IterationId, IterationPerformance, Manifest, Name,
    Precision, ProjectId, Publication, Thresholds,
};
use ocelli_infer::Views;
use ocelli_store::{Change, StoreError};
use serde::{Deserialize, Serialize};

use crate::ocelli::Shared;
use crate::{Error, ProjectHandle};

/// An iteration of a project. Cloning shares it; any thread may use any clone.
#[derive(Clone, Debug)]
pub struct IterationHandle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) project: ProjectId,
    id: IterationId,
    pub(crate) views: Views,
}

/// How an iteration is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PublishOptions {
    /// The numbers in which it computes its answers; f32 unless int8 is named.
    pub precision: Precision,
    /// Whether to take the name from the iteration that has it.
    pub overwrite: bool,
    /// Whether to publish in int8 even where it costs more than
    /// [`Int8Cost::is_small`](ocelli_core::Int8Cost::is_small) admits.
    pub insist: bool,
}

impl ProjectHandle {
    /// The iterations, in the order in which they began.
    pub fn iterations(&self) -> Result<Vec<Iteration>, Error> {
        Ok(self.shared.store.iterations(self.id())?)
    }

    /// An iteration.
    pub fn iteration(&self, id: IterationId) -> Result<IterationHandle, Error> {
        self.shared.store.iteration(self.id(), id)?;
        Ok(self.handle(id))
    }

    /// The iteration that answers under this name.
    pub fn published(&self, name: impl AsRef<str>) -> Result<IterationHandle, Error> {
        let iteration = self.shared.store.published(self.id(), &Name::new(name)?)?;
        Ok(self.handle(iteration.id))
    }

    fn handle(&self, id: IterationId) -> IterationHandle {
        IterationHandle { shared: self.shared.clone(), project: self.id(), id, views: self.views }
    }
}

impl IterationHandle {
    /// Identifies the iteration.
    pub fn id(&self) -> IterationId {
        self.id
    }

    /// A handle that asks about so many views of each photo; else as many as the project's handle does.
    pub fn with_views(mut self, views: Views) -> Self {
        self.views = views;
        self
    }

    /// The iteration as it is now.
    pub fn details(&self) -> Result<Iteration, Error> {
        Ok(self.shared.store.iteration(self.project, self.id)?)
    }

    /// What it was trained on, how, and what its folds answered.
    pub fn manifest(&self) -> Result<Manifest, Error> {
        Ok(self.shared.store.manifest(self.project, self.id)?)
    }

    /// What heads, or members of a fine-tuning, that were trained without each photo's fold answered to it.
    pub fn evaluation(&self) -> Result<Evaluation, Error> {
        Ok(self.manifest()?.evaluation)
    }

    /// Precision, recall and average precision, for each tag and overall, at a threshold or at several, one a tag; with
    /// `None`, at the iteration's [own](Manifest::own_thresholds). The photos are those of its test where it has one, else
    /// those of its folds.
    pub fn performance(
        &self,
        thresholds: impl Into<Option<Thresholds>>,
    ) -> Result<IterationPerformance, Error> {
        let manifest = self.manifest()?;
        let thresholds = thresholds.into().unwrap_or_else(|| manifest.own_thresholds());
        Ok(manifest.judged_by().performance(thresholds))
    }

    /// Which tags are taken for which, with the photos behind each cell, of the photos and at the thresholds of
    /// [`performance`](Self::performance).
    pub fn confusion(&self, thresholds: impl Into<Option<Thresholds>>) -> Result<Confusion, Error> {
        let manifest = self.manifest()?;
        let thresholds = thresholds.into().unwrap_or_else(|| manifest.own_thresholds());
        Ok(manifest.judged_by().confusion(thresholds))
    }

    /// What changed from an earlier iteration to this one, on the photos that both are judged by; with `None`, each at its
    /// own thresholds.
    pub fn compare(
        &self,
        earlier: &Self,
        thresholds: impl Into<Option<Thresholds>>,
    ) -> Result<Comparison, Error> {
        let (later, earlier) = (self.manifest()?, earlier.manifest()?);
        let (now, then) = (later.judged_by(), earlier.judged_by());
        Ok(match thresholds.into() {
            Some(thresholds) => now.compare(then, thresholds),
            None => now.compare_at(later.own_thresholds(), then, earlier.own_thresholds()),
        })
    }

    /// Gives the iteration another name.
    ///
    /// What was there before is erased, which may be pending: [`Ocelli::finish_erasures`](crate::Ocelli::finish_erasures) tells.
    pub fn rename(&self, name: impl AsRef<str>) -> Result<(), Error> {
        let name = Name::new(name)?;
        self.apply(Change::RenameIteration {
            project: self.project,
            iteration: self.id,
            name,
            at: self.shared.now(),
        })
    }

    /// Lets the iteration answer predictions under a name, in f32.
    ///
    /// # Errors
    ///
    /// If it has not completed, or the name is in use.
    pub fn publish(&self, name: impl AsRef<str>) -> Result<(), Error> {
        self.publish_with(name, &PublishOptions::default())
    }

    /// Lets the iteration answer predictions under a name, in f32, in place of the iteration that has it.
    /// Predictions under way finish on the old network; new ones use the new.
    ///
    /// # Errors
    ///
    /// If it has not completed.
    pub fn publish_over(&self, name: impl AsRef<str>) -> Result<(), Error> {
        self.publish_with(name, &PublishOptions { overwrite: true, ..PublishOptions::default() })
    }

    /// Lets the iteration answer predictions under a name, as the options say. An iteration that is published
    /// already changes to this name and precision.
    ///
    /// ```no_run
    /// use ocelli::{Precision, PublishOptions};
    ///
    /// # fn main() -> Result<(), ocelli::Error> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// # let iteration = project.iteration(project.iterations()?[0].id)?;
    /// if let Some(int8) = iteration.manifest()?.int8 {
    ///     println!("int8: {}", int8.cost);
    /// }
    /// let options = PublishOptions { precision: Precision::Int8, ..PublishOptions::default() };
    /// iteration.publish_with("production", &options)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If it has not completed, or the name is in use and not to be overwritten. In int8: [`Error::NoInt8`]
    /// if its manifest has no measured int8, and [`Error::Int8TooCostly`] if int8 costs more than
    /// [`Int8Cost::is_small`](ocelli_core::Int8Cost::is_small) admits and is not insisted on.
    pub fn publish_with(&self, name: impl AsRef<str>, options: &PublishOptions) -> Result<(), Error> {
        let PublishOptions { precision, overwrite, insist } = *options;
        let publication = Publication { name: Name::new(name)?, precision };
        if precision == Precision::Int8 {
            self.check_int8(insist)?;
        }
        let at = self.shared.now();
        self.apply(Change::Publish { project: self.project, iteration: self.id, publication, overwrite, at })
    }

    /// What a completed training recorded never changes, so it can be judged before the store publishes. One
    /// under way is refused here: it may complete before the store looks.
    fn check_int8(&self, insist: bool) -> Result<(), Error> {
        let iteration = self.details()?;
        if !iteration.is_completed() {
            return Err(StoreError::NotCompleted(self.id).into());
        }
        let name = || iteration.name.to_string();
        let cost = self.manifest()?.int8.ok_or_else(|| Error::NoInt8 { iteration: name() })?.cost;
        if cost.is_small() || insist { Ok(()) } else { Err(Error::Int8TooCostly { iteration: name(), cost }) }
    }

    /// Ends the publication.
    ///
    /// What was there before is erased, which may be pending: [`Ocelli::finish_erasures`](crate::Ocelli::finish_erasures) tells.
    pub fn unpublish(&self) -> Result<(), Error> {
        self.apply(Change::Unpublish { project: self.project, iteration: self.id, at: self.shared.now() })
    }

    /// Erases the iteration: its model, its performance and its exports. Its photos and the predictions that it made
    /// stay.
    ///
    /// # Errors
    ///
    /// If it is published (unpublish it first) or in training (stop that first).
    pub fn delete(&self) -> Result<Erasure, Error> {
        let at = self.shared.now();
        let erasure =
            self.shared.erase(Change::DeleteIteration { project: self.project, iteration: self.id, at })?;
        self.shared.networks.forget(self.id);
        Ok(erasure)
    }

    /// The model as one self-contained file, to be opened with [`Model::open`](crate::Model::open) without
    /// any data directory.
    pub fn model_file(&self) -> Result<Vec<u8>, Error> {
        let network = self.shared.network(&self.details()?)?;
        Ok(ocelli_model::file::write(&network)?)
    }

    fn apply(&self, change: Change) -> Result<(), Error> {
        self.shared.store.apply(change)?;
        Ok(())
    }
}
