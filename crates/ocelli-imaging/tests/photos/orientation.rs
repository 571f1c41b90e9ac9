//! Photos stored in any EXIF orientation come out upright.

use std::path::Path;

use ocelli_imaging::{Area, DecodeLimits, Orientation, decode, inspect, resize_into, strip_metadata};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/exif_orientation");

/// The photo at 48 x 48, for comparing photos that were encoded separately.
fn thumbnail(bytes: &[u8]) -> Vec<f32> {
    let photo = decode(bytes, &DecodeLimits::default()).unwrap();
    let mut small = vec![0.0; 48 * 48 * 3];
    resize_into(photo.view(), Area::whole(&photo.view()), 48, 48, &mut small).unwrap();
    small
}

#[test]
fn one_photo_in_nine_orientations_looks_the_same() {
    if !Path::new(SHARED).is_dir() {
        eprintln!("skipped: {SHARED} is not here");
        return;
    }
    for (name, size) in [("Landscape", (1800, 1200)), ("Portrait", (1200, 1800))] {
        let read = |n: u16| std::fs::read(format!("{SHARED}/{name}_{n}.jpg")).unwrap();
        let upright = thumbnail(&read(1));
        for n in 0..=8 {
            let bytes = read(n);
            let header = inspect(&bytes, &DecodeLimits::default()).unwrap();
            assert_eq!((header.width, header.height), size, "{name}_{n}");
            assert_eq!(header.orientation, Orientation::from_exif(n).unwrap_or_default(), "{name}_{n}");
            let stripped = strip_metadata(&bytes).unwrap();
            assert_eq!(inspect(&stripped, &DecodeLimits::default()), Ok(header), "{name}_{n}");
            let seen = thumbnail(&bytes);
            let difference: f32 = upright.iter().zip(&seen).map(|(a, b)| (a - b).abs()).sum();
            let mean = difference / upright.len() as f32;
            assert!(mean < 3.0, "{name}_{n} differs by {mean} of 255");
        }
    }
}
