//! From rows of samples to rows of pixels: colours that were sampled more coarsely than brightness are interpolated
//! (the triangle filter that libjpeg calls fancy upsampling, rounded as `zune-jpeg` does), then converted to RGB.

use super::level::Level;
use crate::jpeg::Colour;

/// Three parts of the nearer row to one part of the farther.
#[inline(always)]
pub(super) fn blend(near: &[u8], far: &[u8], out: &mut [u8]) {
    for ((out, &near), &far) in out.iter_mut().zip(near).zip(far) {
        *out = ((3 * u16::from(near) + u16::from(far) + 2) >> 2) as u8;
    }
}

/// Twice as many samples as `row` has.
#[inline(always)]
pub(super) fn widen(row: &[u8], out: &mut [u8]) {
    let quarter = |near: u8, far: u8| ((3 * u16::from(near) + u16::from(far) + 2) >> 2) as u8;
    let [first, inner @ .., last] = out else { return };
    if let (Some(&left), Some(&right)) = (row.first(), row.last()) {
        (*first, *last) = (left, right);
    }
    // Between two samples lie two pixels, each nearer to one of them.
    for ((pair, &left), &right) in
        inner.as_chunks_mut().0.iter_mut().zip(row).zip(row.get(1..).unwrap_or_default())
    {
        *pair = [quarter(left, right), quarter(right, left)];
    }
}

/// Writes one row of pixels. The rows of samples are at least as long, and a multiple of 16 where there are three.
#[inline(always)]
pub(super) fn colour<L: Level>(level: L, colour: Colour, samples: [&[u8]; 3], pixels: &mut [u8]) {
    let [first, second, third] = samples;
    match colour {
        Colour::YCbCr => {
            let (whole, rest) = pixels.as_chunks_mut::<48>();
            let mut chunks = first.as_chunks().0.iter().zip(second.as_chunks().0).zip(third.as_chunks().0);
            for (pixels, ((y, cb), cr)) in whole.iter_mut().zip(&mut chunks) {
                pixels.copy_from_slice(level.colours(y, cb, cr).as_flattened());
            }
            if let Some(((y, cb), cr)) = chunks.next() {
                rest.copy_from_slice(&level.colours(y, cb, cr).as_flattened()[..rest.len()]);
            }
        }
        Colour::Grey => {
            for (pixel, &value) in pixels.as_chunks_mut().0.iter_mut().zip(first) {
                *pixel = [value; 3];
            }
        }
        _ => {
            for (((pixel, &r), &g), &b) in
                pixels.as_chunks_mut().0.iter_mut().zip(first).zip(second).zip(third)
            {
                *pixel = [r, g, b];
            }
        }
    }
}
