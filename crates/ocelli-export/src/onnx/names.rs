use std::collections::{BTreeMap, HashSet};

use ocelli_model::{Network, Op};

use super::preprocessing;
use crate::OnnxInput;

/// Name of the input, and of the output, of the whole graph.
pub(super) const PHOTO: &str = "photo";
pub(super) const TENSOR: &str = "tensor";
pub(super) const PROBABILITIES: &str = "probabilities";
pub(super) const FEATURES: &str = "features";
/// The bounds of ReLU6.
pub(super) const ZERO: &str = "relu6.min";
pub(super) const SIX: &str = "relu6.max";

/// The name of everything in the file. ONNX has one space of names for weights and values, a [`Network`] one for
/// each; so a name that is taken gets a number behind it.
#[derive(Debug)]
pub(super) struct Names<'a> {
    tensors: BTreeMap<&'a str, String>,
    values: Vec<String>,
    /// What a pooling node puts out before it is made a vector, by node.
    pooled: BTreeMap<usize, String>,
    output: &'static str,
}

impl<'a> Names<'a> {
    pub(super) fn new(network: &'a Network, input: OnnxInput) -> Self {
        let mut taken = Taken::new();
        let output = if network.labels().is_empty() { FEATURES } else { PROBABILITIES };
        for name in [PHOTO, TENSOR, output, ZERO, SIX].iter().chain(preprocessing::NAMES) {
            taken.unique(name);
        }
        let tensors = network.tensors().map(|(name, _)| (name, taken.unique(name))).collect();
        let mut pooled = BTreeMap::new();
        let mut values = Vec::with_capacity(network.nodes().len());
        for (index, node) in network.nodes().iter().enumerate() {
            values.push(match (index == network.output().index(), &node.op, input) {
                (_, Op::Input, OnnxInput::Tensor) => TENSOR.to_owned(),
                (true, ..) => output.to_owned(),
                _ => taken.unique(&node.name),
            });
            if node.op == Op::GlobalAveragePool {
                pooled.insert(index, taken.unique(&format!("{}.map", node.name)));
            }
        }
        Self { tensors, values, pooled, output }
    }

    /// The name of the graph's output.
    pub(super) fn output(&self) -> &'static str {
        self.output
    }

    /// The name of a weight.
    pub(super) fn tensor(&self, name: &str) -> Option<&str> {
        self.tensors.get(name).map(String::as_str)
    }

    /// The name of what a node puts out, by its index.
    pub(super) fn value(&self, node: usize) -> Option<&str> {
        self.values.get(node).map(String::as_str)
    }

    /// The name of what a pooling node puts out before it is made a vector, by the node's index.
    pub(super) fn pooled(&self, node: usize) -> Option<&str> {
        self.pooled.get(&node).map(String::as_str)
    }
}

struct Taken(HashSet<String>);

impl Taken {
    /// ONNX takes an empty name for a missing input.
    fn new() -> Self {
        Self(HashSet::from([String::new()]))
    }

    /// `wanted`, or where that is taken, `wanted` and the first number that makes it new.
    fn unique(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2_u64;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut taken = Taken::new();
        let names = ["a", "a", "a_2", "a", ""].map(|wanted| taken.unique(wanted));
        assert_eq!(names, ["a", "a_2", "a_2_2", "a_3", "_2"]);
    }
}
