//! What the command line asks for.

use std::path::PathBuf;

use lexopt::{Arg, Error, Parser, ValueExt};
use ocelli::{Domain, View};

/// Shown by `--help`.
pub(crate) const USAGE: &str = "\
Trains on the photos of DIR and tests on others, and prints what came of it.

Usage: evaluate DIR [OPTIONS]

DIR holds train/<tag>/ and test/<tag>/, or images/ with labels.csv
(file,split,labels; labels joined by `;`, split train or test).

Options:
  --domain compact|general  the base model: EfficientNet-Lite0 (default) or -Lite2
  --shots N                 train on N photos a tag, drawn by the seed
  --seed S [S ...]          draws shots and folds; several seeds give a mean and a spread [default: 0]
  --multilabel              any number of tags a photo
  --balance B               favour rare tags, 0 (default) to 1
  --view whole|centre       what the network sees: the whole photo squashed (default), or its centre square
  --retrain                 tag one more photo after training, train again, and tell what that took
  --json                    print JSON on stdout
";

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The photos.
    pub(crate) folder: PathBuf,
    /// Chooses the base model.
    pub(crate) domain: Domain,
    /// Photos a tag; all where there is none.
    pub(crate) shots: Option<usize>,
    /// At least one.
    pub(crate) seeds: Vec<u64>,
    /// Any number of tags a photo.
    pub(crate) multilabel: bool,
    /// Favours rare tags.
    pub(crate) balance: f32,
    /// What the network sees.
    pub(crate) view: View,
    /// Whether to train a second time.
    pub(crate) retrain: bool,
    /// Whether to print JSON.
    pub(crate) json: bool,
}

impl Options {
    /// Reads the command line; none where help is asked for.
    pub(crate) fn parse() -> Result<Option<Self>, Error> {
        let mut folder = None;
        let mut options = Self {
            folder: PathBuf::new(),
            domain: Domain::GENERAL_COMPACT,
            shots: None,
            seeds: Vec::new(),
            multilabel: false,
            balance: 0.0,
            view: View::Whole,
            retrain: false,
            json: false,
        };
        let mut parser = Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("domain") => options.domain = parser.value()?.parse_with(domain)?,
                Arg::Long("shots") => options.shots = Some(parser.value()?.parse()?),
                Arg::Long("seed") => {
                    options.seeds.push(parser.value()?.parse()?);
                    // Further seeds are the numbers that follow.
                    while let Some(seed) = next_number(&mut parser) {
                        options.seeds.push(seed);
                    }
                }
                Arg::Long("multilabel") => options.multilabel = true,
                Arg::Long("balance") => options.balance = parser.value()?.parse()?,
                Arg::Long("view") => options.view = parser.value()?.parse_with(view)?,
                Arg::Long("retrain") => options.retrain = true,
                Arg::Long("json") => options.json = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Value(path) if folder.is_none() => folder = Some(PathBuf::from(path)),
                other => return Err(other.unexpected()),
            }
        }
        if options.seeds.is_empty() {
            options.seeds.push(0);
        }
        options.folder = folder.ok_or("DIR is missing; --help says what it holds")?;
        Ok(Some(options))
    }
}

fn next_number(parser: &mut Parser) -> Option<u64> {
    let mut arguments = parser.try_raw_args()?;
    let seed = arguments.peek()?.to_str()?.parse().ok()?;
    arguments.next();
    Some(seed)
}

fn domain(text: &str) -> Result<Domain, String> {
    match text {
        "compact" => Ok(Domain::GENERAL_COMPACT),
        "general" => Ok(Domain::GENERAL),
        other => Err(format!("{other:?} is not a domain; it must be compact or general")),
    }
}

fn view(text: &str) -> Result<View, String> {
    match text {
        "whole" => Ok(View::Whole),
        "centre" => Ok(View::Centre),
        other => Err(format!("{other:?} is not a view; it must be whole or centre")),
    }
}
