use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use ocelli_core::{
    ClassificationType, Domain, ErrorCode, EvaluatedOn, ImageId, IterationId, LeftOut, Manifest,
    MeasuredInt8, Name, Project, TagId, TagType, TrainedTag, TrainingFailure, TrainingType,
};
use ocelli_model::{Activation, Head, Label, Network, View, file};
use ocelli_store::{Applied, Change, NewIteration, StoreError, Trained};
use ocelli_train::{
    HeadOptions, LabelledPhoto, Labels, StopToken, TrainError, TrainingEvent, TrainingSet, train_head,
};
use serde::{Deserialize, Serialize};

use crate::calibration::{Calibrated, calibrated};
use crate::features::{Extraction, Features};
use crate::stored_photos::StoredPhotos;
use crate::{Error, IterationHandle, ProjectHandle};

/// How a project is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrainOptions {
    /// Draws the folds; the same seed, photos and options give the same bits on the same machine.
    pub seed: u64,
    /// How far rare tags are favoured, 0 (not at all, the default) to 1 (fully); see
    /// [`HeadOptions::balance`].
    pub balance: f32,
    /// Which part of a photo the network sees: the whole of it, squashed (the default), or the centre square.
    pub view: View,
    /// Measure what the model answers in int8, so that it can be published in it (the default).
    ///
    /// The features of every photo are then computed in both precisions. The first training of a project also
    /// makes a calibration: it reads the bytes of every photo to draw up to
    /// [`MAX_CALIBRATION_PHOTOS`](ocelli_core::limits::MAX_CALIBRATION_PHOTOS) of them, and decodes those
    /// once more. So does a training that has twice as many photos as the calibration was made for, and it
    /// computes the int8 features of all photos anew.
    pub int8: bool,
    /// Train even where nothing has changed since the last training.
    pub force: bool,
    /// The iteration's name; `Iteration N` where there is none.
    pub name: Option<Name>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        let HeadOptions { seed, balance } = HeadOptions::default();
        Self { seed, balance, view: View::Whole, int8: true, force: false, name: None }
    }
}

/// What a training starts from, read once.
struct Dataset {
    tags: Vec<TrainedTag>,
    photos: Vec<LabelledPhoto>,
    left_out: Vec<(ImageId, LeftOut)>,
}

impl ProjectHandle {
    /// Trains an iteration, and returns when it has completed. See [`train_watched`](Self::train_watched).
    pub fn train(&self, options: &TrainOptions) -> Result<IterationHandle, Error> {
        self.train_watched(options, &StopToken::new(), &|_| {})
    }

    /// Trains an iteration on the tagged photos, telling `watch` how it goes and stopping when asked.
    ///
    /// The features of a photo are computed once and kept: a second training decodes only new photos, unless
    /// it makes a new calibration for int8 (see [`TrainOptions::int8`]). Nothing but an error or a stop keeps
    /// the iteration from completing; a stop ends the training within a second, keeps the features that were
    /// computed, and leaves the iteration failed with [`TrainingFailure::Stopped`].
    ///
    /// A photo with several tags in a multiclass project is left out, and so are photos with the negative tag
    /// where the settings say so; the iteration's [`Manifest`] lists them.
    ///
    /// # Errors
    ///
    /// Before an iteration is made: if there are fewer than two tags or a tag has fewer than five photos,
    /// nothing has changed since the last training, a training is under way in any process, the domain cannot
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
        let domain = Domain::from_id(project.settings.domain_id).ok_or(StoreError::UnknownDomain)?;
        let base = self.shared.bases.for_domain(domain)?.clone().with_view(options.view);
        let _lock = self.shared.store.lock_training(self.id())?;

        let dataset = self.dataset(&project)?;
        let labels = dataset.labels(&project)?;
        if !options.force {
            self.check_changed(&project, options, &base, &labels)?;
        }
        watch(TrainingEvent::Started {
            photos: labels.photos().len(),
            tags: labels.tags().len(),
            left_out: dataset.left_out.len(),
        });
        let iteration = self.begin(&project, options)?;
        let train = || self.shared.pool.run(|| self.trained(&project, options, &base, dataset, stop, watch));
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
            training_type: TrainingType::Regular,
            reserved_budget_millis: 0,
            custom_base: None,
        };
        match self.apply(Change::BeginTraining { iteration })? {
            Applied::Iteration(iteration) => Ok(iteration.id),
            _ => Ok(id),
        }
    }

    /// The tagged photos as they are now.
    fn dataset(&self, project: &Project) -> Result<Dataset, Error> {
        let mut tags = self.tags()?;
        let is_negative =
            |tag: &TagId| tags.iter().any(|known| known.id == *tag && known.tag_type == TagType::Negative);
        let images = self.shared.store.tagged_images(self.id())?;
        let negative: HashSet<ImageId> =
            images.iter().filter(|(_, own)| own.iter().any(is_negative)).map(|(image, _)| *image).collect();
        // A negative tag that no photo has, or that the settings leave out, is not one to train.
        let with_negative = project.settings.use_negative_set && !negative.is_empty();
        tags.retain(|tag| tag.tag_type != TagType::Negative || with_negative);

        let index: HashMap<TagId, u16> = tags.iter().map(|tag| tag.id).zip(0u16..).collect();
        let mut photos = Vec::with_capacity(images.len());
        let mut left_out = Vec::new();
        for (image, own) in images {
            let own: Vec<u16> = own.iter().filter_map(|tag| index.get(tag)).copied().collect();
            if own.is_empty() {
                // Without the negative tag it has one that was made since the tags were read.
                if negative.contains(&image) {
                    left_out.push((image, LeftOut::NegativeSet));
                }
            } else if project.settings.classification_type == ClassificationType::Multiclass && own.len() > 1
            {
                left_out.push((image, LeftOut::SeveralTags));
            } else {
                photos.push(LabelledPhoto { image, tags: own });
            }
        }
        let trained =
            tags.into_iter().map(|tag| TrainedTag { id: tag.id, name: tag.name, tag_type: tag.tag_type });
        Ok(Dataset { tags: trained.collect(), photos, left_out })
    }

    /// Refuses a training that would repeat the last one.
    fn check_changed(
        &self,
        project: &Project,
        options: &TrainOptions,
        base: &Network,
        labels: &Labels,
    ) -> Result<(), Error> {
        let iterations = self.iterations()?;
        let Some(last) = iterations.iter().rev().find(|iteration| iteration.is_completed()) else {
            return Ok(());
        };
        let manifest = self.shared.store.manifest(self.id(), last.id)?;
        let was: HashMap<ImageId, &Vec<u16>> =
            manifest.evaluation.photos.iter().map(|photo| (photo.photo, &photo.tags)).collect();
        let is = labels.photos().iter().map(|photo| (photo.image, &photo.tags)).collect();
        let same = last.classification_type == project.settings.classification_type
            && manifest.base == base.fingerprint().to_string()
            && manifest.seed == options.seed
            && manifest.balance == options.balance
            && (manifest.int8.is_some() || !options.int8)
            && manifest.evaluation.tags == labels.tags()
            && manifest.erased == 0
            && was == is;
        if same { Err(Error::TrainingNotNeeded { iteration: last.name.to_string() }) } else { Ok(()) }
    }

    /// The calibration, features, then the head.
    fn trained(
        &self,
        project: &Project,
        options: &TrainOptions,
        base: &Network,
        mut dataset: Dataset,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<Trained, Error> {
        let images: Vec<ImageId> = dataset.photos.iter().map(|photo| photo.image).collect();
        let photos = StoredPhotos::new(&self.shared, self.id());
        let calibrated =
            if options.int8 { calibrated(&photos, base, &images, options.seed, stop, watch)? } else { None };
        let (base, looked_at) = match &calibrated {
            Some(Calibrated { network, looked_at }) => (network, looked_at.clone()),
            None => (base, Vec::new()),
        };
        let extraction = Extraction::new(&photos, base)?;
        let mut features = extraction.features(&images, stop, watch)?;
        dataset.leave_out_unreadable(&features);
        let labels = dataset.labels(project)?;
        let width = features.values().flatten().map(Vec::len).next().unwrap_or(0);
        let mut rows = Vec::with_capacity(dataset.photos.len() * width);
        for photo in &dataset.photos {
            rows.extend(features.remove(&photo.image).flatten().unwrap_or_default());
        }
        let set = TrainingSet::new(labels, rows)?;

        let head_options = HeadOptions { seed: options.seed, balance: options.balance };
        let trained = train_head(&set, &head_options, stop, watch)?;
        let int8 = extraction.measure_int8(&trained, stop)?;
        if let Some(MeasuredInt8 { cost, .. }) = int8 {
            watch(TrainingEvent::Int8Measured { cost });
        }
        let network = base.with_head(Head {
            weights: trained.weights,
            bias: trained.bias,
            activation: match project.settings.classification_type {
                ClassificationType::Multiclass => Activation::Softmax,
                ClassificationType::Multilabel => Activation::Sigmoid,
            },
            labels: dataset.tags.iter().map(label).collect(),
        })?;
        let manifest = Manifest {
            seed: options.seed,
            base: base.fingerprint().to_string(),
            strength: trained.strength,
            balance: options.balance,
            folds: trained.folds,
            left_out: dataset.left_out,
            evaluation: trained.evaluation,
            int8,
            calibration: None,
            thresholds: Vec::new(),
            fine_tuning: None,
            evaluated_on: EvaluatedOn::Folds,
            erased: 0,
            test: None,
            test_erased: 0,
        };
        Ok(Trained { manifest, model: file::write_adapted(&network, base)?, looked_at })
    }
}

impl Dataset {
    fn labels(&self, project: &Project) -> Result<Labels, Error> {
        let classification_type = project.settings.classification_type;
        Ok(Labels::new(classification_type, self.tags.clone(), self.photos.clone())?)
    }

    /// Photos without features could not be read.
    fn leave_out_unreadable(&mut self, features: &Features) {
        let left_out = &mut self.left_out;
        self.photos.retain(|photo| {
            let readable = features.get(&photo.image).is_some_and(Option::is_some);
            if !readable {
                left_out.push((photo.image, LeftOut::Unreadable));
            }
            readable
        });
    }
}

fn label(tag: &TrainedTag) -> Label {
    Label { tag_id: tag.id, name: tag.name.clone(), tag_type: tag.tag_type }
}
