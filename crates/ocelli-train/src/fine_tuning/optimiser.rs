//! AdamW with averaged weights.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

const FIRST_DECAY: f64 = 0.9;
const SECOND_DECAY: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// How a step is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The learning rate.
    pub(super) rate: f64,
    /// How much of itself a weight loses, times the learning rate.
    pub(super) weight_decay: f64,
    /// How much of the average stays, 0 to 1.
    pub(super) average_decay: f64,
}

/// AdamW (Loshchilov and Hutter, 2019) with an exponential moving average of the weights (Polyak and Juditsky, 1992).
///
/// Vectors (biases, and what shifts and scales channels) do not decay.
#[derive(Clone, Debug, Default)]
pub(super) struct Optimiser {
    steps: i32,
    states: HashMap<ParamId, State>,
}

#[derive(Clone, Debug)]
struct State {
    first: Tensor<1>,
    second: Tensor<1>,
    average: Tensor<1>,
}

impl Optimiser {
    /// Makes one step.
    pub(super) fn step<M: Module>(&mut self, module: M, gradients: GradientsParams, step: Step) -> M {
        self.steps = self.steps.saturating_add(1);
        module.map(&mut Update { optimiser: self, gradients, step })
    }

    /// The module with the averaged weights, without gradients.
    pub(super) fn averaged<M: Module>(&self, module: &M) -> M {
        module
            .valid()
            .map(&mut Replace { with: |id| self.states.get(&id).map(|state| state.average.clone()) })
    }
}

struct Update<'a> {
    optimiser: &'a mut Optimiser,
    gradients: GradientsParams,
    step: Step,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let shape = tensor.shape();
        let count = shape.num_elements();
        let is_vector = shape.dims::<D>().iter().filter(|size| **size > 1).count() < 2;
        let value: Tensor<1> = tensor.inner().reshape([count]);
        let gradient = gradient.reshape([count]);
        let Step { rate, weight_decay, average_decay } = self.step;
        let steps = self.optimiser.steps;
        let state = self.optimiser.states.remove(&id).unwrap_or_else(|| State {
            first: gradient.zeros_like(),
            second: gradient.zeros_like(),
            average: value.clone(),
        });
        let State { first, second, average } = state;
        let first = first * FIRST_DECAY + gradient.clone() * (1.0 - FIRST_DECAY);
        let second = second * SECOND_DECAY + gradient.square() * (1.0 - SECOND_DECAY);
        let first_bias = 1.0 - FIRST_DECAY.powi(steps);
        let second_bias = 1.0 - SECOND_DECAY.powi(steps);
        let scale = rate / first_bias;
        let change = first.clone() * scale / ((second.clone() / second_bias).sqrt() + EPSILON);
        let kept = if is_vector { 1.0 } else { 1.0 - rate * weight_decay };
        let value = value * kept - change;
        let average = average * average_decay + value.clone() * (1.0 - average_decay);
        self.optimiser.states.insert(id, State { first, second, average });
        let updated = Tensor::from_inner(value.reshape(shape)).require_grad();
        Param::from_mapped_value(id, updated, mapper)
    }
}

struct Replace<F> {
    with: F,
}

impl<F: Fn(ParamId) -> Option<Tensor<1>>> ModuleMapper for Replace<F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let value = match (self.with)(id) {
            Some(value) => value.reshape(tensor.shape()),
            None => tensor,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}
