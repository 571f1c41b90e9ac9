//! The members of a fine-tuning: one for each fold, which learns from the other folds.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_core::ClassificationType;

use super::model::Adapted;
use super::optimiser::{Optimiser, Step};

/// One member.
#[derive(Debug)]
pub(super) struct Member {
    model: Adapted,
    optimiser: Optimiser,
}

/// What a step learns from.
pub(super) struct Batch {
    /// `[photos, height, width, channels]`
    pub(super) activations: Vec<f32>,
    /// `[photos, tags]`
    pub(super) targets: Vec<f32>,
    /// `[photos, tags]`
    pub(super) weights: Vec<f32>,
}

/// How activations and tags become tensors.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) device: Device,
    pub(super) classification_type: ClassificationType,
    /// `[height, width, channels]`
    pub(super) shape: [usize; 3],
    pub(super) tags: usize,
}

impl Form {
    fn activations(&self, values: Vec<f32>, device: &Device) -> Tensor<4> {
        let [height, width, channels] = self.shape;
        let photos = values.len() / (height * width * channels).max(1);
        Tensor::from_data(TensorData::new(values, [photos, height, width, channels]), device)
    }

    fn rows(&self, values: Vec<f32>) -> Tensor<2> {
        let photos = values.len() / self.tags.max(1);
        Tensor::from_data(TensorData::new(values, [photos, self.tags]), &self.device)
    }
}

impl Member {
    pub(super) fn new(model: Adapted) -> Self {
        Self { model, optimiser: Optimiser::default() }
    }

    /// Makes one step, and returns the loss before it.
    pub(super) fn learn(&mut self, form: &Form, batch: Batch, step: Step) -> f64 {
        let loss = self.model.loss(
            form.classification_type,
            form.activations(batch.activations, &form.device),
            form.rows(batch.targets),
            form.rows(batch.weights),
        );
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let loss = loss.into_scalar::<f64>();
        self.model = self.optimiser.step(self.model.clone(), gradients, step);
        loss
    }

    /// A member that goes on from these weights; none where they are not as many as it has.
    pub(super) fn from_weights(model: Adapted, weights: &[f32]) -> Option<Self> {
        Some(Self::new(with_weights(model, weights)?))
    }

    pub(super) fn model(&self) -> &Adapted {
        &self.model
    }

    /// The member with its averaged weights.
    pub(super) fn averaged(&self) -> Adapted {
        self.optimiser.averaged(&self.model)
    }
}

/// All weights of a model, as it is visited.
pub(super) fn weights(model: &Adapted) -> Vec<f32> {
    let mut all = Vec::new();
    model.visit(&mut List { all: &mut all });
    all
}

/// The model with these weights in place of its own; none where they are not as many.
pub(super) fn with_weights(model: Adapted, weights: &[f32]) -> Option<Adapted> {
    let mut fill = Fill { rest: weights, fits: true };
    let model = model.map(&mut fill);
    (fill.fits && fill.rest.is_empty()).then_some(model)
}

struct List<'a> {
    all: &'a mut Vec<f32>,
}

impl ModuleVisitor for List<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.all.extend(param.val().into_data().iter::<f32>());
    }
}

struct Fill<'a> {
    rest: &'a [f32],
    fits: bool,
}

impl ModuleMapper for Fill<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.shape();
        let Some((values, rest)) = self.rest.split_at_checked(shape.num_elements()) else {
            self.fits = false;
            return Param::from_mapped_value(id, tensor, mapper);
        };
        self.rest = rest;
        let value = Tensor::from_data(TensorData::new(values.to_vec(), shape), &tensor.device());
        let value = if tensor.is_require_grad() { value.require_grad() } else { value };
        Param::from_mapped_value(id, value, mapper)
    }
}

/// The probabilities that a model gives to photos: `[photos, tags]`.
pub(super) fn answers(model: &Adapted, form: &Form, activations: Vec<f32>) -> Vec<f32> {
    // Averaged weights are off the gradient's device.
    let device = form.device.clone().inner();
    let answers = model.probabilities(form.classification_type, form.activations(activations, &device));
    answers.into_data().iter::<f32>().collect()
}

/// One model with the mean of the models' weights (Wortsman et al., 2022).
pub(super) fn mean(models: Vec<Adapted>) -> Option<Adapted> {
    let share = 1.0 / models.len().max(1) as f64;
    let mut sums = HashMap::new();
    for model in &models {
        model.visit(&mut Add { sums: &mut sums, share });
    }
    models.into_iter().next().map(|model| model.map(&mut Put { sums }))
}

struct Add<'a> {
    sums: &'a mut HashMap<ParamId, Tensor<1>>,
    share: f64,
}

impl ModuleVisitor for Add<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let count = tensor.shape().num_elements();
        let part = tensor.reshape([count]) * self.share;
        let sum = match self.sums.remove(&param.id) {
            Some(sum) => sum + part,
            None => part,
        };
        self.sums.insert(param.id, sum);
    }
}

struct Put {
    sums: HashMap<ParamId, Tensor<1>>,
}

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let value = match self.sums.remove(&id) {
            Some(sum) => sum.reshape(tensor.shape()),
            None => tensor,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}
