use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;
use ocelli_model::Conv2d;
use serde::{Deserialize, Serialize};

use super::workspace::Workspace;

/// The sizes of a convolution; pairs are `[down, across]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Geometry {
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// From output to output; not zero.
    pub stride: [usize; 2],
    /// Zeros above and to the left.
    pub before: [usize; 2],
    /// Zeros below and to the right.
    pub after: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Whether the result is clamped to 0..=6.
    pub relu6: bool,
}

impl Geometry {
    /// Of a network's convolution with a kernel of these rows and columns, on a map of this height and width; without ReLU6.
    pub fn of(conv: &Conv2d, kernel: [usize; 2], input: [usize; 2]) -> Self {
        let [down, across] = conv.padding.amounts(input, kernel, conv.stride);
        Self {
            kernel,
            stride: conv.stride,
            before: [down[0], across[0]],
            after: [down[1], across[1]],
            groups: conv.groups,
            relu6: false,
        }
    }

    /// Rows and columns of the output for those of the input.
    pub(super) fn output(&self, input: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let padded = input[axis] + self.before[axis] + self.after[axis];
            padded.saturating_sub(self.kernel[axis]) / self.stride[axis].max(1) + 1
        })
    }

    /// Whether each output pixel is computed of the input pixel at its place.
    pub(super) fn is_pointwise(&self) -> bool {
        self.groups == 1
            && self.kernel == [1, 1]
            && self.stride == [1, 1]
            && self.before == [0, 0]
            && self.after == [0, 0]
    }
}

/// The operations, as Burn finds them for the device at hand.
#[backend_extension(Flex, Cube: cfg(any(feature = "cuda", feature = "wgpu")), Autodiff)]
pub(crate) trait Operations: Backend {
    /// See [`convolution`].
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        geometry: Geometry,
        workspace: Workspace,
    ) -> FloatTensor<Self>;
}

/// A convolution with batch normalisation whose statistics stay as they are (a factor and an offset a channel) and ReLU6, with
/// gradients of its own: `clamp(conv(input, weight) * scale + shift, 0, 6)`, without the clamp where the geometry has none.
///
/// - `input`: `[photos, height, width, inputs]`
/// - `weight`: `[outputs, inputs / groups, rows, columns]`
/// - `scale`, `shift`: `[outputs]`
///
/// Returns `[photos, height, width, outputs]`. All four have gradients; those of values that were clamped are zero.
///
/// # Panics
///
/// As Burn's own operations, if the shapes do not fit each other or the tensors are on different devices.
pub fn convolution(
    input: Tensor<4>,
    weight: Tensor<4>,
    [scale, shift]: [Tensor<1>; 2],
    geometry: Geometry,
    workspace: &Workspace,
) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Operations>::convolution(
        input.into_dispatch(),
        weight.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        geometry,
        workspace.clone(),
    ))
}
