//! What changed since an earlier iteration.

use maud::{Markup, html};
use ocelli_core::{ComparedFigures, ImageId, TagPerformance};

use super::photos::{photo, row};
use crate::number::{count, percent, photos, points, thousandths};
use crate::{Compared, ComparedTag, IterationReport, Measure};

/// Below this p-value a difference is called more than chance.
const SIGNIFICANT: f64 = 0.05;

pub(super) fn section(report: &IterationReport) -> Option<Markup> {
    let compared = report.comparison.as_ref()?;
    let shared = &compared.shared;
    let measure = |figures: &ComparedFigures| match report.headline.measure {
        Measure::Top1 => figures.top1,
        Measure::MeanAveragePrecision => figures.mean_average_precision,
    };
    Some(html! {
        p .lead {
            "Compared with " bdi { (compared.earlier_name) } " on the " (photos(shared.photos)) " that both answered: "
            @if let (Some(before), Some(now)) = (measure(&shared.earlier), measure(&shared.later)) {
                (percent(before)) " then, " (percent(now)) " now (" (change(now - before)) " points). "
            }
            (photos(compared.improved_count)) " right now and wrong before, "
            (count(compared.worsened_count)) " the other way round. "
            @if compared.improved_count + compared.worsened_count > 0 { (chance(compared.p_value)) }
        }
        @if shared.only_earlier + shared.only_later > 0 {
            p .soft {
                "Not compared: " (photos(shared.only_earlier)) " that only the earlier one answered, and "
                (count(shared.only_later)) " that only this one did."
            }
        }
        (table(compared))
        (changed(report, "Right now, wrong before", &compared.improved, compared.improved_count))
        (changed(report, "Wrong now, right before", &compared.worsened, compared.worsened_count))
    })
}

/// What McNemar's test says, in words.
fn chance(p_value: f64) -> String {
    let p = if p_value < 0.001 { "p < 0.001".to_owned() } else { format!("p = {}", thousandths(p_value)) };
    if p_value < SIGNIFICANT {
        format!("Chance alone would hardly make such a difference ({p}).")
    } else {
        format!("Chance alone could make such a difference ({p}).")
    }
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

fn table(compared: &Compared) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label="Changes by tag" {
            table .compared {
                caption { "Change by tag on the photos that both answered; changes in percentage points" }
                thead { tr {
                    th scope="col" { "Tag" }
                    @for heading in ["F1 then", "F1 now", "change", "AP then", "AP now", "change", "better", "worse"] {
                        th scope="col" .number { (heading) }
                    }
                } }
                tbody { @for tag in &compared.tags { (changes(tag)) } }
            }
        }
    }
}

fn changes(tag: &ComparedTag) -> Markup {
    let f1 = |figures: &Option<TagPerformance>| figures.as_ref().map(|it| it.f1);
    let area = |figures: &Option<TagPerformance>| figures.as_ref().and_then(|it| it.average_precision);
    html! {
        tr {
            th scope="row" { bdi .tag { (tag.name) } }
            @for (before, now) in [(f1(&tag.earlier), f1(&tag.later)), (area(&tag.earlier), area(&tag.later))] {
                @for figure in [before, now] {
                    td .number { @match figure { Some(figure) => { (percent(figure)) } None => { "–" } } }
                }
                td .number {
                    @match (before, now) {
                        (Some(before), Some(now)) => { (change(now - before)) }
                        (None, Some(_)) => { span .soft { "new" } }
                        (Some(_), None) => { span .soft { "gone" } }
                        (None, None) => { "–" }
                    }
                }
            }
            td .number { (count(tag.improved)) }
            td .number { (count(tag.worsened)) }
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
