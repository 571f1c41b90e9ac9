use ocelli_model::{Activation, Network, NodeId, Op};

use crate::{InferError, dot_product};

/// The classifier at the end of a network, by itself: what it makes of features that are at hand.
///
/// A network that was made by [`Network::with_head`] ends in a linear layer and a softmax or sigmoid; what the layer reads are
/// the features.
#[derive(Clone, Debug)]
pub struct LinearHead {
    features: NodeId,
    /// `[labels, features]`
    weights: Vec<f32>,
    /// `[labels]`
    bias: Vec<f32>,
    activation: Activation,
}

impl LinearHead {
    /// The head of a network.
    ///
    /// # Errors
    ///
    /// [`InferError::NoHead`] if the network does not end in a head.
    pub fn of(network: &Network) -> Result<Self, InferError> {
        Self::find(network).ok_or(InferError::NoHead)
    }

    fn find(network: &Network) -> Option<Self> {
        let nodes = network.nodes();
        let last = nodes.get(network.output().index())?;
        let activation = match last.op {
            Op::Softmax => Activation::Softmax,
            Op::Sigmoid => Activation::Sigmoid,
            _ => return None,
        };
        let layer = nodes.get(last.inputs.first()?.index())?;
        let Op::Linear(linear) = &layer.op else { return None };
        let values = |name: &str| network.tensor(name).map(|tensor| tensor.to_f32().into_owned());
        Some(Self {
            features: *layer.inputs.first()?,
            weights: values(&linear.weight)?,
            bias: values(&linear.bias)?,
            activation,
        })
    }

    /// The node whose output the head reads; [`Network::up_to`] it computes the features.
    pub fn features(&self) -> NodeId {
        self.features
    }

    /// How many labels there are.
    pub fn labels(&self) -> usize {
        self.bias.len()
    }

    /// The weight of each feature for a label, and the label's bias; none where there is no such label.
    pub fn of_label(&self, label: usize) -> Option<(&[f32], f32)> {
        let width = self.weights.len().checked_div(self.bias.len())?;
        Some((self.weights.chunks_exact(width.max(1)).nth(label)?, *self.bias.get(label)?))
    }

    /// The score (logit) of each label for these features.
    ///
    /// # Errors
    ///
    /// If there are not as many features as the head reads.
    pub fn scores(&self, features: &[f32]) -> Result<Vec<f32>, InferError> {
        let expected = self.weights.len() / self.bias.len().max(1);
        if features.len() != expected {
            return Err(InferError::InputLength { found: features.len(), expected });
        }
        let rows = self.weights.chunks_exact(expected.max(1)).zip(&self.bias);
        Ok(rows.map(|(weights, bias)| bias + dot_product(weights, features)).collect())
    }

    /// The probability of each label for these features: what the whole network answers, up to rounding.
    ///
    /// # Errors
    ///
    /// As [`LinearHead::scores`].
    pub fn probabilities(&self, features: &[f32]) -> Result<Vec<f32>, InferError> {
        let mut scores = self.scores(features)?;
        match self.activation {
            Activation::Sigmoid => scores.iter_mut().for_each(|score| *score = 1.0 / (1.0 + (-*score).exp())),
            Activation::Softmax => {
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                scores.iter_mut().for_each(|score| *score = (*score - most).exp());
                let sum: f32 = scores.iter().sum();
                scores.iter_mut().for_each(|score| *score /= sum);
            }
        }
        Ok(scores)
    }
}
