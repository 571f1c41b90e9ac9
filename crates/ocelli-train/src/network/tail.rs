use burn::module::Module;
use burn::tensor::{Device, Tensor};
use ocelli_model::{Network, NodeId, Op, Shape, Tensor as Weights};

use super::cut::shape_at;
use super::layer::{Convolution, Norm, Source, unsupported};
use crate::TrainError;
use crate::ops::Workspace;

/// What follows a cut in a base model, as a module that can be trained: its convolutions, and the factors and offsets of its
/// batch normalisations, whose statistics stay as they are.
///
/// It reads what the layers before the cut put out, computes the base's features, and gives its weights back under the
/// network's names.
#[derive(Module, Debug)]
pub struct Tail {
    convolutions: Vec<Convolution>,
    /// Normalisations that follow no convolution of their own.
    norms: Vec<Norm>,
    #[module(skip)]
    steps: Vec<Step>,
    #[module(skip)]
    workspace: Workspace,
}

/// A computation; values are numbered, and that at the cut is 0.
#[derive(Clone, Debug)]
struct Step {
    compute: Compute,
    inputs: Vec<usize>,
    output: usize,
    /// The values that no later step reads.
    last_read: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Compute {
    /// By its place.
    Convolution(usize),
    /// By its place.
    Norm(usize),
    Relu6,
    Add,
    GlobalAveragePool,
}

impl Tail {
    /// Gives the memory that its last computations left to the next back to the system.
    pub(crate) fn release_memory(&self) {
        self.workspace.release();
    }

    /// What follows `cut` in a base model, on a device that keeps track of gradients if it is to be trained.
    ///
    /// # Errors
    ///
    /// If a later node reads something before the cut, if the cut or the base's output is of the wrong form, if an operation
    /// is not a convolution, batch normalisation, ReLU6, sum or pooling, or if two nodes share weights.
    pub fn new(base: &Network, cut: NodeId, device: &Device) -> Result<Self, TrainError> {
        shape_at(base, cut)?;
        let mut readers = vec![0_usize; base.nodes().len()];
        base.nodes().iter().flat_map(|node| &node.inputs).for_each(|input| readers[input.index()] += 1);
        let mut source = Source::new(base, device);
        let mut tail = Self {
            convolutions: Vec::new(),
            norms: Vec::new(),
            steps: Vec::new(),
            workspace: Workspace::default(),
        };
        // The value in which the output of each node from the cut on is found.
        let mut values = vec![0];
        for (node, shape) in base.nodes().iter().zip(base.shapes()).skip(cut.index() + 1) {
            let places: Vec<usize> = node.inputs.iter().map(|input| input.index() - cut.index()).collect();
            let inputs: Vec<usize> = places.iter().map(|place| values[*place]).collect();
            // A convolution of which nothing else reads the output takes in what follows it.
            let alone = node.inputs.iter().all(|input| readers[input.index()] == 1);
            let before = match tail.steps.last() {
                Some(Step { compute: Compute::Convolution(place), output, .. })
                    if alone && inputs == [*output] =>
                {
                    tail.convolutions.get_mut(*place)
                }
                _ => None,
            };
            let compute = match (&node.op, before) {
                (Op::BatchNorm(norm), Some(before)) if before.takes_norm() => {
                    before.set_norm(Norm::new(&mut source, node, norm)?);
                    values.push(inputs[0]);
                    continue;
                }
                (Op::Relu6, Some(before)) if !before.is_clamped() => {
                    before.clamp();
                    values.push(inputs[0]);
                    continue;
                }
                (Op::Conv2d(conv), _) => {
                    let input = node.inputs.first().and_then(|input| base.shape(*input));
                    let input = input.ok_or_else(|| unsupported(node))?;
                    tail.convolutions.push(Convolution::new(&mut source, node, conv, input)?);
                    Compute::Convolution(tail.convolutions.len() - 1)
                }
                (Op::BatchNorm(norm), _) if matches!(shape, Shape::Map { .. }) => {
                    tail.norms.push(Norm::new(&mut source, node, norm)?);
                    Compute::Norm(tail.norms.len() - 1)
                }
                (Op::Relu6, _) => Compute::Relu6,
                (Op::Add, _) => Compute::Add,
                (Op::GlobalAveragePool, _) => Compute::GlobalAveragePool,
                _ => return Err(unsupported(node)),
            };
            let output = tail.steps.len() + 1;
            values.push(output);
            tail.steps.push(Step { compute, inputs, output, last_read: Vec::new() });
        }
        let output = base.output();
        if !matches!(base.output_shape(), Shape::Vector { .. }) || output.index() + 1 != base.nodes().len() {
            let node = base.nodes()[output.index()].name.clone();
            return Err(TrainError::Cut { node, reason: "the base does not end in features" });
        }
        tail.note_last_reads();
        Ok(tail)
    }

    fn note_last_reads(&mut self) {
        let mut is_read = vec![false; self.steps.len() + 1];
        for step in self.steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !std::mem::replace(&mut is_read[input], true) {
                    step.last_read.push(input);
                }
            }
        }
    }

    /// The features, `[photos, width]`, for what the layers before the cut put out, `[photos, height, width, channels]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<2> {
        let mut values: Vec<Option<Tensor<4>>> = vec![None; self.steps.len() + 1];
        let mut last = input.clone();
        values[0] = Some(input);
        for step in &self.steps {
            let mut inputs = step.inputs.iter().map(|input| values[*input].clone());
            let (first, second) = (inputs.next().flatten(), inputs.next().flatten());
            // A value is there from the step that computes it to the last one that reads it.
            let Some(first) = first else { continue };
            step.last_read.iter().for_each(|input| values[*input] = None);
            last = match step.compute {
                Compute::Convolution(place) => self.convolutions[place].forward(first, &self.workspace),
                Compute::Norm(place) => self.norms[place].forward(first),
                Compute::Relu6 => first.clamp(0.0, 6.0),
                Compute::Add => match second {
                    Some(second) => first + second,
                    None => first,
                },
                Compute::GlobalAveragePool => first.mean_dims(&[1, 2]),
            };
            values[step.output] = Some(last.clone());
        }
        let [photos, _, _, width] = last.dims();
        last.reshape([photos, width])
    }

    /// The weights as they are now, in f32 under the network's names, for
    /// [`Network::with_tensors`](ocelli_model::Network::with_tensors).
    ///
    /// # Errors
    ///
    /// If the training has made one of them infinite or not a number.
    pub fn tensors(&self) -> Result<Vec<(String, Weights)>, TrainError> {
        let convolutions = self.convolutions.iter().map(Convolution::tensors);
        let all: Result<Vec<_>, _> = convolutions.chain(self.norms.iter().map(Norm::tensors)).collect();
        Ok(all?.into_iter().flatten().collect())
    }
}
