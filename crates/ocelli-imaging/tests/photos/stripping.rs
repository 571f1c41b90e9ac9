//! Nothing but the picture survives stripping, wherever it hides, and the picture does.

use ocelli_imaging::{DecodeLimits, ImagingError, decode, inspect, strip_metadata};
use proptest::prelude::*;

use crate::fixtures::{
    PHOTOS, after_soi, before_jpeg_marker, before_png_chunk, chunk, exif, extended_webp, photo, riff_chunk,
    segment,
};

const MARKER: &[u8] = b"PLANTED-52.5200N-13.4050E";

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Every place in every format where something can be hidden: a name and the file.
fn planted() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (name, bytes) in PHOTOS {
        files.push((format!("behind the end of {name}"), [bytes, MARKER].concat()));
        let sort = name.rsplit('.').next().unwrap();
        files.extend(match sort {
            "jpg" => jpegs(name),
            "png" => pngs(name),
            "gif" => gifs(name),
            "webp" => webps(name),
            _ => bmps(name),
        });
    }
    files
}

fn jpegs(name: &str) -> Vec<(String, Vec<u8>)> {
    let jpeg = photo(name);
    let mut files = Vec::new();
    let with = |prefix: &[u8]| [prefix, MARKER].concat();
    let mut thumbnail = b"JFIF\0\x01\x01\0\0\x01\0\x01\x03\x03".to_vec();
    thumbnail.extend([MARKER, &[0, 0]].concat());
    let segments = [
        ("comment", segment(0xfe, MARKER)),
        ("JFIF thumbnail", segment(0xe0, &thumbnail)),
        ("JFIF extension", segment(0xe0, &with(b"JFXX\0"))),
        ("EXIF", segment(0xe1, &[b"Exif\0\0".as_slice(), &exif(6, MARKER)].concat())),
        ("EXIF that cannot be read", segment(0xe1, &with(b"Exif\0\0"))),
        ("XMP", segment(0xe1, &with(b"http://ns.adobe.com/xap/1.0/\0"))),
        ("multi-picture index", segment(0xe2, &with(b"MPF\0"))),
        ("false profile", segment(0xe2, &with(b"PROFILE"))),
        ("IPTC", segment(0xed, &with(b"Photoshop 3.0\0"))),
        ("false Adobe", segment(0xee, &with(b"Adobf"))),
        ("private", segment(0xe9, MARKER)),
        ("reserved", segment(0xf0, MARKER)),
    ];
    for (what, segment) in &segments {
        files.push((format!("{what} in {name}"), after_soi(&jpeg, segment)));
        files
            .push((format!("{what} before the scan of {name}"), before_jpeg_marker(&jpeg, 0xda, 0, segment)));
        files.push((
            format!("{what} behind the scans of {name}"),
            before_jpeg_marker(&jpeg, 0xd9, 0, segment),
        ));
        if name.starts_with("progressive") {
            let between = before_jpeg_marker(&jpeg, 0xda, 3, segment);
            files.push((format!("{what} between the scans of {name}"), between));
        }
    }
    files.push((format!("behind the last scan of {name}"), before_jpeg_marker(&jpeg, 0xd9, 0, MARKER)));
    if name.starts_with("progressive") {
        let tables = jpeg.windows(2).filter(|pair| *pair == [0xff, 0xc4]).count();
        let between = before_jpeg_marker(&jpeg, 0xc4, tables - 1, MARKER);
        files.push((format!("behind a scan of {name}"), between));
    }
    if name == "restarts.jpg" {
        files.push((
            "before a restart of restarts.jpg".to_owned(),
            before_jpeg_marker(&jpeg, 0xd1, 0, MARKER),
        ));
    }
    let second = [jpeg.as_slice(), &after_soi(&jpeg, &segments[0].1)].concat();
    files.push((format!("second picture behind {name}"), second));
    files.push((format!("between segments of {name}"), before_jpeg_marker(&jpeg, 0xdb, 0, MARKER)));
    // After the fields that say how the colours are stored.
    if name == "cmyk.jpg" {
        let at = jpeg.windows(5).position(|bytes| bytes == b"Adobe").unwrap();
        let long = segment(0xee, &[&jpeg[at..at + 12], MARKER].concat());
        files
            .push(("long Adobe in cmyk.jpg".to_owned(), [&jpeg[..at - 4], &long, &jpeg[at + 12..]].concat()));
    }
    files
}

fn pngs(name: &str) -> Vec<(String, Vec<u8>)> {
    let png = photo(name);
    let mut files = Vec::new();
    let with = |prefix: &[u8]| [prefix, MARKER].concat();
    let profile_name = chunk(b"iCCP", &[MARKER, b"\0\0compressed"].concat());
    let chunks = [
        ("text", chunk(b"tEXt", &with(b"Comment\0"))),
        ("international text", chunk(b"iTXt", &with(b"XML:com.adobe.xmp\0\0\0\0\0"))),
        ("compressed text", chunk(b"zTXt", &with(b"Comment\0\0"))),
        ("EXIF", chunk(b"eXIf", &exif(8, MARKER))),
        ("EXIF that cannot be read", chunk(b"eXIf", MARKER)),
        ("animation frame", chunk(b"fdAT", &with(b"\0\0\0\x01"))),
        ("private", chunk(b"prVt", MARKER)),
        ("histogram", chunk(b"hIST", MARKER)),
        ("long gamma", chunk(b"gAMA", &with(b"\0\0\xb1\x8f"))),
        ("long transparency", chunk(b"tRNS", &MARKER.repeat(20))),
        ("long end", chunk(b"IEND", MARKER)),
        ("profile name", profile_name),
    ];
    let data = chunk(b"IDAT", MARKER);
    files.push((format!("data behind the picture of {name}"), before_png_chunk(&png, b"IEND", &data)));
    let at = png.windows(4).position(|kind| kind == b"IDAT").unwrap();
    let long = chunk(b"IDAT", &[&png[at + 4..png.len() - 16], MARKER].concat());
    let long = [&png[..at - 4], &long, &png[png.len() - 12..]].concat();
    files.push((format!("within the data of {name}"), long));
    for (what, chunk) in &chunks {
        if *what != "long end" {
            files.push((format!("{what} in {name}"), before_png_chunk(&png, b"IDAT", chunk)));
        }
        files.push((format!("{what} at the end of {name}"), before_png_chunk(&png, b"IEND", chunk)));
    }
    files
}

fn gifs(name: &str) -> Vec<(String, Vec<u8>)> {
    let gif = photo(name);
    let block = [&[MARKER.len() as u8], MARKER, &[0]].concat();
    let frame = gif.windows(5).position(|bytes| bytes == b"\x2c\0\0\0\0").unwrap();
    let end = gif.len() - 1;
    let extensions = [
        ("comment", [b"\x21\xfe".as_slice(), &block].concat()),
        ("application", [b"\x21\xff\x0bXMP DataXMP".as_slice(), &block].concat()),
        ("plain text", [b"\x21\x01\x0c\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(), &block].concat()),
        ("unknown extension", [b"\x21\x77".as_slice(), &block].concat()),
        ("long graphic control", [b"\x21\xf9\x04\0\0\0\0".as_slice(), &block].concat()),
    ];
    let behind_picture = [&gif[..end - 1], &[MARKER.len() as u8], MARKER, &gif[end - 1..]].concat();
    let mut files = vec![(format!("block behind the picture of {name}"), behind_picture)];
    for (what, extension) in extensions {
        files.push((format!("{what} in {name}"), [&gif[..frame], &extension, &gif[frame..]].concat()));
        files.push((
            format!("{what} behind the frame of {name}"),
            [&gif[..end], &extension, &gif[end..]].concat(),
        ));
    }
    files
}

fn webps(name: &str) -> Vec<(String, Vec<u8>)> {
    let webp = photo(name);
    let chunks = [
        ("EXIF", 8, riff_chunk(b"EXIF", &exif(5, MARKER))),
        ("EXIF that cannot be read", 8, riff_chunk(b"EXIF", MARKER)),
        ("XMP", 4, riff_chunk(b"XMP ", MARKER)),
        ("unknown", 0, riff_chunk(b"abcd", MARKER)),
        ("second frame", 0, riff_chunk(b"ANMF", &MARKER.repeat(2))),
    ];
    chunks
        .into_iter()
        .map(|(what, flag, chunk)| (format!("{what} in {name}"), extended_webp(&webp, flag, &chunk)))
        .collect()
}

fn bmps(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut gap = photo(name);
    let offset = u32::from_le_bytes(gap[10..14].try_into().unwrap()) as usize;
    gap[10..14].copy_from_slice(&(offset as u32 + MARKER.len() as u32).to_le_bytes());
    let gap = [&gap[..offset], MARKER, &gap[offset..]].concat();
    let mut reserved = photo(name);
    reserved[6..10].copy_from_slice(&MARKER[..4]);
    let mut resolution = photo(name);
    resolution[38..46].copy_from_slice(&MARKER[..8]);
    vec![
        (format!("gap in {name}"), gap),
        (format!("reserved fields of {name}"), reserved),
        (format!("resolution of {name}"), resolution),
    ]
}

#[test]
fn nothing_planted_survives() {
    let limits = DecodeLimits::default();
    for (what, bytes) in planted() {
        let stripped = strip_metadata(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        for part in [MARKER, &MARKER[..8], &MARKER[..4]] {
            assert!(!contains(&stripped, part), "{what}");
        }
        let photo = decode(&bytes, &limits).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(decode(&stripped, &limits).as_ref(), Ok(&photo), "{what}");
        assert_eq!(inspect(&stripped, &limits), inspect(&bytes, &limits), "{what}");
        assert_eq!(strip_metadata(&stripped).as_ref(), Ok(&stripped), "{what}");
    }
}

#[test]
fn an_icc_profile_stays() {
    let profile = b"profile bytes that a colour-managed viewer needs";
    let body = [b"ICC_PROFILE\0\x01\x01".as_slice(), profile].concat();
    let jpeg = after_soi(&photo("baseline.jpg"), &segment(0xe2, &body));
    let body = [b"name\0\0".as_slice(), profile].concat();
    let png = before_png_chunk(&photo("plain.png"), b"IDAT", &chunk(b"iCCP", &body));
    let mut webp = extended_webp(&photo("lossy.webp"), 0x20, &[]);
    webp.splice(30..30, riff_chunk(b"ICCP", profile));
    let size = (webp.len() as u32 - 8).to_le_bytes();
    webp[4..8].copy_from_slice(&size);
    for bytes in [jpeg, png, webp] {
        let stripped = strip_metadata(&bytes).unwrap();
        assert!(contains(&stripped, profile));
        assert!(decode(&stripped, &DecodeLimits::default()).is_ok());
    }
}

#[test]
fn an_embedded_bmp_profile_stays_and_a_linked_one_goes() {
    let v4 = photo("alpha-v4.bmp");
    let profile = b"\\\\server\\people\\anna\\profile.icc";
    for (kind, stays) in [(b"DEBM", true), (b"KNIL", false)] {
        let mut header = v4[..14 + 108].to_vec();
        header[10..14].copy_from_slice(&(14_u32 + 124).to_le_bytes());
        header[14..18].copy_from_slice(&124_u32.to_le_bytes());
        header[70..74].copy_from_slice(kind);
        let data = &v4[14 + 108..];
        let mut fields = 4_u32.to_le_bytes().to_vec();
        fields.extend((124 + data.len() as u32).to_le_bytes());
        fields.extend((profile.len() as u32).to_le_bytes());
        fields.extend([0; 4]);
        let bytes = [&header, fields.as_slice(), data, profile].concat();
        let stripped = strip_metadata(&bytes).unwrap();
        assert_eq!(contains(&stripped, profile), stays);
        let limits = DecodeLimits::default();
        assert_eq!(decode(&stripped, &limits), decode(&v4, &limits));
        assert_eq!(strip_metadata(&stripped).as_ref(), Ok(&stripped));
    }
}

#[test]
fn a_clean_photo_is_left_as_it_is() {
    for name in ["plain.png", "lossy.webp", "baseline.jpg", "progressive.jpg"] {
        assert_eq!(strip_metadata(&photo(name)), Ok(photo(name)), "{name}");
    }
}

#[test]
fn a_container_that_cannot_be_walked_is_refused() {
    let jpeg = after_soi(&photo("baseline.jpg"), &[0xff, 0xe5, 0, 1]);
    let png = before_png_chunk(&photo("plain.png"), b"IEND", &[0, 0, 0, 0, b'?', 0, 0, 0, 0, 0, 0, 0]);
    for bytes in [jpeg, png] {
        assert!(matches!(strip_metadata(&bytes), Err(ImagingError::UnwalkableContainer { .. })));
    }
}

proptest! {
    /// Whatever decodes also strips, to the same pixels, and stripping twice is stripping once.
    #[test]
    fn laws_hold_for_mangled_files(
        which in 0..PHOTOS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        inserted in (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..20)),
    ) {
        let mut bytes = PHOTOS[which].1.to_vec();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let at = inserted.0.index(bytes.len());
        bytes.splice(at..at, inserted.1);
        let limits = DecodeLimits::default();
        let stripped = strip_metadata(&bytes);
        if let Ok(stripped) = &stripped {
            prop_assert_eq!(&strip_metadata(stripped).unwrap(), stripped);
        }
        if let Ok(photo) = decode(&bytes, &limits) {
            let stripped = stripped.unwrap();
            prop_assert_eq!(decode(&stripped, &limits), Ok(photo));
        }
    }
}
