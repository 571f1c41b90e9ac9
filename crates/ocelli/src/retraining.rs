//! Training anew on what an erasure has left.

use std::collections::HashSet;

use ocelli_core::{
    AffectedIteration, AffectedOutcome, Erasure, ErasureStatus, Iteration, IterationId, IterationStatus,
    Name, Precision, Publication,
};
use ocelli_store::{Missing, StoreError};
use ocelli_train::{StopToken, TrainingEvent};

use crate::{Error, IterationHandle, ProjectHandle, PublishOptions, TrainOptions};

/// What came of training anew.
#[derive(Clone, Debug)]
#[must_use = "the iterations that were replaced may still be on the medium"]
pub struct Retrained {
    /// The new iterations, in the order in which they were trained; empty where there was nothing to replace.
    pub iterations: Vec<IterationHandle>,
    /// Whether those that they replace are gone from the medium.
    pub status: ErasureStatus,
}

impl ProjectHandle {
    /// Replaces the iterations that were trained on what was erased. See
    /// [`retrain_without_watched`](Self::retrain_without_watched).
    pub fn retrain_without(&self, erasure: &Erasure, options: &TrainOptions) -> Result<Retrained, Error> {
        self.retrain_without_watched(erasure, options, &StopToken::new(), &|_| {})
    }

    /// Trains on what is left, lets the new iterations answer in place of those that were trained on what was erased,
    /// and then erases those: all that the erasure tells of in this project, whether they were published or not.
    ///
    /// There is one new iteration, and as many more as the affected ones have names, since an iteration answers under
    /// one; all are trained alike, the first under the name in the options. A name passes on
    /// - from an iteration that is still published, and
    /// - from one that the erasure unpublished or erased, unless another answers under it by now.
    ///
    /// The precision passes on too, but for int8 that would have to be insisted on: then the name answers in f32, so
    /// that no cost of int8 keeps an iteration in use that is to go. Iterations of which the erasure said that they
    /// were in training are replaced if they have completed since and know of erased photos or tags. One that the
    /// erasure took is replaced only where nobody has its name. Nothing is trained where there is nothing to replace.
    ///
    /// # Errors
    ///
    /// As [`train_watched`](Self::train_watched), such as for too few photos that are left, or for a project that has as
    /// many iterations as it may have: the new ones come before the old ones go; [`Error::BaseToReplace`] where the options
    /// start from an iteration that is to be replaced. And if a training that the erasure
    /// told of is still under way. The affected iterations are then as they were. An error after the training leaves
    /// those that could not be replaced.
    pub fn retrain_without_watched(
        &self,
        erasure: &Erasure,
        options: &TrainOptions,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<Retrained, Error> {
        let mut replaced = HashSet::new();
        let mut publications: Vec<Publication> = Vec::new();
        for affected in erasure.iterations.iter().filter(|affected| affected.project_id == self.id()) {
            let Some(publication) = self.to_replace(affected)? else { continue };
            replaced.insert(affected.id);
            publications.extend(publication);
        }
        if let Some(base) = options.custom_base.filter(|base| replaced.contains(&base.iteration_id)) {
            return Err(Error::BaseToReplace(base.iteration_id));
        }
        let mut trained = Vec::new();
        if !replaced.is_empty() {
            let mut options = TrainOptions { force: true, ..options.clone() };
            trained.push(self.train_watched(&options, stop, watch)?);
            options.name = None;
            for _ in publications.iter().skip(1) {
                trained.push(self.train_watched(&options, stop, watch)?);
            }
        }
        for (iteration, publication) in trained.iter().zip(publications) {
            self.take_over(iteration, publication, &replaced)?;
        }
        for id in replaced {
            match self.iteration(id).and_then(|iteration| iteration.delete()) {
                Err(Error::Store(StoreError::NotFound(Missing::Iteration(_)))) => {}
                erased => drop(erased?),
            }
        }
        // What has been trained and erased is done, whatever finishing says.
        let status = self.shared.store.finish_erasures().unwrap_or(ErasureStatus::ErasurePending);
        Ok(Retrained { iterations: trained, status })
    }

    /// None for an iteration that need not be replaced; else the publication that passes on, if there is one.
    fn to_replace(&self, affected: &AffectedIteration) -> Result<Option<Option<Publication>>, Error> {
        if affected.outcome == AffectedOutcome::Deleted {
            let Some(publication) = &affected.publication else { return Ok(None) };
            let holder = self.holder(&publication.name)?;
            return Ok(holder.is_none().then(|| Some(publication.clone())));
        }
        let mut now = self.found(affected.id)?;
        if now.as_ref().is_some_and(|now| now.status == IterationStatus::Training) {
            // Refused while somebody trains; else it has ended, or its process has.
            drop(self.shared.store.lock_training(self.id())?);
            now = self.found(affected.id)?;
        }
        let Some(now) = now else { return Ok(None) };
        Ok(match affected.outcome {
            AffectedOutcome::InTraining if now.is_completed() && self.knows_of_erased(now.id)? => {
                Some(now.publication)
            }
            AffectedOutcome::InTraining => None,
            AffectedOutcome::Kept => Some(now.publication),
            // It may have been published anew since.
            _ => Some(now.publication.or_else(|| affected.publication.clone())),
        })
    }

    fn found(&self, id: IterationId) -> Result<Option<Iteration>, Error> {
        match self.shared.store.iteration(self.id(), id) {
            Err(StoreError::NotFound(Missing::Iteration(_))) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// The iteration that answers under a name.
    fn holder(&self, name: &Name) -> Result<Option<IterationId>, Error> {
        match self.shared.store.published(self.id(), name) {
            Err(StoreError::NotFound(Missing::Publication(_))) => Ok(None),
            holder => Ok(Some(holder?.id)),
        }
    }

    fn knows_of_erased(&self, id: IterationId) -> Result<bool, Error> {
        let manifest = self.shared.store.manifest(self.id(), id)?;
        let tags: HashSet<_> = self.tags()?.iter().map(|tag| tag.id).collect();
        Ok(manifest.erased > 0 || manifest.evaluation.tags.iter().any(|tag| !tags.contains(&tag.id)))
    }

    /// Publishes an iteration under a name, unless one that is not to be replaced has it.
    fn take_over(
        &self,
        iteration: &IterationHandle,
        publication: Publication,
        replaced: &HashSet<IterationId>,
    ) -> Result<(), Error> {
        let overwrite = match self.holder(&publication.name)? {
            Some(holder) if !replaced.contains(&holder) => return Ok(()),
            holder => holder.is_some(),
        };
        let options = PublishOptions { precision: publication.precision, overwrite, insist: false };
        match iteration.publish_with(&publication.name, &options) {
            Err(error @ (Error::NoInt8 { .. } | Error::Int8TooCostly { .. })) => {
                tracing::warn!(iteration = %iteration.id(), %error, "published in f32 instead");
                let options = PublishOptions { precision: Precision::F32, ..options };
                iteration.publish_with(&publication.name, &options)
            }
            published => published,
        }
    }
}
