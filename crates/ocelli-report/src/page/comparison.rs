//! What changed since an earlier iteration.

use maud::{Markup, html};
use ocelli_core::ImageId;

use super::photos::{photo, row};
use crate::number::{count, percent, photos, points};
use crate::{Compared, ComparedTag, IterationReport, ReportedTag};

pub(super) fn section(report: &IterationReport) -> Option<Markup> {
    let compared = report.comparison.as_ref()?;
    let name = html! { bdi { (compared.earlier_name) } };
    let now = report.headline.value.map(|value| value.value);
    Some(html! {
        p .lead {
            "Compared with " (name) ": "
            @if let (Some(now), Some(before)) = (now, compared.earlier_value) {
                (percent(before)) " then, " (percent(now)) " now (" (change(now - before)) " points). "
            }
            (photos(compared.improved_count)) " right now and wrong before, "
            (count(compared.worsened_count)) " the other way round."
        }
        (table(report, compared))
        (changed(report, "Right now, wrong before", &compared.improved, compared.improved_count))
        (changed(report, "Wrong now, right before", &compared.worsened, compared.worsened_count))
    })
}

/// A difference in percentage points, with a sign that does not rest on its colour.
fn change(difference: f64) -> Markup {
    let text = points(difference);
    let class = match text.chars().next() {
        Some('+') => "better",
        Some('\u{2212}') => "worse",
        _ => "same",
    };
    html! { span class={ "change " (class) } { (text) } }
}

fn table(report: &IterationReport, compared: &Compared) -> Markup {
    let rows = || report.tags.iter().zip(&compared.tags);
    html! {
        div .scroll tabindex="0" role="region" aria-label="Changes by tag" {
            table .compared {
                caption { "Change by tag, in percentage points" }
                thead { tr {
                    th scope="col" { "Tag" }
                    @for heading in ["F1 then", "F1 now", "change", "AP then", "AP now", "change"] {
                        th scope="col" .number { (heading) }
                    }
                } }
                tbody { @for (tag, earlier) in rows() { (changes(tag, earlier)) } }
            }
        }
    }
}

fn changes(tag: &ReportedTag, earlier: &ComparedTag) -> Markup {
    html! {
        tr {
            th scope="row" { bdi .tag { (tag.name) } }
            @for (before, now) in [(earlier.earlier_f1, tag.f1), (earlier.earlier_average_precision, tag.average_precision)] {
                @for figure in [before, now] {
                    td .number { @match figure { Some(figure) => { (percent(figure)) } None => { "–" } } }
                }
                td .number {
                    @match (before, now) {
                        (Some(before), Some(now)) => { (change(now - before)) }
                        (None, Some(_)) => { span .soft { "new" } }
                        _ => { "–" }
                    }
                }
            }
        }
    }
}

fn changed(report: &IterationReport, title: &str, shown: &[ImageId], all: usize) -> Markup {
    html! {
        @if all > 0 {
            h3 { (title) " " span .soft { (photos(all)) } }
            (row(shown.iter().map(|id| answered(report, *id)), all.saturating_sub(shown.len())))
        }
    }
}

fn answered(report: &IterationReport, id: ImageId) -> Markup {
    let Some(known) = report.photo(id) else {
        return photo(report, id, "Photo whose answer changed", &html! {});
    };
    let note = html! {
        span .sure { "now " @if known.given.is_empty() { em { "none" } } (tags(report, &known.given)) }
        @if known.given != known.tags { span { "has " (tags(report, &known.tags)) } }
    };
    photo(report, id, "Photo whose answer changed", &note)
}

fn tags(report: &IterationReport, tags: &[u16]) -> Markup {
    html! { @for (place, index) in tags.iter().enumerate() { @if place > 0 { ", " } (super::tag(report, *index)) } }
}
