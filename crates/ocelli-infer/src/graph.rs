//! A network as layers: batch normalisation, activations and sums are part of the convolution before them.

use ocelli_kernels::PANEL;
use ocelli_model::{BatchNorm, Conv2d, Linear, Network, Node, Op, Shape};

use crate::InferError;

/// Layers in the order in which they are computed, each reading values before it.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) values: Vec<Value>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) output: usize,
}

/// What a layer puts out, or the input (value 0).
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// The name of the node whose output it is.
    pub(crate) name: String,
    pub(crate) shape: Shape,
}

/// A computation whose output is the value `output`.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) inputs: Vec<usize>,
    pub(crate) output: usize,
    pub(crate) compute: Compute,
}

#[derive(Clone, Debug)]
pub(crate) enum Compute {
    Convolution(Box<Convolution>),
    /// Factor and offset of each channel.
    Scale(Vec<(f32, f32)>),
    Relu6,
    Add,
    GlobalAveragePool,
    Softmax,
    Sigmoid,
}

/// A convolution; a second input of its layer is added to its sums. A fully connected layer is one of a single pixel.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    /// `[outputs, inputs / groups, rows, columns]`.
    pub(crate) weight: Vec<f32>,
    /// `[outputs]`.
    pub(crate) bias: Vec<f32>,
    pub(crate) geometry: Geometry,
    pub(crate) relu6: bool,
    /// Whether it is a fully connected layer, which stays in f32.
    pub(crate) dense: bool,
}

/// Sizes; pairs are `[down, across]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) groups: usize,
    /// Of an input map.
    pub(crate) input: [usize; 2],
    /// Of an output map.
    pub(crate) output: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    /// Zeros above and to the left.
    pub(crate) before: [usize; 2],
    /// Zeros below and to the right.
    pub(crate) after: [usize; 2],
}

impl Geometry {
    /// Whether each output pixel is computed of the input pixel at its place.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.groups == 1
            && self.kernel == [1, 1]
            && self.stride == [1, 1]
            && self.before == [0, 0]
            && self.after == [0, 0]
    }

    /// Whether each channel is computed by itself, one output for each input.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.inputs && self.outputs == self.inputs
    }

    /// Whether sums of products of bytes stay within an i32, so that they are exact.
    pub(crate) fn fits_bytes(&self) -> bool {
        self.patch() <= i32::MAX as usize / (255 * 128)
    }

    /// Bytes that the packed weights take at most, in f32: channels fill panels, going out and coming in.
    fn packed(&self) -> u128 {
        let [rows, columns] = self.kernel.map(|size| size as u128);
        let panels = |channels: usize| channels.next_multiple_of(PANEL) as u128;
        let inputs = if self.groups == self.inputs { 4 } else { panels(self.inputs / self.groups) };
        panels(self.outputs) * inputs * rows * (columns + 3) * size_of::<f32>() as u128
    }

    pub(crate) fn is_padded(&self) -> bool {
        self.before != [0, 0] || self.after != [0, 0]
    }

    /// Weights of one output.
    pub(crate) fn patch(&self) -> usize {
        self.inputs / self.groups * self.kernel[0] * self.kernel[1]
    }
}

impl Convolution {
    /// The weight of an output for an input of its group.
    pub(crate) fn weight(&self, output: usize, input: usize, row: usize, column: usize) -> f32 {
        let [rows, columns] = self.geometry.kernel;
        let inputs = self.geometry.inputs / self.geometry.groups;
        let index = ((output * inputs + input) * rows + row) * columns + column;
        self.weight.get(index).copied().unwrap_or(0.0)
    }

    fn scale(&mut self, scale: &[(f32, f32)]) {
        let kernels = self.weight.chunks_exact_mut(self.geometry.patch().max(1));
        for ((kernel, bias), (factor, offset)) in kernels.zip(&mut self.bias).zip(scale) {
            kernel.iter_mut().for_each(|weight| *weight *= factor);
            *bias = *bias * factor + offset;
        }
    }
}

/// What a compiled network's weights, and what a prediction works in, may take each.
const MOST_BYTES: u128 = 2 << 30;

/// Refuses what takes too much memory.
pub(crate) fn check_memory(bytes: u128) -> Result<(), InferError> {
    if bytes <= MOST_BYTES { Ok(()) } else { Err(InferError::TooLarge { bytes, limit: MOST_BYTES }) }
}

impl Graph {
    /// Expands the network's weights to f32 and folds what follows a convolution into it.
    pub(crate) fn lower(network: &Network) -> Result<Self, InferError> {
        let mut readers = vec![0_usize; network.nodes().len()];
        network.nodes().iter().flat_map(|node| &node.inputs).for_each(|input| readers[input.index()] += 1);
        readers[network.output().index()] += 1;

        // Nodes can share a tensor, but each gets weights of its own.
        let mut packed = 0;
        let mut graph = Self { values: Vec::new(), layers: Vec::new(), output: 0 };
        // The value in which each node's output is found.
        let mut value_of: Vec<usize> = Vec::with_capacity(readers.len());
        // How often each value is read.
        let mut reads: Vec<usize> = Vec::with_capacity(readers.len());
        for ((node, shape), readers) in network.nodes().iter().zip(network.shapes()).zip(readers) {
            let inputs: Vec<usize> = node.inputs.iter().map(|input| value_of[input.index()]).collect();
            if let Some(folded) = graph.fold(network, node, &inputs, &reads)? {
                graph.values[folded].name.clone_from(&node.name);
                reads[folded] = readers;
                value_of.push(folded);
                continue;
            }
            let output = graph.values.len();
            graph.values.push(Value { name: node.name.clone(), shape: *shape });
            reads.push(readers);
            value_of.push(output);
            if !matches!(node.op, Op::Input) {
                let input = inputs.first().map_or(*shape, |input| graph.values[*input].shape);
                if let Some(geometry) = geometry(network, node, [input, *shape])? {
                    packed += geometry.packed();
                    check_memory(packed)?;
                }
                let compute = graph.compute(network, node, &inputs, *shape)?;
                graph.layers.push(Layer { inputs, output, compute });
            }
        }
        graph.output = value_of.get(network.output().index()).copied().unwrap_or(0);
        Ok(graph)
    }

    /// Folds a node into the convolution whose output it alone reads; returns the value that then is the node's.
    fn fold(
        &mut self,
        network: &Network,
        node: &Node,
        inputs: &[usize],
        reads: &[usize],
    ) -> Result<Option<usize>, InferError> {
        let candidates = match &node.op {
            // Either summand can be the convolution; the other must be there before it is computed, so the later one.
            Op::Add => {
                let mut candidates = inputs.to_vec();
                candidates.sort_unstable_by(|a, b| b.cmp(a));
                candidates.truncate(1);
                candidates
            }
            Op::BatchNorm(_) | Op::Relu6 => inputs.to_vec(),
            _ => return Ok(None),
        };
        for value in candidates {
            if reads[value] != 1 {
                continue;
            }
            let Some(layer) = self.layers.iter_mut().find(|layer| layer.output == value) else { continue };
            let Compute::Convolution(convolution) = &mut layer.compute else { continue };
            if convolution.relu6 || convolution.dense {
                continue;
            }
            let summed = layer.inputs.len() > 1;
            match &node.op {
                Op::BatchNorm(norm) if !summed => {
                    convolution.scale(&channel_scale(network, node, norm)?);
                }
                Op::Relu6 => convolution.relu6 = true,
                Op::Add if !summed && inputs[0] != inputs[1] => {
                    layer.inputs.extend(inputs.iter().find(|input| **input != value));
                }
                _ => continue,
            }
            return Ok(Some(value));
        }
        Ok(None)
    }

    fn compute(
        &self,
        network: &Network,
        node: &Node,
        inputs: &[usize],
        shape: Shape,
    ) -> Result<Compute, InferError> {
        let input = inputs.first().map_or(shape, |input| self.values[*input].shape);
        Ok(match &node.op {
            Op::Conv2d(Conv2d { weight, bias, .. }) => {
                let geometry = geometry(network, node, [input, shape])?.ok_or_else(|| inconsistent(node))?;
                let weight = tensor(network, node, weight)?;
                let bias = bias.as_ref().map(|name| tensor(network, node, name)).transpose()?;
                let bias = bias.unwrap_or_else(|| vec![0.0; geometry.outputs]);
                let convolution = Convolution { weight, bias, geometry, relu6: false, dense: false };
                Compute::Convolution(Box::new(convolution.checked(node)?))
            }
            Op::Linear(Linear { weight, bias }) => {
                let geometry = geometry(network, node, [input, shape])?.ok_or_else(|| inconsistent(node))?;
                let (weight, bias) = (tensor(network, node, weight)?, tensor(network, node, bias)?);
                let convolution = Convolution { weight, bias, geometry, relu6: false, dense: true };
                Compute::Convolution(Box::new(convolution.checked(node)?))
            }
            Op::BatchNorm(norm) => Compute::Scale(channel_scale(network, node, norm)?),
            Op::Relu6 => Compute::Relu6,
            Op::Add => Compute::Add,
            Op::GlobalAveragePool => Compute::GlobalAveragePool,
            Op::Softmax => Compute::Softmax,
            Op::Sigmoid => Compute::Sigmoid,
            other => return Err(InferError::Unsupported { node: node.name.clone(), op: other.name() }),
        })
    }

    /// How often each value is read; the output counts as read once more.
    pub(crate) fn reads(&self) -> Vec<usize> {
        let mut reads = vec![0; self.values.len()];
        self.layers.iter().flat_map(|layer| &layer.inputs).for_each(|input| reads[*input] += 1);
        reads[self.output] += 1;
        reads
    }
}

impl Convolution {
    /// The convolution, if its weights are as many as its geometry says.
    fn checked(self, node: &Node) -> Result<Self, InferError> {
        let weights = self.geometry.outputs.checked_mul(self.geometry.patch());
        let fits = weights == Some(self.weight.len()) && self.bias.len() == self.geometry.outputs;
        if fits { Ok(self) } else { Err(inconsistent(node)) }
    }
}

/// The sizes of a node that is a convolution or a fully connected layer.
fn geometry(
    network: &Network,
    node: &Node,
    [input, output]: [Shape; 2],
) -> Result<Option<Geometry>, InferError> {
    let conv = match &node.op {
        Op::Conv2d(conv) => conv,
        Op::Linear(_) => {
            return Ok(Some(Geometry {
                inputs: input.values(),
                outputs: output.values(),
                groups: 1,
                input: [1, 1],
                output: [1, 1],
                kernel: [1, 1],
                stride: [1, 1],
                before: [0, 0],
                after: [0, 0],
            }));
        }
        _ => return Ok(None),
    };
    let (
        Shape::Map { channels: inputs, height, width },
        Shape::Map { channels: outputs, height: output_height, width: output_width },
    ) = (input, output)
    else {
        return Err(inconsistent(node));
    };
    let Some(&[_, _, rows, columns]) = network.tensor(&conv.weight).map(|weight| weight.shape()) else {
        return Err(inconsistent(node));
    };
    let [down, across] = conv.padding.amounts([height, width], [rows, columns], conv.stride);
    Ok(Some(Geometry {
        inputs,
        outputs,
        groups: conv.groups,
        input: [height, width],
        output: [output_height, output_width],
        kernel: [rows, columns],
        stride: conv.stride,
        before: [down[0], across[0]],
        after: [down[1], across[1]],
    }))
}

fn inconsistent(node: &Node) -> InferError {
    InferError::Inconsistent { node: node.name.clone() }
}

fn tensor(network: &Network, node: &Node, name: &str) -> Result<Vec<f32>, InferError> {
    let tensor = network.tensor(name).ok_or_else(|| inconsistent(node))?;
    Ok(tensor.to_f32().into_owned())
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
