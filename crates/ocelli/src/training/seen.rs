//! A training's photos as a base model of one view sees them.

use ocelli_core::ImageId;
use ocelli_model::{Network, View};
use ocelli_train::{StopToken, TrainingEvent};

use super::options::TrainOptions;
use crate::Error;
use crate::calibration::{self, Calibrated};
use crate::features::{Extraction, Features};
use crate::stored_photos::StoredPhotos;
use crate::training_views::TrainingViews;

/// The photos of a training, and what they are seen through.
pub(super) struct Sight<'a> {
    pub(super) photos: &'a StoredPhotos<'a>,
    pub(super) images: &'a [ImageId],
    /// Of any view.
    pub(super) base: &'a Network,
    pub(super) views: &'a TrainingViews,
    pub(super) options: &'a TrainOptions,
}

/// What was seen in one view.
pub(super) struct Seen<'a> {
    /// The base of this view, with a calibration where int8 is to be measured and a photo can be read.
    pub(super) base: Calibrated,
    pub(super) extraction: Extraction<'a>,
    pub(super) features: Features,
}

impl<'a> Sight<'a> {
    /// The features of the photos, which are kept, in int8 too where it is to be measured.
    pub(super) fn seen(
        &self,
        view: View,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<Seen<'a>, Error> {
        let Self { photos, images, options, .. } = *self;
        let network = self.base.clone().with_view(view);
        let calibrated = if options.int8 {
            calibration::calibrated(photos, &network, images, options.seed, stop, watch)?
        } else {
            None
        };
        let base = calibrated.unwrap_or(Calibrated { network, looked_at: Vec::new() });
        let extraction =
            Extraction::new(photos, &base.network)?.with_views(self.views.clone()).with_signatures();
        let features = extraction.features(images, stop, watch)?;
        Ok(Seen { base, extraction, features })
    }
}
