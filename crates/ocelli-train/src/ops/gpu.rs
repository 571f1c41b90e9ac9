//! The operations on a GPU, composed of Burn's own.

use burn::backend::tensor::FloatTensor;

use super::convolution::{Geometry, Operations};
use super::kernels::{Inputs, Kernels};
use super::workspace::Workspace;

// Every runtime has the same backend type; a device says which of them it is.
#[cfg(feature = "cuda")]
type Gpu = burn::backend::Cuda;
#[cfg(not(feature = "cuda"))]
type Gpu = burn::backend::Wgpu;

impl Operations for Gpu {
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

impl Kernels for Gpu {}
