//! The path of a prediction, step by step, on one thread: decode, resize, the base models, and all of it together.
//!
//! ```text
//! cargo bench -p ocelli-benches --bench predict
//! ```

#![allow(
    missing_docs,
    clippy::panic,
    reason = "criterion's macros make public functions; a bench has no caller"
)]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use ocelli_imaging::{Area, DecodeLimits, decode, resize_into};
use ocelli_infer::CompiledNetwork;
use ocelli_model::file;

/// A 640 x 480 JPEG of a real photo.
fn jpeg() -> Result<Vec<u8>, Box<dyn Error>> {
    let photo =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/photos/train/monument/colosseum.webp");
    let photo = decode(&std::fs::read(photo)?, &DecodeLimits::default())?;
    let mut resized = vec![0.0; 640 * 480 * 3];
    resize_into(photo.view(), Area::whole(&photo.view()), 640, 480, &mut resized)?;
    let pixels: Vec<u8> = resized.iter().map(|value| value.round() as u8).collect();
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.write_image(&pixels, 640, 480, image::ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn steps(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let bytes = jpeg()?;
    let limits = DecodeLimits::default();
    let photo = decode(&bytes, &limits)?;
    let mut group = criterion.benchmark_group("640 x 480 jpeg");
    group.sample_size(20);
    group.bench_function("decode", |bencher| bencher.iter(|| decode(black_box(&bytes), &limits)));
    let mut resized = vec![0.0; 224 * 224 * 3];
    group.bench_function("resize to 224", |bencher| {
        let area = Area::whole(&photo.view());
        bencher.iter(|| resize_into(black_box(photo.view()), area, 224, 224, &mut resized));
    });
    for (name, base) in [("lite0", ocelli_weights_lite0::MODEL), ("lite2", ocelli_weights_lite2::MODEL)] {
        group.bench_function(format!("{name}: read and compile"), |bencher| {
            bencher.iter(|| CompiledNetwork::compile(&file::read(black_box(base)).ok()?).ok());
        });
        let base = CompiledNetwork::compile(&file::read(base)?)?;
        let mut features = vec![0.0; base.output_len()];
        group.bench_function(format!("{name}: pixels to features"), |bencher| {
            bencher.iter(|| base.predict_into(black_box(photo.view()), &mut features));
        });
        group.bench_function(format!("{name}: bytes to features"), |bencher| {
            bencher.iter(|| {
                let photo = decode(black_box(&bytes), &limits).ok()?;
                base.predict_into(photo.view(), &mut features).ok()
            });
        });
    }
    group.finish();
    Ok(())
}

fn predict(criterion: &mut Criterion) {
    if let Err(error) = steps(criterion) {
        panic!("the bench cannot run: {error}");
    }
}

criterion_group!(benches, predict);
criterion_main!(benches);
