//! For researchers: trains on the photos of a folder, tests on others, prints figures.
//!
//! ```text
//! cargo run --release --example evaluate -- DIR --seed 1 2 3 --json
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person or a script")]

mod dataset;
mod experiment;
mod options;
mod report;

use std::error::Error;
use std::process::ExitCode;

use dataset::Dataset;
use options::{Options, USAGE};
use report::Report;

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let dataset = Dataset::read(&options.folder)?;
    let outcomes = options.seeds.iter().map(|seed| experiment::run(options, &dataset, *seed));
    let report = Report::new(options, outcomes.collect::<Result<_, _>>()?);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
