//! Which part of the photos the network is to see, as the folds say.

use std::num::NonZeroUsize;

use ocelli_core::Project;
use ocelli_model::{Network, View};
use ocelli_train::{HeadOptions, StopToken, TrainingEvent, TrainingSet, held_out_losses};

use super::dataset::Dataset;
use crate::Error;
use crate::features::{Extraction, Features};
use crate::signatures::{groups, signatures};
use crate::stored_photos::StoredPhotos;
use crate::training_views::TrainingViews;

/// With more photos the whole of each is seen: comparing takes as long as a second training.
const MOST_COMPARED: usize = 500;
/// A lower loss counts from here on: as if each photo's tag became 1 % more probable. What two heads that know nearly
/// everything differ by is less, and depends on how a processor rounds.
const LEAST_GAIN: f64 = 0.01;

/// The whole photo, unless with the features of its centre square the heads of the folds have a lower loss on the photos held
/// out, by [`LEAST_GAIN`] and by more than one standard error of the difference. A training on a few photos more then chooses
/// the same, as a rule.
/// Both learn from these views of their own; all features are kept.
pub(super) fn favoured(
    (photos, base): (&StoredPhotos<'_>, &Network),
    views: &TrainingViews,
    (project, dataset): (&Project, &Dataset),
    options: &HeadOptions,
    (stop, watch): (&StopToken, &(dyn Fn(TrainingEvent) + Sync)),
) -> Result<View, Error> {
    if dataset.photos.len() > MOST_COMPARED {
        return Ok(View::Whole);
    }
    let images: Vec<_> = dataset.photos.iter().map(|photo| photo.image).collect();
    let features = |view: View| -> Result<(Features, NonZeroUsize), Error> {
        let base = base.clone().with_view(view);
        let extraction = Extraction::new(photos, &base)?.with_views(views.clone()).with_signatures();
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
        return Ok(View::Whole);
    };
    let images: Vec<_> = readable.photos.iter().map(|photo| photo.image).collect();
    let group_of = groups(&images, &signatures(photos, &images, stop)?);
    let whole = TrainingSet::with_views(labels, readable.rows(of_whole), views)?
        .with_groups(|image| group_of.get(&image).copied());
    let in_order = whole.labels().photos().iter();
    let rows = in_order.filter_map(|photo| of_centre.get(&photo.image)?.as_deref()).flatten();
    let centre = whole.with_other_features(rows.copied().collect())?;
    let losses = |view: View, set: &TrainingSet| -> Result<Vec<f64>, Error> {
        let losses = held_out_losses(set, options, stop)?;
        let held_out_loss = losses.iter().sum::<f64>() / losses.len() as f64;
        watch(TrainingEvent::ViewTried { view, held_out_loss });
        Ok(losses)
    };
    let (whole, centre) = (losses(View::Whole, &whole)?, losses(View::Centre, &centre)?);
    let gains: Vec<f64> = whole.iter().zip(centre).map(|(whole, centre)| whole - centre).collect();
    Ok(if is_gain(&gains) { View::Centre } else { View::Whole })
}

/// Whether the mean is worth the change, and above 0 by more than its standard error.
fn is_gain(gains: &[f64]) -> bool {
    let count = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / count;
    let squares = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>();
    mean >= LEAST_GAIN && mean > (squares / (count * (count - 1.0))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_more_than_its_standard_error() {
        // Mean 0.5; standard deviations 0.5 and 2.5 of 100 photos, standard errors 0.05 and 0.25.
        let around = |deviation: f64| -> Vec<f64> {
            (0..100).map(|n| 0.5 + if n % 2 == 0 { deviation } else { -deviation }).collect()
        };
        assert!(is_gain(&around(0.5)) && is_gain(&around(2.5)));
        assert!(!is_gain(&around(5.5)));
        for none in [&[][..], &[1.0], &[0.0, 0.0], &[-1.0, -1.0]] {
            assert!(!is_gain(none), "{none:?}");
        }
    }

    #[test]
    fn what_rounding_may_do_is_no_gain() {
        assert!(!is_gain(&[1e-4, 2e-4, 1e-4, 2e-4]));
        assert!(is_gain(&[1e-2, 2e-2, 1e-2, 2e-2]));
    }
}
