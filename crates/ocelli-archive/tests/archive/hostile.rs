use std::io::{Cursor, Read, Write};
use std::time::{Duration, Instant};

use ocelli_archive::{ArchiveError, ArchiveReader, ReadLimits};
use serde_json::{Value, json};
use sha2::Digest as _;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::sample::{Account, account, project, read, read_within, write};

/// The entries of an archive, to be changed and put together again.
#[derive(Clone)]
struct Entries(Vec<(String, Vec<u8>)>);

impl Entries {
    fn of(account: &Account) -> Self {
        let mut zip = zip::ZipArchive::new(Cursor::new(write(account).unwrap().0)).unwrap();
        let entries = (0..zip.len()).map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        });
        Self(entries.collect())
    }

    fn position(&self, end: &str) -> usize {
        let exact = self.0.iter().position(|(name, _)| name == end);
        let found = exact.or_else(|| self.0.iter().position(|(name, _)| name.ends_with(end)));
        found.unwrap_or_else(|| panic!("no {end}"))
    }

    fn edit(mut self, end: &str, change: impl FnOnce(&mut Value)) -> Self {
        let position = self.position(end);
        let mut value = serde_json::from_slice(&self.0[position].1).unwrap();
        change(&mut value);
        self.0[position].1 = serde_json::to_vec(&value).unwrap();
        self
    }

    fn with(mut self, name: &str, bytes: &[u8]) -> Self {
        self.0.push((name.to_owned(), bytes.to_vec()));
        self
    }

    /// Makes the manifest say what is there.
    fn listed(self) -> Self {
        let entries: Vec<Value> = self
            .0
            .iter()
            .filter(|(name, _)| name != "manifest.json")
            .map(|(name, bytes)| {
                let hash: [u8; 32] = sha2::Sha256::digest(bytes).into();
                let sha256: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                json!({"path": name, "size": bytes.len(), "sha256": sha256})
            })
            .collect();
        self.edit("manifest.json", |manifest| manifest["entries"] = json!(entries))
    }

    fn zip(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, bytes) in &self.0 {
            zip.start_file(name.as_str(), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn refused(&self) -> ArchiveError {
        read(&self.zip()).unwrap_err()
    }
}

fn sample() -> Entries {
    Entries::of(&account())
}

#[test]
fn an_archive_packed_again_by_another_tool_is_read() {
    assert_eq!(read(&sample().zip()).unwrap(), account());
}

#[test]
fn entries_that_nobody_lists_or_knows_are_passed_over_and_named() {
    let stray = "projects/018bcfe5-6800-7000-8000-000000000000/project.json";
    let entries = sample().with("later/format.json", b"{}").with(stray, b"{}").listed().with("../evil", b"x");
    let entries = entries.with("__MACOSX/._x", b"").with("C:\\windows\\x", b"");
    let zip = entries.zip();
    let archive = ArchiveReader::open(Cursor::new(&zip), ReadLimits::default()).unwrap();
    let expected = ["../evil", "C:\\windows\\x", "__MACOSX/._x", "later/format.json", stray];
    assert_eq!(archive.ignored(), expected);
    assert_eq!(read(&zip).unwrap(), account());
}

#[test]
fn what_is_missing_is_named() {
    for end in [
        "manifest.json",
        "account.json",
        "annotations.json",
        "project.json",
        "predictions.json",
        ".jpg",
        ".bmp",
        "model.onnx",
        "iteration.json",
    ] {
        let mut entries = sample();
        let position = entries.position(end);
        let (name, _) = entries.0.remove(position);
        // Even where the manifest was made to match; what belongs to no project may be absent then.
        let unlisted = entries.refused();
        assert!(
            matches!(&unlisted, ArchiveError::MissingEntry { entry, .. } if *entry == name),
            "{unlisted}"
        );
        if !["manifest.json", "account.json"].contains(&end) {
            let listed = entries.listed().refused();
            assert!(matches!(listed, ArchiveError::MissingEntry { .. }), "{name}: {listed}");
        }
    }
}

#[test]
fn what_was_changed_is_refused_by_its_hash() {
    let mut entries = sample();
    let position = entries.position(".jpg");
    entries.0[position].1[3] ^= 1;
    let error = entries.refused();
    assert!(matches!(&error, ArchiveError::Changed { entry, .. } if entry.ends_with(".jpg")), "{error}");
    entries.0[position].1.pop();
    assert!(matches!(entries.refused(), ArchiveError::Changed { .. }));
    let mut entries = sample();
    let position = entries.position("audit.jsonl");
    entries.0[position].1[0] ^= 1;
    assert!(matches!(entries.refused(), ArchiveError::Changed { .. }));
}

#[test]
fn records_that_contradict_are_refused() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 21] = [
        (
            "predictions.json",
            |v| v[0]["prediction"]["predictions"][0]["probability"] = json!(1e39),
            "not a probability",
        ),
        ("annotations.json", |v| v["images"][1]["id"] = json!(1), "image 1 occurs twice"),
        (
            "annotations.json",
            |v| v["images"][1]["ocelli"]["id"] = v["images"][0]["ocelli"]["id"].clone(),
            "photo",
        ),
        ("annotations.json", |v| v["annotations"][0]["category_id"] = json!(17), "category 17"),
        ("annotations.json", |v| v["annotations"][0]["image_id"] = json!(17), "image 17"),
        ("annotations.json", |v| v["annotations"][0]["ocelli"]["bounds"]["left"] = json!(2.0), "record 1"),
        (
            "annotations.json",
            |v| v["annotations"][1]["ocelli"]["id"] = v["annotations"][0]["ocelli"]["id"].clone(),
            "region",
        ),
        ("annotations.json", |v| v["categories"][1]["id"] = json!(1), "category 1 occurs twice"),
        ("annotations.json", |v| v["categories"][0] = json!({}), "record 1"),
        (
            "annotations.json",
            |v| v["images"][0]["ocelli"]["tags"][0]["tagId"] = json!("018bcfe5-6800-7000-8000-000000000000"),
            "tag 018bcfe5-6800-7000-8000-000000000000",
        ),
        ("annotations.json", |v| v["images"] = json!({}), "an array of records"),
        ("annotations.json", |v| *v = json!([]), "annotations.json"),
        (
            "project.json",
            |v| v["project"]["id"] = json!("018bcfe5-6800-7000-8000-000000000000"),
            "must agree",
        ),
        ("project.json", |v| v["project"]["name"] = json!(""), "a name is empty"),
        (
            "predictions.json",
            |v| v[0]["prediction"]["projectId"] = v[0]["prediction"]["id"].clone(),
            "should be of",
        ),
        ("predictions.json", |v| v[1] = v[0].clone(), "occurs twice"),
        ("predictions.json", |v| v[1]["prediction"]["photoKept"] = json!(true), "lacks"),
        (
            "iteration.json",
            |v| v["iteration"]["id"] = json!("018bcfe5-6800-7000-8000-000000000000"),
            "must agree",
        ),
        ("iteration.json", |v| v["iteration"]["publishName"] = json!(7), "cannot be understood"),
        ("manifest.json", |v| v["format"] = json!("other"), "other"),
        ("manifest.json", |v| v["version"] = json!(2), "version 2"),
    ];
    for (end, change, expected) in cases {
        let entries = Entries::of(&Account { projects: vec![project(1)], ..account() });
        let error = entries.edit(end, change).listed_unless(end).refused().to_string();
        assert!(error.contains(expected), "{end}: {error:?} should say {expected:?}");
    }
}

impl Entries {
    fn listed_unless(self, end: &str) -> Self {
        if end == "manifest.json" { self } else { self.listed() }
    }
}

#[test]
fn a_training_manifest_with_indices_out_of_range_is_refused() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 7] = [
        (|v| v["evaluation"]["photos"][0]["probabilities"][0] = json!(1.5), "not a probability"),
        (|v| v["evaluation"]["photos"][0]["probabilities"][0] = json!(-0.5), "not a probability"),
        (|v| v["balance"] = json!(1e39), "out of range"),
        (|v| v["evaluation"]["photos"][0]["tags"] = json!([3]), "tag number 3"),
        (|v| v["evaluation"]["photos"][0]["fold"] = json!(5), "fold 5"),
        (|v| v["evaluation"]["photos"][0]["probabilities"] = json!([0.5]), "1 probabilities"),
        (|v| v["folds"] = json!(60_000), "60000 folds"),
    ];
    for (change, expected) in cases {
        let error = sample().edit("/manifest.json", change).listed().refused().to_string();
        assert!(error.contains(expected), "{error:?} should say {expected:?}");
    }
}

#[test]
fn a_photo_under_two_extensions_is_refused() {
    let entries = sample();
    let (name, bytes) = entries.0[entries.position(".jpg")].clone();
    let error = entries.with(&name.replace(".jpg", ".png"), &bytes).listed().refused();
    assert!(matches!(error, ArchiveError::RepeatedId { .. }), "{error}");
}

#[test]
fn every_limit_is_kept() {
    let bytes = write(&account()).unwrap().0;
    let limits = ReadLimits::default();
    let cases = [
        ("entries", ReadLimits { entries: 5, ..limits }),
        ("total_bytes", ReadLimits { total_bytes: 1000, ..limits }),
        ("photo_bytes", ReadLimits { photo_bytes: 5, ..limits }),
        ("model_bytes", ReadLimits { model_bytes: 2, ..limits }),
        ("document_bytes", ReadLimits { document_bytes: 100, ..limits }),
        ("record_bytes", ReadLimits { record_bytes: 10, ..limits }),
    ];
    for (name, limits) in cases {
        let error = read_within(&bytes, limits).unwrap_err();
        assert!(matches!(error, ArchiveError::Limit { setting, .. } if setting == name), "{name}: {error}");
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_inflated() {
    let entries = sample().with("receipts/bomb.json", &vec![b' '; 8 << 20]).listed();
    let error = entries.refused();
    assert!(matches!(error, ArchiveError::Limit { setting: "compression_ratio", .. }), "{error}");
}

#[test]
fn a_list_of_entries_beyond_the_limit_is_not_read_to_its_end() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let long = "x".repeat(60_000);
    for index in 0..100 {
        zip.start_file(format!("{index}{long}"), options).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    let limits = ReadLimits { entries: 10, ..ReadLimits::default() };
    let error = ArchiveReader::open(Cursor::new(bytes), limits).err().unwrap();
    assert!(matches!(error, ArchiveError::Limit { setting: "entries", .. }), "{error}");
}

/// An archive may claim as many as it may have entries.
#[test]
fn the_time_for_iterations_follows_their_number() {
    let account = Account { projects: vec![project(1)], ..account() };
    let id = account.projects[0].record.project.id;
    let mut entries = Entries::of(&account);
    const COUNT: usize = 30_000;
    for number in 0..COUNT {
        let iteration = format!("018bcfe5-6800-7000-8000-{number:012x}");
        entries.0.push((format!("projects/{id}/iterations/{iteration}/head.bin"), Vec::new()));
    }
    let bytes = entries.listed().zip();
    let began = Instant::now();
    let mut archive = ArchiveReader::open(Cursor::new(bytes), ReadLimits::default()).unwrap();
    let opened = began.elapsed();
    let mut project = archive.project(id).unwrap();
    let iterations = project.iterations();
    let had = &account.projects[0].iterations;
    assert_eq!(iterations.len(), COUNT + had.len());
    let began = Instant::now();
    let exports: usize = iterations.iter().map(|id| project.exports(*id).unwrap().len()).sum();
    assert_eq!(exports, had.iter().map(|iteration| iteration.exports.len()).sum::<usize>());
    // To look through all entries for each of them takes many times as long.
    let took = began.elapsed();
    assert!(took < opened.max(Duration::from_millis(200)), "{took:?}, and {opened:?} to open it");
}

#[test]
fn an_export_of_more_files_than_are_read_is_refused() {
    let file = |number: usize| json!({ "name": format!("{number}"), "size": 0 });
    let files: Vec<Value> = (0..1001).map(file).collect();
    let entries = sample();
    let (name, _) = entries.0.iter().find(|(name, _)| name.contains("/exports/")).unwrap();
    let record = format!("{}.json", &name[..name.find("/exports/").unwrap() + "/exports/".len() + 36]);
    let error = entries.clone().edit(&record, |v| v["files"] = json!(files)).listed().refused().to_string();
    assert!(error.contains("1001 files"), "{error:?}");
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let mut entries = sample();
    entries.0.push(("receipts/1_b.json".to_owned(), b"{}".to_vec()));
    let mut bytes = entries.zip();
    // Both in the entry and in the list.
    let (from, to) = (b"receipts/1_b.json", b"receipts/1_a.json");
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|i| bytes[*i..].starts_with(from)).collect();
    assert_eq!(places.len(), 2);
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, ArchiveError::DuplicateEntry { .. }), "{error}");
}

#[test]
fn no_changed_byte_changes_what_is_read() {
    let account = Account { projects: vec![project(1)], ..account() };
    let bytes = write(&account).unwrap().0;
    let mut refused = 0;
    for position in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            // Every position once, each of the three flips on a third of them.
            if position % 3 != usize::from(flip % 3) {
                continue;
            }
            let mut changed = bytes.clone();
            changed[position] ^= flip;
            match read(&changed) {
                Ok(found) => assert_eq!(found, account, "byte {position} ^ {flip}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > bytes.len() / 2, "{refused} of {} changes were refused", bytes.len());
}

#[test]
fn no_cut_archive_is_read_as_something_else() {
    let account = account();
    let bytes = write(&account).unwrap().0;
    for length in (0..bytes.len()).step_by(7) {
        assert!(read(&bytes[..length]).is_err(), "the first {length} bytes");
    }
    for start in (1..bytes.len()).step_by(101) {
        if let Ok(found) = read(&bytes[start..]) {
            assert_eq!(found, account, "from byte {start}");
        }
    }
}
