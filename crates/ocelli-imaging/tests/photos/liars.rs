//! Files that lie, made from the small photos: cut off, with flipped bits, with false headers.

use crate::fixtures::*;

/// What becomes of the files whose fate is known: the file's name and the beginning of its answer.
pub(crate) const FATES: &[(&str, &str)] = &[
    ("empty", "UnknownFormat: the bytes are empty"),
    ("tiff", "UnknownFormat: the bytes are TIFF"),
    ("html", "UnknownFormat"),
    ("many-bytes.bmp", "TooManyBytes"),
    ("zero-width.png", "ZeroSize"),
    ("zero-height.jpg", "ZeroSize"),
    ("zero-screen.gif", "ZeroSize"),
    ("zero-frame.gif", "ZeroSize"),
    ("zero-width.bmp", "ZeroSize"),
    ("huge.png", "SideTooLong"),
    ("huge.jpg", "SideTooLong"),
    ("huge.bmp", "SideTooLong"),
    ("huge.gif", "SideTooLong"),
    ("largest.bmp", "SideTooLong"),
    ("huge-canvas.webp", "SideTooLong"),
    ("large.png", "TooManyPixels"),
    ("large-frame.gif", "Allocation"),
    ("large-progressive.jpg", "Allocation"),
    ("narrow.png", "AspectRatio"),
    ("arithmetic.jpg", "Unsupported: the JPEG file is of a kind that is not supported: arithmetic coding"),
    ("lossless.jpg", "Unsupported: the JPEG file is of a kind that is not supported: lossless coding"),
    ("twelve-bits.jpg", "Unsupported"),
    ("png-in.bmp", "Unsupported"),
    ("false-canvas.webp", "Damaged"),
    ("many-codes.webp", "Allocation"),
    ("many-codes-alpha.webp", "Allocation"),
    ("text-bomb.png", "whole"),
    ("profile-bomb.png", "whole"),
    ("exif-loop.jpg", "whole"),
    ("exif-out-of-range.jpg", "whole"),
    ("exif-garbage.webp", "whole"),
    ("two-exif.jpg", "whole"),
    ("tiny-frame.gif", "whole"),
    ("endless-blocks.gif", "Truncated"),
    ("offset-in-header.bmp", "UnwalkableContainer"),
    ("second-picture.jpg", "UnwalkableContainer"),
    ("no-scan.jpg", "Damaged"),
    ("no-data.png", "Damaged"),
    ("bad-checksum.png", "Damaged"),
    ("no-colours.gif", "Damaged"),
];

/// Every file, by name.
pub(crate) fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> =
        liars().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    let mut random = SplitMix(2024);
    for (name, photo) in PHOTOS {
        let step = (photo.len() / 40).max(1);
        for length in (0..photo.len()).step_by(step) {
            files.push((format!("cut-{length}-{name}"), photo[..length].to_vec()));
        }
        for round in 0..60 {
            let mut bytes = photo.to_vec();
            for _ in 0..=round / 12 {
                let at = random.next() as usize % bytes.len();
                bytes[at] ^= 1 << (random.next() % 8);
            }
            files.push((format!("flipped-{round}-{name}"), bytes));
        }
        for round in 0..20 {
            let mut bytes = photo.to_vec();
            let (from, to) = (random.next() as usize % bytes.len(), random.next() as usize % bytes.len());
            let length = (random.next() as usize % 40).min(bytes.len() - from.max(to));
            bytes.copy_within(from..from + length, to);
            files.push((format!("copied-{round}-{name}"), bytes));
        }
    }
    files
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn liars() -> Vec<(&'static str, Vec<u8>)> {
    let mut liars = vec![
        ("empty", vec![]),
        ("tiff", b"II*\0\x08\0\0\0".to_vec()),
        ("html", b"<html>".to_vec()),
        ("many-bytes.bmp", [photo("plain.bmp"), vec![0; 6_000_000]].concat()),
        ("text-bomb.png", text_bomb(b"zTXt", b"Comment\0\0")),
        ("profile-bomb.png", text_bomb(b"iCCP", b"name\0\0")),
        ("second-picture.jpg", after_soi(&photo("baseline.jpg"), &[0xff, 0xd8])),
        ("no-scan.jpg", vec![0xff, 0xd8, 0xff, 0xd9]),
    ];
    liars.extend(sizes());
    liars.extend(jpegs());
    liars.extend(pngs());
    liars.extend(others());
    liars
}

fn patched(name: &str, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut photo = photo(name);
    photo[at..at + bytes.len()].copy_from_slice(bytes);
    photo
}

/// The position of the height in a JPEG's frame header.
fn frame_header(name: &str) -> usize {
    let is_frame = |pair: &[u8]| pair == [0xff, 0xc0] || pair == [0xff, 0xc2];
    photo(name).windows(2).position(is_frame).unwrap() + 5
}

fn sized_png(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes(), &height.to_be_bytes(), [8, 2, 0, 0].as_slice(), &[0]].concat();
    let mut png = photo("plain.png");
    let data = png.split_off(33);
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunk(b"IHDR", &header), &data].concat()
}

fn sizes() -> Vec<(&'static str, Vec<u8>)> {
    let (jpeg, progressive) = (frame_header("baseline.jpg"), frame_header("progressive-444.jpg"));
    let gif_frame =
        photo("palette.gif").windows(9).position(|bytes| bytes == b"\x2c\0\0\0\0\x28\0\x18\0").unwrap();
    vec![
        ("zero-width.png", sized_png(0, 24)),
        ("zero-height.jpg", patched("baseline.jpg", jpeg, &[0, 0])),
        ("zero-screen.gif", patched("palette.gif", 6, &[0, 0])),
        ("zero-frame.gif", patched("palette.gif", gif_frame + 5, &[0, 0])),
        ("zero-width.bmp", patched("plain.bmp", 18, &[0; 4])),
        ("huge.png", sized_png(0x7fff_ffff, 0x7fff_ffff)),
        ("huge.jpg", patched("baseline.jpg", jpeg, &[255; 4])),
        ("huge.bmp", patched("plain.bmp", 18, &0x7fff_ffff_u32.to_le_bytes())),
        // The largest sides that the fields hold, with four channels.
        ("largest.bmp", {
            let sides = [i32::MAX.to_le_bytes(), i32::MIN.to_le_bytes()].concat();
            patched("alpha-v4.bmp", 18, &sides)
        }),
        ("huge.gif", patched("palette.gif", 6, &[255; 4])),
        ("huge-canvas.webp", {
            let mut webp = extended_webp(&photo("lossy.webp"), 0, &[]);
            webp[24..30].fill(255);
            webp
        }),
        ("false-canvas.webp", {
            let mut webp = extended_webp(&photo("lossy.webp"), 0, &[]);
            webp[24] = 40;
            webp
        }),
        ("large.png", sized_png(10_000, 10_000)),
        // A full-size frame on a small screen.
        ("large-frame.gif", patched("palette.gif", gif_frame + 5, &[255; 4])),
        // 8,000 x 8,000, whose coefficients would take 384 MB more than the pixels.
        ("large-progressive.jpg", patched("progressive-444.jpg", progressive, &[0x1f, 0x40, 0x1f, 0x40])),
        ("narrow.png", sized_png(26, 1)),
        ("tiny-frame.gif", patched("palette.gif", 6, &[0x40, 0x1f, 0x40, 0x1f])),
    ]
}

/// A chunk that holds 64 MiB of zeros, deflated.
fn text_bomb(kind: &[u8; 4], prefix: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(prefix.to_vec(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![0; 64 << 20]).unwrap();
    let bomb = chunk(kind, &encoder.finish().unwrap());
    // Many of them: a decoder that inflates each needs gigabytes.
    before_png_chunk(&photo("plain.png"), b"IDAT", &bomb.repeat(20))
}

fn jpegs() -> Vec<(&'static str, Vec<u8>)> {
    let marker = frame_header("baseline.jpg") - 4;
    let with_exif =
        |block: &[u8]| after_soi(&photo("baseline.jpg"), &segment(0xe1, &[b"Exif\0\0", block].concat()));
    vec![
        ("arithmetic.jpg", patched("baseline.jpg", marker, &[0xc9])),
        ("lossless.jpg", patched("baseline.jpg", marker, &[0xc3])),
        ("twelve-bits.jpg", patched("baseline.jpg", marker + 3, &[12])),
        // A directory whose next directory is itself.
        ("exif-loop.jpg", with_exif(b"II*\0\x08\0\0\0\0\0\x08\0\0\0")),
        ("exif-out-of-range.jpg", with_exif(b"MM\0*\xff\xff\xff\xf0\xff\xff")),
        ("two-exif.jpg", {
            let blocks =
                [6, 3].map(|value| segment(0xe1, &[b"Exif\0\0".as_slice(), &exif(value, b"x")].concat()));
            after_soi(&photo("baseline.jpg"), &blocks.concat())
        }),
    ]
}

fn pngs() -> Vec<(&'static str, Vec<u8>)> {
    let png = photo("plain.png");
    let data = png.windows(4).position(|kind| kind == b"IDAT").unwrap();
    vec![
        ("no-data.png", [&png[..data - 4], &chunk(b"IEND", &[])].concat()),
        ("bad-checksum.png", patched("plain.png", data + 8, &[!png[data + 8]])),
    ]
}

fn others() -> Vec<(&'static str, Vec<u8>)> {
    let mut no_colours = photo("palette.gif");
    no_colours[10] = 0;
    no_colours.drain(13..13 + 48);
    vec![
        ("png-in.bmp", patched("plain.bmp", 30, &[5])),
        ("offset-in-header.bmp", patched("plain.bmp", 10, &[20])),
        ("exif-garbage.webp", extended_webp(&photo("lossy.webp"), 8, &riff_chunk(b"EXIF", &[255; 33]))),
        ("endless-blocks.gif", [photo("palette.gif")[..200].to_vec(), vec![1; 5000]].concat()),
        ("no-colours.gif", no_colours),
        ("many-codes.webp", {
            // 1,024 x 1,024.
            let picture = [b"\x2f\xff\xc3\xff\0".as_slice(), &many_codes()].concat();
            riff_chunk(b"RIFF", &[b"WEBP".as_slice(), &riff_chunk(b"VP8L", &picture)].concat())
        }),
        ("many-codes-alpha.webp", {
            let lossy = photo("lossy.webp");
            let mut picture = lossy[12..].to_vec();
            picture[14..18].copy_from_slice(&[0, 4, 0, 4]);
            let header = riff_chunk(b"VP8X", &[0x10, 0, 0, 0, 0xff, 3, 0, 0xff, 3, 0]);
            let alpha = riff_chunk(b"ALPH", &[b"\x01".as_slice(), &many_codes()].concat());
            riff_chunk(b"RIFF", &[b"WEBP", header.as_slice(), &alpha, &picture].concat())
        }),
    ]
}

/// A lossless WebP picture of 1,024 x 1,024 pixels that defines 65,536 groups of codes: over 4 GB of tables, in
/// 670 KB.
fn many_codes() -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let put = |bits: &mut Vec<bool>, value: u32, count: u32| {
        bits.extend((0..count).map(|place| value >> place & 1 == 1));
    };
    // No transform; a colour cache of 11 bits; groups by blocks of four pixels, in an image without a cache.
    for (value, count) in [(0, 1), (1, 1), (11, 4), (1, 1), (0, 3), (0, 1)] {
        put(&mut bits, value, count);
    }
    // Every block is of group 0xffff: one symbol each for green, red, blue, alpha and distance.
    for symbol in [255, 255, 0, 0, 0] {
        put(&mut bits, 0b101, 3);
        put(&mut bits, symbol, 8);
    }
    for _ in 0..=0xffff {
        // Green: 15 lengths of codes for lengths, all but that for 11 absent.
        put(&mut bits, 0, 1);
        put(&mut bits, 11, 4);
        (0..15).for_each(|at| put(&mut bits, u32::from(at == 14), 3));
        // 2,048 symbols, each of 11 bits.
        for (value, count) in [(1, 1), (5, 3), (2046, 12)] {
            put(&mut bits, value, count);
        }
        // The others: symbol 0 alone.
        put(&mut bits, 0x1111, 16);
    }
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |all, &bit| all << 1 | u8::from(bit))).collect()
}
