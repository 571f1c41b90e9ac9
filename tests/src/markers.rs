//! Markers: bytes that nothing else has, searched for in every byte of every file below a folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::SeededRandom;

/// A remainder of so many bytes of a marker is found, wherever in the marker it comes from.
const FRAGMENT: usize = 16;

/// Markers by what they mark.
#[derive(Debug)]
pub struct Markers {
    random: SeededRandom,
    planted: BTreeSet<String>,
    search: Search,
}

impl Markers {
    /// None yet; the seed decides what they will be.
    pub fn new(seed: u64) -> Self {
        Self { random: SeededRandom::new(seed), planted: BTreeSet::new(), search: Search::new() }
    }

    /// A text of 40 random letters.
    pub fn text(&mut self, what: impl Into<String>) -> String {
        let bytes = self.random(40);
        let text: String = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        self.add(what, text.clone().into_bytes());
        text
    }

    /// Random bytes.
    pub fn bytes(&mut self, what: impl Into<String>, count: usize) -> Vec<u8> {
        let bytes = self.random(count);
        self.add(what, bytes.clone());
        bytes
    }

    /// Random numbers from 0 to 1, told apart by their bits; searched for as little-endian 32-bit floats.
    pub fn floats(&mut self, what: impl Into<String>, count: usize) -> Vec<f32> {
        let bits = self.random(4 * count);
        let fraction = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)) >> 8;
        let values: Vec<f32> =
            bits.chunks_exact(4).map(|bytes| fraction(bytes) as f32 / 16_777_216.0).collect();
        self.add(what, values.iter().flat_map(|value| value.to_le_bytes()).collect());
        values
    }

    /// Bytes that the caller knows nothing else to have, not in any part of 16.
    pub fn add(&mut self, what: impl Into<String>, bytes: Vec<u8>) {
        let what = what.into();
        assert!(bytes.len() >= FRAGMENT, "{what} is too short to be told from chance");
        self.search.add(&what, &bytes);
        assert!(self.planted.insert(what.clone()), "{what} is marked twice");
    }

    /// Random bytes that are no marker.
    pub fn random(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        ocelli::Random::fill(&self.random, &mut bytes).unwrap();
        bytes
    }

    /// A number below a limit.
    pub fn below(&self, limit: usize) -> usize {
        let bytes = self.random(8);
        let number = bytes.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        usize::try_from(number % limit as u64).unwrap()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.planted.len()
    }

    /// What is found below a folder, in full or in part, and in which files.
    pub fn found(&self, folder: &Path) -> BTreeMap<String, BTreeSet<PathBuf>> {
        let mut found = BTreeMap::new();
        for file in files(folder) {
            // A file that has gone since the listing holds nothing.
            let Ok(bytes) = std::fs::read(&file) else { continue };
            for what in self.search.within(&bytes) {
                found.entry(what.to_owned()).or_insert_with(BTreeSet::new).insert(file.clone());
            }
        }
        found
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// All parts of all markers, behind a filter on their first three bytes.
struct Search {
    fragments: HashMap<[u8; FRAGMENT], Rc<str>>,
    /// A bit for each beginning.
    begins: Vec<u64>,
}

impl Search {
    fn new() -> Self {
        Self { fragments: HashMap::new(), begins: vec![0; 1 << 18] }
    }

    fn add(&mut self, what: &str, marker: &[u8]) {
        let what: Rc<str> = what.into();
        for fragment in marker.array_windows() {
            let beginning = beginning(fragment);
            self.begins[beginning / 64] |= 1 << (beginning % 64);
            self.fragments.insert(*fragment, what.clone());
        }
    }

    fn within(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let begins = |window: &&[u8; FRAGMENT]| {
            let beginning = beginning(window);
            self.begins[beginning / 64] >> (beginning % 64) & 1 == 1
        };
        let candidates = bytes.array_windows().filter(begins);
        candidates.filter_map(|window| self.fragments.get(window)).map(AsRef::as_ref).collect()
    }
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a search for {} fragments", self.fragments.len())
    }
}

fn beginning(bytes: &[u8; FRAGMENT]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planted_is_found_in_full_and_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let mut markers = Markers::new(1);
        let (name, photo) = (markers.text("name"), markers.bytes("photo", 1000));
        let floats = markers.floats("features", 64);
        assert!(markers.found(folder.path()).is_empty());
        std::fs::create_dir(folder.path().join("below")).unwrap();
        let (whole, part) = (folder.path().join("whole"), folder.path().join("below/part"));
        std::fs::write(&whole, format!("before {name} behind")).unwrap();
        std::fs::write(&part, &photo[501..501 + FRAGMENT]).unwrap();
        let found = markers.found(folder.path());
        let expected = [("name", whole), ("photo", part.clone())];
        let expected = expected.map(|(what, file)| (what.to_owned(), BTreeSet::from([file])));
        assert_eq!(found, BTreeMap::from(expected));
        let bytes: Vec<u8> = floats[20..24].iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(&part, bytes).unwrap();
        assert!(markers.found(folder.path()).contains_key("features"));
        std::fs::write(&part, &photo[..FRAGMENT - 1]).unwrap();
        assert!(!markers.found(folder.path()).contains_key("photo"));
    }
}
