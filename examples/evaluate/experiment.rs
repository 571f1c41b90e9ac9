//! One experiment: import, train, predict.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ocelli::{
    EvaluatedPhoto, Evaluation, ImageFilter, ImagePrediction, Int8Cost, IterationHandle, Limits, Model,
    NewProject, OpenOptions, Precision, ProjectHandle, PublishOptions, StopToken, TagId, TrainOptions,
    TrainedTag, TrainingEvent, Upload, View, limits,
};
use rayon::prelude::*;

use crate::console::tell;
use crate::dataset::{Dataset, Photo};
use crate::options::Options;

/// What one experiment found.
pub(crate) struct Outcome {
    /// Its seed.
    pub(crate) seed: u64,
    /// The part of a photo that the network sees.
    pub(crate) view: View,
    /// Photos stored to train on; the same bytes twice are one.
    pub(crate) train_photos: usize,
    /// Photos that were refused, to train on or to test with.
    pub(crate) refused: usize,
    /// What the iteration answered to the photos to test with.
    pub(crate) test: Evaluation<PathBuf>,
    /// What its folds answered to the photos to train on.
    pub(crate) out_of_fold: Evaluation,
    /// Seconds to read, check and store the photos.
    pub(crate) import_seconds: f64,
    /// Seconds to train.
    pub(crate) train_seconds: f64,
    /// Seconds to read and predict the photos to test with, on all cores.
    pub(crate) predict_seconds: f64,
    /// Seconds to train again after one more photo was tagged.
    pub(crate) retrain_seconds: Option<f64>,
    /// How int8 compares with f32, where the photos were predicted in int8.
    pub(crate) int8: Option<Int8Outcome>,
}

/// How int8 compares with f32.
pub(crate) struct Int8Outcome {
    /// The fraction of the photos to test with whose most probable tag is the same in both, 0 to 1.
    pub(crate) agreement: Option<f64>,
    /// Top-1 over those photos in f32.
    pub(crate) top1_f32: Option<f64>,
    /// What the training recorded.
    pub(crate) cost: Int8Cost,
}

/// Runs the experiment in a data directory that is gone afterwards.
pub(crate) fn run(options: &Options, dataset: &Dataset, seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    // The photos to test with are taken as large as those to train on.
    let limits = Limits { predict_bytes: Limits::default().train_bytes, ..Limits::default() };
    let ocelli = OpenOptions::new().limits(limits).open(directory.path())?;
    let new = NewProject::new("evaluate").domain(options.domain);
    let project =
        ocelli.create_project(if options.multilabel { new.multilabel() } else { new.multiclass() })?;
    let project = project.with_views(options.views);
    let mut photos = match options.shots {
        Some(shots) => dataset.shots(shots, seed),
        None => dataset.train.clone(),
    };
    let held_back = if options.retrain { photos.pop() } else { None };

    let began = Instant::now();
    let tags = create_tags(&project, dataset)?;
    let refused = import(&project, &photos, &tags, options.multilabel)?;
    let late = held_back
        .as_ref()
        .map(|photo| project.add_image(std::fs::read(&photo.path)?, &[]).map_err(Box::<dyn Error>::from));
    let late = late.transpose()?;
    let import_seconds = began.elapsed().as_secs_f64();
    let train_photos = usize::try_from(project.image_count(&ImageFilter::default())?)?;

    let train_options = TrainOptions {
        training: options.training.clone(),
        seed,
        balance: options.balance,
        view: options.view,
        int8: options.precision == Precision::Int8,
        ..TrainOptions::default()
    };
    let train = || project.train_watched(&train_options, &StopToken::new(), &show_progress);
    let began = Instant::now();
    let mut iteration = train()?;
    let train_seconds = began.elapsed().as_secs_f64();

    let mut retrain_seconds = None;
    if let (Some(added), Some(photo)) = (late, held_back) {
        let late_tags = photo.tags.iter().filter_map(|tag| Some((added.image.id, *tags.get(tag)?)));
        project.tag_images(late_tags.collect())?;
        let began = Instant::now();
        iteration = train()?;
        retrain_seconds = Some(began.elapsed().as_secs_f64());
    }

    // Whatever int8 costs, here it is to be seen.
    let publish = PublishOptions { precision: options.precision, insist: true, ..PublishOptions::default() };
    iteration.publish_with("evaluate", &publish)?;
    let began = Instant::now();
    let test = predict(&iteration, &dataset.test, |photo| project.predict("evaluate", photo))?;
    let predict_seconds = began.elapsed().as_secs_f64();
    let unreadable = test.photos.iter().filter(|photo| photo.probabilities.is_empty()).count();
    let int8 = match iteration.manifest()?.int8 {
        Some(measured) => Some(compare(&iteration, &dataset.test, &test, measured.cost)?),
        None => None,
    };
    Ok(Outcome {
        seed,
        view: Model::from_bytes(&iteration.model_file()?)?.network().preprocessing().view,
        train_photos,
        refused: refused + unreadable,
        test,
        out_of_fold: iteration.evaluation()?,
        import_seconds,
        train_seconds,
        predict_seconds,
        retrain_seconds,
        int8,
    })
}

fn create_tags(project: &ProjectHandle, dataset: &Dataset) -> Result<BTreeMap<String, TagId>, String> {
    let create = |tag: &str| match project.create_tag(tag) {
        Ok(created) => Ok((tag.to_owned(), created.id)),
        Err(error) => Err(format!("the tag {tag:?} cannot be made: {error}")),
    };
    dataset.tags().into_iter().map(create).collect()
}

/// Stores the photos to train on, and counts those that were refused.
fn import(
    project: &ProjectHandle,
    photos: &[Photo],
    tags: &BTreeMap<String, TagId>,
    multilabel: bool,
) -> Result<usize, ocelli::Error> {
    let own = |photo: &Photo| -> BTreeSet<TagId> {
        photo.tags.iter().filter_map(|tag| tags.get(tag)).copied().collect()
    };
    // An upload carries so many tags; the others of a photo follow it.
    let upload = |photo: &Photo| {
        Upload::file(&photo.path).tags(own(photo).into_iter().take(limits::MAX_TAGS_PER_BATCH))
    };
    let summary = project.add_files(photos.iter().map(upload))?;
    let mut several = BTreeSet::new();
    for (photo, result) in photos.iter().zip(&summary.results) {
        match &result.image {
            Ok(added) => {
                if added.image.tags.len() > 1 {
                    several.insert(added.image.id);
                }
                let others = own(photo).into_iter().skip(limits::MAX_TAGS_PER_BATCH);
                let others: Vec<_> = others.map(|tag| (added.image.id, tag)).collect();
                if !others.is_empty() {
                    project.tag_images(others)?;
                }
            }
            Err(error @ ocelli::Error::File { .. }) => tell(error),
            Err(error) => tell(format_args!("{}: {error}", photo.path.display())),
        }
    }
    if !several.is_empty() && !multilabel {
        tell(format_args!(
            "photos that have several tags and are left out, unless with --multilabel: {}",
            several.len()
        ));
    }
    let duplicates = summary.duplicates().count();
    if duplicates > 0 {
        tell(format_args!("photos that were there already, and whose tags joined the first: {duplicates}"));
    }
    Ok(summary.refused().count())
}

/// Predicts the photos to test with in f32 too, and compares.
fn compare(
    iteration: &IterationHandle,
    photos: &[Photo],
    int8: &Evaluation<PathBuf>,
    cost: Int8Cost,
) -> Result<Int8Outcome, Box<dyn Error>> {
    let f32 = predict(iteration, photos, |photo| iteration.quick_test(photo))?;
    let pairs = || f32.photos.iter().zip(&int8.photos).filter(|(f32, _)| !f32.probabilities.is_empty());
    let (all, alike) = (pairs().count(), pairs().filter(|(f32, int8)| f32.best() == int8.best()).count());
    let agreement = (all > 0).then(|| alike as f64 / all as f64);
    Ok(Int8Outcome { agreement, top1_f32: f32.top1(), cost })
}

/// Asks about the photos to test with. One that cannot be predicted has no probabilities and so counts as wrong.
fn predict(
    iteration: &IterationHandle,
    photos: &[Photo],
    ask: impl Fn(&[u8]) -> Result<ImagePrediction, ocelli::Error> + Sync,
) -> Result<Evaluation<PathBuf>, Box<dyn Error>> {
    let Evaluation { classification_type, tags, .. } = iteration.evaluation()?;
    let photos = photos.par_iter().map(|photo| evaluated(&ask, &tags, photo)).collect();
    Ok(Evaluation { classification_type, tags, photos })
}

fn evaluated(
    ask: &impl Fn(&[u8]) -> Result<ImagePrediction, ocelli::Error>,
    tags: &[TrainedTag],
    photo: &Photo,
) -> EvaluatedPhoto<PathBuf> {
    let own =
        |name: &String| (0u16..).zip(tags).find(|(_, tag)| tag.name == *name.trim()).map(|(index, _)| index);
    let probabilities = match probabilities(ask, tags, &photo.path) {
        Ok(probabilities) => probabilities,
        Err(error) => {
            tell(format_args!("{}: {error}", photo.path.display()));
            Vec::new()
        }
    };
    EvaluatedPhoto {
        photo: photo.path.clone(),
        tags: photo.tags.iter().filter_map(own).collect(),
        fold: 0,
        probabilities,
    }
}

fn probabilities(
    ask: &impl Fn(&[u8]) -> Result<ImagePrediction, ocelli::Error>,
    tags: &[TrainedTag],
    path: &Path,
) -> Result<Vec<f32>, Box<dyn Error>> {
    let answer = ask(&std::fs::read(path)?)?;
    let of = |tag: &TrainedTag| {
        answer.predictions.iter().find(|p| p.tag_id == tag.id).map_or(0.0, |p| p.probability)
    };
    Ok(tags.iter().map(of).collect())
}

fn show_progress(event: TrainingEvent) {
    let terminal = std::io::stderr().is_terminal();
    let begin = if terminal { "\r" } else { "" };
    match event {
        TrainingEvent::Started { photos, tags, left_out } => {
            tell(format_args!("training on {photos} photos of {tags} tags, {left_out} left out"));
        }
        TrainingEvent::Features { done, total, cached } if terminal || done == total => {
            let line = format!("features of {done} of {total} photos, {cached} from before");
            if done == total {
                tell(format_args!("{begin}{line}"));
            } else {
                // Written over by the next; as a courtesy.
                let _ = write!(std::io::stderr(), "{begin}{line}");
            }
        }
        TrainingEvent::Calibration { done, total } if done == total => {
            tell(format_args!("calibrated for int8 on {total} photos"));
        }
        TrainingEvent::Int8Measured { cost } => tell(cost),
        TrainingEvent::RoundEnded { round, rounds, training_loss, held_out_loss, held_out_top1 } => {
            tell(format_args!(
                "round {round} of {rounds}: loss {training_loss:.4}, held-out loss {held_out_loss:.4}, \
                 top-1 {held_out_top1:.4}"
            ));
        }
        TrainingEvent::ViewTried { view, held_out_loss } => {
            tell(format_args!("view {view:?}: held-out loss {held_out_loss:.4}"));
        }
        TrainingEvent::StrengthTried { strength, held_out_loss, held_out_top1 } => {
            tell(format_args!(
                "strength {strength:.0e}: held-out loss {held_out_loss:.4}, top-1 {held_out_top1:.4}"
            ));
        }
        _ => {}
    }
}
