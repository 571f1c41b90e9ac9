//! The Merkle tree of RFC 6962 (Laurie, Langley and Kasper, 2013, section 2.1) with BLAKE3 in place of SHA-256.
//!
//! A leaf hashes as `BLAKE3(0x00 || leaf)`, a node as `BLAKE3(0x01 || left || right)`, and a list of n > 1 leaves splits
//! after the largest power of two below n. The two prefixes keep a node from being passed off as a leaf. The root of no
//! leaves is `BLAKE3("")`.

use ocelli_core::Digest;

const LEAF: &[u8] = &[0];
const NODE: &[u8] = &[1];

/// The hash of a leaf.
pub(crate) fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest::from_bytes(*blake3::Hasher::new().update(LEAF).update(leaf).finalize().as_bytes())
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(NODE).update(left.as_bytes()).update(right.as_bytes());
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// The root of leaves that come one by one, in memory that grows with the logarithm of their number.
#[derive(Clone, Debug, Default)]
pub(crate) struct MerkleTree {
    /// The roots of the full subtrees that the leaves make up so far, the largest first: one for each bit of `leaves`.
    full: Vec<Digest>,
    leaves: u64,
}

impl MerkleTree {
    pub(crate) fn push(&mut self, leaf: Digest) {
        let mut right = leaf;
        let mut size = self.leaves;
        while size & 1 == 1
            && let Some(left) = self.full.pop()
        {
            right = node_hash(&left, &right);
            size >>= 1;
        }
        self.full.push(right);
        self.leaves += 1;
    }

    pub(crate) fn len(&self) -> u64 {
        self.leaves
    }

    pub(crate) fn root(&self) -> Digest {
        let empty = || Digest::from_bytes(*blake3::hash(&[]).as_bytes());
        self.full.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty)
    }
}

impl FromIterator<Digest> for MerkleTree {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaves: I) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

/// The siblings on the way from the leaf with this index up to the root, the lowest first. Nothing where there is no
/// such leaf.
pub(crate) fn inclusion_path(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    let root = |leaves: &[Digest]| leaves.iter().copied().collect::<MerkleTree>().root();
    let (mut within, mut index, mut path) = (leaves, index, Vec::new());
    while within.len() > 1 {
        // The largest power of two below the length.
        let (left, right) = within.split_at(within.len().next_power_of_two() / 2);
        if index < left.len() {
            path.push(root(right));
            within = left;
        } else {
            path.push(root(left));
            index -= left.len();
            within = right;
        }
    }
    path.reverse();
    Some(path)
}

/// The root that follows from a leaf, its index among `leaves` leaves, and its path (RFC 9162, section 2.1.3.2). Nothing
/// where a path of this length cannot belong to that index.
pub(crate) fn root_from_path(leaf: Digest, index: u64, leaves: u64, path: &[Digest]) -> Option<Digest> {
    let (mut node, mut last) = (index, leaves.checked_sub(1)?);
    if node > last {
        return None;
    }
    let mut root = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            root = node_hash(sibling, &root);
            // The last node of a level without a sibling moves up as it is.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            root = node_hash(&root, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count).map(|index| leaf_hash(&index.to_le_bytes())).collect()
    }

    /// The definition of RFC 6962, word for word.
    fn root_by_definition(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::from_bytes(*blake3::hash(b"").as_bytes()),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node_hash(&root_by_definition(&leaves[..k]), &root_by_definition(&leaves[k..]))
            }
        }
    }

    fn root(leaves: &[Digest]) -> Digest {
        leaves.iter().copied().collect::<MerkleTree>().root()
    }

    #[test]
    fn the_root_is_that_of_the_definition() {
        for count in 0..70 {
            let leaves = leaves(count);
            assert_eq!(root(&leaves), root_by_definition(&leaves), "{count} leaves");
        }
    }

    #[test]
    fn leaves_and_nodes_hash_under_different_prefixes() {
        let [left, right] = [leaf_hash(b"left"), leaf_hash(b"right")];
        let both = [*left.as_bytes(), *right.as_bytes()].concat();
        assert_ne!(leaf_hash(&both), node_hash(&left, &right));
        assert_eq!(leaf_hash(b"left").as_bytes(), blake3::hash(b"\0left").as_bytes());
    }

    #[test]
    fn every_leaf_of_every_small_tree_proves_itself_and_nothing_else() {
        for count in 1..20 {
            let leaves = leaves(count);
            let root = root(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let path = inclusion_path(&leaves, index).unwrap();
                for claimed in 0..count + 2 {
                    for (other, claimed_leaf) in leaves.iter().enumerate() {
                        let proven = root_from_path(*claimed_leaf, claimed as u64, count as u64, &path);
                        let is_it = claimed == index && other == index;
                        assert_eq!(
                            proven == Some(root),
                            is_it,
                            "{count} leaves, {claimed} for {index}, {leaf}"
                        );
                    }
                }
            }
            assert_eq!(inclusion_path(&leaves, count), None);
        }
    }

    proptest! {
        #[test]
        fn every_member_proves_and_a_changed_path_does_not(
            count in 1_usize..600,
            index in any::<prop::sample::Index>(),
            place in any::<prop::sample::Index>(),
            bit in 0_usize..256,
        ) {
            let leaves = leaves(count);
            let index = index.index(count);
            let mut path = inclusion_path(&leaves, index).unwrap();
            let proven = |leaf, path: &[Digest]| root_from_path(leaf, index as u64, count as u64, path);
            prop_assert_eq!(proven(leaves[index], &path), Some(root(&leaves)));

            let stranger = leaf_hash(b"no member");
            prop_assert_ne!(proven(stranger, &path), Some(root(&leaves)));

            let mut longer = path.clone();
            longer.insert(place.index(path.len() + 1), stranger);
            prop_assert_ne!(proven(leaves[index], &longer), Some(root(&leaves)));

            if !path.is_empty() {
                let place = place.index(path.len());
                prop_assert_ne!(proven(leaves[index], &[&path[..place], &path[place + 1..]].concat()), Some(root(&leaves)));
                let mut bytes = *path[place].as_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                path[place] = Digest::from_bytes(bytes);
                prop_assert_ne!(proven(leaves[index], &path), Some(root(&leaves)));
            }
        }

        #[test]
        fn the_order_of_leaves_counts(count in 2_usize..200, at in any::<prop::sample::Index>()) {
            let before = leaves(count);
            let mut after = before.clone();
            let at = at.index(count - 1);
            after.swap(at, at + 1);
            prop_assert_ne!(root(&before), root(&after));
        }
    }
}
