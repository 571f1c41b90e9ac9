//! What an iteration suggests for photos without tags: the orders, paging, what drops out, and what is kept.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::{BTreeSet, HashSet};
use std::io::Cursor;
use std::path::Path;

use image::ImageFormat;
use ocelli::{
    ClassificationType, Error, ImageFilter, ImageId, IterationHandle, Limits, NewProject, OpenOptions,
    ProjectHandle, Suggestion, SuggestionContinuation, SuggestionOrder, SuggestionPage, SuggestionQuery,
    TagId, TaggingStatus, Threshold, TrainOptions, Upload, entropy,
};
use ocelli_imaging::strip_metadata;
use ocelli_tests::{Scene, label_real, real_files};

const ORDERS: [SuggestionOrder; 4] = [
    SuggestionOrder::MostUseful,
    SuggestionOrder::UncertaintyAscending,
    SuggestionOrder::UncertaintyDescending,
    SuggestionOrder::Novelty,
];
const TAGGED: usize = 6;

/// Uploads photos without tags: so many of a kind, beyond those that have tags.
fn untagged(project: &ProjectHandle, kind: &str, count: usize) -> Vec<ImageId> {
    let files = real_files(kind).into_iter().skip(TAGGED).take(count);
    let added = project.add_files(files.map(Upload::file)).unwrap();
    assert!(added.is_batch_successful() && added.results.len() == count, "{added:?}");
    added.results.into_iter().map(|result| result.image.unwrap().image.id).collect()
}

/// A project that has learnt fish and tools, with more of both and monuments to suggest for.
fn learnt(scene: &Scene, new: NewProject) -> (ProjectHandle, IterationHandle, [TagId; 2]) {
    let project = scene.ocelli.create_project(new).unwrap();
    let tags = ["fish", "hand_tool"].map(|kind| label_real(&project, kind, TAGGED));
    let iteration = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
    for (kind, count) in [("fish", 5), ("hand_tool", 5), ("monument", 4)] {
        untagged(&project, kind, count);
    }
    (project, iteration, tags)
}

fn multiclass() -> NewProject {
    NewProject::new("seen").multiclass()
}

/// All suggestions in an order, in pages of so many.
fn pages(iteration: &IterationHandle, sort_by: SuggestionOrder, max_count: usize) -> Vec<Suggestion> {
    let mut query = SuggestionQuery { sort_by, max_count, ..Default::default() };
    let mut results = Vec::new();
    loop {
        let SuggestionPage { results: page, continuation, unreadable } =
            iteration.suggestions(&query).unwrap();
        assert!(page.len() <= max_count && unreadable.is_empty());
        results.extend(page);
        query.continuation = continuation;
        if query.continuation.is_none() {
            return results;
        }
    }
}

fn ids(suggestions: &[Suggestion]) -> Vec<ImageId> {
    suggestions.iter().map(|suggestion| suggestion.image_id).collect()
}

#[test]
fn pages_of_every_order_show_each_photo_once() {
    let scene = Scene::in_memory();
    for new in [multiclass(), NewProject::new("seen")] {
        let (_, iteration, _) = learnt(&scene, new);
        for order in ORDERS {
            let whole = pages(&iteration, order, 256);
            assert_eq!(whole.len(), 14);
            assert_eq!(ids(&whole).into_iter().collect::<HashSet<_>>().len(), 14);
            // With few photos to choose from, each page of the most useful goes on where the last one ended.
            assert_eq!(ids(&pages(&iteration, order, 4)), ids(&whole), "{order:?}");
            let sorted = match order {
                SuggestionOrder::MostUseful => true,
                SuggestionOrder::UncertaintyAscending => {
                    whole.is_sorted_by_key(|one| one.prediction_uncertainty)
                }
                SuggestionOrder::UncertaintyDescending => {
                    whole.is_sorted_by_key(|one| -one.prediction_uncertainty)
                }
                SuggestionOrder::Novelty => whole.is_sorted_by_key(|one| -one.novelty),
            };
            assert!(sorted, "{order:?}");
        }
    }
}

#[test]
fn suggestions_are_what_the_iteration_answers() {
    let scene = Scene::in_memory();
    for new in [multiclass(), NewProject::new("seen")] {
        let (project, iteration, _) = learnt(&scene, new);
        let kind = project.details().unwrap().settings.classification_type;
        let mut asked = ids(&pages(&iteration, SuggestionOrder::Novelty, 256));
        asked.reverse();
        let suggestions = iteration.suggest(&asked).unwrap();
        assert_eq!((ids(&suggestions.results), suggestions.unreadable), (asked, vec![]));
        for suggestion in suggestions.results {
            let bytes = project.image_bytes(suggestion.image_id).unwrap();
            let expected = iteration.quick_test(&bytes).unwrap().predictions;
            assert_eq!(suggestion.predictions.len(), 2);
            for prediction in &suggestion.predictions {
                let same = expected.iter().find(|other| other.tag_id == prediction.tag_id).unwrap();
                assert!((same.probability - prediction.probability).abs() < 1e-4);
                assert_eq!((&same.tag_name, same.tag_type), (&prediction.tag_name, prediction.tag_type));
            }
            assert!(suggestion.predictions[0].probability >= suggestion.predictions[1].probability);
            let probabilities: Vec<f32> =
                suggestion.predictions.iter().map(|prediction| prediction.probability).collect();
            assert!((entropy(&probabilities, kind) - suggestion.prediction_uncertainty).abs() < 1e-5);
            assert!((0.0..=1.0).contains(&suggestion.novelty));
            assert_eq!(suggestion.iteration_id, iteration.id());
            assert_eq!(suggestion.project_id, project.id());
        }
    }
}

#[test]
fn what_is_unlike_everything_tagged_is_novel() {
    let scene = Scene::in_memory();
    let (project, iteration, _) = learnt(&scene, multiclass());
    // A photo that has a tag already is not novel at all.
    let filter = ImageFilter { tagging_status: TaggingStatus::Tagged, ..Default::default() };
    let query = ocelli::ImageQuery { filter, take: 1, ..Default::default() };
    let known = iteration.suggest(&[project.images(&query).unwrap()[0].id]).unwrap();
    assert!(known.results[0].novelty < 1e-4, "{known:?}");
    let same = |kind: &str| {
        let bytes: BTreeSet<Vec<u8>> = real_files(kind)
            .iter()
            .map(|file| strip_metadata(&std::fs::read(file).unwrap()).unwrap())
            .collect();
        let all = pages(&iteration, SuggestionOrder::Novelty, 256);
        let of_kind: Vec<f32> = all
            .iter()
            .filter(|one| bytes.contains(&project.image_bytes(one.image_id).unwrap()))
            .map(|one| one.novelty)
            .collect();
        (of_kind.iter().sum::<f32>() / of_kind.len() as f32, of_kind.len())
    };
    let ((fish, fishes), (monument, monuments)) = (same("fish"), same("monument"));
    assert_eq!((fishes, monuments), (5, 4));
    assert!(monument > fish, "{monument} and {fish}");
}

/// The same picture, one grey level brighter, as other bytes.
fn copies(file: &Path, count: u8) -> Vec<Upload> {
    let photo = image::open(file).unwrap().to_rgb8();
    let copy = |level: u8| {
        let mut copy = photo.clone();
        copy.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|value| value.saturating_add(level)));
        let mut bytes = Cursor::new(Vec::new());
        copy.write_to(&mut bytes, ImageFormat::Png).unwrap();
        Upload::bytes(bytes.into_inner())
    };
    (1..=count).map(copy).collect()
}

#[test]
fn copies_of_a_photo_are_not_suggested_one_after_the_other() {
    let scene = Scene::in_memory();
    let (project, iteration, tags) = learnt(&scene, multiclass());
    let monument = real_files("monument").into_iter().nth(15).unwrap();
    let added = project.add_files(copies(&monument, 5)).unwrap();
    let copies: HashSet<ImageId> =
        added.results.into_iter().map(|result| result.image.unwrap().image.id).collect();
    assert_eq!(copies.len(), 5);
    let ranked = ids(&pages(&iteration, SuggestionOrder::MostUseful, 4));
    assert_eq!(ranked.len(), 19);
    let first_copies = ranked[..12].iter().filter(|id| copies.contains(id)).count();
    assert_eq!(first_copies, 1, "{:?}", ranked.iter().map(|id| copies.contains(id)).collect::<Vec<_>>());
    // Nor after one of them has been tagged, though the iteration has not seen it.
    let first = *ranked.iter().find(|id| copies.contains(id)).unwrap();
    project.tag_images(vec![(first, tags[0])]).unwrap();
    let ranked = ids(&pages(&iteration, SuggestionOrder::MostUseful, 4));
    assert!(ranked[..12].iter().all(|id| !copies.contains(id)));
}

#[test]
fn photos_that_get_tags_or_go_drop_out() {
    let scene = Scene::in_memory();
    let (project, iteration, tags) = learnt(&scene, multiclass());
    untagged(&project, "windmill", 5);
    for order in ORDERS {
        let mut query = SuggestionQuery { sort_by: order, max_count: 3, ..Default::default() };
        let whole = ids(&pages(&iteration, order, 3));
        let page = iteration.suggestions(&query).unwrap();
        query.continuation = page.continuation;
        // One that was shown and one that was not; the last one is erased.
        project.tag_images(vec![(whole[1], tags[0]), (whole[4], tags[1])]).unwrap();
        let erasure = project.delete_images(vec![whole[whole.len() - 1]]).unwrap();
        assert!(erasure.status.is_complete());
        let next = ids(&iteration.suggestions(&query).unwrap().results);
        assert_eq!(next.len(), 3, "{order:?}");
        assert!(next.iter().all(|id| whole[3..whole.len() - 1].contains(id) && *id != whole[4]), "{order:?}");
        if order != SuggestionOrder::MostUseful {
            assert_eq!(next[0], whole[3], "{order:?}");
        }
        let left = ids(&pages(&iteration, order, 256));
        assert_eq!(left.len(), whole.len() - 3);
    }
}

#[test]
fn tags_and_a_threshold_choose_and_count() {
    let scene = Scene::in_memory();
    let (_, iteration, tags) = learnt(&scene, NewProject::new("seen"));
    let all = pages(&iteration, SuggestionOrder::UncertaintyDescending, 256);
    let probability = |suggestion: &Suggestion, tag: TagId| {
        suggestion.predictions.iter().find(|prediction| prediction.tag_id == tag).unwrap().probability
    };
    for threshold in [0.0, 0.3, 0.8, 1.0] {
        let threshold = Threshold::new(threshold).unwrap();
        let counts = iteration.suggestion_counts(&[], threshold).unwrap();
        assert_eq!(counts.keys().copied().collect::<BTreeSet<_>>(), tags.into_iter().collect());
        for tag in tags {
            let reaches = |one: &&Suggestion| probability(one, tag) >= threshold.value();
            let expected: HashSet<ImageId> = all.iter().filter(reaches).map(|one| one.image_id).collect();
            assert_eq!(counts[&tag], expected.len() as u64);
            let one = iteration.suggestion_counts(&[tag], threshold).unwrap();
            assert_eq!(one.into_iter().collect::<Vec<_>>(), [(tag, expected.len() as u64)]);
            let query =
                SuggestionQuery { tag_ids: vec![tag], threshold: Some(threshold), ..Default::default() };
            let found = iteration.suggestions(&query).unwrap().results;
            assert_eq!(ids(&found).into_iter().collect::<HashSet<_>>(), expected);
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let scene =
        Scene::in_memory_with(OpenOptions::new().limits(Limits { suggested: 2, ..Limits::default() }));
    let (project, iteration, tags) = learnt(&scene, multiclass());
    let some = ids(&pages(&iteration, SuggestionOrder::Novelty, 256));
    let code = |error: Error| error.code().as_str();
    assert_eq!(code(iteration.suggest(&some[..3]).unwrap_err()), "BadRequestExceededBatchSize");
    let gone = some[0];
    assert!(project.delete_images(vec![gone]).unwrap().status.is_complete());
    assert!(iteration.suggest(&[gone]).is_err());
    let ask = |query| iteration.suggestions(&query).unwrap_err();
    let order = SuggestionQuery {
        continuation: Some(SuggestionContinuation::Beyond { suggested: vec![] }),
        sort_by: SuggestionOrder::Novelty,
        ..Default::default()
    };
    assert_eq!(code(ask(order)), "BadRequestPredictionInvalidQueryParameters");
    let long = SuggestionQuery { max_count: 257, ..Default::default() };
    assert_eq!(code(ask(long)), "BadRequestExceededBatchSize");
    let many = SuggestionQuery { tag_ids: vec![tags[0]; 21], ..Default::default() };
    assert_eq!(code(ask(many)), "BadRequestExceededBatchSize");
    let new = project.create_tag("made since").unwrap().id;
    let unknown = SuggestionQuery { tag_ids: vec![new], ..Default::default() };
    assert_eq!(code(ask(unknown)), "BadRequestInvalidIds");
}

/// Overwrites the file in which a photo is stored.
fn damage(directory: &Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path, bytes);
        } else if std::fs::read(&path).unwrap() == bytes {
            std::fs::write(&path, b"no photo").unwrap();
        }
    }
}

#[test]
fn unreadable_photos_are_named_and_answers_are_kept() {
    let scene = Scene::in_directory();
    let (project, iteration, _) = learnt(&scene, multiclass());
    let all = pages(&iteration, SuggestionOrder::Novelty, 256);
    let more = untagged(&project, "windmill", 2);
    for image in [all[0].image_id, more[1]] {
        damage(scene.path(), &project.image_bytes(image).unwrap());
        assert!(project.image_bytes(image).is_err());
    }
    let query = SuggestionQuery { max_count: 256, sort_by: SuggestionOrder::Novelty, ..Default::default() };
    let page = iteration.suggestions(&query).unwrap();
    assert_eq!(page.unreadable, [more[1]]);
    assert_eq!(page.results.len(), 15);
    // What was answered before is not computed again.
    let kept = page.results.iter().find(|one| one.image_id == all[0].image_id).unwrap();
    assert_eq!(kept, &all[0]);
    let suggestions = iteration.suggest(&[more[1], more[0]]).unwrap();
    assert_eq!((ids(&suggestions.results), suggestions.unreadable), (vec![more[0]], vec![more[1]]));
    assert_eq!(project.details().unwrap().settings.classification_type, ClassificationType::Multiclass);
}
