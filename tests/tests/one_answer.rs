//! One network, one answer: whoever reads an iteration's description computes the same probabilities.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use ocelli::{
    ClassificationType, ErrorCode, Limits, Model, NewProject, OpenOptions, Prediction, Store, TagId,
    TrainOptions,
};
use ocelli_store::{FeatureKey, MemoryStore};
use ocelli_tests::{Scene, drawn, in_both, label_real, real, trained, unseen};

fn by_tag(predictions: &[Prediction]) -> BTreeMap<TagId, f32> {
    predictions.iter().map(|each| (each.tag_id, each.probability)).collect()
}

#[test]
fn the_model_file_answers_as_the_project_does() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.publish("production").unwrap();
        let model = Model::from_bytes(&iteration.model_file().unwrap()).unwrap();
        for photo in [drawn(90), drawn(91), unseen("fish")] {
            let answer = project.predict("production", &photo).unwrap().predictions;
            assert_eq!(model.predict(&photo).unwrap(), answer);
            assert_eq!(iteration.quick_test(&photo).unwrap().predictions, answer);
        }
    });
}

#[test]
fn a_model_file_on_disk_needs_no_data_directory() {
    let scene = Scene::in_directory();
    let (_, iteration) = trained(&scene.ocelli);
    let answer = iteration.quick_test(&drawn(90)).unwrap().predictions;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), iteration.model_file().unwrap()).unwrap();
    drop(scene);
    assert_eq!(Model::open(file.path()).unwrap().predict(&drawn(90)).unwrap(), answer);
}

/// The trainer's side: the cached features that a head was trained on, times the head in the model file.
#[test]
fn the_head_on_cached_features_answers_as_the_engine_does() {
    for classification_type in [ClassificationType::Multiclass, ClassificationType::Multilabel] {
        let store = Arc::new(MemoryStore::new(Limits::default()));
        let ocelli = OpenOptions::new().with_store(store.clone()).unwrap();
        let mut new = NewProject::new("photos");
        if classification_type == ClassificationType::Multiclass {
            new = new.multiclass();
        }
        let project = ocelli.create_project(new).unwrap();
        label_real(&project, "fish", 5);
        label_real(&project, "monument", 5);
        let iteration = project.train(&TrainOptions::default()).unwrap();
        let model = Model::from_bytes(&iteration.model_file().unwrap()).unwrap();
        let values = |name: &str| model.network().tensor(name).unwrap().to_f32().into_owned();
        let (weights, bias) = (values("head.weight"), values("head.bias"));
        let key = FeatureKey::f32(iteration.manifest().unwrap().base);
        for photo in project.images(&Default::default()).unwrap() {
            let features = store.features(project.id(), &key, &[photo.id]).unwrap().remove(0).unwrap();
            let scores: Vec<f64> = weights
                .chunks_exact(features.len())
                .zip(&bias)
                .map(|(row, bias)| {
                    let product = |(weight, feature): (&f32, &f32)| f64::from(*weight) * f64::from(*feature);
                    f64::from(*bias) + row.iter().zip(&features).map(product).sum::<f64>()
                })
                .collect();
            let sum: f64 = scores.iter().map(|score| score.exp()).sum();
            let bytes = project.image_bytes(photo.id).unwrap();
            let answer = by_tag(&iteration.quick_test(&bytes).unwrap().predictions);
            for (label, score) in model.labels().iter().zip(scores) {
                let expected = match classification_type {
                    ClassificationType::Multiclass => score.exp() / sum,
                    ClassificationType::Multilabel => 1.0 / (1.0 + (-score).exp()),
                };
                let found = f64::from(answer[&label.tag_id]);
                assert!((found - expected).abs() < 1e-4, "{classification_type:?}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn a_truncated_or_altered_model_file_is_refused() {
    let scene = Scene::in_memory();
    let (_, iteration) = trained(&scene.ocelli);
    let file = iteration.model_file().unwrap();
    for length in [0, 7, 100, file.len() / 2, file.len() - 1] {
        assert!(Model::from_bytes(&file[..length]).is_err(), "the first {length} bytes");
    }
    for place in [0, 50, file.len() / 3, file.len() - 1] {
        let mut altered = file.clone();
        altered[place] ^= 1;
        assert!(Model::from_bytes(&altered).is_err(), "byte {place}");
    }
    assert!(Model::from_bytes(&[file, vec![0]].concat()).is_err(), "a byte too many");
}

#[test]
fn a_photo_that_cannot_be_decoded_is_refused_by_all_alike() {
    let scene = Scene::in_memory();
    let (_, iteration) = trained(&scene.ocelli);
    let model = Model::from_bytes(&iteration.model_file().unwrap()).unwrap();
    let whole = &real("fish", 1)[0];
    let half = &whole[..whole.len() / 2];
    let refused = [iteration.quick_test(half).unwrap_err().code(), model.predict(half).unwrap_err().code()];
    assert_eq!(refused, [ErrorCode::BadRequestImageStream; 2]);
}
