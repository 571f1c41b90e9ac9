//! A report's page, opened in a real browser: it shows what the report says, on a phone and in the dark, and does nothing
//! else.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod browser;
mod facade;
mod sample;

use browser::{Browser, Window};
use ocelli::ClassificationType;
use ocelli_report::{Estimate, IterationReport, Picture, render};
use serde_json::{Value, json};

const TREES: [&str; 4] = ["hemlock", "japanese cherry", "oak", "yew"];
const HOSTILE: [&str; 7] = [
    "<script>document.title='hurt'</script>",
    "</style><img src=x onerror=document.title='hurt'>",
    "\"quotes\" & 'apostrophes' &amp;",
    "🍎🧑‍🌾",
    "شجرة الشوكران",
    "averyveryverylongnamewithoutanyspaceinitthatgoesonandonandonandonandon",
    "\u{202e}turned",
];
const DESKTOP: Window = Window { width: 1200, dark: false };
/// As narrow as phones are.
const PHONE: Window = Window { width: 360, dark: true };

fn percent(fraction: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * fraction)
}

fn or_dash(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), percent)
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// What every page keeps to, whatever is on it.
fn assert_well_made(seen: &Value, window: Window) {
    assert_eq!(seen["width"], window.width, "the window is as wide as asked for");
    assert_eq!(seen["dark"], window.dark);
    assert!(seen["contentWidth"].as_u64().unwrap() <= u64::from(window.width), "{}", seen["beyond"]);
    for nothing in ["beyond", "faint", "violations", "requests", "repeatedIds", "deadLinks"] {
        assert_eq!(seen[nothing], json!([]), "{nothing}");
    }
    for none in ["handlers", "tablesWithoutCaption", "headingsWithoutScope"] {
        assert_eq!(seen[none], 0, "{none}");
    }
    assert_eq!(seen["scripts"], 2, "the page's own and the probe");
    for picture in seen["pictures"].as_array().unwrap() {
        assert_eq!((&picture["inPage"], &picture["drawn"]), (&json!(true), &json!(true)), "{picture}");
        assert!(!picture["alt"].as_str().unwrap().is_empty());
    }
}

/// Each tag's row, in the report's order.
fn assert_tags(seen: &Value, report: &IterationReport) {
    let value = |estimate: Option<Estimate>| or_dash(estimate.map(|estimate| estimate.value));
    let expected: Vec<Value> = report
        .tags
        .iter()
        .map(|tag| {
            let cells = [
                tag.photos.to_string(),
                value(tag.precision),
                value(tag.recall),
                or_dash(tag.f1),
                or_dash(tag.average_precision),
                format!("{:.2}", tag.threshold.value()),
            ];
            json!({ "id": tag.id, "name": tag.name, "cells": cells })
        })
        .collect();
    assert_eq!(seen["tags"], json!(expected));
}

/// The confusion matrix, and the photos behind each of its wrong cells.
fn assert_confusion(seen: &Value, report: &IterationReport) {
    let tags = || (0u16..).take(report.tags.len()).map(Some);
    let of =
        |index: Option<u16>, none: &str| index.map_or(none.to_owned(), |tag| report.tag_name(tag).to_owned());
    let rows = tags().chain(report.confusion.iter().any(|cell| cell.actual.is_none()).then_some(None));
    let columns = || tags().chain(report.confusion.iter().any(|cell| cell.given.is_none()).then_some(None));
    let count = |actual, given| {
        let cell = report.confusion.iter().find(|cell| (cell.actual, cell.given) == (actual, given));
        cell.map_or(0, |cell| cell.count)
    };
    let expected: Vec<Vec<String>> = rows
        .map(|actual| {
            let counts: Vec<usize> = columns().map(|given| count(actual, given)).collect();
            let shown = |count: &usize| if *count == 0 { "·".to_owned() } else { count.to_string() };
            let mut row = vec![of(actual, "none of them")];
            row.extend(counts.iter().map(shown));
            row.push(counts.iter().sum::<usize>().to_string());
            row
        })
        .collect();
    assert_eq!(seen["matrix"], json!(expected));

    let mistakes = seen["mistakes"].as_array().unwrap();
    let wrong: Vec<_> = report.confusion.iter().filter(|cell| cell.actual != cell.given).collect();
    assert_eq!(mistakes.len(), wrong.len());
    for cell in wrong {
        let part = |tag: Option<u16>| tag.map_or("none".to_owned(), |tag| tag.to_string());
        let id = format!("cell-{}-{}", part(cell.actual), part(cell.given));
        let shown = mistakes.iter().find(|mistake| mistake["id"] == id.as_str()).expect("the cell's photos");
        let photos: Vec<_> = cell.photos.iter().map(|answered| answered.photo).collect();
        assert_eq!(shown["photos"], json!(photos), "{id}");
        let more = cell.count - photos.len();
        assert_eq!(
            shown["more"],
            if more > 0 { json!(format!("and {more} more")) } else { Value::Null },
            "{id}"
        );
    }
}

#[test]
fn the_page_shows_what_the_report_says() {
    let Some(browser) = Browser::find() else { return };
    let report = sample::report(&TREES, ClassificationType::Multiclass);
    // What is shown is what was written down.
    let report: IterationReport = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    let seen = browser.look(&render(&report), DESKTOP);
    assert_well_made(&seen, DESKTOP);
    assert_tags(&seen, &report);
    assert_confusion(&seen, &report);

    let (value, interval) = report.headline.value.map(|it| (it.value, it.interval.unwrap())).unwrap();
    let headline = seen["headline"].as_str().unwrap();
    assert!(headline.starts_with(&percent(value)), "{headline}");
    let range = format!("{:.1} to\u{a0}{:.1}\u{a0}%", 100.0 * interval.low, 100.0 * interval.high);
    assert!(headline.contains(&range) && headline.contains("5\u{a0}folds"), "{headline}");
    assert!(seen["facts"].as_array().unwrap().contains(&json!(["Photos", "120"])), "{}", seen["facts"]);

    let steps: Vec<_> = report.next_steps.iter().map(|it| [it.title(&report), it.text(&report)]).collect();
    assert!(steps.len() > 2, "{steps:?}");
    assert_eq!(seen["nextSteps"], json!(steps));
    assert_eq!(seen["calibration"][0], json!(["Expected calibration error", "0.123", "0.034"]));
    assert_eq!(seen["calibration"][1], json!(["Brier score", "0.456", "0.345"]));
    assert_eq!(seen["curves"].as_array().unwrap().len(), TREES.len());
    assert_eq!(seen["learning"], json!([6, 6, 6]), "three lines of six rounds");
    assert_eq!(seen["settings"]["Seed"], "7");
    assert_eq!(seen["settings"]["Iteration"], json!(report.iteration.id));
    assert_eq!(seen["gone"].as_array().unwrap().len() % 2, 0, "erased and unreadable, as often as shown");

    let compared = report.comparison.as_ref().unwrap();
    let rows = seen["comparison"].as_array().unwrap();
    assert_eq!(rows.len(), TREES.len());
    for (row, tag) in rows.iter().zip(&compared.tags) {
        let row = strings(row);
        let (earlier, later) = (tag.earlier.as_ref().unwrap(), tag.later.as_ref().unwrap());
        assert_eq!([row[0], row[1], row[2]], [tag.name.as_str(), &percent(earlier.f1), &percent(later.f1)]);
        assert_eq!(row[4..6], [or_dash(earlier.average_precision), or_dash(later.average_precision)]);
        assert_eq!(row[7..], [tag.improved.to_string(), tag.worsened.to_string()]);
    }
    let changes = seen["changes"].as_str().unwrap();
    let improved = format!("{}\u{a0}photos right now and wrong before", compared.improved_count);
    assert!(changes.contains(&improved), "{changes}");

    let findings = report.findings.as_ref().unwrap();
    assert_eq!(
        seen["findings"],
        json!([
            format!("Tags that look wrong {}\u{a0}photos", findings.label_issues.len()),
            "The same photo more than once 1\u{a0}group",
            "Nearly the same photo 1\u{a0}group",
            "Dark, overexposed, blurred or tiny 1\u{a0}photo",
            "Cannot be read 1\u{a0}photo",
        ])
    );
    let named: Vec<_> = findings.label_issues.iter().map(|found| json!(found.photo)).collect();
    assert_eq!(seen["suspicious"].as_array().unwrap()[..named.len()], named);
}

#[test]
fn hostile_names_are_text_on_a_dark_phone() {
    let Some(browser) = Browser::find() else { return };
    let report = sample::report(&HOSTILE, ClassificationType::Multilabel);
    let seen = browser.look(&render(&report), PHONE);
    assert_well_made(&seen, PHONE);
    assert_eq!(seen["title"], "Iteration 2 · Trees & <b>shrubs</b>");
    assert_tags(&seen, &report);
    let names: Vec<&str> =
        seen["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!(names, HOSTILE);
    assert_confusion(&seen, &report);
}

#[test]
fn a_report_of_little_is_a_page_too() {
    let Some(browser) = Browser::find() else { return };
    let mut report = sample::report(&TREES[..2], ClassificationType::Multiclass);
    report.findings = None;
    report.comparison = None;
    report.calibration = None;
    report.fine_tuning = None;
    report.headline.value = None;
    report.confusion.clear();
    report.photos.iter_mut().for_each(|photo| photo.picture = Picture::NotShown);
    let seen = browser.look(&render(&report), Window { dark: false, ..PHONE });
    assert_well_made(&seen, Window { dark: false, ..PHONE });
    assert_tags(&seen, &report);
    assert_eq!(seen["pictures"], json!([]));
    let headings = strings(&seen["headings"]);
    assert_eq!(
        headings,
        ["What to do next", "How well each tag does", "Precision and recall", "How to repeat this"]
    );
}
