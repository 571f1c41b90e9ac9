//! The operations composed of Burn's own, for backends without kernels here.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;
use burn::tensor::ops::ConvOptions;

use super::convolution::Geometry;
use super::kernels::{Gradients, Inputs, Wanted};

const TO_CHANNELS_FIRST: [usize; 4] = [0, 3, 1, 2];
const TO_CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];

pub(super) fn forward<B: Backend>(inputs: &Inputs<B>, geometry: &Geometry) -> FloatTensor<B> {
    let input = B::float_permute(inputs.input.clone(), &TO_CHANNELS_FIRST);
    let sums = B::conv2d(input, inputs.weight.clone(), None, options(geometry));
    let sums = B::float_permute(sums, &TO_CHANNELS_LAST);
    let scaled = B::float_mul(sums, along::<B>(&inputs.scale, 3));
    let output = B::float_add(scaled, along::<B>(&inputs.shift, 3));
    if geometry.relu6 { B::float_clamp(output, 0.0.into(), 6.0.into()) } else { output }
}

pub(super) fn backward<B: Backend>(
    inputs: Inputs<B>,
    [output, gradient]: [FloatTensor<B>; 2],
    geometry: &Geometry,
    wanted: Wanted,
) -> Gradients<B> {
    let gradient = if geometry.relu6 { masked::<B>(gradient, output) } else { gradient };
    let Inputs { input, weight, scale, .. } = inputs;
    let outputs = scale.shape();
    let parameters = wanted.parameters.then(|| {
        let shift = B::float_sum_dims(gradient.clone(), &[0, 1, 2]);
        let input = B::float_permute(input.clone(), &TO_CHANNELS_FIRST);
        let gradient = B::float_permute(gradient.clone(), &TO_CHANNELS_FIRST);
        let unscaled = B::conv2d_weight_backward(input, weight.clone(), gradient, options(geometry));
        let products = B::float_mul(unscaled.clone(), weight.clone());
        let own = B::float_sum_dims(products, &[1, 2, 3]);
        let weight = B::float_mul(unscaled, along::<B>(&scale, 0));
        [weight, B::float_reshape(own, outputs.clone()), B::float_reshape(shift, outputs)]
    });
    let input = wanted.input.then(|| {
        let weight = B::float_mul(weight, along::<B>(&scale, 0));
        let input = B::float_permute(input, &TO_CHANNELS_FIRST);
        let gradient = B::float_permute(gradient, &TO_CHANNELS_FIRST);
        let input = B::conv2d_x_backward(input, weight, gradient, options(geometry));
        B::float_permute(input, &TO_CHANNELS_LAST)
    });
    Gradients { input, parameters }
}

/// The gradient, zero where the output was clamped.
fn masked<B: Backend>(gradient: FloatTensor<B>, output: FloatTensor<B>) -> FloatTensor<B> {
    let bools = burn::backend::get_device_settings::<B>(&output.device()).bool_dtype;
    let low = B::float_lower_equal_elem(output.clone(), 0.0.into(), bools);
    let high = B::float_greater_equal_elem(output, 6.0.into(), bools);
    let gradient = B::float_mask_fill(gradient, low, 0.0.into());
    B::float_mask_fill(gradient, high, 0.0.into())
}

/// A vector as a tensor of four dimensions that lies along one of them.
fn along<B: Backend>(vector: &FloatTensor<B>, dimension: usize) -> FloatTensor<B> {
    let mut shape = [1; 4];
    shape[dimension] = vector.shape().num_elements();
    B::float_reshape(vector.clone(), Shape::from(shape))
}

fn options(geometry: &Geometry) -> ConvOptions<2> {
    let padding = [0, 1].map(|axis| (geometry.before[axis], geometry.after[axis]));
    ConvOptions::new_with_padding(geometry.stride, padding, [1, 1], geometry.groups)
}
