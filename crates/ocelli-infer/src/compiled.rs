use std::sync::Arc;

use ocelli_core::Precision;
use ocelli_imaging::RgbView;
use ocelli_kernels::{Kernels, Level};
use ocelli_model::{Network, Preprocessing};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::InferError;
use crate::engine::{Fusion, Plan, Threads, Workspaces};

/// How a network is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompileOptions {
    /// f32, the default, or int8 where the network has a calibration.
    pub precision: Precision,
    /// Which instructions are used; none is the best level that the machine has.
    pub level: Option<Level>,
}

/// A network, ready to compute. Cloning shares it; it is used from any number of threads at once.
///
/// Predictions work in workspaces, of which there come to be as many as there were predictions at the same time. A prediction
/// that finds one waiting allocates nothing for a photo of the size of the last.
#[derive(Clone, Debug)]
pub struct CompiledNetwork {
    preprocessing: Preprocessing,
    precision: Precision,
    level: Level,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    plan: Plan,
    workspaces: Workspaces,
}

impl CompiledNetwork {
    /// Prepares a network in f32, for the best instructions that the machine has.
    ///
    /// # Errors
    ///
    /// If the network has an operation that this engine does not compute.
    pub fn compile(network: &Network) -> Result<Self, InferError> {
        Self::compile_with(network, &CompileOptions::default())
    }

    /// Prepares a network: folds batch normalisation, activations and sums into the convolutions, packs the weights for the
    /// processor, and gives every buffer its place.
    ///
    /// # Errors
    ///
    /// If the network has an operation that this engine does not compute, if the machine lacks the level, or if int8 is
    /// asked for and the network has no calibration.
    pub fn compile_with(network: &Network, options: &CompileOptions) -> Result<Self, InferError> {
        let kernels = match options.level {
            Some(level) => Kernels::at(level)?,
            None => Kernels::best(),
        };
        let calibration = match options.precision {
            Precision::F32 => None,
            Precision::Int8 => Some(network.calibration().ok_or(InferError::NotCalibrated)?),
        };
        let plan = Plan::compile(network, calibration, kernels, Fusion::On)?;
        Ok(Self {
            preprocessing: *network.preprocessing(),
            precision: options.precision,
            level: kernels.level(),
            inner: Arc::new(Inner { plan, workspaces: Workspaces::default() }),
        })
    }

    /// How a photo becomes the network's input.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// What it computes with.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The instructions that it uses.
    pub fn level(&self) -> Level {
        self.level
    }

    /// How many values [`CompiledNetwork::predict_into`] writes: features, or a probability for each label.
    pub fn output_len(&self) -> usize {
        self.inner.plan.output_len()
    }

    /// Computes the network's output for an upright photo of any size, preprocessing included, on the calling
    /// thread. The same pixels give the same bits. Where a workspace waits, nothing is allocated for a photo of the size of
    /// the last.
    ///
    /// # Errors
    ///
    /// If `out` does not hold [`CompiledNetwork::output_len`] values.
    pub fn predict_into(&self, photo: RgbView<'_>, out: &mut [f32]) -> Result<(), InferError> {
        self.run(photo, Threads::One, out)
    }

    /// As [`CompiledNetwork::predict_into`], but on all threads of the current rayon pool.
    ///
    /// # Errors
    ///
    /// As [`CompiledNetwork::predict_into`].
    pub fn predict_parallel_into(&self, photo: RgbView<'_>, out: &mut [f32]) -> Result<(), InferError> {
        self.run(photo, Threads::Pool(rayon::current_num_threads()), out)
    }

    /// Computes the outputs for several photos, one after the other in `out`, each on one of the threads of the current
    /// rayon pool.
    ///
    /// # Errors
    ///
    /// If `out` does not hold [`CompiledNetwork::output_len`] values for each photo.
    pub fn predict_batch_into(&self, photos: &[RgbView<'_>], out: &mut [f32]) -> Result<(), InferError> {
        let expected = self.output_len() * photos.len();
        if out.len() != expected {
            return Err(InferError::OutputLength { found: out.len(), expected });
        }
        let outs = out.par_chunks_exact_mut(self.output_len().max(1));
        photos.par_iter().zip(outs).try_for_each(|(photo, out)| self.predict_into(*photo, out))
    }

    fn run(&self, photo: RgbView<'_>, threads: Threads, out: &mut [f32]) -> Result<(), InferError> {
        if out.len() != self.output_len() {
            return Err(InferError::OutputLength { found: out.len(), expected: self.output_len() });
        }
        let Inner { plan, workspaces } = &*self.inner;
        Ok(workspaces.with(|workspace| plan.run(workspace, photo, threads, out))?)
    }
}
