//! Exports that are kept with their project.

use ocelli_core::{ErrorCode, Export, ExportFile, ExportId, IterationId};

use super::Make;
use super::scene::{Scene, at, name};
use crate::{Missing, StoreError};

fn listed(scene: &Scene, iteration: IterationId) -> Vec<ExportId> {
    let exports = scene.store.exports(scene.project, iteration).unwrap();
    exports.iter().map(|export| export.id).collect()
}

fn read(scene: &Scene, export: ExportId, file: &str) -> Result<Vec<u8>, StoreError> {
    scene.store.export_bytes(scene.project, export, &name(file))
}

/// With its files in their order, bit for bit; what it said about its files follows from them.
pub fn an_export_comes_back_as_it_was_kept(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.complete(1), scene.complete(2));
    let lie = ExportFile { name: name("lie"), size: 7 };
    let export = Export { files: vec![lie], ..scene.new_export(one) };
    scene.apply(scene.keeping(&export, &[("model.onnx", b"\x00\xff model"), ("../labels.txt", b"")]));
    let second = scene.export(one, &[]);
    let files = [("model.onnx", 8), ("../labels.txt", 0)]
        .map(|(file, size)| ExportFile { name: name(file), size })
        .to_vec();
    let kept = scene.store.exports(scene.project, one).unwrap();
    assert_eq!(kept[0], Export { files, ..export.clone() });
    assert_eq!(listed(&scene, one), [export.id, second]);
    assert_eq!(listed(&scene, two), []);
    assert_eq!(read(&scene, export.id, "model.onnx").unwrap(), b"\x00\xff model");
    assert_eq!(read(&scene, export.id, "../labels.txt").unwrap(), b"");
    assert!(matches!(
        read(&scene, export.id, "lie"),
        Err(StoreError::NotFound(Missing::ExportFile(id, file))) if id == export.id && file == "lie"
    ));
    let nobody = ExportId::new(at(0), [9; 10]);
    assert!(
        matches!(read(&scene, nobody, "x"), Err(StoreError::NotFound(Missing::Export(id))) if id == nobody)
    );
    let nowhere = scene.store.exports(scene.project, IterationId::new(at(0), [9; 10]));
    assert!(matches!(nowhere, Err(StoreError::NotFound(Missing::Iteration(_)))));
}

/// Nothing else has a model to export.
pub fn exports_belong_to_a_completed_iteration(make: Make) {
    let scene = Scene::new(make);
    let training = scene.begin(None).id;
    let keep = |iteration| scene.keeping(&scene.new_export(iteration), &[("model.onnx", b"a")]);
    assert!(matches!(scene.refuse(keep(training)), StoreError::NotCompleted(id) if id == training));
    let nobody = IterationId::new(at(0), [9; 10]);
    assert!(matches!(scene.refuse(keep(nobody)), StoreError::NotFound(Missing::Iteration(_))));
    scene.apply(scene.completion(training, 1));
    scene.apply(keep(training));
}

/// Within the export and the project.
pub fn names_of_files_and_ids_of_exports_are_unique(make: Make) {
    let scene = Scene::new(make);
    let iteration = scene.complete(1);
    let export = scene.new_export(iteration);
    let refused = scene.refuse(scene.keeping(&export, &[("model.onnx", b"a"), ("model.onnx", b"b")]));
    assert!(matches!(refused, StoreError::ExportFileNameTaken(file) if file == "model.onnx"));
    assert_eq!(listed(&scene, iteration), []);
    scene.apply(scene.keeping(&export, &[("model.onnx", b"a")]));
    let refused = scene.refuse(scene.keeping(&export, &[("model.onnx", b"b")]));
    assert_eq!(refused.code(), ErrorCode::BadRequestInvalidIds);
    assert_eq!(read(&scene, export.id, "model.onnx").unwrap(), b"a");
}

/// And the others stay, also with the same bytes.
pub fn an_export_is_erased(make: Make) {
    let scene = Scene::new(make);
    let iteration = scene.complete(1);
    let (gone, stays) = (
        scene.export(iteration, &[("model.onnx", b"same"), ("labels.txt", b"one")]),
        scene.export(iteration, &[("model.onnx", b"same"), ("labels.txt", b"two")]),
    );
    let erasure = scene.erase(scene.deletion_of_export(gone));
    assert!(erasure.status.is_complete() && erasure.iterations.is_empty());
    assert_eq!(listed(&scene, iteration), [stays]);
    assert!(matches!(read(&scene, gone, "model.onnx"), Err(StoreError::NotFound(Missing::Export(_)))));
    assert_eq!(read(&scene, stays, "model.onnx").unwrap(), b"same");
    assert_eq!(read(&scene, stays, "labels.txt").unwrap(), b"two");
    let again = scene.refuse(scene.deletion_of_export(gone));
    assert!(matches!(again, StoreError::NotFound(Missing::Export(id)) if id == gone));
}

/// And no other iteration's.
pub fn exports_go_with_their_iteration(make: Make) {
    let scene = Scene::new(make);
    let (one, two) = (scene.complete(1), scene.complete(2));
    let (gone, stays) = (scene.export(one, &[("a", b"a")]), scene.export(two, &[("b", b"b")]));
    let erasure = scene.erase(scene.deletion_of_iteration(one));
    assert!(erasure.status.is_complete());
    assert!(matches!(read(&scene, gone, "a"), Err(StoreError::NotFound(Missing::Export(_)))));
    assert_eq!(read(&scene, stays, "b").unwrap(), b"b");
}

/// Either of them, or both.
pub fn bytes_live_while_a_photo_or_an_export_has_them(make: Make) {
    let scene = Scene::new(make);
    let iteration = scene.complete(1);
    let (image, export) = (scene.image(b"same", &[]), scene.export(iteration, &[("a", b"same")]));
    scene.apply(scene.deletion_of_images(&[image]));
    assert_eq!(read(&scene, export, "a").unwrap(), b"same");
    let image = scene.image(b"same", &[]);
    scene.apply(scene.deletion_of_export(export));
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"same");
    scene.apply(scene.deletion_of_images(&[image]));
    assert_eq!(scene.store.check(&crate::CheckOptions::default()).unwrap().files, 0);
}
