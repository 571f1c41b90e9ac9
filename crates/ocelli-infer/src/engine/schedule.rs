//! Which layers are computed together, and where each buffer lies in the arena.

use std::ops::Range;

use super::layout::Slot;
use crate::graph::{Compute, Graph};

/// Layers that are computed in one step, by their places in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    One(usize),
    Block { expand: Option<usize>, depthwise: usize, project: Option<usize> },
}

/// The units in the order in which they are computed. With `fuse`, a depthwise convolution takes along the convolutions
/// before and after it, where nothing else reads what is between them.
pub(super) fn units(graph: &Graph, fuse: bool, may_expand: impl Fn(usize) -> bool) -> Vec<Unit> {
    let reads = graph.reads();
    let only_reader = |value: usize| {
        let mut readers = graph.layers.iter().enumerate().filter(|(_, layer)| layer.inputs.contains(&value));
        let first = readers.next().map(|(place, _)| place);
        first.filter(|_| reads[value] == 1)
    };
    let convolution = |place: usize| match &graph.layers[place].compute {
        Compute::Convolution(convolution) => Some(convolution),
        _ => None,
    };
    let mut units: Vec<Option<Unit>> = (0..graph.layers.len()).map(|place| Some(Unit::One(place))).collect();
    for (place, layer) in graph.layers.iter().enumerate() {
        let depthwise = convolution(place)
            .is_some_and(|layer| layer.geometry.is_depthwise() && super::block::is_computed(&layer.geometry));
        if !depthwise || layer.inputs.len() != 1 {
            continue;
        }
        let expand =
            graph.layers.iter().position(|before| before.output == layer.inputs[0]).filter(|before| {
                let plain = graph.layers[*before].inputs.len() == 1;
                let groups = convolution(*before).map(|layer| layer.geometry.groups);
                // It may already be the projection of the block before.
                let free = units[*before] == Some(Unit::One(*before));
                free && fuse
                    && plain
                    && groups == Some(1)
                    && reads[layer.inputs[0]] == 1
                    && may_expand(*before)
            });
        let project = only_reader(layer.output).filter(|after| {
            let pointwise = convolution(*after).is_some_and(|layer| layer.geometry.is_pointwise());
            fuse && pointwise && graph.layers[*after].inputs[0] == layer.output
        });
        if let Some(expand) = expand {
            units[expand] = None;
        }
        units[place] = None;
        units[project.unwrap_or(place)] = Some(Unit::Block { expand, depthwise: place, project });
    }
    units.into_iter().flatten().collect()
}

/// A buffer of the arena, needed from one step to another.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    pub(super) lines: usize,
    pub(super) steps: Range<usize>,
}

/// A place for each buffer such that those needed at the same time do not overlap, and the lines needed in all.
pub(super) fn place(buffers: &[Buffer]) -> (Vec<Slot>, usize) {
    let mut slots: Vec<Slot> = Vec::with_capacity(buffers.len());
    for buffer in buffers {
        let mut taken: Vec<&Range<usize>> = buffers
            .iter()
            .zip(&slots)
            .filter(|(other, _)| other.steps.start < buffer.steps.end && buffer.steps.start < other.steps.end)
            .map(|(_, Slot(range))| range)
            .collect();
        taken.sort_unstable_by_key(|range| range.start);
        let mut start = 0_usize;
        for range in taken {
            if start.saturating_add(buffer.lines) <= range.start {
                break;
            }
            start = start.max(range.end);
        }
        // What does not fit into memory is refused by whoever asks for it.
        slots.push(Slot(start..start.saturating_add(buffer.lines)));
    }
    let lines = slots.iter().map(|Slot(range)| range.end).max().unwrap_or(0);
    (slots, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_one_time_lie_apart_and_others_share() {
        let buffer = |lines, steps| Buffer { lines, steps };
        let (slots, lines) =
            place(&[buffer(4, 0..2), buffer(2, 1..3), buffer(3, 2..4), buffer(1, 3..5), buffer(4, 4..6)]);
        assert_eq!(slots, [Slot(0..4), Slot(4..6), Slot(0..3), Slot(3..4), Slot(4..8)]);
        assert_eq!(lines, 8);
    }
}
