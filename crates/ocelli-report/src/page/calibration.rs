//! How far probabilities can be trusted: the reliability diagram.

use maud::{Markup, html};
use ocelli_core::{CalibrationFigures, ReliabilityBin};

use super::chart::{Plot, place};
use crate::number::{count, percent, thousandths, whole_percent};
use crate::{Calibrated, IterationReport};

const PLOT: Plot = Plot { left: 52.0, top: 10.0, width: 250.0, height: 250.0, x: (0.0, 1.0), y: (0.0, 1.0) };
/// Below this expected calibration error probabilities can be taken at their word.
const GOOD: f64 = 0.05;

pub(super) fn section(report: &IterationReport) -> Option<Markup> {
    let Calibrated { after, bins, before, bins_before } = report.calibration.as_ref()?;
    let error = after.expected_calibration_error;
    Some(html! {
        p .lead {
            @if error < GOOD { "Yes: on average a probability is " (percent(error)) " away from how often it is right." }
            @else { "With care: on average a probability is " (percent(error)) " away from how often it is right." }
            " In the diagram, answers that are as sure as they are right lie on the diagonal; below it the model is too \
             sure, above it not sure enough."
        }
        div .beside {
            figure {
                (diagram(bins, bins_before, error))
                @if !bins_before.is_empty() {
                    figcaption .legend { span .after { "calibrated" } span .before { "before calibration" } }
                }
            }
            div {
                table .errors {
                    caption { "How far off probabilities are" }
                    thead { tr {
                        td {}
                        @if before.is_some() { th scope="col" .number { "before" } }
                        th scope="col" .number { @if before.is_some() { "after" } @else { "now" } }
                    } }
                    tbody {
                        (line("Expected calibration error", *before, *after, |it| it.expected_calibration_error))
                        (line("Brier score", *before, *after, |it| it.brier_score))
                    }
                }
                p .soft { "Both are better the closer they are to 0." }
                details {
                    summary { "The numbers behind the diagram" }
                    (table(bins))
                }
            }
        }
    })
}

fn line(
    name: &str,
    before: Option<CalibrationFigures>,
    after: CalibrationFigures,
    figure: fn(&CalibrationFigures) -> f64,
) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            @if let Some(before) = before { td .number { (thousandths(figure(&before))) } }
            td .number { (thousandths(figure(&after))) }
        }
    }
}

fn filled(bins: &[ReliabilityBin]) -> impl Iterator<Item = &ReliabilityBin> {
    bins.iter().filter(|bin| bin.answers > 0)
}

fn points(bins: &[ReliabilityBin]) -> String {
    PLOT.points(filled(bins).map(|bin| (bin.mean_probability, bin.fraction_right)))
}

fn diagram(bins: &[ReliabilityBin], before: &[ReliabilityBin], error: f64) -> Markup {
    let ends: Vec<(f64, String)> = [0.0, 0.25, 0.5, 0.75, 1.0].map(|at| (at, whole_percent(at))).into();
    let label = format!(
        "Reliability diagram: how often answers are right, over how sure they are. Expected calibration error {}.",
        percent(error),
    );
    let most = filled(bins).map(|bin| bin.answers).max().unwrap_or(1) as f64;
    let middle = PLOT.top + PLOT.height / 2.0;
    html! {
        svg .diagram viewBox="0 0 320 306" role="img" aria-label=(label) {
            (PLOT.axes(&ends, &ends))
            text .axis x=(PLOT.left + PLOT.width / 2.0) y="300" text-anchor="middle" { "how sure" }
            text .axis transform={ "rotate(-90 10 " (middle) ")" } x="10" y=(middle) text-anchor="middle" {
                "how often right"
            }
            line .ideal x1=(PLOT.left) y1=(PLOT.top + PLOT.height) x2=(PLOT.left + PLOT.width) y2=(PLOT.top) {}
            @if !before.is_empty() { polyline .line.before points=(points(before)) {} }
            polyline .line points=(points(bins)) {}
            @for bin in filled(bins) {
                circle .dot cx=(place(PLOT.across(bin.mean_probability))) cy=(place(PLOT.down(bin.fraction_right)))
                    r=(place(2.5 + 4.5 * (bin.answers as f64 / most).sqrt())) {}
            }
        }
    }
}

fn table(bins: &[ReliabilityBin]) -> Markup {
    html! {
        table {
            caption { "Answers by how sure they are" }
            thead { tr {
                th scope="col" { "Between" }
                th scope="col" .number { "Answers" }
                th scope="col" .number { "Mean" }
                th scope="col" .number { "Right" }
            } }
            tbody { @for bin in filled(bins) {
                tr {
                    th scope="row" { (whole_percent(bin.low)) " and " (whole_percent(bin.high)) }
                    td .number { (count(bin.answers)) }
                    td .number { (percent(bin.mean_probability)) }
                    td .number { (percent(bin.fraction_right)) }
                }
            } }
        }
    }
}
