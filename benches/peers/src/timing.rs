use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ocelli::{Limits, Precision, Prediction, RgbView};
use ocelli_imaging::{DecodeLimits, DecodeOptions, decode_with};
use ocelli_infer::{CompileOptions, CompiledNetwork, InferError, Model};
use ocelli_model::{Preprocessing, file};
use rayon::ThreadPoolBuilder;

use crate::question::{Answers, Bytes, Network};

/// The networks compiled so far, by file and precision.
#[derive(Default)]
pub(crate) struct Engine {
    compiled: HashMap<(PathBuf, Precision), CompiledNetwork>,
    models: HashMap<(PathBuf, Precision), Model>,
}

impl Engine {
    /// The seconds of each pass over a batch. One photo on one thread runs on the calling thread, one photo on several
    /// is split, and a batch goes photo by photo to the threads of a pool.
    pub(crate) fn network(&mut self, question: &Network) -> Result<Vec<f64>, Box<dyn Error>> {
        let Network { threads, batch, warmup, iterations, .. } = *question;
        let network = self.compiled(&question.model, question.precision)?;
        let pixels = fs::read(&question.photo)?;
        let (width, height) = (network.preprocessing().width, network.preprocessing().height);
        let photo = RgbView::new(width, height, &pixels)?;
        let photos = vec![photo; batch];
        let mut out = vec![0.0; batch * network.output_len()];
        let pass = |out: &mut [f32]| match (threads, batch) {
            (1, 1) => network.predict_into(black_box(photo), out),
            (_, 1) => network.predict_parallel_into(black_box(photo), out),
            _ => network.predict_batch_into(black_box(&photos), out),
        };
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        let mut passes = || timed(warmup, iterations, || pass(black_box(&mut out)));
        Ok(if (threads, batch) == (1, 1) { passes()? } else { pool.install(passes)? })
    }

    /// The seconds of each prediction of an encoded photo, on the calling thread.
    pub(crate) fn bytes(&mut self, question: &Bytes) -> Result<Vec<f64>, Box<dyn Error>> {
        let model = self.model(&question.model, question.precision)?;
        let bytes = fs::read(&question.photo)?;
        let predict =
            || predict(model, black_box(&bytes), question.scaled).map(|answer| drop(black_box(answer)));
        Ok(timed(question.warmup, question.iterations, predict)?)
    }

    /// The probabilities of each photo, in the order of the labels.
    pub(crate) fn answers(&mut self, question: &Answers) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
        let model = self.model(&question.model, question.precision)?;
        let answer = |path: &PathBuf| -> Result<Vec<f32>, Box<dyn Error>> {
            let predictions = predict(model, &fs::read(path)?, question.scaled)?;
            let of = |label: &ocelli_model::Label| {
                predictions.iter().find(|each| each.tag_id == label.tag_id).map(|each| each.probability)
            };
            model.labels().iter().map(of).collect::<Option<_>>().ok_or_else(|| "a label has no answer".into())
        };
        question.photos.iter().map(answer).collect()
    }

    fn compiled(&mut self, path: &Path, precision: Precision) -> Result<&CompiledNetwork, Box<dyn Error>> {
        let key = (path.to_owned(), precision);
        if !self.compiled.contains_key(&key) {
            let options = CompileOptions { precision, ..CompileOptions::default() };
            let compiled = CompiledNetwork::compile_with(&file::open(path)?, &options)?;
            self.compiled.insert(key.clone(), compiled);
        }
        self.compiled.get(&key).ok_or_else(|| "a network was compiled and is gone".into())
    }

    fn model(&mut self, path: &Path, precision: Precision) -> Result<&Model, Box<dyn Error>> {
        let key = (path.to_owned(), precision);
        if !self.models.contains_key(&key) {
            self.models.insert(key.clone(), Model::open_with(path, precision)?);
        }
        self.models.get(&key).ok_or_else(|| "a model was opened and is gone".into())
    }
}

/// The probabilities of an encoded photo, best first.
fn predict(model: &Model, bytes: &[u8], scaled: bool) -> Result<Vec<Prediction>, InferError> {
    if !scaled {
        return model.predict(bytes);
    }
    let Preprocessing { width, height, .. } = *model.network().preprocessing();
    let options = DecodeOptions { scale_to: Some((width, height)) };
    let limits = DecodeLimits::prediction(&Limits::default());
    model.predict_rgb(decode_with(bytes, &limits, &options)?.view())
}

/// The seconds of each of so many passes, after some that are not timed.
fn timed(
    warmup: usize,
    iterations: usize,
    mut pass: impl FnMut() -> Result<(), InferError>,
) -> Result<Vec<f64>, InferError> {
    for _ in 0..warmup {
        pass()?;
    }
    let mut seconds = Vec::with_capacity(iterations);
    for _ in 0..iterations {
        let began = Instant::now();
        pass()?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    Ok(seconds)
}
