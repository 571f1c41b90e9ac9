//! The main job, from end to end: label photos, train, evaluate, publish, predict.
//!
//! ```text
//! cargo run --release --example quickstart
//! ```
//!
//! The photos are real ones, in `examples/photos`: 82 to train on in five kinds, 33 to predict. Everything that is
//! stored lies in one data directory under `target`, which each run makes anew.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person at a terminal")]

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use ocelli::{
    Confusion, IterationPerformance, NewProject, Ocelli, ProjectHandle, StopToken, Threshold, TrainOptions,
    TrainingEvent,
};

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let photos = here.join("photos");
    let data = here.join("../target/quickstart");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }

    let ocelli = Ocelli::open(&data)?;
    let project = ocelli.create_project(NewProject::new("quickstart").multiclass())?;

    let added = project.add_folder(photos.join("train"))?;
    for (name, error) in added.refused() {
        println!("{} was refused: {error}", name.unwrap_or("a photo"));
    }
    let tags = project.tags()?;
    let counts: Vec<String> = tags.iter().map(|tag| format!("{} {}", tag.image_count, tag.name)).collect();
    println!("Added {} photos: {}.", added.added().count(), counts.join(", "));

    let options = TrainOptions { seed: 1, ..TrainOptions::default() };
    let iteration = project.train_watched(&options, &StopToken::new(), &show_progress)?;
    let threshold = Threshold::default();
    println!("\nWhat {} answers to photos that its folds had not seen:", iteration.details()?.name);
    print_performance(&iteration.performance(threshold)?);
    print_confusion(&iteration.confusion(threshold)?, &project)?;

    iteration.publish("production")?;
    println!("\nPublished as \"production\". Asked about photos that it was not trained on:");
    predict_all(&project, &photos.join("test"))?;
    println!("\nThe data lies in {}.", data.canonicalize()?.display());
    Ok(())
}

/// A line that is written over on a terminal, and lines elsewhere.
fn show_progress(event: TrainingEvent) {
    let terminal = std::io::stderr().is_terminal();
    match event {
        TrainingEvent::Features { done, total, .. } if terminal => {
            eprint!("\rLooking at the photos: {done} of {total} ");
            if done == total {
                eprintln!();
            }
        }
        TrainingEvent::Features { done, total, .. } if done == total => {
            eprintln!("Looked at {total} photos.");
        }
        TrainingEvent::StrengthTried { strength, held_out_loss, held_out_top1 } => eprintln!(
            "Regularisation {strength:.0e}: loss {held_out_loss:.3}, {:.1} % right on photos held out",
            100.0 * held_out_top1
        ),
        TrainingEvent::Completed { training_millis } => {
            eprintln!("Trained in {:.1} s.", training_millis as f64 / 1000.0);
        }
        _ => {}
    }
    // Progress is a courtesy: a closed terminal is no reason to stop.
    let _ = std::io::stderr().flush();
}

fn print_performance(performance: &IterationPerformance) {
    println!("{:<14}{:>10}{:>10}{:>10}{:>10}", "", "photos", "precision", "recall", "AP");
    let row = |name: &str, photos: usize, precision: f64, recall: f64, area: Option<f64>| {
        let area = area.map_or_else(|| "-".to_owned(), |area| format!("{area:.3}"));
        println!("{name:<14}{photos:>10}{precision:>10.3}{recall:>10.3}{area:>10}");
    };
    for tag in &performance.per_tag_performance {
        row(tag.name.as_str(), tag.photos, tag.precision, tag.recall, tag.average_precision);
    }
    let photos = performance.per_tag_performance.iter().map(|tag| tag.photos).sum();
    row("all", photos, performance.precision, performance.recall, performance.average_precision);
}

/// The cells off the diagonal, with the names of the photos behind them.
fn print_confusion(confusion: &Confusion, project: &ProjectHandle) -> Result<(), Box<dyn Error>> {
    let name = |tag: Option<u16>| match tag.and_then(|tag| confusion.tags.get(usize::from(tag))) {
        Some(tag) => tag.name.as_str(),
        None => "nothing sure",
    };
    println!("\nTaken for another:");
    for cell in confusion.cells.iter().filter(|cell| cell.actual != cell.given) {
        let photos = project.images_by_id(&cell.photos)?;
        let names: Vec<&str> = photos.iter().filter_map(|photo| photo.origin.name()).collect();
        println!("  {} taken for {}: {}", name(cell.actual), name(cell.given), names.join(", "));
    }
    Ok(())
}

fn predict_all(project: &ProjectHandle, folder: &Path) -> Result<(), Box<dyn Error>> {
    let (mut right, mut all) = (0, 0);
    for tag_folder in sorted(folder)? {
        for file in sorted(&tag_folder)? {
            let answer = project.predict("production", &std::fs::read(&file)?)?;
            let actual = tag_folder.file_name().unwrap_or_default().to_string_lossy();
            let Some(best) = answer.best() else { continue };
            let mark = if best.tag_name == *actual { "" } else { "  <- wrong" };
            right += usize::from(mark.is_empty());
            all += 1;
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            println!(
                "  {actual:<12} {file:<32} {:<12} {:>5.1} %{mark}",
                best.tag_name,
                100.0 * best.probability
            );
        }
    }
    println!("{right} of {all} right.");
    Ok(())
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
