//! Texts that say where they come from, to be searched for in every byte of a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What every marker begins with; nine digits follow.
const MARK: &[u8] = b"#MARK";
const DIGITS: usize = 9;

pub(crate) fn mark(number: u32) -> String {
    format!("#MARK{number:09}")
}

/// The markers in some bytes.
pub(crate) fn marks_in(bytes: &[u8]) -> BTreeSet<u32> {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == MARK[0]).map(|(start, _)| start);
    let rest = starts.filter_map(|start| bytes[start..].strip_prefix(MARK));
    let number = |rest: &[u8]| std::str::from_utf8(rest.get(..DIGITS)?).ok()?.parse().ok();
    rest.filter_map(number).collect()
}

/// The markers that the files of a directory hold, and the files. The reserve is passed over: nothing is ever written
/// to it.
pub(crate) fn held(folder: &Path) -> BTreeMap<u32, PathBuf> {
    let mut found = BTreeMap::new();
    for path in files(folder).into_iter().filter(|path| !path.ends_with("reserve")) {
        found.extend(marks_in(&fs::read(&path).unwrap()).into_iter().map(|number| (number, path.clone())));
    }
    found
}

/// The files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
