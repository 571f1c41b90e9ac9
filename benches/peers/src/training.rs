//! One step of training: forward, cross-entropy and backward through the whole base.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use ocelli_model::{Network, file};
use ocelli_train::{Tail, cuts};
use rayon::ThreadPoolBuilder;
use serde_json::{Value, json};

use crate::question::{Step, Variant};
use crate::stages::Staged;

/// Writes the base model, `base.safetensors`, for the peer to read.
pub(crate) fn export(folder: &Path) -> Result<Value, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("base.safetensors"), ocelli_weights_lite0::MODEL)?;
    let base = file::read(ocelli_weights_lite0::MODEL)?;
    Ok(json!({
        "height": base.preprocessing().height,
        "width": base.preprocessing().width,
        "features": base.output_len(),
        "multiplyAdds": base.multiply_adds(),
    }))
}

/// What a step computes with, read from the folder: `input.f32` of `[photos, height, width, 3]`, and a head for so many tags,
/// `head.f32` of `[features, tags]`. Photo `n` has tag `n` modulo their number.
struct Prepared {
    network: Network,
    input: Tensor<4>,
    head: Tensor<2>,
    targets: Tensor<2, Int>,
}

impl Prepared {
    fn new(step: &Step, device: &Device) -> Result<Self, Box<dyn Error>> {
        let network = file::read(ocelli_weights_lite0::MODEL)?;
        let (height, width) =
            (network.preprocessing().height as usize, network.preprocessing().width as usize);
        let (features, tags, batch) = (network.output_len(), step.tags, step.batch);
        let input = TensorData::new(read(&step.folder.join("input.f32"))?, [batch, height, width, 3]);
        let head = TensorData::new(read(&step.folder.join("head.f32"))?, [features, tags]);
        let targets: Vec<i64> = (0..batch).map(|photo| (photo % tags) as i64).collect();
        Ok(Self {
            network,
            input: Tensor::from_data(input, device),
            head: Tensor::from_data(head, device),
            targets: Tensor::from_data(TensorData::new(targets, [batch, 1]), device),
        })
    }

    /// The cross-entropy of the photos' tags, and its gradients.
    fn loss(&self, features: Tensor<2>) -> Tensor<1> {
        let likelihood = log_softmax(features.matmul(self.head.clone()), 1);
        -likelihood.gather(1, self.targets.clone()).mean()
    }
}

/// The seconds of each step.
pub(crate) fn step(step: &Step) -> Result<Value, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let prepared = Prepared::new(step, &device)?;
    let forward = model(&prepared.network, step.variant, &device)?;
    let pool = ThreadPoolBuilder::new().num_threads(step.threads).build()?;
    let mut seconds = Vec::with_capacity(step.iterations);
    pool.install(|| {
        for iteration in 0..step.warmup + step.iterations {
            let began = Instant::now();
            let loss = prepared.loss(forward.features(prepared.input.clone()));
            let gradients = loss.backward();
            if iteration >= step.warmup {
                seconds.push(began.elapsed().as_secs_f64());
            }
            drop(gradients);
        }
    });
    Ok(json!({ "seconds": seconds }))
}

/// The loss of the first step, and its gradients in the file `gradients.f32`, one after the other as they are listed.
pub(crate) fn gradients(step: &Step) -> Result<Value, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let prepared = Prepared::new(step, &device)?;
    let forward = model(&prepared.network, step.variant, &device)?;
    let loss = prepared.loss(forward.features(prepared.input.clone()));
    let gradients = forward.gradients(loss.backward())?;
    let values: Vec<f32> = gradients.values().flatten().copied().collect();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(step.folder.join("gradients.f32"), bytes)?;
    let lengths: Vec<(&String, usize)> =
        gradients.iter().map(|(name, values)| (name, values.len())).collect();
    Ok(json!({ "loss": loss.into_scalar::<f32>(), "gradients": lengths }))
}

fn read(path: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
}

/// What is trained, in one of its variants.
enum Model {
    /// As Ocelli trains it.
    Tail(Tail),
    /// Composed of less.
    Staged(Staged),
}

fn model(network: &Network, variant: Variant, device: &Device) -> Result<Model, Box<dyn Error>> {
    Ok(match variant {
        Variant::Ocelli => {
            let cut = cuts(network).into_iter().next().ok_or("the base has no input")?;
            Model::Tail(Tail::new(network, cut.node, device)?)
        }
        other => Model::Staged(Staged::new(network, other, device)?),
    })
}

impl Model {
    fn features(&self, input: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Tail(tail) => tail.forward(input),
            Self::Staged(staged) => staged.features(input),
        }
    }

    /// By the names of the network's tensors.
    fn gradients(&self, gradients: Gradients) -> Result<BTreeMap<String, Vec<f32>>, Box<dyn Error>> {
        match self {
            Self::Tail(tail) => {
                let gradients = GradientsParams::from_grads(gradients, tail);
                let tensors = tail.clone().map(&mut ToGradients(gradients)).tensors()?;
                Ok(tensors.into_iter().map(|(name, tensor)| (name, tensor.to_f32().into_owned())).collect())
            }
            Self::Staged(staged) => Ok(staged.gradients(&gradients)),
        }
    }
}

/// Puts in the place of each weight its gradient.
struct ToGradients(GradientsParams);

impl ModuleMapper for ToGradients {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.remove::<D>(param.id) {
            Some(gradient) => Param::initialized(param.id, gradient),
            None => param,
        }
    }
}
