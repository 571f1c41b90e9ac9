//! Training anew on what an erasure has left.

use std::collections::HashSet;

use ocelli_core::{
    AffectedIteration, AffectedOutcome, Erasure, IterationId, IterationStatus, Precision, Publication,
};
use ocelli_store::{Missing, StoreError};
use ocelli_train::{StopToken, TrainingEvent};

use crate::{Error, IterationHandle, ProjectHandle, PublishOptions, TrainOptions};

impl ProjectHandle {
    /// Replaces the iterations that were trained on what was erased. See
    /// [`retrain_without_watched`](Self::retrain_without_watched).
    pub fn retrain_without(
        &self,
        erasure: &Erasure,
        options: &TrainOptions,
    ) -> Result<Vec<IterationHandle>, Error> {
        self.retrain_without_watched(erasure, options, &StopToken::new(), &|_| {})
    }

    /// Trains on what is left, lets the new iterations answer in place of those that were trained on what was erased,
    /// and then erases those.
    ///
    /// There is one new iteration, and as many more as the affected ones have names, since an iteration answers under
    /// one; all are trained alike, the first under the name in the options. A name passes on
    /// - from an iteration that is still published, and
    /// - from one that the erasure unpublished or erased, unless another answers under it by now.
    ///
    /// The precision passes on too, but for int8 that would have to be insisted on: then the name answers in f32, so
    /// that no cost of int8 keeps an iteration in use that is to go. Iterations of which the erasure said that they
    /// were in training are replaced if they have completed since and know of erased photos or tags. The answer is
    /// empty, and nothing is trained, where there is nothing to replace.
    ///
    /// # Errors
    ///
    /// As [`train_watched`](Self::train_watched), such as for too few photos that are left. The affected iterations are
    /// then as they were. An error after the training leaves those that could not be replaced.
    pub fn retrain_without_watched(
        &self,
        erasure: &Erasure,
        options: &TrainOptions,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<Vec<IterationHandle>, Error> {
        let mut replaced = HashSet::new();
        let mut publications: Vec<Publication> = Vec::new();
        for affected in &erasure.iterations {
            let Some(publication) = self.to_replace(affected)? else { continue };
            replaced.insert(affected.id);
            publications.extend(publication);
        }
        if replaced.is_empty() {
            return Ok(Vec::new());
        }
        let mut options = TrainOptions { force: true, ..options.clone() };
        let mut trained = vec![self.train_watched(&options, stop, watch)?];
        options.name = None;
        for _ in publications.iter().skip(1) {
            trained.push(self.train_watched(&options, stop, watch)?);
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
        Ok(trained)
    }

    /// None for an iteration that need not be replaced; else the publication that passes on, if there is one.
    fn to_replace(&self, affected: &AffectedIteration) -> Result<Option<Option<Publication>>, Error> {
        let iteration = match self.iteration(affected.id) {
            Err(Error::Store(StoreError::NotFound(Missing::Iteration(_)))) => None,
            iteration => Some(iteration?),
        };
        let now = iteration.as_ref().map(IterationHandle::details).transpose()?;
        Ok(match (affected.outcome, now) {
            (AffectedOutcome::InTraining, Some(now)) => match now.status {
                IterationStatus::Completed { .. } if self.knows_of_erased(affected.id)? => {
                    Some(now.publication)
                }
                _ => None,
            },
            (AffectedOutcome::Kept, Some(now)) => Some(now.publication),
            // It may have been published anew since.
            (_, Some(now)) => Some(now.publication.or_else(|| affected.publication.clone())),
            (AffectedOutcome::Deleted, None) => Some(affected.publication.clone()),
            (_, None) => None,
        })
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
        let overwrite = match self.published(&publication.name) {
            Err(Error::Store(StoreError::NotFound(Missing::Publication(_)))) => false,
            holder => {
                if !replaced.contains(&holder?.id()) {
                    return Ok(());
                }
                true
            }
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
