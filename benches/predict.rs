//! The path of a prediction, step by step: decode, resize, the engine, all of it together, and a cold start.
//!
//! ```text
//! cargo bench -p ocelli-benches --bench predict
//! ```
//!
//! `benches/peers/inference.py` compares with other engines.

#![allow(
    missing_docs,
    clippy::panic,
    reason = "criterion's macros make public functions; a bench has no caller"
)]

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use ocelli_core::{Name, Precision, TagId, TagType};
use ocelli_imaging::{Area, DecodeLimits, DecodeOptions, RgbImage, decode, decode_with, resize_into};
use ocelli_infer::{Calibrator, CompileOptions, CompiledNetwork, Model};
use ocelli_model::{Activation, Calibration, Head, Label, Network, file};
use rayon::ThreadPoolBuilder;

/// Photos that int8 is calibrated on.
const CALIBRATED: usize = 16;

fn photos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/photos/train/monument")
}

/// A JPEG of a real photo, of this size.
fn jpeg(width: u32, height: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    let photo = decode(&std::fs::read(photos().join("colosseum.webp"))?, &DecodeLimits::default())?;
    let photo = resized(&photo, width, height)?;
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.write_image(photo.pixels(), width, height, image::ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn resized(photo: &RgbImage, width: u32, height: u32) -> Result<RgbImage, Box<dyn Error>> {
    let mut values = vec![0.0; (width * height * 3) as usize];
    resize_into(photo.view(), Area::whole(&photo.view()), width, height, &mut values)?;
    Ok(RgbImage::new(width, height, values.iter().map(|value| value.round() as u8).collect())?)
}

/// A base model with a calibration and a head of five labels.
fn classifier(base: &[u8]) -> Result<Network, Box<dyn Error>> {
    let base = file::read(base)?;
    let calibrator = Calibrator::new(&base)?;
    let mut calibration = Calibration::default();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(photos())?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    for photo in files.iter().take(CALIBRATED) {
        let photo = decode(&std::fs::read(photo)?, &DecodeLimits::default())?;
        calibration.merge(&calibrator.observe(photo.view())?);
    }
    let (labels, features) = (5_usize, base.output_len());
    let label = |number: usize| -> Result<Label, Box<dyn Error>> {
        let tag_id: TagId = format!("018bcfe5-6800-7000-8000-00000000000{number}").parse()?;
        Ok(Label { tag_id, name: Name::new(format!("label {number}"))?, tag_type: TagType::Regular })
    };
    Ok(base.with_calibration(calibration)?.with_head(Head {
        weights: (0..labels * features).map(|index| ((index * 37) % 101) as f32 * 1e-3 - 0.05).collect(),
        bias: vec![0.0; labels],
        activation: Activation::Softmax,
        labels: (0..labels).map(label).collect::<Result<_, _>>()?,
    })?)
}

fn way_in(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let limits = DecodeLimits::default();
    for (width, height) in [(640, 480), (4000, 3000)] {
        let bytes = jpeg(width, height)?;
        let photo = decode(&bytes, &limits)?;
        let mut group = criterion.benchmark_group(format!("{width} x {height} jpeg"));
        group.sample_size(10);
        group.bench_function("decode", |bencher| bencher.iter(|| decode(black_box(&bytes), &limits)));
        let options = DecodeOptions { scale_to: Some((224, 224)) };
        group.bench_function("decode scaled for 224", |bencher| {
            bencher.iter(|| decode_with(black_box(&bytes), &limits, &options));
        });
        let mut resized = vec![0.0; 224 * 224 * 3];
        group.bench_function("resize to 224", |bencher| {
            let area = Area::whole(&photo.view());
            bencher.iter(|| resize_into(black_box(photo.view()), area, 224, 224, &mut resized));
        });
        group.finish();
    }
    Ok(())
}

fn engine(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let encoded = [(640, 480), (4000, 3000)].map(|(width, height)| jpeg(width, height));
    for (name, base) in [("lite0", ocelli_weights_lite0::MODEL), ("lite2", ocelli_weights_lite2::MODEL)] {
        let network = classifier(base)?;
        let side = network.preprocessing().width;
        let photo = decode(&jpeg(640, 480)?, &DecodeLimits::default())?;
        let photo = resized(&photo, side, side)?;
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        for precision in [Precision::F32, Precision::Int8] {
            let options = CompileOptions { precision, ..CompileOptions::default() };
            let compiled = CompiledNetwork::compile_with(&network, &options)?;
            for (threads, batch) in [(1, 1), (2, 1), (1, 8), (2, 8)] {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
                let photos = vec![photo.view(); batch];
                let mut out = vec![0.0; batch * compiled.output_len()];
                let mut pass = || match (threads, batch) {
                    (1, 1) => compiled.predict_into(black_box(photo.view()), &mut out),
                    (_, 1) => compiled.predict_parallel_into(black_box(photo.view()), &mut out),
                    _ => compiled.predict_batch_into(black_box(&photos), &mut out),
                };
                group.bench_function(format!("{precision}, {threads} threads, batch {batch}"), |bencher| {
                    pool.install(|| bencher.iter(&mut pass));
                });
            }
            let model = Model::from_network_with(network.clone(), &options)?;
            for (bytes, size) in encoded.iter().zip(["640 x 480", "4000 x 3000"]) {
                let bytes = bytes.as_ref().map_err(ToString::to_string)?;
                group.bench_function(format!("{precision}, {size} jpeg to probabilities"), |bencher| {
                    bencher.iter(|| model.predict(black_box(bytes)));
                });
            }
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, file::write(&network)?)?;
        let bytes = jpeg(640, 480)?;
        for precision in [Precision::F32, Precision::Int8] {
            group.bench_function(format!("{precision}, open, compile and first answer"), |bencher| {
                bencher.iter(|| Model::open_with(black_box(&path), precision)?.predict(&bytes));
            });
        }
        group.finish();
    }
    Ok(())
}

fn predict(criterion: &mut Criterion) {
    if let Err(error) = way_in(criterion).and_then(|()| engine(criterion)) {
        panic!("the bench cannot run: {error}");
    }
}

criterion_group!(benches, predict);
criterion_main!(benches);
