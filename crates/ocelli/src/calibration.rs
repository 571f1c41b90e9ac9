//! What int8 needs to know about a project's photos: made once for a base, kept, and made anew when the
//! project has outgrown it.

use ocelli_core::{EvaluatedPhoto, Evaluation, ImageId, Int8Cost, MeasuredInt8, Precision, limits};
use ocelli_infer::{Calibrator, CompileOptions, CompiledNetwork};
use ocelli_model::{Calibration, Network, file};
use ocelli_store::{Change, StoredCalibration};
use ocelli_train::{StopToken, TrainError, TrainingEvent};
use rayon::prelude::*;

use crate::Error;
use crate::stored_photos::StoredPhotos;

/// Photos that are looked at between two looks at the stop token.
const OBSERVED: usize = 32;
/// A calibration serves until the project has so many times as many photos to train on as when it was made.
const OUTGROWN: u64 = 2;

/// A base model with a calibration.
pub(crate) struct Calibrated {
    pub(crate) network: Network,
    /// The photos that the calibration looked at.
    pub(crate) looked_at: Vec<ImageId>,
}

/// The base with the calibration that the project keeps for it. Where there is none, or the photos to train
/// on have doubled since, one is made from at most [`limits::MAX_CALIBRATION_PHOTOS`] of these photos and
/// kept. None where no photo can be read.
pub(crate) fn calibrated(
    photos: &StoredPhotos<'_>,
    base: &Network,
    images: &[ImageId],
    seed: u64,
    stop: &StopToken,
    watch: &(dyn Fn(TrainingEvent) + Sync),
) -> Result<Option<Calibrated>, Error> {
    let fingerprint = base.fingerprint().to_string();
    let training_photos = images.len() as u64;
    if let Some(kept) = photos.store().calibration(photos.project(), &fingerprint)?
        && training_photos < kept.training_photos.saturating_mul(OUTGROWN)
    {
        match file::read_adapted(&kept.data, base) {
            Ok(network) if network.calibration().is_some() => {
                return Ok(Some(Calibrated { network, looked_at: kept.images }));
            }
            Ok(_) => tracing::warn!("a stored calibration is empty and is made anew"),
            Err(error) => tracing::warn!(%error, "a stored calibration cannot be read and is made anew"),
        }
    }
    // Drawing reads every photo: a while in which the caller would otherwise hear nothing.
    watch(TrainingEvent::Calibration { done: 0, total: images.len().min(limits::MAX_CALIBRATION_PHOTOS) });
    let drawn = draw(photos, images, seed, stop)?;
    let (calibration, looked_at) = observe(photos, base, &drawn, stop, watch)?;
    if calibration.photos == 0 {
        return Ok(None);
    }
    let kept = StoredCalibration {
        fingerprint: calibration.fingerprint().to_string(),
        images: looked_at.clone(),
        training_photos,
        data: Vec::new(),
    };
    let network = base.clone().with_calibration(calibration)?;
    // A file that holds nothing but what the base lacks: the calibration.
    let calibration = StoredCalibration { data: file::write_adapted(&network, base)?, ..kept };
    photos.store().apply(Change::KeepCalibration {
        project: photos.project(),
        base: fingerprint,
        calibration,
    })?;
    Ok(Some(Calibrated { network, looked_at }))
}

/// A network with a calibration of its own, which nobody else needs: made from at most
/// [`limits::MAX_CALIBRATION_PHOTOS`] of these photos and not kept. None where no photo can be read.
pub(crate) fn observed(
    photos: &StoredPhotos<'_>,
    network: &Network,
    images: &[ImageId],
    seed: u64,
    stop: &StopToken,
    watch: &(dyn Fn(TrainingEvent) + Sync),
) -> Result<Option<Calibrated>, Error> {
    let drawn = draw(photos, images, seed, stop)?;
    let (calibration, looked_at) = observe(photos, network, &drawn, stop, watch)?;
    if calibration.photos == 0 {
        return Ok(None);
    }
    Ok(Some(Calibrated { network: network.clone().with_calibration(calibration)?, looked_at }))
}

/// What int8 costs a network, on these photos: what it answers in either precision. None where too few of them can be read
/// to tell.
pub(crate) fn measure(
    photos: &StoredPhotos<'_>,
    network: &Network,
    evaluation: &Evaluation,
    stop: &StopToken,
) -> Result<Option<MeasuredInt8>, Error> {
    let Some(calibration) = network.calibration() else { return Ok(None) };
    let compile = |precision| {
        CompiledNetwork::compile_with(network, &CompileOptions { precision, ..CompileOptions::default() })
    };
    let networks = [compile(Precision::F32)?, compile(Precision::Int8)?];
    let answer = |photo: &EvaluatedPhoto| -> Result<Option<[EvaluatedPhoto; 2]>, Error> {
        if stop.is_stopped() {
            return Err(TrainError::Stopped.into());
        }
        let Some(decoded) = photos.decoded(photo.photo)? else { return Ok(None) };
        let mut answers = [photo.clone(), photo.clone()];
        for (network, answer) in networks.iter().zip(&mut answers) {
            network.predict_into(decoded.view(), &mut answer.probabilities)?;
        }
        Ok(Some(answers))
    };
    let answers = evaluation.photos.par_iter().map(answer).collect::<Result<Vec<_>, Error>>()?;
    let of = |which: usize| Evaluation {
        classification_type: evaluation.classification_type,
        tags: evaluation.tags.clone(),
        photos: answers.iter().flatten().map(|answers| answers[which].clone()).collect(),
    };
    let cost = Int8Cost::between(&of(0), &of(1));
    if !cost.speaks_for(evaluation.photos.len()) {
        return Ok(None);
    }
    let fingerprint = calibration.fingerprint().to_string();
    Ok(Some(MeasuredInt8 { calibration: fingerprint, calibration_photos: calibration.photos, cost }))
}

/// The photos to look at, drawn by the seed and their bytes alone, and in an order that follows from those:
/// neither ids nor the order in which photos came plays a part. That takes reading every photo's bytes, since
/// the names under which the store keeps them differ from project to project.
fn draw(
    photos: &StoredPhotos<'_>,
    images: &[ImageId],
    seed: u64,
    stop: &StopToken,
) -> Result<Vec<ImageId>, Error> {
    let rank = |image: &ImageId| -> Result<Option<([u8; 32], ImageId)>, Error> {
        if stop.is_stopped() {
            return Err(TrainError::Stopped.into());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        Ok(photos.bytes(*image)?.map(|bytes| (*hasher.update(&bytes).finalize().as_bytes(), *image)))
    };
    let ranked = images.par_iter().map(rank).collect::<Result<Vec<_>, Error>>()?;
    let mut ranked: Vec<_> = ranked.into_iter().flatten().collect();
    ranked.sort_unstable();
    ranked.truncate(limits::MAX_CALIBRATION_PHOTOS);
    Ok(ranked.into_iter().map(|(_, image)| image).collect())
}

/// The calibration, and the photos that it looked at: those that could be decoded.
fn observe(
    photos: &StoredPhotos<'_>,
    base: &Network,
    drawn: &[ImageId],
    stop: &StopToken,
    watch: &(dyn Fn(TrainingEvent) + Sync),
) -> Result<(Calibration, Vec<ImageId>), Error> {
    let calibrator = Calibrator::new(base)?;
    let (mut calibration, mut looked_at, total) = (Calibration::default(), Vec::new(), drawn.len());
    for (index, chunk) in drawn.chunks(OBSERVED).enumerate() {
        let look = |image: &ImageId| -> Result<Option<(ImageId, Calibration)>, Error> {
            if stop.is_stopped() {
                return Err(TrainError::Stopped.into());
            }
            let Some(photo) = photos.decoded(*image)? else { return Ok(None) };
            Ok(Some((*image, calibrator.observe(photo.view())?)))
        };
        let seen = chunk.par_iter().map(look).collect::<Result<Vec<_>, Error>>()?;
        // In the photos' order, so that the same photos give the same bits.
        for (image, of_one) in seen.iter().flatten() {
            calibration.merge(of_one);
            looked_at.push(*image);
        }
        watch(TrainingEvent::Calibration { done: index * OBSERVED + chunk.len(), total });
    }
    Ok((calibration, looked_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewProject, OpenOptions, ProjectHandle, Upload};

    /// A photo of one colour and 24 bits, as BMP.
    fn photo(number: u16) -> Vec<u8> {
        const SIDE: usize = 16;
        let [high, low] = number.to_be_bytes();
        let mut bytes = b"BM".to_vec();
        let size = (54 + 3 * SIDE * SIDE) as u32;
        for value in [size, 0, 54, 40, SIDE as u32, SIDE as u32, 1 | 24 << 16, 0, 0, 0, 0, 0, 0] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend([high, low, 90].repeat(SIDE * SIDE));
        bytes
    }

    fn project(numbers: impl Iterator<Item = u16>) -> ProjectHandle {
        let project = OpenOptions::new().in_memory().unwrap().create_project(NewProject::new("p")).unwrap();
        let added = project.add_files(numbers.map(|number| Upload::bytes(photo(number)))).unwrap();
        assert!(added.is_batch_successful(), "{added:?}");
        project
    }

    /// The bytes of the photos that are drawn.
    fn drawn(project: &ProjectHandle, seed: u64) -> Vec<Vec<u8>> {
        let query = ocelli_store::ImageQuery { take: 256, ..Default::default() };
        let rest = ocelli_store::ImageQuery { skip: 256, ..query.clone() };
        let images = [project.images(&query).unwrap(), project.images(&rest).unwrap()].concat();
        let images: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        let photos = StoredPhotos::new(&project.shared, project.id());
        let drawn = draw(&photos, &images, seed, &StopToken::new()).unwrap();
        drawn.into_iter().map(|image| project.image_bytes(image).unwrap()).collect()
    }

    #[test]
    fn a_limited_number_of_photos_is_drawn_by_seed_and_content() {
        let (forwards, backwards) = (project(0..300), project((0..300).rev()));
        let first = drawn(&forwards, 1);
        assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 256);
        assert!(first == drawn(&backwards, 1), "neither ids nor order should count");
        assert!(first != drawn(&forwards, 2));
        assert_eq!(drawn(&project(0..20), 1).len(), 20);
    }

    #[test]
    fn a_draw_stops_when_asked() {
        let project = project(0..1);
        let images: Vec<ImageId> =
            project.images(&Default::default()).unwrap().iter().map(|i| i.id).collect();
        let stop = StopToken::new();
        stop.stop();
        let stopped = draw(&StoredPhotos::new(&project.shared, project.id()), &images, 1, &stop);
        assert!(matches!(stopped, Err(Error::Train(TrainError::Stopped))));
    }
}
