//! Which part of a photo a network sees, and how many views of it are asked.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::io::Cursor;
use std::sync::Mutex;

use image::{ImageFormat, Rgb, RgbImage};
use ocelli::{
    Augmentations, Error, Model, NewProject, ProjectHandle, ProjectSettings, ProjectUpdate, Random,
    StopToken, TrainOptions, TrainingEvent, Upload, View, Views,
};
use ocelli_tests::{Scene, SeededRandom, trainable};

/// Squares in a row that makes a photo, and their pixels a side.
const SQUARES: u32 = 5;
const SIDE: u32 = 48;

/// A row of squares of stripes, each of another width, offset and colour: those in the middle square are upright or level, by
/// the tag; those beside it are either.
fn in_the_middle(number: u8, upright: bool) -> Vec<u8> {
    let random = SeededRandom::new(number.into());
    let squares: Vec<(bool, u32, u32, [u8; 2])> = (0..SQUARES)
        .map(|square| {
            let mut drawn = [0; 5];
            random.fill(&mut drawn).unwrap();
            let [direction, width, offset, colours @ ..] = drawn;
            let upright = if square == SQUARES / 2 { upright } else { direction % 2 == 0 };
            (upright, 4 + u32::from(width % 4), offset.into(), colours)
        })
        .collect();
    let pixels = RgbImage::from_fn(SQUARES * SIDE, SIDE, |x, y| {
        let (upright, width, offset, colours) = squares[(x / SIDE) as usize];
        let along = offset + if upright { x } else { y };
        let light = if (along / width).is_multiple_of(2) { 230 } else { 20 };
        Rgb([light, colours[0], colours[1]])
    });
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn with_middles(scene: &Scene, settings: ProjectSettings) -> ProjectHandle {
    let project =
        scene.ocelli.create_project(NewProject::new("middles").settings(settings).multiclass()).unwrap();
    for (tag, upright) in [("upright", true), ("level", false)] {
        let tag = project.create_tag(tag).unwrap().id;
        let numbers = (0..20).map(|number| number * 2 + u8::from(upright));
        let photos = numbers.map(|number| Upload::bytes(in_the_middle(number, upright)).tag(tag));
        assert!(project.add_files(photos).unwrap().is_batch_successful());
    }
    project
}

fn tried(project: &ProjectHandle, options: &TrainOptions) -> (View, Vec<(View, f64)>) {
    let tried = Mutex::new(Vec::new());
    let watch = |event| {
        if let TrainingEvent::ViewTried { view, held_out_loss } = event {
            tried.lock().unwrap().push((view, held_out_loss));
        }
    };
    let trained = project.train_watched(options, &StopToken::new(), &watch).unwrap();
    let model = Model::from_bytes(&trained.model_file().unwrap()).unwrap();
    (model.network().preprocessing().view, tried.into_inner().unwrap())
}

#[test]
fn the_folds_choose_the_view_unless_it_is_named() {
    let scene = Scene::in_memory();
    let project = with_middles(&scene, ProjectSettings::default());
    let f32_only = TrainOptions { int8: false, ..TrainOptions::default() };
    let (view, losses) = tried(&project, &f32_only);
    let [(View::Whole, whole), (View::Centre, centre)] = losses[..] else { unreachable!("{losses:?}") };
    assert!(view == View::Centre && centre < whole, "{losses:?}");

    let named = TrainOptions { view: Some(View::Whole), ..f32_only.clone() };
    assert_eq!(tried(&project, &named), (View::Whole, Vec::new()));
    let again = tried(&project, &f32_only);
    assert_eq!(again, (view, losses), "the last training's view was named, not chosen");
    assert!(matches!(project.train(&f32_only), Err(Error::TrainingNotNeeded { .. })));
    let mut settings = project.details().unwrap().settings;
    settings.augmentations.horizontal_flip = false;
    project.update(ProjectUpdate { settings: Some(settings), ..ProjectUpdate::default() }).unwrap();
    assert_eq!(tried(&project, &f32_only).0, View::Centre, "a switch is a change");
}

#[test]
fn a_quick_trainings_views_follow_the_switches() {
    let model = |augmentations: Augmentations| {
        let project =
            with_middles(&Scene::in_memory(), ProjectSettings { augmentations, ..Default::default() });
        let options = TrainOptions { int8: false, view: Some(View::Whole), ..TrainOptions::default() };
        project.train(&options).unwrap().manifest().unwrap().evaluation.photos[0].probabilities.clone()
    };
    let all = Augmentations::default();
    let unmirrored = Augmentations { horizontal_flip: false, ..all };
    let unmoved = Augmentations { translation: false, ..all };
    let neither = Augmentations { translation: false, ..unmirrored };
    let (all, unmirrored, unmoved, neither) = (model(all), model(unmirrored), model(unmoved), model(neither));
    assert!(all != unmirrored && all != unmoved && unmirrored != neither && unmoved != neither);
}

#[test]
fn an_answer_of_several_views_is_the_mean_of_theirs() {
    let scene = Scene::in_memory();
    let project = trainable(&scene.ocelli);
    let whole = TrainOptions { view: Some(View::Whole), int8: false, ..TrainOptions::default() };
    let iteration = project.train(&whole).unwrap();
    iteration.publish("stripes").unwrap();
    let model = Model::from_bytes(&iteration.model_file().unwrap()).unwrap();
    assert_eq!(model.network().preprocessing().view, View::Whole);
    // Corners of 80 % of its sides begin and end between pixels of a photo of 100 x 50.
    let photo = RgbImage::from_fn(100, 50, |x, y| {
        let along = if y < 25 { x } else { y };
        Rgb([if (along / 6).is_multiple_of(2) { 220 } else { 40 }, 6, 249])
    });
    let photo = image::DynamicImage::from(photo);
    let png = |photo: &image::DynamicImage| {
        let mut bytes = Cursor::new(Vec::new());
        photo.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let corners = [(0, 0), (20, 10), (20, 0), (0, 10)].map(|(x, y)| png(&photo.crop_imm(x, y, 80, 40)));
    let asked = std::iter::once(png(&photo)).chain(corners);
    let of_upright = |answer: Vec<ocelli::Prediction>| {
        f64::from(answer.iter().find(|one| one.tag_name.as_str() == "upright").unwrap().probability)
    };
    let answers: Vec<f64> = asked.map(|photo| of_upright(model.predict(&photo).unwrap())).collect();
    let expected = answers.iter().sum::<f64>() / 5.0;
    assert!((answers[0] - expected).abs() > 0.02, "views that all answer alike show nothing: {answers:?}");

    let photo = png(&photo);
    let of_project = project.clone().with_views(Views::Corners);
    let of_handle = of_project.predict("stripes", &photo).unwrap().predictions;
    let found = [
        of_upright(model.with_views(Views::Corners).predict(&photo).unwrap()),
        of_upright(of_handle),
        of_upright(of_project.published("stripes").unwrap().quick_test(&photo).unwrap().predictions),
    ];
    for found in found {
        assert!((found - expected).abs() < 0.01, "{found} and {expected} of {answers:?}");
    }
    let once = of_upright(project.predict("stripes", &photo).unwrap().predictions);
    assert!((once - answers[0]).abs() < 1e-6);
}
