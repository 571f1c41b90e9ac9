//! Kept predictions: found, deleted, trained on, expired.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use ocelli::{
    Budget, Clock, Error, ErrorCode, ImageCreateStatus, ImagePrediction, IterationHandle, Keep, Name, Order,
    Origin, PredictionId, PredictionQuery, ProbabilityRange, ProjectHandle, Threshold, TrainOptions,
    UsePrediction,
};
use ocelli_tests::{Scene, drawn, in_both, trained};

fn code<T>(result: Result<T, Error>) -> ErrorCode {
    result.err().expect("the call was to be refused").code()
}

fn keep() -> Keep {
    Keep::both()
}

fn kept_for(application: &str) -> Keep {
    Keep::by(Name::new(application).unwrap())
}

fn published(scene: &Scene) -> (ProjectHandle, IterationHandle) {
    let (project, iteration) = trained(&scene.ocelli);
    iteration.publish("production").unwrap();
    (project, iteration)
}

/// The ids that a question finds, in its order.
fn found(project: &ProjectHandle, query: &PredictionQuery) -> Vec<PredictionId> {
    let results = project.predictions(query).unwrap().results;
    results.iter().map(|kept| kept.prediction.id).collect()
}

/// Keeps predictions of these drawn photos, a second apart.
fn keep_all(
    scene: &Scene,
    project: &ProjectHandle,
    numbers: impl IntoIterator<Item = u8>,
) -> Vec<ImagePrediction> {
    let predict = |number| {
        scene.pass_millis(1000);
        project.predict_with("production", &drawn(number), keep()).unwrap()
    };
    numbers.into_iter().map(predict).collect()
}

fn ids(predictions: &[ImagePrediction]) -> Vec<PredictionId> {
    predictions.iter().map(|prediction| prediction.id).collect()
}

#[test]
fn nothing_is_kept_unless_asked() {
    in_both(|scene| {
        let (project, iteration) = published(scene);
        project.predict("production", &drawn(90)).unwrap();
        iteration.quick_test(&drawn(91)).unwrap();
        assert!(found(&project, &PredictionQuery::default()).is_empty());
    });
}

#[test]
fn a_kept_prediction_has_the_answer_and_the_photo() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let answer = project.predict_with("production", &drawn(90), kept_for("shop")).unwrap();
        let kept = project.prediction(answer.id).unwrap();
        assert_eq!(kept.prediction, answer);
        assert_eq!((kept.width, kept.height), (48, 32));
        assert_eq!(kept.publish_name.unwrap(), "production");
        assert_eq!(kept.application.unwrap(), "shop");
        assert_eq!(kept.expires, Some(answer.created.plus_days(30)));
        assert_eq!(project.prediction_bytes(answer.id).unwrap(), drawn(90));
    });
}

#[test]
fn a_kept_quick_test_has_no_publication() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let answer = iteration.quick_test_with(&drawn(90), keep()).unwrap();
        assert_eq!(project.prediction(answer.id).unwrap().publish_name, None);
    });
}

#[test]
fn kept_predictions_come_newest_first_or_oldest_first() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let mut kept = ids(&keep_all(scene, &project, 90..93));
        let oldest = PredictionQuery { order: Order::Oldest, ..PredictionQuery::default() };
        assert_eq!(found(&project, &oldest), kept);
        kept.reverse();
        assert_eq!(found(&project, &PredictionQuery::default()), kept);
    });
}

#[test]
fn pages_follow_one_another_without_gap_or_repetition() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let kept = ids(&keep_all(scene, &project, 90..95));
        let mut query = PredictionQuery { order: Order::Oldest, take: 2, ..PredictionQuery::default() };
        let mut paged = Vec::new();
        loop {
            let page = project.predictions(&query).unwrap();
            assert!(page.results.len() <= 2);
            paged.extend(page.results.iter().map(|kept| kept.prediction.id));
            match page.continuation {
                Some(_) => query.continuation = page.continuation,
                None => break,
            }
        }
        assert_eq!(paged, kept);
    });
}

#[test]
fn kept_predictions_are_found_by_a_tags_range() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let kept = keep_all(scene, &project, 90..94);
        let tag_id = project.tags().unwrap()[0].id;
        let probability = |answer: &ImagePrediction| {
            answer.predictions.iter().find(|each| each.tag_id == tag_id).unwrap().probability
        };
        let range =
            ProbabilityRange { tag_id, min: Threshold::new(0.5).unwrap(), max: Threshold::new(1.0).unwrap() };
        let query = PredictionQuery { tags: vec![range], order: Order::Oldest, ..PredictionQuery::default() };
        let likely: Vec<_> =
            kept.iter().filter(|answer| probability(answer) >= 0.5).map(|answer| answer.id).collect();
        assert_eq!(likely.len(), 2, "half of the photos show the tag");
        assert_eq!(found(&project, &query), likely);
    });
}

#[test]
fn several_tags_of_a_question_must_all_match() {
    in_both(|scene| {
        let (project, _) = published(scene);
        keep_all(scene, &project, 90..92);
        // Of two classes that sum to 1, both cannot be above 0.5.
        let half = |tag_id| ProbabilityRange {
            tag_id,
            min: Threshold::new(0.51).unwrap(),
            max: Threshold::new(1.0).unwrap(),
        };
        let tags = project.tags().unwrap().iter().map(|tag| half(tag.id)).collect();
        assert!(found(&project, &PredictionQuery { tags, ..PredictionQuery::default() }).is_empty());
    });
}

#[test]
fn kept_predictions_are_found_by_time_from_start_to_before_end() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let kept = keep_all(scene, &project, 90..94);
        let query = PredictionQuery {
            start_time: Some(kept[1].created),
            end_time: Some(kept[3].created),
            order: Order::Oldest,
            ..PredictionQuery::default()
        };
        assert_eq!(found(&project, &query), ids(&kept[1..3]));
    });
}

#[test]
fn kept_predictions_are_found_by_iteration() {
    in_both(|scene| {
        let (project, first) = trained(&scene.ocelli);
        let second = project.train(&TrainOptions { force: true, ..TrainOptions::default() }).unwrap();
        first.quick_test_with(&drawn(90), keep()).unwrap();
        let of_second = second.quick_test_with(&drawn(90), keep()).unwrap();
        let query = PredictionQuery { iteration_id: Some(second.id()), ..PredictionQuery::default() };
        assert_eq!(found(&project, &query), [of_second.id]);
    });
}

#[test]
fn kept_predictions_are_found_by_application() {
    in_both(|scene| {
        let (project, _) = published(scene);
        project.predict_with("production", &drawn(90), kept_for("shop")).unwrap();
        let of_app = project.predict_with("production", &drawn(91), kept_for("app")).unwrap();
        let query =
            PredictionQuery { application: Some(Name::new("app").unwrap()), ..PredictionQuery::default() };
        assert_eq!(found(&project, &query), [of_app.id]);
    });
}

#[test]
fn a_deleted_prediction_is_gone_with_its_photo() {
    let scene = Scene::in_directory();
    let (project, _) = published(&scene);
    let kept = keep_all(&scene, &project, 90..92);
    assert!(project.delete_predictions(vec![kept[0].id]).unwrap().status.is_complete());
    assert_eq!(code(project.prediction(kept[0].id)), ErrorCode::NotFound);
    assert_eq!(code(project.prediction_bytes(kept[0].id)), ErrorCode::NotFound);
    assert_eq!(found(&project, &PredictionQuery::default()), [kept[1].id]);
}

#[test]
fn a_prediction_trained_on_moves_to_the_photos() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let answer = project.predict_with("production", &drawn(90), keep()).unwrap();
        let tag = project.tags().unwrap()[0].id;
        let used = UsePrediction { prediction: answer.id, tags: vec![tag], regions: Vec::new() };
        let summary = project.use_predictions(vec![used]).unwrap();
        let image = &summary.added().next().unwrap().image;
        assert_eq!(image.origin, Origin::Prediction { prediction_id: answer.id });
        assert_eq!((image.width, image.height, image.tags[0].tag_id), (48, 32, tag));
        assert_eq!(project.image_bytes(image.id).unwrap(), drawn(90));
        assert_eq!(code(project.prediction(answer.id)), ErrorCode::NotFound);
        scene.pass_days(31);
        assert_eq!(project.image_bytes(image.id).unwrap(), drawn(90), "it stays for good");
    });
}

#[test]
fn a_prediction_of_a_photo_that_is_there_already_joins_it() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let answer = project.predict_with("production", &drawn(0), keep()).unwrap();
        let used = UsePrediction { prediction: answer.id, tags: Vec::new(), regions: Vec::new() };
        let summary = project.use_predictions(vec![used]).unwrap();
        assert_eq!(summary.results[0].status, ImageCreateStatus::OkDuplicate);
        assert_eq!(project.image_count(&Default::default()).unwrap(), 12);
        let image = summary.duplicates().next().unwrap().image.id;
        assert_eq!(project.image_bytes(image).unwrap(), drawn(0));
    });
}

#[test]
fn one_prediction_that_is_gone_does_not_keep_the_others_from_training() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let kept = keep_all(scene, &project, 90..92);
        assert!(project.delete_predictions(vec![kept[0].id]).unwrap().status.is_complete());
        let used = |id| UsePrediction { prediction: id, tags: Vec::new(), regions: Vec::new() };
        let summary = project.use_predictions(ids(&kept).into_iter().map(used).collect()).unwrap();
        let statuses: Vec<_> = summary.results.iter().map(|result| result.status).collect();
        assert_eq!(statuses, [ImageCreateStatus::ErrorSource, ImageCreateStatus::Ok]);
    });
}

#[test]
fn an_expired_prediction_is_invisible_at_once_and_cannot_be_used() {
    in_both(|scene| {
        let (project, _) = published(scene);
        let answer = project.predict_with("production", &drawn(90), keep()).unwrap();
        scene.clock.set(answer.created.plus_days(30));
        scene.pass_millis(-1);
        assert_eq!(found(&project, &PredictionQuery::default()), [answer.id]);
        scene.pass_millis(1);
        assert_eq!(scene.clock.now(), answer.created.plus_days(30));
        assert!(found(&project, &PredictionQuery::default()).is_empty());
        assert_eq!(code(project.prediction(answer.id)), ErrorCode::NotFound);
        assert_eq!(code(project.prediction_bytes(answer.id)), ErrorCode::NotFound);
        let used = UsePrediction { prediction: answer.id, tags: Vec::new(), regions: Vec::new() };
        assert!(!project.use_predictions(vec![used]).unwrap().is_batch_successful());
        assert_eq!(code(project.delete_predictions(vec![answer.id])), ErrorCode::NotFound);
        // It is there until it is swept.
        let swept = scene.ocelli.sweep(scene.clock.now(), Budget::default()).unwrap();
        assert_eq!((swept.erased, swept.status.is_complete()), (1, true));
    });
}
