//! The signatures of photos (what they look like, how good they are): from the store where they are kept, else
//! computed and kept.

use std::collections::HashMap;

use ocelli_core::ImageId;
use ocelli_imaging::{PerceptualHash, PhotoSignature, near_duplicates};
use ocelli_store::{Change, FeatureKey};
use ocelli_train::{StopToken, TrainError};
use rayon::prelude::*;

use crate::Error;
use crate::stored_photos::StoredPhotos;

/// Photos whose signatures are looked up at once.
const LOOKED_UP: usize = 256;
/// Photos whose signatures are computed before they are stored together.
const COMPUTED: usize = 64;

/// Signatures by photo; none for a photo that cannot be read.
pub(crate) type Signatures = HashMap<ImageId, Option<PhotoSignature>>;

/// The signatures of these photos. Those that are not kept are computed by the threads of the pool that the caller is
/// in; what has been computed when a stop is asked for stays kept.
///
/// # Errors
///
/// [`TrainError::Stopped`] where a stop was asked for; else only what the store itself says.
pub(crate) fn signatures(
    photos: &StoredPhotos<'_>,
    images: &[ImageId],
    stop: &StopToken,
) -> Result<Signatures, Error> {
    let key = FeatureKey::f32(PhotoSignature::FINGERPRINT);
    let mut signatures = Signatures::with_capacity(images.len());
    let mut lacking = Vec::new();
    for chunk in images.chunks(LOOKED_UP) {
        check(stop)?;
        let kept = photos.store().features(photos.project(), &key, chunk)?;
        for (image, values) in chunk.iter().zip(kept) {
            match values.and_then(|values| PhotoSignature::from_values(&values)) {
                Some(signature) => _ = signatures.insert(*image, Some(signature)),
                None => lacking.push(*image),
            }
        }
    }
    for chunk in lacking.chunks(COMPUTED) {
        check(stop)?;
        let compute = |image: &ImageId| {
            let photo = photos.decoded(*image)?;
            Ok((*image, photo.map(|photo| PhotoSignature::of(photo.view()))))
        };
        let computed = chunk.par_iter().map(compute).collect::<Result<Vec<_>, Error>>()?;
        let features: Vec<(ImageId, Vec<f32>)> = computed
            .iter()
            .filter_map(|(image, signature)| Some((*image, signature.as_ref()?.to_values())))
            .collect();
        if !features.is_empty() {
            let (project, key) = (photos.project(), key.clone());
            photos.store().apply(Change::CacheFeatures { project, key, features })?;
        }
        signatures.extend(computed);
    }
    Ok(signatures)
}

/// The group of each photo that has near-duplicates among these; a photo without a signature has none.
pub(crate) fn groups(images: &[ImageId], signatures: &Signatures) -> HashMap<ImageId, u32> {
    let signature = |image: &ImageId| Some((*image, signatures.get(image).copied().flatten()?.hash));
    let (images, hashes): (Vec<ImageId>, Vec<PerceptualHash>) = images.iter().filter_map(signature).unzip();
    let groups = near_duplicates(&hashes, PerceptualHash::NEAR);
    let members =
        (0u32..).zip(groups).flat_map(|(group, members)| members.into_iter().map(move |at| (at, group)));
    members.filter_map(|(at, group)| Some((*images.get(at)?, group))).collect()
}

fn check(stop: &StopToken) -> Result<(), Error> {
    if stop.is_stopped() { Err(TrainError::Stopped.into()) } else { Ok(()) }
}
