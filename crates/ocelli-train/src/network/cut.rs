use ocelli_model::{Network, NodeId, Op, Shape};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// A node after which a network can be adapted: everything later passes through it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cut {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// The shape of its output, which is what is kept of each photo.
    pub shape: Shape,
    /// Multiplications with a weight after it, for one photo.
    pub multiply_adds: u64,
    /// Weights after it.
    pub parameters: usize,
}

/// The ends of a base model's blocks after which it can be adapted, the input first.
///
/// By convention the last node of a block has the block's own name, without a dot. Nodes within a block are no cuts here,
/// though [`Tail::new`](crate::Tail::new) takes any node that everything later passes through.
pub fn cuts(base: &Network) -> Vec<Cut> {
    let mut cuts: Vec<Cut> = Vec::new();
    // A node that is passed through is read by a later one, which knows its id.
    for id in base.nodes().iter().flat_map(|node| &node.inputs).copied() {
        let known = cuts.last().is_some_and(|last| last.node >= id);
        let Some(node) = base.nodes().get(id.index()).filter(|node| !known && !node.name.contains('.'))
        else {
            continue;
        };
        if let (Ok(shape), Ok(before)) = (shape_at(base, id), base.up_to(id)) {
            cuts.push(Cut {
                node: id,
                name: node.name.clone(),
                shape,
                multiply_adds: base.multiply_adds().saturating_sub(before.multiply_adds()),
                parameters: base.parameters().saturating_sub(before.parameters()),
            });
        }
    }
    cuts
}

/// The shape at a cut, if it is one.
pub(super) fn shape_at(base: &Network, cut: NodeId) -> Result<Shape, TrainError> {
    let name =
        base.nodes().get(cut.index()).map_or_else(|| cut.index().to_string(), |node| node.name.clone());
    let refuse = |reason| Err(TrainError::Cut { node: name.clone(), reason });
    let Some(shape) = base.shape(cut) else {
        return refuse("there is no such node");
    };
    if matches!(shape, Shape::Vector { .. }) {
        return refuse("it puts out no maps; cut before the pooling");
    }
    let later = base.nodes().iter().skip(cut.index() + 1);
    if !later.clone().any(|node| matches!(node.op, Op::Conv2d(_) | Op::BatchNorm(_))) {
        return refuse("no convolution follows it");
    }
    if later.flat_map(|node| &node.inputs).any(|input| *input < cut) {
        return refuse("a later node reads something before it; cut where a block ends");
    }
    Ok(shape)
}
