//! What `inference.py` and `training.py` ask.

use std::path::PathBuf;

use ocelli::Precision;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Question {
    Prepare(Preparation),
    Network(Network),
    Bytes(Bytes),
    Answers(Answers),
    Export { folder: PathBuf },
    Step(Step),
    Gradients(Step),
}

/// Train on a folder of photos, and write what the peers need.
#[derive(Deserialize)]
pub(crate) struct Preparation {
    /// A folder with `train/<tag>` and `test/<tag>`.
    pub(crate) set: PathBuf,
    /// `lite0` or `lite2`.
    pub(crate) base: String,
    /// The folder for what is written.
    pub(crate) out: PathBuf,
}

/// Time the network, from a decoded photo of its input's size to probabilities.
#[derive(Deserialize)]
pub(crate) struct Network {
    pub(crate) model: PathBuf,
    pub(crate) precision: Precision,
    /// RGB bytes of a photo of the network's input size.
    pub(crate) photo: PathBuf,
    pub(crate) threads: usize,
    pub(crate) batch: usize,
    pub(crate) warmup: usize,
    pub(crate) iterations: usize,
}

/// Time the way from an encoded photo to probabilities.
#[derive(Deserialize)]
pub(crate) struct Bytes {
    pub(crate) model: PathBuf,
    pub(crate) precision: Precision,
    pub(crate) photo: PathBuf,
    /// Whether a JPEG is decoded no larger than the network needs it.
    pub(crate) scaled: bool,
    pub(crate) warmup: usize,
    pub(crate) iterations: usize,
}

/// Say the probabilities of photos.
#[derive(Deserialize)]
pub(crate) struct Answers {
    pub(crate) model: PathBuf,
    pub(crate) precision: Precision,
    pub(crate) photos: Vec<PathBuf>,
    /// Whether JPEGs are decoded no larger than the network needs them.
    #[serde(default)]
    pub(crate) scaled: bool,
}

/// A step of training.
#[derive(Deserialize)]
pub(crate) struct Step {
    /// Where the input and the head are.
    pub(crate) folder: PathBuf,
    pub(crate) variant: Variant,
    pub(crate) threads: usize,
    pub(crate) batch: usize,
    pub(crate) tags: usize,
    pub(crate) warmup: usize,
    pub(crate) iterations: usize,
}

/// What a step is composed of.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Variant {
    /// Burn's own operations.
    Burn,
    /// Convolutions of all channels by Ocelli's kernels.
    Products,
    /// Those of each channel too.
    Depthwise,
    /// Batch normalisation and ReLU6 as part of them: what Ocelli trains with.
    Ocelli,
}
