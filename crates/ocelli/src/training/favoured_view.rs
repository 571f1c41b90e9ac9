//! Which part of the photos the network is to see, as the folds say.

use std::num::NonZeroUsize;

use ocelli_core::Project;
use ocelli_model::{Network, View};
use ocelli_train::{HeadOptions, StopToken, TrainingEvent, TrainingSet, held_out_loss};

use super::dataset::Dataset;
use crate::Error;
use crate::features::{Extraction, Features};
use crate::signatures::{groups, signatures};
use crate::stored_photos::StoredPhotos;
use crate::training_views::TrainingViews;

/// With more photos the whole of each is seen: comparing takes as long as a second training.
const MOST_COMPARED: usize = 500;
/// A lower loss counts from here on: as if each photo's tag became half a percent more probable. What two heads that know
/// nearly everything differ by is less, and depends on how a processor rounds.
const LEAST_GAIN: f64 = 0.005;

/// The whole photo, unless with the features of its centre square the heads of the folds have a lower loss on the photos held
/// out, by [`LEAST_GAIN`]. Both learn from these views of their own. The features of both are kept, in int8 too where the bases
/// have a calibration, so that a later training that chooses otherwise decodes only new photos as well. None where there are
/// too many photos to compare.
pub(super) fn favoured(
    (photos, base_of): (&StoredPhotos<'_>, &dyn Fn(View) -> Result<Network, Error>),
    views: &TrainingViews,
    (project, dataset): (&Project, &Dataset),
    options: &HeadOptions,
    (stop, watch): (&StopToken, &(dyn Fn(TrainingEvent) + Sync)),
) -> Result<Option<View>, Error> {
    if dataset.photos.len() > MOST_COMPARED {
        return Ok(None);
    }
    let images: Vec<_> = dataset.photos.iter().map(|photo| photo.image).collect();
    let features = |view: View| -> Result<(Features, NonZeroUsize), Error> {
        let extraction =
            Extraction::new(photos, &base_of(view)?)?.with_views(views.clone()).with_signatures();
        Ok((extraction.features(&images, stop, watch)?, extraction.views()))
    };
    let (of_whole, views) = features(View::Whole)?;
    let (of_centre, _) = features(View::Centre)?;

    let mut readable = dataset.clone();
    readable.leave_out_unreadable(&of_whole);
    let kept = readable.photos.len();
    readable.leave_out_unreadable(&of_centre);
    // What was kept of a photo that has become unreadable serves the whole view alone.
    let (true, Ok(labels)) = (readable.photos.len() == kept, readable.labels(project)) else {
        return Ok(Some(View::Whole));
    };
    let images: Vec<_> = readable.photos.iter().map(|photo| photo.image).collect();
    let group_of = groups(&images, &signatures(photos, &images, stop)?);
    let whole = TrainingSet::with_views(labels, readable.rows(of_whole), views)?
        .with_groups(|image| group_of.get(&image).copied());
    let in_order = whole.labels().photos().iter();
    let rows = in_order.filter_map(|photo| of_centre.get(&photo.image)?.as_deref()).flatten();
    let centre = whole.with_other_features(rows.copied().collect())?;
    let loss = |view: View, set: &TrainingSet| -> Result<f64, Error> {
        let held_out_loss = held_out_loss(set, options, stop)?;
        watch(TrainingEvent::ViewTried { view, held_out_loss });
        Ok(held_out_loss)
    };
    let gain = loss(View::Whole, &whole)? - loss(View::Centre, &centre)?;
    Ok(Some(if gain >= LEAST_GAIN { View::Centre } else { View::Whole }))
}
