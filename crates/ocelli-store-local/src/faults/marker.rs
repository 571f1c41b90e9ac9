//! Text and bytes that can be searched for, planted in everything that is stored.

use std::collections::BTreeSet;

use memchr::memmem;

use super::tree::Tree;

const BEGIN: &str = "<<ocelli:";
const END: &str = ">>";

/// What the marks of one kind of data of one thing share. They come and go together.
pub(super) type Subject = String;

/// A mark of a subject, told apart from its others by a kind.
pub(super) fn mark(subject: &str, kind: &str) -> String {
    format!("{BEGIN}{subject}.{kind}{END}")
}

/// Text of about this length that holds nothing but a mark, so that any longer part of it holds the mark.
pub(super) fn fill(subject: &str, kind: &str, length: usize) -> String {
    let mark = mark(subject, kind);
    mark.repeat(length.div_ceil(mark.len()))
}

/// Numbers whose bytes are such text.
pub(super) fn floats(subject: &str, kind: &str, count: usize) -> Vec<f32> {
    let text = fill(subject, kind, count * 4);
    text.as_bytes().as_chunks::<4>().0.iter().take(count).map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Bytes that give a subject away without being a mark, such as the hash of its content.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) subject: Subject,
    pub(super) bytes: Vec<u8>,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) subjects: BTreeSet<Subject>,
    /// Beginnings of marks, each with where it was found.
    fragments: Vec<(String, String)>,
    /// Where each mark and trace was found, in words.
    places: Vec<(Subject, String)>,
    /// How many marks and traces.
    pub(super) count: usize,
}

impl Found {
    fn add(&mut self, subject: &str, place: String) {
        self.subjects.insert(subject.to_owned());
        self.places.push((subject.to_owned(), place));
        self.count += 1;
    }

    /// What was found that is none of these, with where it was.
    pub(super) fn beyond(&self, permitted: &BTreeSet<Subject>) -> Vec<String> {
        let whole = self.places.iter().filter(|(subject, _)| !permitted.contains(subject));
        let cut = self.fragments.iter().filter(|(fragment, _)| {
            !permitted.iter().any(|subject| {
                format!("{subject}.").starts_with(fragment) || fragment.starts_with(&format!("{subject}."))
            })
        });
        whole.chain(cut).map(|(what, place)| format!("{what} in {place}")).collect()
    }
}

/// By comparing each byte with the one before, which the machine does many at a time.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0) && bytes[1..] == bytes[..bytes.len() - 1]
}

/// Searches every byte of every file, and every name.
pub(super) fn search(tree: &Tree, traces: &[Trace]) -> Found {
    let mut found = Found::default();
    let finder = memmem::Finder::new(BEGIN);
    let traces: Vec<_> = traces.iter().map(|trace| (trace, memmem::Finder::new(&trace.bytes))).collect();
    for (name, bytes) in tree.files() {
        let name = name.to_string_lossy();
        // Space that is only reserved is passed over quickly.
        let bytes = if is_zero(bytes) { &[] } else { bytes };
        for (what, bytes) in [("the name ", name.as_bytes()), ("", bytes)] {
            let place = |offset: usize| format!("{what}{name} at {offset}");
            for offset in finder.find_iter(bytes) {
                let text = &bytes[offset + BEGIN.len()..];
                let length = text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
                let length = length.unwrap_or(text.len());
                let told = String::from_utf8_lossy(&text[..length]).into_owned();
                match told.split_once('.') {
                    Some((subject, _)) if text[length..].starts_with(END.as_bytes()) => {
                        found.add(subject, place(offset));
                    }
                    _ => found.fragments.push((told, place(offset))),
                }
            }
            for (trace, finder) in &traces {
                if let Some(offset) = finder.find(bytes) {
                    found.add(&trace.subject, place(offset));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::super::tree::Step;
    use super::*;

    fn tree(name: &str, bytes: &[u8]) -> Tree {
        let mut tree = Tree::default();
        tree.apply(&Step::Create { path: PathBuf::from(name), file: 0 });
        tree.apply(&Step::Write { file: 0, offset: 0, bytes: Arc::from(bytes) });
        tree
    }

    fn permitted(subjects: &[&str]) -> BTreeSet<Subject> {
        subjects.iter().map(|subject| (*subject).to_owned()).collect()
    }

    #[test]
    fn marks_are_found_in_text_in_numbers_and_in_names() {
        let numbers: Vec<u8> = floats("two", "numbers", 6).into_iter().flat_map(f32::to_le_bytes).collect();
        let found = search(&tree("a", &[b"..", fill("one", "text", 20).as_bytes(), &numbers].concat()), &[]);
        assert_eq!(found.subjects, permitted(&["one", "two"]));
        assert_eq!(found.beyond(&permitted(&["one"])).len(), 1);
        assert_eq!(search(&tree(&mark("three", "name"), b""), &[]).subjects, permitted(&["three"]));
    }

    #[test]
    fn the_beginning_of_a_mark_is_told_only_where_it_cannot_be_a_permitted_one() {
        let found = search(&tree("a", &mark("photo", "text").as_bytes()[..14]), &[]);
        assert!(found.subjects.is_empty());
        assert_eq!(found.beyond(&permitted(&["photo"])).len(), 0);
        assert_eq!(found.beyond(&permitted(&["other"])).len(), 1);
    }

    #[test]
    fn traces_are_found() {
        let trace = Trace { subject: "photo".to_owned(), bytes: vec![1, 2, 3] };
        assert_eq!(
            search(&tree("a", &[0, 1, 2, 3]), std::slice::from_ref(&trace)).subjects,
            permitted(&["photo"])
        );
        assert_eq!(search(&tree("a", &[0, 1, 2]), &[trace]).count, 0);
    }
}
