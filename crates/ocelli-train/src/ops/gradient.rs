//! How gradients flow through the operations, on any backend.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients as Found;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;

use super::convolution::{Geometry, Operations};
use super::kernels::{Inputs, Kernels, Wanted};
use super::workspace::Workspace;

impl<B: Kernels, C: CheckpointStrategy> Operations for Autodiff<B, C> {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        geometry: Geometry,
        workspace: Workspace,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node(), scale.node(), shift.node()];
        let prepared = ConvolutionBackward.prepare::<C>(nodes).compute_bound().stateful();
        let inputs = Inputs {
            input: input.into_primitive(),
            weight: weight.into_primitive(),
            scale: scale.into_primitive(),
            shift: shift.into_primitive(),
        };
        let output = B::forward(&inputs, &geometry, &workspace);
        match prepared {
            OpsKind::Tracked(prepared) => {
                prepared.finish((inputs, output.clone(), geometry, workspace), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct ConvolutionBackward;

impl<B: Kernels> Backward<B, 4> for ConvolutionBackward {
    /// The inputs, and the output, which says what was clamped.
    type State = (Inputs<B>, FloatTensor<B>, Geometry, Workspace);

    fn backward(self, ops: Ops<Self::State, 4>, found: &mut Found, _: &mut Checkpointer) {
        let [input, parameters @ ..] = ops.parents;
        let wanted = Wanted { input: input.is_some(), parameters: parameters.iter().any(Option::is_some) };
        let gradient = found.consume::<B>(&ops.node);
        let (inputs, output, geometry, workspace) = ops.state;
        let gradients = B::backward(inputs, [output, gradient], &geometry, wanted, &workspace);
        if let (Some(node), Some(gradient)) = (input, gradients.input) {
            found.register::<B>(node.id, gradient);
        }
        for (node, gradient) in parameters.into_iter().zip(gradients.parameters.into_iter().flatten()) {
            if let Some(node) = node {
                found.register::<B>(node.id, gradient);
            }
        }
    }
}
