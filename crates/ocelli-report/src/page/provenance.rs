//! What is needed to repeat an iteration, and what the page is.

use maud::{Markup, html};
use ocelli_core::IterationStatus;

use crate::number::{count, duration, percent};
use crate::{IterationReport, Picture};

pub(super) fn settings(report: &IterationReport) -> Option<Markup> {
    let it = &report.provenance;
    let left_out = [
        (it.left_out.several_tags, "with several tags where one is allowed"),
        (it.left_out.negative_set, "of the negative set, which the settings leave out"),
        (it.left_out.unreadable, "that could not be read"),
    ];
    let left_out: Vec<String> = left_out
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, reason)| format!("{} {reason}", count(number)))
        .collect();
    Some(html! {
        p .lead { "The same photos, tags and settings give the same model, bit for bit, on the same machine." }
        dl .settings {
            (entry("Project", &html! { code { (report.project.id) } }))
            (entry("Iteration", &html! { code { (report.iteration.id) } }))
            @if let IterationStatus::Completed { trained_at, .. } = report.iteration.status {
                (entry("Trained", &html! { time datetime=(trained_at) { (trained_at) } }))
            }
            (entry("Domain", &html! { (it.domain) }))
            (entry("Base model", &html! { (report.headline.base_model) " " code { (it.base) } }))
            (entry("Seed", &html! { code { (it.seed) } }))
            (entry("Folds", &html! { (it.folds) }))
            (entry("Regularisation", &html! { "L2, strength " code { (it.strength) } ", chosen by the folds" }))
            (entry("Balance", &html! { code { (it.balance) } }))
            @if let Some(record) = &report.fine_tuning {
                (entry("Adapted", &html! { "what follows " code { (record.cut) } }))
                (entry("Fine-tuning", &html! {
                    "at most " (record.options.rounds.unwrap_or_default()) " rounds, batches of " (record.options.batch)
                    ", learning rate " code { (record.options.learning_rate.unwrap_or_default()) }
                    ", weight decay " code { (record.options.weight_decay) }
                    ", label smoothing " code { (record.options.label_smoothing.unwrap_or_default()) }
                    ", patience " (record.options.patience)
                }))
            }
            @if report.iteration.reserved_budget_millis > 0 {
                (entry("Time budget", &html! { (duration(report.iteration.reserved_budget_millis)) }))
            }
            @if let Some(base) = &report.iteration.custom_base {
                (entry("Started from", &html! { "iteration " code { (base.iteration_id) } }))
            }
            @if let Some(int8) = &it.int8 {
                (entry("In int8", &html! {
                    (percent(int8.cost.lost())) " of the photos lost: " (int8.cost.to_string())
                }))
            }
            @if !left_out.is_empty() { (entry("Left out", &html! { (left_out.join("; ")) })) }
            @if it.erased > 0 { (entry("Erased since", &html! { (it.erased) })) }
            @if it.test_erased > 0 { (entry("Erased of the test", &html! { (it.test_erased) })) }
            (entry("Ocelli", &html! { (it.version) }))
            (entry("Report made", &html! { time datetime=(report.made) { (report.made) } }))
        }
    })
}

fn entry(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

pub(super) fn footer(report: &IterationReport) -> Markup {
    let pictures =
        report.photos.iter().filter(|photo| matches!(photo.picture, Picture::Thumbnail(_))).count();
    html! {
        footer {
            p {
                "This page is one file and fetches nothing."
                @if pictures > 0 {
                    " It holds small copies of " (count(pictures)) " photos: wherever it is kept or sent, the \
                     project's retention and erasure do not reach it."
                }
            }
        }
    }
}
