//! From photos to a model and what is known about it.

use std::collections::BTreeSet;
use std::time::Instant;

use ocelli_core::limits::MAX_CALIBRATION_PHOTOS;
use ocelli_core::{
    ClassificationType, EvaluatedPhoto, Evaluation, FineTuningRecord, ImageId, IterationId, Manifest,
    MeasuredInt8, Project, TrainedTag,
};
use ocelli_infer::CompiledNetwork;
use ocelli_model::{Activation, Head, Label, Network, file};
use ocelli_store::Trained;
use ocelli_train::{
    HeadOptions, LabelledPhoto, LinearHead, StopToken, TrainError, TrainedHead, TrainingEvent, TrainingSet,
    calibrate, calibrated, train_head,
};
use rayon::prelude::*;

use super::adapting::Adapting;
use super::checkpoint::TakenUp;
use super::dataset::Dataset;
use super::favoured_view::favoured;
use super::options::{TrainOptions, Training};
use super::seen::{Seen, Sight};
use crate::calibration::{self, Calibrated};
use crate::signatures::{groups, signatures};
use crate::stored_photos::StoredPhotos;
use crate::training_views::TrainingViews;
use crate::{Error, ProjectHandle};

/// What a training starts from besides photos.
pub(super) struct Start<'a> {
    pub(super) project: &'a Project,
    pub(super) options: &'a TrainOptions,
    /// The domain's base model, which the iteration is stored as a difference from; of any view.
    pub(super) domain_base: &'a Network,
    /// What is frozen or adapted: the domain's base, or that of the iteration that the training starts from; of any view.
    pub(super) base: &'a Network,
    pub(super) began: Instant,
    pub(super) iteration: IterationId,
    pub(super) taken_up: Option<TakenUp<'a>>,
}

/// A model before its head is attached.
struct Learned {
    base: Network,
    head: LinearHead,
    /// What models that were trained without each photo's fold answered to it.
    evaluation: Evaluation,
    fine_tuning: Option<FineTuningRecord>,
    int8: Option<MeasuredInt8>,
    looked_at: Vec<ImageId>,
}

impl ProjectHandle {
    /// The calibration for int8, features, the head, and the base's adapted layers where they are asked for.
    pub(super) fn trained(
        &self,
        start: &Start<'_>,
        mut dataset: Dataset,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<Trained, Error> {
        let Start { project, options, .. } = *start;
        let lineage = self.lineage(start)?;
        let images: Vec<ImageId> = dataset.photos.iter().map(|photo| photo.image).collect();
        let photos = StoredPhotos::new(&self.shared, self.id());
        let head_options = HeadOptions { seed: options.seed, balance: options.balance };
        let views = TrainingViews::new(images.len(), project.settings.augmentations);
        let sight = Sight { photos: &photos, images: &images, base: start.base, views: &views, options };
        let seen = match options.view.or(start.taken_up.map(|taken_up| taken_up.view)) {
            Some(view) => sight.seen(view, stop, watch)?,
            None => favoured(&sight, (project, &dataset), &head_options, (stop, watch))?,
        };
        let Seen { base: Calibrated { network: quick_base, looked_at }, extraction, features } = seen;
        let view = quick_base.preprocessing().view;
        let (base, domain_base) =
            (&start.base.clone().with_view(view), &start.domain_base.clone().with_view(view));
        dataset.leave_out_unreadable(&features);
        let labels = dataset.labels(project)?;
        let rows = dataset.rows(features);
        let images: Vec<ImageId> = dataset.photos.iter().map(|photo| photo.image).collect();
        let group_of = groups(&images, &signatures(&photos, &images, stop)?);
        let set = TrainingSet::with_views(labels, rows, extraction.views())?
            .with_groups(|image| group_of.get(&image).copied());
        let quick = train_head(&set, &head_options, stop, watch)?;
        drop(set);

        let (strength, folds) = (quick.strength, quick.folds);
        let adapted = match &options.training {
            Training::Quick => None,
            Training::Advanced(advanced) => {
                let tags = dataset.tags.iter().map(|tag| tag.id).collect();
                let head_options = &head_options;
                // A calibration; then both precisions of the engine, together about an answer of the fine-tuning's.
                let int8 = images.len() + images.len().min(MAX_CALIBRATION_PHOTOS);
                let answers_after = dataset.test.len() + if options.int8 { int8 } else { 0 };
                let known = &lineage.photos;
                let photos = &photos;
                let adapting =
                    Adapting { start, base, advanced, photos, head_options, tags, known, answers_after };
                Some(adapting.adapt(&quick, stop, watch)?)
            }
        };
        // Who stops an advanced training keeps what it has learned; what is left then is to try it.
        let measures_int8 = options.int8 && !(adapted.is_some() && stop.is_stopped());
        let stop = if adapted.is_some() { &StopToken::new() } else { stop };
        let mut learned = match adapted {
            Some((record, Some(layers))) => Learned {
                base: base.with_tensors(layers.tensors)?,
                head: layers.head,
                evaluation: layers.evaluation,
                fine_tuning: Some(record),
                int8: None,
                looked_at: Vec::new(),
            },
            other => {
                let int8 = if measures_int8 { extraction.measure_int8(&quick, stop)? } else { None };
                let TrainedHead { weights, bias, evaluation, .. } = quick;
                Learned {
                    base: quick_base,
                    head: LinearHead { weights, bias },
                    evaluation,
                    fine_tuning: other.map(|(record, _)| record),
                    int8,
                    looked_at,
                }
            }
        };

        let corrected = calibrate(&learned.evaluation);
        let head = learned.head.calibrated(&corrected.method);
        let evaluation = calibrated(&learned.evaluation);
        let attach = |base: &Network| {
            attached(base, head.clone(), project.settings.classification_type, &dataset.tags)
        };
        let is_adapted = learned.fine_tuning.as_ref().is_some_and(|record| record.kept.is_some());
        if measures_int8 && is_adapted {
            let observed = calibration::observed(&photos, &learned.base, &images, options.seed, stop, watch)?;
            if let Some(Calibrated { network, looked_at }) = observed {
                learned.int8 = calibration::measure(&photos, &attach(&network)?, &evaluation, stop)?;
                learned.base = network;
                learned.looked_at = looked_at;
            }
        }
        if let Some(MeasuredInt8 { cost, .. }) = learned.int8 {
            watch(TrainingEvent::Int8Measured { cost });
        }
        let network = attach(&learned.base)?;
        let test = self.tested(&photos, &network, &dataset, &evaluation, stop)?;
        let manifest = Manifest {
            seed: options.seed,
            base: base.fingerprint().to_string(),
            strength,
            balance: options.balance,
            folds,
            left_out: dataset.left_out,
            thresholds: evaluation.best_thresholds(),
            evaluation,
            int8: learned.int8,
            calibration: Some(corrected),
            fine_tuning: learned.fine_tuning,
            erased: lineage.erased,
            test,
            test_erased: 0,
            augmentations: Some(project.settings.augmentations),
            view_named: options.view.is_some(),
        };
        Ok(Trained {
            manifest,
            model: file::write_adapted(&network, domain_base)?,
            looked_at: learned
                .looked_at
                .into_iter()
                .chain(lineage.photos)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        })
    }
}

impl ProjectHandle {
    /// What the finished network answers to the photos that were set aside; those that cannot be read are left out.
    fn tested(
        &self,
        photos: &StoredPhotos<'_>,
        network: &Network,
        dataset: &Dataset,
        like: &Evaluation,
        stop: &StopToken,
    ) -> Result<Option<Evaluation>, Error> {
        if dataset.test.is_empty() {
            return Ok(None);
        }
        let network = CompiledNetwork::compile(network)?;
        let answer = |photo: &LabelledPhoto| -> Result<Option<EvaluatedPhoto>, Error> {
            if stop.is_stopped() {
                return Err(TrainError::Stopped.into());
            }
            let Some(decoded) = photos.decoded(photo.image)? else { return Ok(None) };
            let mut probabilities = vec![0.0; network.output_len()];
            network.predict_into(decoded.view(), &mut probabilities)?;
            let LabelledPhoto { image, mut tags } = photo.clone();
            tags.sort_unstable();
            tags.dedup();
            Ok(Some(EvaluatedPhoto { photo: image, tags, fold: 0, probabilities }))
        };
        let answers = dataset.test.par_iter().map(answer).collect::<Result<Vec<_>, Error>>()?;
        let (classification_type, tags) = (like.classification_type, like.tags.clone());
        Ok(Some(Evaluation { classification_type, tags, photos: answers.into_iter().flatten().collect() }))
    }
}

/// The base with a head that answers about these tags.
pub(super) fn attached(
    base: &Network,
    head: LinearHead,
    classification_type: ClassificationType,
    tags: &[TrainedTag],
) -> Result<Network, Error> {
    let label = |tag: &TrainedTag| Label { tag_id: tag.id, name: tag.name.clone(), tag_type: tag.tag_type };
    Ok(base.with_head(Head {
        weights: head.weights,
        bias: head.bias,
        activation: match classification_type {
            ClassificationType::Multiclass => Activation::Softmax,
            ClassificationType::Multilabel => Activation::Sigmoid,
        },
        labels: tags.iter().map(label).collect(),
    })?)
}
