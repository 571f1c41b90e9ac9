//! What a real training, its publication, its answers and its export leave behind.

use std::collections::BTreeSet;

use ocelli::{Affected, ImageId, Keep, NewProject, OnnxInput, ProjectHandle, TagId, TrainOptions, Upload};
use ocelli_store::FeatureKey;

use crate::world::{Planting, World, complete};

/// A tag and six photos that have it.
fn label(planting: &mut Planting<'_>, project: &ProjectHandle, tag: &str) -> (TagId, Vec<ImageId>) {
    let id = project.create_tag(planting.text(&format!("tag {tag}"))).unwrap().id;
    let photos = (0..6).map(|number| {
        let name = planting.text(&format!("name of photo {number} of {tag}"));
        Upload::bytes(planting.photo(&format!("photo {number} of {tag}"))).named(name).tag(id)
    });
    let added = project.add_images(photos.collect()).unwrap();
    (id, added.added().map(|added| added.image.id).collect())
}

/// A part of what the library made, from its second half, that is like nothing else: of many different bytes.
fn part_of(bytes: &[u8]) -> Vec<u8> {
    let varied = |part: &&[u8]| part.windows(16).all(|few| few.iter().collect::<BTreeSet<_>>().len() > 10);
    bytes[bytes.len() / 2..].windows(48).find(varied).unwrap().to_vec()
}

impl World {
    /// No longer expects the markers of which one of these is a part of the name, each of at least one.
    fn forget(&mut self, parts: &[&str]) {
        for part in parts {
            let before = self.expected.len();
            self.expected.retain(|what| !what.starts_with(&format!("training: {part}")));
            assert!(self.expected.len() < before, "nothing is marked as {part}");
        }
    }
}

#[test]
fn a_real_training_is_erased_with_all_that_came_of_it() {
    erased_after_a_training(World::new(9));
}

#[test]
fn in_an_encrypted_directory_nothing_of_a_real_training_is_in_the_clear() {
    erased_after_a_training(World::encrypted(9));
}

fn erased_after_a_training(mut world: World) {
    world.churn(100, 50);
    let ocelli = world.ocelli.clone();
    let (mut planting, below, _) = world.plant("training");
    let project = ocelli.create_project(NewProject::new(planting.text("project")).multiclass()).unwrap();
    let [(one, photos), (two, _)] = ["one", "two"].map(|tag| label(&mut planting, &project, tag));
    let options = TrainOptions { name: Some(planting.name("iteration")), ..TrainOptions::default() };
    let iteration = project.train(&options).unwrap();
    let publication = planting.text("publication");
    iteration.publish(&publication).unwrap();
    let keep = Keep::by(planting.name("application"));
    let answer =
        project.predict_with(&publication, &planting.photo("photo of the prediction"), keep).unwrap();
    let export = iteration.keep_export(OnnxInput::Photo).unwrap();

    let (store, id, base) = (below.store.clone(), project.id(), iteration.manifest().unwrap().base);
    let model = store.model(id, iteration.id()).unwrap();
    planting.add("model", part_of(&model));
    let calibration = store.calibration(id, &base).unwrap().unwrap().data;
    planting.add("calibration", part_of(&calibration));
    let exported = project.export_file(export.id, "model.onnx").unwrap();
    planting.add("export", part_of(&exported));
    let features = store.features(id, &FeatureKey::f32(base), &photos).unwrap();
    for (number, features) in features.into_iter().enumerate() {
        let features = features.unwrap();
        let distinct = |part: &&[f32]| part.iter().all(|value| *value > 0.0 && part[0] != part[1]);
        let part = features.windows(6).find(distinct).unwrap();
        let bytes = part.iter().flat_map(|value| value.to_le_bytes()).collect();
        planting.add(&format!("features of photo {number}"), bytes);
    }
    let planted = planting.planted;
    world.expected.extend(planted.clone());
    world.churn(100, 50);
    world.check("after the training");

    complete(project.delete_images_with(vec![photos[0]], Affected::Delete).unwrap());
    world.forget(&["photo 0 of one", "name of photo 0 of one", "features of photo 0"]);
    world.forget(&["iteration", "model", "calibration", "export"]);
    world.check("after a photo was erased with the iteration that was trained on it");
    complete(project.delete_tag(one).unwrap());
    world.forget(&["tag one"]);
    world.check("after a tag was erased");
    complete(project.delete_predictions(vec![answer.id]).unwrap());
    world.forget(&["application", "publication", "photo of the prediction"]);
    world.check("after the prediction was erased");
    complete(project.delete_tag(two).unwrap());
    world.forget(&["tag two"]);
    world.check("after the other tag was erased");
    complete(ocelli.erase_project(id).unwrap());
    world.forget(&[""]);
    world.check("after the project was erased");
    eprintln!("a training: {} markers in it, searched for 6 times", planted.len());
}
