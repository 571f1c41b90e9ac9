//! How well each tag does: a table, which narrow screens show as cards.

use maud::{Markup, html};
use ocelli_core::{EvaluatedOn, TagType};

use super::bar::bar;
use crate::number::{count, hundredths, percent, percent_range};
use crate::{Estimate, IterationReport, ReportedTag};

pub(super) fn table(report: &IterationReport) -> Option<Markup> {
    let tested = report.headline.evaluated_on == EvaluatedOn::TestSet;
    (!report.tags.is_empty()).then(|| {
        html! {
            p .lead {
                "Of the photos that were given a tag, " strong { "precision" } " is the part that has it. Of the photos \
                 that have it, " strong { "recall" } " is the part that was given it. " strong { "F1" }
                " is high where both are, and " strong { "AP" } " (average precision) needs no threshold. Whiskers are \
                 95\u{a0}% intervals: the fewer photos, the wider."
            }
            table .tags role="table" data-sortable="" {
                caption {
                    "Performance by tag, in the order of training"
                    @if tested { "; photos to train on, then photos of the test" }
                }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { "Tag" }
                    @if tested { th scope="col" role="columnheader" .number { "Trained on" } }
                    @for heading in ["Photos", "Precision", "Recall", "F1", "AP", "Threshold"] {
                        th scope="col" role="columnheader" .number { (heading) }
                    }
                } }
                tbody role="rowgroup" { @for tag in &report.tags { (row(tag, tested)) } }
            }
        }
    })
}

fn row(tag: &ReportedTag, tested: bool) -> Markup {
    html! {
        tr role="row" data-tag=(tag.id) {
            th scope="row" role="rowheader" {
                bdi .tag { (tag.name) }
                @if tag.tag_type == TagType::Negative { " " span .soft { "(negative)" } }
            }
            @if tested { td .number role="cell" data-label="Trained on" { (count(tag.trained_photos)) } }
            td .number role="cell" data-label="Photos" { (count(tag.photos)) }
            td .number.measured role="cell" data-label="Precision" { (estimate(tag.precision)) }
            td .number.measured role="cell" data-label="Recall" { (estimate(tag.recall)) }
            td .number.measured role="cell" data-label="F1" { (figure(tag.f1)) }
            td .number.measured role="cell" data-label="AP" { (figure(tag.average_precision)) }
            td .number role="cell" data-label="Threshold" { (hundredths(f64::from(tag.threshold.value()))) }
        }
    }
}

fn estimate(estimate: Option<Estimate>) -> Markup {
    let Some(estimate) = estimate else { return figure(None) };
    let title = estimate.interval.map(|interval| percent_range(interval.low, interval.high));
    html! {
        span title=[title.map(|range| format!("95 % interval: {range}"))] { (percent(estimate.value)) }
        (bar(estimate.value, estimate.interval))
    }
}

fn figure(value: Option<f64>) -> Markup {
    match value {
        Some(value) => html! { span { (percent(value)) } (bar(value, None)) },
        None => html! { span .soft title="There is no photo to tell from" { "–" } },
    }
}
