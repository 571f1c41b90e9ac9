use std::sync::Arc;

use ocelli_imaging::RgbView;
use ocelli_model::{Network, Preprocessing, Shape};
use serde::{Deserialize, Serialize};

use crate::reference::Plan;
use crate::{InferError, preprocess};

/// A network, ready to compute. Cloning shares it; it is used from any number of threads at once.
#[derive(Clone, Debug)]
pub struct CompiledNetwork {
    preprocessing: Preprocessing,
    plan: Arc<Plan>,
}

/// The output of one node for one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracedNode {
    /// The node's name in the network.
    pub name: String,
    /// The output's shape.
    pub shape: Shape,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl CompiledNetwork {
    /// Prepares a network: expands its weights to f32 and folds batch normalisation into the convolutions.
    ///
    /// # Errors
    ///
    /// If the network has an operation that this engine does not compute.
    pub fn compile(network: &Network) -> Result<Self, InferError> {
        Ok(Self { preprocessing: *network.preprocessing(), plan: Arc::new(Plan::compile(network)?) })
    }

    /// How a photo becomes the network's input.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// How many values [`CompiledNetwork::predict_into`] writes: features, or a probability for each label.
    pub fn output_len(&self) -> usize {
        self.plan.output_len()
    }

    /// Computes the network's output for an upright photo of any size, preprocessing included, on the calling
    /// thread. The same pixels give the same bits.
    ///
    /// # Errors
    ///
    /// If `out` does not hold [`CompiledNetwork::output_len`] values.
    pub fn predict_into(&self, photo: RgbView<'_>, out: &mut [f32]) -> Result<(), InferError> {
        if out.len() != self.output_len() {
            return Err(InferError::OutputLength { found: out.len(), expected: self.output_len() });
        }
        let input = preprocess::preprocess(&self.preprocessing, photo)?;
        out.copy_from_slice(&self.plan.run(input)?);
        Ok(())
    }

    /// The outputs of the network's nodes for an input of `[3, height, width]` normalised values, in the
    /// network's order. A convolution whose batch normalisation is folded into it has no output of its own.
    ///
    /// # Errors
    ///
    /// If the input has another length.
    pub fn trace(&self, input: &[f32]) -> Result<Vec<TracedNode>, InferError> {
        self.plan.trace(input.to_vec())
    }
}
