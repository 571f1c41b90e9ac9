//! The memory that an advanced training takes, whatever the number of photos: 2,500 and 20,000 drawn ones.
//!
//! ```text
//! cargo bench -p ocelli-benches --bench training_memory [-- PHOTOS [SECONDS]]
//! ```
//!
//! Prints the process's memory (Linux's resident set, in MiB) after the photos are stored, and its peak in the quick training
//! and in the fine-tuning after it, which a budget ends. Both numbers of photos take a process of their own. The formula that
//! the peaks are to follow is in docs/architecture.md.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench reports on the terminal and has no caller")]

use std::error::Error;
use std::io::Cursor;
use std::process::Command;
use std::time::Duration;

use image::{ImageFormat, Rgb, RgbImage};
use ocelli::{
    AdvancedOptions, IterationStatus, NewProject, OpenOptions, StopToken, TrainOptions, Training,
    TrainingEvent, Upload,
};

/// The photos of each run.
const PHOTOS: [u32; 2] = [2_500, 20_000];
/// The time that a training may take, in seconds, by default.
const SECONDS: u64 = 180;
/// Pixels of a photo's sides.
const SIDE: u32 = 160;
const TAGS: u32 = 4;
/// Photos that are drawn and added at once.
const BATCH: u32 = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    match numbers.as_slice() {
        [] => {
            for photos in PHOTOS {
                let mut command = Command::new(std::env::current_exe()?);
                command.args([photos.to_string(), SECONDS.to_string()]);
                if !command.status()?.success() {
                    return Err(format!("the run of {photos} photos failed").into());
                }
            }
            Ok(())
        }
        [photos] => run(u32::try_from(*photos)?, SECONDS),
        [photos, seconds, ..] => run(u32::try_from(*photos)?, *seconds),
    }
}

fn run(photos: u32, seconds: u64) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let ocelli = OpenOptions::new().open(directory.path())?;
    let project = ocelli.create_project(NewProject::new("memory").multiclass())?;
    let tags = (0..TAGS).map(|tag| Ok(project.create_tag(format!("tag {tag}"))?.id));
    let tags = tags.collect::<Result<Vec<_>, ocelli::Error>>()?;
    for first in (0..photos).step_by(BATCH as usize) {
        let numbers = first..photos.min(first + BATCH);
        let uploads =
            numbers.map(|number| Ok(Upload::bytes(drawn(number)?).tag(tags[(number % TAGS) as usize])));
        let uploads = uploads.collect::<Result<Vec<_>, image::ImageError>>()?;
        if !project.add_files(uploads)?.is_batch_successful() {
            return Err("a drawn photo was refused".into());
        }
    }
    println!("{photos} photos of {SIDE} x {SIDE} stored: {} MiB", resident("VmRSS"));
    let training =
        AdvancedOptions { budget: Some(Duration::from_secs(seconds)), ..AdvancedOptions::default() };
    let options =
        TrainOptions { training: Training::Advanced(training), int8: false, ..TrainOptions::default() };
    let iteration = project.train_watched(&options, &StopToken::new(), &|event| {
        if matches!(event, TrainingEvent::StrengthChosen { .. }) {
            println!("  quick training: {} MiB at most", resident("VmHWM"));
        }
    })?;
    let record = iteration.manifest()?.fine_tuning.ok_or("nothing was adapted")?;
    let IterationStatus::Completed { training_millis, .. } = iteration.details()?.status else {
        return Err("the training did not complete".into());
    };
    let (rounds, cut, took) = (record.rounds.len(), record.cut, training_millis as f64 / 1000.0);
    println!(
        "  fine-tuning after {cut}, {rounds} rounds ended: {} MiB at most; {took:.1} s of {seconds}",
        resident("VmHWM")
    );
    Ok(())
}

/// A photo that no other number has: stripes whose direction its tag decides, in noise.
fn drawn(number: u32) -> Result<Vec<u8>, image::ImageError> {
    let mut random = number.wrapping_mul(0x9e37_79b9) | 1;
    let photo = RgbImage::from_fn(SIDE, SIDE, |x, y| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let along = match number % TAGS {
            0 => x,
            1 => y,
            2 => x + y,
            _ => x + SIDE - y,
        };
        let stripe = if ((along + number / TAGS) / 12).is_multiple_of(2) { 160 } else { 60 };
        let noise = random.to_le_bytes();
        Rgb([0, 1, 2].map(|channel| stripe + noise[channel] / 4))
    });
    let mut bytes = Cursor::new(Vec::new());
    photo.write_to(&mut bytes, ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}

/// A line of what Linux tells of this process, in MiB; 0 elsewhere.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    found.and_then(|found| found.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}
