//! Views of a photo that a head learns from beside the one that predictions use.

use ocelli_core::Augmentations;
use ocelli_imaging::{Augmentation, Augmenter, RgbView};
use ocelli_infer::{CORNERS, CompiledNetwork, altered};

use crate::Error;

/// The photo mirrored, and its four corners, two of them mirrored. A head that has seen these depends less on where in the
/// picture a thing stands; folds of the training photos favour them where photos are few.
const VIEWS: [Augmentation; 5] =
    [Augmentation::IDENTITY.mirrored(), CORNERS[0], CORNERS[1].mirrored(), CORNERS[2], CORNERS[3].mirrored()];
/// Views in all, the first included, that a head learns from at most before it has fewer of each photo.
const MOST_VIEWS: usize = 12_000;

/// The further views of a training.
#[derive(Clone)]
pub(crate) struct TrainingViews {
    views: Vec<Augmentation>,
    key: &'static str,
}

impl TrainingViews {
    /// As the project's switches allow. With many photos there are few or none, so that their time and memory are bounded:
    /// what the views teach, other photos teach better.
    pub(crate) fn new(photos: usize, switches: Augmentations) -> Self {
        let count = (MOST_VIEWS / photos.max(1)).saturating_sub(1);
        let moved = switches.scaling && switches.translation;
        // Views that a key names begin with those of fewer; another change of them needs another key.
        let (mut views, key): (Vec<Augmentation>, _) = match (switches.horizontal_flip, moved) {
            (true, true) => (VIEWS.to_vec(), "views 1"),
            (true, false) => (VIEWS.iter().take(1).copied().collect(), "views 1"),
            (false, true) => (CORNERS.to_vec(), "views 1 unmirrored"),
            (false, false) => (Vec::new(), "views 1"),
        };
        views.truncate(count);
        Self { views, key }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    /// What the cached features of these views depend on, as part of their key.
    pub(crate) fn key(&self) -> &'static str {
        self.key
    }

    /// The features of the views of a photo, one after the other.
    pub(crate) fn features(&self, base: &CompiledNetwork, photo: RgbView<'_>) -> Result<Vec<f32>, Error> {
        let width = base.output_len();
        let mut augmenter = Augmenter::new();
        let mut features = vec![0.0; self.len() * width];
        for (view, out) in self.views.iter().zip(features.chunks_exact_mut(width.max(1))) {
            base.predict_into(altered(base.preprocessing(), photo, view, &mut augmenter)?.view(), out)?;
        }
        Ok(features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_few_where_photos_are_many() {
        let further = |photos| TrainingViews::new(photos, Augmentations::default()).len();
        assert_eq!([0, 10, 2_000].map(further), [5, 5, 5]);
        assert_eq!(further(4_000), 2);
        assert_eq!([6_001, 1_000_000].map(further), [0, 0]);
        for photos in 1..20_000 {
            assert!(photos * (1 + further(photos)) <= MOST_VIEWS.max(photos), "{photos}");
        }
    }

    #[test]
    fn views_follow_the_projects_switches() {
        for bits in 0..8u8 {
            let [horizontal_flip, scaling, translation] = [1, 2, 4].map(|bit| bits & bit != 0);
            let switches =
                Augmentations { horizontal_flip, scaling, translation, ..Augmentations::default() };
            let TrainingViews { views, .. } = TrainingViews::new(10, switches);
            assert_eq!(views.iter().any(|view| view.horizontal_flip), horizontal_flip, "{switches:?}");
            let moved = views.iter().filter(|view| view.right != 0.0).count();
            assert_eq!(moved, if scaling && translation { 4 } else { 0 }, "{switches:?}");
        }
    }
}
