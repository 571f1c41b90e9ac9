use std::collections::BTreeMap;

use crate::{ModelError, Network, NetworkDescription, Node, NodeId, Op, Preprocessing, Provenance, Tensor};

/// Puts a network together, node by node; [`NetworkBuilder::build`] checks it.
#[derive(Debug)]
pub struct NetworkBuilder {
    preprocessing: Preprocessing,
    nodes: Vec<Node>,
    tensors: BTreeMap<String, Tensor>,
    provenance: Option<Provenance>,
}

impl NetworkBuilder {
    /// A network with its input and nothing else yet.
    pub fn new(preprocessing: Preprocessing) -> Self {
        let input = Node { name: "input".into(), op: Op::Input, inputs: Vec::new() };
        Self { preprocessing, nodes: vec![input], tensors: BTreeMap::new(), provenance: None }
    }

    /// The input node.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// Appends a node that reads `inputs`.
    pub fn node(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> NodeId {
        // A network of more nodes than a u32 counts is refused by `build`.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { name: name.into(), op, inputs: inputs.to_vec() });
        id
    }

    /// Adds a tensor under the name by which nodes refer to it, in place of one of that name.
    pub fn tensor(&mut self, name: impl Into<String>, tensor: Tensor) -> &mut Self {
        self.tensors.insert(name.into(), tensor);
        self
    }

    /// Says where the weights come from.
    pub fn provenance(&mut self, provenance: Provenance) -> &mut Self {
        self.provenance = Some(provenance);
        self
    }

    /// The network whose output is `output`'s.
    ///
    /// # Errors
    ///
    /// If nodes, shapes and tensors do not add up; the error names the first that does not.
    pub fn build(self, output: NodeId) -> Result<Network, ModelError> {
        let description = NetworkDescription {
            preprocessing: self.preprocessing,
            nodes: self.nodes,
            output,
            labels: Vec::new(),
        };
        Network::new(description, self.tensors, self.provenance)
    }
}
