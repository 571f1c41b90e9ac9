use ocelli_imaging::{RgbView, resize_into};
use ocelli_model::Preprocessing;

use crate::{InferError, views};

/// The network's input for a photo: `[3, height, width]`, normalised.
///
/// # Errors
///
/// None for a photo of a network's preprocessing, which has a size.
pub fn preprocess(preprocessing: &Preprocessing, photo: RgbView<'_>) -> Result<Vec<f32>, InferError> {
    let Preprocessing { width, height, view, mean, std } = *preprocessing;
    let values = width as usize * height as usize;
    let mut interleaved = vec![0.0; values * 3];
    resize_into(photo, views::area(view, &photo), width, height, &mut interleaved)?;

    let mut input = vec![0.0; values * 3];
    for (channel, map) in input.chunks_exact_mut(values).enumerate() {
        let (mean, std) = (mean[channel], std[channel]);
        for (value, pixel) in map.iter_mut().zip(interleaved.chunks_exact(3)) {
            *value = (pixel[channel] - mean) / std;
        }
    }
    Ok(input)
}
