//! Exports that are kept with their project.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use ocelli::{Affected, AffectedOutcome, ErrorCode, ExportPlatform, OnnxInput, TrainOptions};
use ocelli_tests::{in_both, trained};

#[test]
fn a_kept_export_is_the_export() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        for (input, word) in [(OnnxInput::Photo, "photo"), (OnnxInput::Tensor, "tensor")] {
            let export = iteration.keep_export(input).unwrap();
            assert_eq!((export.platform, export.iteration_id), (ExportPlatform::Onnx, iteration.id()));
            assert_eq!(export.flavor.as_ref().unwrap(), word);
            assert_eq!(iteration.exports().unwrap().last(), Some(&export));
            let expected = iteration.export_onnx(input).unwrap();
            assert_eq!(export.files.len(), expected.files().len());
            for (listed, file) in export.files.iter().zip(expected.files()) {
                assert_eq!(
                    (listed.name.as_str(), listed.size),
                    (file.name.as_str(), file.bytes.len() as u64)
                );
                assert!(project.export_file(export.id, &file.name).unwrap() == file.bytes, "{}", file.name);
            }
        }
        assert_eq!(iteration.exports().unwrap().len(), 2);
    });
}

#[test]
fn a_deleted_export_is_gone_and_its_iteration_stays() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let export = iteration.keep_export(OnnxInput::Photo).unwrap().id;
        assert!(project.delete_export(export).unwrap().status.is_complete());
        assert!(iteration.exports().unwrap().is_empty());
        assert_eq!(project.export_file(export, "model.onnx").unwrap_err().code(), ErrorCode::NotFound);
        assert!(project.delete_export(export).is_err());
        assert!(iteration.details().unwrap().is_completed());
    });
}

#[test]
fn exports_go_with_their_iteration_and_are_told_before() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let other = project.train(&TrainOptions { force: true, ..TrainOptions::default() }).unwrap();
        let export = iteration.keep_export(OnnxInput::Photo).unwrap().id;
        let image = iteration.manifest().unwrap().evaluation.photos[0].photo;
        let erasure = project.delete_images_with(vec![image], Affected::Delete).unwrap();
        assert!(erasure.status.is_complete());
        assert_eq!(erasure.iterations[0].id, iteration.id());
        assert_eq!(erasure.iterations[0].exports, [export]);
        assert_eq!((erasure.iterations[1].id, erasure.iterations[1].exports.len()), (other.id(), 0));
        assert!(erasure.iterations.iter().all(|each| each.outcome == AffectedOutcome::Deleted));
        assert_eq!(project.export_file(export, "model.onnx").unwrap_err().code(), ErrorCode::NotFound);
    });
}
