//! Which photos a step learns from.

/// The views that a round shows of a photo follow from its number and the round's, so that every member sees the same.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The order in which a member sees its photos in a round, and the view of each. All members see the photos that they share
/// in one order, so that what is read for one is soon of use to the others.
pub(super) fn order(seed: u64, round: usize, photos: &[usize]) -> Vec<(usize, u64)> {
    let key = |photo: usize| mixed(seed, round as u64, photo as u64);
    let mut order: Vec<(usize, u64)> =
        photos.iter().map(|photo| (*photo, 1 + (*photo as u64).wrapping_add(round as u64))).collect();
    order.sort_unstable_by_key(|(photo, _)| (key(*photo), *photo));
    order
}

/// SplitMix64's finish (Steele, Lea and Flood, 2014) of what is told apart.
fn mixed(seed: u64, round: u64, photo: u64) -> u64 {
    let mut mixed = seed ^ SPREAD;
    for part in [round, photo] {
        mixed = mixed.wrapping_add(part).wrapping_mul(SPREAD).wrapping_add(SPREAD);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_photo_comes_once_a_round_in_another_order() {
        let photos: Vec<usize> = (0..50).map(|n| n * 3).collect();
        let orders: Vec<_> = (0..3).map(|round| order(7, round, &photos)).collect();
        for order in &orders {
            let mut seen: Vec<usize> = order.iter().map(|(photo, _)| *photo).collect();
            seen.sort_unstable();
            assert_eq!(seen, photos);
        }
        assert_ne!(orders[0], orders[1]);
        assert_eq!(orders[0], order(7, 0, &photos));
        let some: Vec<usize> = photos.iter().copied().filter(|photo| photo % 2 == 0).collect();
        let mut shared = orders[0].clone();
        shared.retain(|(photo, _)| photo % 2 == 0);
        assert_eq!(shared, order(7, 0, &some));
        assert_ne!(orders[0], order(8, 0, &photos));
    }

    #[test]
    fn a_photo_shows_another_view_each_round_and_never_that_of_predictions() {
        let view = |round| order(1, round, &[5]).first().map(|(_, view)| *view);
        assert_ne!(view(0), view(1));
        assert!((0..20).all(|round| view(round) != Some(0)));
    }
}
