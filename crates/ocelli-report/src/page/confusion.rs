//! Which tags are taken for which: the matrix, and the photos behind its cells.

use maud::{Markup, html};

use super::photos::{photo, row};
use super::{tag, tag_or};
use crate::number::{count, photos, whole_percent};
use crate::{AnsweredPhoto, IterationReport, ReportedCell};

/// With more tags than this the matrix would not be readable; the commonest mistakes are listed instead.
const MAX_MATRIX: usize = 24;
/// Cells whose photos are shown.
const MAX_CELLS: usize = 24;

pub(super) fn matrix(report: &IterationReport) -> Option<Markup> {
    if report.confusion.is_empty() {
        return None;
    }
    let mut wrong: Vec<&ReportedCell> = report.confusion.iter().filter(|cell| !cell.is_right()).collect();
    // What is taken for something else says more than what falls short of its threshold.
    let vague = |cell: &ReportedCell| cell.actual.is_none() || cell.given.is_none();
    wrong.sort_by_key(|cell| (vague(cell), std::cmp::Reverse(cell.count)));
    let mistakes: usize = wrong.iter().map(|cell| cell.count).sum();
    Some(html! {
        @if report.tags.len() <= MAX_MATRIX {
            p .lead {
                "Rows are the tags that photos have, columns the tags that they were given. What is right lies on the \
                 diagonal; the darker a cell, the larger its part of the row."
            }
            (grid(report))
        } @else {
            p .lead { "With " (count(report.tags.len())) " tags a matrix would be hard to read: these are the \
                       commonest mistakes." }
        }
        @if wrong.is_empty() {
            p { "No photo was taken for something else." }
        } @else {
            h3 { "The photos behind the mistakes" }
            p .soft {
                (count(mistakes)) @if mistakes == 1 { " mistake" } @else { " mistakes" }
                @if wrong.len() > MAX_CELLS { ", the commonest " (MAX_CELLS) " kinds shown" }
                ". Each percentage is how sure the model was; what reaches the threshold of no tag is given none."
            }
            div .mistakes { @for cell in wrong.iter().take(MAX_CELLS) { (mistake(report, cell)) } }
        }
    })
}

fn grid(report: &IterationReport) -> Markup {
    let tags = || (0u16..).take(report.tags.len()).map(Some);
    let has_row = |tag| report.confusion.iter().any(|cell| cell.actual == tag);
    let has_column = |tag| report.confusion.iter().any(|cell| cell.given == tag);
    let rows: Vec<Option<u16>> = tags().chain(has_row(None).then_some(None)).collect();
    let columns: Vec<Option<u16>> = tags().chain(has_column(None).then_some(None)).collect();
    html! {
        div .scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table .matrix {
                caption { "Photos by the tag that they have and the tag that they were given" }
                thead {
                    tr {
                        th scope="col" .corner { span .soft { "has ↓ given →" } }
                        @for column in &columns { th scope="col" { span { (tag_or(report, *column, "none")) } } }
                        th scope="col" .sum { span { "photos" } }
                    }
                }
                tbody {
                    @for actual in &rows {
                        @let cells: Vec<_> = report.confusion.iter().filter(|cell| cell.actual == *actual).collect();
                        @let sum: usize = cells.iter().map(|cell| cell.count).sum();
                        tr {
                            th scope="row" { (tag_or(report, *actual, "none of them")) }
                            @for given in &columns {
                                (number(cells.iter().find(|cell| cell.given == *given).copied(), sum))
                            }
                            td .sum { (count(sum)) }
                        }
                    }
                }
            }
        }
    }
}

fn number(cell: Option<&ReportedCell>, sum: usize) -> Markup {
    let Some(cell) = cell else { return html! { td .empty { span aria-hidden="true" { "·" } } } };
    let share = if sum == 0 { 0.0 } else { cell.count as f64 / sum as f64 };
    let class = format!("{} s{}", if cell.is_right() { "right" } else { "wrong" }, level(share));
    html! {
        td class=(class) title={ (whole_percent(share)) " of the row" } {
            @if cell.is_right() { (count(cell.count)) }
            @else { a href={ "#" (address(cell)) } { (count(cell.count)) } }
        }
    }
}

/// How dark a cell is, 1 to 5.
fn level(share: f64) -> usize {
    [0.02, 0.05, 0.15, 0.5].into_iter().filter(|limit| share >= *limit).count() + 1
}

fn address(cell: &ReportedCell) -> String {
    let part = |tag: Option<u16>| tag.map_or_else(|| "none".to_owned(), |tag| tag.to_string());
    format!("cell-{}-{}", part(cell.actual), part(cell.given))
}

fn mistake(report: &IterationReport, cell: &ReportedCell) -> Markup {
    let shown = cell.photos.iter().map(|answered| answered_photo(report, cell, answered));
    html! {
        section .mistake id=(address(cell)) {
            h4 {
                @match (cell.actual, cell.given) {
                    (Some(actual), Some(given)) => {
                        (tag(report, actual)) span .arrow { " taken for " } (tag(report, given))
                    }
                    (Some(actual), None) => { (tag(report, actual)) span .arrow { " not found" } }
                    (None, Some(given)) => { (tag(report, given)) span .arrow { " given beside the right tags" } }
                    (None, None) => {}
                }
                " " span .soft { (photos(cell.count)) }
            }
            (row(shown, cell.count.saturating_sub(cell.photos.len())))
        }
    }
}

fn answered_photo(report: &IterationReport, cell: &ReportedCell, answered: &AnsweredPhoto) -> Markup {
    let name = |tag: Option<u16>| tag.map_or("none", |tag| report.tag_name(tag));
    let alt = format!("Photo that has the tag {} and was given {}", name(cell.actual), name(cell.given));
    let note = html! {
        span .sure {
            @if cell.given.is_none() { "only " }
            (whole_percent(f64::from(answered.probability)))
        }
    };
    photo(report, answered.photo, &alt, &note)
}
