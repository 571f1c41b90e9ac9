//! Damaged, lying and malicious files: each gets an answer that names its cause, within 512 MiB of address space,
//! and no decoder panics. The files are read by child processes under `ulimit`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocelli_imaging::{DecodeLimits, ImagingError, decode, inspect, strip_metadata};

use crate::liars;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/hostile");
const CHILD: &str = "OCELLI_TEST_FOLDER";
/// KiB of address space and seconds of processor time of one child.
const MEMORY_KIB: u32 = 512 * 1024;
const SECONDS: u32 = 120;

/// The child's part: one line for each file in the folder that the parent names, "photo", name, answer.
#[test]
fn read_folder_in_child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let limits = DecodeLimits::default();
    for path in files_under(Path::new(&folder)) {
        let bytes = std::fs::read(&path).unwrap();
        let decoded = decode(&bytes, &limits);
        let inspected = inspect(&bytes, &limits);
        let stripped = strip_metadata(&bytes);
        let answer = match (&decoded, &inspected, &stripped) {
            (Ok(photo), Ok(header), Ok(stripped)) => {
                let alike = decode(stripped, &limits).as_ref() == Ok(photo)
                    && (header.width, header.height) == (photo.width(), photo.height())
                    && strip_metadata(stripped).as_ref() == Ok(stripped);
                (if alike { "whole" } else { "BROKEN LAW" }).to_owned()
            }
            (Ok(_), _, _) => "BROKEN LAW".to_owned(),
            (Err(error), _, _) => format!("{}: {error}", kind(error)),
        };
        println!("\nphoto\t{}\t{answer}", path.display());
    }
}

/// The variant's name.
fn kind(error: &ImagingError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let list = if path.is_dir() { &mut folders } else { &mut files };
            list.push(path);
        }
    }
    files.sort();
    files
}

/// Reads a folder in a child and gives each file's answer.
fn answers(folder: &Path) -> BTreeMap<String, String> {
    let child = Command::new("sh")
        .args(["-c", &format!("ulimit -v {MEMORY_KIB} && ulimit -t {SECONDS} && exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::read_folder_in_child", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    let answers: BTreeMap<String, String> = out
        .lines()
        .filter_map(|line| line.strip_prefix("photo\t")?.split_once('\t'))
        .map(|(name, answer)| (name.to_owned(), answer.to_owned()))
        .collect();
    assert!(child.status.success(), "{} after {:?}: {err}", child.status, answers.last_key_value());
    assert!(!err.contains("panicked"), "{err}");
    assert!(!out.contains("panicked"), "{out}");
    for (name, answer) in &answers {
        assert!(!answer.starts_with("DecoderPanicked") && answer != "BROKEN LAW", "{name}: {answer}");
        assert!(answer == "whole" || answer.split_once(": ").is_some_and(|(_, cause)| !cause.is_empty()));
    }
    assert_eq!(answers.len(), files_under(folder).len(), "every file in {} has an answer", folder.display());
    answers
}

#[test]
fn the_collected_files_are_all_answered() {
    if !Path::new(SHARED).is_dir() {
        eprintln!("skipped: {SHARED} is not here");
        return;
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(SHARED).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            seen += answers(&folder).len();
        }
    }
    assert!(seen >= 1158, "{seen} files");
}

#[test]
fn made_files_are_all_answered() {
    let folder = tempfile::tempdir().unwrap();
    let made = liars::files();
    for (name, bytes) in &made {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let answers = answers(folder.path());
    assert_eq!(answers.len(), made.len());
    // Those whose fate is known, by the end of their names.
    for (name, expected) in liars::FATES {
        let path = folder.path().join(name);
        let answer = &answers[&path.display().to_string()];
        assert!(answer.starts_with(expected), "{name}: {answer}, expected {expected}");
    }
}
