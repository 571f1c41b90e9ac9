//! Which part of the photos the network is to see, as the folds say.

use ocelli_core::Project;
use ocelli_model::View;
use ocelli_train::{HeadOptions, StopToken, TrainingEvent, TrainingSet, held_out_loss};

use super::dataset::Dataset;
use super::seen::{Seen, Sight};
use crate::Error;
use crate::signatures::{groups, signatures};

/// With more photos the whole of each is seen: comparing takes as long as a second training.
const MOST_COMPARED: usize = 500;
/// A lower loss counts from here on: as if each photo's tag became half a percent more probable. What two heads that know
/// nearly everything differ by is less, and depends on how a processor rounds.
const LEAST_GAIN: f64 = 0.005;

/// The whole of the photos, unless with the features of their centre squares the heads of the folds have a lower loss on the
/// photos held out, by [`LEAST_GAIN`]. Both learn from these views of their own. The calibrations and features of both are kept,
/// so that a later training that chooses otherwise decodes only new photos as well.
pub(super) fn favoured<'a>(
    sight: &Sight<'a>,
    (project, dataset): (&Project, &Dataset),
    options: &HeadOptions,
    (stop, watch): (&StopToken, &(dyn Fn(TrainingEvent) + Sync)),
) -> Result<Seen<'a>, Error> {
    let of_whole = sight.seen(View::Whole, stop, watch)?;
    if dataset.photos.len() > MOST_COMPARED {
        return Ok(of_whole);
    }
    let of_centre = sight.seen(View::Centre, stop, watch)?;

    let mut readable = dataset.clone();
    readable.leave_out_unreadable(&of_whole.features);
    let kept = readable.photos.len();
    readable.leave_out_unreadable(&of_centre.features);
    // What was kept of a photo that has become unreadable serves the whole view alone.
    let (true, Ok(labels)) = (readable.photos.len() == kept, readable.labels(project)) else {
        return Ok(of_whole);
    };
    let images: Vec<_> = readable.photos.iter().map(|photo| photo.image).collect();
    let group_of = groups(&images, &signatures(sight.photos, &images, stop)?);
    let rows = readable.rows(of_whole.features.clone());
    let whole = TrainingSet::with_views(labels, rows, of_whole.extraction.views())?
        .with_groups(|image| group_of.get(&image).copied());
    let in_order = whole.labels().photos().iter();
    let rows = in_order.filter_map(|photo| of_centre.features.get(&photo.image)?.as_deref()).flatten();
    let centre = whole.with_other_features(rows.copied().collect())?;
    let loss = |view: View, set: &TrainingSet| -> Result<f64, Error> {
        let held_out_loss = held_out_loss(set, options, stop)?;
        watch(TrainingEvent::ViewTried { view, held_out_loss });
        Ok(held_out_loss)
    };
    let gain = loss(View::Whole, &whole)? - loss(View::Centre, &centre)?;
    Ok(if gain >= LEAST_GAIN { of_centre } else { of_whole })
}
