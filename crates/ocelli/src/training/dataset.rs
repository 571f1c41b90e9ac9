//! The photos that a training starts from.

use std::collections::{HashMap, HashSet};

use ocelli_core::{ClassificationType, ImageId, LeftOut, Project, TagId, TagType, TrainedTag, TrainingType};
use ocelli_model::{Network, View};
use ocelli_store::{Missing, StoreError};
use ocelli_train::{LabelledPhoto, Labels};

use super::options::{TrainOptions, Training};
use crate::features::Features;
use crate::{Error, ProjectHandle};

/// What a training starts from, read once.
#[derive(Clone)]
pub(super) struct Dataset {
    pub(super) tags: Vec<TrainedTag>,
    pub(super) photos: Vec<LabelledPhoto>,
    /// Photos that the caller set aside to judge the model by.
    pub(super) test: Vec<LabelledPhoto>,
    pub(super) left_out: Vec<(ImageId, LeftOut)>,
}

impl ProjectHandle {
    /// The tagged photos as they are now.
    pub(super) fn dataset(&self, project: &Project, options: &TrainOptions) -> Result<Dataset, Error> {
        let mut tags = self.tags()?;
        let is_negative =
            |tag: &TagId| tags.iter().any(|known| known.id == *tag && known.tag_type == TagType::Negative);
        let images = self.shared.store.tagged_images(self.id())?;
        let negative: HashSet<ImageId> =
            images.iter().filter(|(_, own)| own.iter().any(is_negative)).map(|(image, _)| *image).collect();
        // A negative tag that no photo has, or that the settings leave out, is not one to train.
        let with_negative = project.settings.use_negative_set && !negative.is_empty();
        tags.retain(|tag| tag.tag_type != TagType::Negative || with_negative);

        if let Some(unknown) = options.tags.iter().find(|named| !tags.iter().any(|tag| tag.id == **named)) {
            return Err(StoreError::NotFound(Missing::Tag(*unknown)).into());
        }
        tags.retain(|tag| options.tags.is_empty() || options.tags.contains(&tag.id));

        let index: HashMap<TagId, u16> = tags.iter().map(|tag| tag.id).zip(0u16..).collect();
        let mut photos = Vec::with_capacity(images.len());
        let set_aside: HashSet<ImageId> = options.test_photos.iter().copied().collect();
        let (mut test, mut left_out) = (Vec::new(), Vec::new());
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
            } else if set_aside.contains(&image) {
                test.push(LabelledPhoto { image, tags: own });
            } else {
                photos.push(LabelledPhoto { image, tags: own });
            }
        }
        let tagged: HashSet<ImageId> = test.iter().map(|photo| photo.image).collect();
        if let Some(image) = options.test_photos.iter().find(|image| !tagged.contains(image)) {
            return Err(Error::TestPhoto(*image));
        }
        let trained =
            tags.into_iter().map(|tag| TrainedTag { id: tag.id, name: tag.name, tag_type: tag.tag_type });
        Ok(Dataset { tags: trained.collect(), photos, test, left_out })
    }

    /// Refuses a training that would repeat the last one.
    pub(super) fn check_changed(
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
        let photos = manifest.test.iter().flat_map(|test| &test.photos);
        let tested: HashSet<ImageId> = photos.map(|photo| photo.photo).collect();
        let to_test: HashSet<ImageId> = options.test_photos.iter().copied().collect();
        let advanced = match &options.training {
            Training::Quick => None,
            Training::Advanced(advanced) => Some(advanced),
        };
        let training_type = if advanced.is_some() { TrainingType::Advanced } else { TrainingType::Regular };
        // One that was ended by a budget or a stop may come further.
        let adapted = match (&manifest.fine_tuning, advanced) {
            (None, None) => true,
            (Some(record), Some(advanced)) => {
                record.options == advanced.fine_tuning.settled(was.len())
                    && record.rounds.len() >= record.options.rounds.unwrap_or_default()
                    && advanced.cut.as_ref().is_none_or(|cut| *cut == record.cut)
            }
            _ => false,
        };
        // Where the folds choose the view, the same photos choose the same.
        let mut seen = [View::Whole, View::Centre].into_iter();
        let augmentations = project.settings.augmentations;
        let same = last.classification_type == project.settings.classification_type
            && last.training_type == training_type
            && last.custom_base == options.custom_base
            && adapted
            && manifest.view_named == options.view.is_some()
            && manifest.augmentations.is_none_or(|was| was == augmentations)
            && seen.any(|view| {
                options.view.is_none_or(|named| named == view)
                    && manifest.base == base.clone().with_view(view).fingerprint().to_string()
            })
            && manifest.seed == options.seed
            && manifest.balance == options.balance
            && (manifest.int8.is_some() || !options.int8)
            && manifest.evaluation.tags == labels.tags()
            && manifest.erased == 0
            && was == is
            && tested == to_test;
        if same { Err(Error::TrainingNotNeeded { iteration: last.name.to_string() }) } else { Ok(()) }
    }
}

impl Dataset {
    pub(super) fn labels(&self, project: &Project) -> Result<Labels, Error> {
        let classification_type = project.settings.classification_type;
        Ok(Labels::new(classification_type, self.tags.clone(), self.photos.clone())?)
    }

    /// The features of the photos, row by row in their order.
    pub(super) fn rows(&self, mut features: Features) -> Vec<f32> {
        let width = features.values().flatten().map(Vec::len).next().unwrap_or(0);
        let mut rows = Vec::with_capacity(self.photos.len() * width);
        for photo in &self.photos {
            rows.extend(features.remove(&photo.image).flatten().unwrap_or_default());
        }
        rows
    }

    /// Photos without features could not be read.
    pub(super) fn leave_out_unreadable(&mut self, features: &Features) {
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
