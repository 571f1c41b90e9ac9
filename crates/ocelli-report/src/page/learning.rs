//! How an advanced training went, round by round.

use maud::{Markup, html};
use ocelli_core::FineTuningRecord;

use super::chart::{Plot, place};
use crate::IterationReport;
use crate::number::{hundredths, percent, whole_percent};

/// A line of a chart: its class, and its values from the first round on.
type Line<'a> = (&'a str, &'a [f64]);

pub(super) fn section(report: &IterationReport) -> Option<Markup> {
    let record = report.fine_tuning.as_ref().filter(|record| !record.rounds.is_empty())?;
    let of = |figure: fn(&ocelli_core::FineTuningRound) -> f64| -> Vec<f64> {
        record.rounds.iter().map(figure).collect()
    };
    let training = of(|round| round.training_loss);
    let held_out = of(|round| round.held_out_loss);
    let top1 = of(|round| round.held_out_top1);
    Some(html! {
        p .lead { (outcome(record)) }
        div .beside {
            figure {
                (chart("Loss by round", &[("line before", &training), ("line", &held_out)], None, record))
                figcaption .legend {
                    span .after { "loss on photos held out" }
                    span .before { "loss on photos learned from" }
                    span .level { "held out, head alone" }
                }
            }
            figure {
                (chart("Top-1 accuracy on photos held out, by round", &[("line", &top1)], Some((0.0, 1.0)), record))
                figcaption .legend { span .after { "top-1 accuracy on photos held out" } }
            }
        }
    })
}

fn outcome(record: &FineTuningRecord) -> String {
    let rounds = record.rounds.len();
    let kept = record.kept.and_then(|kept| Some((kept, record.rounds.get(kept.checked_sub(1)?)?)));
    match kept {
        Some((kept, round)) => format!(
            "In each round the last layers of the base model learned once from every photo. Of {rounds} rounds the one \
             with the lowest loss on photos held out was kept: round {kept}, with {} top-1 on them (the dot).",
            percent(round.held_out_top1),
        ),
        None => format!(
            "In each round the last layers of the base model learned once from every photo. None of {rounds} rounds \
             answered photos held out better than the head alone did, so the head alone was kept.",
        ),
    }
}

fn chart(name: &str, lines: &[Line<'_>], range: Option<(f64, f64)>, record: &FineTuningRecord) -> Markup {
    let rounds = record.rounds.len();
    let level = range.is_none().then_some(record.head_loss);
    let highest = lines.iter().flat_map(|(_, line)| *line).copied().chain(level).fold(0.0, f64::max);
    let ends = range.unwrap_or((0.0, if highest > 0.0 { highest } else { 1.0 }));
    let plot = Plot { left: 52.0, top: 10.0, width: 250.0, height: 150.0, x: (1.0, rounds as f64), y: ends };
    let label = |value: f64| if range.is_some() { whole_percent(value) } else { hundredths(value) };
    let down: Vec<(f64, String)> = [0.0, 0.5, 1.0]
        .map(|part| ends.0 + part * (ends.1 - ends.0))
        .map(|value| (value, label(value)))
        .into();
    let mut across = vec![(1.0, "1".to_owned())];
    if rounds > 1 {
        across.push((rounds as f64, rounds.to_string()));
    }
    let points = |line: &[f64]| plot.points((1u32..).map(f64::from).zip(line.iter().copied()));
    // The line of the photos held out is the last, and what was kept is marked on it.
    let held_out = lines.last().map_or(&[][..], |(_, line)| *line);
    let kept = record.kept.and_then(|kept| Some((kept as f64, *held_out.get(kept.checked_sub(1)?)?)));
    html! {
        svg .diagram viewBox="0 0 320 200" role="img" aria-label=(name) {
            (plot.axes(&across, &down))
            text .axis x=(plot.left + plot.width / 2.0) y="194" text-anchor="middle" { "round" }
            @if let Some(level) = level {
                line .ideal x1=(plot.left) x2=(plot.left + plot.width)
                    y1=(place(plot.down(level))) y2=(place(plot.down(level))) {}
            }
            @for (class, line) in lines { polyline class=(class) points=(points(line)) {} }
            @if let Some((round, value)) = kept {
                circle .dot cx=(place(plot.across(round))) cy=(place(plot.down(value))) r="5" {}
            }
        }
    }
}
