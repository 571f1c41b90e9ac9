//! How good it is, and what to do next.

use maud::{Markup, html};
use ocelli_core::{ClassificationType, EvaluatedOn, IterationStatus, TrainingType};

use super::bar::bar;
use crate::number::{counted, duration, percent, percent_range, photos};
use crate::{Estimate, IterationReport, Measure};

pub(super) fn header(report: &IterationReport) -> Markup {
    html! {
        header {
            p .over { "Ocelli · report of an iteration" }
            h1 { bdi { (report.project.name) } " " span .soft { bdi { (report.iteration.name) } } }
            @if !report.project.description.as_str().trim().is_empty() {
                p .soft { bdi { (report.project.description) } }
            }
        }
    }
}

/// The figure that says most, how it was measured, and on what.
pub(super) fn answer(report: &IterationReport) -> Markup {
    let headline = &report.headline;
    html! {
        section #answer .answer aria-label="How good it is" {
            div .figure {
                @match &headline.value {
                    Some(estimate) => { (figure(headline.measure, estimate)) }
                    None => { p .big { "–" } p { "Nothing was measured: there were no photos to measure on." } }
                }
                p .soft { (how(report)) }
            }
            dl {
                @if headline.evaluated_on == EvaluatedOn::Folds {
                    div { dt { "Photos" } dd { (crate::number::count(headline.photos)) } }
                } @else {
                    div { dt { "Photos" } dd {
                        (crate::number::count(headline.trained_photos)) " to train, "
                        (crate::number::count(headline.photos)) " to test"
                    } }
                }
                div { dt { "Tags" } dd { (crate::number::count(report.tags.len())) } }
                div { dt { "Base model" } dd { (headline.base_model) } }
                div { dt { "Training" } dd { (training(report)) } }
                @if let Some(average) = report.overall.average_precision
                    && headline.measure != Measure::MeanAveragePrecision {
                    div { dt { "Mean average precision" } dd { (percent(average)) } }
                }
                div { dt { "Precision · recall" } dd {
                    (percent(report.overall.precision)) " · " (percent(report.overall.recall))
                } }
            }
        }
    }
}

fn figure(measure: Measure, estimate: &Estimate) -> Markup {
    html! {
        p .big { (percent(estimate.value)) }
        p { @match measure {
            Measure::Top1 => "of the photos get the right tag first (top-1 accuracy)",
            Measure::MeanAveragePrecision => "mean average precision over the tags",
        } }
        (bar(estimate.value, estimate.interval))
        @if let Some(interval) = estimate.interval {
            p .soft { "95\u{a0}% interval: " (percent_range(interval.low, interval.high)) }
        }
    }
}

fn how(report: &IterationReport) -> String {
    match report.headline.evaluated_on {
        EvaluatedOn::Folds => format!(
            "Measured by {}: each photo was answered by a model that had not seen it.",
            counted(usize::from(report.provenance.folds), "fold", "folds"),
        ),
        _ => "Measured on a test set that took no part in the training.".to_owned(),
    }
}

fn training(report: &IterationReport) -> String {
    let kind = match report.iteration.training_type {
        TrainingType::Regular => "Quick",
        TrainingType::Advanced => "Advanced",
    };
    let tags = match report.headline.classification_type {
        ClassificationType::Multiclass => "one tag a photo",
        ClassificationType::Multilabel => "any number of tags a photo",
    };
    match report.iteration.status {
        IterationStatus::Completed { training_millis, .. } => {
            format!("{kind}, {tags}, in {}", duration(training_millis))
        }
        _ => format!("{kind}, {tags}"),
    }
}

pub(super) fn next_steps(report: &IterationReport) -> Option<Markup> {
    (!report.next_steps.is_empty()).then(|| {
        html! {
            ol .next {
                @for step in &report.next_steps {
                    li { h3 { (step.title(report)) } p { (step.text(report)) } }
                }
            }
            @let erased = report.provenance.erased.saturating_add(report.provenance.test_erased);
            @if erased > 0 {
                p .soft.note {
                    (photos(usize::try_from(erased).unwrap_or(usize::MAX)))
                    " of this iteration have been erased since; no figure counts them."
                }
            }
        }
    })
}
