//! The same network composed of less than Ocelli has, to see what each part contributes.

use std::collections::BTreeMap;
use std::error::Error;

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use ocelli_model::{Conv2d, Network, Op, Shape};
use ocelli_train::ops::{Geometry, Workspace, convolution};

use crate::question::Variant;

/// A network whose nodes are computed one by one.
pub(crate) struct Staged {
    network: Network,
    variant: Variant,
    kernels: BTreeMap<String, Tensor<4>>,
    vectors: BTreeMap<String, Tensor<1>>,
    workspace: Workspace,
    device: Device,
}

impl Staged {
    pub(crate) fn new(network: &Network, variant: Variant, device: &Device) -> Result<Self, Box<dyn Error>> {
        let (mut kernels, mut vectors) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in network.tensors() {
            let (name, values) = (name.to_owned(), tensor.to_f32().into_owned());
            match *tensor.shape() {
                [outputs, inputs, rows, columns] => {
                    let data = TensorData::new(values, [outputs, inputs, rows, columns]);
                    kernels.insert(name, Tensor::from_data(data, device).require_grad());
                }
                [channels] => {
                    let tensor = Tensor::from_data(TensorData::new(values, [channels]), device);
                    let fixed = name.ends_with("mean") || name.ends_with("variance");
                    vectors.insert(name, if fixed { tensor } else { tensor.require_grad() });
                }
                _ => return Err(format!("{name} is neither a kernel nor a vector").into()),
            }
        }
        let (network, workspace, device) = (network.clone(), Workspace::default(), device.clone());
        Ok(Self { network, variant, kernels, vectors, workspace, device })
    }

    /// Burn's own operations take the channels first, ours last.
    fn channels_first(&self) -> bool {
        self.variant == Variant::Burn
    }

    /// `[photos, height, width, 3]` to `[photos, features]`
    pub(crate) fn features(&self, input: Tensor<4>) -> Tensor<2> {
        let photos = input.dims()[0];
        let input = if self.channels_first() { input.permute([0, 3, 1, 2]) } else { input };
        let mut values = vec![input];
        for (node, shape) in self.network.nodes().iter().zip(self.network.shapes()).skip(1) {
            let first = values[node.inputs[0].index()].clone();
            values.push(match &node.op {
                Op::Conv2d(conv) => {
                    self.convolution(first, conv, self.network.shapes()[node.inputs[0].index()])
                }
                Op::BatchNorm(norm) => {
                    let of = |name: &String| self.vectors[name].clone();
                    let scale = of(&norm.scale) / (of(&norm.variance) + norm.epsilon).sqrt();
                    let shift = of(&norm.shift) - of(&norm.mean) * scale.clone();
                    let channels = shape.channels();
                    let form = if self.channels_first() { [1, channels, 1, 1] } else { [1, 1, 1, channels] };
                    first * scale.reshape(form) + shift.reshape(form)
                }
                Op::Relu6 => first.clamp(0.0, 6.0),
                Op::Add => first + values[node.inputs[1].index()].clone(),
                _ => first.mean_dims(if self.channels_first() { &[2, 3] } else { &[1, 2] }),
            });
        }
        let features = values.swap_remove(self.network.output().index());
        features.reshape([photos, self.network.output_len()])
    }

    fn convolution(&self, input: Tensor<4>, conv: &Conv2d, shape: Shape) -> Tensor<4> {
        let weight = self.kernels[&conv.weight].clone();
        let [outputs, _, rows, columns] = weight.dims();
        let Shape::Map { height, width, .. } = shape else { return input };
        let ours = match self.variant {
            Variant::Products => conv.groups == 1,
            Variant::Depthwise => true,
            _ => false,
        };
        if ours {
            let geometry = Geometry::of(conv, [rows, columns], [height, width]);
            let ends = [Tensor::ones([outputs], &self.device), Tensor::zeros([outputs], &self.device)];
            return convolution(input, weight, ends, geometry, &self.workspace);
        }
        let padding = conv.padding.amounts([height, width], [rows, columns], conv.stride);
        let padding = padding.map(|[before, after]| (before, after));
        let options = ConvOptions::new_with_padding(conv.stride, padding, [1, 1], conv.groups);
        if self.channels_first() {
            return conv2d(input, weight, None, options);
        }
        conv2d(input.permute([0, 3, 1, 2]), weight, None, options).permute([0, 2, 3, 1])
    }

    /// By the names of the network's tensors.
    pub(crate) fn gradients(&self, gradients: &Gradients) -> BTreeMap<String, Vec<f32>> {
        let kernels = self.kernels.iter().filter_map(|(name, tensor)| {
            Some((name.clone(), tensor.grad(gradients)?.into_data().iter::<f32>().collect()))
        });
        let vectors = self.vectors.iter().filter_map(|(name, tensor)| {
            Some((name.clone(), tensor.grad(gradients)?.into_data().iter::<f32>().collect()))
        });
        kernels.chain(vectors).collect()
    }
}
