//! The names of an archive's entries. They are made from ids and fixed words, and read back into them; no name
//! is ever used as a path.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use ocelli_core::{Export, ExportId, ImageId, IterationId, PredictionId, ProjectId};

use crate::photo_format::EXTENSIONS;

/// Names one entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    Manifest,
    Account,
    Audit,
    Holds,
    Receipt(String),
    Project(ProjectId, ProjectEntry),
}

/// Names one entry of a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ProjectEntry {
    Record,
    Annotations,
    Tags,
    PredictionsCsv,
    Predictions,
    Photo(ImageId, &'static str),
    PredictionPhoto(PredictionId, &'static str),
    Iteration(IterationId, IterationEntry),
}

/// Names one entry of an iteration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum IterationEntry {
    Record,
    Performance,
    Manifest,
    ModelFile,
    StoredModel,
    Export(ExportId),
    ExportFile(ExportId, String),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("manifest.json"),
            Self::Account => f.write_str("account.json"),
            Self::Audit => f.write_str("audit.jsonl"),
            Self::Holds => f.write_str("holds.json"),
            Self::Receipt(name) => write!(f, "receipts/{name}.json"),
            Self::Project(project, entry) => write!(f, "projects/{project}/{entry}"),
        }
    }
}

impl fmt::Display for ProjectEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record => f.write_str("project.json"),
            Self::Annotations => f.write_str("annotations.json"),
            Self::Tags => f.write_str("tags.csv"),
            Self::PredictionsCsv => f.write_str("predictions.csv"),
            Self::Predictions => f.write_str("predictions.json"),
            Self::Photo(image, extension) => write!(f, "photos/{image}.{extension}"),
            Self::PredictionPhoto(prediction, extension) => write!(f, "predictions/{prediction}.{extension}"),
            Self::Iteration(iteration, entry) => write!(f, "iterations/{iteration}/{entry}"),
        }
    }
}

impl fmt::Display for IterationEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record => f.write_str("iteration.json"),
            Self::Performance => f.write_str("performance.json"),
            Self::Manifest => f.write_str("manifest.json"),
            Self::ModelFile => f.write_str("model.safetensors"),
            Self::StoredModel => f.write_str("head.bin"),
            Self::Export(export) => write!(f, "exports/{export}.json"),
            Self::ExportFile(export, name) => write!(f, "exports/{export}/{name}"),
        }
    }
}

impl Entry {
    /// The entry of this name; none for a name that no entry is written under.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "manifest.json" => Self::Manifest,
            "account.json" => Self::Account,
            "audit.jsonl" => Self::Audit,
            "holds.json" => Self::Holds,
            _ => match name.split_once('/')? {
                ("receipts", file) => {
                    let receipt = file.strip_suffix(".json")?;
                    is_receipt_name(receipt).then(|| Self::Receipt(receipt.to_owned()))?
                }
                ("projects", rest) => {
                    let (project, rest) = rest.split_once('/')?;
                    Self::Project(id(project)?, ProjectEntry::parse(rest)?)
                }
                _ => return None,
            },
        })
    }
}

impl ProjectEntry {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "project.json" => Self::Record,
            "annotations.json" => Self::Annotations,
            "tags.csv" => Self::Tags,
            "predictions.csv" => Self::PredictionsCsv,
            "predictions.json" => Self::Predictions,
            _ => match name.split_once('/')? {
                ("photos", file) => {
                    let (image, extension) = photo(file)?;
                    Self::Photo(id(image)?, extension)
                }
                ("predictions", file) => {
                    let (prediction, extension) = photo(file)?;
                    Self::PredictionPhoto(id(prediction)?, extension)
                }
                ("iterations", rest) => {
                    let (iteration, rest) = rest.split_once('/')?;
                    Self::Iteration(id(iteration)?, IterationEntry::parse(rest)?)
                }
                _ => return None,
            },
        })
    }
}

impl IterationEntry {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "iteration.json" => Self::Record,
            "performance.json" => Self::Performance,
            "manifest.json" => Self::Manifest,
            "model.safetensors" => Self::ModelFile,
            "head.bin" => Self::StoredModel,
            _ => {
                let rest = name.strip_prefix("exports/")?;
                match rest.split_once('/') {
                    None => Self::Export(id(rest.strip_suffix(".json")?)?),
                    Some((export, file)) => (safe_name(file) == file)
                        .then(|| Some(Self::ExportFile(id(export)?, file.to_owned())))??,
                }
            }
        })
    }
}

/// An id in the one form in which it is written.
fn id<T: FromStr + fmt::Display>(text: &str) -> Option<T> {
    text.parse().ok().filter(|id: &T| id.to_string() == text)
}

fn photo(file: &str) -> Option<(&str, &'static str)> {
    let (stem, extension) = file.split_once('.')?;
    Some((stem, EXTENSIONS.into_iter().find(|known| *known == extension)?))
}

/// Whether a receipt may be written under this name.
pub(crate) fn is_receipt_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// A name of letters, digits, `.`, `-` and `_` that any file system takes, as like the given one as that allows.
fn safe_name(name: &str) -> String {
    const LONGEST: usize = 100;
    // Names of devices on Windows, with any extension.
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let mut text: String = name.chars().map(safe).take(LONGEST).collect();
    let stem = text.split('.').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    if text.is_empty() || text.starts_with('.') || DEVICES.contains(&stem.to_ascii_lowercase().as_str()) {
        text.insert(0, '_');
        text.truncate(LONGEST);
    }
    while text.ends_with('.') {
        text.pop();
    }
    text
}

/// The names of an export's files within its folder, in their order; a file whose name is taken already, in
/// whatever case, gets its number in front.
pub(crate) fn export_file_names(export: &Export) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut names = Vec::new();
    for (number, file) in export.files.iter().enumerate() {
        let wished = safe_name(file.name.as_str());
        let mut name = wished.clone();
        let mut attempt = 0_usize;
        while !taken.insert(name.to_ascii_lowercase()) {
            name = safe_name(&format!("{number}-{attempt}_{wished}"));
            attempt += 1;
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use ocelli_core::{ExportFile, ExportPlatform, Name, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn export(names: &[String]) -> Export {
        let at = Timestamp::from_millis(0);
        let file = |name: &String| ExportFile { name: Name::new(name).unwrap(), size: 1 };
        Export {
            id: ExportId::new(at, [1; 10]),
            iteration_id: IterationId::new(at, [2; 10]),
            platform: ExportPlatform::Onnx,
            flavor: None,
            created: at,
            files: names.iter().map(file).collect(),
        }
    }

    #[test]
    fn names_that_no_entry_is_written_under_are_none() {
        let id = ProjectId::new(Timestamp::from_millis(1), [0xab; 10]);
        for name in [
            "",
            "/",
            "../account.json",
            "receipts/../x.json",
            "receipts/A.json",
            "projects/x/project.json",
            &format!("projects/{id}/../project.json"),
            &format!("projects/{}/project.json", id.to_string().to_uppercase()),
            &format!("projects/{id}/photos/{id}.exe"),
            &format!("projects/{id}/photos/{id}.jpg/x"),
            &format!("projects/{id}/iterations/{id}/exports/{id}/../model.onnx"),
            &format!("projects/{id}/iterations/{id}/exports/{id}/.."),
            &format!("projects/{id}/iterations/{id}/exports/{id}/a\\b"),
        ] {
            assert_eq!(Entry::parse(name), None, "{name}");
        }
        for name in [
            "receipts/000-a_b.json",
            &format!("projects/{id}/photos/{id}.jpg"),
            &format!("projects/{id}/iterations/{id}/exports/{id}/model.onnx"),
        ] {
            assert_eq!(Entry::parse(name).map(|entry| entry.to_string()).as_deref(), Some(name));
        }
    }

    #[test]
    fn files_of_an_export_get_names_that_any_file_system_takes() {
        let names = ["model.onnx", "Model.ONNX", "../a b", "nul", "Com1.txt", "...", "ends.", "\u{e9}"];
        let names: Vec<String> = names.map(str::to_owned).into();
        let expected = ["model.onnx", "1-0_Model.ONNX", "_.._a_b", "_nul", "_Com1.txt", "_", "ends", "7-0__"];
        assert_eq!(export_file_names(&export(&names)), expected);
    }

    proptest! {
        #[test]
        fn a_name_made_safe_is_its_own_entry_name(
            names in proptest::collection::vec("[a-c./ \\\\é]{1,3}|\\PC{1,120}", 1..20),
        ) {
            let names: Vec<String> = names.into_iter().filter(|name| Name::new(name).is_ok()).collect();
            let export = export(&names);
            let made = export_file_names(&export);
            let distinct: HashSet<String> = made.iter().map(|name| name.to_ascii_lowercase()).collect();
            prop_assert_eq!(distinct.len(), names.len());
            for name in made {
                let project = ProjectId::new(Timestamp::from_millis(0), [3; 10]);
                let file = IterationEntry::ExportFile(export.id, name);
                let entry = Entry::Project(project, ProjectEntry::Iteration(export.iteration_id, file));
                prop_assert_eq!(Entry::parse(&entry.to_string()), Some(entry));
            }
        }

        #[test]
        fn no_name_makes_the_parser_panic(name in "\\PC{0,60}") {
            if let Some(entry) = Entry::parse(&name) {
                prop_assert_eq!(entry.to_string(), name);
            }
        }
    }
}
