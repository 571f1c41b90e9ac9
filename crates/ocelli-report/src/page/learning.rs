//! How an advanced training went, epoch by epoch.

use maud::{Markup, html};

use super::chart::Plot;
use crate::number::{hundredths, percent, whole_percent};
use crate::{EpochFigures, IterationReport};

pub(super) fn section(report: &IterationReport) -> Option<Markup> {
    let epochs = report.learning.as_slice();
    let (first, last) = (epochs.first()?, epochs.last()?);
    let along = (f64::from(first.epoch), f64::from(last.epoch));
    let loss = |of: fn(&EpochFigures) -> Option<f64>| -> Vec<(f64, f64)> {
        epochs.iter().filter_map(|it| Some((f64::from(it.epoch), of(it)?))).collect()
    };
    let training = loss(|it| Some(it.training_loss));
    let held_out = loss(|it| it.held_out_loss);
    let accuracy = loss(|it| it.held_out_accuracy);
    Some(html! {
        p .lead {
            "One step to the right is one pass over the training photos. Where the loss on photos held out rises while \
             the other goes on falling, the model has begun to learn photos by heart."
        }
        div .beside {
            figure {
                (chart("Loss", along, &[("line", &training), ("line before", &held_out)], None))
                figcaption .legend {
                    span .after { "loss in training" }
                    @if !held_out.is_empty() { span .before { "on photos held out" } }
                }
            }
            @if !accuracy.is_empty() {
                figure {
                    (chart("Accuracy on photos held out", along, &[("line", &accuracy)], Some((0.0, 1.0))))
                    figcaption .legend { span .after {
                        "accuracy on photos held out, at last "
                        (accuracy.last().map_or_else(String::new, |(_, value)| percent(*value)))
                    } }
                }
            }
        }
    })
}

fn chart(
    name: &str,
    along: (f64, f64),
    lines: &[(&str, &[(f64, f64)])],
    range: Option<(f64, f64)>,
) -> Markup {
    let highest = lines.iter().flat_map(|(_, line)| *line).map(|(_, y)| *y).fold(0.0, f64::max);
    let top = range.unwrap_or((0.0, if highest > 0.0 { highest } else { 1.0 }));
    let plot = Plot { left: 52.0, top: 10.0, width: 250.0, height: 150.0, x: along, y: top };
    let label = |value: f64| if range.is_some() { whole_percent(value) } else { hundredths(value) };
    let down: Vec<(f64, String)> =
        [0.0, 0.5, 1.0].map(|part| top.0 + part * (top.1 - top.0)).map(|value| (value, label(value))).into();
    let mut across = vec![(along.0, format!("{:.0}", along.0))];
    if along.1 > along.0 {
        across.push((along.1, format!("{:.0}", along.1)));
    }
    html! {
        svg .diagram viewBox="0 0 320 200" role="img" aria-label={ (name) " by epoch" } {
            (plot.axes(&across, &down))
            text .axis x=(plot.left + plot.width / 2.0) y="194" text-anchor="middle" { "epoch" }
            @for (class, line) in lines { polyline class=(class) points=(plot.points(line.iter().copied())) {} }
        }
    }
}
