//! Precision over recall: a small chart a tag.

use maud::{Markup, html};

use super::chart::{Plot, place};
use crate::number::{count, percent};
use crate::{IterationReport, ReportedTag};

/// Charts that are shown, the poorest tags first where there are more tags.
const MAX_CHARTS: usize = 24;

const PLOT: Plot = Plot { left: 6.0, top: 6.0, width: 108.0, height: 78.0, x: (0.0, 1.0), y: (0.0, 1.0) };

pub(super) fn multiples(report: &IterationReport) -> Option<Markup> {
    let mut tags: Vec<&ReportedTag> = report.tags.iter().filter(|tag| !tag.curve.is_empty()).collect();
    if tags.is_empty() {
        return None;
    }
    let area = |tag: &ReportedTag| tag.average_precision.unwrap_or(0.0);
    tags.sort_by(|a, b| area(a).total_cmp(&area(b)));
    let more = tags.len().saturating_sub(MAX_CHARTS);
    tags.truncate(MAX_CHARTS);
    Some(html! {
        p .lead {
            "As its threshold falls, a tag is given to more photos: recall grows to the right, and precision falls. The \
             closer a line keeps to the upper right corner the better; the dot is the threshold in use. The hardest \
             tags come first."
        }
        ul .multiples { @for tag in tags { li { (chart(tag)) } } }
        @if more > 0 { p .soft.more { "and " (count(more)) " tags that do better" } }
    })
}

fn chart(tag: &ReportedTag) -> Markup {
    let area = tag.average_precision.map_or_else(|| "–".to_owned(), percent);
    let label = format!("Precision-recall curve of {}, average precision {area}", tag.name);
    // The curve begins where it begins: at the recall of its first point.
    let first = tag.curve.first().map(|point| (0.0, point.precision));
    let line = first.into_iter().chain(tag.curve.iter().map(|point| (point.recall, point.precision)));
    let used = tag.curve.iter().rfind(|point| point.threshold >= tag.threshold.value());
    html! {
        figure {
            svg .curve viewBox="0 0 120 90" role="img" aria-label=(label) {
                rect .frame x=(PLOT.left) y=(PLOT.top) width=(PLOT.width) height=(PLOT.height) {}
                @for half in [0.25, 0.5, 0.75] {
                    line .grid x1=(PLOT.left) x2=(PLOT.left + PLOT.width)
                        y1=(place(PLOT.down(half))) y2=(place(PLOT.down(half))) {}
                    line .grid y1=(PLOT.top) y2=(PLOT.top + PLOT.height)
                        x1=(place(PLOT.across(half))) x2=(place(PLOT.across(half))) {}
                }
                polyline .line points=(PLOT.points(line)) {}
                @if let Some(point) = used {
                    circle .dot cx=(place(PLOT.across(point.recall))) cy=(place(PLOT.down(point.precision))) r="3" {}
                }
            }
            figcaption { bdi .tag { (tag.name) } " " span .soft { (area) } }
        }
    }
}
