use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use ocelli_archive::{ArchiveError, ArchiveReader, ArchiveWriter, ReadLimits};
use ocelli_core::{Digest, ErrorCode};
use sha2::Digest as _;

use crate::sample::{account, at, project, read, write};

#[test]
fn everything_comes_back_as_it_was() {
    let account = account();
    let (bytes, written) = write(&account).unwrap();
    assert_eq!(read(&bytes).unwrap(), account);
    assert_eq!(write(&account).unwrap().0, bytes, "the same content makes the same bytes");

    let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(zip.len() as u64, written.entries);
    let mut manifest = Vec::new();
    zip.by_name("manifest.json").unwrap().read_to_end(&mut manifest).unwrap();
    let sha256 = Digest::from_bytes(sha2::Sha256::digest(&manifest).into());
    assert_eq!(sha256, written.manifest_sha256);
}

#[test]
fn the_manifest_tells_size_and_sha_256_of_every_other_entry() {
    let (bytes, _) = write(&account()).unwrap();
    let contents =
        ArchiveReader::open(Cursor::new(&bytes), ReadLimits::default()).unwrap().contents().clone();
    let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(contents.entries.len(), zip.len() - 1);
    for entry in contents.entries {
        let mut bytes = Vec::new();
        zip.by_name(&entry.path).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, entry.size, "{}", entry.path);
        let sha256: [u8; 32] = sha2::Sha256::digest(&bytes).into();
        assert_eq!(&sha256, entry.sha256.as_bytes(), "{}", entry.path);
    }
}

#[test]
fn photos_are_stored_and_lists_are_deflated() {
    let (bytes, _) = write(&account()).unwrap();
    let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    for index in 0..zip.len() {
        let file = zip.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        let photo = name.contains("/photos/") || (name.contains("/predictions/") && !name.ends_with(".json"));
        if photo {
            assert_eq!(file.compression(), zip::CompressionMethod::Stored, "{name}");
        } else if name.ends_with("annotations.json") || name.ends_with(".csv") {
            assert_eq!(file.compression(), zip::CompressionMethod::Deflated, "{name}");
        }
    }
}

type Writer<'a> = ocelli_archive::ProjectWriter<'a, Cursor<Vec<u8>>>;

#[test]
fn what_a_reader_would_refuse_is_not_written() {
    let content = project(1);
    let begin = |check: &dyn Fn(&mut Writer<'_>)| {
        let mut archive = ArchiveWriter::new(Cursor::new(Vec::new()), at(0));
        check(&mut archive.project(&content.record).unwrap());
    };
    let (image, bytes) = &content.images[2];
    begin(&|project| {
        project.image(image, bytes).unwrap();
        assert!(matches!(project.image(image, bytes), Err(ArchiveError::RepeatedId { what: "photo", .. })));
        let mut other = content.images[0].0.clone();
        other.image.regions = image.image.regions.clone();
        assert!(matches!(project.image(&other, bytes), Err(ArchiveError::RepeatedId { what: "region", .. })));
        other.image.regions.clear();
        other.image.tags[0].tag_id = ocelli_core::TagId::new(at(1), [9; 10]);
        let error = project.image(&other, bytes).unwrap_err();
        assert!(matches!(error, ArchiveError::UnknownReference { what: "tag", .. }));
    });
    begin(&|project| {
        let (kept, photo) = &content.predictions[0];
        assert!(matches!(
            project.prediction(kept, None),
            Err(ArchiveError::PredictionPhoto { kept: true, .. })
        ));
        project.prediction(kept, photo.as_deref()).unwrap();
        let again = project.prediction(kept, photo.as_deref());
        assert!(matches!(again, Err(ArchiveError::RepeatedId { what: "prediction", .. })));
    });
    begin(&|project| {
        let (export, files) = &content.iterations[0].exports[0];
        let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        let early = project.export(export, &files);
        assert!(matches!(early, Err(ArchiveError::UnknownReference { what: "iteration", .. })));
        let record = &content.iterations[0].record;
        project.iteration(record, ocelli_archive::ModelFiles::default()).unwrap();
        assert!(matches!(project.export(export, &files[1..]), Err(ArchiveError::ExportFiles { .. })));
        project.export(export, &files).unwrap();
        assert!(matches!(project.export(export, &files), Err(ArchiveError::WrittenTwice { .. })));
    });
    begin(&|other_project| {
        let mut record = content.iterations[0].record.clone();
        record.iteration.project_id = project(3).record.project.id;
        let error = other_project.iteration(&record, ocelli_archive::ModelFiles::default()).unwrap_err();
        assert!(matches!(error, ArchiveError::Record { .. }));
    });
}

#[test]
fn a_project_that_is_not_finished_leaves_no_archive() {
    let mut archive = ArchiveWriter::new(Cursor::new(Vec::new()), at(0));
    drop(archive.project(&project(1).record).unwrap());
    assert!(matches!(archive.project(&project(2).record), Err(ArchiveError::UnfinishedProject(_))));
    assert!(matches!(archive.finish(), Err(ArchiveError::UnfinishedProject(_))));
}

#[test]
fn a_receipt_is_named_by_plain_letters() {
    let mut archive = ArchiveWriter::new(Cursor::new(Vec::new()), at(0));
    for name in ["", "../x", "A", "a/b", "a.b", &"a".repeat(65)] {
        let error = archive.receipt(name, b"{}").unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequest, "{name}");
    }
    archive.receipt(&"a".repeat(64), b"{}").unwrap();
}

#[test]
fn an_archive_that_repeats_itself_is_within_the_limits_of_reading() {
    let mut account = account();
    account.audit = None;
    account.account = Some(serde_json::json!(vec![0; 3_000_000]));
    assert_eq!(read(&write(&account).unwrap().0).unwrap(), account);
}

/// Fails from its nth operation on.
struct Failing {
    inner: Cursor<Vec<u8>>,
    left: usize,
}

impl Failing {
    fn operation(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(&mut self.inner)
    }
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.operation()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.operation()?.flush()
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.operation()?.seek(to)
    }
}

#[test]
fn a_medium_that_fails_is_an_error_wherever_it_fails() {
    let content = project(1);
    let attempt = |left: usize| -> Result<Vec<u8>, ArchiveError> {
        let out = Failing { inner: Cursor::new(Vec::new()), left };
        let mut archive = ArchiveWriter::new(out, at(0));
        archive.audit(&b"log"[..])?;
        let mut project = archive.project(&content.record)?;
        content.images.iter().try_for_each(|(image, bytes)| project.image(image, bytes))?;
        project.finish()?;
        Ok(archive.finish()?.0.inner.into_inner())
    };
    let mut failures = 0;
    loop {
        match attempt(failures) {
            Ok(bytes) => {
                assert!(read(&bytes).is_ok());
                break;
            }
            Err(error) => assert!(matches!(error, ArchiveError::Output(_)), "{error}"),
        }
        failures += 1;
    }
    assert!(failures > 20, "{failures} operations");
}
