//! A calibration in a model file: its layout in words, its ranges as a tensor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Calibration, ChannelStatistics, ElementType, ModelError, Tensor};

/// Whose ranges the tensor holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layout {
    photos: u32,
    /// Channels by node, in the tensor's order.
    channels: BTreeMap<String, usize>,
}

impl Layout {
    pub(super) fn of(calibration: &Calibration) -> Self {
        let channels = calibration.nodes.iter().map(|(node, channels)| (node.clone(), channels.len()));
        Self { photos: calibration.photos, channels: channels.collect() }
    }
}

/// `[channels, 3]`: min, max, mean.
pub(super) fn to_tensor(calibration: &Calibration) -> Result<Tensor, ModelError> {
    let rows = calibration.nodes.values().flatten();
    let values: Vec<f32> = rows.flat_map(|channel| [channel.min, channel.max, channel.mean]).collect();
    Tensor::f32(&[values.len() / 3, 3], values)
}

pub(super) fn from_tensor(layout: Layout, tensor: &Tensor) -> Result<Calibration, ModelError> {
    if tensor.element_type() != ElementType::F32 {
        let reason = "the calibration's ranges are in f16; they need f32".to_owned();
        return Err(ModelError::Description { reason });
    }
    let values = tensor.to_f32();
    let mut rows = values.as_chunks::<3>().0;
    let fits = layout.channels.values().try_fold(0_usize, |sum, channels| sum.checked_add(*channels));
    if tensor.shape() != [rows.len(), 3] || fits != Some(rows.len()) {
        let reason = format!(
            "the calibration has ranges of the shape {:?}; its layout asks for [{}, 3]",
            tensor.shape(),
            fits.map_or("too many".to_owned(), |sum| sum.to_string())
        );
        return Err(ModelError::Description { reason });
    }
    let mut nodes = BTreeMap::new();
    for (node, channels) in layout.channels {
        let (own, rest) = rows.split_at(channels.min(rows.len()));
        rows = rest;
        let own = own.iter().map(|&[min, max, mean]| ChannelStatistics { min, max, mean });
        nodes.insert(node, own.collect());
    }
    Ok(Calibration { photos: layout.photos, nodes })
}
