//! Project automation. `cargo run -p xtask --release -- weights` converts the published base models into the
//! committed ones.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that people run and watch")]

mod weights;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo run -p xtask --release -- weights [--check]

weights          downloads the published base models (needs python3 with pip and a network), converts them
                 and writes the committed model files
weights --check  does the same, but compares with the committed files instead of writing them";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let result = match arguments[..] {
        ["weights"] => weights::convert_all(&root, weights::Mode::Write),
        ["weights", "--check"] => weights::convert_all(&root, weights::Mode::Check),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
