//! Everything that questions tell about a project, a line each, for tests to compare.

use std::fmt::Debug;

use ocelli_core::ProjectId;
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{FeatureKey, ImageQuery, Order, PredictionQuery, Store};
use serde::Serialize;

/// The lines about a project, one where it is not there. Bytes are told with all that is not ASCII escaped, features as
/// the bytes of their little-endian floats.
pub(crate) fn everything(store: &dyn Store, project: ProjectId) -> Vec<String> {
    let found = store.project(project);
    let missing = found.is_err();
    let mut told = vec![line("project", found)];
    if missing {
        return told;
    }
    told.extend(lines("tag", store.tags(project)));
    told.extend(lines("tagged", store.tagged_images(project)));
    let images = all_images(store, project);
    let ids: Vec<_> = images.iter().map(|image| image.id).collect();
    told.extend(lines("image", Ok::<_, String>(images)));
    told.extend(ids.iter().map(|id| bytes(&format!("bytes of {id}"), store.image_bytes(project, *id))));
    for key in keys() {
        for page in ids.chunks(256) {
            let found = store.features(project, &key, page).unwrap();
            for (id, values) in page.iter().zip(found).filter_map(|(id, values)| Some((id, values?))) {
                let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                let of = key.calibration.as_deref().unwrap_or("f32");
                told.push(bytes(&format!("features of {id} in {of}"), Ok::<_, String>(values)));
            }
        }
    }
    if let Some(calibration) = store.calibration(project, "base").unwrap() {
        told.push(bytes("calibration's data", Ok::<_, String>(calibration.data.clone())));
        told.push(line("calibration", Ok::<_, String>(calibration)));
    }
    let iterations = store.iterations(project).unwrap();
    for iteration in &iterations {
        told.push(line("iteration", Ok::<_, String>(iteration)));
        if let Some(publication) = &iteration.publication {
            let published = store.published(project, &publication.name);
            told.push(line("published", published.map(|published| published.id)));
        }
        if iteration.is_completed() {
            told.push(line("manifest", store.manifest(project, iteration.id)));
            told.push(bytes("model", store.model(project, iteration.id)));
        }
        if let Some(checkpoint) = store.checkpoint(project, iteration.id).unwrap() {
            told.push(bytes("checkpoint", Ok::<_, String>(checkpoint)));
        }
        for export in store.exports(project, iteration.id).unwrap() {
            told.push(line("export", Ok::<_, String>(&export)));
            for file in &export.files {
                told.push(bytes(
                    &format!("file {}", file.name.as_str()),
                    store.export_bytes(project, export.id, &file.name),
                ));
            }
        }
    }
    let query = PredictionQuery { take: 256, order: Order::Oldest, ..PredictionQuery::default() };
    for kept in store.predictions(project, &query).unwrap().results {
        let id = kept.prediction.id;
        told.push(line("prediction", Ok::<_, String>(kept)));
        told.push(bytes("photo of it", store.prediction_bytes(project, id)));
    }
    for erasure in store.erasures(at(0)).unwrap().iter().filter(|erasure| erasure.project_id == project) {
        told.push(line("erasure", Ok::<_, String>(erasure)));
    }
    told
}

fn all_images(store: &dyn Store, project: ProjectId) -> Vec<ocelli_core::Image> {
    let mut images = Vec::new();
    loop {
        let query =
            ImageQuery { take: 256, skip: images.len(), order: Order::Oldest, ..ImageQuery::default() };
        let page = store.images(project, &query).unwrap();
        if page.is_empty() {
            return images;
        }
        images.extend(page);
    }
}

/// The features that the tests keep.
fn keys() -> Vec<FeatureKey> {
    let int8 = |number| FeatureKey::int8("base", Scene::calibration(number).fingerprint);
    std::iter::once(FeatureKey::f32("base")).chain((0..3).map(int8)).collect()
}

fn lines<T: Serialize, E: Debug>(what: &str, answer: Result<Vec<T>, E>) -> Vec<String> {
    match answer {
        Ok(values) => values.iter().map(|value| line(what, Ok::<_, E>(value))).collect(),
        Err(error) => vec![line(what, Err::<(), E>(error))],
    }
}

fn line<T: Serialize, E: Debug>(what: &str, answer: Result<T, E>) -> String {
    match answer {
        Ok(value) => format!("{what} {}", serde_json::to_string(&value).unwrap()),
        Err(error) => format!("{what} fails with {error:?}"),
    }
}

fn bytes<E: Debug>(what: &str, answer: Result<Vec<u8>, E>) -> String {
    match answer {
        Ok(bytes) => format!("{what}: {}", bytes.escape_ascii()),
        Err(error) => format!("{what} fails with {error:?}"),
    }
}
