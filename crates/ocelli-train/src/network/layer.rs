use std::collections::BTreeSet;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_model::{BatchNorm, Conv2d, Network, Node, Shape, Tensor as Weights};

use crate::TrainError;
use crate::ops::{Geometry, Workspace, convolution};

/// A convolution with its batch normalisation and ReLU6, where it has them.
#[derive(Module, Debug)]
pub(super) struct Convolution {
    /// `[outputs, inputs / groups, rows, columns]`
    weight: Param<Tensor<4>>,
    /// Added after the convolution, before the normalisation.
    bias: Option<Param<Tensor<1>>>,
    norm: Option<Norm>,
    #[module(skip)]
    weight_name: String,
    #[module(skip)]
    bias_name: Option<String>,
    #[module(skip)]
    geometry: Geometry,
}

/// Batch normalisation with fixed statistics.
#[derive(Module, Debug)]
pub(super) struct Norm {
    scale: Param<Tensor<1>>,
    shift: Param<Tensor<1>>,
    mean: Tensor<1>,
    /// One over the standard deviation.
    precision: Tensor<1>,
    #[module(skip)]
    scale_name: String,
    #[module(skip)]
    shift_name: String,
}

/// Takes tensors out of a network, each once.
pub(super) struct Source<'a> {
    pub(super) network: &'a Network,
    pub(super) device: &'a Device,
    taken: BTreeSet<&'a str>,
}

impl<'a> Source<'a> {
    pub(super) fn new(network: &'a Network, device: &'a Device) -> Self {
        Self { network, device, taken: BTreeSet::new() }
    }

    fn values<const D: usize>(&self, name: &str) -> Option<Tensor<D>> {
        let tensor = self.network.tensor(name)?;
        let shape: [usize; D] = tensor.shape().try_into().ok()?;
        Some(Tensor::from_data(TensorData::new(tensor.to_f32().into_owned(), shape), self.device))
    }

    /// A tensor that stays as it is.
    fn fixed<const D: usize>(&self, node: &Node, name: &str) -> Result<Tensor<D>, TrainError> {
        // A network has the tensors that its nodes need, in their shapes.
        self.values(name).ok_or_else(|| unsupported(node))
    }

    /// A tensor that is adapted.
    fn trained<const D: usize>(
        &mut self,
        node: &Node,
        name: &'a str,
    ) -> Result<Param<Tensor<D>>, TrainError> {
        if !self.taken.insert(name) {
            return Err(TrainError::SharedTensor { node: node.name.clone(), tensor: name.to_owned() });
        }
        Ok(Param::from_tensor(self.fixed(node, name)?))
    }
}

pub(super) fn unsupported(node: &Node) -> TrainError {
    TrainError::Operation { node: node.name.clone(), op: node.op.name() }
}

impl Convolution {
    pub(super) fn new<'a>(
        source: &mut Source<'a>,
        node: &Node,
        conv: &'a Conv2d,
        input: Shape,
    ) -> Result<Self, TrainError> {
        let weight: Param<Tensor<4>> = source.trained(node, &conv.weight)?;
        let [_, _, rows, columns] = weight.val().dims();
        let Shape::Map { height, width, .. } = input else { return Err(unsupported(node)) };
        let bias = conv.bias.as_deref().map(|bias| source.trained(node, bias)).transpose()?;
        let geometry = Geometry::of(conv, [rows, columns], [height, width]);
        let (weight_name, bias_name) = (conv.weight.clone(), conv.bias.clone());
        Ok(Self { weight, bias, norm: None, weight_name, bias_name, geometry })
    }

    /// Whether a normalisation can still be part of it.
    pub(super) fn takes_norm(&self) -> bool {
        self.norm.is_none() && !self.geometry.relu6
    }

    pub(super) fn set_norm(&mut self, norm: Norm) {
        self.norm = Some(norm);
    }

    /// Whether a ReLU6 is part of it.
    pub(super) fn is_clamped(&self) -> bool {
        self.geometry.relu6
    }

    pub(super) fn clamp(&mut self) {
        self.geometry.relu6 = true;
    }

    /// `[photos, height, width, inputs]` to `[photos, height, width, outputs]`
    pub(super) fn forward(&self, input: Tensor<4>, workspace: &Workspace) -> Tensor<4> {
        let weight = self.weight.val();
        let outputs = weight.dims()[0];
        let bias = self.bias.as_ref().map(Param::val);
        let [scale, shift] = match (&self.norm, bias) {
            (Some(norm), bias) => norm.scale_and_shift(bias),
            (None, Some(bias)) => [Tensor::ones([outputs], &input.device()), bias],
            (None, None) => {
                [Tensor::ones([outputs], &input.device()), Tensor::zeros([outputs], &input.device())]
            }
        };
        convolution(input, weight, [scale, shift], self.geometry, workspace)
    }

    pub(super) fn tensors(&self) -> Result<Vec<(String, Weights)>, TrainError> {
        let mut all = vec![adapted(&self.weight_name, &self.weight)?];
        if let (Some(name), Some(bias)) = (&self.bias_name, &self.bias) {
            all.push(adapted(name, bias)?);
        }
        if let Some(norm) = &self.norm {
            all.extend(norm.tensors()?);
        }
        Ok(all)
    }
}

impl Norm {
    pub(super) fn new<'a>(
        source: &mut Source<'a>,
        node: &Node,
        norm: &'a BatchNorm,
    ) -> Result<Self, TrainError> {
        let variance: Tensor<1> = source.fixed(node, &norm.variance)?;
        Ok(Self {
            scale: source.trained(node, &norm.scale)?,
            shift: source.trained(node, &norm.shift)?,
            mean: source.fixed(node, &norm.mean)?,
            precision: (variance + norm.epsilon).sqrt().recip(),
            scale_name: norm.scale.clone(),
            shift_name: norm.shift.clone(),
        })
    }

    /// As one factor and one offset a channel, what was added before included.
    fn scale_and_shift(&self, bias: Option<Tensor<1>>) -> [Tensor<1>; 2] {
        let scale = self.scale.val() * self.precision.clone();
        let mean = match bias {
            Some(bias) => self.mean.clone() - bias,
            None => self.mean.clone(),
        };
        [scale.clone(), self.shift.val() - mean * scale]
    }

    /// Of `[photos, height, width, channels]`.
    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let [scale, shift] = self.scale_and_shift(None);
        let channels = scale.dims()[0];
        input * scale.reshape([1, 1, 1, channels]) + shift.reshape([1, 1, 1, channels])
    }

    pub(super) fn tensors(&self) -> Result<Vec<(String, Weights)>, TrainError> {
        Ok(vec![adapted(&self.scale_name, &self.scale)?, adapted(&self.shift_name, &self.shift)?])
    }
}

fn adapted<const D: usize>(name: &str, param: &Param<Tensor<D>>) -> Result<(String, Weights), TrainError> {
    let tensor = param.val();
    let shape = tensor.dims();
    let values = tensor.into_data().iter::<f32>().collect();
    // As many values as the shape says; so they are not finite.
    let tensor =
        Weights::f32(&shape, values).map_err(|_| TrainError::Diverged { tensor: name.to_owned() })?;
    Ok((name.to_owned(), tensor))
}
