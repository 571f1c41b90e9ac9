//! Decoding at a part of the size.

use std::path::{Path, PathBuf};

use ocelli_imaging::{
    Area, DecodeLimits, DecodeOptions, ImagingError, RgbImage, decode, decode_with, resize_into,
};

use crate::fixtures::{PHOTOS, after_soi, exif, photo, segment};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

fn scaled(bytes: &[u8], width: u32, height: u32) -> RgbImage {
    decode_with(bytes, &DecodeLimits::default(), &DecodeOptions { scale_to: Some((width, height)) }).unwrap()
}

#[test]
fn a_photo_is_never_smaller_than_asked() {
    let bytes = photo("baseline.jpg");
    let cases =
        [((5, 3), (5, 3)), ((6, 3), (10, 6)), ((10, 6), (10, 6)), ((20, 12), (20, 12)), ((20, 13), (40, 24))];
    for (needed, expected) in cases {
        let photo = scaled(&bytes, needed.0, needed.1);
        assert_eq!((photo.width(), photo.height()), expected, "{needed:?}");
    }
}

#[test]
fn only_baseline_jpegs_are_scaled() {
    for (name, bytes) in PHOTOS {
        let is_scaled = scaled(bytes, 1, 1).width() < 40;
        let expected = ["baseline.jpg", "grey.jpg", "restarts.jpg", "rgb.jpg"].contains(name);
        assert_eq!(is_scaled, expected, "{name}");
    }
}

#[test]
fn what_is_needed_is_said_of_the_upright_photo() {
    let plain = photo("baseline.jpg");
    let block = segment(0xe1, &[b"Exif\0\0".as_slice(), &exif(6, b"x")].concat());
    let turned = after_soi(&plain, &block);
    let (stored, upright) = (scaled(&plain, 20, 12), scaled(&turned, 12, 20));
    assert_eq!((upright.width(), upright.height()), (12, 20));
    for (at, pixel) in upright.pixels().chunks_exact(3).enumerate() {
        let (x, y) = (at % 12, at / 12);
        assert_eq!(pixel, &stored.pixels()[((11 - x) * 20 + y) * 3..][..3]);
    }
}

#[test]
fn limits_hold_for_the_full_size() {
    let limits = DecodeLimits { pixels: 900, ..DecodeLimits::default() };
    let options = DecodeOptions { scale_to: Some((1, 1)) };
    let refused = decode_with(&photo("baseline.jpg"), &limits, &options);
    assert_eq!(refused, Err(ImagingError::TooManyPixels { pixels: 960, limit: 900 }));
}

#[test]
fn options_serialise() {
    let options = DecodeOptions { scale_to: Some((224, 260)) };
    let text = serde_json::to_string(&options).unwrap();
    assert_eq!(text, r#"{"scaleTo":[224,260]}"#);
    assert_eq!(serde_json::from_str::<DecodeOptions>(&text).unwrap(), options);
    assert_eq!(serde_json::from_str::<DecodeOptions>("{}").unwrap(), DecodeOptions::default());
}

/// JPEGs below a folder, in the order of their names.
fn jpegs(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(jpegs(&path));
        } else if path.extension().is_some_and(|ending| ending == "jpg") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What scaling changes in the pixels that a network sees which needs a square of `needed` pixels: the mean and the
/// largest difference, in grey levels, over the first photos that can be scaled, and how many those are.
fn change(folder: &Path, needed: u32) -> (f32, f32, usize) {
    let (mut total, mut largest, mut photos) = (0.0_f64, 0.0_f32, 0);
    for path in jpegs(folder) {
        let bytes = std::fs::read(path).unwrap();
        let Ok(whole) = decode(&bytes, &DecodeLimits::default()) else { continue };
        let part = scaled(&bytes, needed, needed);
        if part.width() == whole.width() {
            continue;
        }
        let resized = [&whole, &part].map(|photo| {
            let mut out = vec![0.0; (needed * needed * 3) as usize];
            resize_into(photo.view(), Area::whole(&photo.view()), needed, needed, &mut out).unwrap();
            out
        });
        let differences = resized[0].iter().zip(&resized[1]).map(|(a, b)| (a - b).abs());
        total += differences.clone().map(f64::from).sum::<f64>() / f64::from(needed * needed * 3);
        largest = differences.fold(largest, f32::max);
        photos += 1;
        if photos == 30 {
            break;
        }
    }
    ((total / photos.max(1) as f64) as f32, largest, photos)
}

#[test]
fn scaling_changes_what_a_network_sees_by_little() {
    let folder = Path::new(SHARED).join("hymenoptera");
    if !folder.is_dir() {
        eprintln!("skipped: {SHARED} is not here");
        return;
    }
    // Half, a quarter and an eighth of photos of about 500 x 375.
    for needed in [96, 60, 40] {
        let (mean, largest, photos) = change(&folder, needed);
        eprintln!("{photos} photos scaled for {needed}: mean change {mean:.2}, largest {largest:.1}");
        assert!(photos >= 20, "{photos} photos");
        assert!(mean > 0.0 && mean < 2.5, "{mean}");
    }
}
