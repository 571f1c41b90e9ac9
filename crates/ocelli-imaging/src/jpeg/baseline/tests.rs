//! The pass over ordinary files against the general decoder, the levels of instructions against each other,
//! and scaled photos against whole ones.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use pulp::NullaryFnOnce as _;

use super::entropy::Block;
use super::level::{Level, Portable};
use super::scan::Decoding;
use super::*;
use crate::jpeg::{decode_any, walk};
use crate::{ImagingError, photo};

const SCALES: [Scale; 3] = [Scale::Half, Scale::Quarter, Scale::Eighth];
const SAMPLINGS: [SamplingFactor; 4] =
    [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2];

/// How a test file is made.
#[derive(Clone, Debug)]
struct File {
    width: u16,
    height: u16,
    /// None for grey.
    sampling: Option<SamplingFactor>,
    quality: u8,
    restart_interval: Option<u16>,
    /// Between a gradient (0) and noise (255).
    noise: u8,
    seed: u32,
}

impl File {
    fn encode(&self) -> Vec<u8> {
        let mut state = self.seed | 1;
        let mut pixels = Vec::new();
        for y in 0..u32::from(self.height) {
            for x in 0..u32::from(self.width) {
                for channel in 0..self.channels() {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    let smooth = (x * 5 + y * 3 + channel * 80) % 256;
                    let noise = state >> 24;
                    pixels.push((smooth + (noise * u32::from(self.noise)) / 255) as u8);
                }
            }
        }
        self.encode_pixels(&pixels)
    }

    /// Encodes a gradient: of each channel the value in the middle and what it rises by from one pixel to the
    /// next, to the right and down.
    fn encode_gradient(&self, gradient: [[f32; 3]; 3]) -> Vec<u8> {
        let centre = [f32::from(self.width) / 2.0, f32::from(self.height) / 2.0];
        let mut pixels = Vec::new();
        for y in 0..self.height {
            for x in 0..self.width {
                for [middle, right, down] in &gradient[..self.channels() as usize] {
                    let (x, y) = (f32::from(x) - centre[0], f32::from(y) - centre[1]);
                    pixels.push((middle + x * right + y * down).round() as u8);
                }
            }
        }
        self.encode_pixels(&pixels)
    }

    fn channels(&self) -> u32 {
        if self.sampling.is_some() { 3 } else { 1 }
    }

    fn encode_pixels(&self, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        if let Some(sampling) = self.sampling {
            encoder.set_sampling_factor(sampling);
        }
        if let Some(interval) = self.restart_interval {
            encoder.set_restart_interval(interval);
        }
        let colours = if self.sampling.is_some() { ColorType::Rgb } else { ColorType::Luma };
        encoder.encode(pixels, self.width, self.height, colours).unwrap();
        bytes
    }
}

fn files() -> impl Strategy<Value = File> {
    (
        1..90_u16,
        1..70_u16,
        prop::option::weighted(0.9, prop::sample::select(SAMPLINGS.to_vec())),
        prop_oneof![1..=100_u8, Just(100)],
        prop::option::of(1..9_u16),
        prop_oneof![Just(0), Just(10), Just(255), any::<u8>()],
        any::<u32>(),
    )
        .prop_map(|(width, height, sampling, quality, restart_interval, noise, seed)| File {
            width,
            height,
            sampling,
            quality,
            restart_interval,
            noise,
            seed,
        })
}

/// What the pass over ordinary files makes of a file, and the general decoder.
fn both(bytes: &[u8]) -> (Option<RgbImage>, Result<RgbImage, ImagingError>) {
    let mut container = match walk(bytes, &|_| Ok(())) {
        Ok(container) => container,
        Err(error) => return (None, Err(error)),
    };
    let photo::Picture::Jpeg(picture) = &container.picture else { unreachable!() };
    let ordinary = decode(&container.pieces, picture, Scale::Whole).ok();
    (ordinary, decode_any(&mut container))
}

/// Decodes an ordinary file.
fn decode_at(bytes: &[u8], scale: Scale) -> RgbImage {
    let container = walk(bytes, &|_| Ok(())).unwrap();
    let photo::Picture::Jpeg(picture) = &container.picture else { unreachable!() };
    decode(&container.pieces, picture, scale).unwrap()
}

/// By how many levels at most the values of a scaled photo differ from the means of the pixels that they
/// stand for, as far as those lie within the whole photo.
fn largest_difference(whole: &RgbImage, scaled: &RgbImage, scale: Scale) -> f32 {
    let side = 8 / scale.side();
    let (width, height) = (whole.width() as usize, whole.height() as usize);
    let columns = width.div_ceil(side);
    assert_eq!((scaled.width() as usize, scaled.height() as usize), (columns, height.div_ceil(side)));
    let mut largest = 0.0_f32;
    for (at, &value) in scaled.pixels().iter().enumerate() {
        let (left, top, channel) = (at / 3 % columns * side, at / 3 / columns * side, at % 3);
        let (right, bottom) = (width.min(left + side), height.min(top + side));
        let sum: usize = (top..bottom)
            .flat_map(|y| (left..right).map(move |x| (y * width + x) * 3 + channel))
            .map(|at| usize::from(whole.pixels()[at]))
            .sum();
        let mean = sum as f32 / ((right - left) * (bottom - top)) as f32;
        largest = largest.max((f32::from(value) - mean).abs());
    }
    largest
}

/// A DQT of all ones for both tables, a DRI, and a DHT that redefines the codes of the tables 0.
fn segments() -> [Vec<u8>; 3] {
    let factors = [[0].as_slice(), &[1; 64], &[1], &[1; 64]].concat();
    let mut codes = Vec::new();
    for class in [0x00, 0x10] {
        codes.push(class);
        codes.extend([0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        codes.extend([1, 2, 3]);
    }
    [(0xdb, factors), (0xdd, vec![0, 1]), (0xc4, codes)].map(|(marker, body)| {
        let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        [[0xff, marker].as_slice(), &length, &body].concat()
    })
}

#[test]
fn tables_after_the_scan_are_not_applied_to_it() {
    for sampling in SAMPLINGS.map(Some).into_iter().chain([None]) {
        let file =
            File { width: 40, height: 40, sampling, quality: 60, restart_interval: None, noise: 30, seed: 7 };
        let bytes = file.encode();
        let expected = decode_at(&bytes, Scale::Whole);
        for segment in segments() {
            let behind = [&bytes[..bytes.len() - 2], &segment, &[0xff, 0xd9]].concat();
            let (ordinary, general) = both(&behind);
            assert_eq!(ordinary, None, "{sampling:?}, {:02x}", segment[1]);
            assert!(general == Ok(expected.clone()), "{sampling:?}, {:02x}", segment[1]);
            let decoded = crate::decode(&behind, &crate::DecodeLimits::default());
            assert!(decoded == general, "{sampling:?}, {:02x}", segment[1]);
            // Before the scan, the same segment has its effect.
            let scan = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
            let (before, _) = both(&[&bytes[..scan], &segment, &bytes[scan..]].concat());
            assert_ne!(before, Some(expected.clone()), "{sampling:?}, {:02x}", segment[1]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Gradients leave little to how means are taken, clamped and interpolated, and more to their places.
    #[test]
    fn colours_are_scaled_to_the_means_of_their_pixels(
        (width, height) in prop_oneof![
            (1..6_u16, 1..6_u16).prop_map(|(columns, rows)| (columns * 16, rows * 16)),
            (0..40_u16, 0..40_u16).prop_map(|(columns, rows)| (columns * 2 + 1, rows * 2 + 1)),
        ],
        brightness in prop::array::uniform2(-0.8..0.8_f32),
        colours in prop::array::uniform3((-30.0..30.0_f32, -0.25..0.25_f32, -0.25..0.25_f32)),
        restart_interval in prop::option::of(1..9_u16),
    ) {
        // Within 128 +- (30 + 40 * 1.05 * 2): nothing is clamped.
        let gradient = colours.map(|(middle, right, down)| {
            [128.0 + middle, brightness[0] + right, brightness[1] + down]
        });
        for sampling in SAMPLINGS.map(Some).into_iter().chain([None]) {
            let file = File { width, height, sampling, quality: 100, restart_interval, noise: 0, seed: 0 };
            let bytes = file.encode_gradient(gradient);
            let whole = decode_at(&bytes, Scale::Whole);
            for scale in SCALES {
                let difference = largest_difference(&whole, &decode_at(&bytes, scale), scale);
                // Rounding once for grey, and in three components and between them for colours, of which the
                // outermost are not interpolated.
                let tolerance = if sampling.is_none() { 2.0 } else { 4.0 };
                prop_assert!(difference <= tolerance, "{difference} levels: {sampling:?}, {scale:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn ordinary_files_are_decoded_as_by_the_general_decoder(file in files()) {
        let (ordinary, general) = both(&file.encode());
        prop_assert!(ordinary.is_some());
        prop_assert!(ordinary == general.ok(), "other pixels");
    }

    #[test]
    fn damaged_files_are_decoded_as_by_the_general_decoder_or_left_to_it(
        file in files(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let mut bytes = file.encode();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
            bytes.extend([0xff, 0xd9]);
        }
        // Sizes that the bytes may have been changed to are for the limits to refuse.
        let size = walk(&bytes, &|_| Ok(())).map(|container| (container.width, container.height));
        let pixels = size.map(|(width, height)| u64::from(width) * u64::from(height));
        prop_assume!(pixels.is_ok_and(|pixels| (1..1_000_000).contains(&pixels)));
        let (ordinary, general) = both(&bytes);
        if let Some(ordinary) = ordinary {
            prop_assert!(general.is_ok(), "refused: {general:?}");
            prop_assert!(Ok(ordinary) == general, "other pixels");
        }
    }

    #[test]
    fn every_level_decodes_alike(
        file in files(),
        scale in prop_oneof![Just(Scale::Whole), prop::sample::select(&SCALES)],
    ) {
        let bytes = file.encode();
        let container = walk(&bytes, &|_| Ok(())).unwrap();
        let photo::Picture::Jpeg(picture) = &container.picture else { unreachable!() };
        let scan = prepare(&container.pieces, picture, scale).unwrap();
        let mut portable = Vec::new();
        Decoding { scan: &scan, level: Portable, pixels: &mut portable }.call().unwrap();
        prop_assert!(portable == pixels(&scan).unwrap());
    }

    /// Also where values overflow.
    #[test]
    fn every_level_transforms_alike(values in prop::collection::vec(any::<i32>(), 64), shift in 0..24_u32) {
        let mut block: Block = [0; 64];
        for (coefficient, value) in block.iter_mut().zip(values) {
            *coefficient = value >> shift;
        }
        let mut corner = block;
        for (at, coefficient) in corner.iter_mut().enumerate() {
            if at / 8 > 3 || at % 8 > 3 {
                *coefficient = 0;
            }
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(level) = pulp::x86::V3::try_new() {
            prop_assert_eq!(level.full(&block), Portable.full(&block));
            prop_assert_eq!(level.corner(&corner), Portable.corner(&corner));
            prop_assert_eq!(level.full(&corner), Portable.corner(&corner));
        }
    }

    #[test]
    fn grey_is_scaled_to_the_means_of_its_pixels(
        mut file in files(), scale in prop::sample::select(&SCALES),
    ) {
        // Whole blocks: what the encoder filled up others with is not known here.
        (file.sampling, file.width, file.height) = (None, 64, 40);
        let bytes = file.encode();
        let (whole, scaled) = (decode_at(&bytes, Scale::Whole), decode_at(&bytes, scale));
        let difference = largest_difference(&whole, &scaled, scale);
        // A mean of 64 is taken before values are clamped and rounded, which for noise can be many levels.
        let tolerance = if scale == Scale::Eighth { 40.0 } else { 0.5 };
        prop_assert!(difference <= tolerance, "{difference} levels");
    }
}
