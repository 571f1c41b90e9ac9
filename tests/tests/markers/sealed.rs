//! What an encrypted directory keeps sealed: random bytes that nothing else has, so each sealed value is a marker of itself.

use std::collections::HashSet;
use std::path::Path;

use ocelli_tests::Markers;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// A nonce and an authentication code: nothing that is sealed is shorter, and nothing else in the database is as long.
const SHORTEST: usize = 24 + 16;
/// Of what is long, so much from either end is searched for.
const END: usize = 1_024;

/// The sealed values of a directory at one moment: of every column of every table, and every file beside the database.
#[derive(Default)]
pub(crate) struct Sealed(HashSet<Vec<u8>>);

impl Sealed {
    pub(crate) fn of(directory: &Path) -> Self {
        let mut values = HashSet::new();
        add_files(&directory.join("blobs"), &mut values);
        // A copy: closing a second descriptor of a database that is open takes its locks away.
        let copy = tempfile::tempdir().unwrap();
        for name in ["ocelli.sqlite", "ocelli.sqlite-wal"] {
            std::fs::copy(directory.join(name), copy.path().join(name)).unwrap();
        }
        let database = Connection::open(copy.path().join("ocelli.sqlite")).unwrap();
        let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let tables: Vec<String> =
            tables.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for table in tables {
            let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = rows.column_count();
            let mut rows = rows.query(()).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let values_of = (0..columns).map(|column| row.get_ref(column).unwrap());
                values.extend(values_of.filter_map(|value| match value {
                    ValueRef::Blob(bytes) if bytes.len() >= SHORTEST => Some(bytes.to_vec()),
                    _ => None,
                }));
            }
        }
        Self(values)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Asserts that of what was sealed before and is not any more nothing is left in any file, and says how much that is.
    pub(crate) fn check_gone(&self, before: &Self, directory: &Path, when: &str) -> usize {
        let mut markers = Markers::new(0);
        for (number, value) in before.0.difference(&self.0).enumerate() {
            let ends = match value.len() {
                0..=2_048 => vec![&value[..]],
                long => vec![&value[..END], &value[long - END..]],
            };
            for (end, bytes) in ends.into_iter().enumerate() {
                markers.add(format!("sealed value {number}, end {end}"), bytes.to_vec());
            }
        }
        let left = markers.found(directory);
        assert!(left.is_empty(), "{when}, of what was sealed there are left: {left:#?}");
        markers.count()
    }
}

fn add_files(folder: &Path, values: &mut HashSet<Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_files(&path, values);
        } else {
            values.insert(std::fs::read(path).unwrap());
        }
    }
}
