//! After the first, predictions allocate nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ocelli_core::Precision;
use ocelli_imaging::RgbImage;
use ocelli_infer::{Calibrator, CompileOptions, CompiledNetwork};
use ocelli_model::file;

#[test]
fn predictions_allocate_nothing_once_warm() {
    let network = file::read(ocelli_weights_lite0::MODEL).unwrap();
    let photo =
        RgbImage::new(640, 480, (0..640 * 480 * 3).map(|index| (index % 251) as u8).collect()).unwrap();
    let calibration = Calibrator::new(&network).unwrap().observe(photo.view()).unwrap();
    let network = network.with_calibration(calibration).unwrap();
    for precision in [Precision::F32, Precision::Int8] {
        let options = CompileOptions { precision, level: None };
        let compiled = CompiledNetwork::compile_with(&network, &options).unwrap();
        let mut features = vec![0.0; compiled.output_len()];
        let mut predict = || compiled.predict_into(photo.view(), &mut features).unwrap();
        let first = allocation_counter::measure(&mut predict);
        assert!(first.count_total > 0, "the first prediction makes its workspace");
        let later = allocation_counter::measure(|| (0..3).for_each(|_| predict()));
        assert_eq!(later.count_total, 0, "{precision}");
    }
}
