//! Photos, as the bytes of files.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// The files of `examples/photos/train/<tag>`, by name.
pub fn real_files(tag: &str) -> Vec<PathBuf> {
    files("train", tag)
}

/// The bytes of the first `count` training photos of a tag.
pub fn real(tag: &str, count: usize) -> Vec<Vec<u8>> {
    let files = real_files(tag);
    assert!(files.len() >= count, "{tag} has {} photos, {count} are asked for", files.len());
    files.iter().take(count).map(|file| std::fs::read(file).unwrap()).collect()
}

/// The bytes of the first test photo of a tag; no training sees it.
pub fn unseen(tag: &str) -> Vec<u8> {
    std::fs::read(&files("test", tag)[0]).unwrap()
}

fn files(part: &str, tag: &str) -> Vec<PathBuf> {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/photos");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(photos.join(part).join(tag)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A drawn photo of 48 x 32 pixels as PNG, different for each number: stripes whose direction is the number's
/// parity.
pub fn drawn(number: u8) -> Vec<u8> {
    encoded(number, 48, 32, ImageFormat::Png)
}

/// A drawn photo in any size and format that can be written.
pub fn encoded(number: u8, width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_fn(width, height, |x, y| {
        let along = if number.is_multiple_of(2) { x } else { y };
        let light = if (along / 4).is_multiple_of(2) { 220 } else { 40 };
        Rgb([light, number, 255 - number])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
