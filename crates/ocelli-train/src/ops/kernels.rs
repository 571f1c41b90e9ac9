use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;

use super::composed;
use super::convolution::Geometry;
use super::workspace::Workspace;

/// What a backend computes, without keeping track of gradients; by default of Burn's own operations.
pub(crate) trait Kernels: Backend {
    /// See [`convolution`](super::convolution()).
    fn forward(inputs: &Inputs<Self>, geometry: &Geometry, _: &Workspace) -> FloatTensor<Self> {
        composed::forward::<Self>(inputs, geometry)
    }

    /// The gradients of what a convolution reads, for its output and the gradient of that.
    fn backward(
        inputs: Inputs<Self>,
        output: [FloatTensor<Self>; 2],
        geometry: &Geometry,
        wanted: Wanted,
        _: &Workspace,
    ) -> Gradients<Self> {
        composed::backward::<Self>(inputs, output, geometry, wanted)
    }
}

/// What a convolution reads.
#[derive(Clone, Debug)]
pub(crate) struct Inputs<B: Backend> {
    /// `[photos, height, width, inputs]`
    pub(crate) input: FloatTensor<B>,
    /// `[outputs, inputs / groups, rows, columns]`
    pub(crate) weight: FloatTensor<B>,
    /// `[outputs]`
    pub(crate) scale: FloatTensor<B>,
    /// `[outputs]`
    pub(crate) shift: FloatTensor<B>,
}

/// Of which inputs the gradients are wanted. Those of weight, scale and shift come together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) input: bool,
    pub(crate) parameters: bool,
}

/// Gradients, each of the shape of what it is the gradient of.
#[derive(Debug)]
pub(crate) struct Gradients<B: Backend> {
    pub(crate) input: Option<FloatTensor<B>>,
    pub(crate) parameters: Option<[FloatTensor<B>; 3]>,
}
