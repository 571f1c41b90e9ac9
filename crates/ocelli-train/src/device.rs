use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// What a fine-tuning computes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", content = "index")]
#[non_exhaustive]
pub enum TrainingDevice {
    /// The processor, on the threads of the current rayon pool.
    #[default]
    Cpu,
    /// The NVIDIA card with this index. Needs the feature `cuda`.
    Cuda(usize),
    /// The graphics card with this index, by WebGPU. Needs the feature `wgpu`.
    Wgpu(usize),
}

const NO_CUDA: TrainError = TrainError::NoDevice { device: "an NVIDIA card", feature: "cuda" };
const NO_WGPU: TrainError = TrainError::NoDevice { device: "a graphics card", feature: "wgpu" };

impl TrainingDevice {
    /// Whether this build can compute on it.
    ///
    /// # Errors
    ///
    /// [`TrainError::NoDevice`] names the feature that it needs.
    pub fn check(self) -> Result<(), TrainError> {
        match self {
            Self::Cpu => Ok(()),
            Self::Cuda(_) if cfg!(feature = "cuda") => Ok(()),
            Self::Cuda(_) => Err(NO_CUDA),
            Self::Wgpu(_) if cfg!(feature = "wgpu") => Ok(()),
            Self::Wgpu(_) => Err(NO_WGPU),
        }
    }

    /// The device as burn names it.
    pub(crate) fn open(self) -> Result<Device, TrainError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => Ok(Device::cuda(index)),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda(_) => Err(NO_CUDA),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(index) => Ok(Device::wgpu(burn::tensor::DeviceKind::DiscreteGpu(index))),
            #[cfg(not(feature = "wgpu"))]
            Self::Wgpu(_) => Err(NO_WGPU),
        }
    }
}
