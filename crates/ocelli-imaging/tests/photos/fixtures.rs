//! Small photos of every format and the surgery on them that the tests need.

macro_rules! photos {
    ($($name:literal),* $(,)?) => {
        /// Name and bytes; each 40 x 24 pixels with the same gradient.
        pub(crate) const PHOTOS: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../data/", $name)))),*];
    };
}

photos![
    "alpha-v4.bmp",
    "animated.webp",
    "baseline.jpg",
    "cmyk.jpg",
    "grey.jpg",
    "interlaced-16.png",
    "lossless-alpha.webp",
    "lossy-alpha.webp",
    "lossy.webp",
    "palette.bmp",
    "palette.gif",
    "palette.png",
    "plain-8.png",
    "plain.bmp",
    "plain.png",
    "progressive-444.jpg",
    "progressive.jpg",
    "restarts.jpg",
    "rgb.jpg",
    "rle8.bmp",
    "scans-444.jpg",
];

pub(crate) fn photo(name: &str) -> Vec<u8> {
    PHOTOS.iter().find(|(known, _)| *known == name).unwrap().1.to_vec()
}

/// An EXIF block with an orientation, a comment-like field holding `text` and a GPS directory.
pub(crate) fn exif(orientation: u16, text: &[u8]) -> Vec<u8> {
    let text_at = 8 + 2 + 3 * 12 + 4;
    let gps_at = text_at + text.len() as u32;
    let mut block = b"II*\0\x08\0\0\0\x03\0".to_vec();
    let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
        block.extend(tag.to_le_bytes());
        block.extend(kind.to_le_bytes());
        block.extend(count.to_le_bytes());
        block.extend(value.to_le_bytes());
    };
    entry(0x010e, 2, text.len() as u32, text_at);
    entry(0x0112, 3, 1, orientation.into());
    entry(0x8825, 4, 1, gps_at);
    block.extend([0; 4]);
    block.extend(text);
    // One GPS entry: the latitude's reference.
    block.extend(b"\x01\0\x01\0\x02\0\x02\0\0\0N\0\0\0\0\0\0\0");
    block
}

/// A JPEG segment.
pub(crate) fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&[0xff, marker], length.as_slice(), body].concat()
}

/// Puts `inserted` before the `nth` JPEG marker of a kind (0 the first).
pub(crate) fn before_jpeg_marker(jpeg: &[u8], marker: u8, nth: usize, inserted: &[u8]) -> Vec<u8> {
    let at = jpeg.windows(2).enumerate().filter(|(_, pair)| *pair == [0xff, marker]).nth(nth).unwrap().0;
    [&jpeg[..at], inserted, &jpeg[at..]].concat()
}

/// Puts `inserted` right after a JPEG's start marker.
pub(crate) fn after_soi(jpeg: &[u8], inserted: &[u8]) -> Vec<u8> {
    [&jpeg[..2], inserted, &jpeg[2..]].concat()
}

/// A PNG chunk with its checksum.
pub(crate) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(kind);
    hasher.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [length.as_slice(), kind, data, &hasher.finalize().to_be_bytes()].concat()
}

/// Puts `inserted` before a PNG's first chunk of a kind.
pub(crate) fn before_png_chunk(png: &[u8], kind: &[u8; 4], inserted: &[u8]) -> Vec<u8> {
    let at = png.windows(4).position(|window| window == kind).unwrap() - 4;
    [&png[..at], inserted, &png[at..]].concat()
}

/// A RIFF chunk with its padding.
pub(crate) fn riff_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
    [kind.as_slice(), &(data.len() as u32).to_le_bytes(), data, padding].concat()
}

/// A WebP in the extended form with these flags and further chunks behind its picture.
pub(crate) fn extended_webp(webp: &[u8], flags: u8, further: &[u8]) -> Vec<u8> {
    let (picture, flags) =
        if &webp[12..16] == b"VP8X" { (&webp[30..], flags | webp[20]) } else { (&webp[12..], flags) };
    let header = riff_chunk(b"VP8X", &[flags, 0, 0, 0, 39, 0, 0, 23, 0, 0]);
    let body = [b"WEBP", header.as_slice(), picture, further].concat();
    riff_chunk(b"RIFF", &body)
}
