//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Error, Parser, ValueExt};
use ocelli::{AdvancedOptions, Domain, Precision, Training, View, Views, limits};

/// Shown by `--help`.
pub(crate) const USAGE: &str = "\
Trains on the photos of DIR and tests on others, and prints what came of it.

Usage: evaluate DIR [OPTIONS]

DIR holds train/<tag>/ and test/<tag>/, or images/ with labels.csv
(file,split,labels; labels joined by `;`, split train or test).

Options:
  --training quick|advanced a head on the base as it is (default), or the base's last stages too
  --minutes M               the time that an advanced training may take [default: as long as it learns]
  --domain compact|general  the base model: EfficientNet-Lite0 (default) or -Lite2
  --shots N                 train on N photos a tag, drawn by the seed
  --seed S [S ...]          draws shots and folds; several seeds give a mean and a spread [default: 0]
  --multilabel              any number of tags a photo
  --balance B               favour rare tags, 0 (default) to 1
  --view whole|centre       what the network sees: the whole photo squashed, or its centre square [default: as the folds say]
  --views one|corners       views that a test photo is asked about: one (default), or its corners too
  --precision f32|int8      what the test photos are predicted in [default: f32]; int8 also tells what it costs
  --retrain                 tag one more photo after training, train again, and tell what that took
  --json                    print JSON on stdout
";

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The photos.
    pub(crate) folder: PathBuf,
    /// A head alone, or the base's last stages too.
    pub(crate) training: Training,
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
    pub(crate) view: Option<View>,
    /// Of how many views an answer to a test photo is the mean.
    pub(crate) views: Views,
    /// What the test photos are predicted in.
    pub(crate) precision: Precision,
    /// Whether to train a second time.
    pub(crate) retrain: bool,
    /// Whether to print JSON.
    pub(crate) json: bool,
}

impl Options {
    /// Reads the command line; none where help is asked for.
    pub(crate) fn parse(mut parser: Parser) -> Result<Option<Self>, Error> {
        let mut folder = None;
        let mut budget = None;
        let mut options = Self {
            folder: PathBuf::new(),
            training: Training::Quick,
            domain: Domain::GENERAL_COMPACT,
            shots: None,
            seeds: Vec::new(),
            multilabel: false,
            balance: 0.0,
            view: None,
            views: Views::default(),
            precision: Precision::F32,
            retrain: false,
            json: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("training") => options.training = parser.value()?.parse_with(training)?,
                Arg::Long("minutes") => budget = Some(parser.value()?.parse_with(minutes)?),
                Arg::Long("domain") => options.domain = parser.value()?.parse_with(domain)?,
                Arg::Long("shots") => options.shots = Some(parser.value()?.parse_with(shots)?),
                Arg::Long("seed") => {
                    options.seeds.push(parser.value()?.parse_with(seed)?);
                    // Further seeds are the numbers that follow.
                    while let Some(seed) = next_number(&mut parser) {
                        options.seeds.push(seed);
                    }
                }
                Arg::Long("multilabel") => options.multilabel = true,
                Arg::Long("balance") => options.balance = parser.value()?.parse_with(balance)?,
                Arg::Long("view") => options.view = Some(parser.value()?.parse_with(view)?),
                Arg::Long("views") => options.views = parser.value()?.parse_with(views)?,
                Arg::Long("precision") => options.precision = parser.value()?.parse_with(precision)?,
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
        match &mut options.training {
            Training::Advanced(advanced) => advanced.budget = budget,
            Training::Quick if budget.is_some() => {
                return Err("--minutes goes with --training advanced".into());
            }
            Training::Quick => {}
        }
        let missing = "DIR is missing; where its name is a number, it goes before --seed";
        options.folder = folder.ok_or(missing)?;
        Ok(Some(options))
    }
}

fn next_number(parser: &mut Parser) -> Option<u64> {
    let mut arguments = parser.try_raw_args()?;
    let seed = arguments.peek()?.to_str()?.parse().ok()?;
    arguments.next();
    Some(seed)
}

fn shots(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(shots) if shots >= limits::MIN_IMAGES_PER_TAG => Ok(shots),
        _ => Err(format!(
            "--shots takes a whole number from {}, the photos that a tag needs",
            limits::MIN_IMAGES_PER_TAG
        )),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("--seed takes whole numbers from 0 to {}", u64::MAX))
}

fn balance(text: &str) -> Result<f32, String> {
    let balance = text.parse().ok().filter(|balance| (0.0..=1.0).contains(balance));
    balance.ok_or_else(|| "--balance takes a number from 0 to 1".to_owned())
}

fn training(text: &str) -> Result<Training, String> {
    match text {
        "quick" => Ok(Training::Quick),
        "advanced" => Ok(Training::Advanced(AdvancedOptions::default())),
        _ => Err("--training takes quick or advanced".to_owned()),
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes = text.parse().ok().filter(|minutes: &f64| *minutes > 0.0);
    let budget = minutes.and_then(|minutes| Duration::try_from_secs_f64(60.0 * minutes).ok());
    budget.ok_or_else(|| "--minutes takes a number above 0".to_owned())
}

fn domain(text: &str) -> Result<Domain, String> {
    match text {
        "compact" => Ok(Domain::GENERAL_COMPACT),
        "general" => Ok(Domain::GENERAL),
        _ => Err("--domain takes compact or general".to_owned()),
    }
}

fn views(text: &str) -> Result<Views, String> {
    match text {
        "one" => Ok(Views::One),
        "corners" => Ok(Views::Corners),
        _ => Err("--views takes one or corners".to_owned()),
    }
}

fn view(text: &str) -> Result<View, String> {
    match text {
        "whole" => Ok(View::Whole),
        "centre" => Ok(View::Centre),
        _ => Err("--view takes whole or centre".to_owned()),
    }
}

fn precision(text: &str) -> Result<Precision, String> {
    let known = Precision::ALL.into_iter().find(|precision| precision.name() == text);
    known.ok_or_else(|| "--precision takes f32 or int8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        match Options::parse(Parser::from_args(line.split_whitespace())) {
            Ok(options) => Ok(options.expect("no help was asked for")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn seeds_end_where_something_else_begins() {
        for line in
            ["--seed 1 2 3 photos --json", "photos --json --seed 1 2 3", "--seed 1 --json --seed=2 3 photos"]
        {
            let options = parse(line).expect(line);
            assert_eq!((options.seeds.as_slice(), options.json), ([1, 2, 3].as_slice(), true), "{line}");
            assert_eq!(options.folder, PathBuf::from("photos"), "{line}");
        }
        assert_eq!(parse("photos").expect("defaults").seeds, [0]);
    }

    #[test]
    fn the_minutes_are_those_of_an_advanced_training() {
        for line in ["photos --training advanced --minutes 1.5", "photos --minutes 1.5 --training advanced"] {
            let Training::Advanced(advanced) = parse(line).expect(line).training else { panic!("{line}") };
            assert_eq!(advanced.budget, Some(Duration::from_secs(90)), "{line}");
        }
        assert_eq!(parse("photos").expect("defaults").training, Training::Quick);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let cases = [
            ("--seed photos", "--seed takes whole numbers"),
            ("--seed 7", "DIR is missing"),
            ("photos --training slow", "--training takes quick or advanced"),
            ("photos --minutes 3", "--minutes goes with --training advanced"),
            ("photos --training advanced --minutes 0", "--minutes takes a number above 0"),
            ("photos --shots 0", "--shots takes a whole number from 5"),
            ("photos --balance nan", "--balance takes a number from 0 to 1"),
            ("photos --domain large", "--domain takes compact or general"),
            ("photos --view left", "--view takes whole or centre"),
            ("photos --precision f16", "--precision takes f32 or int8"),
            ("photos others", "others"),
        ];
        for (line, expected) in cases {
            let error = parse(line).expect_err(line);
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
