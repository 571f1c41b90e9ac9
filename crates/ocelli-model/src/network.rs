use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::validation::{self, Validated};
use crate::{
    Activation, Calibration, Fingerprint, Head, Label, Linear, ModelError, Node, NodeId, Op, Preprocessing,
    Provenance, Shape, Tensor, View,
};

/// A network without its weights, as a model file holds it: plain data, not yet checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDescription {
    /// How a photo becomes the input.
    pub preprocessing: Preprocessing,
    /// The operations, each after those it reads.
    pub nodes: Vec<Node>,
    /// The node whose output is the network's.
    pub output: NodeId,
    /// What each output means; none for a base model, whose outputs are features.
    pub labels: Vec<Label>,
}

/// A network: preprocessing, operations, weights and labels that fit together.
///
/// Immutable and cheap to clone; what is derived from it shares its weights.
#[derive(Clone)]
pub struct Network {
    preprocessing: Preprocessing,
    graph: Arc<Graph>,
    labels: Arc<[Label]>,
    provenance: Option<Arc<Provenance>>,
    calibration: Option<Arc<Calibration>>,
}

struct Graph {
    nodes: Vec<Node>,
    output: NodeId,
    output_shape: Shape,
    tensors: BTreeMap<String, Tensor>,
    validated: Validated,
}

impl Network {
    /// Checks that a description and its tensors add up.
    ///
    /// # Errors
    ///
    /// If they do not; the error names the first node or tensor at fault.
    pub fn new(
        description: NetworkDescription,
        tensors: BTreeMap<String, Tensor>,
        provenance: Option<Provenance>,
    ) -> Result<Self, ModelError> {
        Self::assemble(description, tensors, provenance.map(Arc::new))
    }

    fn assemble(
        description: NetworkDescription,
        tensors: BTreeMap<String, Tensor>,
        provenance: Option<Arc<Provenance>>,
    ) -> Result<Self, ModelError> {
        let validated = validation::validate(&description, &tensors)?;
        let NetworkDescription { preprocessing, nodes, output, labels } = description;
        let unknown = ModelError::UnknownOutput { output: output.index(), nodes: nodes.len() };
        let output_shape = *validated.shapes.get(output.index()).ok_or(unknown)?;
        let graph = Graph { nodes, output, output_shape, tensors, validated };
        Ok(Self {
            preprocessing,
            graph: Arc::new(graph),
            labels: labels.into(),
            provenance,
            calibration: None,
        })
    }

    /// How a photo becomes the input.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// The operations, each after those it reads; the first is the input.
    pub fn nodes(&self) -> &[Node] {
        &self.graph.nodes
    }

    /// The shape of a node's output; none if the id is another network's.
    pub fn shape(&self, id: NodeId) -> Option<Shape> {
        self.graph.validated.shapes.get(id.index()).copied()
    }

    /// The shape of each node's output, in the order of [`Network::nodes`].
    pub fn shapes(&self) -> &[Shape] {
        &self.graph.validated.shapes
    }

    /// The node whose output is the network's.
    pub fn output(&self) -> NodeId {
        self.graph.output
    }

    /// The shape of the network's output.
    pub fn output_shape(&self) -> Shape {
        self.graph.output_shape
    }

    /// How many values the network puts out: features, or a probability for each label.
    pub fn output_len(&self) -> usize {
        self.graph.output_shape.values()
    }

    /// What each output means; empty for a base model, whose outputs are features.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.graph.tensors.get(name)
    }

    /// Every tensor with its name, in the order of names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.graph.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Where the base model's weights come from, as far as it is known.
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_deref()
    }

    /// Which values the nodes put out on typical photos, where that is known; 8-bit integers need it.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_deref()
    }

    /// How many weights there are.
    pub fn parameters(&self) -> usize {
        self.graph.tensors.values().map(Tensor::len).sum()
    }

    /// How many multiplications with a weight one photo takes.
    pub fn multiply_adds(&self) -> u64 {
        self.graph.validated.multiply_adds
    }

    /// The network without its weights.
    pub fn description(&self) -> NetworkDescription {
        NetworkDescription {
            preprocessing: self.preprocessing,
            nodes: self.graph.nodes.clone(),
            output: self.graph.output,
            labels: self.labels.to_vec(),
        }
    }

    /// Identifies what the network computes in f32, its view included; a calibration has a
    /// [fingerprint](Calibration::fingerprint) of its own.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_derive_key("ocelli network fingerprint 1");
        let nodes = (&self.preprocessing, &self.graph.nodes, self.graph.output);
        // Plain data of this crate always serialises; were it ever not to, the hash would still be defined.
        let nodes = serde_json::to_vec(&nodes).unwrap_or_default();
        hasher.update(&(nodes.len() as u64).to_le_bytes()).update(&nodes);
        for (name, tensor) in &self.graph.tensors {
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
            hasher.update(tensor.digest().as_bytes());
        }
        Fingerprint::new(hasher.finalize())
    }

    /// The same network, looking at another part of the photo. A calibration was made under the view of its time,
    /// and stays behind.
    pub fn with_view(mut self, view: View) -> Self {
        if view != self.preprocessing.view {
            self.preprocessing.view = view;
            self.calibration = None;
        }
        self
    }

    /// The same network without the calibration that it may have.
    #[must_use]
    pub fn without_calibration(mut self) -> Self {
        self.calibration = None;
        self
    }

    /// The same network with a calibration, in place of the one it has.
    ///
    /// # Errors
    ///
    /// If the calibration is empty or names a node that the network does not have, or a node's ranges are not one a
    /// channel, finite and in order.
    pub fn with_calibration(mut self, calibration: Calibration) -> Result<Self, ModelError> {
        calibration.validate(self.nodes(), self.shapes())?;
        self.calibration = Some(Arc::new(calibration));
        Ok(self)
    }

    /// This base model with a classifier on its features; the weights and the calibration are shared.
    ///
    /// # Errors
    ///
    /// If this network already has labels, does not put out a vector, or the head is for other features.
    pub fn with_head(&self, head: Head) -> Result<Self, ModelError> {
        if !self.labels.is_empty() {
            return Err(ModelError::HeadAttached);
        }
        let (features, labels) = (self.output_len(), head.labels.len());
        let fits = labels.checked_mul(features) == Some(head.weights.len());
        if labels == 0 || head.bias.len() != labels || !fits {
            let (weights, bias) = (head.weights.len(), head.bias.len());
            return Err(ModelError::Head { weights, bias, labels, features });
        }
        let mut description = self.description();
        let mut tensors = self.graph.tensors.clone();
        let mut append = |name: &str, op, input| {
            let id = NodeId(u32::try_from(description.nodes.len()).unwrap_or(u32::MAX));
            description.nodes.push(Node { name: name.into(), op, inputs: vec![input] });
            id
        };
        let linear = Linear { weight: "head.weight".into(), bias: "head.bias".into() };
        tensors.insert(linear.weight.clone(), Tensor::f32(&[labels, features], head.weights)?);
        tensors.insert(linear.bias.clone(), Tensor::f32(&[labels], head.bias)?);
        let scores = append("head", Op::Linear(linear), self.graph.output);
        let activation = match head.activation {
            Activation::Softmax => Op::Softmax,
            Activation::Sigmoid => Op::Sigmoid,
        };
        description.output = append("probabilities", activation, scores);
        description.labels = head.labels;
        let mut network = Self::assemble(description, tensors, self.provenance.clone())?;
        // The base's nodes are all there, under their names.
        network.calibration.clone_from(&self.calibration);
        Ok(network)
    }

    /// The part of this network that a node's output is computed by: the nodes that it reads, directly or through others, with
    /// their tensors, and the node as the output. Weights, preprocessing and provenance are shared; there are no labels. Of a
    /// calibration, what it says of these nodes stays.
    ///
    /// # Errors
    ///
    /// If the node is another network's.
    pub fn up_to(&self, node: NodeId) -> Result<Self, ModelError> {
        let nodes = self.nodes();
        let unknown = || ModelError::UnknownOutput { output: node.index(), nodes: nodes.len() };
        let mut kept = vec![false; nodes.len()];
        *kept.get_mut(node.index()).ok_or_else(unknown)? = true;
        // Nodes read only nodes before them.
        for (index, reader) in nodes.iter().enumerate().rev() {
            if kept[index] {
                reader.inputs.iter().for_each(|input| kept[input.index()] = true);
            }
        }
        // There are no more nodes than a `NodeId` counts.
        let places: Vec<NodeId> = kept
            .iter()
            .scan(0, |next, kept| {
                let place = NodeId(*next);
                *next += u32::from(*kept);
                Some(place)
            })
            .collect();
        let moved = |reader: &Node| {
            let inputs = reader.inputs.iter().map(|input| places[input.index()]).collect();
            Node { name: reader.name.clone(), op: reader.op.clone(), inputs }
        };
        let part: Vec<Node> =
            nodes.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(node, _)| moved(node)).collect();
        let names: BTreeSet<&str> = part.iter().flat_map(|node| node.op.tensors()).collect();
        let tensors = self.tensors().filter(|(name, _)| names.contains(name));
        let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
        let calibration = self.calibration().map(|whole| whole.of_nodes(&part));
        let description = NetworkDescription {
            preprocessing: self.preprocessing,
            nodes: part,
            output: places[node.index()],
            labels: Vec::new(),
        };
        let mut network = Self::assemble(description, tensors, self.provenance.clone())?;
        network.calibration = calibration.flatten().map(Arc::new);
        Ok(network)
    }

    /// This network with other values for some of its tensors, as fine-tuning makes them; the rest is shared. A
    /// calibration was made with the old ones, and stays behind.
    ///
    /// # Errors
    ///
    /// If a name is not one of the network's, or its new tensor does not fit.
    pub fn with_tensors(
        &self,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self, ModelError> {
        let mut all = self.graph.tensors.clone();
        for (name, tensor) in tensors {
            match all.get_mut(&name) {
                Some(old) => *old = tensor,
                None => return Err(ModelError::UnknownTensor { tensor: name }),
            }
        }
        Self::assemble(self.description(), all, self.provenance.clone())
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("preprocessing", &self.preprocessing)
            .field("nodes", &self.graph.nodes.len())
            .field("parameters", &self.parameters())
            .field("output", &self.graph.output_shape)
            .field("labels", &self.labels.len())
            .field("calibrated", &self.calibration.is_some())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Network {
    fn eq(&self, other: &Self) -> bool {
        let graphs = Arc::ptr_eq(&self.graph, &other.graph)
            || (self.graph.nodes == other.graph.nodes
                && self.graph.output == other.graph.output
                && self.graph.tensors == other.graph.tensors);
        graphs
            && self.preprocessing == other.preprocessing
            && self.labels == other.labels
            && self.provenance == other.provenance
            && self.calibration == other.calibration
    }
}
