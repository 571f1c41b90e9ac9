use ocelli_core::Augmentations;
use serde::{Deserialize, Serialize};

use super::Augmentation;

/// How strongly, and how often, each augmentation that a project admits alters a photo.
///
/// Custom Vision says of its augmentations only that they are "uniformly distributed among enabled transforms".
/// Here each is drawn by itself, since those that move pixels cost one resampling together. The defaults are mild,
/// as befits a base model that is adapted to few photos:
///
/// - scaling as in the crops of Szegedy et al., *Going deeper with convolutions*, 2015, but never below 0.6 of
///   the area instead of 0.08: a small part of a photo often lacks what its tag names, and crops make things look
///   larger than they will when the network is asked (Touvron et al., *Fixing the train-test resolution
///   discrepancy*, 2019);
/// - rotation and translation at about half of the ranges of Cubuk et al., *RandAugment*, 2020;
/// - what changes tones rarely: the base has learned from natural ones, and so has whoever takes the photos.
///
/// The draws for all are always taken, in one order: to switch one off leaves the others as they were.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AugmentationPolicy {
    /// Which augmentations may be used at all.
    pub augmentations: Augmentations,
    /// The share of photos that are turned.
    pub rotation_share: f32,
    /// Photos are turned by at most so many degrees either way, uniformly.
    pub rotation_degrees: f32,
    /// The share of the area that stays in sight at least; uniform up to 1.
    pub smallest_area: f32,
    /// Width over height of what stays in sight, over that of the area, is at most this and at least its inverse.
    pub aspect_ratio: f32,
    /// What is in sight moves by at most this share of each side, uniformly.
    pub translation: f32,
    /// The share of photos that are mirrored.
    pub flip_share: f32,
    /// The share of photos that are padded to a square. Where the network sees photos squashed, padding shows them
    /// as they will not be when it is asked: seldom.
    pub pad_share: f32,
    /// The share of photos whose histograms are equalised.
    pub equalize_share: f32,
    /// The share of photos that are solarised.
    pub solarize_share: f32,
    /// The least threshold above which values are inverted; uniform up to 255.
    pub solarize_from: u8,
}

impl Default for AugmentationPolicy {
    fn default() -> Self {
        Self {
            augmentations: Augmentations::default(),
            rotation_share: 0.5,
            rotation_degrees: 15.0,
            smallest_area: 0.6,
            aspect_ratio: 4.0 / 3.0,
            translation: 0.1,
            flip_share: 0.5,
            pad_share: 0.1,
            equalize_share: 0.1,
            solarize_share: 0.05,
            solarize_from: 128,
        }
    }
}

impl AugmentationPolicy {
    /// The default strengths, for those that are switched on.
    pub fn new(augmentations: Augmentations) -> Self {
        Self { augmentations, ..Self::default() }
    }

    /// Draws what happens to one photo, by numbers from 0 up to but not 1, eleven in all.
    pub fn draw(&self, draws: &mut impl FnMut() -> f32) -> Augmentation {
        let on = self.augmentations;
        // Uniform between -limit and limit.
        let either_way = |draw: f32, limit: f32| (draw * 2.0 - 1.0) * limit;
        let rotates = draws() < self.rotation_share && on.rotation;
        let rotation = either_way(draws(), self.rotation_degrees);
        let area = self.smallest_area + draws() * (1.0 - self.smallest_area);
        // The limit keeps both sides within the area.
        let limit = self.aspect_ratio.ln().abs().min(area.ln().abs());
        let aspect_ratio = either_way(draws(), limit).exp();
        let (right, down) = (either_way(draws(), self.translation), either_way(draws(), self.translation));
        let horizontal_flip = draws() < self.flip_share && on.horizontal_flip;
        let pad_to_square = draws() < self.pad_share && on.pad_to_square;
        let equalize = draws() < self.equalize_share && on.equalize;
        let solarizes = draws() < self.solarize_share && on.solarize;
        let from = f32::from(self.solarize_from);
        let threshold = (from + draws() * (256.0 - from)) as u8;
        Augmentation {
            rotation: if rotates { rotation } else { 0.0 },
            width: if on.scaling { (area * aspect_ratio).sqrt().min(1.0) } else { 1.0 },
            height: if on.scaling { (area / aspect_ratio).sqrt().min(1.0) } else { 1.0 },
            right: if on.translation { right } else { 0.0 },
            down: if on.translation { down } else { 0.0 },
            pad_to_square,
            horizontal_flip,
            equalize,
            solarize: solarizes.then_some(threshold),
        }
    }

    /// Draws what happens to one photo by a seed alone: a hash of the training's seed, the epoch and the photo gives
    /// the same augmentation whichever thread works on it.
    pub fn draw_seeded(&self, seed: u64) -> Augmentation {
        let mut state = seed;
        self.draw(&mut || split_mix(&mut state))
    }
}

/// SplitMix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014): its numbers are the same
/// in every version, and seeds that differ in one bit give unrelated ones.
fn split_mix(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // As many bits as an f32 tells apart below 1.
    (mixed >> 40) as f32 / (1_u64 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Augmentations = Augmentations {
        rotation: false,
        scaling: false,
        translation: false,
        horizontal_flip: false,
        equalize: false,
        solarize: false,
        pad_to_square: false,
    };

    #[test]
    fn what_is_switched_off_never_happens() {
        let policy = AugmentationPolicy::new(NONE);
        assert!((0..300).all(|seed| policy.draw_seeded(seed).is_identity()));
        let draw = |augmentations, seed| AugmentationPolicy::new(augmentations).draw_seeded(seed);
        for seed in 0..300 {
            let all = draw(Augmentations::default(), seed);
            let expected = Augmentation { rotation: 0.0, ..all };
            assert_eq!(draw(Augmentations { rotation: false, ..Default::default() }, seed), expected);
            let expected = Augmentation { width: all.width, height: all.height, ..Default::default() };
            assert_eq!(draw(Augmentations { scaling: true, ..NONE }, seed), expected);
        }
    }

    #[test]
    fn draws_keep_to_their_ranges_and_use_them() {
        let policy = AugmentationPolicy::default();
        let drawn: Vec<_> = (0..4000).map(|seed| policy.draw_seeded(seed)).collect();
        for one in &drawn {
            let area = one.width * one.height;
            assert!((0.599..=1.0).contains(&area) && one.width <= 1.0 && one.height <= 1.0, "{one:?}");
            assert!((0.749..=1.334).contains(&(one.width / one.height)), "{one:?}");
            assert!(one.rotation.abs() <= 15.0 && one.right.abs() <= 0.1 && one.down.abs() <= 0.1, "{one:?}");
            assert!(one.solarize.is_none_or(|threshold| threshold >= 128), "{one:?}");
        }
        let share = |happens: fn(&Augmentation) -> bool| {
            drawn.iter().filter(|one| happens(one)).count() as f32 / drawn.len() as f32
        };
        let shares = [
            (share(|one| one.rotation != 0.0), 0.5),
            (share(|one| one.rotation > 7.5), 0.125),
            (share(|one| one.width * one.height < 0.7), 0.25),
            (share(|one| one.right > 0.05), 0.25),
            (share(|one| one.down < 0.0), 0.5),
            (share(|one| one.horizontal_flip), 0.5),
            (share(|one| one.pad_to_square), 0.1),
            (share(|one| one.equalize), 0.1),
            (share(|one| one.solarize.is_some()), 0.05),
        ];
        for (index, (found, expected)) in shares.into_iter().enumerate() {
            assert!((found - expected).abs() < 0.03, "share {index}: {found} instead of {expected}");
        }
    }

    #[test]
    fn numbers_are_those_of_split_mix() {
        let mut state = 1_234_567;
        // The first of the published sequence for this seed: 6457827717110365317.
        assert_eq!(split_mix(&mut state), (6_457_827_717_110_365_317_u64 >> 40) as f32 / 16_777_216.0);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let policy = AugmentationPolicy::default();
        assert_eq!(policy.draw_seeded(7), policy.draw_seeded(7));
        assert_ne!(policy.draw_seeded(7), policy.draw_seeded(8));
    }
}
