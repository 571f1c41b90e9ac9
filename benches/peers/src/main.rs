//! Ocelli's side of `benches/peers/inference.py` and `training.py`: reads questions from standard input, one line of JSON each, and writes
//! one line of JSON for each to standard output. Timing is done here, so that no pipe is timed.

#![allow(clippy::print_stdout, reason = "it answers on standard output")]

mod prepare;
mod question;
mod stages;
mod timing;
mod training;

use std::error::Error;
use std::io::{BufRead, Write};

use serde_json::{Value, json};

use crate::question::Question;
use crate::timing::Engine;

fn main() -> Result<(), Box<dyn Error>> {
    let mut engine = Engine::default();
    for line in std::io::stdin().lock().lines() {
        let answer =
            answer(&mut engine, &line?).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn answer(engine: &mut Engine, line: &str) -> Result<Value, Box<dyn Error>> {
    match serde_json::from_str(line)? {
        Question::Prepare(preparation) => prepare::prepare(&preparation),
        Question::Network(network) => Ok(json!({ "seconds": engine.network(&network)? })),
        Question::Bytes(bytes) => Ok(json!({ "seconds": engine.bytes(&bytes)? })),
        Question::Export { folder } => training::export(&folder),
        Question::Step(step) => training::step(&step),
        Question::Gradients(step) => training::gradients(&step),
        Question::Answers(answers) => Ok(json!({ "probabilities": engine.answers(&answers)? })),
    }
}
