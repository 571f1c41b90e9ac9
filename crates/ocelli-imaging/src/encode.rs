//! Pictures for people to look at: PNG without loss, and small JPEG copies.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::{Area, ImagingError, RgbImage, RgbView, pixels, resize_into};

/// JPEG quality of a thumbnail: no blocks are seen, and a photo of 256 pixels takes about 12 kB.
const THUMBNAIL_QUALITY: u8 = 80;

/// A copy whose longer side has at most `max_side` pixels, at least one; the photo itself where it is not larger.
///
/// # Errors
/// [`ImagingError::Allocation`] where there is no memory for it.
pub fn shrink(view: RgbView<'_>, max_side: u32) -> Result<RgbImage, ImagingError> {
    let longer = view.width().max(view.height());
    if longer <= max_side {
        return RgbImage::new(view.width(), view.height(), view.pixels().to_vec());
    }
    let max_side = u64::from(max_side.max(1));
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * max_side + u64::from(longer) / 2) / u64::from(longer);
        (rounded as u32).max(1)
    };
    let (width, height) = (scaled(view.width()), scaled(view.height()));
    let mut out = pixels::buffer(width, height, 3, 0)?;
    let mut values = vec![0.0; out.len()];
    resize_into(view, Area::whole(&view), width, height, &mut values)?;
    out.iter_mut().zip(values).for_each(|(out, value)| *out = (value + 0.5) as u8);
    RgbImage::new(width, height, out)
}

/// The photo as a PNG file, without loss.
///
/// # Errors
/// [`ImagingError::Encoding`] where the encoder refuses the photo.
pub fn encode_png(view: RgbView<'_>) -> Result<Vec<u8>, ImagingError> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(view.pixels(), view.width(), view.height(), ExtendedColorType::Rgb8)
        .map_err(|error| refusal(&error))?;
    Ok(bytes)
}

/// The photo as a small JPEG file whose longer side has at most `max_side` pixels.
///
/// # Errors
/// [`ImagingError::Encoding`] where the encoder refuses the photo: a side is longer than 65,535 pixels.
pub fn encode_jpeg_thumbnail(view: RgbView<'_>, max_side: u32) -> Result<Vec<u8>, ImagingError> {
    let small = shrink(view, max_side)?;
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, THUMBNAIL_QUALITY)
        .write_image(small.pixels(), small.width(), small.height(), ExtendedColorType::Rgb8)
        .map_err(|error| refusal(&error))?;
    Ok(bytes)
}

fn refusal(error: &image::ImageError) -> ImagingError {
    ImagingError::Encoding { detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeLimits, ImageFormat, decode, inspect};

    fn photo(width: u32, height: u32) -> RgbImage {
        let wave = |index: u32| (127.0 + 120.0 * (index as f32 / 90.0).sin()) as u8;
        RgbImage::new(width, height, (0..width * height * 3).map(wave).collect()).unwrap()
    }

    #[test]
    fn a_png_is_the_photo() {
        for (width, height) in [(1, 1), (33, 7), (300, 200)] {
            let photo = photo(width, height);
            let bytes = encode_png(photo.view()).unwrap();
            assert_eq!(
                decode(&bytes, &DecodeLimits { aspect_ratio: 300, ..Default::default() }).unwrap(),
                photo
            );
        }
    }

    #[test]
    fn a_thumbnail_is_small_and_looks_like_the_photo() {
        let photo = photo(400, 300);
        let bytes = encode_jpeg_thumbnail(photo.view(), 100).unwrap();
        let header = inspect(&bytes, &DecodeLimits::default()).unwrap();
        assert_eq!((header.format, header.width, header.height), (ImageFormat::Jpeg, 100, 75));
        let (small, shown) =
            (shrink(photo.view(), 100).unwrap(), decode(&bytes, &DecodeLimits::default()).unwrap());
        let differences = small.pixels().iter().zip(shown.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b)));
        assert!(differences.sum::<u64>() < 12 * small.pixels().len() as u64);
    }

    #[test]
    fn nothing_is_enlarged_or_lost() {
        let small = photo(30, 20);
        assert_eq!(shrink(small.view(), 30).unwrap(), small);
        let thin = shrink(photo(500, 2).view(), 10).unwrap();
        assert_eq!((thin.width(), thin.height()), (10, 1));
        let least = shrink(small.view(), 0).unwrap();
        assert_eq!((least.width(), least.height()), (1, 1));
    }

    #[test]
    fn a_photo_that_jpeg_cannot_hold_is_refused() {
        let long = RgbImage::new(70_000, 1, vec![0; 210_000]).unwrap();
        assert!(matches!(encode_jpeg_thumbnail(long.view(), u32::MAX), Err(ImagingError::Encoding { .. })));
    }
}
