use ocelli_model::{BatchNorm, Linear, Network, Node, Op, Shape};

use serde::{Deserialize, Serialize};

use super::convolution::Convolution;
use super::vector::{self, Dense};
use crate::InferError;

/// The output of one node for one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracedNode {
    /// The node's name in the network.
    pub name: String,
    /// The output's shape.
    pub shape: Shape,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// A network's steps in order, with expanded and folded weights.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    /// How many nodes the network has; values are kept by node index.
    nodes: usize,
    input_len: usize,
    output: usize,
    output_len: usize,
}

/// One computation, which stands for one node or for a convolution and its batch normalisation.
#[derive(Debug)]
struct Step {
    /// The name of the last node that it stands for.
    name: String,
    /// That node's index.
    node: usize,
    shape: Shape,
    inputs: Vec<usize>,
    /// The nodes that no later step reads.
    last_read: Vec<usize>,
    compute: Compute,
}

#[derive(Debug)]
enum Compute {
    Convolution(Convolution),
    /// Factor and offset of each channel.
    Scale(Vec<(f32, f32)>),
    Relu6,
    Add,
    GlobalAveragePool,
    Dense(Dense),
    Softmax,
    Sigmoid,
}

impl Plan {
    /// Expands the network's weights to f32 and folds batch normalisation into the convolutions.
    ///
    /// # Errors
    ///
    /// If the network has an operation that is not computed here.
    pub fn compile(network: &Network) -> Result<Self, InferError> {
        let nodes = network.nodes();
        let mut readers = vec![0_usize; nodes.len()];
        nodes.iter().flat_map(|node| &node.inputs).for_each(|input| readers[input.index()] += 1);
        let output = network.output().index();
        readers[output] += 1;

        let mut steps: Vec<Step> = Vec::with_capacity(nodes.len());
        for (index, (node, shape)) in nodes.iter().zip(network.shapes()).enumerate().skip(1) {
            let inputs: Vec<usize> = node.inputs.iter().map(|input| input.index()).collect();
            if let Op::BatchNorm(norm) = &node.op {
                let scale = channel_scale(network, node, norm)?;
                // Folded where the step before is a convolution that nothing else reads.
                match steps.last_mut() {
                    Some(Step { name, node: last, compute: Compute::Convolution(convolution), .. })
                        if inputs == [*last] && readers[*last] == 1 =>
                    {
                        convolution.scale(&scale);
                        name.clone_from(&node.name);
                        *last = index;
                    }
                    _ => steps.push(Step::new(node, index, *shape, inputs, Compute::Scale(scale))),
                }
                continue;
            }
            let compute = match &node.op {
                Op::Conv2d(conv) => {
                    let shapes = [network.shapes()[inputs[0]], *shape];
                    let kernel = network.tensor(&conv.weight).map_or(&[][..], |weight| weight.shape());
                    let weight = tensor(network, node, &conv.weight)?;
                    let bias = conv.bias.as_ref().map(|name| tensor(network, node, name)).transpose()?;
                    let convolution = Convolution::new(conv, shapes, kernel, weight, bias);
                    Compute::Convolution(convolution.ok_or_else(|| inconsistent(&node.name))?)
                }
                Op::Linear(linear) => Compute::Dense(dense(network, node, linear)?),
                Op::Relu6 => Compute::Relu6,
                Op::Add => Compute::Add,
                Op::GlobalAveragePool => Compute::GlobalAveragePool,
                Op::Softmax => Compute::Softmax,
                Op::Sigmoid => Compute::Sigmoid,
                other => {
                    return Err(InferError::Unsupported { node: node.name.clone(), op: other.name() });
                }
            };
            steps.push(Step::new(node, index, *shape, inputs, compute));
        }

        // Backwards, the first step met that reads a node is the last one to read it.
        let mut is_read = vec![false; nodes.len()];
        is_read[output] = true;
        for step in steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !std::mem::replace(&mut is_read[input], true) {
                    step.last_read.push(input);
                }
            }
        }
        let input_len = network.shapes().first().map_or(0, Shape::values);
        Ok(Self { steps, nodes: nodes.len(), input_len, output, output_len: network.output_len() })
    }

    /// How many values [`Plan::run`] returns.
    pub fn output_len(&self) -> usize {
        self.output_len
    }

    /// The network's output for an input of `[3, height, width]` normalised values.
    ///
    /// # Errors
    ///
    /// If the input has another length.
    pub fn run(&self, input: Vec<f32>) -> Result<Vec<f32>, InferError> {
        let mut values = self.start(input)?;
        for step in &self.steps {
            let computed = step.compute.run(step, &mut values, &step.last_read)?;
            step.last_read.iter().for_each(|node| values[*node] = Vec::new());
            values[step.node] = computed;
        }
        Ok(std::mem::take(&mut values[self.output]))
    }

    /// The outputs of the network's nodes, in order, for an input as of [`Plan::run`]. A convolution whose batch
    /// normalisation is folded into it has no output of its own.
    ///
    /// # Errors
    ///
    /// As [`Plan::run`].
    pub fn trace(&self, input: Vec<f32>) -> Result<Vec<TracedNode>, InferError> {
        let mut values = self.start(input)?;
        for step in &self.steps {
            values[step.node] = step.compute.run(step, &mut values, &[])?;
        }
        Ok(self
            .steps
            .iter()
            .map(|step| TracedNode {
                name: step.name.clone(),
                shape: step.shape,
                values: std::mem::take(&mut values[step.node]),
            })
            .collect())
    }

    /// The values of each node, of which only the input's are there yet.
    fn start(&self, input: Vec<f32>) -> Result<Vec<Vec<f32>>, InferError> {
        if input.len() != self.input_len {
            return Err(InferError::InputLength { found: input.len(), expected: self.input_len });
        }
        let mut values = vec![Vec::new(); self.nodes];
        values[0] = input;
        Ok(values)
    }
}

impl Step {
    fn new(node: &Node, index: usize, shape: Shape, inputs: Vec<usize>, compute: Compute) -> Self {
        Self { name: node.name.clone(), node: index, shape, inputs, last_read: Vec::new(), compute }
    }
}

impl Compute {
    /// The step's output. Inputs listed in `free` may be taken out of `values` instead of copied.
    fn run(&self, step: &Step, values: &mut [Vec<f32>], free: &[usize]) -> Result<Vec<f32>, InferError> {
        let mut own = |input: usize| match free.contains(&input) {
            true => std::mem::take(&mut values[input]),
            false => values[input].clone(),
        };
        let first = step.inputs[0];
        Ok(match self {
            Self::Scale(scale) => {
                let mut maps = own(first);
                let len = maps.len() / scale.len();
                for (map, (factor, offset)) in maps.chunks_exact_mut(len).zip(scale) {
                    map.iter_mut().for_each(|value| *value = *value * factor + offset);
                }
                maps
            }
            Self::Relu6 => {
                let mut maps = own(first);
                maps.iter_mut().for_each(|value| *value = value.clamp(0.0, 6.0));
                maps
            }
            Self::Add => {
                // A node may be added to itself, so the first is taken only after the second was read.
                let mut sum = values[step.inputs[1]].clone();
                sum.iter_mut().zip(&values[first]).for_each(|(sum, value)| *sum += value);
                sum
            }
            Self::Sigmoid => {
                let mut scores = own(first);
                scores.iter_mut().for_each(|score| *score = vector::sigmoid(*score));
                scores
            }
            Self::Softmax => {
                let mut scores = own(first);
                vector::softmax(&mut scores);
                scores
            }
            Self::GlobalAveragePool => vector::means(&values[first], step.shape.values()),
            Self::Dense(dense) => dense.apply(&values[first]).ok_or_else(|| inconsistent(&step.name))?,
            Self::Convolution(convolution) => {
                convolution.apply(&values[first]).ok_or_else(|| inconsistent(&step.name))?
            }
        })
    }
}

fn inconsistent(node: &str) -> InferError {
    InferError::Inconsistent { node: node.to_owned() }
}

fn tensor(network: &Network, node: &Node, name: &str) -> Result<Vec<f32>, InferError> {
    let tensor = network.tensor(name).ok_or_else(|| inconsistent(&node.name))?;
    Ok(tensor.to_f32().into_owned())
}

fn dense(network: &Network, node: &Node, linear: &Linear) -> Result<Dense, InferError> {
    let weight = tensor(network, node, &linear.weight)?;
    let bias = tensor(network, node, &linear.bias)?;
    Dense::new(weight, bias).ok_or_else(|| inconsistent(&node.name))
}

/// Batch normalisation as one factor and one offset for each channel.
fn channel_scale(network: &Network, node: &Node, norm: &BatchNorm) -> Result<Vec<(f32, f32)>, InferError> {
    let [scale, shift] = [tensor(network, node, &norm.scale)?, tensor(network, node, &norm.shift)?];
    let [mean, variance] = [tensor(network, node, &norm.mean)?, tensor(network, node, &norm.variance)?];
    let statistics = mean.into_iter().zip(variance);
    let folded = scale.into_iter().zip(shift).zip(statistics).map(|((scale, shift), (mean, variance))| {
        let factor = scale / (variance + norm.epsilon).sqrt();
        (factor, shift - mean * factor)
    });
    Ok(folded.collect())
}
