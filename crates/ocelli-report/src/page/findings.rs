//! Photos that deserve a look.

use maud::{Markup, html};
use ocelli_core::{ImageId, LabelIssue, LabelProblem};

use super::photos::{photo, row};
use super::tag;
use crate::number::{counted, photos, whole_percent};
use crate::{Flaw, IterationReport, MAX_LISTED_GROUPS, MAX_LISTED_PHOTOS, PhotoFindings};

pub(super) fn section(report: &IterationReport) -> Option<Markup> {
    let findings = report.findings.as_ref()?;
    let PhotoFindings { label_issues, duplicates, near_duplicates, unreadable, poor } = findings;
    if findings.is_empty() {
        return Some(html! {
            p { "None: no tag looks wrong, no photo repeats another, and all can be read and show something." }
        });
    }
    Some(html! {
        @if !label_issues.is_empty() {
            h3 { "Tags that look wrong " span .soft { (photos(label_issues.len())) } }
            p .soft { "Models that had not seen these photos were sure of something else. Some of them will be right." }
            (listed(label_issues, |found| suspicious(report, found)))
        }
        (groups(report, "The same photo more than once", duplicates))
        (groups(report, "Nearly the same photo", near_duplicates))
        @if !poor.is_empty() {
            h3 { "Dark, overexposed, blurred or tiny " span .soft { (photos(poor.len())) } }
            (listed(poor, |found| {
                let flaws: Vec<String> = found.flaws.iter().map(Flaw::to_string).collect();
                let flaws = flaws.join(", ");
                photo(report, found.photo, &format!("Photo that is {flaws}"), &html! { span .sure { (flaws) } })
            }))
        }
        @if !unreadable.is_empty() {
            h3 { "Cannot be read " span .soft { (photos(unreadable.len())) } }
            (listed(unreadable, |id| photo(report, *id, "Photo that cannot be read", &html! {})))
        }
    })
}

fn listed<T>(found: &[T], show: impl Fn(&T) -> Markup) -> Markup {
    let more = found.len().saturating_sub(MAX_LISTED_PHOTOS);
    row(found.iter().take(MAX_LISTED_PHOTOS).map(show), more)
}

fn suspicious(report: &IterationReport, found: &LabelIssue) -> Markup {
    let name = report.tag_name(found.problem.tag());
    let (alt, problem) = match found.problem {
        LabelProblem::OtherTag { .. } => (format!("Photo that looks like {name}"), "looks like "),
        LabelProblem::MissingTag { .. } => {
            (format!("Photo that looks as if {name} were missing"), "seems to lack ")
        }
        LabelProblem::SuperfluousTag { .. } => {
            (format!("Photo that does not look like {name}"), "seems not to be ")
        }
        _ => (format!("Photo with doubtful tags, {name}"), "doubtful: "),
    };
    let note = html! {
        span .sure { (problem) (tag(report, found.problem.tag())) }
        span {
            "has " @if found.given.is_empty() { em { "no tag" } }
            @for (place, index) in found.given.iter().enumerate() { @if place > 0 { ", " } (tag(report, *index)) }
        }
        span .soft title="How much more probable that is than what it is tagged with" {
            "surer by " (whole_percent(-found.margin))
        }
    };
    photo(report, found.photo, &alt, &note)
}

fn groups(report: &IterationReport, title: &str, groups: &[Vec<ImageId>]) -> Markup {
    html! {
        @if !groups.is_empty() {
            h3 { (title) " " span .soft { (counted(groups.len(), "group", "groups")) } }
            ul .groups { @for group in groups.iter().take(MAX_LISTED_GROUPS) { li {
                (listed(group, |id| photo(report, *id, "Photo that repeats the others of its group", &tags_of(report, *id))))
            } } }
            @if groups.len() > MAX_LISTED_GROUPS {
                p .soft.more { "and " (counted(groups.len() - MAX_LISTED_GROUPS, "group", "groups")) " more" }
            }
        }
    }
}

/// Repeated photos whose tags differ are a mistake; so the tags are shown.
fn tags_of(report: &IterationReport, id: ImageId) -> Markup {
    html! { @if let Some(photo) = report.photo(id) { @for index in &photo.tags { (tag(report, *index)) } } }
}
