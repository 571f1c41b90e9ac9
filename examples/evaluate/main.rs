//! For researchers: trains on the photos of a folder, tests on others, prints figures.
//!
//! ```text
//! cargo run --release --example evaluate -- DIR --seed 1 2 3 --json
//! ```

mod console;
mod dataset;
mod experiment;
mod options;
mod report;

use std::error::Error;
use std::process::ExitCode;

use console::{print, tell};
use dataset::Dataset;
use options::{Options, USAGE};
use report::Report;

fn main() -> ExitCode {
    match Options::parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => succeeded(run(&options)),
        Ok(None) => succeeded(print(USAGE).map_err(Into::into)),
        Err(error) => {
            tell(format_args!("{error}\n\n{USAGE}"));
            ExitCode::from(2)
        }
    }
}

fn succeeded(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(error);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let dataset = Dataset::read(&options.folder)?;
    if dataset.test.is_empty() {
        tell("there are no photos to test with; the figures of the test will be empty");
    }
    for tag in dataset.untrained_tags() {
        tell(format_args!("no photo to train on is tagged {tag:?}; test photos of it alone count as wrong"));
    }
    let outcomes = options.seeds.iter().map(|seed| experiment::run(options, &dataset, *seed));
    let report = Report::new(options, outcomes.collect::<Result<_, _>>()?);
    let text = if options.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        report.to_string()
    };
    print(&text).map_err(|error| format!("the figures cannot be printed: {error}").into())
}
