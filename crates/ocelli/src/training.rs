//! Training an iteration, from the photos as they are now to what is stored of it.

mod activations;
mod adapting;
mod checkpoint;
mod dataset;
mod favoured_view;
mod instant;
mod learning;
mod lineage;
mod options;
mod seen;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use ocelli_core::{BaseIteration, Domain, ErrorCode, IterationId, Project, TrainingFailure, TrainingType};
use ocelli_model::Network;
use ocelli_store::{Applied, Change, NewIteration, StoreError};
use ocelli_train::{Labels, StopToken, TrainError, TrainingEvent};

pub use options::{AdvancedOptions, TrainOptions, Training};

use crate::{Error, IterationHandle, ProjectHandle};
use checkpoint::TakenUp;
use dataset::Dataset;
use learning::Start;

impl ProjectHandle {
    /// Trains an iteration, and returns when it has completed. See [`train_watched`](Self::train_watched).
    pub fn train(&self, options: &TrainOptions) -> Result<IterationHandle, Error> {
        self.train_watched(options, &StopToken::new(), &|_| {})
    }

    /// Trains an iteration on the tagged photos, telling `watch` how it goes and stopping when asked.
    ///
    /// The features of a photo are computed once and kept: a second training decodes only new photos, unless it makes a new
    /// calibration for int8 (see [`TrainOptions::int8`]), has 500 photos or fewer where the last had more, or one of the
    /// project's augmentation switches has been turned. Nothing but an error or a stop keeps
    /// the iteration from completing; a stop ends the training within a second, keeps the features that were
    /// computed, and leaves the iteration failed with [`TrainingFailure::Stopped`]. From when the base is being adapted a
    /// stop keeps the best so far instead: the iteration completes as soon as that has been tried on photos set aside.
    ///
    /// A photo with several tags in a multiclass project is left out, and so are photos with the negative tag
    /// where the settings say so; the iteration's [`Manifest`](ocelli_core::Manifest) lists them.
    ///
    /// # Errors
    ///
    /// Before an iteration is made: if there are fewer than two tags or a tag has fewer than five photos,
    /// nothing has changed since the last training, options are out of range, a training is under way in any process, the domain cannot
    /// be trained, or the project has as many iterations as it may have. Afterwards: if the training is
    /// stopped or fails; the iteration then says why.
    pub fn train_watched(
        &self,
        options: &TrainOptions,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<IterationHandle, Error> {
        let began = Instant::now();
        let project = self.details()?;
        let domain_base = self.domain_base(&project)?;
        let base = self.start_base(options, &domain_base)?;
        if let Training::Advanced(advanced) = &options.training {
            adapting::check(advanced, &base)?;
        }
        let _lock = self.shared.store.lock_training(self.id())?;

        let dataset = self.dataset(&project, options)?;
        let labels = dataset.labels(&project)?;
        if !options.force {
            self.check_changed(&project, options, &base, &labels)?;
        }
        watch(started(&labels, &dataset));
        let iteration = self.begin(&project, options)?;
        self.complete(
            &project,
            iteration,
            dataset,
            (options, None),
            (&domain_base, &base),
            (began, stop, watch),
        )
    }

    /// Takes a training up again whose process ended before it did, from its last checkpoint. See
    /// [`resume_training_watched`](Self::resume_training_watched).
    pub fn resume_training(&self, iteration: IterationId) -> Result<IterationHandle, Error> {
        self.resume_training_watched(iteration, &StopToken::new(), &|_| {})
    }

    /// Takes an advanced training up again whose process ended before it did, from its last checkpoint, with the options
    /// that it was begun with. Without this call the iteration stays failed, as
    /// [`Interrupted`](TrainingFailure::Interrupted), and another training takes its checkpoint away.
    ///
    /// A checkpoint is kept after the first round and later ones, a minute apart at least. It goes when a photo or a tag that it learned from is
    /// erased.
    ///
    /// # Errors
    ///
    /// If there is no checkpoint, or a training is under way. If photos, tags or what they have in common have changed since:
    /// the iteration is then failed, and says so.
    pub fn resume_training_watched(
        &self,
        iteration: IterationId,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<IterationHandle, Error> {
        let began = Instant::now();
        let project = self.details()?;
        let _lock = self.shared.store.lock_training(self.id())?;
        let kept = self.shared.store.checkpoint(self.id(), iteration)?;
        let kept = kept.ok_or(Error::NoCheckpoint(iteration))?;
        let (options, taken_up) = checkpoint::unwrap(&kept)?;
        let domain_base = self.domain_base(&project)?;
        let base = self.start_base(&options, &domain_base)?;
        let dataset = self.dataset(&project, &options)?;
        let labels = dataset.labels(&project)?;
        self.apply(Change::ResumeTraining { project: self.id(), iteration, at: self.shared.now() })?;
        watch(started(&labels, &dataset));
        let options = (&options, Some(taken_up));
        self.complete(&project, iteration, dataset, options, (&domain_base, &base), (began, stop, watch))
    }

    /// The base of the project's domain.
    fn domain_base(&self, project: &Project) -> Result<Network, Error> {
        let domain = Domain::from_id(project.settings.domain_id).ok_or(StoreError::UnknownDomain)?;
        Ok(self.shared.bases.for_domain(domain)?.clone())
    }

    /// Trains an iteration that has begun, and stores what comes of it.
    fn complete(
        &self,
        project: &Project,
        iteration: IterationId,
        dataset: Dataset,
        (options, taken_up): (&TrainOptions, Option<TakenUp<'_>>),
        (domain_base, base): (&Network, &Network),
        (began, stop, watch): (Instant, &StopToken, &(dyn Fn(TrainingEvent) + Sync)),
    ) -> Result<IterationHandle, Error> {
        let start = Start { project, options, domain_base, base, began, iteration, taken_up };
        let train = || self.shared.pool.run(|| self.trained(&start, dataset, stop, watch));
        // A panic, of `watch` or of a dependency, stays one, and does not leave the iteration in training.
        let trained = catch_unwind(AssertUnwindSafe(train)).unwrap_or_else(|panic| {
            let message = "the training panicked".to_owned();
            self.fail(iteration, TrainingFailure::Error { code: ErrorCode::ErrorUnknown, message });
            resume_unwind(panic)
        });
        let (at, training_millis) =
            (self.shared.now(), u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let project = self.id();
        let completed = trained.and_then(|trained| trained).and_then(|trained| {
            let trained = Box::new(trained);
            self.apply(Change::CompleteTraining { project, iteration, trained, at, training_millis })
        });
        match completed {
            Ok(_) => {
                watch(TrainingEvent::Completed { training_millis });
                self.iteration(iteration)
            }
            Err(error) => {
                let failure = match &error {
                    // What was taken up again can be once more.
                    Error::Train(TrainError::Stopped) if taken_up.is_some() => TrainingFailure::Interrupted,
                    Error::Train(TrainError::Stopped) => TrainingFailure::Stopped,
                    // Names of tags are for the caller: a message that is kept would outlive an erased tag.
                    Error::Train(TrainError::TooFewPhotos { .. }) => TrainingFailure::Error {
                        code: error.code(),
                        message: "photos were erased or could not be read, and some tags had too few left"
                            .to_owned(),
                    },
                    other => TrainingFailure::Error { code: other.code(), message: other.to_string() },
                };
                self.fail(iteration, failure);
                Err(error)
            }
        }
    }

    /// Says why an iteration has no model. Where this cannot be stored either, the iteration shows as
    /// interrupted once the project is trained, opened or restored.
    fn fail(&self, iteration: IterationId, failure: TrainingFailure) {
        let (project, at) = (self.id(), self.shared.now());
        if let Err(error) = self.apply(Change::FailTraining { project, iteration, failure, at }) {
            tracing::warn!(%iteration, %error, "the failure of a training could not be stored");
        }
    }

    fn begin(&self, project: &Project, options: &TrainOptions) -> Result<IterationId, Error> {
        let created = self.shared.now();
        let id = IterationId::new(created, self.shared.random()?);
        let iteration = NewIteration {
            id,
            project_id: project.id,
            name: options.name.clone(),
            created,
            domain_id: project.settings.domain_id,
            classification_type: project.settings.classification_type,
            training_type: match options.training {
                Training::Quick => TrainingType::Regular,
                Training::Advanced(_) => TrainingType::Advanced,
            },
            reserved_budget_millis: match &options.training {
                Training::Advanced(AdvancedOptions { budget: Some(budget), .. }) => {
                    u64::try_from(budget.as_millis()).unwrap_or(u64::MAX)
                }
                _ => 0,
            },
            custom_base: options.custom_base,
        };
        match self.apply(Change::BeginTraining { iteration })? {
            Applied::Iteration(iteration) => Ok(iteration.id),
            _ => Ok(id),
        }
    }

    /// The base of the iteration that the training is to start from, or that of the domain.
    fn start_base(&self, options: &TrainOptions, domain_base: &Network) -> Result<Network, Error> {
        let Some(BaseIteration { project_id, iteration_id }) = options.custom_base else {
            return Ok(domain_base.clone());
        };
        let iteration = self.shared.store.iteration(project_id, iteration_id)?;
        let network = self.shared.network(&iteration)?;
        // The head is appended to the base's nodes, which keep their places.
        let same = network.nodes().get(..domain_base.nodes().len()) == Some(domain_base.nodes());
        if !same {
            return Err(Error::OtherBase { iteration: iteration.name.to_string() });
        }
        // The ranges of another training's photos do not go along.
        Ok(network.up_to(domain_base.output())?.without_calibration())
    }
}

fn started(labels: &Labels, dataset: &Dataset) -> TrainingEvent {
    TrainingEvent::Started {
        photos: labels.photos().len(),
        tags: labels.tags().len(),
        left_out: dataset.left_out.len(),
    }
}
