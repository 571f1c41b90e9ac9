//! Hashes and quality on real photos: copies are found, others are not, and few photos have problems.

use std::path::Path;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use ocelli_imaging::{
    Area, Augmentation, Augmenter, DecodeLimits, PerceptualHash, PhotoProblem, PhotoQuality, PhotoSignature,
    RgbImage, decode, near_duplicates, resize_into,
};

/// The photos that the examples train on: 82 of five tags, none of them twice.
fn photos() -> Vec<RgbImage> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos/train");
    let files = |folder: &Path| {
        let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    let photos = files(&root).iter().flat_map(|folder| files(folder)).collect::<Vec<_>>();
    photos
        .iter()
        .map(|file| decode(&std::fs::read(file).unwrap(), &DecodeLimits::default()).unwrap())
        .collect()
}

fn resized(photo: &RgbImage, area: Area, width: u32, height: u32) -> RgbImage {
    let mut values = vec![0.0; (width * height * 3) as usize];
    resize_into(photo.view(), area, width, height, &mut values).unwrap();
    RgbImage::new(width, height, values.into_iter().map(|value| (value + 0.5) as u8).collect()).unwrap()
}

/// A part of the size of its longer side.
fn smaller(photo: &RgbImage, longer: u32) -> RgbImage {
    let scaled = |side: u32| (side * longer / photo.width().max(photo.height())).max(1);
    resized(photo, Area::whole(&photo.view()), scaled(photo.width()), scaled(photo.height()))
}

fn as_jpeg(photo: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    let (width, height) = (photo.width(), photo.height());
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(photo.pixels(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    decode(&bytes, &DecodeLimits::default()).unwrap()
}

fn brighter(photo: &RgbImage, factor: f32) -> RgbImage {
    let pixels = photo.pixels().iter().map(|&value| (f32::from(value) * factor) as u8).collect();
    RgbImage::new(photo.width(), photo.height(), pixels).unwrap()
}

fn cropped(photo: &RgbImage) -> RgbImage {
    let (left, top) = (photo.width() / 50, photo.height() / 50);
    let area = Area { left, top, width: photo.width() - 2 * left, height: photo.height() - 2 * top };
    resized(photo, area, area.width, area.height)
}

fn turned(photo: &RgbImage) -> RgbImage {
    let (area, turn) = (Area::whole(&photo.view()), Augmentation { rotation: 1.0, ..Default::default() });
    Augmenter::new().apply(photo.view(), area, &turn, photo.width(), photo.height()).unwrap()
}

type Alteration = fn(&RgbImage) -> RgbImage;

#[test]
fn copies_are_near_and_other_photos_are_not() {
    let photos = photos();
    let mut hashes: Vec<_> = photos.iter().map(|photo| PerceptualHash::of(photo.view())).collect();
    assert_eq!(near_duplicates(&hashes, PerceptualHash::NEAR), Vec::<Vec<usize>>::new());
    let alter: [(&str, Alteration); 6] = [
        ("jpeg", |photo| as_jpeg(photo, 50)),
        ("quarter", |photo| smaller(photo, photo.width().max(photo.height()) / 4)),
        ("cropped", cropped),
        ("brighter", |photo| brighter(photo, 1.2)),
        ("darker", |photo| brighter(photo, 0.7)),
        ("turned", turned),
    ];
    for (name, alter) in alter {
        let copies: Vec<_> = photos.iter().map(|photo| PerceptualHash::of(alter(photo).view())).collect();
        let near = hashes.iter().zip(&copies).filter(|(a, b)| a.distance(b) <= PerceptualHash::NEAR).count();
        assert!(near * 100 >= photos.len() * 96, "{name}: {near} of {} found", photos.len());
        hashes.truncate(photos.len());
        hashes.extend(copies);
        let groups = near_duplicates(&hashes, PerceptualHash::NEAR);
        assert_eq!(groups.len(), near, "{name}");
        assert!(groups.iter().all(|group| group.len() == 2 && group[0] + photos.len() == group[1]), "{name}");
    }
}

#[test]
fn few_photos_have_problems_and_blurred_ones_are_found() {
    let photos = photos();
    let problems = |photo: &RgbImage| PhotoQuality::measure(photo.view()).problems();
    let flagged = photos.iter().filter(|photo| !problems(photo).is_empty()).count();
    assert!(flagged <= 1, "{flagged} of {}", photos.len());
    // What 64 pixels can show, enlarged again.
    let blurred = |photo: &&RgbImage| {
        problems(&smaller(&smaller(photo, 64), photo.width().max(photo.height()))) == [PhotoProblem::Blurred]
    };
    let found = photos.iter().filter(blurred).count();
    assert!(found * 100 >= photos.len() * 97, "{found} of {}", photos.len());
    let dark =
        photos.iter().filter(|photo| problems(&brighter(photo, 0.05)) == [PhotoProblem::TooDark]).count();
    assert_eq!(dark, photos.len());
}

#[test]
fn a_signature_is_both_and_survives_as_values() {
    for photo in photos().iter().take(10) {
        let signature = PhotoSignature::of(photo.view());
        assert_eq!(signature.hash, PerceptualHash::of(photo.view()));
        assert_eq!(signature.quality, PhotoQuality::measure(photo.view()));
        assert_eq!(PhotoSignature::from_values(&signature.to_values()), Some(signature));
        let json = serde_json::to_string(&signature).unwrap();
        assert_eq!(serde_json::from_str::<PhotoSignature>(&json).unwrap(), signature);
    }
}
