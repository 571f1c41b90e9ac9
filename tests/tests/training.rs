//! What a training takes, refuses, repeats and leaves behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use ocelli::{
    Domain, Error, ErrorCode, IterationStatus, LeftOut, Limits, NewProject, Ocelli, OpenOptions,
    ProjectHandle, ProjectSettings, ProjectUpdate, StopToken, TagType, TrainError, TrainOptions,
    TrainingEvent, TrainingFailure,
};
use ocelli_tests::{Scene, SeededRandom, drawn, encoded, in_both, label, label_real, trainable, trained};

fn code<T>(result: Result<T, Error>) -> ErrorCode {
    result.err().expect("the call was to be refused").code()
}

fn forced() -> TrainOptions {
    TrainOptions { force: true, ..TrainOptions::default() }
}

/// Trains, and returns how many features were there before and how many photos there are.
fn cached_of_total(project: &ProjectHandle) -> (usize, usize) {
    let seen = Mutex::new(Vec::new());
    let watch = |event: TrainingEvent| {
        if let TrainingEvent::Features { cached, total, .. } = event {
            seen.lock().unwrap().push((cached, total));
        }
    };
    project.train_watched(&TrainOptions::default(), &StopToken::new(), &watch).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|pass| *pass == seen[0]), "the views differ: {seen:?}");
    seen[0]
}

#[test]
fn too_few_photos_are_refused_with_what_each_tag_lacks() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("few").multiclass()).unwrap();
        label(&project, "enough", 0..5);
        label(&project, "scarce", 5..8);
        let error = project.train(&TrainOptions::default()).unwrap_err();
        let Error::Train(TrainError::TooFewPhotos { lacks, .. }) = &error else { panic!("{error}") };
        let lacks: Vec<_> = lacks.iter().map(|lack| (lack.tag.as_str(), lack.photos, lack.needed)).collect();
        assert_eq!(lacks, [("scarce", 3, 5)]);
        assert!(project.iterations().unwrap().is_empty(), "nothing was begun");
    });
}

#[test]
fn one_tag_is_too_few() {
    let scene = Scene::in_memory();
    let project = scene.ocelli.create_project(NewProject::new("one").multiclass()).unwrap();
    label(&project, "only", 0..6);
    let error = project.train(&TrainOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Train(TrainError::TooFewTags { tags: 1, .. })), "{error}");
}

#[test]
fn a_training_that_would_repeat_the_last_is_refused_unless_forced() {
    in_both(|scene| {
        let (project, _) = trained(&scene.ocelli);
        assert_eq!(code(project.train(&TrainOptions::default())), ErrorCode::BadRequestTrainingNotNeeded);
        project.train(&forced()).unwrap();
        assert_eq!(project.iterations().unwrap().len(), 2);
    });
}

#[test]
fn a_new_photo_is_the_only_one_that_a_second_training_decodes() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        assert_eq!(cached_of_total(&project), (0, 12));
        let tag = project.tags().unwrap()[0].id;
        project.add_image(drawn(90), &[tag]).unwrap();
        assert_eq!(cached_of_total(&project), (12, 13));
    });
}

#[test]
fn one_more_tag_on_a_known_photo_is_a_change_that_decodes_nothing() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("several").multilabel()).unwrap();
        label(&project, "upright", (0..12).step_by(2));
        let level = label(&project, "level", (1..12).step_by(2));
        assert_eq!(cached_of_total(&project), (0, 12));
        let upright = project.images(&Default::default()).unwrap();
        let without = upright.iter().find(|image| image.tags.iter().all(|tag| tag.tag_id != level)).unwrap();
        project.tag_images(vec![(without.id, level)]).unwrap();
        assert_eq!(cached_of_total(&project), (12, 12));
    });
}

#[test]
fn a_multiclass_photo_with_two_tags_is_left_out_and_listed() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let tags: Vec<_> = project.tags().unwrap().iter().map(|tag| tag.id).collect();
    let both = project.add_image(drawn(90), &tags).unwrap().image.id;
    let manifest = project.train(&TrainOptions::default()).unwrap().manifest().unwrap();
    assert_eq!(manifest.left_out, [(both, LeftOut::SeveralTags)]);
    assert!(manifest.evaluation.photos.iter().all(|photo| photo.photo != both));
}

#[test]
fn an_untagged_photo_takes_no_part() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    project.add_image(drawn(90), &[]).unwrap();
    assert_eq!(cached_of_total(&project), (0, 12));
}

/// Fish and monuments, and stripes as what is neither.
fn with_negative(scene: &Scene, settings: ProjectSettings) -> ProjectHandle {
    let project =
        scene.ocelli.create_project(NewProject::new("negative").settings(settings).multiclass()).unwrap();
    label_real(&project, "fish", 5);
    label_real(&project, "monument", 5);
    let none = project.create_negative_tag("none of these").unwrap().id;
    for number in 0..5 {
        project.add_image(drawn(number), &[none]).unwrap();
    }
    project
}

#[test]
fn the_negative_tag_is_trained_as_none_of_these() {
    in_both(|scene| {
        let project = with_negative(scene, ProjectSettings::default());
        let iteration = project.train(&TrainOptions::default()).unwrap();
        let answer = iteration.quick_test(&drawn(91)).unwrap();
        let best = answer.best().unwrap();
        assert_eq!((best.tag_name.as_str(), best.tag_type), ("none of these", TagType::Negative));
        assert_eq!(answer.predictions.len(), 3);
    });
}

#[test]
fn the_negative_set_can_be_left_out() {
    let scene = Scene::in_memory();
    let settings = ProjectSettings { use_negative_set: false, ..ProjectSettings::default() };
    let project = with_negative(&scene, settings);
    let iteration = project.train(&TrainOptions::default()).unwrap();
    let left_out = iteration.manifest().unwrap().left_out;
    assert_eq!(left_out.len(), 5);
    assert!(left_out.iter().all(|(_, why)| *why == LeftOut::NegativeSet));
    assert_eq!(iteration.quick_test(&drawn(91)).unwrap().predictions.len(), 2);
}

#[test]
fn multilabel_probabilities_stand_each_for_itself() {
    let scene = Scene::in_memory();
    let project = scene.ocelli.create_project(NewProject::new("several").multilabel()).unwrap();
    let upright = label(&project, "upright", (0..12).step_by(2));
    let level = label(&project, "level", (1..12).step_by(2));
    // Every photo is drawn too, so this tag is always true and takes nothing from the others.
    let stripes = project.create_tag("stripes").unwrap().id;
    let images = project.images(&Default::default()).unwrap();
    project.tag_images(images.iter().map(|image| (image.id, stripes)).collect()).unwrap();
    let iteration = project.train(&TrainOptions::default()).unwrap();
    let answer = iteration.quick_test(&drawn(90)).unwrap();
    let probability = |id| answer.predictions.iter().find(|each| each.tag_id == id).unwrap().probability;
    assert!(probability(stripes) > 0.5 && probability(upright) > 0.5, "{:?}", answer.predictions);
    assert!(probability(level) < 0.5, "{:?}", answer.predictions);
}

#[test]
fn a_stopped_training_ends_within_a_second_and_says_so() {
    in_both(|scene| {
        let project = scene.ocelli.create_project(NewProject::new("long").multiclass()).unwrap();
        label_real(&project, "fish", 20);
        label_real(&project, "hand_tool", 26);
        let stop = StopToken::new();
        let asked = Mutex::new(None);
        let watch = |event: TrainingEvent| {
            if matches!(event, TrainingEvent::Features { done: 0, .. }) {
                *asked.lock().unwrap() = Some(Instant::now());
                stop.stop();
            }
        };
        let error = project.train_watched(&TrainOptions::default(), &stop, &watch).unwrap_err();
        let took = asked.into_inner().unwrap().unwrap().elapsed();
        assert!(matches!(error, Error::Train(TrainError::Stopped)), "{error}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        let iterations = project.iterations().unwrap();
        assert_eq!(iterations[0].status, IterationStatus::Failed { failure: TrainingFailure::Stopped });
    });
}

#[test]
fn a_stopped_training_keeps_the_features_that_it_computed() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let stop = StopToken::new();
        let watch = |event: TrainingEvent| {
            if matches!(event, TrainingEvent::StrengthTried { .. }) {
                stop.stop();
            }
        };
        project.train_watched(&TrainOptions::default(), &stop, &watch).unwrap_err();
        assert_eq!(cached_of_total(&project), (12, 12));
    });
}

#[test]
fn a_training_beside_another_is_refused() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let second = Mutex::new(None);
        let watch = |event: TrainingEvent| {
            if matches!(event, TrainingEvent::Started { .. }) {
                *second.lock().unwrap() = Some(code(project.train(&forced())));
            }
        };
        project.train_watched(&TrainOptions::default(), &StopToken::new(), &watch).unwrap();
        assert_eq!(second.into_inner().unwrap(), Some(ErrorCode::BadRequestTrainingAlreadyInProgress));
    });
}

#[test]
fn a_training_leaves_other_calls_free() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.publish("production").unwrap();
        let answers = Mutex::new(0);
        let watch = |event: TrainingEvent| {
            if matches!(event, TrainingEvent::StrengthTried { .. }) {
                project.predict("production", &drawn(90)).unwrap();
                project.create_tag(format!("tag {}", *answers.lock().unwrap())).unwrap();
                *answers.lock().unwrap() += 1;
            }
        };
        project.train_watched(&forced(), &StopToken::new(), &watch).unwrap();
        assert!(*answers.lock().unwrap() > 0);
    });
}

#[test]
fn a_training_whose_project_is_deleted_meanwhile_has_failed_when_it_is_restored() {
    in_both(|scene| {
        let project = trainable(&scene.ocelli);
        let watch = |event: TrainingEvent| {
            if matches!(event, TrainingEvent::StrengthChosen { .. }) {
                project.delete().unwrap();
            }
        };
        let error = project.train_watched(&TrainOptions::default(), &StopToken::new(), &watch).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFoundProject);
        let project = scene.ocelli.restore_project(project.id()).unwrap();
        let status = project.iterations().unwrap().remove(0).status;
        assert!(matches!(status, IterationStatus::Failed { .. }), "{status:?}");
    });
}

/// A model trained with this seed on photos whose ids depend on nothing but the order in which they come.
fn model_with_seed(seed: u64) -> Vec<u8> {
    let scene = Scene::in_directory_with(OpenOptions::new().random(SeededRandom::new(7)).threads(2));
    let project = scene.ocelli.create_project(NewProject::new("same").multiclass()).unwrap();
    for (tag, first) in [("upright", 0), ("level", 1)] {
        let tag = project.create_tag(tag).unwrap().id;
        for number in (first..14).step_by(2) {
            project.add_image(drawn(number), &[tag]).unwrap();
        }
    }
    let options = TrainOptions { seed, ..TrainOptions::default() };
    project.train(&options).unwrap().model_file().unwrap()
}

#[test]
fn the_same_seed_and_photos_give_the_same_bits() {
    assert!(model_with_seed(3) == model_with_seed(3));
}

#[test]
fn a_project_has_as_many_iterations_as_the_limit_allows() {
    let limits = Limits { iterations_per_project: 1, ..Limits::default() };
    let scene = Scene::in_directory_with(OpenOptions::new().limits(limits));
    let (project, first) = trained(&scene.ocelli);
    assert_eq!(code(project.train(&forced())), ErrorCode::BadRequestExceedIterationPerProjectLimit);
    assert!(first.delete().unwrap().status.is_complete());
    project.train(&forced()).unwrap();
}

#[test]
fn a_detection_project_can_be_made_and_not_trained() {
    let scene = Scene::in_memory();
    let domain = Ocelli::domains().iter().find(|domain| domain.id == Domain::DETECTION_GENERAL.id).unwrap();
    let project = scene.ocelli.create_project(NewProject::new("boxes").domain(*domain)).unwrap();
    assert_eq!(code(project.train(&TrainOptions::default())), ErrorCode::BadRequestUnsupportedDomain);
}

#[test]
fn another_classification_type_is_a_change_to_train() {
    let scene = Scene::in_memory();
    let (project, _) = trained(&scene.ocelli);
    let mut settings = project.details().unwrap().settings;
    settings.classification_type = ocelli::ClassificationType::Multilabel;
    project.update(ProjectUpdate { settings: Some(settings), ..ProjectUpdate::default() }).unwrap();
    let iteration = project.train(&TrainOptions::default()).unwrap().details().unwrap();
    assert_eq!(iteration.classification_type, ocelli::ClassificationType::Multilabel);
}

#[test]
fn the_centre_view_is_recorded_in_the_model() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let options = TrainOptions { view: Some(ocelli::View::Centre), ..TrainOptions::default() };
    let file = project.train(&options).unwrap().model_file().unwrap();
    let model = ocelli::Model::from_bytes(&file).unwrap();
    // Wide and square photos whose middles are the same look the same to it.
    let wide = encoded(90, 64, 32, image::ImageFormat::Png);
    let square = image::load_from_memory(&wide).unwrap().crop_imm(16, 0, 32, 32);
    let mut cropped = std::io::Cursor::new(Vec::new());
    square.write_to(&mut cropped, image::ImageFormat::Png).unwrap();
    assert_eq!(model.predict(&wide).unwrap(), model.predict(&cropped.into_inner()).unwrap());
}
