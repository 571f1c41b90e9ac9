//! Every kind of photo comes out as the right pixels, and the limits hold.

use ocelli_core::{ErrorCode, Limits, limits};
use ocelli_imaging::{DecodeLimits, ImageFormat, ImagingError, Orientation, decode, inspect, strip_metadata};

use crate::fixtures::{PHOTOS, after_soi, before_jpeg_marker, before_png_chunk, chunk, exif, photo, segment};

/// What a photo shows at (x, y).
type Expected = fn(usize, usize) -> [i32; 3];

/// The gradient that all the photos show.
fn gradient(x: usize, y: usize) -> [i32; 3] {
    [x as i32 * 6, y as i32 * 10, (x as i32 * 3 + y as i32 * 5) % 256]
}

/// The gradient on white, under the transparency that the photos with an alpha channel have.
fn faded(x: usize, y: usize) -> [i32; 3] {
    let alpha = ((x as i32 - 8) * 16).clamp(0, 255);
    gradient(x, y).map(|value| (value * alpha + 255 * (255 - alpha) + 127) / 255)
}

/// The mean absolute difference from what the photo should show.
fn mean_error(bytes: &[u8], expected: Expected) -> f32 {
    let photo = decode(bytes, &DecodeLimits::default()).unwrap();
    assert_eq!((photo.width(), photo.height()), (40, 24));
    let total: i32 = photo
        .pixels()
        .chunks_exact(3)
        .enumerate()
        .flat_map(|(at, rgb)| {
            let expected = expected(at % 40, at / 40);
            [0, 1, 2].map(|channel| (i32::from(rgb[channel]) - expected[channel]).abs())
        })
        .sum();
    total as f32 / photo.pixels().len() as f32
}

#[test]
fn every_kind_of_file_shows_the_gradient() {
    // Lossless files are exact; the others differ by what their coding loses.
    let cases: [(&str, Expected, f32); 18] = [
        ("plain.png", gradient, 0.0),
        ("plain.bmp", gradient, 0.0),
        ("plain-8.png", faded, 0.0),
        ("interlaced-16.png", faded, 0.0),
        ("alpha-v4.bmp", faded, 0.0),
        ("lossless-alpha.webp", faded, 0.0),
        ("lossy-alpha.webp", faded, 6.0),
        ("lossy.webp", gradient, 6.0),
        ("baseline.jpg", gradient, 6.0),
        ("restarts.jpg", gradient, 6.0),
        ("progressive.jpg", gradient, 6.0),
        ("progressive-444.jpg", gradient, 4.0),
        ("rgb.jpg", gradient, 4.0),
        ("scans-444.jpg", gradient, 4.0),
        ("cmyk.jpg", gradient, 4.0),
        ("palette.gif", gradient, 16.0),
        ("palette.bmp", gradient, 16.0),
        ("rle8.bmp", gradient, 16.0),
    ];
    for (name, expected, tolerance) in cases {
        let error = mean_error(&photo(name), expected);
        assert!(error <= tolerance, "{name} differs by {error} on average");
    }
}

#[test]
fn grey_is_the_same_in_all_channels() {
    let photo = decode(&photo("grey.jpg"), &DecodeLimits::default()).unwrap();
    assert!(photo.pixels().chunks_exact(3).all(|rgb| rgb[0] == rgb[1] && rgb[1] == rgb[2]));
    assert!(photo.pixels().iter().max().unwrap() - photo.pixels().iter().min().unwrap() > 100);
}

#[test]
fn the_first_frame_of_an_animation_lies_on_a_white_canvas() {
    let photo = decode(&photo("animated.webp"), &DecodeLimits::default()).unwrap();
    let pixel = |x: usize, y: usize| &photo.pixels()[(y * 40 + x) * 3..][..3];
    assert_eq!(pixel(0, 0), [255, 255, 255]);
    assert_eq!(pixel(39, 23), [255, 255, 255]);
    // The frame shows the gradient's left upper part from (10, 6) on, opaque from its column 24 on.
    let expected = faded(18, 10).map(|value| value as u8);
    assert_eq!(pixel(28, 16), expected);
}

#[test]
fn orientation_is_applied_exactly() {
    let upright = decode(&photo("plain.png"), &DecodeLimits::default()).unwrap();
    let stored = |x: usize, y: usize| &upright.pixels()[(y * 40 + x) * 3..][..3];
    for orientation in Orientation::ALL {
        let block = chunk(b"eXIf", &exif(orientation.to_exif(), b"x"));
        let bytes = before_png_chunk(&photo("plain.png"), b"IDAT", &block);
        let turned = decode(&bytes, &DecodeLimits::default()).unwrap();
        let header = inspect(&bytes, &DecodeLimits::default()).unwrap();
        assert_eq!((header.width, header.height), (turned.width(), turned.height()));
        assert_eq!(header.orientation, orientation);
        let width = turned.width() as usize;
        for (at, pixel) in turned.pixels().chunks_exact(3).enumerate() {
            let (x, y) = (at % width, at / width);
            // Where EXIF says that the upright pixel (x, y) is stored.
            let expected = match orientation {
                Orientation::Upright => stored(x, y),
                Orientation::MirroredHorizontally => stored(39 - x, y),
                Orientation::Rotated180 => stored(39 - x, 23 - y),
                Orientation::MirroredVertically => stored(x, 23 - y),
                Orientation::Transposed => stored(y, x),
                Orientation::Rotated90 => stored(y, 23 - x),
                Orientation::Transversed => stored(39 - y, 23 - x),
                Orientation::Rotated270 => stored(39 - y, x),
            };
            assert_eq!(pixel, expected, "{orientation:?} at ({x}, {y})");
        }
    }
}

#[test]
fn the_first_readable_orientation_counts() {
    let block = |body: &[u8]| segment(0xe1, &[b"Exif\0\0", body].concat());
    let bytes = [block(b"garbage"), block(&exif(6, b"x")), block(&exif(3, b"x"))].concat();
    let header = inspect(&after_soi(&photo("baseline.jpg"), &bytes), &DecodeLimits::default()).unwrap();
    assert_eq!(header.orientation, Orientation::Rotated90);
    assert_eq!((header.width, header.height), (24, 40));
}

#[test]
fn limits_refuse_in_their_order() {
    let bytes = photo("plain.png");
    let refused = |limits: DecodeLimits| {
        let error = decode(&bytes, &limits).unwrap_err();
        assert_eq!(inspect(&bytes, &limits), Err(error.clone()));
        error
    };
    let none = DecodeLimits { bytes: 0, side: 0, aspect_ratio: 0, pixels: 0, allocation: 0 };
    let usual = DecodeLimits::default();
    let mut limits = none;
    assert!(matches!(refused(limits.clone()), ImagingError::TooManyBytes { bytes: 104, limit: 0 }));
    limits.bytes = usual.bytes;
    assert!(matches!(refused(limits.clone()), ImagingError::SideTooLong { width: 40, height: 24, limit: 0 }));
    limits.side = usual.side;
    assert!(matches!(refused(limits.clone()), ImagingError::AspectRatio { limit: 0, .. }));
    limits.aspect_ratio = usual.aspect_ratio;
    assert!(matches!(refused(limits.clone()), ImagingError::TooManyPixels { pixels: 960, limit: 0 }));
    limits.pixels = usual.pixels;
    assert!(matches!(refused(limits.clone()), ImagingError::Allocation { limit: 0, .. }));
    limits.allocation = usual.allocation;
    assert!(decode(&bytes, &limits).is_ok());
}

#[test]
fn limits_are_custom_visions() {
    let limits = Limits::default();
    assert_eq!(DecodeLimits::default(), DecodeLimits::training(&limits));
    assert_eq!(DecodeLimits::training(&limits).bytes, 6_000_000);
    assert_eq!(DecodeLimits::prediction(&limits).bytes, 4_000_000);
    assert_eq!(DecodeLimits::default().side, limits::MAX_SIDE);
    assert_eq!(DecodeLimits::default().aspect_ratio, limits::MAX_ASPECT_RATIO);
}

#[test]
fn a_photo_that_is_cut_off_is_never_half_grey() {
    for (name, bytes) in PHOTOS {
        for length in 0..bytes.len() {
            let refused = decode(&bytes[..length], &DecodeLimits::default());
            // What a GIF holds behind its first frame is not needed.
            if *name != "palette.gif" || length + 1 < bytes.len() {
                assert!(refused.is_err(), "{name} cut to {length} of {} bytes", bytes.len());
            }
        }
    }
}

#[test]
fn a_scan_that_ends_early_is_refused_though_the_file_is_closed() {
    for name in ["baseline.jpg", "restarts.jpg", "grey.jpg", "rgb.jpg", "cmyk.jpg"] {
        let bytes = photo(name);
        let header = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
        let first = header + 2 + usize::from(bytes[header + 3]);
        for length in first..bytes.len() - 2 {
            let closed = [&bytes[..length], &[0xff, 0xd9]].concat();
            let refused = decode(&closed, &DecodeLimits::default()).unwrap_err();
            let named = matches!(refused, ImagingError::Truncated { .. } | ImagingError::Damaged { .. });
            assert!(named, "{name} cut to {length}: {refused}");
        }
    }
}

#[test]
fn fill_bytes_before_a_restart_are_skipped() {
    let bytes = photo("restarts.jpg");
    let filled = before_jpeg_marker(&bytes, 0xd1, 0, &[0xff, 0xff]);
    let limits = DecodeLimits::default();
    assert_eq!(decode(&filled, &limits), decode(&bytes, &limits));
    assert_eq!(strip_metadata(&filled), strip_metadata(&bytes));
}

#[test]
fn a_jpeg_without_huffman_tables_has_the_standard_ones() {
    let bytes = photo("baseline.jpg");
    let mut bare = bytes.clone();
    while let Some(at) = bare.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
        bare.drain(at..at + 2 + length);
    }
    let limits = DecodeLimits::default();
    assert!(bare.len() < bytes.len());
    assert_eq!(decode(&bare, &limits), decode(&bytes, &limits));
    let stripped = strip_metadata(&bare).unwrap();
    assert_eq!(decode(&stripped, &limits), decode(&bytes, &limits));
    assert_eq!(strip_metadata(&stripped).as_ref(), Ok(&stripped));
}

#[test]
fn an_adobe_transform_that_is_not_defined_means_ycck() {
    let with_transform = |transform: u8| {
        let mut bytes = photo("cmyk.jpg");
        let at = bytes.windows(5).position(|window| window == b"Adobe").unwrap();
        bytes[at + 11] = transform;
        decode(&bytes, &DecodeLimits::default()).unwrap()
    };
    assert_eq!(with_transform(1), with_transform(2));
    assert_ne!(with_transform(1), with_transform(0));
}

/// Each of these the decoder would refuse without a reason, or show wrong.
#[test]
fn rare_samplings_of_jpeg_are_refused_by_name() {
    let frame = |name: &str, factors: [u8; 3]| {
        let mut bytes = photo(name);
        let at = bytes.windows(4).position(|window| window == [0xff, 0xc0, 0, 17]).unwrap();
        for (component, factors) in factors.into_iter().enumerate() {
            bytes[at + 11 + component * 3] = factors;
        }
        bytes
    };
    let mut chroma_first = photo("scans-444.jpg");
    let scan = chroma_first.windows(4).position(|window| window == [0xff, 0xda, 0, 8]).unwrap();
    chroma_first[scan + 5] = 2;
    let cases = [
        (frame("baseline.jpg", [0x31, 0x11, 0x11]), "a horizontal sampling factor of 3"),
        (frame("baseline.jpg", [0x11, 0x22, 0x22]), "colours sampled more finely than brightness"),
        (frame("scans-444.jpg", [0x22, 0x11, 0x11]), "sequential scans of single, subsampled components"),
        (chroma_first, "sequential scans that begin with a later component"),
    ];
    for (bytes, detail) in cases {
        let refused = decode(&bytes, &DecodeLimits::default()).unwrap_err();
        let expected = ImagingError::Unsupported { format: ImageFormat::Jpeg, detail: detail.to_owned() };
        assert_eq!(refused, expected);
        assert_eq!(inspect(&bytes, &DecodeLimits::default()), Err(expected));
    }
}

#[test]
fn scans_without_end_are_refused() {
    let bytes = photo("progressive.jpg");
    let last = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let many = [&bytes[..last], &bytes[last..bytes.len() - 2].repeat(200), &[0xff, 0xd9]].concat();
    let refused = decode(&many, &DecodeLimits::default()).unwrap_err();
    assert!(refused.to_string().contains("more than 100 scans"), "{refused}");
}

#[test]
fn formats_are_told_by_their_bytes() {
    for (name, bytes) in PHOTOS {
        let format = ImageFormat::detect(bytes).unwrap();
        assert!(name.ends_with(format.extension()), "{name} is {format}");
        assert_eq!(inspect(bytes, &DecodeLimits::default()).unwrap().format, format);
    }
    let error = ImageFormat::detect(b"II*\0").unwrap_err();
    assert_eq!(error.to_string(), "the bytes are TIFF; a photo must be JPEG, PNG, BMP, GIF or WebP");
    assert_eq!(error.code(), ErrorCode::BadRequestImageFormat);
}

#[test]
fn headers_and_limits_serialise() {
    let header = inspect(&photo("lossy.webp"), &DecodeLimits::default()).unwrap();
    let json = serde_json::to_string(&header).unwrap();
    assert_eq!(json, r#"{"format":"webp","width":40,"height":24,"orientation":"upright"}"#);
    let limits: DecodeLimits = serde_json::from_str(r#"{"side":100}"#).unwrap();
    assert_eq!(limits, DecodeLimits { side: 100, ..DecodeLimits::default() });
}
