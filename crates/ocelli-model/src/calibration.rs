use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, ModelError, Node, Shape, limits};

/// What one channel of a node's output was over the photos that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelStatistics {
    /// The smallest value.
    pub min: f32,
    /// The largest value.
    pub max: f32,
    /// The mean of all values, not outside the two.
    pub mean: f32,
}

/// What 8-bit integers need besides the network: which values its nodes put out on typical photos.
///
/// These are ranges over all photos; nothing in them belongs to one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// How many photos were looked at.
    pub photos: u32,
    /// For each node, by name, one entry a channel: a map's channel, or a vector's value.
    pub nodes: BTreeMap<String, Vec<ChannelStatistics>>,
}

impl Calibration {
    /// Adds what was seen on other photos: the wider ranges, and means weighted by the numbers of photos.
    ///
    /// Nodes that only one of the two knows are taken as they are. Folding the same calibrations in the same order
    /// gives the same bits.
    pub fn merge(&mut self, other: &Self) {
        let (mine, others) = (f64::from(self.photos), f64::from(other.photos));
        let share = if mine + others > 0.0 { others / (mine + others) } else { 0.0 };
        for (name, added) in &other.nodes {
            let channels = self.nodes.entry(name.clone()).or_default();
            let known = channels.len();
            for (channel, added) in channels.iter_mut().zip(added) {
                channel.merge(added, share);
            }
            channels.extend(added.iter().skip(known));
        }
        self.photos = self.photos.saturating_add(other.photos);
    }

    /// Identifies the calibration: features computed under one fingerprint may be kept under it.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_derive_key("ocelli calibration fingerprint 1");
        hasher.update(&self.photos.to_le_bytes());
        for (name, channels) in &self.nodes {
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
            hasher.update(&(channels.len() as u64).to_le_bytes());
            for ChannelStatistics { min, max, mean } in channels {
                hasher.update(&min.to_le_bytes()).update(&max.to_le_bytes()).update(&mean.to_le_bytes());
            }
        }
        Fingerprint::new(hasher.finalize())
    }

    /// What is known of these nodes; none where nothing is.
    pub(crate) fn of_nodes(&self, nodes: &[Node]) -> Option<Self> {
        let known = nodes.iter().filter_map(|node| self.nodes.get_key_value(&node.name));
        let nodes: BTreeMap<_, _> = known.map(|(name, channels)| (name.clone(), channels.clone())).collect();
        (!nodes.is_empty()).then_some(Self { photos: self.photos, nodes })
    }

    /// Checks that every entry is a node's, with as many channels, and in order.
    pub(crate) fn validate(&self, nodes: &[Node], shapes: &[Shape]) -> Result<(), ModelError> {
        if self.photos == 0 || self.nodes.is_empty() {
            return Err(ModelError::EmptyCalibration);
        }
        let shapes: BTreeMap<&str, &Shape> =
            nodes.iter().map(|node| node.name.as_str()).zip(shapes).collect();
        for (name, channels) in &self.nodes {
            let node = || name.clone();
            let Some(shape) = shapes.get(name.as_str()) else {
                return Err(ModelError::UnknownCalibratedNode { node: node() });
            };
            let (found, expected) = (channels.len(), shape.channels());
            if found != expected {
                return Err(ModelError::CalibratedChannels { node: node(), found, expected });
            }
            if let Some(channel) = channels.iter().position(|channel| !channel.is_range()) {
                return Err(ModelError::CalibratedRange { node: node(), channel });
            }
        }
        Ok(())
    }
}

impl ChannelStatistics {
    /// `share` is the other's part of all photos.
    fn merge(&mut self, other: &Self, share: f64) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        let mean = f64::from(self.mean) * (1.0 - share) + f64::from(other.mean) * share;
        // Rounding must not carry the mean over a border.
        self.mean = (mean as f32).max(self.min).min(self.max);
    }

    fn is_range(&self) -> bool {
        // Bounded, so that neither the width of a range nor a step of it overflows.
        [self.min, self.max].iter().all(|value| value.abs() <= limits::MAX_CALIBRATED_VALUE)
            && self.min <= self.mean
            && self.mean <= self.max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(photos: u32, channels: &[[f32; 3]]) -> Calibration {
        let channels = channels.iter().map(|&[min, max, mean]| ChannelStatistics { min, max, mean });
        Calibration { photos, nodes: BTreeMap::from([("stem".to_owned(), channels.collect())]) }
    }

    #[test]
    fn ranges_widen_and_means_are_weighted() {
        let mut calibration = of(1, &[[0.0, 1.0, 0.5], [-2.0, 2.0, 0.0]]);
        calibration.merge(&of(3, &[[-1.0, 0.5, 0.0], [-1.0, 3.0, 1.0]]));
        assert_eq!(calibration, of(4, &[[-1.0, 1.0, 0.125], [-2.0, 3.0, 0.75]]));
    }

    #[test]
    fn nothing_is_what_merging_begins_with() {
        let one = of(2, &[[0.25, 0.75, 0.3]]);
        let mut merged = Calibration::default();
        merged.merge(&one);
        assert_eq!(merged, one);
        merged.merge(&Calibration::default());
        assert_eq!(merged, one);
    }

    #[test]
    fn a_fingerprint_tells_every_part_apart() {
        let one = of(2, &[[0.0, 1.0, 0.5]]);
        assert_eq!(one.fingerprint(), of(2, &[[0.0, 1.0, 0.5]]).fingerprint());
        let mut renamed = one.clone();
        renamed.nodes = BTreeMap::from([("block".to_owned(), renamed.nodes["stem"].clone())]);
        for other in [of(3, &[[0.0, 1.0, 0.5]]), of(2, &[[0.0, 1.0, 0.25]]), of(2, &[]), renamed] {
            assert_ne!(one.fingerprint(), other.fingerprint(), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_merged_stays_in_order(seen in proptest::collection::vec(any::<[f32; 3]>(), 1..20)) {
            let mut merged = Calibration::default();
            for mut values in seen {
                values.iter_mut().for_each(|value| *value = if value.abs() <= limits::MAX_CALIBRATED_VALUE { *value } else { 0.0 });
                values.sort_by(f32::total_cmp);
                let [min, mean, max] = values;
                merged.merge(&of(1, &[[min, max, mean]]));
            }
            prop_assert!(merged.nodes["stem"][0].is_range(), "{merged:?}");
        }
    }
}
