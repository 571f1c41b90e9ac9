//! What the experiments found, for a person and for a script.

use std::collections::BTreeMap;

use ocelli::{Evaluation, IterationPerformance, Precision, Reliability, Threshold, Training, View, Views};
use serde::Serialize;

use crate::experiment::Outcome;
use crate::options::Options;

/// Figures of all seeds: means, and spreads where there are several. The keys are stable.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    training: &'static str,
    domain: &'static str,
    /// The view that was asked for; null where the folds chose, as each seed tells.
    view: Option<View>,
    views: Views,
    precision: Precision,
    threshold: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    shots: Option<usize>,
    /// The fraction of test photos whose most probable tag is one that they have; the mean over the seeds.
    top1: Option<f64>,
    top1_std: f64,
    /// The mean over the tags of their average precision on the test photos; the mean over the seeds.
    mean_ap: Option<f64>,
    mean_ap_std: f64,
    /// How far the test photos' probabilities can be taken at their word: the expected calibration error and the Brier
    /// score; means over the seeds.
    ece: Option<f64>,
    brier: Option<f64>,
    per_tag: BTreeMap<String, TagFigures>,
    images: Images,
    seconds: Seconds,
    out_of_fold: OutOfFold,
    #[serde(skip_serializing_if = "Option::is_none")]
    int8: Option<Int8Figures>,
    peak_rss_mb: Option<f64>,
    seeds: Vec<SeedFigures>,
}

/// Figures of one tag on the test photos, at the threshold; means over the seeds.
#[derive(Debug, Default, Serialize)]
struct TagFigures {
    precision: f64,
    recall: f64,
    ap: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Images {
    train: usize,
    test: usize,
    refused: usize,
}

#[derive(Debug, Serialize)]
struct Seconds {
    import: f64,
    train: f64,
    predict: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    retrain: Option<f64>,
}

#[derive(Debug, Serialize)]
struct OutOfFold {
    top1: Option<f64>,
    mean_ap: Option<f64>,
}

/// How int8 compares with f32; means over the seeds.
#[derive(Debug, Serialize)]
struct Int8Figures {
    /// The fraction of test photos whose most probable tag is the same.
    top1_agreement: Option<f64>,
    /// Top-1 on the test photos in f32.
    top1_f32: Option<f64>,
    /// The fraction of the photos held out that are answered right in f32 and lost in int8, on balance.
    out_of_fold_lost: f64,
    /// How far the probabilities of the photos held out moved.
    out_of_fold_mean_change: f64,
}

#[derive(Debug, Serialize)]
struct SeedFigures {
    seed: u64,
    view: View,
    top1: Option<f64>,
    mean_ap: Option<f64>,
    ece: Option<f64>,
    seconds: Seconds,
}

impl Report {
    /// Sums the experiments up.
    pub(crate) fn new(options: &Options, outcomes: Vec<Outcome>) -> Self {
        let mean = |value: &dyn Fn(&Outcome) -> Option<f64>| spread(outcomes.iter().filter_map(value)).0;
        let std = |value: &dyn Fn(&Outcome) -> Option<f64>| spread(outcomes.iter().filter_map(value)).1;
        let first = outcomes.first();
        Self {
            training: match options.training {
                Training::Quick => "quick",
                Training::Advanced(_) => "advanced",
            },
            domain: options.domain.name,
            view: options.view,
            views: options.views,
            precision: options.precision,
            threshold: Threshold::default().value(),
            shots: options.shots,
            top1: mean(&|outcome| outcome.test.top1()),
            top1_std: std(&|outcome| outcome.test.top1()).unwrap_or(0.0),
            mean_ap: mean(&|outcome| outcome.test.mean_average_precision()),
            mean_ap_std: std(&|outcome| outcome.test.mean_average_precision()).unwrap_or(0.0),
            ece: mean(&|outcome| Some(reliability(outcome)?.expected_calibration_error)),
            brier: mean(&|outcome| Some(reliability(outcome)?.brier_score)),
            per_tag: per_tag(&outcomes),
            images: Images {
                train: first.map_or(0, |outcome| outcome.train_photos),
                test: first.map_or(0, |outcome| outcome.test.photos.len()),
                refused: first.map_or(0, |outcome| outcome.refused),
            },
            seconds: Seconds {
                import: mean(&|outcome| Some(outcome.import_seconds)).unwrap_or(0.0),
                train: mean(&|outcome| Some(outcome.train_seconds)).unwrap_or(0.0),
                predict: mean(&|outcome| Some(outcome.predict_seconds)).unwrap_or(0.0),
                retrain: mean(&|outcome| outcome.retrain_seconds),
            },
            out_of_fold: OutOfFold {
                top1: mean(&|outcome| outcome.out_of_fold.top1()),
                mean_ap: mean(&|outcome| outcome.out_of_fold.mean_average_precision()),
            },
            int8: first.and_then(|outcome| outcome.int8.as_ref()).map(|_| Int8Figures::new(&outcomes)),
            peak_rss_mb: peak_rss_mb(),
            seeds: outcomes.iter().map(SeedFigures::new).collect(),
        }
    }
}

impl Int8Figures {
    fn new(outcomes: &[Outcome]) -> Self {
        let int8 = || outcomes.iter().filter_map(|outcome| outcome.int8.as_ref());
        Self {
            top1_agreement: spread(int8().filter_map(|int8| int8.agreement)).0,
            top1_f32: spread(int8().filter_map(|int8| int8.top1_f32)).0,
            out_of_fold_lost: spread(int8().map(|int8| int8.cost.lost())).0.unwrap_or(0.0),
            out_of_fold_mean_change: spread(int8().map(|int8| int8.cost.mean_probability_change))
                .0
                .unwrap_or(0.0),
        }
    }
}

impl SeedFigures {
    fn new(outcome: &Outcome) -> Self {
        Self {
            seed: outcome.seed,
            view: outcome.view,
            top1: outcome.test.top1(),
            mean_ap: outcome.test.mean_average_precision(),
            ece: reliability(outcome).map(|reliability| reliability.expected_calibration_error),
            seconds: Seconds {
                import: outcome.import_seconds,
                train: outcome.train_seconds,
                predict: outcome.predict_seconds,
                retrain: outcome.retrain_seconds,
            },
        }
    }
}

/// None without test photos.
fn reliability(outcome: &Outcome) -> Option<Reliability> {
    (!outcome.test.photos.is_empty()).then(|| outcome.test.reliability())
}

fn per_tag(outcomes: &[Outcome]) -> BTreeMap<String, TagFigures> {
    let performance =
        |test: &Evaluation<_>| -> IterationPerformance { test.performance(Threshold::default()) };
    let performances: Vec<IterationPerformance> =
        outcomes.iter().map(|outcome| performance(&outcome.test)).collect();
    let mut by_tag = BTreeMap::<String, Vec<_>>::new();
    for tag in performances.into_iter().flat_map(|performance| performance.per_tag_performance) {
        by_tag.entry(tag.name.to_string()).or_default().push(tag);
    }
    let figures = by_tag.into_iter().map(|(name, tags)| {
        let figures = TagFigures {
            precision: spread(tags.iter().map(|tag| tag.precision)).0.unwrap_or(0.0),
            recall: spread(tags.iter().map(|tag| tag.recall)).0.unwrap_or(0.0),
            ap: spread(tags.iter().filter_map(|tag| tag.average_precision)).0,
        };
        (name, figures)
    });
    figures.collect()
}

/// The mean, and the standard deviation of a sample (dividing by one less than their number).
fn spread(values: impl Iterator<Item = f64>) -> (Option<f64>, Option<f64>) {
    let values: Vec<f64> = values.collect();
    let count = values.len() as f64;
    if values.is_empty() {
        return (None, None);
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (Some(mean), (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

/// The most memory that this process has held at once, in units of 1,000,000 bytes; none where the system does not
/// tell.
fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        writeln!(f, "{} photos to train on, {} to test with", self.images.train, self.images.test)?;
        writeln!(
            f,
            "top-1 {} (+- {:.4}), mean AP {} (+- {:.4})",
            figure(self.top1),
            self.top1_std,
            figure(self.mean_ap),
            self.mean_ap_std
        )?;
        writeln!(f, "expected calibration error {}, Brier score {}", figure(self.ece), figure(self.brier))?;
        writeln!(
            f,
            "out of fold: top-1 {}, mean AP {}",
            figure(self.out_of_fold.top1),
            figure(self.out_of_fold.mean_ap)
        )?;
        if let Some(int8) = &self.int8 {
            writeln!(
                f,
                "int8: top-1 agrees with f32 on {} of the test photos (f32: top-1 {}); out of fold {:.4} lost, \
                 probabilities {:.4} apart",
                figure(int8.top1_agreement),
                figure(int8.top1_f32),
                int8.out_of_fold_lost,
                int8.out_of_fold_mean_change
            )?;
        }
        for (name, tag) in &self.per_tag {
            writeln!(
                f,
                "  {name}: precision {:.3}, recall {:.3}, AP {}",
                tag.precision,
                tag.recall,
                figure(tag.ap)
            )?;
        }
        let Seconds { import, train, predict, retrain } = &self.seconds;
        if let [_, _, ..] = self.seeds.as_slice() {
            for SeedFigures { seed, view, top1, mean_ap, ece, seconds } in &self.seeds {
                writeln!(
                    f,
                    "  seed {seed}: top-1 {}, mean AP {}, calibration error {}, view {view:?}, trained in {:.1} s",
                    figure(*top1),
                    figure(*mean_ap),
                    figure(*ece),
                    seconds.train
                )?;
            }
        }
        write!(f, "seconds: import {import:.1}, train {train:.1}, predict {predict:.1}")?;
        if let Some(retrain) = retrain {
            write!(f, ", retrain {retrain:.1}")?;
        }
        writeln!(f, "; peak memory {} MB", figure(self.peak_rss_mb))
    }
}
