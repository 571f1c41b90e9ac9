//! The page: one HTML file that asks for nothing.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::IterationReport;

mod bar;
mod calibration;
mod chart;
mod comparison;
mod confusion;
mod curves;
mod findings;
mod headline;
mod learning;
mod photos;
mod provenance;
mod tags;

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// The report as one HTML page.
///
/// Every text of the report is escaped. The page's policy lets the browser use the style and the script that are in
/// it, by their hashes, and pictures that are in it; nothing else runs and nothing is fetched, so a page that was
/// changed on its way shows less, not more.
///
/// ```
/// # fn page(report: &ocelli_report::IterationReport) -> std::io::Result<()> {
/// std::fs::write("iteration.html", ocelli_report::render(report))
/// # }
/// ```
pub fn render(report: &IterationReport) -> String {
    let sections = sections(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "Ocelli " (report.provenance.version) };
                title { (report.iteration.name) " · " (report.project.name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a .skip href="#answer" { "To the figures" }
                (headline::header(report))
                @if sections.len() > 1 {
                    nav aria-label="Sections" {
                        ul { @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                }
                main {
                    (headline::answer(report))
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.content)
                        }
                    }
                }
                (provenance::footer(report))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

impl IterationReport {
    /// The report as one HTML page: [`render`].
    pub fn html(&self) -> String {
        render(self)
    }
}

/// A part of the page, with its heading.
struct Section {
    id: &'static str,
    title: &'static str,
    content: Markup,
}

fn sections(report: &IterationReport) -> Vec<Section> {
    let section = |id, title, content: Option<Markup>| content.map(|content| Section { id, title, content });
    [
        section("next", "What to do next", headline::next_steps(report)),
        section("tags", "How well each tag does", tags::table(report)),
        section("confusion", "What is taken for what", confusion::matrix(report)),
        section("curves", "Precision and recall", curves::multiples(report)),
        section("calibration", "Can the probabilities be trusted?", calibration::section(report)),
        section("comparison", "What changed", comparison::section(report)),
        section("photos", "Photos worth a look", findings::section(report)),
        section("learning", "How the training went", learning::section(report)),
        section("settings", "How to repeat this", provenance::settings(report)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a browser may do with the page.
fn policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT),
    )
}

/// A tag's name. Its direction of writing is its own.
fn tag(report: &IterationReport, tag: u16) -> Markup {
    html! { bdi .tag { (report.tag_name(tag)) } }
}

/// A tag's name, or what stands for none.
fn tag_or(report: &IterationReport, index: Option<u16>, none: &str) -> Markup {
    match index {
        Some(index) => tag(report, index),
        None => html! { em { (none) } },
    }
}
