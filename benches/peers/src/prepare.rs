use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ocelli::{Domain, NewProject, OnnxInput, OpenOptions, TrainOptions};
use ocelli_imaging::{Area, DecodeLimits, RgbView, decode, resize_into};
use ocelli_model::{Preprocessing, View, file};
use serde_json::{Value, json};

use crate::question::Preparation;

/// Trains a classifier on the photos in `train`, and writes to the folder `out`
///
/// - `model.ocelli`, the model file, with its calibration;
/// - `model.onnx`, the same for tensors;
/// - `photos.f32`, the network's input for each photo, those of `train` before those of `test`;
/// - `photo.rgb`, one of those of `test` at the network's input size, and `photo.f32`, the input for it.
pub(crate) fn prepare(preparation: &Preparation) -> Result<Value, Box<dyn Error>> {
    let Preparation { set, base, out } = preparation;
    let domain = match base.as_str() {
        "lite0" => Domain::GENERAL_COMPACT,
        "lite2" => Domain::GENERAL,
        other => return Err(format!("{other:?} is no base model; lite0 and lite2 are").into()),
    };
    fs::create_dir_all(out)?;
    let ocelli = OpenOptions::new().in_memory()?;
    let project = ocelli.create_project(NewProject::new("peers").multiclass().domain(domain))?;
    let added = project.add_folder(set.join("train"))?;
    if let Some((name, error)) = added.refused().next() {
        return Err(format!("{} was refused: {error}", name.unwrap_or("a photo")).into());
    }
    let iteration = project.train(&TrainOptions::default())?;
    let model = iteration.model_file()?;
    fs::write(out.join("model.ocelli"), &model)?;
    fs::write(out.join("model.onnx"), iteration.export_onnx(OnnxInput::Tensor)?.model())?;

    let network = file::read(&model)?;
    let (train, test) = (photos(&set.join("train"))?, photos(&set.join("test"))?);
    let mut inputs = BufWriter::new(File::create(out.join("photos.f32"))?);
    for path in train.iter().chain(&test) {
        let photo = decode(&fs::read(path)?, &DecodeLimits::default())?;
        write(&mut inputs, &input(network.preprocessing(), photo.view())?)?;
    }
    inputs.flush()?;
    write_one(test.first().ok_or("there are no photos in test")?, network.preprocessing(), out)?;
    Ok(json!({
        "side": network.preprocessing().width,
        "mean": network.preprocessing().mean,
        "std": network.preprocessing().std,
        "calibrated": network.calibration().map(|calibration| calibration.photos),
        "train": train,
        "test": test,
    }))
}

/// The files in the folder's folders, in the order of their names.
fn photos(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for tag in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        for file in fs::read_dir(tag?.path())? {
            files.push(file?.path());
        }
    }
    files.sort();
    Ok(files)
}

/// One photo at the network's input size, rounded to bytes, and the network's input for exactly those.
fn write_one(photo: &Path, preprocessing: &Preprocessing, out: &Path) -> Result<(), Box<dyn Error>> {
    let photo = decode(&fs::read(photo)?, &DecodeLimits::default())?;
    let resized = resized(preprocessing, photo.view())?;
    let pixels: Vec<u8> = resized.iter().map(|value| value.round() as u8).collect();
    let view = RgbView::new(preprocessing.width, preprocessing.height, &pixels)?;
    let mut file = File::create(out.join("photo.f32"))?;
    write(&mut file, &input(preprocessing, view)?)?;
    fs::write(out.join("photo.rgb"), &pixels)?;
    Ok(())
}

fn resized(preprocessing: &Preprocessing, photo: RgbView<'_>) -> Result<Vec<f32>, Box<dyn Error>> {
    let Preprocessing { width, height, view, .. } = *preprocessing;
    let area = match view {
        View::Whole => Area::whole(&photo),
        View::Centre => Area::centre_square(&photo),
    };
    let mut pixels = vec![0.0; width as usize * height as usize * 3];
    resize_into(photo, area, width, height, &mut pixels)?;
    Ok(pixels)
}

/// The network's input for a photo, `[3, height, width]`.
fn input(preprocessing: &Preprocessing, photo: RgbView<'_>) -> Result<Vec<f32>, Box<dyn Error>> {
    let pixels = resized(preprocessing, photo)?;
    let scales = preprocessing.mean.iter().zip(preprocessing.std).enumerate();
    let normalised = scales.flat_map(|(channel, (mean, std))| {
        pixels.iter().skip(channel).step_by(3).map(move |value| (value - mean) / std)
    });
    Ok(normalised.collect())
}

fn write(file: &mut impl Write, values: &[f32]) -> std::io::Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    file.write_all(&bytes)
}
