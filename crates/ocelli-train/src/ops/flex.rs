//! The operations on a processor.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;

use super::convolution::{Geometry, Operations};
use super::kernels::{Inputs, Kernels};

impl Operations for Flex {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        Self::forward(&Inputs { input, weight, scale, shift }, &geometry)
    }
}

impl Kernels for Flex {}
