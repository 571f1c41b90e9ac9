//! Groups of photos that look alike, without comparing each with each.

use std::collections::HashMap;

use crate::PerceptualHash;
use crate::perceptual_hash::BITS;

/// Parts of a hash at least: their values then count at most 2^15.
const FEWEST_PARTS: u32 = 8;
/// Parts of a hash at most. With smaller ones most photos would share a bucket.
const MOST_PARTS: u32 = 14;

/// Groups of near-duplicates: a photo is in a group with every photo whose hash is within `max_distance` of its own,
/// and with theirs. Each group holds two or more indices into `hashes`, ascending; groups are in the order of their
/// first. [`PerceptualHash::NEAR`] is the usual distance.
///
/// Hashes are compared where they agree up to one bit in one of `max_distance / 2 + 1` parts, as hashes within the
/// distance must (Norouzi, Punjani and Fleet, *Fast search in Hamming space with multi-index hashing*, 2012): 20,000
/// photos take a fraction of a second. Beyond a distance of 27 each is compared with each.
pub fn near_duplicates(hashes: &[PerceptualHash], max_distance: u32) -> Vec<Vec<usize>> {
    let mut groups = Groups::new(hashes.len());
    // Copies whose hashes are equal join first, so that a thousand of them are compared with others once.
    let mut first_of: HashMap<PerceptualHash, usize> = HashMap::with_capacity(hashes.len());
    let mut distinct = Vec::with_capacity(hashes.len());
    for (index, hash) in hashes.iter().enumerate() {
        let first = *first_of.entry(*hash).or_insert(index);
        if first == index {
            distinct.push(index);
        } else {
            groups.join(first, index);
        }
    }
    let parts = (max_distance / 2 + 1).max(FEWEST_PARTS);
    if parts > MOST_PARTS {
        for (position, &index) in distinct.iter().enumerate() {
            let close = |other: &&usize| hashes[index].distance(&hashes[**other]) <= max_distance;
            distinct[..position].iter().filter(close).for_each(|&other| groups.join(other, index));
        }
    } else {
        for part in 0..parts {
            join_by_part(hashes, &distinct, max_distance, Part::new(part, parts), &mut groups);
        }
    }
    groups.of_two_or_more()
}

/// Joins those that agree in the part up to one bit and lie within the distance.
fn join_by_part(
    hashes: &[PerceptualHash],
    distinct: &[usize],
    max_distance: u32,
    part: Part,
    groups: &mut Groups,
) {
    // With each index its signs, so that a bucket is looked through in one piece.
    let mut buckets: Vec<Vec<(u128, usize)>> = vec![Vec::new(); 1 << part.bits.len()];
    for &index in distinct {
        let (signs, value) = (hashes[index].signs(), part.of(&hashes[index]));
        let neighbours = (0..part.bits.len()).map(|bit| value ^ (1 << bit));
        for neighbour in std::iter::once(value).chain(neighbours) {
            for &(of_other, other) in &buckets[neighbour] {
                let may_be_close = (signs ^ of_other).count_ones() <= max_distance;
                if may_be_close && hashes[index].distance(&hashes[other]) <= max_distance {
                    groups.join(other, index);
                }
            }
        }
        buckets[value].push((signs, index));
    }
}

/// Every so many-th bit of a hash, so that each part has low and high frequencies.
struct Part {
    bits: Vec<u32>,
}

impl Part {
    fn new(part: u32, parts: u32) -> Self {
        Self { bits: (part..BITS).step_by(parts as usize).collect() }
    }

    fn of(&self, hash: &PerceptualHash) -> usize {
        self.bits.iter().fold(0, |value, &bit| value << 1 | (hash.signs() >> bit & 1) as usize)
    }
}

/// Disjoint sets: each index points towards the first of its group.
struct Groups {
    towards: Vec<usize>,
}

impl Groups {
    fn new(count: usize) -> Self {
        Self { towards: (0..count).collect() }
    }

    fn first(&mut self, mut index: usize) -> usize {
        while self.towards[index] != index {
            self.towards[index] = self.towards[self.towards[index]];
            index = self.towards[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.towards[a.max(b)] = a.min(b);
    }

    fn of_two_or_more(mut self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = vec![Vec::new(); self.towards.len()];
        for index in 0..self.towards.len() {
            let first = self.first(index);
            groups[first].push(index);
        }
        groups.retain(|group| group.len() > 1);
        groups
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(signs: u128, brightness: u8) -> PerceptualHash {
        PerceptualHash::from_parts(signs, [brightness, 32, 32]).unwrap()
    }

    /// Each compared with each, until nothing changes.
    fn plainly(hashes: &[PerceptualHash], max_distance: u32) -> Vec<Vec<usize>> {
        let mut group: Vec<usize> = (0..hashes.len()).collect();
        for (i, a) in hashes.iter().enumerate() {
            for (j, b) in hashes[..i].iter().enumerate() {
                if a.distance(b) <= max_distance {
                    let (from, to) = (group[i].max(group[j]), group[i].min(group[j]));
                    group.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
                }
            }
        }
        let members = |of: usize| (0..group.len()).filter(|&index| group[index] == of).collect::<Vec<_>>();
        (0..hashes.len()).map(members).filter(|members| members.len() > 1).collect()
    }

    #[test]
    fn photos_chain_into_groups() {
        let far = hash(u128::MAX >> 9, 10);
        let hashes = [hash(0, 10), far, hash(0b1111, 10), hash(0, 60), hash(0xff, 10), far];
        assert_eq!(near_duplicates(&hashes, 4), [vec![0, 2, 4], vec![1, 5]]);
        assert_eq!(near_duplicates(&hashes, 0), [vec![1, 5]]);
        assert_eq!(near_duplicates(&hashes, 1000).len(), 1);
        assert!(near_duplicates(&hashes[..1], 4).is_empty() && near_duplicates(&[], 4).is_empty());
    }

    #[test]
    fn many_equal_photos_are_one_group_soon() {
        let hashes = vec![hash(7, 3); 100_000];
        assert_eq!(near_duplicates(&hashes, PerceptualHash::NEAR), [(0..100_000).collect::<Vec<_>>()]);
    }

    proptest! {
        #[test]
        fn groups_are_those_of_comparing_each_with_each(
            centres in prop::collection::vec(any::<u128>(), 1..5),
            photos in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 16]>(), 0..64_u8), 0..60),
            max_distance in 0..40_u32,
        ) {
            let flipped = |centre: u128, flips: [u8; 16]| {
                // Some of the bits' numbers lie beyond the hash: fewer flips.
                flips.iter().fold(centre >> (128 - BITS), |signs, &bit| match u32::from(bit) < BITS {
                    true => signs ^ (1 << bit),
                    false => signs,
                })
            };
            let hashes: Vec<_> = photos
                .iter()
                .map(|(centre, flips, brightness)| hash(flipped(*centre.get(&centres), *flips), brightness % 4))
                .collect();
            prop_assert_eq!(near_duplicates(&hashes, max_distance), plainly(&hashes, max_distance));
        }
    }
}
