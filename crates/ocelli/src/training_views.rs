//! Views of a photo that a head learns from beside the one that predictions use.

use ocelli_imaging::{Area, Augmentation, Augmenter, RgbImage, RgbView};
use ocelli_infer::CompiledNetwork;
use ocelli_model::View;

use crate::Error;

/// The photo mirrored, and its four corners at 80 % of its sides, two of them mirrored. A head that has seen these depends
/// less on where in the picture a thing stands; folds of the training photos favour them where photos are few.
const VIEWS: [Augmentation; 5] = [
    window(1.0, 0.0, 0.0, true),
    window(0.8, -0.1, -0.1, false),
    window(0.8, 0.1, 0.1, true),
    window(0.8, 0.1, -0.1, false),
    window(0.8, -0.1, 0.1, true),
];
/// Views in all, the first included, that a training computes at most before it has fewer of each photo.
const MOST_VIEWS: usize = 12_000;

const fn window(side: f32, right: f32, down: f32, horizontal_flip: bool) -> Augmentation {
    Augmentation {
        rotation: 0.0,
        width: side,
        height: side,
        right,
        down,
        pad_to_square: false,
        horizontal_flip,
        equalize: false,
        solarize: None,
    }
}

/// What the cached features of these views depend on, as part of their key. A change of [`VIEWS`] changes it.
pub(crate) const VIEWS_KEY: &str = "views 1";

/// How many views a training has of each photo beside the first. With many photos there are few or none, so that their
/// time and memory are bounded: what the views teach, other photos teach better.
pub(crate) fn further_views(photos: usize) -> usize {
    (MOST_VIEWS / photos.max(1)).saturating_sub(1).min(VIEWS.len())
}

/// The features of the first `count` of the further views of a photo, one view after the other.
pub(crate) fn features(base: &CompiledNetwork, photo: RgbView<'_>, count: usize) -> Result<Vec<f32>, Error> {
    let (count, width) = (count.min(VIEWS.len()), base.output_len());
    let preprocessing = base.preprocessing();
    let area = match preprocessing.view {
        View::Whole => Area::whole(&photo),
        View::Centre => Area::centre_square(&photo),
    };
    let mut augmenter = Augmenter::new();
    let mut features = vec![0.0; count * width];
    for (view, out) in VIEWS.iter().zip(features.chunks_exact_mut(width.max(1))) {
        let seen: RgbImage = augmenter.apply(photo, area, view, preprocessing.width, preprocessing.height)?;
        base.predict_into(seen.view(), out)?;
    }
    Ok(features)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_few_where_photos_are_many() {
        assert_eq!([0, 10, 2_000].map(further_views), [5, 5, 5]);
        assert_eq!(further_views(4_000), 2);
        assert_eq!([6_001, 1_000_000].map(further_views), [0, 0]);
        for photos in 1..20_000 {
            let views = photos * (1 + further_views(photos));
            assert!(views <= MOST_VIEWS.max(photos), "{photos}");
        }
    }

    #[test]
    fn windows_stay_inside_the_photo() {
        for Augmentation { width, height, right, down, .. } in VIEWS {
            assert!(right.abs() + width / 2.0 <= 0.5001 && down.abs() + height / 2.0 <= 0.5001);
        }
    }
}
