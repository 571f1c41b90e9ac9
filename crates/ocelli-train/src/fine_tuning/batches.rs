//! Which photos a step learns from.

use fastrand::Rng;

/// The views that a round shows of a photo follow from its number and the round's, so that every member sees the same.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The order in which a member sees its photos in a round, and the view of each.
pub(super) fn order(seed: u64, round: usize, member: usize, photos: &[usize]) -> Vec<(usize, u64)> {
    let mut rng = Rng::with_seed(mixed(seed, round as u64, member as u64));
    let mut order: Vec<(usize, u64)> =
        photos.iter().map(|photo| (*photo, 1 + (*photo as u64).wrapping_add(round as u64))).collect();
    rng.shuffle(&mut order);
    order
}

fn mixed(seed: u64, round: u64, member: u64) -> u64 {
    let mut mixed = seed ^ SPREAD;
    for part in [round, member] {
        mixed = (mixed ^ part).wrapping_mul(SPREAD);
        mixed ^= mixed >> 29;
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_photo_comes_once_a_round_in_another_order() {
        let photos: Vec<usize> = (0..50).map(|n| n * 3).collect();
        let orders: Vec<_> = (0..3).map(|round| order(7, round, 0, &photos)).collect();
        for order in &orders {
            let mut seen: Vec<usize> = order.iter().map(|(photo, _)| *photo).collect();
            seen.sort_unstable();
            assert_eq!(seen, photos);
        }
        assert_ne!(orders[0], orders[1]);
        assert_eq!(orders[0], order(7, 0, 0, &photos));
        assert_ne!(orders[0], order(7, 0, 1, &photos));
        assert_ne!(orders[0], order(8, 0, 0, &photos));
    }

    #[test]
    fn a_photo_shows_another_view_each_round_and_never_that_of_predictions() {
        let view = |round| order(1, round, 0, &[5]).first().map(|(_, view)| *view);
        assert_ne!(view(0), view(1));
        assert!((0..20).all(|round| view(round) != Some(0)));
    }
}
