//! How long one photo takes on one thread, preprocessing included:
//! `cargo run --release -p ocelli-infer --example photo_time`.
#![allow(clippy::print_stdout, reason = "the output is what it is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use ocelli_imaging::RgbView;
use ocelli_infer::CompiledNetwork;
use ocelli_model::file;

const ROUNDS: usize = 51;

fn main() -> Result<(), Box<dyn Error>> {
    let (width, height) = (640, 480);
    let pixels: Vec<u8> = (0..width * height * 3)
        .map(|index: u32| (index * 7919 % 251) as u8)
        .collect();
    for (name, model) in [
        ("Lite0", ocelli_weights_lite0::MODEL),
        ("Lite2", ocelli_weights_lite2::MODEL),
    ] {
        let start = Instant::now();
        let network = file::read(model)?;
        let read = start.elapsed();
        let compiled = CompiledNetwork::compile(&network)?;
        let compile = start.elapsed() - read;
        let mut features = vec![0.0; compiled.output_len()];
        let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            compiled.predict_into(RgbView::new(width, height, &pixels)?, &mut features)?;
            times.push(start.elapsed());
        }
        times.sort();
        let (median, best) = (times[ROUNDS / 2], times[0]);
        println!(
            "{name}: read {read:.1?}, compile {compile:.1?}, a photo {median:.1?} (median), {best:.1?} (best)"
        );
    }
    Ok(())
}
