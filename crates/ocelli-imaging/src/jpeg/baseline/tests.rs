//! The pass over ordinary files against the general decoder, and the levels of instructions against each other.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use pulp::NullaryFnOnce as _;

use super::entropy::Block;
use super::level::{Level, Portable};
use super::scan::Decoding;
use super::*;
use crate::jpeg::{decode_any, walk};
use crate::{ImagingError, photo};

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
        let channels = if self.sampling.is_some() { 3 } else { 1 };
        let mut state = self.seed | 1;
        let mut pixels = Vec::new();
        for y in 0..u32::from(self.height) {
            for x in 0..u32::from(self.width) {
                for channel in 0..channels {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    let smooth = (x * 5 + y * 3 + channel * 80) % 256;
                    let noise = state >> 24;
                    pixels.push((smooth + (noise * u32::from(self.noise)) / 255) as u8);
                }
            }
        }
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        if let Some(sampling) = self.sampling {
            encoder.set_sampling_factor(sampling);
        }
        if let Some(interval) = self.restart_interval {
            encoder.set_restart_interval(interval);
        }
        let colours = if self.sampling.is_some() { ColorType::Rgb } else { ColorType::Luma };
        encoder.encode(&pixels, self.width, self.height, colours).unwrap();
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
        let size = walk(&bytes, &|_| Ok(())).map(|container| u64::from(container.width) * u64::from(container.height));
        prop_assume!(size.is_ok_and(|pixels| (1..1_000_000).contains(&pixels)));
        let (ordinary, general) = both(&bytes);
        if let Some(ordinary) = ordinary {
            prop_assert!(general.is_ok(), "refused: {general:?}");
            prop_assert!(Ok(ordinary) == general, "other pixels");
        }
    }

    #[test]
    fn every_level_decodes_alike(file in files(), scale in prop::sample::select(vec![Scale::Whole, Scale::Half, Scale::Quarter, Scale::Eighth])) {
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
        mut file in files(), scale in prop::sample::select(vec![Scale::Half, Scale::Quarter, Scale::Eighth]),
    ) {
        // Whole blocks: what the encoder filled up others with is not known here.
        (file.sampling, file.width, file.height) = (None, 64, 40);
        let bytes = file.encode();
        let container = walk(&bytes, &|_| Ok(())).unwrap();
        let photo::Picture::Jpeg(picture) = &container.picture else { unreachable!() };
        let whole = decode(&container.pieces, picture, Scale::Whole).unwrap();
        let scaled = decode(&container.pieces, picture, scale).unwrap();
        let side = 8 / scale.side();
        prop_assert_eq!((scaled.width() as usize, scaled.height() as usize), (64 / side, 40 / side));
        for (at, pixel) in scaled.pixels().as_chunks::<3>().0.iter().enumerate() {
            let (left, top) = (at % (64 / side) * side, at / (64 / side) * side);
            let sum: usize = (top..top + side)
                .flat_map(|y| (left..left + side).map(move |x| (y * 64 + x) * 3))
                .map(|at| usize::from(whole.pixels()[at]))
                .sum();
            let mean = sum as f32 / (side * side) as f32;
            // A mean of 64 is taken before values are clamped and rounded, which for noise can be many levels.
            let tolerance = if side == 8 { 40.0 } else { 0.5 };
            prop_assert!((f32::from(pixel[0]) - mean).abs() <= tolerance, "{} for {mean}", pixel[0]);
        }
    }
}
