//! What `predictions.csv` says of a kept prediction: one row for each tag of an answer.

use ocelli_core::{BoundingBox, StoredPrediction};

/// The columns. The box is in fractions of the photo's sides, empty where the whole photo is meant.
pub(crate) const COLUMNS: [&str; 13] = [
    "prediction_id",
    "created",
    "iteration_id",
    "publish_name",
    "application",
    "file_name",
    "tag_id",
    "tag_name",
    "probability",
    "left",
    "top",
    "width",
    "height",
];

/// The rows of an answer; one with empty tag columns where it names no tag.
///
/// Numbers are the shortest decimal that reads back as the same f32.
pub(crate) fn rows<'a>(
    stored: &'a StoredPrediction,
    file_name: &'a str,
) -> impl Iterator<Item = [String; COLUMNS.len()]> + 'a {
    let answer = &stored.prediction;
    let name = |name: &Option<ocelli_core::Name>| name.as_ref().map(ToString::to_string).unwrap_or_default();
    let start = [
        answer.id.to_string(),
        answer.created.to_string(),
        answer.iteration_id.to_string(),
        name(&stored.publish_name),
        name(&stored.application),
        file_name.to_owned(),
    ];
    let tags = answer.predictions.iter().map(Some);
    let nothing = answer.predictions.is_empty().then_some(None);
    tags.chain(nothing).map(move |tag| {
        let [id, created, iteration, publish_name, application, file] = start.clone();
        let bounds = tag.and_then(|tag| tag.bounding_box);
        let side = |side: fn(&BoundingBox) -> f32| {
            bounds.as_ref().map(side).map_or_else(String::new, |v| v.to_string())
        };
        [
            id,
            created,
            iteration,
            publish_name,
            application,
            file,
            tag.map(|tag| tag.tag_id.to_string()).unwrap_or_default(),
            tag.map(|tag| tag.tag_name.to_string()).unwrap_or_default(),
            tag.map(|tag| tag.probability.to_string()).unwrap_or_default(),
            side(BoundingBox::left),
            side(BoundingBox::top),
            side(BoundingBox::width),
            side(BoundingBox::height),
        ]
    })
}

/// Whether its record says that its photo is kept.
pub(crate) fn keeps_photo(stored: &StoredPrediction) -> bool {
    stored.photo_kept
}
