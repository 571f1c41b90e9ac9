//! The operations on a processor, on all threads of the current rayon pool.
//!
//! The work is cut into as many parts as there are threads; the sums of the parts are added in their order, so that the same
//! number of threads gives the same bits.

mod dense;
mod depthwise;
mod parts;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::DType;
use ocelli_kernels::OutOfBounds;

use super::composed;
use super::convolution::{Geometry, Operations};
use super::kernels::{Gradients, Inputs, Kernels, Wanted};
use super::workspace::{Buffer, Workspace};

impl Operations for Flex {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        geometry: Geometry,
        workspace: Workspace,
    ) -> FloatTensor<Self> {
        Self::forward(&Inputs { input, weight, scale, shift }, &geometry, &workspace)
    }
}

impl Kernels for Flex {
    fn forward(inputs: &Inputs<Self>, geometry: &Geometry, workspace: &Workspace) -> FloatTensor<Self> {
        kernels_forward(inputs, geometry, workspace)
            .unwrap_or_else(|OutOfBounds| composed::forward::<Self>(inputs, geometry))
    }

    fn backward(
        inputs: Inputs<Self>,
        output: [FloatTensor<Self>; 2],
        geometry: &Geometry,
        wanted: Wanted,
        workspace: &Workspace,
    ) -> Gradients<Self> {
        kernels_backward(&inputs, &output, geometry, wanted, workspace)
            .unwrap_or_else(|OutOfBounds| composed::backward::<Self>(inputs, output, geometry, wanted))
    }
}

/// An error where there are no kernels for it.
fn kernels_forward(
    inputs: &Inputs<Flex>,
    geometry: &Geometry,
    workspace: &Workspace,
) -> Result<FlexTensor, OutOfBounds> {
    let operands = Operands::new(inputs, geometry)?;
    let output = match operands.kind {
        Kind::Dense => dense::forward(&operands.view()?, workspace),
        Kind::Depthwise => depthwise::forward(&operands.view()?, workspace),
    };
    Ok(tensor(output?, operands.sizes.output_shape()))
}

/// An error where there are no kernels for it.
fn kernels_backward(
    inputs: &Inputs<Flex>,
    output: &[FlexTensor; 2],
    geometry: &Geometry,
    wanted: Wanted,
    workspace: &Workspace,
) -> Result<Gradients<Flex>, OutOfBounds> {
    let operands = Operands::new(inputs, geometry)?;
    // A convolution of several pixels is only asked for the gradient of its input where the photo's is asked for.
    if matches!(operands.kind, Kind::Dense) && wanted.input && !geometry.is_pointwise() {
        return Err(OutOfBounds);
    }
    let [output, gradient] = output.each_ref().map(FlexTensor::to_contiguous);
    let read = Output {
        gradient: values(&gradient)?,
        clamped: if geometry.relu6 { Some(values(&output)?) } else { None },
    };
    let found = match operands.kind {
        Kind::Dense => dense::backward(&operands.view()?, &read, wanted, workspace),
        Kind::Depthwise => depthwise::backward(&operands.view()?, &read, wanted, workspace),
    }?;
    let outputs = inputs.scale.shape();
    let parameters = found.parameters.map(|[weight, scale, shift]| {
        [
            tensor(weight, inputs.weight.shape()),
            tensor(scale, outputs.clone()),
            tensor(shift, outputs.clone()),
        ]
    });
    Ok(Gradients { input: found.input.map(|input| tensor(input, inputs.input.shape())), parameters })
}

type FlexTensor = FloatTensor<Flex>;

fn values(tensor: &FlexTensor) -> Result<&[f32], OutOfBounds> {
    tensor.as_slice::<f32>().ok_or(OutOfBounds)
}

fn tensor(buffer: Buffer, shape: burn::tensor::Shape) -> FlexTensor {
    FlexTensor::from_data(buffer.into_data(shape))
}

/// Which kernels compute a convolution; the others are composed.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Every output of every input.
    Dense,
    /// Every channel by itself.
    Depthwise,
}

/// Sizes that were checked against each other.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    photos: usize,
    inputs: usize,
    outputs: usize,
    /// Rows and columns.
    input: [usize; 2],
    /// Rows and columns.
    output: [usize; 2],
}

impl Sizes {
    fn output_shape(&self) -> burn::tensor::Shape {
        burn::tensor::Shape::from([self.photos, self.output[0], self.output[1], self.outputs])
    }

    /// Values of a photo's input.
    fn input_len(&self) -> usize {
        self.input[0] * self.input[1] * self.inputs
    }

    /// Values of a photo's output.
    fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.outputs
    }
}

/// What a convolution reads, one value after the other.
struct Operands<'a> {
    input: FlexTensor,
    weight: FlexTensor,
    scale: FlexTensor,
    shift: FlexTensor,
    geometry: &'a Geometry,
    kind: Kind,
    sizes: Sizes,
}

/// The values of [`Operands`].
struct View<'a> {
    input: &'a [f32],
    weight: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    geometry: &'a Geometry,
    sizes: Sizes,
}

/// What a convolution put out, as its gradients need it.
struct Output<'a> {
    gradient: &'a [f32],
    /// The output itself where it was clamped.
    clamped: Option<&'a [f32]>,
}

/// Gradients as values.
#[derive(Default)]
struct Found {
    input: Option<Buffer>,
    /// Of weight, scale and shift.
    parameters: Option<[Buffer; 3]>,
}

impl<'a> Operands<'a> {
    /// An error where there are no kernels for them.
    fn new(inputs: &Inputs<Flex>, geometry: &'a Geometry) -> Result<Self, OutOfBounds> {
        let Inputs { input, weight, scale, shift } = inputs;
        let shape = |tensor: &FlexTensor| -> Result<[usize; 4], OutOfBounds> {
            tensor.shape().to_vec().try_into().map_err(|_| OutOfBounds)
        };
        let ([photos, height, width, channels], [outputs, group, rows, columns]) =
            (shape(input)?, shape(weight)?);
        let kind = match geometry.groups {
            1 => Kind::Dense,
            groups if groups == channels && outputs == channels => Kind::Depthwise,
            _ => return Err(OutOfBounds),
        };
        let sizes = Sizes {
            photos,
            inputs: channels,
            outputs,
            input: [height, width],
            output: geometry.output([height, width]),
        };
        let vectors = [scale, shift].iter().all(|vector| vector.shape().to_vec() == [outputs]);
        let floats = [input, weight, scale, shift].iter().all(|tensor| tensor.dtype() == DType::F32);
        let fits = [rows, columns] == geometry.kernel && group * geometry.groups == channels;
        if !(vectors && floats && fits) || photos * height * width * channels == 0 {
            return Err(OutOfBounds);
        }
        let [input, weight, scale, shift] = [input, weight, scale, shift].map(FlexTensor::to_contiguous);
        Ok(Self { input, weight, scale, shift, geometry, kind, sizes })
    }

    fn view(&self) -> Result<View<'_>, OutOfBounds> {
        Ok(View {
            input: values(&self.input)?,
            weight: values(&self.weight)?,
            scale: values(&self.scale)?,
            shift: values(&self.shift)?,
            geometry: self.geometry,
            sizes: self.sizes,
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::ops::FloatTensorOps;
    use burn::tensor::TensorData;

    use super::*;

    /// The operations answer the same without kernels, slowly.
    #[test]
    fn kernels_compute_what_base_models_have() {
        let pointwise = Geometry {
            kernel: [1, 1],
            stride: [1, 1],
            before: [0, 0],
            after: [0, 0],
            groups: 1,
            relu6: true,
        };
        let of = |kernel, stride, after, groups| Geometry {
            kernel: [kernel; 2],
            stride: [stride; 2],
            before: [(kernel - stride) / 2; 2],
            after: [after; 2],
            groups,
            ..pointwise
        };
        let cases = [
            (pointwise, 24, 40, true),
            (of(3, 2, 1, 1), 3, 32, false),
            (of(3, 1, 1, 24), 24, 24, true),
            (of(5, 1, 2, 24), 24, 24, true),
            (of(3, 2, 1, 24), 24, 24, true),
            (of(5, 2, 2, 24), 24, 24, true),
        ];
        let (device, workspace) = (Default::default(), Workspace::default());
        let tensor = |shape: &[usize]| {
            let values = vec![0.5_f32; shape.iter().product()];
            Flex::float_from_data(TensorData::new(values, shape.to_vec()), &device)
        };
        for (geometry, channels, outputs, of_input) in cases {
            let inputs = Inputs {
                input: tensor(&[2, 8, 8, channels]),
                weight: tensor(&[
                    outputs,
                    channels / geometry.groups,
                    geometry.kernel[0],
                    geometry.kernel[1],
                ]),
                scale: tensor(&[outputs]),
                shift: tensor(&[outputs]),
            };
            let output = kernels_forward(&inputs, &geometry, &workspace).unwrap();
            let wanted = Wanted { input: of_input, parameters: true };
            let output = [output.clone(), output];
            let gradients = kernels_backward(&inputs, &output, &geometry, wanted, &workspace).unwrap();
            assert_eq!(gradients.input.is_some(), of_input);
        }
    }
}
