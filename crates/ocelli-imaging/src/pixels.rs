//! Buffers of pixels: allocated fallibly, converted in place.

use crate::ImagingError;

/// A zeroed buffer of `width * height * channels` bytes; a refusal by the system is an error, not an abort.
pub(crate) fn buffer(width: u32, height: u32, channels: u64, value: u8) -> Result<Vec<u8>, ImagingError> {
    let needed = (u64::from(width) * u64::from(height)).saturating_mul(channels);
    let refused = ImagingError::Allocation { needed, limit: needed.saturating_sub(1) };
    let length = usize::try_from(needed).map_err(|_| refused.clone())?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(length).map_err(|_| refused)?;
    buffer.resize(length, value);
    Ok(buffer)
}

/// A colour value composed on white, rounded.
pub(crate) fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// RGBA8 to RGB8 on white, within the same buffer.
pub(crate) fn rgba_to_rgb(mut pixels: Vec<u8>) -> Vec<u8> {
    let count = pixels.len() / 4;
    for index in 0..count {
        let from = index * 4;
        let alpha = pixels[from + 3];
        let rgb = [pixels[from], pixels[from + 1], pixels[from + 2]].map(|value| on_white(value, alpha));
        pixels[index * 3..index * 3 + 3].copy_from_slice(&rgb);
    }
    pixels.truncate(count * 3);
    pixels.shrink_to_fit();
    pixels
}

/// A 16-bit value to 8 bits, rounded.
pub(crate) fn to_8_bits(high: u8, low: u8) -> u8 {
    (((u32::from(high) << 8 | u32::from(low)) * 255 + 32_767) / 65_535) as u8
}
