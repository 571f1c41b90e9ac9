//! The path of a prediction, step by step: decode, resize, the base model, and all of it together.
//!
//! ```text
//! cargo bench -p ocelli-benches --bench predict
//! ```

#![allow(missing_docs, clippy::panic, reason = "criterion's macros make public functions, and a bench has no caller")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use ocelli_imaging::{Area, DecodeLimits, RgbImage, decode, resize_into};
use ocelli_infer::CompiledNetwork;
use ocelli_model::file;

/// A 640 x 480 JPEG of a real photo.
fn jpeg() -> Result<Vec<u8>, Box<dyn Error>> {
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/photos/train/monument/colosseum.webp");
    let photo = image::open(photo)?.resize_exact(640, 480, image::imageops::FilterType::Triangle).to_rgb8();
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.write_image(photo.as_raw(), 640, 480, image::ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn steps(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let bytes = jpeg()?;
    let limits = DecodeLimits::default();
    let photo: RgbImage = decode(&bytes, &limits)?;
    let base = CompiledNetwork::compile(&file::read(ocelli_weights_lite0::MODEL)?)?;
    let mut resized = vec![0.0; 224 * 224 * 3];
    let mut features = vec![0.0; base.output_len()];
    let mut group = criterion.benchmark_group("lite0, 640 x 480 jpeg, one thread");
    group.sample_size(20);
    group.bench_function("decode", |bencher| bencher.iter(|| decode(black_box(&bytes), &limits)));
    group.bench_function("resize to 224", |bencher| {
        let area = Area::whole(&photo.view());
        bencher.iter(|| resize_into(black_box(photo.view()), area, 224, 224, &mut resized));
    });
    group.bench_function("resize and base model", |bencher| {
        bencher.iter(|| base.predict_into(black_box(photo.view()), &mut features));
    });
    group.bench_function("bytes to features", |bencher| {
        bencher.iter(|| {
            let photo = decode(black_box(&bytes), &limits).ok()?;
            base.predict_into(photo.view(), &mut features).ok()
        });
    });
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
