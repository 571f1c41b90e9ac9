//! The resize against another implementation, and the laws that it keeps.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer as Reference};
use ocelli_imaging::{Area, ImagingError, Resizer, RgbView, resize_into};
use proptest::prelude::*;

/// Noise, the hardest case for agreement.
pub(crate) fn noise(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    (0..width * height * 3)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
        .collect()
}

fn resized(pixels: &[u8], size: (u32, u32), area: Option<Area>, target: (u32, u32)) -> Vec<f32> {
    let view = RgbView::new(size.0, size.1, pixels).unwrap();
    let mut out = vec![f32::NAN; (target.0 * target.1 * 3) as usize];
    resize_into(view, area.unwrap_or(Area::whole(&view)), target.0, target.1, &mut out).unwrap();
    out
}

fn reference(pixels: &[u8], size: (u32, u32), target: (u32, u32)) -> Vec<f32> {
    let floats: Vec<u8> = pixels.iter().flat_map(|&value| f32::from(value).to_ne_bytes()).collect();
    let source = ImageRef::new(size.0, size.1, &floats, PixelType::F32x3).unwrap();
    let mut out = Image::new(target.0, target.1, PixelType::F32x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Reference::new().resize(&source, &mut out, &options).unwrap();
    out.buffer().chunks_exact(4).map(|bytes| f32::from_ne_bytes(bytes.try_into().unwrap())).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn agrees_with_fast_image_resize() {
    let cases = [
        ((640, 480), (260, 260)),
        ((480, 640), (224, 224)),
        ((1023, 517), (224, 224)),
        ((100, 80), (260, 260)),
        ((7, 5), (3, 11)),
        ((1, 1), (4, 4)),
        ((25, 1), (2, 2)),
        ((224, 224), (224, 224)),
    ];
    for (size, target) in cases {
        let pixels = noise(size.0, size.1, 7);
        let difference =
            largest_difference(&resized(&pixels, size, None, target), &reference(&pixels, size, target));
        assert!(difference < 0.003, "{size:?} to {target:?}: {difference}");
    }
}

#[test]
fn wrong_sizes_are_errors() {
    let pixels = noise(4, 3, 1);
    let view = RgbView::new(4, 3, &pixels).unwrap();
    let whole = Area::whole(&view);
    let mut out = vec![0.0; 12];
    let mut resizer = Resizer::new();
    let mut ask = |area, width, height| resizer.resize_into(view, area, width, height, &mut out);
    assert_eq!(ask(whole, 2, 2), Ok(()));
    assert_eq!(
        ask(whole, 2, 3),
        Err(ImagingError::OutputLength { width: 2, height: 3, expected: 18, found: 12 })
    );
    assert_eq!(ask(whole, 0, 2), Err(ImagingError::ZeroSize { width: 0, height: 2 }));
    for area in [
        Area { left: 1, ..whole },
        Area { height: 4, ..whole },
        Area { width: 0, ..whole },
        Area { left: u32::MAX, top: u32::MAX, width: u32::MAX, height: u32::MAX },
    ] {
        assert!(matches!(ask(area, 2, 2), Err(ImagingError::AreaOutside { .. })), "{area:?}");
    }
    assert!(matches!(ask(whole, u32::MAX, u32::MAX), Err(ImagingError::OutputLength { .. })));
}

#[test]
fn the_centre_square_is_in_the_centre() {
    let pixels = noise(9, 4, 1);
    let view = RgbView::new(9, 4, &pixels).unwrap();
    assert_eq!(Area::centre_square(&view), Area { left: 2, top: 0, width: 4, height: 4 });
}

#[test]
fn a_resizer_gives_the_same_again_and_after_other_sizes() {
    let (large, small) = (noise(50, 40, 1), noise(10, 20, 2));
    let large = RgbView::new(50, 40, &large).unwrap();
    let small = RgbView::new(10, 20, &small).unwrap();
    let mut resizer = Resizer::new();
    let mut run = |view: RgbView<'_>| {
        let mut out = vec![0.0; 16 * 16 * 3];
        resizer.resize_into(view, Area::whole(&view), 16, 16, &mut out).unwrap();
        out
    };
    let first = run(large);
    run(small);
    assert_eq!(run(large), first);
}

proptest! {
    #[test]
    fn a_constant_photo_stays_constant(
        width in 1..60_u32, height in 1..60_u32, to_width in 1..40_u32, to_height in 1..40_u32, value: u8,
    ) {
        let pixels = vec![value; (width * height * 3) as usize];
        for out in resized(&pixels, (width, height), None, (to_width, to_height)) {
            prop_assert!((out - f32::from(value)).abs() < 1e-3, "{out} instead of {value}");
        }
    }

    #[test]
    fn values_stay_between_the_extremes(
        width in 1..60_u32, height in 1..60_u32, to_width in 1..40_u32, to_height in 1..40_u32, seed: u32,
    ) {
        let pixels = noise(width, height, seed);
        let (low, high) = (pixels.iter().min().unwrap(), pixels.iter().max().unwrap());
        for out in resized(&pixels, (width, height), None, (to_width, to_height)) {
            prop_assert!((0.0..=255.0).contains(&out));
            prop_assert!(out > f32::from(*low) - 1e-3 && out < f32::from(*high) + 1e-3);
        }
    }

    #[test]
    fn the_same_size_is_the_identity(width in 1..40_u32, height in 1..40_u32, seed: u32) {
        let pixels = noise(width, height, seed);
        let out = resized(&pixels, (width, height), None, (width, height));
        let same: Vec<f32> = pixels.iter().map(|&value| f32::from(value)).collect();
        prop_assert_eq!(out, same);
    }

    #[test]
    fn an_area_is_resized_as_its_crop(
        left in 0..20_u32, top in 0..20_u32, width in 1..20_u32, height in 1..20_u32, seed: u32,
    ) {
        let pixels = noise(40, 40, seed);
        let crop: Vec<u8> = (top..top + height)
            .flat_map(|y| &pixels[((y * 40 + left) * 3) as usize..((y * 40 + left + width) * 3) as usize])
            .copied()
            .collect();
        let area = Area { left, top, width, height };
        prop_assert_eq!(
            resized(&pixels, (40, 40), Some(area), (9, 13)),
            resized(&crop, (width, height), None, (9, 13))
        );
    }
}
