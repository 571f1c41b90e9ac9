//! What is trained: the tail of a network and the head on its features.

use burn::module::{Module, Param};
use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_core::ClassificationType;

use crate::LinearHead;
use crate::network::Tail;

/// The tail of a network after a cut, with a head.
#[derive(Module, Debug)]
pub(super) struct Adapted {
    pub(super) tail: Tail,
    /// `[features, tags]`
    weights: Param<Tensor<2>>,
    /// `[1, tags]`
    bias: Param<Tensor<2>>,
}

impl Adapted {
    pub(super) fn new(tail: Tail, head: &LinearHead, device: &Device) -> Self {
        let (weights, bias) = tensors(head, device);
        Self { tail, weights: Param::from_tensor(weights), bias: Param::from_tensor(bias) }
    }

    /// The same with another head, its parameters known by the same names.
    pub(super) fn with_head(mut self, head: &LinearHead, device: &Device) -> Self {
        let (weights, bias) = tensors(head, device);
        self.weights = self.weights.map(|_| weights.require_grad());
        self.bias = self.bias.map(|_| bias.require_grad());
        self
    }

    /// The head as it is now.
    pub(super) fn head(&self) -> LinearHead {
        let values = |tensor: Tensor<2>| tensor.into_data().iter::<f32>().collect();
        LinearHead { weights: values(self.weights.val().transpose()), bias: values(self.bias.val()) }
    }

    /// Scores, `[photos, tags]`, of activations at the cut, `[photos, height, width, channels]`.
    fn scores(&self, activations: Tensor<4>) -> Tensor<2> {
        self.tail.forward(activations).matmul(self.weights.val()) + self.bias.val()
    }

    /// The probability of each tag, `[photos, tags]`.
    pub(super) fn probabilities(
        &self,
        classification_type: ClassificationType,
        activations: Tensor<4>,
    ) -> Tensor<2> {
        let scores = self.scores(activations);
        match classification_type {
            ClassificationType::Multiclass => softmax(scores, 1),
            ClassificationType::Multilabel => sigmoid(scores),
        }
    }

    /// The mean over the photos of their cross-entropy, summed over the tags where each stands for itself.
    ///
    /// `targets` and `weights` are `[photos, tags]`.
    pub(super) fn loss(
        &self,
        classification_type: ClassificationType,
        activations: Tensor<4>,
        targets: Tensor<2>,
        weights: Tensor<2>,
    ) -> Tensor<1> {
        let [photos, _] = targets.dims();
        let scores = self.scores(activations);
        let likelihood = match classification_type {
            ClassificationType::Multiclass => log_softmax(scores, 1) * targets,
            ClassificationType::Multilabel => {
                let absent = -targets.clone() + 1.0;
                log_sigmoid(scores.clone()) * targets + log_sigmoid(-scores) * absent
            }
        };
        -(likelihood * weights).sum() / photos as f64
    }
}

/// `[features, tags]` and `[1, tags]`.
fn tensors(head: &LinearHead, device: &Device) -> (Tensor<2>, Tensor<2>) {
    let tags = head.bias.len();
    let width = head.weights.len() / tags.max(1);
    let weights = Tensor::<2>::from_data(TensorData::new(head.weights.clone(), [tags, width]), device);
    let bias = Tensor::from_data(TensorData::new(head.bias.clone(), [1, tags]), device);
    (weights.transpose(), bias)
}
